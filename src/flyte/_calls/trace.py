"""Traced functions: recorded as actions of the task that calls them, run where they are called.

When a task is tried again, what a traced function returned before is returned again, without
running it. Functions and generators of both colours can be traced. A generator's items come as
they are made; they are recorded as a list once it has ended, or nobody wants more of them.
"""

import functools
import inspect
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing
from importlib import import_module
from typing import Any, ParamSpec, TypeVar, cast

from flyte import _context

P = ParamSpec("P")
R = TypeVar("R")


def trace(func: Callable[P, R]) -> Callable[P, R]:
    """Record the calls of a function, made inside tasks, with inputs, outputs and times.

    Tasks may not be called inside. Outside a run it is the function as it is.
    """
    if inspect.isasyncgenfunction(func):
        wrapper: Any = _async_generator(func)
    elif inspect.iscoroutinefunction(func):
        wrapper = _async_function(func)
    elif inspect.isgeneratorfunction(func):
        wrapper = _generator(func)
    else:
        wrapper = _function(func)
    return cast(Callable[P, R], functools.wraps(func)(wrapper))


def _function(func: Callable[..., Any]) -> Callable[..., Any]:
    def run(*args: Any, **kwargs: Any) -> Any:
        context = _context.current()
        if context is None or context.traced:
            return func(*args, **kwargs)
        return _recorder().drive(func, context, args, kwargs, lambda: func(*args, **kwargs))

    return run


def _generator(func: Callable[..., Any]) -> Callable[..., Any]:
    def run(*args: Any, **kwargs: Any) -> Iterator[Any]:
        context = _context.current()
        if context is None or context.traced:
            yield from func(*args, **kwargs)
            return
        yield from _recorder().stream(func, context, args, kwargs)

    return run


def _async_function(func: Callable[..., Any]) -> Callable[..., Any]:
    async def run(*args: Any, **kwargs: Any) -> Any:
        context = _context.current()
        if context is None or context.traced:
            return await func(*args, **kwargs)
        return await _recorder().adrive(func, context, args, kwargs, lambda: func(*args, **kwargs))

    return run


def _async_generator(func: Callable[..., Any]) -> Callable[..., Any]:
    async def run(*args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        context = _context.current()
        if context is None or context.traced:
            async for item in func(*args, **kwargs):
                yield item
            return

        # Closed with this one, not some time later: it records what it gave.
        async with aclosing(_recorder().astream(func, context, args, kwargs)) as items:
            async for item in items:
                yield item

    return run


def _recorder() -> Any:
    """What records: imported by the first traced call in a run, since it needs the whole machinery."""
    return import_module("flyte._calls.traced")
