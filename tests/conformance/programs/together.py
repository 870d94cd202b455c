"""Side by side: gather, tasks, groups of tasks, semaphores, the first of several."""

import asyncio

import flyte
from programs.table import program

env = flyte.TaskEnvironment(name="together")


@env.task
async def square(x: int) -> int:
    return x * x


@env.task
def cube(x: int) -> int:
    return x * x * x


@env.task
async def fails(x: int) -> int:
    raise ValueError(f"no {x}")


@program([0, 1, 4], tree="gathered(3*square)")
@env.task
async def gathered() -> list[int]:
    return list(await asyncio.gather(*(square(x) for x in range(3))))


@program([0, 1, 8], tree="gathered_aio(3*cube)")
@env.task
async def gathered_aio() -> list[int]:
    return list(await asyncio.gather(*(cube.aio(x) for x in range(3))))


@program([1, 1], tree="the_same_twice(2*square)")
@env.task
async def the_same_twice() -> list[int]:
    return list(await asyncio.gather(square(1), square(1)))


@program(5, tree="created(2*square)")
@env.task
async def created() -> int:
    first = asyncio.create_task(square(1))
    second = asyncio.create_task(square(2))
    return await first + await second


@program(14, tree="in_a_task_group(3*square)")
@env.task
async def in_a_task_group() -> int:
    async with asyncio.TaskGroup() as group:
        found = [group.create_task(square(x)) for x in (1, 2, 3)]
    return sum(each.result() for each in found)


@program(30, tree="as_completed(4*square)", ordered=False)
@env.task
async def as_completed() -> int:
    total = 0
    for each in asyncio.as_completed([square(x) for x in (1, 2, 3, 4)]):
        total += await each
    return total


@program(55, tree="with_a_semaphore(5*square)")
@env.task
async def with_a_semaphore() -> int:
    gate = asyncio.Semaphore(2)

    async def limited(x: int) -> int:
        async with gate:
            return await square(x)

    return sum(await asyncio.gather(*(limited(x) for x in range(1, 6))))


@program(["1", "ValueError: no 2"], tree="errors_as_values(square, fails failed)")
@env.task
async def errors_as_values() -> list[str]:
    found = await asyncio.gather(square(1), fails(2), return_exceptions=True)
    return [
        str(each) if not isinstance(each, flyte.errors.BaseRuntimeError) else f"{each.code}: {each.message}"
        for each in found
    ]


@program(fails="ValueError", says="no 2", tree="one_fails failed(square, fails failed)")
@env.task
async def one_fails() -> int:
    first = await square(1)
    return first + await fails(2)


@program(5, tree="in_turns(2*square)")
@env.task
async def in_turns() -> int:
    return await square(1) + await square(2)


@program([1, 4, 9], tree="waited_for(3*square)")
@env.task
async def waited_for() -> list[int]:
    tasks = [asyncio.create_task(square(x)) for x in (1, 2, 3)]
    done, pending = await asyncio.wait(tasks)
    assert not pending
    return sorted(each.result() for each in done)


@program(10, tree="tree_of_sums(3*square)")
@env.task
async def tree_of_sums() -> int:
    a, b = await asyncio.gather(square(1), square(2))
    return a + await square(3) if a < b else b


@env.task
async def forever() -> int:
    await asyncio.Event().wait()
    return 0


@program("given up", tree="cancelled(forever aborted)", hurried=True)
@env.task
async def cancelled() -> str:
    try:
        await asyncio.wait_for(forever(), timeout=0.3)
    except TimeoutError:
        return "given up"
    return "?"


@program("left alone", tree="not_awaited(forever aborted)", hurried=True)
@env.task
async def not_awaited() -> str:
    left = asyncio.create_task(forever())
    await asyncio.sleep(0.2)
    assert not left.done()
    return "left alone"
