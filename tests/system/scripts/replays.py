"""Parents that are killed once, after they have called others: some call the same again, some do not."""

import asyncio
import os
import random
import signal
import threading
from pathlib import Path

import flyte

env = flyte.TaskEnvironment(name="replays")


@env.task
def step(n: int) -> int:
    return n * 10


@env.task
async def astep(n: int) -> int:
    await asyncio.sleep(random.random() / 50)
    return n * 10


@env.task
async def slow(n: int) -> int:
    await asyncio.sleep(60)
    return n


@flyte.trace
async def draw(n: int) -> int:
    return n


@flyte.trace
async def chance() -> int:
    return random.randrange(10**9)


def times(marker: str) -> int:
    """How often this was executed before."""
    return 1 if Path(marker).exists() else 0


def die_once(marker: str) -> None:
    """End this process the hard way, the first time."""
    if not times(marker):
        Path(marker).touch()
        os.kill(os.getpid(), signal.SIGKILL)


# -- Clean: they call the same, in whatever order ----------------------------------------------------


@env.task
def one_after_the_other(marker: str) -> int:
    total = sum(step(n) for n in (1, 1, 2, 3))
    die_once(marker)
    return total + step(4)


@env.task
async def all_at_once(marker: str) -> int:
    numbers = list(range(8)) * 2
    random.shuffle(numbers)
    total = sum(await asyncio.gather(*(astep(n) for n in numbers)))
    die_once(marker)
    return total


@env.task
def in_threads(marker: str) -> int:
    found: list[int] = []
    threads = [threading.Thread(target=lambda n=n: found.append(step(n % 3))) for n in range(6)]
    random.shuffle(threads)
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    die_once(marker)
    return sum(found)


@env.task
def mapped(marker: str) -> int:
    total = sum(flyte.map(step, [3, 2, 1]))
    die_once(marker)
    return total


@env.task
async def pinned_by_a_trace(marker: str) -> int:
    number = await chance()
    total = await astep(number)
    die_once(marker)
    return total


@env.task
async def lets_some_go(marker: str) -> int:
    """Starts what it does not wait for, and what it cancels."""
    left = asyncio.create_task(astep(1))
    cancelled = asyncio.create_task(slow(2))
    first = await astep(3)
    cancelled.cancel()
    await asyncio.sleep(0 if times(marker) else 0.2)
    die_once(marker)
    assert left is not None
    return first


@env.task
def catches(marker: str) -> int:
    try:
        fails(1)
    except flyte.errors.RuntimeUserError:
        found = step(1)
    die_once(marker)
    return found


@env.task
def fails(n: int) -> int:
    raise ValueError("no")


# -- Diverging --------------------------------------------------------------------------------------


@env.task
def other_inputs(marker: str) -> int:
    total = step(100 + times(marker)) + step(7)
    die_once(marker)
    return total


@env.task
async def fewer(marker: str) -> int:
    count = 1 if times(marker) else 4
    total = sum(await asyncio.gather(*(astep(n) for n in range(count))))
    die_once(marker)
    return total


@env.task
def none_at_all(marker: str) -> int:
    if times(marker):
        return 0
    step(1)
    die_once(marker)
    return 1


@env.task
async def other_trace(marker: str) -> int:
    number = await draw(times(marker))
    die_once(marker)
    return number


@env.task
def below(marker: str) -> int:
    return other_inputs(marker)


CLEAN = [one_after_the_other, all_at_once, in_threads, mapped, pinned_by_a_trace, lets_some_go, catches]
DIVERGING = {
    other_inputs: ["step"],
    fewer: ["astep"] * 3,
    none_at_all: ["step"],
    other_trace: ["draw"],
    below: ["step"],
}
