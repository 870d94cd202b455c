"""A task over many inputs: every call an action, results in the order of the inputs."""

import asyncio
import functools
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator
from typing import Any, Literal, TypeVar, overload

from flyte import _context
from flyte._authoring.task import Task
from flyte._remote.iterate import iterate

R = TypeVar("R")

_Awaited = Task[..., Coroutine[Any, Any, R]] | functools.partial[Coroutine[Any, Any, R]]
_Plain = Task[..., R] | functools.partial[R]

MANY = 1_000_000_000


class _Map:
    """`flyte.map`: a generator when called; `flyte.map.aio` is the async one."""

    @overload
    def __call__(
        self,
        func: "_Awaited[R]",
        *iterables: Iterable[Any],
        group_name: str | None = None,
        concurrency: int = 0,
        return_exceptions: Literal[False],
    ) -> Iterator[R]: ...
    @overload
    def __call__(
        self,
        func: "_Awaited[R]",
        *iterables: Iterable[Any],
        group_name: str | None = None,
        concurrency: int = 0,
        return_exceptions: bool = True,
    ) -> Iterator[R | Exception]: ...
    @overload
    def __call__(
        self,
        func: "_Plain[R]",
        *iterables: Iterable[Any],
        group_name: str | None = None,
        concurrency: int = 0,
        return_exceptions: Literal[False],
    ) -> Iterator[R]: ...
    @overload
    def __call__(
        self,
        func: "_Plain[R]",
        *iterables: Iterable[Any],
        group_name: str | None = None,
        concurrency: int = 0,
        return_exceptions: bool = True,
    ) -> Iterator[R | Exception]: ...
    def __call__(
        self,
        func: Any,
        *iterables: Iterable[Any],
        group_name: str | None = None,
        concurrency: int = 0,
        return_exceptions: bool = True,
    ) -> Iterator[Any]:
        """Call a task with each item, or each tuple of items of several iterables taken together.

        Outside a run the bare function is called, one after the other.

        Args:
            func: A task, or a `functools.partial` of one that leaves exactly one input open.
            group_name: The calls are grouped under it; `<task>_map` unless given.
            concurrency: At most so many calls at a time; 0: all of them.
            return_exceptions: A failure is an item of the result; otherwise it is raised, and what
                still runs is aborted.
        """
        task, names, rows = _calls(func, iterables)
        if _context.current() is None:
            return _plain(task, rows, return_exceptions)
        noted = _noted(self, task, names)
        # A generator is the caller's code, which may call tasks and wait: not on the loop.
        apart = any(isinstance(each, Iterator) for each in iterables)
        return _mapped(
            task, rows, _group(task, group_name), _limit(concurrency), return_exceptions, noted, apart
        )

    @overload
    def aio(
        self,
        func: "_Awaited[R]",
        *iterables: Iterable[Any],
        group_name: str | None = None,
        concurrency: int = 0,
        return_exceptions: Literal[False],
    ) -> AsyncIterator[R]: ...
    @overload
    def aio(
        self,
        func: "_Awaited[R]",
        *iterables: Iterable[Any],
        group_name: str | None = None,
        concurrency: int = 0,
        return_exceptions: bool = True,
    ) -> AsyncIterator[R | Exception]: ...
    @overload
    def aio(
        self,
        func: "_Plain[R]",
        *iterables: Iterable[Any],
        group_name: str | None = None,
        concurrency: int = 0,
        return_exceptions: Literal[False],
    ) -> AsyncIterator[R]: ...
    @overload
    def aio(
        self,
        func: "_Plain[R]",
        *iterables: Iterable[Any],
        group_name: str | None = None,
        concurrency: int = 0,
        return_exceptions: bool = True,
    ) -> AsyncIterator[R | Exception]: ...
    def aio(
        self,
        func: Any,
        *iterables: Iterable[Any],
        group_name: str | None = None,
        concurrency: int = 0,
        return_exceptions: bool = True,
    ) -> AsyncIterator[Any]:
        """The same for async code."""
        task, names, rows = _calls(func, iterables)
        noted = _noted(self, task, names)
        return _mapped.aio(
            task, rows, _group(task, group_name), _limit(concurrency), return_exceptions, noted
        )


