"""Tasks that start runs of their own, and wait for them."""

import asyncio
import time
from pathlib import Path

import flyte

env = flyte.TaskEnvironment(name="elsewhere")


@env.task
def double(x: int) -> int:
    return 2 * x


@env.task
def starts(x: int) -> int:
    run = flyte.with_runcontext(mode="remote").run(double, x=x)
    run.wait()
    return int(run.outputs()[0])


@env.task
async def astarts(x: int) -> int:
    run = await flyte.with_runcontext(mode="remote").run.aio(double, x=x)
    await run.wait.aio()
    return int((await run.outputs.aio())[0])


@env.task
async def several() -> list[int]:
    return list(await asyncio.gather(*(task(x) for x in (1, 2) for task in (starts.aio, astarts))))


@env.task
def patient(path: str) -> int:
    while not Path(path).exists():
        time.sleep(0.02)
    return double(0) + 1


@env.task
async def waits(path: str) -> int:
    run = await flyte.with_runcontext(mode="remote").run.aio(patient, path=path)
    await run.wait.aio()
    return int((await run.outputs.aio())[0])


@env.task
async def frees(path: str) -> int:
    Path(path).touch()
    return 2


@env.task
async def one_at_a_time(path: str) -> list[int]:
    return list(await asyncio.gather(waits(path), frees(path)))
