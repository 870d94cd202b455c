"""What may happen to an action: a closed set. `now` is always given beside the event."""

from dataclasses import dataclass
from enum import StrEnum

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


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
class WaitingForResources:
    """No slot is free for it yet."""

    reason: str = ""


@dataclass(frozen=True, slots=True)
class Claimed:
    """An executor takes it: a new attempt begins, holding `token`."""

    token: Token
    worker: str = ""


@dataclass(frozen=True, slots=True)
class Started:
    """User code is about to run in the attempt that holds `token`."""

    token: Token
    worker: str = ""


@dataclass(frozen=True, slots=True)
class Succeeded:
    token: Token
    outputs: PayloadRef | None
    output_uri: str = ""


@dataclass(frozen=True, slots=True)
class Failed:
    """The attempt ended with an error of the user's code, or one the system reports for it."""

    token: Token
    error: ErrorInfo
    output_uri: str = ""


@dataclass(frozen=True, slots=True)
class Lost:
    """The attempt's process or machine is gone and left no outcome."""

    token: Token
    error: ErrorInfo


@dataclass(frozen=True, slots=True)
class Refused:
    """It can never run: a bad spec, more resources than there are, missing code."""

    error: ErrorInfo


@dataclass(frozen=True, slots=True)
class TimedOut:
    """A limit was passed.

    `token` is given when the attempt's supervisor saw `max_runtime` pass and has ended the attempt;
    without one it is the clock that says so, and the attempt's processes are still there.
    """

    kind: TimeoutKind
    token: Token | None = None


@dataclass(frozen=True, slots=True)
class AbortRequested:
    reason: str
    by: str = ""


@dataclass(frozen=True, slots=True)
class RetryDue:
    """The backoff is over."""


@dataclass(frozen=True, slots=True)
class CacheHit:
    outputs: PayloadRef | None
    output_uri: str
    source: str
    """`run/action` whose outcome this is."""


@dataclass(frozen=True, slots=True)
class Recovered:
    outputs: PayloadRef | None
    output_uri: str
    source: str


@dataclass(frozen=True, slots=True)
class Diverged:
    """An attempt of the action, or of one below a root, called other children than an earlier attempt."""

    divergence: Divergence


@dataclass(frozen=True, slots=True)
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
