"""Tasks that take every kind of input, fail, print, wait and die."""

import asyncio
import enum
import logging
import os
import sys
import time
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import flyte

env = flyte.TaskEnvironment(name="odd")


class Colour(enum.Enum):
    RED = "#f00"
    GREEN = "#0f0"


@dataclass
class Job:
    size: int
    tags: list[str]


@env.task
def inputs(
    text: str,
    count: int = 3,
    rate: float = 0.5,
    debug: bool = False,
    since: datetime | None = None,
    day: date | None = None,
    wait: timedelta = timedelta(seconds=1),
    colour: Colour = Colour.RED,
    x_list: list[int] | None = None,
    job: Job | None = None,
) -> str:
    """Takes one of each."""
    return repr((text, count, rate, debug, since, day, wait, colour, x_list, job))


@env.task
def fails(colour: str) -> str:
    print("looking for", colour)
    raise ValueError(f"no such colour: {colour}")


@env.task
def calls_fails(colour: str = "mauve") -> str:
    return fails(colour)


@env.task
def talks() -> str:
    print("to stdout")
    print("to stderr", file=sys.stderr)
    logging.getLogger("mine").warning("to logging")
    flyte.logger.info("to flyte.logger")
    return "done"


@env.task
async def lines(mark: str, count: int) -> None:
    for at in range(count):
        print(f"{mark} {at}")
        await asyncio.sleep(0)


@env.task
async def many(count: int = 20) -> None:
    await asyncio.gather(*(lines(f"printer{at}", 5) for at in range(count)))


@env.task
def waits(marker: str) -> str:
    """Waits until a file exists."""
    print("waiting", flush=True)
    while not Path(marker).exists():
        time.sleep(0.02)
    print("done waiting", flush=True)
    return "waited"


@env.task
def calls_waits(marker: str) -> str:
    return waits(marker)


@env.task
def exits() -> None:
    os._exit(7)


@env.task
def segfaults() -> None:
    os.kill(os.getpid(), 11)


@env.task(retries=2)
def third_time(marker: str) -> str:
    tried = Path(marker)
    count = int(tried.read_text()) if tried.exists() else 0
    tried.write_text(str(count + 1))
    print("try", count + 1)
    if count < 2:
        raise RuntimeError(f"not yet: {count + 1}")
    return "at last"


@env.task
def sees_env(name: str) -> str:
    return os.environ.get(name, "")


@env.task
def untyped(x):  # type: ignore[no-untyped-def]
    return x
