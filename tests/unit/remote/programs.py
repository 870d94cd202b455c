"""Tasks that the tests run on a real server."""

import asyncio
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

import flyte

env = flyte.TaskEnvironment(name="programs")


@dataclass
class Point:
    x: int
    y: int


@env.task
def step_one(x: int) -> int:
    return x * 2


@env.task
def step_two(x: int) -> int:
    print(f"step two of {x}")
    return x + 10


@env.task
def pipeline(x: int) -> int:
    return step_two(step_one(x))


@env.task
def mirrored(point: Point) -> Point:
    return Point(point.y, point.x)


@env.task
def failing(x: int) -> int:
    raise ValueError(f"{x} is too small")


@env.task
def counted(folder: str, name: str) -> str:
    """Leaves a mark each time its body runs."""
    with Path(folder, name).open("a") as file:
        file.write("x")
    return name


@env.task
def held(folder: str, name: str) -> str:
    """Runs until somebody makes the file `go`."""
    Path(folder, f"{name}.started").touch()
    while not Path(folder, "go").exists():
        time.sleep(0.01)
    return name


@env.task(retries=1)
async def dies_once(folder: str) -> list[str]:
    """Kills its own process after two children, in its first attempt."""
    first = await counted.aio(folder, "first")
    second = await counted.aio(folder, "second")
    mark = Path(folder, "died")
    if not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return [first, second, await counted.aio(folder, "third")]


@env.task
async def fan_out(n: int) -> int:
    return sum(await asyncio.gather(*(step_one.aio(i) for i in range(n))))


@env.task
async def gives_up(folder: str) -> str:
    """Cancels a child that would run for ever."""
    child = asyncio.create_task(held.aio(folder, "child"))
    while not Path(folder, "child.started").exists():
        await asyncio.sleep(0.01)
    child.cancel()
    try:
        await child
    except asyncio.CancelledError:
        return "cancelled"
    return "not cancelled"
