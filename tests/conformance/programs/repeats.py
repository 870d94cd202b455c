"""Runs once more: the same, with other inputs, one action of them, and only what did not succeed."""

from pathlib import Path

import flyte
from programs.table import program

env = flyte.TaskEnvironment(name="repeats")


def first_time(what: str) -> bool:
    """Whether this is asked for the first time in this mode."""
    try:
        (Path.home() / f"{flyte.current_project()}-{what}").touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


@env.task
def double(x: int) -> int:
    print("double", x)
    return x * 2


@env.task
def step(x: int) -> int:
    print("step", x)
    return x + 1


@env.task
def once_broken(x: int, what: str) -> int:
    if first_time(what):
        raise ValueError(f"{what} breaks at first")
    return x + 100


@program(6, again={}, tree="the_same(double)", x=3)
@env.task
def the_same(x: int) -> int:
    return double(x)


@program(8, again={"x": 4}, tree="with_another_input(double)", x=3, y=0)
@env.task
def with_another_input(x: int, y: int) -> int:
    return double(x) + y


@program(8, again={"action_name": "double"}, tree="double", x=3)
@env.task
def one_action(x: int) -> int:
    return double(step(x))


@program(107, again={"recover": True}, tree="goes_on(double recovered, once_broken)", x=3)
@env.task
def goes_on(x: int) -> int:
    return once_broken(double(x), "goes on") + 1


@program(
    107,
    again={"recover": True, "force_rerun_actions": ["double"]},
    tree="runs_again_if_told(double, step recovered, once_broken)",
    x=3,
)
@env.task
def runs_again_if_told(x: int) -> int:
    return once_broken(step(double(x)), "runs again")


@env.task
def inner(x: int) -> int:
    return once_broken(double(x), "inner")


@program(
    107, again={"recover": True}, tree="deep(double recovered, inner(double recovered, once_broken))", x=3
)
@env.task
def deep(x: int) -> int:
    return double(x) + inner(x) - 5


@program(
    [0, 2, 4, 103],
    again={"recover": True},
    tree="of_many(of_many_map[3*either recovered, either])",
    n=4,
)
@env.task
def of_many(n: int) -> list[int]:
    return list(flyte.map(either, range(n), group_name="of_many_map", return_exceptions=False))


@env.task
def either(x: int) -> int:
    if x == 3:
        if first_time("of many"):
            raise ValueError("the last one breaks at first")
        return x + 100
    return x * 2


@flyte.trace
def noted(x: int) -> int:
    print("noted", x)
    return x * 3


@program(109, again={"recover": True}, tree="traces_too(noted recovered, once_broken)", x=3)
@env.task
def traces_too(x: int) -> int:
    return once_broken(noted(x), "traces")


@program(6, again={"recover": True}, tree="nothing_to_do(double recovered)", x=3)
@env.task
def nothing_to_do(x: int) -> int:
    return double(x)


@program(
    fails="ValueError",
    says="always",
    again={"recover": True},
    tree="fails_again failed(double recovered)",
    x=3,
)
@env.task
def fails_again(x: int) -> int:
    double(x)
    raise ValueError("always")
