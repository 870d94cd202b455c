"""Groups: a name for calls that belong together."""

import asyncio

import flyte
from programs.table import program

env = flyte.TaskEnvironment(name="groups")


@env.task
async def step(x: int) -> int:
    return x + 1


@env.task
def plain(x: int) -> int:
    return x * 10


@program(3, tree="one_group(first[2*step])")
@env.task
async def one_group() -> int:
    with flyte.group("first"):
        a, b = await asyncio.gather(step(0), step(1))
    return a + b


@program(13, tree="two_groups(first[2*step], second[plain])")
@env.task
async def two_groups() -> int:
    with flyte.group("first"):
        a, b = await asyncio.gather(step(0), step(1))
    with flyte.group("second"):
        c = await plain.aio(1)
    return a + b + c


@program(12, tree="group_and_none(plain, named[step])")
@env.task
async def group_and_none() -> int:
    a = await plain.aio(1)
    with flyte.group("named"):
        return a + await step(1)


@program(1, tree="group_in_group(inner[step])")
@env.task
async def group_in_group() -> int:
    with flyte.group("outer"), flyte.group("inner"):
        return await step(0)


@program(20, tree="group_of_sync(sync calls[2*plain])")
@env.task
def group_of_sync() -> int:
    with flyte.group("sync calls"):
        return plain(2) + plain(0)


@program(2, tree="same_group_twice(again[2*step])")
@env.task
async def same_group_twice() -> int:
    with flyte.group("again"):
        first = await step(0)
    with flyte.group("again"):
        return first + await step(0)


@program(0, tree="empty_group")
@env.task
async def empty_group() -> int:
    with flyte.group("nobody"):
        return 0


@env.task
async def inner() -> int:
    return await step(0)


@program(1, tree="group_stays_with_its_parent(mine[inner(step)])")
@env.task
async def group_stays_with_its_parent() -> int:
    with flyte.group("mine"):
        return await inner()
