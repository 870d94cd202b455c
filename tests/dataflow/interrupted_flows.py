"""Programs that are killed, fail once or ask a question; their edges are those of the undisturbed ones."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import flyte

env = flyte.TaskEnvironment(name="interrupted")


@env.task
def zero(x: int) -> int:
    return 0


@env.task
def one(x: int) -> int:
    return x * 2


@flyte.trace
def looked_up(x: int) -> int:
    return 0


@flyte.trace
def items(n: int) -> Iterator[int]:
    for _ in range(n):
        yield 0


class Box:
    def __init__(self, value: int) -> None:
        self.value = value


def disturbed(marker: str) -> bool:
    """Whether this is the first attempt of something that is to be disturbed."""
    if not marker or Path(marker).exists():
        return False
    Path(marker).touch()
    return True


def body(x: int, marker: str, how: str) -> int:
    a, b = zero(x), zero(x + 1)
    box = Box(one(b))
    c = looked_up(a)
    for each in items(2):
        one(each)
    if disturbed(marker):
        if how == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        raise ValueError("the first time")
    one(c)
    return one(box.value)


@env.task
def killed(x: int, marker: str = "") -> int:
    return body(x, marker, "kill")


@env.task(retries=1)
def failing(x: int, marker: str = "") -> int:
    return body(x, marker, "fail")


@env.task
def asking(x: int) -> int:
    n = flyte.new_condition("how many", data_type=int).wait()
    m = flyte.new_condition("how many more", data_type=int).wait()
    one(m)
    return one(n)
