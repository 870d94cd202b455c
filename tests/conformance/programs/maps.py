"""`flyte.map`: in order, side by side, with errors as values or raised."""

from collections.abc import AsyncIterator
from functools import partial

import flyte
from programs.table import program

env = flyte.TaskEnvironment(name="maps")


@env.task
def inc(x: int) -> int:
    return x + 1


@env.task
async def ainc(x: int) -> int:
    return x + 1


@env.task
def add(x: int, y: int) -> int:
    return x + y


@env.task
def picky(x: int) -> int:
    if x == 2:
        raise ValueError("two")
    return x


@program([1, 2, 3], tree="mapped(inc_map[3*inc])")
@env.task
def mapped() -> list[int]:
    return [each for each in flyte.map(inc, range(3)) if not isinstance(each, BaseException)]


@program([1, 2, 3], tree="mapped_async_task(ainc_map[3*ainc])")
@env.task
def mapped_async_task() -> list[int]:
    return list(flyte.map(ainc, range(3)))  # type: ignore[arg-type]


@program([1, 2, 3], tree="mapped_in_async(inc_map[3*inc])")
@env.task
async def mapped_in_async() -> list[int]:
    return [each async for each in flyte.map.aio(inc, range(3))]  # type: ignore[misc]


@program([11, 22], tree="mapped_over_two(add_map[2*add])")
@env.task
def mapped_over_two() -> list[int]:
    return list(flyte.map(add, [1, 2], [10, 20]))  # type: ignore[arg-type]


@program([11, 22], tree="mapped_over_uneven(add_map[2*add])")
@env.task
def mapped_over_uneven() -> list[int]:
    return list(flyte.map(add, [1, 2, 3], [10, 20]))  # type: ignore[arg-type]


@program([11, 12], tree="mapped_partial(add_map[2*add])")
@env.task
def mapped_partial() -> list[int]:
    return list(flyte.map(partial(add, y=10), [1, 2]))  # type: ignore[arg-type]


@program([], tree="mapped_nothing")
@env.task
def mapped_nothing() -> list[int]:
    return list(flyte.map(inc, []))  # type: ignore[arg-type]


@program([1, 2], tree="mapped_in_named_group(mine[2*inc])")
@env.task
def mapped_in_named_group() -> list[int]:
    return list(flyte.map(inc, [0, 1], group_name="mine"))  # type: ignore[arg-type]


@program(list(range(1, 9)), tree="mapped_two_at_a_time(inc_map[8*inc])")
@env.task
def mapped_two_at_a_time() -> list[int]:
    return list(flyte.map(inc, range(8), concurrency=2))  # type: ignore[arg-type]


@program(["1", "ValueError: two", "3"], tree="mapped_with_failures(picky_map[picky, picky failed, picky])")
@env.task
def mapped_with_failures() -> list[str]:
    return [
        f"{each.code}: {each.message}" if isinstance(each, flyte.errors.BaseRuntimeError) else str(each)
        for each in flyte.map(picky, [1, 2, 3])
    ]


@program(fails="ValueError", says="two")
@env.task
def mapped_raising() -> list[int]:
    return list(flyte.map(picky, [1, 2], return_exceptions=False))  # type: ignore[arg-type]


@program(6, tree="mapped_twice(inc_map[4*inc])")
@env.task
def mapped_twice() -> int:
    first = list(flyte.map(inc, [0, 1]))
    second = list(flyte.map(inc, first))  # type: ignore[arg-type]
    return sum(second) + 1  # type: ignore[arg-type]


@env.task
def row(n: int) -> int:
    return sum(flyte.map(inc, range(n)))  # type: ignore[arg-type]


@program(4, tree="mapped_within_mapped(row_map[row(inc_map[inc]), row(inc_map[2*inc])])")
@env.task
def mapped_within_mapped() -> int:
    return sum(flyte.map(row, [1, 2]))  # type: ignore[arg-type]


@program([2, 3], tree="mapped_cached(remembered_map[2*remembered hit])", times=2)
@env.task
def mapped_cached() -> list[int]:
    return list(flyte.map(remembered, [1, 2]))  # type: ignore[arg-type]


@env.task(cache="auto")
def remembered(x: int) -> int:
    return x + 1


@program([1, 2], tree="mapped_lazily(inc_map[2*inc])")
@env.task
async def mapped_lazily() -> list[int]:
    found: AsyncIterator[int] = flyte.map.aio(inc, [0, 1])  # type: ignore[assignment]
    return [each async for each in found]


@program(fails="TypeError")
@env.task
def mapped_partial_with_too_much() -> list[int]:
    return list(flyte.map(partial(add, x=1, y=10), [1, 2]))  # type: ignore[arg-type]
