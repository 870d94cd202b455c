"""Functions that look at themselves closely. Each takes a task to call."""

import gc
import inspect
import io
import json
import logging
import sys
import tempfile
import traceback
import warnings
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import flyte

env = flyte.TaskEnvironment(name="observed")


@env.task
def step(x: int) -> int:
    return x


Step = Callable[[int], int]


def types_and_identity(step: Step) -> object:
    a = step(7)
    b = step(0) + 7
    seven = 7
    return type(a) is int, a is b, a is seven, json.dumps([a, True, None])


def where_an_error_is_raised(step: Step) -> object:
    a = step(1)
    values = [a, 0]
    return values[0] / values[1]


def errors_of_calls(step: Step) -> object:
    found = []
    for call in (lambda: len(5), lambda: [].pop(), lambda: int("x"), lambda: (lambda a: a)()):  # type: ignore[arg-type,call-arg,misc]
        try:
            found.append(call())
        except Exception as error:
            found.append((type(error).__name__, str(error)))
    return found


def errors_of_loops(step: Step) -> object:
    try:
        for _ in step(5):  # type: ignore[attr-defined]
            pass
    except TypeError as error:
        return str(error)


def lines_of_warnings_and_logs(step: Step) -> object:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(funcName)s:%(lineno)d"))
    logger = logging.Logger("observed")
    logger.addHandler(handler)
    logger.warning("here %s", step(1))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warnings.warn("there", stacklevel=1)
    return stream.getvalue(), [each.lineno for each in caught]


def frames(step: Step) -> object:
    frame = inspect.currentframe()
    assert frame is not None
    return (
        step(1),
        frame.f_code.co_name,
        frame.f_lineno,
        [each.name for each in traceback.extract_stack()[-1:]],
    )


def source(step: Step) -> object:
    def inner() -> int:
        return 1

    return step(1), inspect.getsource(inner), inner.__name__, inner.__qualname__


def own_names(step: Step) -> object:
    a = step(1)
    return a, sorted(locals())


class Handle:
    def __init__(self, log: list[str]) -> None:
        self.log = log

    def __del__(self) -> None:
        self.log.append("gone")

    def ping(self) -> int:
        self.log.append("ping")
        return 1


def when_things_go(step: Step) -> object:
    log: list[str] = []
    step(Handle(log).ping())
    log.append("after")
    kept = Handle(log)
    reference = weakref.ref(kept)
    del kept
    return log, reference() is None, gc.isenabled()


def files_are_closed(step: Step) -> object:
    path = Path(tempfile.mkdtemp()) / "file"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        open(path, "w").write(str(step(5)))
    return path.read_text()


def order_of_evaluation(step: Step) -> object:
    log: list[object] = []

    def note(x: Any) -> Any:
        log.append(x)
        return x

    d = {note("k"): note(1), note("l"): note(2)}
    d[note("m")] = note(3)
    note(str)(note(5))
    (note(print) if note(False) else note(repr))(note(6), *note(()), **note({}))
    note([1, 2])[note(0)] += note(4)
    return log, step(1), note(0) or note(1) and note(2), note(1) < note(0) < note(9)


class Base:
    def __init__(self, x: int) -> None:
        self.__x = x

    def value(self) -> int:
        return self.__x


class Derived(Base):
    def __init__(self, x: int) -> None:
        super().__init__(x)
        self.__x = x + 1

    def value(self) -> int:
        return super().value() * 10 + self.__x


def classes(step: Step) -> object:
    return Derived(step(4)).value(), Derived.value.__name__


def generators(step: Step) -> object:
    def produce() -> Any:
        got = yield step(1)
        more = yield got
        try:
            yield more
        finally:
            log.append("closed")
        return 5

    log: list[object] = []
    generator = produce()
    log += [next(generator), generator.send(8), generator.send(9)]
    generator.close()

    def outer() -> Any:
        return (yield from (x for x in (1, 2)))

    return log, list(outer())


def deep(step: Step) -> object:
    def down(n: int) -> int:
        return n if n == 0 else down(n - 1)

    return step(1), down(sys.getrecursionlimit() // 4)


async def awaits(step: Any) -> object:
    async def inner(x: int) -> int:
        return await step.aio(x)

    return [await inner(i) for i in range(2)], inner.__name__


FUNCTIONS = [
    types_and_identity,
    where_an_error_is_raised,
    errors_of_calls,
    errors_of_loops,
    lines_of_warnings_and_logs,
    frames,
    source,
    own_names,
    when_things_go,
    files_are_closed,
    order_of_evaluation,
    classes,
    generators,
    deep,
    awaits,
]
WITHOUT_TWIN = {"own_names"}
