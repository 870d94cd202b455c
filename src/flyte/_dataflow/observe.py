"""Where notes are taken: when a body begins, when it calls, when it returns."""

import itertools
import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from flyte._dataflow.calls import Call, here, take
from flyte._dataflow.parts import stream
from flyte._dataflow.prov import Promise, Prov, Stream
from flyte._dataflow.reach import may_call
from flyte._dataflow.seen import STRICT, Seen
from flyte._dataflow.twins import is_twin, twin_of
from flyte_core.dataflow import Edge
from flyte_core.model import ActionName
from flyte_core.supervision import DATAFLOW

if TYPE_CHECKING:
    from flyte._authoring.interface import NativeInterface
    from flyte._authoring.task import Task
    from flyte._context import TaskContext


class Body:
    """One execution of a task's body. `function` is what to call instead of the task's own."""

    __slots__ = ("_call", "_context", "_promise", "_seen", "_task", "function")

    def __init__(self, task: "Task[..., Any]", context: "TaskContext", given: Mapping[str, Any]) -> None:
        self._task = task
        self._context = context
        self._promise: Promise | None = None
        function: Any = task.func
        self.function: Any = twin_of(function) or function
        seen = self._seen = context.seen = Seen(context.name, given)
        call = self._call = Call(target=self.function.__code__)
        call.named = {name: (None, prov) for name, prov in seen.inputs.items()}
        here.call = None if task.is_async else call

    def begins(self, coroutine: Any) -> None:
        """The coroutine of an async body has been made."""
        if is_twin(coroutine.cr_code):
            self._promise = Promise()
            self._seen.begins(coroutine.cr_frame, self._call, self._promise, None)

    def ended(self, value: Any) -> None:
        """The body has returned this."""
        here.call = None
        try:
            prov = self._promise.result if self._promise is not None else self._call.result
            interface = self._task.interface
            names = [each.name for each in interface.outputs]
            single = interface.shape.value == "single"
            self._context.edges[:] = self._seen.returned(names, single, value, prov)
        except Exception:
            if STRICT:
                raise


def body(task: "Task[..., Any]", context: "TaskContext", given: Mapping[str, Any]) -> Body | None:
    """Take notes of a body that is about to run; None: it is not worth it, or not wanted."""
    if not may_call(task) or os.environ.get(DATAFLOW) == "0":
        return None
    try:
        return Body(task, context, given)
    except Exception:
        if STRICT:
            raise
        context.seen = None
        return None


class Handle:
    """A call of something of ours, taken over from the code that made it."""

    __slots__ = ("_call", "_promise", "_seen", "_stream")

    def __init__(self, seen: Seen, call: Call, promise: Promise | None, later: bool) -> None:
        self._seen = seen
        self._call = call
        self._promise = promise
        if later and promise is None:
            self._promise = call.result = Promise()

    def edges(
        self, name: ActionName, interface: "NativeInterface", values: Mapping[str, Any]
    ) -> tuple[Edge, ...]:
        """The edges into the inputs of the action that the call becomes."""
        try:
            provs = self._call.bind((interface.positional, interface.by_name, "", ""))
            return self._seen.given(name, values, provs)
        except Exception:
            if STRICT:
                raise
            return ()

    def opened(self, name: ActionName) -> None:
        """A traced generator begins: what it gives comes from an action that is recorded when it ends."""
        self._seen.late[name] = []
        self.ended(name, None, 0)

    def closed(self, name: ActionName) -> tuple[Edge, ...]:
        """It ends: the edges that were recorded before it."""
        return tuple(self._seen.late.pop(name, ()))

    def ended(self, name: ActionName, value: Any, size: int) -> None:
        """The action has returned this."""
        try:
            prov = self._seen.produced(name, value, size)
            if self._promise is not None:
                self._promise.resolve(prov)
            else:
                self._call.result = prov
            if self._call.then is not None:
                self._call.then(prov)
        except Exception:
            if STRICT:
                raise


def taking(
    context: "TaskContext", target: Any, args: "tuple[Any, ...]", *, later: bool = False, depth: int = 2
) -> Handle | None:
    """Take over the call of `target` that is being made. `later`: its result is awaited.

    `depth` tells whose frame may be that of a coroutine or generator that stands for the call.
    """
    seen = context.seen
    if seen is None:
        return None
    try:
        call = take(target)
        if call is not None:
            return Handle(seen, call, None, later)
        begun = seen.begun(sys._getframe(depth))
        if begun is not None:
            return Handle(seen, begun.call, begun.promise, later)
        return Handle(seen, seen.expected(target) or Call(target=target), None, later)
    except Exception:
        if STRICT:
            raise
        return None


class Rows:
    """A map of a task over iterables."""

    def __init__(self, seen: Seen, call: Call, task: "Task[..., Any]", names: list[str]) -> None:
        self._seen = seen
        self._task = task
        self._names = names
        args = call.positional()
        self._sources = [stream(seen, *each) for each in args[1:]]
        known = seen.of(args[0][0]) if args else None
        self._fixed = _fixed(known, task)
        self._results: list[Promise] = []
        taken = itertools.count()
        call.result = Stream(lambda _: self._result(next(taken)))
        call.result.sources = self._results
        call.done = True

    def _result(self, index: int) -> Prov | None:
        return self._results[index].result if index < len(self._results) else None

    def announce(self, row: Mapping[str, Any]) -> None:
        """The next call is made now, with these inputs."""
        call = Call(target=self._task)
        call.named = dict(self._fixed)
        for name, source in zip(self._names, self._sources, strict=False):
            call.named[name] = None, source.take(row.get(name))
        promise = Promise()
        self._results.append(promise)
        call.then = promise.resolve
        here.call = call


def _fixed(known: Prov | None, task: "Task[..., Any]") -> dict[str, tuple[Any, Prov | None]]:
    if known is None or not isinstance(known.parts, dict):
        return {}
    names = [each.name for each in task.interface.inputs]
    return {names[k] if isinstance(k, int) else k: (None, p) for k, p in known.parts.items()}


def rows(context: "TaskContext | None", mapper: Any, task: "Task[..., Any]", names: list[str]) -> Rows | None:
    """Take over a map that is about to be made; None when nobody takes notes."""
    if context is None or context.seen is None:
        return None
    try:
        call = take(mapper)
        return None if call is None else Rows(context.seen, call, task, names)
    except Exception:
        if STRICT:
            raise
        return None
