"""A blocking call in an async task holds up its loop, and does what it says all the same."""

import flyte
from programs.table import program

env = flyte.TaskEnvironment(name="blocking")


@env.task
def doubled(x: int) -> int:
    return x * 2


@env.task
async def tripled(x: int) -> int:
    return x * 3


@program([2, 4, 3, 6], tree="a_map_in_an_async_task(doubled_map[2*doubled], tripled_map[2*tripled])")
@env.task
async def a_map_in_an_async_task() -> list[int]:
    found = [*flyte.map(doubled, [1, 2]), *flyte.map(tripled, [1, 2])]
    return [each for each in found if isinstance(each, int)]


@env.task
def sixfold(x: int) -> int:
    return sum(each for each in flyte.map(doubled, [x, x, x]) if isinstance(each, int))


@program([6, 12], tree="maps_within_maps(sixfold_map[2*sixfold(doubled_map[3*doubled])])")
@env.task
async def maps_within_maps() -> list[int]:
    return [each for each in flyte.map(sixfold, [1, 2]) if isinstance(each, int)]


@program([4], tree="a_map_over_calls(doubled, doubled_map[doubled])")
@env.task
def a_map_over_calls() -> list[int]:
    found = flyte.map(doubled, (doubled(x) for x in [1]))
    return [each for each in found if isinstance(each, int)]
