"""What noting where values came from costs: each program with notes and without, in turn, in one process.

Usage: notes_cost.py ROUNDS N   Prints one JSON line: for each program the medians of the ratios, on over off.
"""

import asyncio
import gc
import json
import os
import statistics
import sys
import time

import flyte

env = flyte.TaskEnvironment(name="notes")


@env.task
def step(x: int) -> int:
    return x + 1


@env.task
async def astep(x: int) -> int:
    return x + 1


@env.task
def chain(n: int) -> int:
    x = 0
    for _ in range(n):
        x = step(x)
    return x


@env.task
async def async_chain(n: int) -> int:
    x = 0
    for _ in range(n):
        x = await astep(x)
    return x


@env.task
async def fan_out(n: int) -> int:
    return sum(await asyncio.gather(*(astep(i) for i in range(n))))


def sample(task: object, n: int, notes: str) -> tuple[float, float]:
    """Seconds on the clock, and of CPU."""
    os.environ["FLYTE_DATAFLOW"] = notes
    gc.collect()
    cpu, wall = time.process_time(), time.perf_counter()
    flyte.run(task, n=n)  # type: ignore[arg-type]
    return time.perf_counter() - wall, time.process_time() - cpu


def ratios(task: object, rounds: int, n: int) -> dict[str, float]:
    """Medians over rounds; which of the two comes first alternates."""
    wall: list[float] = []
    cpu: list[float] = []
    for turn in range(rounds + 1):
        order = ("1", "0") if turn % 2 else ("0", "1")
        found = {notes: sample(task, n, notes) for notes in order}
        if turn > 0:
            wall.append(found["1"][0] / found["0"][0])
            cpu.append(found["1"][1] / found["0"][1])
    return {"wall": round(statistics.median(wall), 3), "cpu": round(statistics.median(cpu), 3)}


if __name__ == "__main__":
    rounds, size = int(sys.argv[1]), int(sys.argv[2])
    flyte.init()
    print(json.dumps({each.short_name: ratios(each, rounds, size) for each in (chain, async_chain, fan_out)}))
