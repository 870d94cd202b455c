"""What a controller does for a running task: turn calls into actions and wait for their outcomes."""

from collections.abc import Collection
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from flyte_core.dataflow import Edge
from flyte_core.engine.api import TraceResult
from flyte_core.frozen import frozen
from flyte_core.model import ActionKind, ActionName, RunKey, TaskSpec, Token


@frozen
class ParentRef:
    """The action that calls. `token` is the attempt's fencing token, `None` where there is none."""

    run: RunKey
    action: ActionName
    token: Token | None = None


@frozen
class Submission:
    """A call, bound, converted, hashed and named: everything a controller needs.

    `inputs` are serialized `flyteidl2.task.Inputs`.
    """

    name: ActionName
    kind: ActionKind
    spec: TaskSpec
    inputs: bytes
    group: str = ""
    cache_key: str = ""
    trace: TraceResult | None = None
    loose_inputs: bool = False
    """The name does not pin every byte of the inputs; see `NewAction.loose_inputs`."""
    edges: tuple[Edge, ...] = ()
    """Where the inputs came from."""
    body: Any = None
    """The task itself, for a controller that runs it in this process."""


class Controller(Protocol):
    """Drives the children of the actions of this process. May be used from any event loop."""

    async def run_child(self, parent: ParentRef, call: Submission) -> bytes:
        """Make the call an action, wait for its end, return serialized `flyteidl2.task.Outputs`.

        Cancelling the awaiting task aborts the action.

        Raises:
            flyte.errors.RuntimeUserError, RuntimeSystemError, TaskTimeoutError, ActionAbortedError, ...:
                the action's failure, with code and message.
        """

    async def record_trace(self, parent: ParentRef, call: Submission) -> None:
        """Record a traced call that has ended (`call.trace` is set), or a condition that is asked from now on."""

    async def find(self, parent: ParentRef, call: Submission) -> bytes | None:
        """The outputs of a child of that name that already succeeded (replay), or None.

        Raises the recorded error of one that failed for good.
        """

    async def recall(self, parent: ParentRef, call: Submission) -> bytes | None:
        """The outputs of a traced call in the run that this one recovers, taken over; or None."""

    async def replayed(self, parent: ParentRef, asked: Collection[ActionName]) -> str:
        """How this attempt of the parent, having called these and no more, differs from earlier ones.

        It is recorded; empty: it does not differ.
        """

    def resting(self, parent: ParentRef) -> AbstractAsyncContextManager[None]:
        """The parent's body waits for what is no child of it, and holds no slot meanwhile."""

    async def close(self, parent: ParentRef) -> None:
        """The parent's body has ended: let go of its streams."""
