"""The work that is killed: a parent whose children leave a trace of every execution."""

import asyncio
import os
import time
from pathlib import Path

import flyte

env = flyte.TaskEnvironment(name="chaos")


def leave_trace(folder: str, what: str) -> None:
    ctx = flyte.ctx()
    line = f"{what} {ctx.action.name} {os.environ.get('FLYTE_ATTEMPT_TOKEN', '-')} {time.time_ns() // 1000}\n"
    fd = os.open(Path(folder) / ctx.action.run_name, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(fd, line.encode())
    finally:
        os.close(fd)


@env.task
async def leaf(x: int, folder: str) -> int:
    leave_trace(folder, "begin")
    await asyncio.sleep(0.02 * (x % 5))
    print(f"leaf {x}")
    return x * 2


@env.task
def plain(x: int, folder: str) -> int:
    leave_trace(folder, "begin")
    time.sleep(0.01)
    return x * 2


@env.task
def middle(x: int, folder: str) -> int:
    leave_trace(folder, "begin")
    return plain(x, folder) + plain(x + 1, folder)


@env.task
async def main(n: int, folder: str) -> int:
    leave_trace(folder, "begin")
    firsts = await asyncio.gather(*(leaf(i, folder) for i in range(n)))
    total = sum(firsts)
    for i in range(n):
        total += await leaf(1000 + i, folder)
    return total + await middle.aio(5000, folder)


def expected(n: int) -> int:
    return sum(2 * i for i in range(n)) + sum(2 * (1000 + i) for i in range(n)) + 2 * 5000 + 2 * 5001
