"""From what was recorded of a failure back to an exception: one table for what a code means.

The other way is `flyte._runtime.failure`.
"""

from typing import Final

from flyte import errors
from flyte_core.model import (
    REPLAY_DIVERGED,
    Action,
    AlreadyExists,
    CoreError,
    ErrorInfo,
    ErrorKind,
    Fenced,
    InvalidArgument,
    NotFound,
    Phase,
    ResourceExhausted,
    RunClosed,
)

_BY_CODE: Final[dict[str, type[errors.BaseRuntimeError]]] = {
    "QUEUED_TIMEOUT_EXCEEDED": errors.MaxQueuedTimeExceededError,
    "MAX_RUNTIME_EXCEEDED": errors.MaxRuntimeExceededError,
    "DEADLINE_EXCEEDED": errors.DeadlineExceededError,
    REPLAY_DIVERGED: errors.ReplayDivergedError,
    **{name: getattr(errors, name) for name in errors.__all__},
}
"""What a code becomes again; any other is a `RuntimeUserError` or a `RuntimeSystemError`."""


def from_info(info: ErrorInfo, hint: str = "") -> errors.BaseRuntimeError:
    """The exception that a caller of the failed task gets. `hint` holds where the kind has no better one."""
    kind = _BY_CODE.get(info.code)
    if kind is None:
        kind = errors.RuntimeUserError if info.recoverable else errors.NonRecoverableError
        kind = kind if info.kind is ErrorKind.USER else errors.RuntimeSystemError
    own = kind.default_hint != errors.BaseRuntimeError.default_hint
    return kind(
        info.message,
        code=info.code,
        hint="" if own else hint,
        worker=info.worker,
        traceback=info.traceback,
    )


def of_action(action: Action) -> errors.BaseRuntimeError:
    """The exception for an action that ended without outputs."""
    error = action.failure
    if action.phase is Phase.ABORTED:
        reason = action.abort_reason or (error.message if error is not None else "")
        name = f"{action.spec.task_name} ({action.key.name})"
        return errors.ActionAbortedError(
            f"{name} was aborted: {reason}" if reason else f"{name} was aborted.",
            hint=f"See who aborted it, and why: flyte get action {action.key.run.name} {action.key.name}",
        )
    if error is None:
        return errors.RuntimeUnknownError(
            f"{action.spec.task_name} ({action.key.name}) ended {action.phase} without saying why."
        )
    return from_info(error, f"See its logs: flyte get logs {action.key.run.name} {action.key.name}")


def of_core(error: CoreError) -> errors.BaseRuntimeError:
    """The exception for what the core refused, with its advice."""
    kind: type[errors.BaseRuntimeError] = errors.RuntimeSystemError
    match error:
        case RunClosed() | Fenced():
            kind = errors.ActionAbortedError
        case AlreadyExists():
            kind = errors.RunAlreadyExistsError
        case InvalidArgument():
            kind = errors.RuntimeUserError
        case ResourceExhausted():
            kind = errors.ResourceExhaustedError
        case NotFound():
            kind = errors.RunNotFoundError
    return kind(error.message, hint=error.hint)
