"""Exceptions as users see them."""

import json

from flyte._runtime import failure
from flyte.errors import NonRecoverableError, RuntimeSystemError, RuntimeUserError
from flyte_core.model import ErrorKind


def caught(function, *arguments) -> BaseException:  # type: ignore[no-untyped-def]
    try:
        function(*arguments)
    except BaseException as error:
        return error
    raise AssertionError("nothing was raised")


def test_the_library_s_frames_stay_where_the_user_called_it() -> None:
    info = failure.describe(caught(json.loads, "{"))
    assert info.code == "JSONDecodeError" and "Expecting property name" in info.message
    assert "in raw_decode" in info.traceback and "in caught" in info.traceback


def test_our_frames_are_left_out() -> None:
    from flyte._runtime import resolver

    info = failure.describe(caught(resolver.load, ["mod", "no_such_module", "instance", "x"]))
    assert info.code == "ModuleLoadError" and info.kind is ErrorKind.USER
    assert "resolver.py" not in info.traceback and "in caught" in info.traceback


def test_causes_are_trimmed_too() -> None:
    def outer() -> None:
        try:
            json.loads("{")
        except ValueError as error:
            raise KeyError("outer") from error

    text = failure.describe(caught(outer)).traceback
    assert text.startswith("Traceback (most recent call last):")
    assert "direct cause" in text and text.rstrip().endswith("KeyError: 'outer'")


def test_kinds_and_retries() -> None:
    assert failure.describe(NonRecoverableError("no")).recoverable is False
    assert failure.describe(RuntimeSystemError("x")).kind is ErrorKind.SYSTEM
    assert failure.describe(RuntimeUserError("x", code="ValueError")).code == "ValueError"
    assert failure.describe(ValueError("x")).recoverable is True


def test_odd_exceptions() -> None:
    class Silent(Exception):
        pass

    class Broken(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no text")

    assert failure.describe(Silent()).message == "Silent"
    assert "cannot be shown" in failure.describe(Broken()).message
    assert failure.describe(SystemExit(3)).message.endswith("sys.exit(3)")
    long = failure.describe(ValueError("x" * 1_000_000))
    assert len(long.message) < 20_000 and "characters left out" in long.message
