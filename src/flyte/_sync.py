"""One way to write a thing that may be called and awaited: async, with a blocking face.

`syncify` turns an `async def` into something that blocks when called as `f()` and can be awaited
as `f.aio()`. The blocking face runs on the portal: an event loop in a thread of its own, born at
first use.
"""

import functools
import os
import threading
import time
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Concatenate, Generic, ParamSpec, TypeVar, cast, overload

if TYPE_CHECKING:
    import asyncio

P = ParamSpec("P")
Q = ParamSpec("Q")
R = TypeVar("R")
S = TypeVar("S")

CANCEL_GRACE_S = 10.0
"""How long an interrupted caller waits for what it called to clean up."""

SLICE_S = 0.05
"""A thread that sleeps can be stopped this often."""


_serving = threading.local()
"""Which portal the thread serves, if it does."""


class Portal:
    """An event loop in a daemon thread, for callers that have none."""

    def __init__(self) -> None:
        import asyncio

        self.loop = asyncio.new_event_loop()
        self.pid = os.getpid()
        self._inner: Portal | None = None
        self._waiting = False
        """Whether its loop stands still for what runs on the inner one."""
        self._thread = threading.Thread(target=self._serve, name="flyte-portal", daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        import asyncio

        _serving.portal = self
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()

    def run(self, coroutine: Coroutine[Any, Any, R]) -> R:
        """Run the coroutine in the caller's context, and wait for it.

        Ctrl-C, or whatever else interrupts the wait, cancels it and lets it clean up. Code that runs on
        a portal's loop, which an async task of a local run does, waits for another portal.
        """
        here: Portal | None = getattr(_serving, "portal", None)
        if here is not None and here.pid == os.getpid():
            return here._run_inside(coroutine)
        target = self
        while target._waiting and target._inner is not None:
            target = target._inner
        return target._wait(coroutine)

    def _run_inside(self, coroutine: Coroutine[Any, Any, R]) -> R:
        self._inner = self._inner or Portal()
        self._waiting = True
        try:
            return self._inner._wait(coroutine)
        finally:
            self._waiting = False

    def _wait(self, coroutine: Coroutine[Any, Any, R]) -> R:
        done = threading.Event()
        tasks: list[asyncio.Task[R]] = []

        def begin() -> None:
            task = self.loop.create_task(coroutine)
            tasks.append(task)
            task.add_done_callback(lambda _: done.set())

        def cancel() -> None:
            if tasks:
                tasks[0].cancel()
            else:
                coroutine.close()
                done.set()

        try:
            self.loop.call_soon_threadsafe(begin)
            done.wait()
        except BaseException:
            self.loop.call_soon_threadsafe(cancel)
            done.wait(CANCEL_GRACE_S)
            raise
        return tasks[0].result()


_portal: Portal | None = None
_guard = threading.Lock()


def portal() -> Portal:
    """The portal of this process; made at first use, and anew after a fork."""
    global _portal
    found = _portal
    if found is not None and found.pid == os.getpid():
        return found
    with _guard:
        if _portal is None or _portal.pid != os.getpid():
            _portal = Portal()
        return _portal


class Syncified(Generic[P, R]):
    """An async function with a blocking face: `f()` waits for the result, `await f.aio()` awaits it.

    As a method it binds as a function does.
    """

    def __init__(self, function: Callable[P, Coroutine[Any, Any, R]]) -> None:
        self._function = function
        functools.update_wrapper(cast(Callable[..., Any], self), function)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return portal().run(self._function(*args, **kwargs))

    def aio(self, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, R]:
        return self._function(*args, **kwargs)

    @overload
    def __get__(self, instance: None, owner: type) -> "Syncified[P, R]": ...
    @overload
    def __get__(
        self: "Syncified[Concatenate[S, Q], R]", instance: S, owner: type | None = None
    ) -> "Syncified[Q, R]": ...
    def __get__(self, instance: Any, owner: type | None = None) -> "Syncified[..., R]":
        if instance is None:
            return self
        return Syncified(functools.partial(cast(Callable[..., Any], self._function), instance))


class SyncifiedClassMethod(Generic[P, R]):
    """The same for a class method."""

    def __init__(self, method: "classmethod[Any, P, Coroutine[Any, Any, R]]") -> None:
        self._method = method

    def __get__(self, instance: Any, owner: type | None = None) -> Syncified[P, R]:
        return Syncified(self._method.__get__(instance, owner))


def syncify(function: Callable[P, Coroutine[Any, Any, R]]) -> Syncified[P, R]:
    """Give an async function a blocking face."""
    return Syncified(function)


@overload
def syncify_classmethod(
    method: "classmethod[Any, P, Coroutine[Any, Any, R]]",
) -> SyncifiedClassMethod[P, R]: ...
@overload
def syncify_classmethod(
    method: Callable[Concatenate[Any, P], Coroutine[Any, Any, R]],
) -> SyncifiedClassMethod[P, R]: ...
def syncify_classmethod(method: Any) -> Any:
    """Give an async class method a blocking face; outside of `@classmethod`.

    One checker takes what it is given for a class method, another for the function inside.
    """
    return SyncifiedClassMethod(method)


class Immediate(Generic[P, R]):
    """A function that never waits, with the face of one that may: `f()` and `await f.aio()` do the same."""

    def __init__(self, function: Callable[P, R]) -> None:
        self._function = function
        functools.update_wrapper(cast(Callable[..., Any], self), function)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return self._function(*args, **kwargs)

    async def aio(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return self._function(*args, **kwargs)


def immediate(function: Callable[P, R]) -> Immediate[P, R]:
    """Give a function that never waits an `.aio`, too."""
    return Immediate(function)


class TwoFaced(Generic[P, R]):
    """Two functions that do the same, one of each colour, under one name: `f()` and `await f.aio()`."""

    def __init__(self, blocking: Callable[P, R], awaited: Callable[P, Coroutine[Any, Any, R]]) -> None:
        self._blocking = blocking
        self.aio = awaited
        functools.update_wrapper(cast(Callable[..., Any], self), blocking)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return self._blocking(*args, **kwargs)


def sleep_in_slices(seconds: float) -> None:
    """Sleep on a thread; what interrupts it is noticed soon."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        time.sleep(min(left, SLICE_S))


async def pause(seconds: float) -> None:
    """Wait on the running loop; or, in a coroutine that is driven by hand on a thread, sleep."""
    import asyncio

    if asyncio._get_running_loop() is None:
        sleep_in_slices(seconds)
    else:
        await asyncio.sleep(seconds)
