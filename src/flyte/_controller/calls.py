"""Calls of tasks: the same way in both modes until they are handed to what makes children of them."""

import asyncio
import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager
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


class TaskCalls(ABC):
    """From the arguments of a call to what it returns. What lies between is up to the mode."""

    place: Place

    def blocking(
        self, context: TaskContext, task: "Task[..., Any]", args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        refuse_on_loop(task)
        handle = observe.taking(context, task, args)
        refuse_in_trace(context, task)
        call = self.note(context, submit(context, task, args, kwargs, self.place, handle))
        return _result(task, call.name, self.outcome_blocking(context, task, call), handle)

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
        refuse_in_trace(context, task)
        call = self.note(context, submit(context, task, args, kwargs, self.place, handle))
        return _result(task, call.name, await self.outcome(context, task, call), handle)

    @abstractmethod
    def note(self, context: TaskContext, call: Submission) -> Submission:
        """Remember what an attempt calls that replaces another."""

    @abstractmethod
    def outcome_blocking(self, context: TaskContext, task: "Task[..., Any]", call: Submission) -> bytes:
        """Make an action of a call, and wait for its serialized outputs on this thread.

        Raises its failure.
        """

    @abstractmethod
    def outcome(
        self, context: TaskContext, task: "Task[..., Any]", call: Submission
    ) -> Coroutine[Any, Any, bytes]:
        """The same on the running loop; cancelling it aborts the action."""


class ControllerCalls(TaskCalls):
    """Calls inside a worker go to a controller that talks to the server. The first one makes it."""

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
        self.place = place
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

    def outcome_blocking(self, context: TaskContext, task: "Task[..., Any]", call: Submission) -> bytes:
        return portal().run(self.controller.run_child(parent_of(context), call))

    def outcome(
        self, context: TaskContext, task: "Task[..., Any]", call: Submission
    ) -> Coroutine[Any, Any, bytes]:
        return self.controller.run_child(parent_of(context), call)

    async def find(self, context: TaskContext, call: Submission) -> bytes | None:
        self.note(context, call)
        found = await self.controller.find(parent_of(context), call)
        if found is None and self._recovers:
            found = await self.controller.recall(parent_of(context), call)
        return found

    async def record(self, context: TaskContext, call: Submission) -> None:
        await self.controller.record_trace(parent_of(context), self.note(context, call))

    async def answer(self, context: TaskContext, call: Submission) -> bytes:
        return await self.controller.run_child(parent_of(context), call)

    def resting(self, context: TaskContext) -> AbstractAsyncContextManager[None]:
        return self.controller.resting(parent_of(context))

    def wait(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return portal().run(coroutine)

    def now(self) -> Micros:
        return Micros(time.time_ns() // 1000)

    def token_of(self, context: TaskContext) -> Token | None:
        return context.token

    def note(self, context: TaskContext, call: Submission) -> Submission:
        if self._asked is not None:
            self._asked.add(call.name)
        return call


def _result(task: "Task[..., Any]", name: ActionName, data: bytes, handle: observe.Handle | None) -> Any:
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
