"""The conditions every move hangs on, one small function each.

They stand apart so that a test can take each one away in turn and see that it is missed.
"""

from flyte_core.machine.due import limit_at
from flyte_core.machine.events import (
    Claimed,
    Event,
    Failed,
    Lost,
    RetryDue,
    Started,
    Succeeded,
    TimedOut,
    TimeoutKind,
    WaitingForResources,
)
from flyte_core.model import (
    LIVE,
    Action,
    AttemptState,
    ErrorInfo,
    Micros,
    Phase,
    Token,
)

OPEN = frozenset(phase for phase in Phase if not phase.terminal)
IN_QUEUE = frozenset({Phase.QUEUED, Phase.WAITING_FOR_RESOURCES})


def takes(action: Action, accepted: frozenset[Phase]) -> bool:
    """Whether the action stands in a phase in which the event means something."""
    return action.phase in accepted


def holds(action: Action, token: Token) -> bool:
    """Whether the attempt with this token is the one that may report."""
    live = action.live
    return live is not None and live.token == token


def repeats(action: Action, event: Event) -> bool:
    """Whether this attempt's end was told before, so that telling it again changes nothing.

    An attempt that was declared lost, or was killed, never told its end: its word comes too late.
    """
    if not isinstance(event, Succeeded | Failed | Lost | TimedOut | Started) or event.token is None:
        return False
    state = next((a.state for a in action.attempts if a.token == event.token), None)
    match state:
        case AttemptState.OK | AttemptState.FAILED:
            return True
        case AttemptState.LOST:
            return isinstance(event, Lost)
        case AttemptState.TIMED_OUT:
            return isinstance(event, TimedOut)
        case AttemptState.LIVE:
            return isinstance(event, Started)
        case _:
            return False


def backoff_over(action: Action, now: Micros) -> bool:
    """Whether a retry has waited as long as its policy says."""
    return action.not_before is None or action.not_before <= now


def passed(action: Action, kind: TimeoutKind, now: Micros) -> bool:
    """Whether a limit has really passed, by the clock."""
    at = limit_at(action, kind)
    return at is not None and at <= now


def user_may_retry(action: Action, failures: int, error: ErrorInfo) -> bool:
    """Whether the user's budget allows another attempt after this many failures."""
    return may_recover(error) and within(failures, action.policy.retry.user_retries)


def system_may_retry(action: Action, losses: int, error: ErrorInfo) -> bool:
    """Whether the system's budget forgives this many losses in a row."""
    return may_recover(error) and within(losses, action.policy.retry.system_retries)


def may_recover(error: ErrorInfo) -> bool:
    """Whether another attempt could go better."""
    return error.recoverable


def within(spent: int, budget: int) -> bool:
    """Whether a budget covers what was spent of it."""
    return spent <= budget


def in_order(action: Action, event: Event, now: Micros) -> bool:
    """Whether an event in the right phase is also the right attempt's, and not too early."""
    match event:
        case Claimed() | WaitingForResources():
            return backoff_over(action, now)
        case Started() | Succeeded() | Failed() | Lost():
            return holds(action, event.token)
        case TimedOut(kind, token):
            if token is None:
                return passed(action, kind, now)
            return kind is TimeoutKind.RUNTIME and action.phase in LIVE and holds(action, token)
        case RetryDue():
            return action.not_before is not None and backoff_over(action, now)
        case _:
            return True
