"""Async generators with a blocking face: `for x in f()`, `async for x in f()` and `async for x in f.aio()`."""

import functools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, cast, overload

from flyte._sync import portal

P = ParamSpec("P")
Q = ParamSpec("Q")
R = TypeVar("R")
S = TypeVar("S")


class Items(Iterator[R], AsyncIterator[R]):
    """What such a function gives: items for a `for` loop and for an `async for` loop."""

    def __init__(self, items: AsyncIterator[R]) -> None:
        self._items = items
        self._pulled = _blocking(items)

    def __next__(self) -> R:
        return next(self._pulled)

    def __aiter__(self) -> AsyncIterator[R]:
        return self._items

    def __anext__(self) -> Awaitable[R]:
        return anext(self._items)


class Iterated(Generic[P, R]):
    """An async generator function that can also be iterated from sync code; as a method it binds."""

    def __init__(self, function: Callable[P, AsyncIterator[R]]) -> None:
        self._function = function
        functools.update_wrapper(cast(Callable[..., Any], self), function)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Items[R]:
        return Items(self._function(*args, **kwargs))

    def aio(self, *args: P.args, **kwargs: P.kwargs) -> AsyncIterator[R]:
        return self._function(*args, **kwargs)

    @overload
    def __get__(self, instance: None, owner: type) -> "Iterated[P, R]": ...
    @overload
    def __get__(
        self: "Iterated[Concatenate[S, Q], R]", instance: S, owner: type | None = None
    ) -> "Iterated[Q, R]": ...
    def __get__(self, instance: Any, owner: type | None = None) -> "Iterated[..., R]":
        if instance is None:
            return self
        return Iterated(functools.partial(cast(Callable[..., Any], self._function), instance))


class IteratedClassMethod(Generic[P, R]):
    """The same for a class method."""

    def __init__(self, method: "classmethod[Any, P, AsyncIterator[R]]") -> None:
        self._method = method

    def __get__(self, instance: Any, owner: type | None = None) -> Iterated[P, R]:
        return Iterated(self._method.__get__(instance, owner))


def iterate(function: Callable[P, AsyncIterator[R]]) -> Iterated[P, R]:
    """Give an async generator function a blocking face."""
    return Iterated(function)


@overload
def iterate_classmethod(method: "classmethod[Any, P, AsyncIterator[R]]") -> IteratedClassMethod[P, R]: ...
@overload
def iterate_classmethod(
    method: Callable[Concatenate[Any, P], AsyncIterator[R]],
) -> IteratedClassMethod[P, R]: ...
def iterate_classmethod(method: Any) -> Any:
    """Give a class method that is an async generator a blocking face; outside of `@classmethod`."""
    return IteratedClassMethod(method)


def _blocking(items: AsyncIterator[R]) -> Iterator[R]:
    """Pull the items one by one through the portal; leaving the loop closes the generator."""

    async def following() -> R:
        return await anext(items)

    try:
        while True:
            try:
                item = portal().run(following())
            except StopAsyncIteration:
                return
            yield item
    finally:
        close = getattr(items, "aclose", None)
        if close is not None:
            portal().run(close())
