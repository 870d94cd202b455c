"""What goes wrong in runs, actions and their declaration.

Every error says what happened (`message`), in one word what kind of thing it is (`code`), whose
failure it is (`kind`), and what to do next (`hint`). An exception of user code crosses a task's
boundary as `RuntimeUserError`, its class name as `code`; `traceback` is the text of the task's own.
"""

from typing import Any, ClassVar, Literal, cast, get_args

ErrorKind = Literal["user", "system", "unknown"]

__all__ = [
    "ActionAbortedError",
    "ActionNotFoundError",
    "BaseRuntimeError",
    "CodeBundleError",
    "ConditionAlreadyExistsError",
    "ConditionFailedError",
    "ConditionNotFoundError",
    "ConditionTimedoutError",
    "ConfigurationError",
    "CustomError",
    "DeadlineExceededError",
    "DeclarationError",
    "DeploymentError",
    "ImageBuildError",
    "ImagePullBackOffError",
    "InitializationError",
    "InlineIOMaxBytesBreached",
    "InvalidImageNameError",
    "InvalidPackageError",
    "LogsNotYetAvailableError",
    "MaxQueuedTimeExceededError",
    "MaxRuntimeExceededError",
    "ModuleLoadError",
    "NonRecoverableError",
    "NotInTaskContextError",
    "OOMError",
    "OnlyAsyncIOSupportedError",
    "ParameterMaterializationError",
    "PrimaryContainerNotFoundError",
    "ReferenceTaskError",
    "RemoteTaskNotFoundError",
    "RemoteTaskUsageError",
    "ReplayDivergedError",
    "ReportNotFoundError",
    "ResourceExhaustedError",
    "RestrictedTypeError",
    "RetriesExhaustedError",
    "RunAlreadyExistsError",
    "RunNotFoundError",
    "RuntimeDataValidationError",
    "RuntimeSystemError",
    "RuntimeUnknownError",
    "RuntimeUserError",
    "SlowDownError",
    "SyncTaskCallInAsyncContextError",
    "TaskInterruptedError",
    "TaskTimeoutError",
    "TraceDoesNotAllowNestedTasksError",
    "UnionRpcError",
]


class BaseRuntimeError(RuntimeError):
    """The root of all of them.

    One text without a name is the message; several are what `words` says, in that order:
    `RuntimeUserError("BAD_INPUT", "the file is empty")`.

    Args:
        message: What happened, to which thing, and why.
        code: One word; the class's name unless given.
        hint: What to do next; the class's own unless given.
        worker: Where it happened, if anybody knows.
        traceback: The traceback of the task that failed, as text.
    """

    kind: ErrorKind = "unknown"
    default_hint: ClassVar[str] = "See the logs of the action: flyte get logs RUN ACTION"
    words: ClassVar[tuple[str, ...]] = ("code", "kind", "message", "worker")

    def __init__(
        self,
        *texts: object,
        message: str = "",
        code: str = "",
        hint: str = "",
        worker: str | None = "",
        traceback: str = "",
    ) -> None:
        if len(texts) > len(self.words):
            raise TypeError(f"{type(self).__name__} takes {', '.join(self.words)}; it was given {texts!r}")
        said = [str(text) for text in texts]
        told = dict(zip(self.words, said, strict=False)) if len(said) > 1 else {}
        message = message or (said[0] if len(said) == 1 else told.get("message", ""))
        super().__init__(message)
        if told.get("kind") in get_args(ErrorKind):
            self.kind = cast(ErrorKind, told["kind"])
        self.message = message
        self.code = code or told.get("code") or type(self).__name__
        self.hint = hint or self.default_hint
        self.worker = worker or told.get("worker") or ""
        self.traceback = traceback
        if traceback:
            self.add_note(f"In the task:\n{traceback.rstrip()}")

    def __str__(self) -> str:
        return self.message or self.code

    def __reduce__(self) -> tuple[Any, ...]:
        state = {
            "code": self.code,
            "hint": self.hint,
            "worker": self.worker,
            "traceback": self.traceback,
        }
        return _rebuild, (type(self), self.message, state)


