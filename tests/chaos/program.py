"""The work that is killed: a parent whose children leave a trace of every execution."""

import asyncio
import os
import time
from pathlib import Path

import flyte

env = flyte.TaskEnvironment(name="chaos")
pool = flyte.TaskEnvironment(name="chaos_pool", reusable=flyte.ReusePolicy(replicas=1, concurrency=4))
driver = flyte.TaskEnvironment(name="chaos_driver", depends_on=[env, pool])


def leave_trace(folder: str) -> None:
    """One line for each time a body begins: the action, the attempt's token, the instant."""
    ctx = flyte.ctx()
    line = f"begin {ctx.action.name} {ctx.attempt_token} {time.time_ns() // 1000}\n"
    fd = os.open(Path(folder) / ctx.action.run_name, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(fd, line.encode())
    finally:
        os.close(fd)


@env.task
async def leaf(x: int, folder: str) -> int:
    leave_trace(folder)
    await asyncio.sleep(0.02 * (x % 5))
    print(f"leaf {x}")
    return x * 2


@pool.task
async def warm(x: int, folder: str) -> int:
    leave_trace(folder)
    await asyncio.sleep(0.02 * (x % 5))
    print(f"warm {x}")
    return x * 2


@env.task
def plain(x: int, folder: str) -> int:
    leave_trace(folder)
    time.sleep(0.01)
    return x * 2


@env.task
def middle(x: int, folder: str) -> int:
    leave_trace(folder)
    return plain(x, folder) + plain(x + 1, folder)


@driver.task
async def main(n: int, folder: str) -> int:
    leave_trace(folder)
    total = sum(await asyncio.gather(*(leaf(i, folder) for i in range(n))))
    total += sum(await asyncio.gather(*(warm(i, folder) for i in range(2 * n))))
    for i in range(n):
        total += await leaf(1000 + i, folder)
    return total + await middle.aio(5000, folder)


def expected(n: int) -> int:
    doubled = [*range(n), *range(2 * n), *range(1000, 1000 + n), 5000, 5001]
    return sum(2 * x for x in doubled)
