"""Errors: their class, code and message on each side of a task's boundary."""

import asyncio

import flyte
from programs.table import program

env = flyte.TaskEnvironment(name="failing")


class OwnError(Exception):
    pass


class TwoArguments(Exception):
    def __init__(self, first: int, second: str) -> None:
        super().__init__(f"{first} and {second}")
        self.first = first


@env.task
def raises(what: str) -> int:
    raise {"value": ValueError, "key": KeyError, "own": OwnError, "zero": ZeroDivisionError}[what](
        f"it is {what}"
    )


@program(fails="ValueError", says="plainly", tree="plain failed")
@env.task
def plain() -> int:
    raise ValueError("plainly")


@program(fails="OwnError", says="mine")
@env.task
def own_class() -> int:
    raise OwnError("mine")


@program(fails="TwoArguments", says="1 and two")
@env.task
def two_arguments() -> int:
    raise TwoArguments(1, "two")


@program(fails="AssertionError")
@env.task
def assertion() -> int:
    assert not env.name, "a name it has"
    return 1


@program(fails="ZeroDivisionError", says="by zero")
@env.task
async def arithmetic() -> int:
    return 1 // len([])


@program(fails="ValueError", says="it is value", tree="of_a_child failed(raises failed)")
@env.task
def of_a_child() -> int:
    return raises("value")


@program("ValueError: it is value", tree="caught(raises failed)")
@env.task
def caught() -> str:
    try:
        raises("value")
    except flyte.errors.RuntimeUserError as error:
        return f"{error.code}: {error.message}"
    return ""


@program(["RuntimeUserError", "KeyError", "user"], tree="attributes(raises failed)")
@env.task
def attributes() -> list[str]:
    try:
        raises("key")
    except flyte.errors.BaseRuntimeError as error:
        return [type(error).__name__, error.code, str(error.kind)]
    return []


@program(False, tree="not_the_original_class(raises failed)")
@env.task
def not_the_original_class() -> bool:
    try:
        raises("value")
    except ValueError:
        return True
    except flyte.errors.RuntimeUserError:
        return False
    return True


@program(7, tree="fallback(raises failed, works)")
@env.task
def fallback() -> int:
    try:
        return raises("own")
    except flyte.errors.RuntimeUserError:
        return works(7)


@env.task
def works(x: int) -> int:
    return x


@env.task
def passes_on() -> int:
    return raises("zero")


@program(
    fails="ZeroDivisionError",
    says="it is zero",
    tree="through_two_levels failed(passes_on failed(raises failed))",
)
@env.task
def through_two_levels() -> int:
    return passes_on()


@program(fails="RuntimeError", says="instead", tree="replaced failed(raises failed)")
@env.task
def replaced() -> int:
    try:
        return raises("value")
    except flyte.errors.RuntimeUserError as error:
        raise RuntimeError("instead") from error


@program(fails="chosen", says="by me")
@env.task
def custom_code() -> int:
    raise flyte.errors.CustomError("by me", code="chosen")


@program(fails="RuntimeUserError", says="raised by hand")
@env.task
def raised_by_hand() -> int:
    raise flyte.errors.RuntimeUserError("raised by hand")


@program(fails="ValueError", says="früh ✓")
@env.task
def unicode_message() -> int:
    raise ValueError("früh ✓ 漢字")


@program(fails="ValueError", says="line two")
@env.task
def several_lines() -> int:
    raise ValueError("line one\nline two")


@program(fails="ValueError")
@env.task
def no_message() -> int:
    raise ValueError


@program(fails="RuntimeDataValidationError", says="expected int")
@env.task
def wrong_result() -> int:
    return "five"  # type: ignore[return-value]


@program(fails="RuntimeDataValidationError")
@env.task
def wrong_argument() -> int:
    return works("five")  # type: ignore[arg-type]


@program(fails="TypeError")
@env.task
def missing_argument() -> int:
    return works()  # type: ignore[call-arg]


@program(fails="TypeError")
@env.task
def unknown_argument() -> int:
    return works(x=1, z=3)  # type: ignore[call-arg]


@program(fails="SystemExit")
@env.task
def exits() -> int:
    raise SystemExit(3)


@program(fails="ExceptionGroup", ordered=False)
@env.task
async def group_of_errors() -> int:
    async with asyncio.TaskGroup() as group:
        group.create_task(raises.aio("value"))
    return 0


@program(fails="KeyError", says="it is key")
@env.task
def finally_runs() -> int:
    try:
        return raises("key")
    finally:
        print("cleaned up")


@program(fails="InlineIOMaxBytesBreached")
@env.task
def too_large_a_result() -> str:
    return small("x" * 5000)


@env.task(max_inline_io_bytes=1000)
def small(x: str) -> str:
    return x


@program("ValueError: of a child", tree="noted(notes failed)")
@env.task
def noted() -> str:
    try:
        notes()
    except flyte.errors.RuntimeUserError as error:
        return f"{error.code}: {error.message}"
    return ""


@env.task
def notes() -> int:
    error = ValueError("of a child")
    raise error


@program(fails="ModuleNotFoundError", says="no_such_module")
@env.task
def import_inside() -> int:
    import no_such_module  # type: ignore[import-not-found]  # noqa: F401

    return 1


@program(fails="RecursionError")
@env.task
def too_deep() -> int:
    def down(n: int) -> int:
        return down(n + 1)

    return down(0)