map = _Map()


def _calls(
    func: Any, iterables: tuple[Iterable[Any], ...]
) -> tuple[Task[..., Any], list[str], Iterator[dict[str, Any]]]:
    """The task, the inputs that the iterables are for, and the inputs of each call by name."""
    fixed: dict[str, Any] = {}
    task = func
    if isinstance(func, functools.partial):
        task = func.func
        if isinstance(task, Task):
            fixed = _fixed(task, func)
    if not isinstance(task, Task):
        raise TypeError(f"flyte.map() takes a task, or a partial of one; {func!r} is neither.")
    if not iterables:
        raise TypeError(f"flyte.map({task.name}) needs at least one iterable.")
    names = [each.name for each in task.interface.inputs if each.name not in fixed]
    if fixed and (len(names) != 1 or len(iterables) != 1):
        raise TypeError(
            f"flyte.map() of a partial of {task.name} needs exactly one input left open, not {names or 'none'}."
        )
    if len(iterables) > len(names):
        raise TypeError(
            f"{task.name} takes {len(names)} inputs; flyte.map() was given {len(iterables)} iterables."
        )
    rows = ({**fixed, **dict(zip(names, row, strict=False))} for row in zip(*iterables, strict=False))
    return task, names, rows


def _noted(mapper: _Map, task: Task[..., Any], names: list[str]) -> Any:
    """Where the items come from and the results go, if notes are taken."""
    context = _context.current()
    if context is None or context.seen is None:
        return None
    from flyte._dataflow import observe

    return observe.rows(context, mapper, task, names)


def _fixed(task: Task[..., Any], partial: "functools.partial[Any]") -> dict[str, Any]:
    names = [each.name for each in task.interface.inputs]
    return {**dict(zip(names, partial.args, strict=False)), **partial.keywords}


def _group(task: Task[..., Any], name: str | None) -> str:
    return name if name is not None else f"{task.short_name}_map"


def _limit(concurrency: int) -> int:
    if concurrency < 0:
        raise ValueError(f"concurrency={concurrency} is negative; 0 means no limit.")
    return concurrency or MANY


def _plain(task: Task[..., Any], rows: Iterator[dict[str, Any]], return_exceptions: bool) -> Iterator[Any]:
    for row in rows:
        try:
            result = task.func(**row)
            yield asyncio.run(result) if isinstance(result, Coroutine) else result
        except Exception as error:
            if not return_exceptions:
                raise
            yield error


@iterate
async def _mapped(
    task: Task[..., Any],
    rows: Iterator[dict[str, Any]],
    group: str,
    limit: int,
    return_exceptions: bool,
    noted: Any = None,
    apart: bool = False,
) -> AsyncIterator[Any]:
    call = _call_of(task, noted)
    window: deque[asyncio.Task[Any]] = deque()

    async def fill() -> None:
        while len(window) < limit:
            row = await asyncio.to_thread(next, rows, None) if apart else next(rows, None)
            if row is None:
                return
            # The group must not hold while the iterables or the consumer have the turn.
            with _context.group(group):
                window.append(asyncio.create_task(call(row)))

    try:
        await fill()
        while window:
            first = window.popleft()
            await asyncio.wait([first])
            await fill()
            error = first.exception()
            if error is None:
                yield first.result()
            elif return_exceptions and isinstance(error, Exception):
                yield error
            else:
                raise error
    finally:
        for each in window:
            each.cancel()
        await asyncio.gather(*window, return_exceptions=True)


def _call_of(task: Any, noted: Any) -> Callable[[dict[str, Any]], Coroutine[Any, Any, Any]]:
    """Makes one of the calls; whoever takes notes is told before."""
    if noted is None:
        return lambda row: task.aio(**row)

    def call(row: dict[str, Any]) -> Coroutine[Any, Any, Any]:
        context = _context.current()
        assert context is not None
        noted.announce(row)
        return context.calls.awaited(context, task, (), row)

    return call
