"""Use cases on single actions: enqueue, claim, start, report, abort, answer."""

from collections.abc import Sequence

from flyte_core.engine import cache, payloads
from flyte_core.engine.api import Change, Changes, NewAction, Outcome, Verdict
from flyte_core.engine.birth import admit, already, birth, check_room
from flyte_core.engine.cache import Intact
from flyte_core.engine.settle import settle
from flyte_core.machine import cache as cache_policy
from flyte_core.machine.events import (
    AbortRequested,
    Claimed,
    Event,
    Failed,
    Lost,
    Refused,
    Signaled,
    Started,
    Succeeded,
    TimedOut,
    TimeoutKind,
    WaitingForResources,
)
from flyte_core.machine.guards import IN_QUEUE, backoff_over
from flyte_core.model import (
    Action,
    ActionKey,
    ActionKind,
    ActionName,
    ErrorInfo,
    ErrorKind,
    FailedPrecondition,
    Micros,
    NotFound,
    RunKey,
    Token,
)
from flyte_core.store.ports import Tx


def enqueue(
    tx: Tx,
    run: RunKey,
    parent: ActionName,
    parent_token: Token | None,
    children: Sequence[NewAction],
    now: Micros,
    intact: Intact | None = None,
) -> Change:
    """Create the children that do not exist yet, in call order; existing ones are returned as they stand.

    Looks into the cache (hit: the child is created succeeded) and, for a run that recovers another,
    into that run. `parent_token` of `None` skips the fence (clients that send no token). `intact`
    tells whether a large cached value is still whole; without it the cache is believed.

    Nothing has been written for a call that raises when it brings one child.

    Raises:
        RunClosed: the run, or the parent itself, has ended.
        Fenced: another attempt of the parent holds the token.
        FailedPrecondition: `ID_COLLISION`: the name exists with another task or other inputs.
        NotFound: no such run or parent.
        ResourceExhausted: the run has as many actions as a run may have.
        InvalidArgument: calls nest too deep, or a child makes no sense.
    """
    record, mother = admit(tx, run, parent, parent_token)
    done = Changes()
    first = seq = -1
    for child in children:
        existing = already(tx, ActionKey(run, child.name), child)
        if existing is not None:
            done.add(Change((existing,)))
            continue
        if first < 0:
            first = seq = tx.next_sibling_seq(run, parent)
        check_room(tx, record, seq - first)
        done.add(birth(tx, record, mother, child, seq, now, intact))
        seq += 1
    return Change(tuple(done.actions), tuple(done.effects))


def begin(
    tx: Tx,
    run: RunKey,
    parent: ActionName,
    parent_token: Token | None,
    child: NewAction,
    worker: str,
    now: Micros,
    intact: Intact | None = None,
) -> Change:
    """Enqueue, claim and start in one: for a driver that runs the child at once.

    The driver runs the body if, and only if, the action comes back running with the token of an
    attempt it has not seen before. It comes back otherwise when it has an outcome already (cache,
    recovery, an earlier attempt of the parent), when it is a trace or a condition, when its retry
    still waits, or queued when another action is computing its serialized cache key: then `claim`
    it again later.

    Raises: as `enqueue`.
    """
    record, mother = admit(tx, run, parent, parent_token)
    existing = already(tx, ActionKey(run, child.name), child)
    if existing is not None:
        change = claim(tx, existing.key, worker, now, intact)
        first = change.actions[0] if change.actions else existing
        live = first.live
        if not change.actions or live is None:
            return change if change.actions else Change((existing,))
        return started(tx, first.key, live.token, worker, now)
    check_room(tx, record)
    seq = tx.next_sibling_seq(run, parent)
    return birth(tx, record, mother, child, seq, now, intact, run_by=worker)


def claim(tx: Tx, key: ActionKey, worker: str, now: Micros, intact: Intact | None = None) -> Change:
    """Begin an attempt: a new token, phase initializing. Empty `Change` when it may not start any more.

    An action with a serialized cache key may come back otherwise: succeeded, when the value was
    computed meanwhile, or (empty change) it must wait while another action computes it. Launch
    only what comes back initializing.

    Raises:
        NotFound: no such action.
    """
    action = _action(tx, key)
    if action.phase not in IN_QUEUE or not backoff_over(action, now):
        return Change()
    if cache_policy.reserves(action.cache_key, action.policy.cache) and cache_policy.looks_up(action):
        rules = action.policy.cache
        hit = cache.look_up(tx, action.cache_scope, action.cache_key, rules, now, intact)
        if hit is not None:
            return settle(tx, action, [hit[0]], now, outputs=hit[1])
    if not cache.reserve(tx, key, action.cache_scope, action.cache_key, action.policy.cache, now):
        return Change()
    return settle(tx, action, [Claimed(tx.next_token(), worker)], now)


