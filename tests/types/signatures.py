"""Read by a type checker, never run: what it must see in the face, and what it must refuse.

A line that must be refused carries `# type: ignore[code]`; when it is not refused, the checker
complains that the comment is of no use.
"""

from typing import assert_type

import flyte
from flyte.remote import Run

env = flyte.TaskEnvironment(name="types")


@env.task
def plain(x: int, y: str = "a") -> float:
    return float(x)


@env.task(retries=2, cache="auto")
async def rich(x: int) -> list[str]:
    return [str(x)]


@flyte.trace
def traced(x: int) -> bytes:
    return bytes(x)


assert_type(plain(1), float)
assert_type(plain(1, y="b"), float)
assert_type(plain.forward(1), float)
assert_type(plain.override(retries=1)(1), float)
assert_type(traced(1), bytes)
assert_type(flyte.run(plain, 1), Run)
assert_type(flyte.run(rich, x=1), Run)
assert_type(flyte.with_runcontext(name="n").run(plain, x=1, y="c"), Run)
assert_type(flyte.init(), None)

plain("x")  # type: ignore[arg-type]
plain()  # type: ignore[call-arg]
plain(1, z=2)  # type: ignore[call-arg]
flyte.run(plain, "x")  # type: ignore[arg-type]
flyte.run(plain)  # type: ignore[call-arg]
flyte.run(traced, 1)  # type: ignore[arg-type]
flyte.TaskEnvironment(name=3)  # type: ignore[arg-type]
flyte.TaskEnvironment()  # type: ignore[call-arg]
flyte.with_runcontext(mode="elsewhere")  # type: ignore[arg-type]
flyte.Resources(cpu=object())  # type: ignore[arg-type]


async def main() -> None:
    assert_type(await rich(1), list[str])
    assert_type(await plain.aio(1), float)
    assert_type(await flyte.run.aio(plain, 1), Run)
    await rich("x")  # type: ignore[arg-type]
    await flyte.run.aio(plain, "x")  # type: ignore[arg-type]
