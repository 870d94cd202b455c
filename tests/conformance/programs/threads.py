"""Calls from threads, executors, generators, context managers, closures and methods."""

import asyncio
import contextlib
import contextvars
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import flyte
from programs.table import program

env = flyte.TaskEnvironment(name="threads")


@env.task
def inc(x: int) -> int:
    return x + 1


@env.task
async def ainc(x: int) -> int:
    return x + 1


@program(3, tree="to_a_thread(2*inc)")
@env.task
async def to_a_thread() -> int:
    first = await asyncio.to_thread(inc, 0)
    return first + await asyncio.to_thread(inc, 1)


@program([1, 2, 3], tree="in_a_pool(3*inc)", ordered=False)
@env.task
def in_a_pool() -> list[int]:
    with ThreadPoolExecutor(3) as pool:
        found = [pool.submit(contextvars.copy_context().run, inc, x) for x in range(3)]
        return [each.result() for each in found]


def numbers() -> Iterator[int]:
    for x in range(3):
        yield inc(x)


@program([1, 2, 3], tree="from_a_generator(3*inc)")
@env.task
def from_a_generator() -> list[int]:
    return list(numbers())


@contextlib.contextmanager
def opened(x: int) -> Iterator[int]:
    yield inc(x)
    inc(100)


@program(2, tree="in_a_context_manager(2*inc)")
@env.task
def in_a_context_manager() -> int:
    with opened(1) as found:
        return found


class Model:
    def __init__(self, rate: int) -> None:
        self.rate = rate

    def fit(self, x: int) -> int:
        return inc(x) * self.rate


@program(4, tree="in_a_method(inc)")
@env.task
def in_a_method() -> int:
    return Model(2).fit(1)


@program(6, tree="with_reduce(3*inc)")
@env.task
def with_reduce() -> int:
    import functools

    return functools.reduce(lambda sum_, x: inc(sum_ + x), [0, 1, 2], 0)


@program([1, 2], tree="builtin_map(2*inc)")
@env.task
def builtin_map() -> list[int]:
    return [*map(inc, [0, 1])]


@program([3, 2, 1], tree="sorted_by_a_task(3*inc)")
@env.task
def sorted_by_a_task() -> list[int]:
    return sorted([1, 2, 3], key=inc, reverse=True)


@program(2, tree="in_a_default_loop(ainc)")
@env.task
async def in_a_default_loop() -> int:
    return await asyncio.ensure_future(ainc(1))


@program(3, tree="shielded(ainc)")
@env.task
async def shielded() -> int:
    return await asyncio.shield(ainc(2))


@program([1, 1], tree="a_queue_of_work(2*ainc)")
@env.task
async def a_queue_of_work() -> list[int]:
    queue: asyncio.Queue[int] = asyncio.Queue()
    found: list[int] = []

    async def worker() -> None:
        while not queue.empty():
            found.append(await ainc(queue.get_nowait()))

    for _ in range(2):
        queue.put_nowait(0)
    await worker()
    return found
