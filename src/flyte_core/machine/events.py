"""What may happen to an action: a closed set. `now` is always given beside the event."""

from enum import StrEnum

from flyte_core.frozen import frozen
from flyte_core.model import (
    ActionKey,
    ActionKind,
    ActionName,
    CacheStatus,
    Divergence,
    ErrorInfo,
    Micros,
    PayloadRef,
    TaskSpec,
    Token,
)


class TimeoutKind(StrEnum):
    """Which limit was passed. The value is the error code clients see."""

    QUEUED = "QUEUED_TIMEOUT_EXCEEDED"
    RUNTIME = "MAX_RUNTIME_EXCEEDED"
    DEADLINE = "DEADLINE_EXCEEDED"


@frozen
class Created:
    """The action came to be: queued (a task), paused (a condition)."""

    key: ActionKey
    parent: ActionName | None
    kind: ActionKind
    seq: int
    spec: TaskSpec
    group: str = ""
    inputs: PayloadRef | None = None
    cache_key: str = ""
    cache_scope: str = ""
    cache_status: CacheStatus = CacheStatus.DISABLED
    depth: int = 0


@frozen
class TraceRecorded:
    """A traced call ended in its parent: the action is created complete."""

    key: ActionKey
    parent: ActionName
    seq: int
    spec: TaskSpec
    started_at: Micros
    ended_at: Micros
    group: str = ""
    inputs: PayloadRef | None = None
    outputs: PayloadRef | None = None
    output_uri: str = ""
    error: ErrorInfo | None = None
    depth: int = 0
    recovered_from: str = ""
    """`run/action` whose outcome this is, when the function was not called."""


@frozen
class WaitingForResources:
    """No slot is free for it yet."""

    reason: str = ""


@frozen
class Claimed:
    """An executor takes it: a new attempt begins, holding `token`."""

    token: Token
    worker: str = ""


@frozen
class Started:
    """User code is about to run in the attempt that holds `token`."""

    token: Token
    worker: str = ""


@frozen
class Succeeded:
    """The attempt returned. `reading_us` and `writing_us` are what its inputs and outputs took of its time."""

    token: Token
    outputs: PayloadRef | None
    output_uri: str = ""
    reading_us: int = 0
    writing_us: int = 0


@frozen
class Failed:
    """The attempt ended with an error of the user's code, or one the system reports for it."""

    token: Token
    error: ErrorInfo
    output_uri: str = ""


@frozen
class Lost:
    """The attempt's process or machine is gone and left no outcome."""

    token: Token
    error: ErrorInfo


@frozen
class Refused:
    """It can never run: a bad spec, more resources than there are, missing code."""

    error: ErrorInfo


@frozen
class TimedOut:
    """A limit was passed.

    `token` is given when the attempt's supervisor saw `max_runtime` pass and has ended the attempt;
    without one it is the clock that says so, and the attempt's processes are still there.
    """

    kind: TimeoutKind
    token: Token | None = None


@frozen
class AbortRequested:
    reason: str
    by: str = ""


@frozen
class RetryDue:
    """The backoff is over."""


@frozen
class CacheHit:
    outputs: PayloadRef | None
    output_uri: str
    source: str
    """`run/action` whose outcome this is."""


@frozen
class Recovered:
    outputs: PayloadRef | None
    output_uri: str
    source: str


@frozen
class Diverged:
    """An attempt of the action, or of one below a root, called other children than an earlier attempt."""

    divergence: Divergence


@frozen
class Signaled:
    """Somebody answered a condition."""

    outputs: PayloadRef
    by: str = ""


Event = (
    Created
    | TraceRecorded
    | WaitingForResources
    | Claimed
    | Started
    | Succeeded
    | Failed
    | Lost
    | Refused
    | TimedOut
    | AbortRequested
    | RetryDue
    | CacheHit
    | Recovered
    | Diverged
    | Signaled
)
