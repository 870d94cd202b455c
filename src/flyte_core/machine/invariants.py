"""What must always hold of recorded actions: each line of a report names the rule it breaks.

I1 a final outcome never changes; I2 final, exactly when there is an outcome; I3 at most one live attempt,
and it fits the phase; I4 attempt numbers without gaps, tokens rising and used once; I6 only legal moves;
I8 below an ended action everything has ended, and the tree is whole; I9 success, exactly when there are
outputs; I10 what the cache says fits the outcome; I11 budgets are kept; I12 what waits can be found;
I13 aborted, exactly when there is a reason; I17 time runs forwards. The numbers that are missing need
more than actions to be judged.
"""

from collections.abc import Iterable, Iterator
from itertools import pairwise

from flyte_core.model import (
    LEGAL,
    LIVE,
    ROOT,
    Action,
    ActionKind,
    ActionName,
    Attempt,
    AttemptState,
    CacheStatus,
    Phase,
)

_ENDS: dict[AttemptState, frozenset[Phase]] = {
    AttemptState.LIVE: LIVE,
    AttemptState.OK: frozenset({Phase.SUCCEEDED}),
    AttemptState.FAILED: frozenset({Phase.FAILED}),
    AttemptState.TIMED_OUT: frozenset({Phase.TIMED_OUT}),
    AttemptState.LOST: frozenset({Phase.FAILED}),
    AttemptState.KILLED: frozenset({Phase.ABORTED}),
}


def check(action: Action) -> list[str]:
    """What is wrong with one action; empty when nothing is."""
    name = action.key.name
    return [f"{name}: {problem}" for problem in _problems(action)]


def check_tree(actions: Iterable[Action]) -> list[str]:
    """What is wrong with all actions of one run, each by itself and all together."""
    by_name: dict[ActionName, Action] = {}
    problems: list[str] = []
    for action in actions:
        problems += check(action)
        if action.key.name in by_name:
            problems.append(f"{action.key.name}: recorded twice")
        by_name[action.key.name] = action
    problems += _tree_problems(by_name)
    return problems


def _problems(action: Action) -> Iterator[str]:
    yield from _outcome(action)
    yield from _attempts(action)
    yield from _budgets(action)
    yield from _instants(action)
    yield from _cache(action)


def _outcome(action: Action) -> Iterator[str]:
    phase = action.phase
    if phase.terminal != (action.ended_at is not None):
        yield f"I2: {phase}, but ended_at is {action.ended_at}"
    if phase.good != (action.outputs is not None):
        yield f"I9: {phase}, but outputs are {action.outputs}"
    if (phase.terminal and not phase.good) != (action.error is not None):
        yield f"I2: {phase}, but the error is {action.error}"
    if (phase is Phase.ABORTED) != (action.abort_reason is not None):
        yield f"I13: {phase}, but the abort reason is {action.abort_reason!r}"
    if (phase is Phase.PAUSED) and action.kind is not ActionKind.CONDITION:
        yield f"I6: a {action.kind} cannot be paused"
    if action.kind is not ActionKind.TASK and action.attempts:
        yield f"I4: a {action.kind} has no attempts"
    if action.kind is ActionKind.TRACE and not phase.terminal:
        yield "I6: a trace is recorded when it has ended"


def _attempts(action: Action) -> Iterator[str]:
    numbers = [attempt.number for attempt in action.attempts]
    if numbers != list(range(1, len(numbers) + 1)):
        yield f"I4: attempt numbers {numbers}"
    tokens = [attempt.token for attempt in action.attempts]
    if any(a >= b for a, b in pairwise(tokens)):
        yield f"I4: tokens do not rise: {tokens}"
    alive = [attempt.number for attempt in action.attempts if attempt.state is AttemptState.LIVE]
    if alive and alive != [numbers[-1]]:
        yield f"I3: live attempts {alive} of {len(numbers)}"
    if bool(alive) != (action.phase in LIVE):
        yield f"I3: {action.phase} with live attempts {alive}"
    for attempt in action.attempts:
        yield from _attempt(attempt)
    last = action.attempts[-1] if action.attempts else None
    if last is not None and last.state is AttemptState.LIVE and last.transitions[-1][0] is not action.phase:
        yield f"I3: {action.phase}, but its live attempt is {last.transitions[-1][0]}"
    if any(attempt.state is AttemptState.OK for attempt in action.attempts[:-1]):
        yield "I1: an attempt followed one that had succeeded"
    if last is not None and (last.state is AttemptState.OK) != (
        action.phase is Phase.SUCCEEDED and action.cache_status is not CacheStatus.HIT
    ):
        yield f"I2: {action.phase}, but the last attempt is {last.state}"


