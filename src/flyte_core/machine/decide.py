"""The transition table: the only place where an action changes its phase.

`decide` is a pure function. An event that comes too late, too early or twice leaves the action as
it is; the verdict says which.
"""

from dataclasses import replace
from enum import StrEnum
from typing import Any, assert_never

from flyte_core.frozen import frozen
from flyte_core.machine import guards
from flyte_core.machine.cache import after_end
from flyte_core.machine.due import in_queue_since
from flyte_core.machine.effects import Effect, EndTree, Kill, Launch
from flyte_core.machine.events import (
    AbortRequested,
    CacheHit,
    Claimed,
    Created,
    Diverged,
    Event,
    Failed,
    Lost,
    Recovered,
    Refused,
    RetryDue,
    Signaled,
    Started,
    Succeeded,
    TimedOut,
    TimeoutKind,
    TraceRecorded,
    WaitingForResources,
)
from flyte_core.machine.retry import Charge, charge_system, charge_user
from flyte_core.model import (
    LEGAL,
    LIVE,
    Action,
    ActionKind,
    Attempt,
    AttemptState,
    CacheStatus,
    CoreError,
    ErrorInfo,
    FailedPrecondition,
    Micros,
    NotFound,
    Phase,
)

ABORTED = "ActionAbortedError"
"""The error code of an aborted action."""

ACCEPTS: dict[type[Event], frozenset[Phase]] = {
    Created: frozenset(),
    TraceRecorded: frozenset(),
    WaitingForResources: frozenset({Phase.QUEUED}),
    Claimed: guards.IN_QUEUE,
    Started: frozenset({Phase.INITIALIZING}),
    Succeeded: LIVE,
    Failed: LIVE,
    Lost: LIVE,
    Refused: guards.IN_QUEUE | {Phase.INITIALIZING},
    TimedOut: guards.OPEN,
    AbortRequested: guards.OPEN,
    RetryDue: frozenset({Phase.QUEUED}),
    CacheHit: guards.IN_QUEUE,
    Recovered: frozenset({Phase.QUEUED, Phase.PAUSED}),
    Diverged: guards.OPEN,
    Signaled: frozenset({Phase.PAUSED}),
}
"""In which phases each event means something."""


