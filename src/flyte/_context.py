"""Where code stands: inside which action of which run, or in none.

One context variable holds it. Whoever runs a body sets it; tasks, groups and `flyte.ctx()` ask it.
Nothing here imports the machinery that a run needs, so that asking is cheap outside of one.
"""

from collections.abc import Coroutine, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, contextmanager
from contextvars import ContextVar, Token
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol, TypeVar, cast

if TYPE_CHECKING:
    from flyte._authoring.task import Task
    from flyte._calls.checkpoint import Checkpoint
    from flyte._calls.report import Report
    from flyte._controller.protocol import Submission
    from flyte._dataflow.seen import Seen
    from flyte_core.dataflow import Edge
    from flyte_core.model import ActionName, Micros, RunKey
    from flyte_core.model import Token as Fence

T = TypeVar("T")

Mode = Literal["local", "remote"]

_WORTH_A_WORD_S = 0.001

CHECKPOINTS = "_flytecheckpoints"
"""The directory of an attempt's checkpoint, within the attempt's own."""


class ActionID(NamedTuple):
    """What names an action for people."""

    name: str
    run_name: str
    project: str
    domain: str
    org: str = "local"


class GroupData(str):
    """The name of a group: a text, which also answers to `.name`."""

    __slots__ = ()

    @property
    def name(self) -> str:
        return str(self)


class CheckpointPaths(NamedTuple):
    """Where checkpoints lie: that of the attempt before, and this attempt's own."""

    prev_checkpoint_path: str | None
    checkpoint_path: str | None


class Handling:
    """What the values of one attempt took of its time: reading the inputs, writing the outputs."""

    __slots__ = ("reading_s", "writing_s")

    def __init__(self) -> None:
        self.reading_s = 0.0
        self.writing_s = 0.0

    def told(self) -> tuple[int, int]:
        """Both in microseconds; what is not worth a word counts as nothing."""
        reading, writing = (
            round(each * 1e6) if each >= _WORTH_A_WORD_S else 0 for each in (self.reading_s, self.writing_s)
        )
        return reading, writing