def _attempt(attempt: Attempt) -> Iterator[str]:
    phases = [phase for phase, _ in attempt.transitions]
    if not phases or phases[0] is not Phase.QUEUED:
        yield f"I6: attempt {attempt.number} begins {phases[:1]}"
        return
    for before, after in pairwise(phases):
        if after not in LEGAL[before]:
            yield f"I6: attempt {attempt.number} went from {before} to {after}"
    if phases[-1] not in _ENDS[attempt.state]:
        yield f"I3: attempt {attempt.number} is {attempt.state}, but its last phase is {phases[-1]}"
    instants = [at for _, at in attempt.transitions]
    if any(a > b for a, b in pairwise(instants)):
        yield f"I17: attempt {attempt.number} runs backwards: {instants}"
    if (attempt.state is AttemptState.LIVE) != (attempt.ended_at is None):
        yield f"I3: attempt {attempt.number} is {attempt.state}, ended at {attempt.ended_at}"


def _budgets(action: Action) -> Iterator[str]:
    retry = action.policy.retry
    charged = sum(
        attempt.state in (AttemptState.FAILED, AttemptState.TIMED_OUT) for attempt in action.attempts
    )
    lost = sum(attempt.state is AttemptState.LOST for attempt in action.attempts)
    if action.user_failures > retry.user_retries + action.phase.terminal or charged > retry.user_retries + 1:
        yield f"I11: {action.user_failures} failures ({charged} attempts), {retry.user_retries} retries allowed"
    if action.system_losses > retry.system_retries + action.phase.terminal or action.system_losses > lost:
        yield f"I11: {action.system_losses} losses in a row ({lost} attempts), {retry.system_retries} forgiven"
    refused = action.phase in (Phase.FAILED, Phase.TIMED_OUT)
    if not 0 <= charged - action.user_failures <= refused:
        yield f"I11: {charged} attempts ended by themselves, {action.user_failures} were charged"


def _instants(action: Action) -> Iterator[str]:
    in_order = [at for at in (action.created_at, action.started_at, action.ended_at) if at is not None]
    if in_order != sorted(in_order):
        yield f"I17: created {action.created_at}, started {action.started_at}, ended {action.ended_at}"
    if action.not_before is not None and action.phase is not Phase.QUEUED:
        yield f"I12: {action.phase}, but it waits for a retry"
    if (action.waiting_since is not None) != (action.phase is Phase.WAITING_FOR_RESOURCES):
        yield f"I12: {action.phase}, but waiting since {action.waiting_since}"
    if action.queued_at < action.created_at:
        yield f"I17: queued at {action.queued_at}, before it was created"


def _cache(action: Action) -> Iterator[str]:
    status = action.cache_status
    if (status is CacheStatus.DISABLED) == bool(action.cache_key):
        yield f"I10: cache {status} with the key {action.cache_key!r}"
    if status is CacheStatus.POPULATED and action.phase is not Phase.SUCCEEDED:
        yield f"I10: {action.phase}, but the cache was populated"
    if status is CacheStatus.HIT and (action.phase is not Phase.SUCCEEDED or not action.recovered_from):
        yield f"I10: {action.phase} from {action.recovered_from!r} cannot be a cache hit"
    if action.phase is Phase.RECOVERED and not action.recovered_from:
        yield "I10: recovered from nowhere"


def _tree_problems(by_name: dict[ActionName, Action]) -> Iterator[str]:
    if by_name and ROOT not in by_name:
        yield f"I8: there is no root {ROOT}"
    seqs: dict[ActionName, list[int]] = {}
    tokens: dict[int, ActionName] = {}
    for name, action in by_name.items():
        for attempt in action.attempts:
            owner = tokens.setdefault(attempt.token, name)
            if owner != name:
                yield f"I4: {name}: token {attempt.token} belongs to {owner}"
        if action.parent is None:
            if name != ROOT or action.depth != 0 or action.seq != 0:
                yield f"I8: {name}: only {ROOT} has no parent"
            continue
        parent = by_name.get(action.parent)
        if parent is None:
            yield f"I8: {name}: its parent {action.parent} is not recorded"
            continue
        seqs.setdefault(action.parent, []).append(action.seq)
        if action.depth != parent.depth + 1:
            yield f"I8: {name}: depth {action.depth} below {parent.depth}"
        if parent.kind is not ActionKind.TASK:
            yield f"I8: {name}: a {parent.kind} has no children"
        if parent.phase.terminal and not action.phase.terminal:
            yield f"I8: {name}: {action.phase} below {action.parent}, which is {parent.phase}"
    for parent_name, numbers in seqs.items():
        if sorted(numbers) != list(range(len(numbers))):
            yield f"I8: {parent_name}: children are numbered {sorted(numbers)}"
