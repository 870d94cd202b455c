"""Tasks in warm workers: well-behaved, crashing, never ending."""

import asyncio
import os
import time
from datetime import timedelta
from pathlib import Path

import flyte

one = flyte.TaskEnvironment(name="one", reusable=flyte.ReusePolicy(replicas=1, concurrency=1, idle_ttl=60))
many = flyte.TaskEnvironment(name="many", reusable=flyte.ReusePolicy(replicas=1, concurrency=8, idle_ttl=60))
two = flyte.TaskEnvironment(name="two", reusable=flyte.ReusePolicy(replicas=2, concurrency=8, idle_ttl=60))
top = flyte.TaskEnvironment(name="top", depends_on=[one, many, two])


@one.task
def step(x: int) -> int:
    print("step", x)
    os.system(f"echo child of {x}")
    return os.getpid()


@one.task
async def astep(x: int) -> int:
    print("astep", x)
    await asyncio.sleep(0)
    return os.getpid()


@many.task
async def leaf(x: int) -> int:
    for _ in range(3):
        print("leaf", x)
        await asyncio.sleep(0.02)
    return os.getpid()


@many.task
def thread(x: int) -> int:
    print("thread", x)
    time.sleep(0.05)
    return os.getpid()


@two.task
async def meet(folder: str) -> int:
    """Ends when attempts of both workers have met."""
    here = Path(folder)
    (here / str(os.getpid())).touch()
    while len(list(here.iterdir())) < 2:
        await asyncio.sleep(0.02)
    return os.getpid()


@top.task
async def both(folder: str) -> list[int]:
    return list(await asyncio.gather(*(meet(folder) for _ in range(6))))


@top.task
async def pids(n: int) -> list[int]:
    found = [await step.aio(i) for i in range(n)]
    found += [await astep(i) for i in range(n)]
    found += await asyncio.gather(*(leaf(i) for i in range(n)))
    found += await asyncio.gather(*(thread.aio(i) for i in range(n)))
    return found


@one.task
def fails(how: str) -> int:
    print("about to fail")
    if how == "raise":
        raise KeyError("warm")
    if how == "exit":
        os._exit(5)
    import ctypes

    return ctypes.string_at(0)[0]


@one.task(timeout=timedelta(seconds=1))
def too_long() -> int:
    time.sleep(600)
    return 0


@top.task
def recovers(how: str) -> int:
    """A failing warm attempt, and another after it."""
    try:
        too_long() if how == "time" else fails(how)
    except flyte.errors.RuntimeUserError as error:
        print("code", error.code)
    return step(1)


@one.task
def waits(file: str) -> int:
    with Path(file + ".started").open("a") as started:
        started.write("x")
    while not Path(file).exists():
        time.sleep(0.02)
    return 7
