"""Records the calls of traced functions; see `flyte._calls.trace`."""

import contextlib
import dataclasses
import functools
import inspect
from collections.abc import AsyncGenerator, Callable, Generator
from hashlib import sha256
from typing import Any, Final, NamedTuple

from flyteidl2.task import task_definition_pb2
from flyteidl2.workflow import run_definition_pb2

from flyte import _context, _observers
from flyte._authoring.identity import body_version
from flyte._authoring.interface import NativeInterface
from flyte._context import TaskContext
from flyte._controller.protocol import Submission
from flyte._dataflow import observe
from flyte._runtime.failure import describe
from flyte._types.interface import InterfaceCodec
from flyte.errors import ActionAbortedError
from flyte_core import naming
from flyte_core.engine.api import TraceResult
from flyte_core.model import ActionKind, ErrorInfo, Micros, TaskSpec
from flyte_core.wire import specs

_END: Final = object()
"""Stands for the end of a generator."""


class _Call(NamedTuple):
    """One call of a traced function: what names it, and where it was made."""

    context: TaskContext
    submission: Submission
    started_at: Micros
    handle: observe.Handle | None


class Traced:
    """What is known of a traced function; worked out at its first call in a run."""

    def __init__(self, func: Callable[..., Any]) -> None:
        self.func = func
        self.name = func.__name__
        self.generates = inspect.isgeneratorfunction(func) or inspect.isasyncgenfunction(func)

    @functools.cached_property
    def interface(self) -> NativeInterface:
        return NativeInterface(self.name, self.func, as_list=self.generates)

    @functools.cached_property
    def codec(self) -> InterfaceCodec:
        return InterfaceCodec(self.interface)

    @functools.cached_property
    def spec(self) -> TaskSpec:
        message = run_definition_pb2.TraceAction(
            name=self.name, spec=task_definition_pb2.TraceSpec(interface=self.codec.typed())
        )
        return specs.task_spec(message, ActionKind.TRACE)

    @functools.cached_property
    def identity(self) -> str:
        interface = sha256(self.codec.typed().SerializeToString(deterministic=True)).hexdigest()
        return naming.task_identity(f"trace:{self.name}", interface, body_version(self.func))

    def call(
        self,
        context: TaskContext,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        handle: observe.Handle | None,
    ) -> _Call:
        """Bind, convert, hash and name a call."""
        values = self.interface.bind(args, kwargs)
        encoded = self.codec.encode_inputs(values, {})
        inputs = naming.inputs_hash(encoded.canonical)
        repeat = context.repeat(self.identity, inputs, context.group)
        name = naming.action_name(context.name, inputs, self.identity, repeat, context.group)
        submission = Submission(
            name=name,
            kind=ActionKind.TRACE,
            spec=self.spec,
            inputs=encoded.data,
            group=context.group,
            loose_inputs=True,
            edges=() if handle is None else handle.edges(name, self.interface, values),
        )
        return _Call(context, submission, context.calls.now(), handle)

    def ended(self, call: _Call, *, result: Any = None, error: BaseException | None = None) -> Submission:
        """The call with what became of it."""
        told: ErrorInfo | None = None if error is None else describe(error)
        outputs = self.codec.encode_outputs(result) if told is None else None
        trace = TraceResult(call.started_at, call.context.calls.now(), outputs=outputs, error=told)
        edges = call.submission.edges
        if call.handle is not None and self.generates:
            edges += call.handle.closed(call.submission.name)
        return dataclasses.replace(call.submission, trace=trace, edges=edges)


@functools.cache
def traced_of(func: Callable[..., Any]) -> Traced:
    """What is known of the function; the same for the same one."""
    return Traced(func)


def _course(
    traced: Traced,
    context: TaskContext,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    handle: observe.Handle | None,
) -> Generator[Any, Any, Any]:
    """What a call does, colour aside: yields a coroutine to wait for, or None to run the function."""
    with _observers.of_step(context, traced.name) as recorder:
        return (yield from _recorded(traced, context, args, kwargs, handle, recorder))


def _recorded(
    traced: Traced,
    context: TaskContext,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    handle: observe.Handle | None,
    recorder: _observers.Recorder,
) -> Generator[Any, Any, Any]:
    call = traced.call(context, args, kwargs, handle)
    if context.attempt > 1 or context.calls.replays:
        known = yield context.calls.find(context, call.submission)
        if known is not None:
            recorder.replayed = True
            return _noted(handle, call, traced.codec.decode_outputs(known))
    inside = _context.enter(context.variant(traced=traced.name))
    try:
        result = yield None
    except Exception as error:
        _context.leave(inside)
        yield context.calls.record(context, traced.ended(call, error=error))
        raise
    except BaseException:
        _context.leave(inside)
        raise
    _context.leave(inside)
    yield context.calls.record(context, traced.ended(call, result=result))
    return _noted(handle, call, result)