def _rebuild(kind: type[BaseRuntimeError], message: str, state: dict[str, str]) -> BaseRuntimeError:
    return kind(message, **state)


class RuntimeUserError(BaseRuntimeError):
    """User code failed; `code` is the class name of what it raised."""

    kind = "user"
    words: ClassVar[tuple[str, ...]] = ("code", "message", "worker")


class RuntimeSystemError(BaseRuntimeError):
    """The machinery under user code failed."""

    kind = "system"
    words = ("code", "message", "worker")


class RuntimeUnknownError(BaseRuntimeError):
    """Something failed and left no word of why."""

    words = ("code", "message", "worker")


class UnionRpcError(RuntimeSystemError):
    """A server could not be spoken to."""

    default_hint = "Check that the server runs and can be reached: flyte get server"


# -- Using the SDK ---------------------------------------------------------------------------------


class InitializationError(RuntimeUserError):
    """The session cannot be set up as asked."""

    words = ("code", "kind", "message", "worker")
    default_hint = "Call flyte.init() or flyte.init_from_config() first."


class ConfigurationError(InitializationError):
    """A configuration file or an environment variable holds something that cannot be used."""

    default_hint = "See what is in force, and from where: flyte get config"


class DeclarationError(RuntimeUserError, ValueError):
    """A task or an environment is declared in a way that cannot work."""

    default_hint = "Change the declaration; the message names what is wrong with it."


class NotInTaskContextError(RuntimeUserError):
    default_hint = "Call it inside a task that runs in a run."


class SyncTaskCallInAsyncContextError(RuntimeUserError):
    """A sync task was called directly on an event loop, which would stand still meanwhile."""

    default_hint = "Await it: `await task.aio(...)`."

    def __init__(self, *texts: object, **more: Any) -> None:
        super().__init__(*texts, **more)
        if not self.traceback:
            self.add_note(self.hint)


class RuntimeDataValidationError(RuntimeUserError):
    """A value does not have the type that was declared for it."""

    words = ("variable", "message", "task")

    default_hint = "Pass a value of the declared type, or change the type hint."


class RestrictedTypeError(RuntimeUserError):
    default_hint = "Use another type for this input or output."


class InlineIOMaxBytesBreached(RuntimeUserError):
    """Inputs or outputs are larger than the task allows them to be."""

    default_hint = "Pass large data by reference, or raise `max_inline_io_bytes` of the task."


class ModuleLoadError(RuntimeUserError):
    """A file or module of user code cannot be imported."""

    default_hint = "Run `python FILE` to see the error, and correct it."


class CodeBundleError(RuntimeUserError):
    default_hint = "Check that the files exist and can be read, or choose another copy_style."


class InvalidPackageError(RuntimeUserError):
    words = ("package", "message")
    default_hint = "Check the name and version of the package."


class DeploymentError(RuntimeUserError):
    default_hint = "Correct what the message names and deploy again."


class ReferenceTaskError(RuntimeUserError):
    """A deployed task cannot be called."""

    default_hint = "List what is deployed: flyte get task"


class RemoteTaskNotFoundError(ReferenceTaskError):
    default_hint = "List what is deployed: flyte get task"


class RemoteTaskUsageError(ReferenceTaskError):
    default_hint = "Call a deployed task with keyword arguments, within a server run."


class ParameterMaterializationError(RuntimeUserError):
    default_hint = "Check that the run or artifact the parameter refers to exists and succeeded."


class OnlyAsyncIOSupportedError(RuntimeUserError):
    default_hint = "Run the code under asyncio."


class RunNotFoundError(RuntimeUserError):
    default_hint = "List the runs there are: flyte get run"


class RunAlreadyExistsError(RuntimeUserError):
    default_hint = "Choose another name, or leave it out."


