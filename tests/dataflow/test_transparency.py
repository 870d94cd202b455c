"""User code cannot tell that it is observed: the same results, errors, lines and values, with notes and without."""

import inspect
import re
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from types import FunctionType
from typing import Any

import observed_code
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import flyte
from flyte._dataflow.twins import twin_of

env = flyte.TaskEnvironment(name="seen")


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLYTE_HOME", str(tmp_path))


@pytest.mark.parametrize("function", observed_code.FUNCTIONS, ids=lambda each: each.__name__)
def test_a_function_does_with_notes_what_it_does_without(
    function: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = outcome(function, noted="0", monkeypatch=monkeypatch)
    assert outcome(function, noted="strict", monkeypatch=monkeypatch) == plain
    assert isinstance(function, FunctionType)
    assert twin_of(function) is not None or function.__name__ in observed_code.WITHOUT_TWIN


def outcome(function: Callable[..., Any], noted: str, monkeypatch: pytest.MonkeyPatch) -> object:
    """What a task with this body returns, or how it fails, traceback included."""
    monkeypatch.setenv("FLYTE_DATAFLOW", noted)
    seen: list[object] = []
    if noted != "0" and isinstance(function, FunctionType):
        function = twin_of(function) or function
    if inspect.iscoroutinefunction(function):

        async def abody() -> None:
            try:
                seen.append(await function(observed_code.step))
            except Exception as error:
                seen.append(told(error))

        abody.__name__ = f"a_{function.__name__}"
        flyte.run(env.task(abody))
    else:

        def body() -> None:
            try:
                seen.append(function(observed_code.step))
            except Exception as error:
                seen.append(told(error))

        body.__name__ = f"s_{function.__name__}"
        flyte.run(env.task(body))
    return seen


def told(error: Exception) -> object:
    frames = [(each.name, each.lineno, each.line) for each in traceback.extract_tb(error.__traceback__)]
    ours = [each for each in frames if each[0] not in ("body", "abody")]
    return type(error), str(error), ours


names = st.sampled_from("abcd")
atoms = st.one_of(names, st.integers(-3, 3).map(str), st.sampled_from(["True", "None", "''", "[]", "()"]))
expressions = st.recursive(
    atoms,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["+", "-", "*", "==", "and", "or", "in", "|"]), inner).map(
            lambda t: f"({t[0]} {t[1]} {t[2]})"
        ),
        st.tuples(inner, inner, inner).map(lambda t: f"({t[0]} if {t[1]} else {t[2]})"),
        st.lists(inner, max_size=3).map(lambda xs: f"[{', '.join(xs)}]"),
        st.tuples(inner, inner).map(lambda t: f"({t[0]}, {t[1]})"),
        st.tuples(names, inner).map(lambda t: f"[{t[0]} for {t[0]} in {t[1]}]"),
        st.tuples(names, inner).map(lambda t: f"({t[0]} := {t[1]})"),
        st.tuples(inner, inner).map(lambda t: f"{t[0]}[{t[1]}]"),
        inner.map(lambda x: f"step({x})"),
        inner.map(lambda x: f"(lambda a: {x})(b)"),
        names.map(lambda x: f"f'{{{x}}}'"),
        st.tuples(inner, inner).map(lambda t: f"{{'k': {t[0]}, **dict(z={t[1]})}}"),
    ),
    max_leaves=6,
)


def indented(body: list[str]) -> list[str]:
    return [f"    {line}" for line in body] or ["    pass"]


simple = st.one_of(
    st.tuples(names, expressions).map(lambda t: [f"{t[0]} = {t[1]}"]),
    st.tuples(names, names, expressions).map(lambda t: [f"{t[0]}, {t[1]} = {t[2]}, {t[0]}"]),
    st.tuples(names, expressions).map(lambda t: [f"{t[0]}, *d = {t[1]}"]),
    st.tuples(names, expressions).map(lambda t: [f"{t[0]} += {t[1]}"]),
    st.tuples(names, expressions, expressions).map(lambda t: [f"{t[0]}[{t[1]}] = {t[2]}"]),
    expressions.map(lambda e: [f"log.append({e})"]),
    expressions.map(lambda e: [f"return {e}"]),
    st.just(["del a"]),
)
statements = st.recursive(
    simple,
    lambda inner: st.one_of(
        st.tuples(expressions, inner, inner).map(
            lambda t: [f"if {t[0]}:", *indented(t[1]), "else:", *indented(t[2])]
        ),
        st.tuples(names, expressions, inner).map(lambda t: [f"for {t[0]} in {t[1]}:", *indented(t[2])]),
        st.tuples(inner, inner).map(
            lambda t: ["try:", *indented(t[0]), "except TypeError as d:", *indented(t[1])]
        ),
        st.tuples(inner, inner).map(lambda t: ["def a(b=b):", *indented(t[0]), *t[1]]),
        st.tuples(expressions, inner).map(
            lambda t: [f"match {t[0]}:", "    case [a, *b]:", *indented(indented(t[1])), "    case c: pass"]
        ),
        st.lists(inner, min_size=1, max_size=4).map(lambda many: [line for each in many for line in each]),
    ),
    max_leaves=6,
)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(body=statements)
def test_no_program_can_tell_that_it_is_observed(body: list[str], tmp_path_factory: Any) -> None:
    path = tmp_path_factory.mktemp("fuzz") / "program.py"
    path.write_text("\n".join(["def program(step, log, a, b, c, d):", *indented(body)]) + "\n")
    names_: dict[str, Any] = {}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            exec(compile(path.read_text(), str(path), "exec", dont_inherit=True), names_)
    except SyntaxError:
        assume(False)
    program = names_["program"]
    twin = twin_of(program)
    assert twin is not None
    assert run(twin) == run(program)


def run(program: Callable[..., Any]) -> object:
    """Run it inside a task that takes notes, and tell everything that it did."""
    log: list[object] = []
    from flyte import _context
    from flyte._context import RunInfo, TaskContext
    from flyte._dataflow.seen import Seen
    from flyte_core.model import ROOT, RunKey

    info = RunInfo(RunKey("p", "d", "r"), "local", run_base_dir="", run_start_time=None)  # type: ignore[arg-type]
    context = TaskContext(info, ROOT, None)  # type: ignore[arg-type]
    context.seen = Seen(ROOT, {})
    token = _context.enter(context)
    try:
        result: object = program(lambda x: x, log, 1, [1, 2], {"k": 3}, "text")
    except Exception as error:
        lines = [each.lineno for each in traceback.extract_tb(error.__traceback__)][1:]
        return log_of(log), type(error), bare(str(error)), lines
    finally:
        _context.leave(token)
    return log_of(log), log_of(result)


def log_of(value: object) -> str:
    return bare(repr(value))


def bare(text: str) -> str:
    """Text that does not depend on where things lie in memory."""
    return re.sub(r" at 0x[0-9a-f]+", "", text)
