"""A run and its actions: the records that history is made of."""

from dataclasses import field, fields, replace
from enum import StrEnum
from operator import attrgetter
from typing import Any, Final

from flyte_core.frozen import frozen
from flyte_core.model.ids import ActionKey, ActionName, Digest, Micros, RunKey, Token
from flyte_core.model.phase import Phase
from flyte_core.model.policy import Policy

REPLAY_DIVERGED: Final = "REPLAY_DIVERGED"
"""The code under which users meet a divergence."""


class ActionKind(StrEnum):
    """What an action is: a task call, a traced function call, or a wait for an answer."""

    TASK = "task"
    TRACE = "trace"
    CONDITION = "condition"


class CacheStatus(StrEnum):
    """What the cache did for an action."""

    DISABLED = "disabled"
    MISS = "miss"
    HIT = "hit"
    POPULATED = "populated"
    SKIPPED = "skipped"


class ErrorKind(StrEnum):
    """Whose failure it is: the user's code, or the machinery under it."""

    USER = "user"
    SYSTEM = "system"


@frozen
class ErrorInfo:
    """Why an attempt or an action did not succeed.

    `code` is one word (`ValueError`, `OOMError`, `ActionAbortedError`). `message` is what the user
    reads first; `traceback` is the user's traceback with framework frames trimmed, or empty.
    """

    code: str
    message: str
    kind: ErrorKind = ErrorKind.USER
    recoverable: bool = True
    traceback: str = ""
    worker: str = ""


@frozen
class PayloadRef:
    """Where a value set (inputs or outputs) is, and what it must hash to.

    `uri` is empty when the bytes are kept in the store itself (`Tx.payload`).
    """

    sha256: Digest
    size_bytes: int
    uri: str = ""


class AttemptState(StrEnum):
    LIVE = "live"
    OK = "ok"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    LOST = "lost"
    KILLED = "killed"


@frozen
class Attempt:
    """One execution of an action's body. `number` counts from 1 without gaps."""

    number: int
    token: Token
    state: AttemptState
    transitions: tuple[tuple[Phase, Micros], ...]
    """Each phase this attempt entered, with the instant, oldest first. The first is `queued`."""
    ended_at: Micros | None = None
    error: ErrorInfo | None = None
    worker: str = ""
    """Who runs it, for people: `pid 1234`, `ray node ...`."""
    reading_us: int = 0
    """So long after it began to run its inputs had been read; 0: not told, or not worth a word."""
    writing_us: int = 0
    """So long before it ended the writing of its outputs began."""


@frozen
class Orphan:
    """A child that an earlier attempt called, and a later one never asked for."""

    name: ActionName
    short_name: str


@frozen
class Divergence:
    """A parent that ran again and asked for other children than before: its code is not deterministic."""

    action: ActionName
    attempt: int
    """The attempt that succeeded without its orphans."""
    orphans: tuple[Orphan, ...]
    more: int = 0
    """How many orphans there are beside those that are named."""

    def __str__(self) -> str:
        """A sentence that names each orphan."""
        named = [f"{orphan.short_name} ({orphan.name})" for orphan in self.orphans]
        if self.more:
            named.append(f"{self.more} more")
        return (
            f"attempt {self.attempt} of {self.action} did not call again what an earlier attempt had called: "
            f"{', '.join(named)}."
        )


@frozen
class TaskSpec:
    """What is to be executed, content-addressed: many actions share one.

    `template` is the serialized `flyteidl2.task.TaskSpec` (for a trace `workflow.TraceAction` with
    name and spec only, for a condition `workflow.ConditionAction`), opaque to the machine.
    """

    digest: Digest
    template: bytes
    task_name: str
    """Full name, `<env>.<function>`; the function's name for a trace, the name for a condition."""
    short_name: str
    env_name: str = ""
    task_type: str = "python"
    task_version: str = ""
    policy: Policy = field(default_factory=Policy)