class ActionNotFoundError(RuntimeUserError):
    default_hint = "List the actions of the run: flyte get action RUN"


class ReportNotFoundError(RuntimeUserError):
    default_hint = "Declare the task with report=True, and log something to its report."


class LogsNotYetAvailableError(RuntimeUserError):
    default_hint = "Wait until the action has started, or follow it: flyte get logs RUN ACTION --follow"


# -- How actions end -------------------------------------------------------------------------------


class CustomError(RuntimeUserError):
    """For user code that wants to choose its own `code`: `CustomError("OUT_OF_STOCK", "no more of it")`."""

    @classmethod
    def from_exception(cls, e: BaseException) -> "CustomError":
        """An exception as one of these: its class's name as the code."""
        return cls(type(e).__name__, str(e) or type(e).__name__)


class NonRecoverableError(RuntimeUserError):
    """Raised by user code: do not try this again, whatever retries there are."""

    words = ("message", "code")

    default_hint = "The task said that trying again is of no use; correct the cause first."


class ReplayDivergedError(NonRecoverableError):
    """A task that ran again called other tasks than before, and its run says `on_divergence="fail"`."""

    default_hint = (
        "Let what a task calls follow from its inputs alone; record the time, chance and what others answer "
        "with @flyte.trace."
    )


class RetriesExhaustedError(RuntimeUserError):
    default_hint = "Look at the attempts: flyte get action RUN ACTION"


class TaskTimeoutError(RuntimeUserError):
    """An action took longer than one of its limits allows."""

    words = ("message", "code")

    default_hint = "Raise the limit in `timeout=`, or find what takes so long in the logs."


class MaxRuntimeExceededError(TaskTimeoutError):
    """One attempt ran longer than `max_runtime`."""


class MaxQueuedTimeExceededError(TaskTimeoutError):
    """The action waited longer than `max_queued_time`."""

    default_hint = "See what occupies the machine: flyte get run --in-phase running"


class DeadlineExceededError(TaskTimeoutError):
    """The action, retries included, took longer than `deadline`."""


class ActionAbortedError(RuntimeUserError):
    """Somebody aborted the action, or its run ended."""

    default_hint = "See who aborted it, and why: flyte get action RUN ACTION"


class TaskInterruptedError(RuntimeUserError):
    """The machine took the attempt away."""


class OOMError(RuntimeUserError):
    """The attempt used more memory than it may."""

    default_hint = 'Give the task more: resources=flyte.Resources(memory="4Gi")'


class SlowDownError(RuntimeUserError):
    default_hint = "Start fewer actions at a time, or wait a little."


class ResourceExhaustedError(SlowDownError):
    """A bound was reached: a full disk, a full queue, too many actions."""

    default_hint = "Make room, or do less at a time; the message names what ran out."


class TraceDoesNotAllowNestedTasksError(RuntimeUserError):
    default_hint = "Call the task beside the traced function, not inside it."


# -- Conditions ------------------------------------------------------------------------------------


class ConditionTimedoutError(RuntimeUserError):
    default_hint = "Give it more time: timeout= of the condition."


class ConditionFailedError(RuntimeUserError):
    default_hint = "Look at the condition's action: flyte get action RUN"


class ConditionAlreadyExistsError(RuntimeUserError):
    default_hint = "Give each condition of a task its own name."


class ConditionNotFoundError(RuntimeUserError):
    default_hint = "List the conditions that wait: flyte get run --paused-only"


# -- Images ----------------------------------------------------------------------------------------


class ImageBuildError(RuntimeUserError):
    default_hint = "Read the build's output, and correct the image."


class InvalidImageNameError(RuntimeUserError):
    default_hint = "Use a name like registry/name:tag."


class ImagePullBackOffError(RuntimeUserError):
    default_hint = "Check that the image exists and may be pulled."


class PrimaryContainerNotFoundError(RuntimeUserError):
    default_hint = "Name one container of the pod template `primary`."
