"""The portal, and functions with two faces."""

import asyncio
import contextvars
import os
import threading
from typing import Any

import pytest

from flyte._sync import immediate, portal, syncify, syncify_classmethod

here: contextvars.ContextVar[int] = contextvars.ContextVar("here", default=0)


@syncify
async def add(a: int, b: int = 1) -> int:
    """Adds."""
    await asyncio.sleep(0)
    return a + b + here.get()


class Counter:
    def __init__(self, start: int) -> None:
        self.start = start

    @syncify
    async def plus(self, n: int) -> int:
        return self.start + n

    @syncify_classmethod
    @classmethod
    async def named(cls, name: str) -> str:
        return f"{cls.__name__}:{name}"


async def test_both_faces_do_the_same() -> None:
    assert await add.aio(1, b=2) == 3
    assert await asyncio.to_thread(add, 1, b=2) == 3
    assert add.__name__ == "add" and add.__doc__ == "Adds."


def test_methods_bind() -> None:
    assert Counter(2).plus(3) == 5
    assert asyncio.run(Counter(2).plus.aio(3)) == 5
    assert Counter.named("x") == "Counter:x"
    assert asyncio.run(Counter.named.aio("x")) == "Counter:x"


def test_the_callers_context_goes_along() -> None:
    token = here.set(40)
    assert add(1) == 42
    here.reset(token)


def test_exceptions_come_back() -> None:
    @syncify
    async def fail() -> None:
        raise KeyError("x")

    with pytest.raises(KeyError):
        fail()


def test_a_blocking_call_on_the_portal_itself_waits_for_another_loop() -> None:
    @syncify
    async def middle() -> int:
        return add(1) + await add.aio(1)

    @syncify
    async def outer() -> int:
        return middle() + add(2)

    assert outer() == 7


def test_a_thread_that_is_waited_for_finds_a_loop_that_runs() -> None:
    @syncify
    async def threaded() -> int:
        return await asyncio.to_thread(add, 1)

    @syncify
    async def outer() -> int:
        return threaded()

    assert outer() == 2


def test_an_interrupted_wait_cancels_and_lets_clean_up() -> None:
    started, cleaned = threading.Event(), threading.Event()

    async def work() -> None:
        started.set()
        try:
            await asyncio.sleep(60)
        finally:
            cleaned.set()

    def interrupt() -> None:
        started.wait(20)
        os.kill(os.getpid(), 2)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        portal().run(work())
    thread.join()
    assert cleaned.is_set()


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_gets_a_portal_of_its_own() -> None:
    assert add(1) == 2
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(write, str(add(2)).encode())
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(read, 10) == b"3"


async def test_what_never_waits_can_be_awaited_too() -> None:
    @immediate
    def double(x: int) -> int:
        return 2 * x

    found: list[Any] = [double(2), await double.aio(2)]
    assert found == [4, 4]
