"""A first workflow: a task for each number of a list, side by side, and one for their mean.

flyte run hello.py main
flyte run --local hello.py main --x_list '[1, 2, 3]'
"""

import flyte

env = flyte.TaskEnvironment(name="hello")


@env.task
def line(x: int) -> int:
    """A point on the line y = 3x + 1."""
    y = 3 * x + 1
    print(f"at {x} the line is at {y}")
    return y


@env.task
def mean(ys: list[int]) -> float:
    """The mean of the points."""
    return sum(ys) / len(ys)


@env.task
def main(x_list: list[int] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]) -> float:  # noqa: B006
    """The mean of a line's points over a list of numbers."""
    ys = [y for y in flyte.map(line, x_list) if isinstance(y, int)]
    return mean(ys)
