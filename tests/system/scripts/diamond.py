"""Producers of different lengths side by side, and one consumer of all they made."""

import asyncio
import threading

import flyte

env = flyte.TaskEnvironment(name="diamond_env")


@env.task
async def produce(seconds: float) -> float:
    await asyncio.sleep(seconds)
    return seconds


@env.task
async def consume(slow: float, middle: float, quick: float) -> float:
    return slow + middle + quick


@env.task
async def diamond(slow: float = 1.0, middle: float = 0.3, quick: float = 0.1) -> float:
    made = await asyncio.gather(produce(slow), produce(middle), produce(quick))
    return await consume(*made)


@env.task
def hold(x: int) -> int:
    threading.Event().wait(60)
    return x


@env.task
def holding(x: int) -> int:
    return hold(x)


@env.task
def many(count: int) -> int:
    return sum(flyte.map(one, range(count)))


@env.task
def one(x: int) -> int:
    return x


@env.task
def chosen() -> int:
    return 10


@env.task
def doubled(x: int) -> int:
    return x * 2


@env.task
def by_hand(x: int) -> int:
    """What `doubled` is given only looks as if it came from `chosen`."""
    chosen()
    return doubled(10) + x


@env.task
def make(count: int) -> list[str]:
    return [f"item {number}" for number in range(count)]


@env.task
def measure(items: list[str]) -> int:
    return sum(map(len, items))


@env.task
def heavy(count: int) -> int:
    return measure(make(count))