@frozen
class Action:
    """One action as it stands. Changed only by `flyte_core.machine.decide`.

    `user_failures` counts attempts charged to the user; `system_losses` counts losses since the
    last attempt that ended by itself. `queued_at` is when the present stay in the queue began.
    `not_before` is set while a retry waits. `abort_reason` is set once an abort was asked for.
    """

    key: ActionKey
    parent: ActionName | None
    kind: ActionKind
    seq: int
    """Position among its siblings in call order, from 0."""
    spec: TaskSpec
    phase: Phase
    created_at: Micros
    queued_at: Micros
    group: str = ""
    attempts: tuple[Attempt, ...] = ()
    user_failures: int = 0
    system_losses: int = 0
    not_before: Micros | None = None
    started_at: Micros | None = None
    ended_at: Micros | None = None
    inputs: PayloadRef | None = None
    outputs: PayloadRef | None = None
    output_uri: str = ""
    """For clients: the output prefix of the winning attempt (a task), the file (a trace)."""
    error: ErrorInfo | None = None
    cache_key: str = ""
    cache_scope: str = ""
    """Where the key is valid: `project/domain` unless the caller said otherwise; empty without a key."""
    cache_status: CacheStatus = CacheStatus.DISABLED
    abort_reason: str | None = None
    aborted_by: str = ""
    recovered_from: str = ""
    """The run this outcome was taken from (phase recovered or a cache hit), as `run/action`."""
    version: int = 0
    """Rises by one with every saved change."""
    changed_seq: int = 0
    """The run's sequence number of the last change; a watch cursor compares with it."""
    depth: int = 0
    """Steps from the root, which has 0."""
    waiting_since: Micros | None = None
    """Since when it waits for resources, in the present stay in the queue."""
    divergences: tuple[Divergence, ...] = ()
    """Its own, and, of a root, those of every action of the run."""

    @property
    def live(self) -> Attempt | None:
        """The attempt that may report, if there is one."""
        last = self.attempts[-1] if self.attempts else None
        return last if last is not None and last.state is AttemptState.LIVE else None

    @property
    def failure(self) -> ErrorInfo | None:
        """Why it did not succeed, with the worker of its last attempt where the error names none."""
        if self.error is None or self.error.worker or not self.attempts:
            return self.error
        return replace(self.error, worker=self.attempts[-1].worker)

    @property
    def policy(self) -> Policy:
        return self.spec.policy

    def evolve(self, **changes: Any) -> "Action":
        """This action with some fields changed. As `dataclasses.replace`, in half the time."""
        values = list(_values(self))
        for name, value in changes.items():
            values[_position[name]] = value
        return Action(*values)


_names = tuple(field.name for field in fields(Action))
_position = {name: index for index, name in enumerate(_names)}
_values = attrgetter(*_names)


class RunMode(StrEnum):
    """Who drives a run."""

    LOCAL = "local"
    """The process that called `flyte.run`."""
    SERVER = "server"


@frozen
class Owner:
    """A process, beyond doubt: pids are reused, so the start time and boot id go with it."""

    pid: int
    start_ticks: int
    boot_id: str


@frozen
class RunRecord:
    """What belongs to a run as a whole. Its status is that of its root action."""

    key: RunKey
    mode: RunMode
    created_at: Micros
    task_name: str
    owner: Owner | None = None
    """Set for local runs: the process that drives it."""
    created_by: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    run_spec: bytes = b""
    """Serialized `flyteidl2.task.RunSpec`, byte for byte as sent."""
    env: dict[str, str] = field(default_factory=dict)
    """Environment variables for every action of the run."""
    content_digest: Digest = Digest("")
    """Of spec, inputs and run spec: tells a repeated create from a conflicting one."""
    related_run: str = ""
    relation: str = ""
    """`rerun`, `recover`, ... of `related_run`."""
    overwrite_cache: bool = False
    max_action_concurrency: int = 0
    """0: no limit."""
    force_rerun: tuple[ActionName, ...] = ()
    """Of a run that recovers another: actions that are executed again nevertheless."""
    interpreter: str = ""
    """The Python interpreter that submitted the run, on this machine; empty: the default one."""
    root_dir: str = ""
    """Of a local run: the directory from which its code was imported."""
    last_seq: int = 0


@frozen
class RunView:
    """A run as a reader sees it: the record and its root action."""

    record: RunRecord
    root: Action
