"""Depth, width, and what the root's end means for those below."""

import asyncio

import flyte
from programs.table import program

env = flyte.TaskEnvironment(name="nesting")


@env.task
def leaf(x: int) -> int:
    return x + 1


@env.task
def middle(x: int) -> int:
    return leaf(x) + leaf(x + 1)


@program(10, tree="three_levels(2*middle(2*leaf))")
@env.task
def three_levels() -> int:
    return middle(1) + middle(1)


@env.task
async def deep(n: int) -> int:
    return 0 if n == 0 else 1 + await deep(n - 1)


@program(12, ordered=True)
@env.task
async def a_dozen_levels() -> int:
    return await deep(12)


@program(40, tree="wide(40*leaf)")
@env.task
async def wide() -> int:
    found = await asyncio.gather(*(leaf.aio(0) for _ in range(40)))
    return sum(found)


@env.task
async def tree(depth: int) -> int:
    if depth == 0:
        return 1
    left, right = await asyncio.gather(tree(depth - 1), tree(depth - 1))
    return left + right


@program(8, tree="tree(2*tree(2*tree(2*tree)))", depth=3)
@env.task(short_name="tree")
async def binary_tree(depth: int) -> int:
    left, right = await asyncio.gather(tree(depth - 1), tree(depth - 1))
    return left + right


@env.task
async def one() -> int:
    return await two()


@env.task
async def two() -> int:
    return await three()


@env.task
async def three() -> int:
    return 3


@program(3, tree="chain(one(two(three)))")
@env.task
async def chain() -> int:
    return await one()


@env.task
def even(n: int) -> bool:
    return True if n == 0 else odd(n - 1)


@env.task
def odd(n: int) -> bool:
    return False if n == 0 else even(n - 1)


@program(True, tree="each_other(even(odd(even)))")
@env.task
def each_other() -> bool:
    return even(2)


@program(6, tree="mixed_colours(sync_one(async_one(leaf)))")
@env.task
async def mixed_colours() -> int:
    return await sync_one.aio(3)


@env.task
def sync_one(x: int) -> int:
    return asyncio.run(async_one(x)) + 1


@env.task
async def async_one(x: int) -> int:
    return await leaf.aio(x) + 1