def started(tx: Tx, key: ActionKey, token: Token, worker: str, now: Micros) -> Change:
    """User code is about to run: phase running. Empty `Change` when the token is stale."""
    return settle(tx, _action(tx, key), [Started(token, worker)], now)


def waiting(tx: Tx, key: ActionKey, reason: str, now: Micros) -> Change:
    """No slot is free: queued becomes waiting_for_resources."""
    return settle(tx, _action(tx, key), [WaitingForResources(reason)], now)


def report(tx: Tx, key: ActionKey, outcome: Outcome, now: Micros) -> Change:
    """Take the end of an attempt; see `Change.verdict`. Success keeps outputs, fills the cache, ends the tree below.

    An attempt that ended by itself is charged to the user's retries, whatever its error's kind; a
    lost one to the system's.
    """
    action = _action(tx, key)
    outputs = outcome.outputs
    if outputs is None and outcome.outputs_ref is None:
        outputs = b""
    event: Event
    if outcome.timed_out:
        event = TimedOut(TimeoutKind.RUNTIME, outcome.token)
    elif outcome.lost:
        event = Lost(outcome.token, outcome.error or _lost_without_a_word(action))
    elif outcome.error is not None:
        event = Failed(outcome.token, outcome.error, outcome.output_uri)
    else:
        ref = payloads.given(outputs, outcome.outputs_ref)
        event = Succeeded(outcome.token, ref, outcome.output_uri, outcome.reading_us, outcome.writing_us)
        change = settle(tx, action, [event], now, outputs=outputs)
        if outcome.edges and change.verdict is Verdict.ACCEPTED:
            tx.add_edges(key.run, outcome.edges)
        return change
    return settle(tx, action, [event], now)


def refuse(tx: Tx, key: ActionKey, error: ErrorInfo, now: Micros) -> Change:
    """It can never run: failed, with the reason. Only before its user code has started; else nothing changes."""
    return settle(tx, _action(tx, key), [Refused(error)], now)


def abort_action(tx: Tx, key: ActionKey, reason: str, by: str, now: Micros) -> Change:
    """Abort one action and everything open below it. A terminal one is left as it is: empty `Change`.

    Raises:
        NotFound: no such action.
    """
    return settle(tx, _action(tx, key), [AbortRequested(reason, by)], now)


def signal(tx: Tx, key: ActionKey, outputs: bytes, by: str, now: Micros) -> Change:
    """Answer a condition with serialized `flyteidl2.task.Outputs`. Repeating the same answer is a no-op.

    Raises:
        NotFound: no such action.
        FailedPrecondition: not a condition, or answered otherwise or ended before.
    """
    action = _action(tx, key)
    name = action.spec.short_name
    if action.kind is not ActionKind.CONDITION:
        raise FailedPrecondition(
            f"{name} ({key.name}) is a {action.kind}; only a condition can be answered.",
            hint=f"`flyte get action {key.run.name}` lists the actions with their kinds.",
        )
    change = settle(tx, action, [Signaled(payloads.reference(outputs), by)], now, outputs=outputs)
    if change.verdict is Verdict.FENCED:
        raise FailedPrecondition(
            f"The condition {name} was answered otherwise before."
            if action.phase.good
            else f"The condition {name} has ended ({action.phase}); it cannot be answered any more."
        )
    return change


def _action(tx: Tx, key: ActionKey) -> Action:
    action = tx.action(key)
    if action is None:
        raise NotFound(
            f"There is no action {key.name} in run {key.run.name} ({key.run.project}/{key.run.domain}).",
            hint=f"`flyte get action {key.run.name}` lists its actions.",
        )
    return action


def _lost_without_a_word(action: Action) -> ErrorInfo:
    live = action.live
    worker = live.worker if live is not None else ""
    where = f" ({worker})" if worker else ""
    return ErrorInfo(
        code="WorkerLost",
        message=f"The process that ran {action.spec.short_name}{where} is gone and left no outcome.",
        kind=ErrorKind.SYSTEM,
        worker=worker,
    )
