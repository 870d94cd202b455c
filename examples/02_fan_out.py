"""Many calls at once: children of one parent, side by side, gathered in order.

    flyte run 02_fan_out.py squares --n 5

The run has six actions: `squares`, and five times `square` in the group `each`. The result is 30.
"""

import asyncio

import flyte

env = flyte.TaskEnvironment(name="fan_out")


@env.task
async def square(x: int) -> int:
    print(f"{x} times {x} is {x * x}")
    return x * x


@env.task
async def squares(n: int = 5) -> int:
    """The sum of the first n squares, each worked out by an action of its own."""
    with flyte.group("each"):
        found = await asyncio.gather(*(square(x) for x in range(n)))
    return sum(found)
