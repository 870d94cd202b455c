"""Tasks to be run again: steps that count how often they are executed, and inputs of every kind."""

import enum
import os
import signal
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import flyte

env = flyte.TaskEnvironment(name="repeats")

STEPS = 8


class Colour(enum.Enum):
    RED = "r"
    BLUE = "b"


@dataclass
class Point:
    x: int
    y: float = 0.5


def count(folder: str, what: str) -> int:
    """Note an execution; returns how many there were, this one included."""
    with (Path(folder) / what).open("a") as file:
        file.write("x\n")
    return len((Path(folder) / what).read_text().split())


@env.task
def step(n: int, folder: str) -> int:
    times = count(folder, f"step{n}")
    if n == 5 and times == 1 and (Path(folder) / "kill").exists():
        os.kill(os.getpid(), signal.SIGKILL)
    if n == 5 and times == 1 and (Path(folder) / "fail").exists():
        raise ValueError("the fifth fails once")
    return n + 1


@env.task
def big(n: int, folder: str) -> str:
    count(folder, "big")
    return "x" * n


@flyte.trace
def traced(n: int, folder: str) -> int:
    return count(folder, f"trace{n}")


@env.task
def chain(folder: str) -> int:
    """One step after the other, a traced call among them."""
    count(folder, "chain")
    length = len(big(200_000, folder))
    assert length == 200_000
    seen = traced(1, folder)
    n = 0
    while n < STEPS:
        n = step(n, folder)
    return n + seen


@env.task
def kinds(
    number: int,
    ratio: float = 0.5,
    text: str = "a",
    flag: bool = False,
    when: datetime = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    span: timedelta = timedelta(hours=1),
    words: list[str] | None = None,
    table: dict[str, int] | None = None,
    colour: Colour = Colour.RED,
    point: Point = Point(1),  # noqa: B008
    pair: tuple[int, str] = (1, "one"),
    name: str = "called as an option is",
) -> str:
    return repr((number, ratio, text, flag, when, span, words, table, colour, point, pair, name))


@env.task
def together(words: set[str], few: list[frozenset[str]], folder: str) -> int:
    count(folder, "together")
    return len(words) + len(few)


@env.task
def gathers(folder: str) -> int:
    """A step that takes sets, whose order another process does not have."""
    words = {f"word {n}" for n in range(20)}
    found = together(words, [frozenset(words)], folder)
    if count(folder, "gathers") == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return found