def _noted(handle: observe.Handle | None, call: _Call, result: Any) -> Any:
    """The result, and the note of where it came from."""
    if handle is not None:
        handle.ended(call.submission.name, result, 0)
    return result


def drive(
    func: Callable[..., Any], context: TaskContext, args: Any, kwargs: Any, function: Callable[[], Any]
) -> Any:
    """Make a traced call on this thread."""
    steps = _course(traced_of(func), context, args, kwargs, observe.taking(context, func, args))
    value: Any = None
    error: BaseException | None = None
    while True:
        try:
            step = steps.send(value) if error is None else steps.throw(error)
        except StopIteration as end:
            return end.value
        value = error = None
        try:
            value = function() if step is None else context.calls.wait(step)
        except BaseException as raised:
            error = raised


async def adrive(
    func: Callable[..., Any], context: TaskContext, args: Any, kwargs: Any, function: Callable[[], Any]
) -> Any:
    """Make a traced call on the running loop."""
    handle = observe.taking(context, func, args, later=True)
    steps = _course(traced_of(func), context, args, kwargs, handle)
    value: Any = None
    error: BaseException | None = None
    while True:
        try:
            step = steps.send(value) if error is None else steps.throw(error)
        except StopIteration as end:
            return end.value
        value = error = None
        try:
            value = await (function() if step is None else step)
        except BaseException as raised:
            error = raised


def stream(
    func: Callable[..., Any], context: TaskContext, args: Any, kwargs: Any
) -> Generator[Any, None, None]:
    """The items of a traced generator, recorded when there are no more or no more are wanted."""
    handle = observe.taking(context, func, args, later=True)
    with _observers.of_step(context, func.__name__) as recorder:
        yield from _stream(func, context, args, kwargs, handle, recorder)


def _stream(
    func: Callable[..., Any],
    context: TaskContext,
    args: Any,
    kwargs: Any,
    handle: observe.Handle | None,
    recorder: _observers.Recorder,
) -> Generator[Any, None, None]:
    traced, calls = traced_of(func), context.calls
    call = traced.call(context, args, kwargs, handle)
    if handle is not None:
        handle.opened(call.submission.name)
    if context.attempt > 1 or calls.replays:
        known = calls.wait(calls.find(context, call.submission))
        if known is not None:
            recorder.replayed = True
            yield from traced.codec.decode_outputs(known)
            return
    inside = context.variant(traced=traced.name)
    generator = func(*args, **kwargs)
    items: list[Any] = []
    try:
        while True:
            token = _context.enter(inside)
            try:
                item = next(generator, _END)
            finally:
                _context.leave(token)
            if item is _END:
                break
            items.append(item)
            yield item
    except GeneratorExit:
        generator.close()
        # Nobody may have wanted it before the task itself had ended.
        with contextlib.suppress(ActionAbortedError):
            calls.wait(calls.record(context, traced.ended(call, result=items)))
        raise
    except Exception as error:
        calls.wait(calls.record(context, traced.ended(call, error=error)))
        raise
    calls.wait(calls.record(context, traced.ended(call, result=items)))


async def astream(
    func: Callable[..., Any], context: TaskContext, args: Any, kwargs: Any
) -> AsyncGenerator[Any, None]:
    """The same for an async generator."""
    handle = observe.taking(context, func, args, later=True)
    with _observers.of_step(context, func.__name__) as recorder:
        async with contextlib.aclosing(_astream(func, context, args, kwargs, handle, recorder)) as items:
            async for item in items:
                yield item


async def _astream(
    func: Callable[..., Any],
    context: TaskContext,
    args: Any,
    kwargs: Any,
    handle: observe.Handle | None,
    recorder: _observers.Recorder,
) -> AsyncGenerator[Any, None]:
    traced, calls = traced_of(func), context.calls
    call = traced.call(context, args, kwargs, handle)
    if handle is not None:
        handle.opened(call.submission.name)
    if context.attempt > 1 or calls.replays:
        known = await calls.find(context, call.submission)
        if known is not None:
            recorder.replayed = True
            for item in traced.codec.decode_outputs(known):
                yield item
            return
    inside = context.variant(traced=traced.name)
    generator = func(*args, **kwargs)
    items: list[Any] = []
    try:
        while True:
            token = _context.enter(inside)
            try:
                item = await anext(generator, _END)
            finally:
                _context.leave(token)
            if item is _END:
                break
            items.append(item)
            yield item
    except GeneratorExit:
        await generator.aclose()
        with contextlib.suppress(ActionAbortedError):
            await calls.record(context, traced.ended(call, result=items))
        raise
    except Exception as error:
        await calls.record(context, traced.ended(call, error=error))
        raise
    await calls.record(context, traced.ended(call, result=items))
