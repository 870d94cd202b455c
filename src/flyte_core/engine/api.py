"""The shapes that go in and out of the engine."""

from dataclasses import dataclass, field

from flyte_core.dataflow import Edge
from flyte_core.frozen import frozen
from flyte_core.machine.decide import Verdict
from flyte_core.machine.effects import Effect
from flyte_core.model import (
    Action,
    ActionKind,
    ActionName,
    ErrorInfo,
    InvalidArgument,
    Micros,
    PayloadRef,
    RunRecord,
    TaskSpec,
    Token,
)

__all__ = ["Change", "Changes", "NewAction", "NewRun", "Outcome", "TraceResult", "Verdict"]


@frozen
class NewAction:
    """A call that shall become an action. `inputs` are serialized `flyteidl2.task.Inputs`.

    Small inputs travel as bytes and are kept in the store; for large ones `inputs_ref` names a
    blob and `inputs` is None.
    """

    name: ActionName
    kind: ActionKind
    spec: TaskSpec
    group: str = ""
    inputs: bytes | None = None
    inputs_ref: PayloadRef | None = None
    cache_key: str = ""
    """Empty: no cache for this call."""
    cache_scope: str = ""
    """Empty: the run's `project/domain`."""
    trace: "TraceResult | None" = None
    loose_inputs: bool = False
    """The name does not pin every byte of the inputs (ignored inputs, values with a hash of their
    own), so a repeated call may bring others; the first call's count."""
    edges: tuple[Edge, ...] = ()
    """Where its inputs came from, as far as the caller saw it."""

    def __post_init__(self) -> None:
        if self.inputs is not None and self.inputs_ref is not None:
            raise InvalidArgument(
                f"The inputs of {self.name} came as bytes and as a reference; one is enough."
            )
        if (self.kind is ActionKind.TRACE) != (self.trace is not None):
            raise InvalidArgument(
                f"{self.name} is a {self.kind}: what became of it belongs to a trace alone."
            )


@frozen
class TraceResult:
    started_at: Micros
    ended_at: Micros
    outputs: bytes | None = None
    outputs_ref: PayloadRef | None = None
    output_uri: str = ""
    error: ErrorInfo | None = None


@frozen
class NewRun:
    """A run to be created, with its root action."""

    record: RunRecord
    root: NewAction


@frozen
class Outcome:
    """How an attempt ended, as its worker or supervisor tells it.

    Exactly one of `error` and success: on success `outputs` (serialized `flyteidl2.task.Outputs`,
    may be empty bytes) or `outputs_ref`. `lost` marks an end without the attempt's own word.
    """

    token: Token
    outputs: bytes | None = None
    outputs_ref: PayloadRef | None = None
    output_uri: str = ""
    error: ErrorInfo | None = None
    lost: bool = False
    timed_out: bool = False
    """The supervisor ended it because `max_runtime` had passed."""
    edges: tuple[Edge, ...] = ()
    """Where what it returned came from, as far as the attempt saw it."""
    reading_us: int = 0
    """What reading its inputs took of the attempt's time; 0: not told."""
    writing_us: int = 0


@frozen
class Change:
    """What a use case did: the actions as saved, and what the driver must now do.

    `actions` holds the action that was asked about first, then those that ended with it. `effects`
    are what is left to the driver: `Launch` and `Kill`; the rest is done within the unit of work. A
    `Kill` for a server run is in the outbox too.
    """

    actions: tuple[Action, ...] = ()
    effects: tuple[Effect, ...] = ()
    verdict: Verdict = Verdict.ACCEPTED


@dataclass(slots=True)
class Changes:
    """Collects changes of several use cases within one unit of work."""

    actions: list[Action] = field(default_factory=list)
    effects: list[Effect] = field(default_factory=list)

    def add(self, change: Change) -> Change:
        self.actions.extend(change.actions)
        self.effects.extend(change.effects)
        return change
