"""`@flyte.trace`: functions that are recorded where they run, and not run again by a later attempt."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import flyte
from programs.table import program

env = flyte.TaskEnvironment(name="tracing")

SOON = flyte.RetryStrategy(1, flyte.Backoff(base=0.01))


@flyte.trace
def shout(text: str) -> str:
    return text.upper()


@flyte.trace
async def later(x: int) -> int:
    await asyncio.sleep(0)
    return x + 1


@flyte.trace
async def refuses(x: int) -> int:
    raise KeyError(f"no {x}")


@flyte.trace
def counts(n: int) -> Iterator[int]:
    yield from range(n)


@flyte.trace
async def counts_later(n: int) -> AsyncIterator[int]:
    for each in range(n):
        yield each


@env.task
def task(x: int) -> int:
    return x


@program("HI", tree="traced_sync(shout)")
@env.task
def traced_sync() -> str:
    return shout("hi")


@program(2, tree="traced_async(later)")
@env.task
async def traced_async() -> int:
    return await later(1)


@program([1, 2, 3], tree="traced_together(3*later)")
@env.task
async def traced_together() -> list[int]:
    return list(await asyncio.gather(*(later(x) for x in range(3))))


@program("'no 1'", tree="traced_error(refuses failed)")
@env.task
async def traced_error() -> str:
    try:
        await refuses(1)
    except KeyError as error:
        return str(error)
    return ""


@program(fails="KeyError", tree="traced_error_uncaught failed(refuses failed)")
@env.task
async def traced_error_uncaught() -> int:
    return await refuses(2)


@program([0, 1, 2], tree="traced_generator(counts)")
@env.task
def traced_generator() -> list[int]:
    return list(counts(3))


@program([0, 1], tree="traced_async_generator(counts_later)")
@env.task
async def traced_async_generator() -> list[int]:
    return [each async for each in counts_later(2)]


@program(3, tree="trace_and_task(later, task)")
@env.task
async def trace_and_task() -> int:
    return await later(0) + await task.aio(2)


@program("once", tree="replayed x2(draw)")
@env.task(retries=SOON)
def replayed() -> str:
    found = draw()
    context = flyte.ctx()
    assert context is not None
    if context.attempt_number == 0:
        raise ValueError("again")
    return found


@flyte.trace
def draw() -> str:
    context = flyte.ctx()
    assert context is not None
    return "once" if context.attempt_number == 0 else "twice"


@program("once", tree="replayed_async x2(adraw)")
@env.task(retries=SOON)
async def replayed_async() -> str:
    found = await adraw()
    context = flyte.ctx()
    assert context is not None
    if context.attempt_number == 0:
        raise ValueError("again")
    return found


@flyte.trace
async def adraw() -> str:
    context = flyte.ctx()
    assert context is not None
    return "once" if context.attempt_number == 0 else "twice"


@program(fails="TraceDoesNotAllowNestedTasksError")
@env.task
async def no_tasks_in_traces() -> int:
    return await calls_a_task()


@flyte.trace
async def calls_a_task() -> int:
    return await task.aio(1)


@flyte.trace
async def outer() -> int:
    return await later(1) + 1


@program(3)
@env.task
async def trace_in_trace() -> int:
    return await outer()


@program(4, tree="trace_in_group(steps[2*later])")
@env.task
async def trace_in_group() -> int:
    with flyte.group("steps"):
        return await later(0) + await later(2)


@program(1, tree="same_trace_twice(2*later)")
@env.task
async def same_trace_twice() -> int:
    return await later(0) * await later(0)
