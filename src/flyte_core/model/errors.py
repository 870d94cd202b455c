"""What the core refuses, and how it says so."""


class CoreError(Exception):
    """Base of the core's errors: a stable code, a message, and what to do next.

    `code` is a Connect code (`not_found`, `already_exists`, `invalid_argument`,
    `failed_precondition`, `aborted`, `resource_exhausted`, `unavailable`, `internal`).
    """

    code = "internal"

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class NotFound(CoreError):
    code = "not_found"


class AlreadyExists(CoreError):
    """The name is taken by something else."""

    code = "already_exists"


class InvalidArgument(CoreError):
    code = "invalid_argument"


class FailedPrecondition(CoreError):
    code = "failed_precondition"


class RunClosed(CoreError):
    """The run has ended or is being aborted: no new action may start."""

    code = "aborted"


class Fenced(CoreError):
    """A stale attempt tried to act: another attempt holds the token."""

    code = "aborted"


class ResourceExhausted(CoreError):
    """A bound was reached: a full disk, a full queue, too many actions."""

    code = "resource_exhausted"


class Unavailable(CoreError):
    code = "unavailable"


class SchemaTooNew(CoreError):
    """The data directory was written by a newer version."""

    code = "failed_precondition"