class Calls(Protocol):
    """Makes actions of calls; each mode has its own."""

    replays: bool
    """Whether even a first attempt may find calls that were made before."""

    def blocking(self, context: "TaskContext", task: "Task[..., Any]", args: Any, kwargs: Any) -> Any:
        """Call the task and return its result; the thread waits."""

    def awaited(
        self, context: "TaskContext", task: "Task[..., Any]", args: Any, kwargs: Any
    ) -> Coroutine[Any, Any, Any]:
        """The same for code on an event loop; cancelling it aborts the action."""

    async def find(self, context: "TaskContext", call: "Submission") -> bytes | None:
        """The outputs of a traced call that was recorded before; None when there is none.

        Raises the recorded error of one that failed for good.
        """

    async def record(self, context: "TaskContext", call: "Submission") -> None:
        """Record a traced call that has ended, or a condition that is asked from now on."""

    async def answer(self, context: "TaskContext", call: "Submission") -> bytes:
        """Await the answer to a condition, as serialized outputs. Cancelling it aborts the condition.

        Raises its failure: nobody answered in time, or it was aborted.
        """

    def resting(self, context: "TaskContext") -> AbstractAsyncContextManager[None]:
        """The body waits for what is no call of its own, such as another run: it counts for nothing meanwhile."""

    def wait(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Wait for one of these, for code on a thread."""

    def now(self) -> "Micros":
        """The present instant, as it is recorded."""

    def token_of(self, context: "TaskContext") -> "Fence | None":
        """The fencing token of the attempt whose body is running."""


class RunInfo:
    """What all actions of a run share."""

    __slots__ = (
        "code_bundle",
        "custom_context",
        "disable_run_cache",
        "key",
        "mode",
        "raw_data_path",
        "run_base_dir",
        "run_start_time",
        "version",
    )

    def __init__(
        self,
        key: "RunKey",
        mode: Mode,
        *,
        run_base_dir: str,
        run_start_time: datetime,
        version: str = "",
        code_bundle: str = "",
        custom_context: Mapping[str, str] | None = None,
        disable_run_cache: bool = False,
        raw_data_path: str = "",
    ) -> None:
        self.raw_data_path = raw_data_path
        self.key = key
        self.mode = mode
        self.run_base_dir = run_base_dir
        self.run_start_time = run_start_time
        self.version = version
        self.code_bundle = code_bundle
        self.custom_context = dict(custom_context or {})
        self.disable_run_cache = disable_run_cache


class TaskContext:
    """The action whose body is running, as `flyte.ctx()` gives it."""

    __slots__ = (
        "_checkpoint_path",
        "_output_path",
        "_prev_checkpoint",
        "_raw_data_path",
        "attempt",
        "calls",
        "custom_context",
        "data",
        "edges",
        "group",
        "handling",
        "input_path",
        "name",
        "repeats",
        "run",
        "seen",
        "task",
        "token",
        "traced",
    )

    rank = world_size = local_rank = local_world_size = node_rank = nnodes = None
    master_addr = master_port = restart_attempt = None
    """Of tasks that run as several processes; there are none here."""

    def __init__(
        self,
        run: RunInfo,
        name: "ActionName",
        calls: Calls,
        *,
        attempt: int = 1,
        token: "Fence | None" = None,
        task: "Task[..., Any] | None" = None,
        custom_context: Mapping[str, str] | None = None,
        input_path: str = "",
        output_path: str = "",
        raw_data_path: str = "",
        checkpoint_path: str = "",
        prev_checkpoint: str = "",
    ) -> None:
        self.run = run
        self.name = name
        self.calls = calls
        self.attempt = attempt
        self.token = token
        self.task = task
        self.custom_context = run.custom_context if custom_context is None else custom_context
        self.input_path = input_path
        self._output_path = output_path
        self._raw_data_path = raw_data_path
        self._checkpoint_path = checkpoint_path
        self._prev_checkpoint = prev_checkpoint
        self.group = ""
        self.traced = ""
        self.repeats: dict[tuple[str, ...], int] = {}
        self.data: dict[Any, Any] = {}
        self.seen: Seen | None = None
        self.edges: list[Edge] = []
        self.handling = Handling()

    @property
    def action(self) -> ActionID:
        """The action's name and its run's."""
        key = self.run.key
        return ActionID(self.name, key.name, key.project, key.domain)

    @property
    def task_action(self) -> ActionID:
        """The task's action; the same as `action` unless inside a traced function."""
        return self.action

    @property
    def mode(self) -> Mode:
        """`local`: in the process that called `flyte.run`; `remote`: in a worker of a server."""
        return self.run.mode

    @property
    def version(self) -> str:
        """The version of the code: its bundle's digest, or what was given."""
        return self.run.version

    @property
    def code_bundle(self) -> str:
        """Where the code came from; empty in local runs."""
        return self.run.code_bundle

    @property
    def run_base_dir(self) -> str:
        """Everything the run writes is below."""
        return self.run.run_base_dir

    @property
    def run_start_time(self) -> datetime:
        """When the run began, UTC: the same for all its actions and attempts."""
        return self.run.run_start_time

    @property
    def disable_run_cache(self) -> bool:
        return self.run.disable_run_cache

    @property
    def attempt_number(self) -> int:
        """Which attempt this is, counted from 0."""
        return self.attempt - 1

    @property
    def output_path(self) -> str:
        """The attempt's own directory."""
        return self._output_path or f"{self.run.run_base_dir}/{self.name}/{self.attempt}"

    @property
    def raw_data_path(self) -> str:
        """Where large values of the attempt go."""
        if self._raw_data_path:
            return self._raw_data_path
        if self.run.raw_data_path:
            return f"{self.run.raw_data_path.rstrip('/')}/{self.run.key.name}/{self.name}/{self.attempt}"
        return f"{self.output_path}/raw"

    @property
    def checkpoint_path(self) -> str:
        """Where the attempt keeps its checkpoint."""
        return self._checkpoint_path or f"{self.output_path}/{CHECKPOINTS}"

    @property
    def prev_checkpoint(self) -> str:
        """Where the attempt before kept its own; empty in the first one."""
        if self._prev_checkpoint or self.attempt == 1:
            return self._prev_checkpoint
        return f"{self.run.run_base_dir}/{self.name}/{self.attempt - 1}/{CHECKPOINTS}"

    @property
    def checkpoint_paths(self) -> CheckpointPaths:
        return CheckpointPaths(self.prev_checkpoint or None, self.checkpoint_path)

    @property
    def checkpoint(self) -> "Checkpoint":
        """Keeps what the next attempt should find, and restores what the last one kept."""
        from flyte._calls.checkpoint import Checkpoint

        found = self.data.get(Checkpoint)
        if found is None:
            found = self.data[Checkpoint] = Checkpoint(self.checkpoint_path, self.prev_checkpoint or None)
        return cast("Checkpoint", found)

    @property
    def report(self) -> "Report":
        """What the task has reported so far; see `flyte.report`."""
        from flyte._calls.report import report_of

        return report_of(self)

    @property
    def group_data(self) -> "GroupData | None":
        """The innermost `flyte.group` around the code; None outside of any."""
        return GroupData(self.group) if self.group else None

    @property
    def interactive_mode(self) -> bool:
        """Whether the code came as a pickle, from a notebook or a prompt."""
        return ".pkl" in self.run.code_bundle

    @property
    def idempotency_key(self) -> str:
        """`run/action`: the same in every attempt. Give it to systems that can refuse repeats."""
        return f"{self.run.key.name}/{self.name}"

    @property
    def attempt_token(self) -> int | None:
        """Larger in every later attempt: lets other systems refuse an attempt that was replaced."""
        return self.calls.token_of(self)

    def is_in_cluster(self) -> bool:
        """Whether a server runs this, rather than the process that called `flyte.run`."""
        return self.run.mode == "remote"

    def variant(self, **changes: Any) -> "TaskContext":
        """The same place with something changed. Counters of repeated calls stay shared."""
        other = object.__new__(TaskContext)
        for name in TaskContext.__slots__:
            setattr(other, name, getattr(self, name))
        for name, value in changes.items():
            setattr(other, name, value)
        return other

    def repeat(self, *call: str) -> int:
        """How many calls like this one there were in this attempt, this one included."""
        count = self.repeats.get(call, 0) + 1
        self.repeats[call] = count
        return count

    def __repr__(self) -> str:
        return f"<{self.run.key.name}/{self.name} attempt {self.attempt}>"


_current: ContextVar[TaskContext | None] = ContextVar("flyte_context", default=None)

current = _current.get
"""The place of the running code; None outside a run."""


def ctx() -> TaskContext | None:
    """The action whose body is running; `None` outside a run."""
    return _current.get()


def enter(context: TaskContext | None) -> Token[TaskContext | None]:
    """Begin a body. Undo with `leave`, in the same thread and task."""
    return _current.set(context)


def leave(token: Token[TaskContext | None]) -> None:
    _current.reset(token)


@contextmanager
def group(name: str) -> Iterator[None]:
    """Put the actions created inside into a group of this name. Outside a run it does nothing.

    The name is part of what tells repeated calls apart, so it must be the same in every attempt.
    """
    context = _current.get()
    if context is None:
        yield
        return
    token = _current.set(context.variant(group=str(name)))
    try:
        yield
    finally:
        _current.reset(token)


@contextmanager
def custom_context(**context: str) -> Iterator[None]:
    """Give texts to the tasks called inside, and to all they call. They do not count for the cache."""
    here = _current.get()
    for name, value in context.items():
        if not isinstance(value, str):
            raise TypeError(f"custom_context({name}={value!r}): values are text")
    if here is None:
        yield
        return
    token = _current.set(here.variant(custom_context={**here.custom_context, **context}))
    try:
        yield
    finally:
        _current.reset(token)


def get_custom_context() -> dict[str, str]:
    """What `custom_context` and the run gave to this task; empty outside a run."""
    here = _current.get()
    return dict(here.custom_context) if here is not None else {}
