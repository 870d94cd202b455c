"""When time alone changes an action: retries that fall due, limits that pass."""

from math import ceil, isfinite

from flyte_core.machine.events import RetryDue, TimedOut, TimeoutKind
from flyte_core.model import LIVE, Action, Micros, Phase

_IN_QUEUE = frozenset({Phase.QUEUED, Phase.WAITING_FOR_RESOURCES})
_LONGEST_US = 100 * 365 * 24 * 3600 * 1_000_000
"""A century: longer spans are cut, so that every instant fits a 64-bit integer."""


def span_us(seconds: float) -> int:
    """Seconds as whole microseconds, rounded up: a wait is never shorter than stated."""
    if not isfinite(seconds):
        return _LONGEST_US
    return min(max(ceil(seconds * 1_000_000), 0), _LONGEST_US)


def in_queue_since(action: Action) -> Micros:
    """When the present stay in the queue began. The wait before a retry is no part of it."""
    return max(action.queued_at, action.not_before or action.queued_at)


def running_since(action: Action) -> Micros | None:
    """When user code of the live attempt began."""
    live = action.live
    if live is None:
        return None
    phase, at = live.transitions[-1]
    return at if phase is Phase.RUNNING else None


def limit_at(action: Action, kind: TimeoutKind) -> Micros | None:
    """The instant at which a limit passes as things stand; `None` when it does not apply now."""
    timeout = action.policy.timeout
    if action.phase.terminal:
        return None
    start: Micros | None
    match kind:
        case TimeoutKind.DEADLINE:
            seconds, start = timeout.deadline_s, action.created_at
        case TimeoutKind.QUEUED:
            seconds = timeout.max_queued_s
            start = in_queue_since(action) if action.phase in _IN_QUEUE else None
        case TimeoutKind.RUNTIME:
            seconds = timeout.max_runtime_s
            start = running_since(action) if action.phase in LIVE else None
    if seconds is None or start is None:
        return None
    return Micros(start + span_us(seconds))


def next_due(action: Action) -> Micros | None:
    """The earliest instant at which time alone changes this action; `None` when it never does.

    Stores keep it as a column, so that what is due is an index lookup.
    """
    if action.phase.terminal:
        return None
    timeout = action.policy.timeout
    if (
        action.not_before is None
        and timeout.deadline_s is None
        and timeout.max_runtime_s is None
        and timeout.max_queued_s is None
    ):
        return None
    instants = [limit_at(action, kind) for kind in TimeoutKind]
    instants.append(action.not_before)
    return min((at for at in instants if at is not None), default=None)


def due_event(action: Action, now: Micros) -> RetryDue | TimedOut | None:
    """What time has done to the action by `now`. Final limits come before a retry."""
    for kind in (TimeoutKind.DEADLINE, TimeoutKind.QUEUED, TimeoutKind.RUNTIME):
        at = limit_at(action, kind)
        if at is not None and at <= now:
            return TimedOut(kind)
    if action.not_before is not None and action.not_before <= now and not action.phase.terminal:
        return RetryDue()
    return None
