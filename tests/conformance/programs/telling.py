"""Notifications: somebody is told how a run ended, or that it asks."""

import asyncio

import flyte
from programs.table import program

env = flyte.TaskEnvironment(name="telling")


@program(1, tells=["SUCCEEDED"])
@env.task
def ends_well() -> int:
    return 1


@program(fails="ValueError", tells=['FAILED ValueError: it said "no"\nand left'])
@env.task
def ends_badly() -> int:
    raise ValueError('it said "no"\nand left')


@env.task
def child() -> int:
    raise KeyError("x")


@program(fails="KeyError", tells=["FAILED KeyError: 'x'"], tree="child_ends_badly failed(child failed)")
@env.task
def child_ends_badly() -> int:
    return child()


@program(
    fails="MAX_RUNTIME_EXCEEDED",
    tells=["TIMED_OUT MAX_RUNTIME_EXCEEDED: takes_too_long ran longer than its max_runtime of 0.2 s."],
    hurried=True,
)
@env.task(timeout=0.2)
async def takes_too_long() -> None:
    await asyncio.sleep(30)


@program(True, tells=["PAUSED Really?", "SUCCEEDED"], answers={"approve": True})
@env.task
def asks() -> bool:
    return flyte.new_condition("approve", prompt="Really?").wait()