class Verdict(StrEnum):
    """What became of an event."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    """The same was told before; nothing changed, the first telling counts."""
    FENCED = "fenced"
    """It came from a stale attempt, out of its time, or to an action that has ended: nothing changed."""


@frozen
class Decision:
    """The action after the event, and what the world must do about it."""

    action: Action
    effects: tuple[Effect, ...] = ()
    verdict: Verdict = Verdict.ACCEPTED


class IllegalMove(CoreError):
    """A move outside the table: a defect of ours, stopped before it is recorded."""


def decide(action: Action | None, event: Event, now: Micros) -> Decision:
    """What an event does to an action.

    Instants never run backwards within an action: a `now` before its last instant counts as that.

    Raises:
        NotFound: the event is for an action that was never created.
        FailedPrecondition: an action is created that exists.
    """
    if isinstance(event, Created | TraceRecorded):
        if action is not None:
            raise FailedPrecondition(f"Action {action.key.name} exists already.")
        return _created(event, now) if isinstance(event, Created) else _trace(event)
    if action is None:
        raise NotFound(f"There is no action for the event {type(event).__name__}.")
    now = max(now, _last_instant(action))
    if not guards.takes(action, ACCEPTS[type(event)]) or not guards.in_order(action, event, now):
        repeated = guards.repeats(action, event) or _answered(action, event)
        return Decision(action, verdict=Verdict.DUPLICATE if repeated else Verdict.FENCED)
    match event:
        case Claimed():
            return _claimed(action, event, now)
        case Started():
            return _started(action, event, now)
        case Succeeded():
            return _succeeded(action, event, now)
        case Failed():
            return _failed(action, event, now)
        case Lost():
            return _lost(action, event, now)
        case WaitingForResources():
            return _waiting(action, now)
        case RetryDue():
            at = in_queue_since(action)
            return Decision(action.evolve(not_before=None, queued_at=at), (Launch(action.key),))
        case TimedOut():
            return _timed_out(action, event, now)
        case AbortRequested():
            return _aborted(action, event, now)
        case Refused():
            return _close(action, Phase.FAILED, now, AttemptState.FAILED, error=event.error)
        case CacheHit():
            return _taken_over(action, Phase.SUCCEEDED, event, now, cache_status=CacheStatus.HIT)
        case Recovered():
            return _taken_over(action, Phase.RECOVERED, event, now)
        case Diverged():
            return _diverged(action, event)
        case Signaled():
            return _close(action, Phase.SUCCEEDED, now, outputs=event.outputs)
        case _:
            assert_never(event)


def _created(event: Created, now: Micros) -> Decision:
    if event.kind is ActionKind.TRACE:
        raise FailedPrecondition("A traced call becomes an action when it has ended, never before.")
    waits = event.kind is ActionKind.CONDITION
    action = Action(
        key=event.key,
        parent=event.parent,
        kind=event.kind,
        seq=event.seq,
        spec=event.spec,
        phase=Phase.PAUSED if waits else Phase.QUEUED,
        created_at=now,
        queued_at=now,
        group=event.group,
        inputs=event.inputs,
        cache_key=event.cache_key,
        cache_scope=event.cache_scope,
        cache_status=event.cache_status,
        depth=event.depth,
    )
    return Decision(action, () if waits else (Launch(event.key),))


def _trace(event: TraceRecorded) -> Decision:
    ended_at = max(event.ended_at, event.started_at)
    good = Phase.RECOVERED if event.recovered_from else Phase.SUCCEEDED
    return Decision(
        Action(
            key=event.key,
            parent=event.parent,
            kind=ActionKind.TRACE,
            seq=event.seq,
            spec=event.spec,
            phase=good if event.error is None else Phase.FAILED,
            created_at=event.started_at,
            queued_at=event.started_at,
            started_at=event.started_at,
            ended_at=ended_at,
            group=event.group,
            inputs=event.inputs,
            outputs=event.outputs if event.error is None else None,
            output_uri=event.output_uri,
            error=event.error,
            depth=event.depth,
            recovered_from=event.recovered_from,
        )
    )


def _waiting(action: Action, now: Micros) -> Decision:
    since = in_queue_since(action)
    to = Phase.WAITING_FOR_RESOURCES
    return Decision(_move(action, to, queued_at=since, not_before=None, waiting_since=now))


def _claimed(action: Action, event: Claimed, now: Micros) -> Decision:
    queued = (Phase.QUEUED, in_queue_since(action))
    claimed = (Phase.INITIALIZING, now)
    waited = action.waiting_since
    attempt = Attempt(
        number=len(action.attempts) + 1,
        token=event.token,
        state=AttemptState.LIVE,
        transitions=(queued, claimed)
        if waited is None
        else (queued, (Phase.WAITING_FOR_RESOURCES, waited), claimed),
        worker=event.worker,
    )
    return Decision(
        _move(
            action,
            Phase.INITIALIZING,
            attempts=(*action.attempts, attempt),
            queued_at=queued[1],
            not_before=None,
            waiting_since=None,
        )
    )


def _started(action: Action, event: Started, now: Micros) -> Decision:
    live = _live(action)
    attempt = Attempt(
        number=live.number,
        token=live.token,
        state=live.state,
        transitions=(*live.transitions, (Phase.RUNNING, now)),
        worker=event.worker or live.worker,
    )
    return Decision(
        _move(
            action,
            Phase.RUNNING,
            attempts=(*action.attempts[:-1], attempt),
            started_at=now if action.started_at is None else action.started_at,
        )
    )


def _succeeded(action: Action, event: Succeeded, now: Micros) -> Decision:
    decision = _close(
        action,
        Phase.SUCCEEDED,
        now,
        AttemptState.OK,
        own_success=True,
        outputs=event.outputs,
        output_uri=event.output_uri,
        system_losses=0,
        cache_status=CacheStatus.POPULATED if action.cache_key else action.cache_status,
    )
    if not event.reading_us and not event.writing_us:
        return decision
    *earlier, last = decision.action.attempts
    last = replace(last, reading_us=event.reading_us, writing_us=event.writing_us)
    return replace(decision, action=decision.action.evolve(attempts=(*earlier, last)))


def _failed(action: Action, event: Failed, now: Micros) -> Decision:
    charge = charge_user(action, event.error)
    if charge.retry_after_us is not None:
        return _retry(action, AttemptState.FAILED, Phase.FAILED, event.error, charge, now)
    return _close(
        action,
        Phase.FAILED,
        now,
        AttemptState.FAILED,
        error=event.error,
        output_uri=event.output_uri,
        user_failures=charge.user_failures,
        system_losses=0,
    )


def _lost(action: Action, event: Lost, now: Micros) -> Decision:
    charge = charge_system(action, event.error)
    if charge.retry_after_us is not None:
        return _retry(action, AttemptState.LOST, Phase.FAILED, event.error, charge, now)
    return _close(
        action,
        Phase.FAILED,
        now,
        AttemptState.LOST,
        error=event.error,
        system_losses=charge.system_losses,
    )


def _timed_out(action: Action, event: TimedOut, now: Micros) -> Decision:
    """A runtime limit is a failure of the attempt, charged to the user; the other limits are final."""
    error = _timeout_error(action, event.kind)
    by_the_clock = event.token is None
    kills = _kill(action, error.message) if by_the_clock else ()
    if event.kind is not TimeoutKind.RUNTIME:
        closed = _close(action, Phase.TIMED_OUT, now, AttemptState.TIMED_OUT, error=error)
        return Decision(closed.action, kills + closed.effects)
    charge = charge_user(action, error)
    if charge.retry_after_us is not None:
        again = _retry(action, AttemptState.TIMED_OUT, Phase.TIMED_OUT, error, charge, now)
        return Decision(again.action, kills + again.effects)
    closed = _close(
        action,
        Phase.TIMED_OUT,
        now,
        AttemptState.TIMED_OUT,
        error=error,
        user_failures=charge.user_failures,
        system_losses=0,
    )
    return Decision(closed.action, kills + closed.effects)


def _aborted(action: Action, event: AbortRequested, now: Micros) -> Decision:
    reason = event.reason or "Aborted."
    closed = _close(
        action,
        Phase.ABORTED,
        now,
        AttemptState.KILLED,
        error=ErrorInfo(code=ABORTED, message=reason, recoverable=False),
        abort_reason=reason,
        aborted_by=event.by,
    )
    return Decision(closed.action, _kill(action, reason) + closed.effects)


def _diverged(action: Action, event: Diverged) -> Decision:
    """Kept beside the phase, which stays as it is."""
    if event.divergence in action.divergences:
        return Decision(action, verdict=Verdict.DUPLICATE)
    return Decision(action.evolve(divergences=(*action.divergences, event.divergence)))


def _taken_over(
    action: Action, phase: Phase, event: CacheHit | Recovered, now: Micros, **changes: Any
) -> Decision:
    return _close(
        action,
        phase,
        now,
        outputs=event.outputs,
        output_uri=event.output_uri,
        recovered_from=event.source,
        **changes,
    )


def _close(
    action: Action,
    phase: Phase,
    now: Micros,
    attempt: AttemptState = AttemptState.KILLED,
    *,
    own_success: bool = False,
    error: ErrorInfo | None = None,
    **changes: Any,
) -> Decision:
    """End the action for ever; a live attempt ends with it, in the state given."""
    closed = _move(
        action,
        phase,
        attempts=_end_live(action, attempt, phase, now, error),
        ended_at=now,
        error=error,
        not_before=None,
        waiting_since=None,
        **changes,
    )
    effects: tuple[Effect, ...] = after_end(action, own_success)
    if action.kind is ActionKind.TASK:
        effects += (EndTree(action.key, _why(closed)),)
    return Decision(closed, effects)


def _retry(
    action: Action, state: AttemptState, phase: Phase, error: ErrorInfo, charge: Charge, now: Micros
) -> Decision:
    """End the attempt and queue the action again."""
    wait_us = charge.retry_after_us or 0
    not_before = Micros(now + wait_us) if wait_us else None
    queued = _move(
        action,
        Phase.QUEUED,
        attempts=_end_live(action, state, phase, now, error),
        queued_at=now,
        not_before=not_before,
        user_failures=charge.user_failures,
        system_losses=charge.system_losses,
    )
    return Decision(queued, (Launch(action.key, not_before),))


def _move(action: Action, to: Phase, **changes: Any) -> Action:
    if to not in LEGAL[action.phase]:
        raise IllegalMove(f"Action {action.key.name} cannot go from {action.phase} to {to}.")
    return action.evolve(phase=to, **changes)


def _end_live(
    action: Action, state: AttemptState, phase: Phase, now: Micros, error: ErrorInfo | None
) -> tuple[Attempt, ...]:
    live = action.live
    if live is None:
        return action.attempts
    ended = Attempt(
        number=live.number,
        token=live.token,
        state=state,
        transitions=(*live.transitions, (phase, now)),
        ended_at=now,
        error=error,
        worker=live.worker,
    )
    return (*action.attempts[:-1], ended)


def _live(action: Action) -> Attempt:
    live = action.live
    if live is None:
        raise IllegalMove(f"Action {action.key.name} is {action.phase} without an attempt.")
    return live


def _kill(action: Action, reason: str) -> tuple[Effect, ...]:
    live = action.live
    return () if live is None else (Kill(action.key, live.token, live.number, reason),)


def _last_instant(action: Action) -> Micros:
    live = action.live
    if live is not None:
        return live.transitions[-1][1]
    return action.queued_at if action.waiting_since is None else action.waiting_since


def _answered(action: Action, event: Event) -> bool:
    """Whether a condition was answered with the very same value."""
    return isinstance(event, Signaled) and action.outputs == event.outputs


def _why(action: Action) -> str:
    """What the actions below are told when they are ended with this one."""
    if action.abort_reason is not None:
        return f"{action.key.name} was aborted: {action.abort_reason}"
    return f"{action.key.name} ended ({action.phase}) while this was still open."


def _timeout_error(action: Action, kind: TimeoutKind) -> ErrorInfo:
    name, timeout = action.spec.short_name, action.policy.timeout
    if kind is TimeoutKind.QUEUED:
        text = f"{name} waited longer than its max_queued_time{_of(timeout.max_queued_s)} to start."
    elif kind is TimeoutKind.RUNTIME:
        text = f"{name} ran longer than its max_runtime{_of(timeout.max_runtime_s)}."
    elif action.kind is ActionKind.CONDITION:
        text = f"Nobody answered {name} within its timeout{_of(timeout.deadline_s)}."
    else:
        text = f"{name} did not end within its deadline{_of(timeout.deadline_s)}."
    return ErrorInfo(code=kind.value, message=text)


def _of(seconds: float | None) -> str:
    return "" if seconds is None else f" of {seconds:g} s"
