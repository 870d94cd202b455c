"""Tasks call tasks: what is returned, and which actions there are."""

import asyncio
import functools

import flyte
from programs.table import program

env = flyte.TaskEnvironment(name="calls")
other = flyte.TaskEnvironment(name="other_calls")


@env.task
def double(x: int) -> int:
    return x * 2


@env.task
def add(x: int, y: int = 10) -> int:
    return x + y


@env.task
async def triple(x: int) -> int:
    return x * 3


@other.task
def elsewhere(x: int) -> int:
    return x - 1


@env.task
def nothing(x: int) -> None:
    print("nothing of", x)


@program(4, tree="alone", x=2)
@env.task
def alone(x: int) -> int:
    return x * 2


@program(20, tree="pipeline(double, add)", x=5)
@env.task
def pipeline(x: int) -> int:
    return add(double(x))


@program(None, tree="returns_nothing(nothing)")
@env.task
def returns_nothing() -> None:
    nothing(1)


@program(None, tree="no_annotation_of_result")
@env.task
def no_annotation_of_result():  # type: ignore[no-untyped-def]
    print("untyped")


@program(12, tree="twice_the_same(2*double)")
@env.task
def twice_the_same() -> int:
    return double(3) + double(3)


@program(18, tree="awaits(triple, double)")
@env.task
async def awaits() -> int:
    tripled = await triple(3)
    return await double.aio(tripled)


@program(9, tree="sync_calls_async(triple)")
@env.task
def sync_calls_async() -> int:
    return asyncio.run(triple(3))


@program(6, tree="plain_function_of_a_task")
@env.task
def plain_function_of_a_task() -> int:
    return double.forward(3)


@program(8, tree="by_keyword(add)")
@env.task
def by_keyword() -> int:
    return add(y=5, x=3)


@program(13, tree="with_default(add)")
@env.task
def with_default() -> int:
    return add(3)


@program(4, tree="another_environment(elsewhere)")
@env.task
def another_environment() -> int:
    return elsewhere(5)


@program(120, tree="factorial(factorial(factorial(factorial(factorial))))", n=5)
@env.task
def factorial(n: int) -> int:
    return n if n <= 1 else n * factorial(n - 1)


@program(8, ordered=False, n=6)
@env.task
async def fibonacci(n: int) -> int:
    if n < 2:
        return n
    return await fibonacci(n - 1) + await fibonacci(n - 2)


def _helper(x: int) -> int:
    return double(x) + 1


@program(7, tree="through_a_function(double)")
@env.task
def through_a_function() -> int:
    return _helper(3)


@program(7, tree="through_a_lambda(double)")
@env.task
def through_a_lambda() -> int:
    def call(x: int) -> int:
        return double(x) + 1

    return call(3)


@program(15, tree="in_a_comprehension(3*double)")
@env.task
def in_a_comprehension() -> int:
    return sum(double(x) for x in (1, 2, 3)) + 3


@program([2, 4, 6], tree="in_a_loop(3*double)")
@env.task
def in_a_loop() -> list[int]:
    found = []
    for x in (1, 2, 3):
        found.append(double(x))  # noqa: PERF401
    return found


@program(64, tree="carried_along(6*double)")
@env.task
def carried_along() -> int:
    x = 1
    for _ in range(6):
        x = double(x)
    return x


@program("big", tree="branches(double)", x=7)
@env.task
def branches(x: int) -> str:
    return "big" if double(x) > 10 else "small"


@program(13, tree="with_a_partial(add)")
@env.task
def with_a_partial() -> int:
    return functools.partial(add, y=10)(3)


@program(16, tree="chosen_at_run_time(double, add)")
@env.task
def chosen_at_run_time() -> int:
    x = 3
    for step in (double, add):
        x = step(x)
    return x


@program(100, tree="named_otherwise(A short name)", x=10)
@env.task(short_name="named_otherwise")
def named_by_short_name(x: int) -> int:
    return _square(x)


@env.task(short_name="A short name")
def _square(x: int) -> int:
    return x * x


@program(3, tree="by_positional_only")
@env.task
def by_positional_only() -> int:
    return len("abc")


@program((1, "a"), tree="two_results(pair)")
@env.task
def two_results() -> tuple[int, str]:
    first, second = pair()
    return first, second


@env.task
def pair() -> tuple[int, str]:
    return 1, "a"
