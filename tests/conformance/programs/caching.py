"""The cache: what is remembered, for whom, and what makes it forget."""

import asyncio
from dataclasses import dataclass

import flyte
from programs.table import program

env = flyte.TaskEnvironment(name="caching")


@env.task(cache="auto")
def auto(x: int) -> int:
    return x + 1


@env.task(cache=flyte.Cache("override", version_override="1"))
async def versioned(x: int, y: int = 0) -> int:
    return x + y


@env.task(cache=flyte.Cache("override", version_override="1", ignored_inputs=("note",)))
def ignoring(x: int, note: str) -> str:
    return f"{x} {note}"


@env.task(cache=flyte.Cache("auto", salt="pepper"))
def salted(x: int) -> int:
    return x


@env.task(cache="disable")
def never(x: int) -> int:
    return x


@program(2, tree="first_time(auto)", x=101)
@env.task
def first_time(x: int = 101) -> int:
    return auto(1)


@program(12, tree="second_time(auto hit)", times=2)
@env.task
def second_time() -> int:
    return auto(11)


@program(24, tree="within_a_run(auto, auto hit)")
@env.task
def within_a_run() -> int:
    return auto(11_000) - 10_989 + auto(11_000) - 10_989


@program(7, tree="by_version(versioned hit)", times=2)
@env.task
async def by_version() -> int:
    return await versioned(3, 4)


@program("1 first", tree="ignored_input(ignoring, ignoring hit)")
@env.task
def ignored_input() -> str:
    ignoring(1, note="first")
    return ignoring(1, note="second")


@program(5, tree="with_salt(salted hit)", times=2)
@env.task
def with_salt() -> int:
    return salted(5)


@program(5, tree="not_cached(never)", times=2)
@env.task
def not_cached() -> int:
    return never(5)


@program(6, tree="root_cached hit", times=2, x=5)
@env.task(cache="auto")
def root_cached(x: int) -> int:
    return x + 1


@env.task(cache="auto")
def failing(x: int) -> int:
    raise ValueError(f"{x} is not remembered")


@program(fails="ValueError", tree="failures_are_not_kept failed(failing failed)", times=2)
@env.task
def failures_are_not_kept() -> int:
    return failing(1)


@program(6, tree="overridden(never, never hit)")
@env.task
def overridden() -> int:
    kept = never.override(cache="auto")
    return kept(3000) - 2997 + kept(3000) - 2997


@program(52, tree="switched_off(2*auto)")
@env.task
def switched_off() -> int:
    fresh = auto.override(cache="disable")
    return fresh(25) + fresh(25)


@program(602, tree="disabled_for_a_run(auto)", times=2, options={"disable_run_cache": True})
@env.task
def disabled_for_a_run() -> int:
    return auto(601)


@program(703, tree="overwritten_by_a_run(auto)", times=2, options={"overwrite_cache": True})
@env.task
def overwritten_by_a_run() -> int:
    return auto(702)


@dataclass
class Point:
    x: int
    tags: list[str]


@env.task(cache="auto")
def of_a_point(point: Point) -> int:
    return point.x


@program(4, tree="structured_key(of_a_point, of_a_point hit)")
@env.task
def structured_key() -> int:
    return of_a_point(Point(2, ["a"])) + of_a_point(Point(2, ["a"]))


@program(4, tree="structured_key_differs(2*of_a_point)")
@env.task
def structured_key_differs() -> int:
    return of_a_point(Point(2, ["b"])) + of_a_point(Point(2, ["c"]))


cached_env = flyte.TaskEnvironment(name="all_cached", cache="auto")


@cached_env.task
def by_environment(x: int) -> int:
    return x


@program(9, tree="from_the_environment(by_environment hit)", times=2)
@env.task
def from_the_environment() -> int:
    return by_environment(9)


@env.task(cache=flyte.Cache("auto", serialize=True))
async def one_at_a_time(x: int) -> int:
    await asyncio.sleep(0.1)
    return x


@program([4, 4, 4], ordered=False)
@env.task
async def serialized() -> list[int]:
    return list(await asyncio.gather(*(one_at_a_time(4) for _ in range(3))))


@program(True, tree="floats_and_ints_differ(2*of_any)")
@env.task
def floats_and_ints_differ() -> bool:
    return type(of_any(1.0)) is float and type(of_any(2.0)) is float


@env.task(cache="auto")
def of_any(x: float) -> float:
    return x
