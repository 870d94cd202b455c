"""Calls of tasks inside a worker: handed to a controller that talks to the server."""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

from flyte._context import TaskContext
from flyte._controller.protocol import Controller, Submission
from flyte._controller.spec import Place
from flyte._controller.submission import parent_of, submit
from flyte._dataflow import observe
from flyte._sync import portal
from flyte._types.interface import codec_of_task
from flyte.errors import (
    ReplayDivergedError,
    SyncTaskCallInAsyncContextError,
    TraceDoesNotAllowNestedTasksError,
)
from flyte_core.model import REPLAY_DIVERGED, ActionName, Micros, Token

if TYPE_CHECKING:
    from flyte._authoring.task import Task


T = TypeVar("T")

log = logging.getLogger("flyte")


class ControllerCalls:
    """Makes children of calls. The controller is made by the first call."""

    replays = True

    def __init__(
        self,
        connect: Callable[[], Controller],
        place: Place,
        *,
        replays: bool = False,
        recovers: bool = False,
        strict: bool = False,
    ) -> None:
        self._connect = connect
        self._place = place
        self._controller: Controller | None = None
        self._recovers = recovers
        self._strict = strict
        self._asked: set[ActionName] | None = set() if replays or recovers else None
        """What this attempt called, where an earlier one may have called something else."""

    @property
    def controller(self) -> Controller:
        if self._controller is None:
            self._controller = self._connect()
        return self._controller

    async def settle(self, context: TaskContext) -> None:
        """The body has succeeded: what an earlier attempt called and this one did not is recorded.

        Raises:
            ReplayDivergedError: there is such a thing, and the run does not allow it.
        """
        if self._asked is None:
            return
        # What was started and not awaited has been asked for as well: let it begin.
        await asyncio.sleep(0)
        divergence = await self.controller.replayed(parent_of(context), self._asked)
        if divergence:
            judge(divergence, strict=self._strict)

    def settle_blocking(self, context: TaskContext) -> None:
        """The same for a body on a thread."""
        if self._asked is not None:
            portal().run(self.settle(context))

    async def close(self, context: TaskContext) -> None:
        """The body has ended: let go of what its calls opened."""
        if self._controller is not None:
            await self._controller.close(parent_of(context))

    def close_blocking(self, context: TaskContext) -> None:
        """The same for a body on a thread."""
        if self._controller is not None:
            portal().run(self.close(context))

    def blocking(
        self, context: TaskContext, task: "Task[..., Any]", args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        refuse_on_loop(task)
        handle = observe.taking(context, task, args)
        call = self._submission(context, task, args, kwargs, handle)
        data = portal().run(self.controller.run_child(parent_of(context), call))
        return result_of(task, call.name, data, handle)

    def awaited(
        self, context: TaskContext, task: "Task[..., Any]", args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Coroutine[Any, Any, Any]:
        handle = observe.taking(context, task, args, later=True)
        return self._awaited(context, task, args, kwargs, handle)

    async def _awaited(
        self,
        context: TaskContext,
        task: "Task[..., Any]",
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        handle: observe.Handle | None,
    ) -> Any:
        call = self._submission(context, task, args, kwargs, handle)
        data = await self.controller.run_child(parent_of(context), call)
        return result_of(task, call.name, data, handle)

    async def find(self, context: TaskContext, call: Submission) -> bytes | None:
        self._note(call)
        found = await self.controller.find(parent_of(context), call)
        if found is None and self._recovers:
            found = await self.controller.recall(parent_of(context), call)
        return found

    async def record(self, context: TaskContext, call: Submission) -> None:
        await self.controller.record_trace(parent_of(context), self._note(call))

    async def answer(self, context: TaskContext, call: Submission) -> bytes:
        return await self.controller.run_child(parent_of(context), call)

    def wait(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return portal().run(coroutine)

    def now(self) -> Micros:
        return Micros(time.time_ns() // 1000)

    def token_of(self, context: TaskContext) -> Token | None:
        return context.token

    def _submission(
        self,
        context: TaskContext,
        task: "Task[..., Any]",
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        handle: observe.Handle | None,
    ) -> Submission:
        refuse_in_trace(context, task)
        return self._note(submit(context, task, args, kwargs, self._place, handle))

    def _note(self, call: Submission) -> Submission:
        if self._asked is not None:
            self._asked.add(call.name)
        return call


def result_of(task: "Task[..., Any]", name: ActionName, data: bytes, handle: observe.Handle | None) -> Any:
    """What the action that a call became has returned."""
    value = codec_of_task(task).decode_outputs(data)
    if handle is not None:
        handle.ended(name, value, len(data))
    return value


def judge(divergence: str, *, strict: bool) -> None:
    """Say in the log that an attempt called other tasks than one before it.

    Raises:
        ReplayDivergedError: where that is a failure.
    """
    if strict:
        raise ReplayDivergedError(f"Running again, {divergence}", code=REPLAY_DIVERGED)
    log.warning("%s: running again, %s", REPLAY_DIVERGED, divergence)


def refuse_on_loop(task: "Task[..., Any]") -> None:
    """A sync task must not be called on an event loop: it would stand still.

    Raises:
        SyncTaskCallInAsyncContextError: it is.
    """
    if asyncio._get_running_loop() is not None:
        raise SyncTaskCallInAsyncContextError(
            f"{task.name} is a sync task and was called on an event loop, which would stand still.",
            hint=f"Await it: `await {task.func.__name__}.aio(...)`.",
        )


def refuse_in_trace(context: TaskContext, task: "Task[..., Any]") -> None:
    """A traced function must not call tasks.

    Raises:
        TraceDoesNotAllowNestedTasksError: it does.
    """
    if context.traced:
        raise TraceDoesNotAllowNestedTasksError(
            f"{task.name} was called inside the traced function {context.traced}."
        )
