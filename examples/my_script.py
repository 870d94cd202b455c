"""The script of the first page: three tasks, one of which calls the others.

    flyte run my_script.py pipeline --x 5

prints the run's id, its URL, and how it ended. The run has three actions; the result is 20.
"""

import flyte

env = flyte.TaskEnvironment(name="my_env")


@env.task
def step_one(x: int) -> int:
    return x * 2


@env.task
def step_two(x: int) -> int:
    return x + 10


@env.task
def pipeline(x: int) -> int:
    a = step_one(x)
    b = step_two(a)
    return b
