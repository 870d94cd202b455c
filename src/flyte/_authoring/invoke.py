"""From serialized inputs through a task's body to serialized outputs."""

import sys
from collections.abc import Coroutine
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from flyte import _context, _observers
from flyte._context import TaskContext
from flyte._dataflow import observe
from flyte._types.interface import InterfaceCodec, codec_of_task
from flyte.errors import InlineIOMaxBytesBreached

if TYPE_CHECKING:
    from flyte._authoring.task import Task
    from flyte._controller.calls import ControllerCalls
    from flyte._runtime.context import AttemptContext


def is_async(task: "Task[..., Any]") -> bool:
    """Whether the body is a coroutine."""
    return task.is_async


def invoke(task: "Task[..., Any]", inputs: bytes, context: "AttemptContext") -> bytes:
    """Run the body of a worker's attempt on this thread; a coroutine gets a loop of its own.

    Exceptions of the body pass as they are.
    """
    if task.is_async:
        import asyncio

        return asyncio.run(ainvoke(task, inputs, context))
    here, calls = _worker_context(task, context)
    try:
        data = call(task, inputs, here)
        calls.settle_blocking(here)
        context.edges.extend(here.edges)
        return data
    finally:
        calls.close_blocking(here)


async def ainvoke(task: "Task[..., Any]", inputs: bytes, context: "AttemptContext") -> bytes:
    """The same for several bodies in one loop. A sync body holds the loop while it runs."""
    here, calls = _worker_context(task, context)
    try:
        data = await await_(task, inputs, here) if task.is_async else call(task, inputs, here)
        await calls.settle(here)
        context.edges.extend(here.edges)
        return data
    finally:
        await calls.close(here)


def call(task: "Task[..., Any]", inputs: bytes, context: TaskContext) -> bytes:
    """Run a sync body on this thread, in the given place."""
    codec, args, kwargs, notes = _arguments(task, inputs, context)
    token = _context.enter(context)
    try:
        with _observers.of_task(context):
            result = (task.func if notes is None else notes.function)(*args, **kwargs)
        if notes is not None:
            notes.ended(result)
        return _outputs(task, codec, result, context)
    finally:
        _context.leave(token)
        _keep_report(context)


async def await_(task: "Task[..., Any]", inputs: bytes, context: TaskContext) -> bytes:
    """Await an async body in the given place."""
    codec, args, kwargs, notes = _arguments(task, inputs, context)
    token = _context.enter(context)
    try:
        with _observers.of_task(context):
            body: Coroutine[Any, Any, Any] = (task.func if notes is None else notes.function)(*args, **kwargs)
            if notes is not None:
                notes.begins(body)
            result = await body
        if notes is not None:
            notes.ended(result)
        return _outputs(task, codec, result, context)
    finally:
        _context.leave(token)
        _keep_report(context)


def _arguments(
    task: "Task[..., Any]", inputs: bytes, context: TaskContext
) -> tuple[InterfaceCodec, tuple[Any, ...], dict[str, Any], observe.Body | None]:
    codec = codec_of_task(task)
    begun = perf_counter()
    values, given = codec.decode_inputs(inputs)
    context.handling.reading_s += perf_counter() - begun
    if given:
        context.custom_context = {**context.custom_context, **given}
    if task.options.links != ():
        _keep_links(context)
    notes = observe.body(task, context, values)
    args, kwargs = task.interface.arguments(values)
    return codec, args, kwargs, notes


def _outputs(task: "Task[..., Any]", codec: InterfaceCodec, result: Any, context: TaskContext) -> bytes:
    begun = perf_counter()
    data = codec.encode_outputs(result)
    context.handling.writing_s += perf_counter() - begun
    limit = task.options.max_inline_io_bytes
    if len(data) > limit:
        raise InlineIOMaxBytesBreached(
            f"The outputs of {task.name} are {len(data):,} bytes; its limit is {limit:,}.",
            hint=f"Return large data by reference, or declare max_inline_io_bytes={len(data)} or more.",
        )
    return data


def _keep_links(context: TaskContext) -> None:
    """Write down the addresses that belong to the action, so that they can be opened while it runs."""
    from flyte._authoring.link import addresses
    from flyte_core import links

    links.write(Path(context.output_path), addresses(context))


def _keep_report(context: TaskContext) -> None:
    """The last flush, whether the body succeeded or not."""
    report = sys.modules.get("flyte._calls.report")
    if report is not None:
        report.keep(context)


def _worker_context(
    task: "Task[..., Any]", context: "AttemptContext"
) -> "tuple[TaskContext, ControllerCalls]":
    from flyte import _log, _secrets
    from flyte._controller.worker import task_context

    _log.LogChoice().apply()
    if task.secrets:
        _secrets.given_to_worker(task.secrets)
    return task_context(task, context)
