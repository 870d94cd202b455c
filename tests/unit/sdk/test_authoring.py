"""Declarations: what is accepted, what is refused and how, and how the three levels go together."""

import functools
import pickle
from datetime import timedelta
from typing import Any, NamedTuple

import pytest

import flyte
from flyte import errors
from flyte._authoring.identity import body_version
from flyte._authoring.interface import NativeInterface, Shape

env = flyte.TaskEnvironment(
    name="authoring", cache="auto", resources=flyte.Resources(cpu=1), env_vars={"A": "1"}
)


@env.task
def plain(x: int, y: str = "a", *, z: float = 1.0) -> str:
    """Says what it got.

    At length.
    """
    return f"{x}{y}{z}"


@env.task(short_name="short", retries=3, timeout=timedelta(minutes=1), cache="disable")
async def rich(x: int) -> int:
    return x


class Two(NamedTuple):
    left: int
    right: str


# -- Names and places ------------------------------------------------------------------------------


def test_a_task_is_called_by_environment_and_function() -> None:
    assert plain.name == "authoring.plain"
    assert (plain.short_name, rich.short_name) == ("plain", "short")
    assert plain.__name__ == "plain" and plain.__doc__ is not None
    assert list(env.tasks)[:2] == ["authoring.plain", "authoring.rich"]


def test_a_direct_call_is_the_bare_function() -> None:
    assert plain(1) == plain.forward(1) == "1a1.0"
    assert plain("not an int") == "not an inta1.0"  # type: ignore[arg-type]


async def test_a_direct_call_of_an_async_task_is_awaited() -> None:
    assert await rich(3) == await rich.aio(3) == 3
    assert await plain.aio(1) == "1a1.0"


@pytest.mark.parametrize("name", ["", "Upper", "two words", "-a", "a-", "a--b", "a.b", "ä"])
def test_bad_names_of_environments_are_refused(name: str) -> None:
    with pytest.raises(errors.DeclarationError, match="no name for an environment"):
        flyte.TaskEnvironment(name=name)


def test_a_long_description_is_cut() -> None:
    assert len(flyte.TaskEnvironment(name="e1", description="x" * 300).description or "") == 255


def test_an_environment_is_cloned_with_changes() -> None:
    other = env.clone_with("other", cache="disable")
    assert (other.name, other.cache, other.env_vars) == ("other", "disable", {"A": "1"})
    assert other.tasks == {}


# -- The three levels ------------------------------------------------------------------------------


def test_the_most_specific_level_wins() -> None:
    assert plain.cache.enabled and not rich.cache.enabled
    assert rich.retries.count == 3 and plain.retries.count == 0
    assert rich.timeout.max_runtime_s == 60
    changed = rich.override(retries=0, env_vars={"B": "2"}, cache="auto")
    assert changed.retries.count == 0
    assert changed.cache.enabled
    assert dict(changed.env_vars) == {"B": "2"}
    assert rich.retries.count == 3 and dict(rich.env_vars) == {"A": "1"}


@pytest.mark.parametrize("option", ["name", "image", "docs", "interface"])
def test_what_is_fixed_cannot_be_overridden(option: str) -> None:
    with pytest.raises(ValueError, match="fixed"):
        plain.override(**{option: 1})


def test_an_unknown_option_is_refused() -> None:
    with pytest.raises(ValueError, match="no option 'retry'"):
        plain.override(retry=1)
    with pytest.raises(errors.DeclarationError, match="no option retry"):
        env.task(retry=1)(lambda: 1)  # type: ignore[call-overload]


def test_reuse_can_be_switched_off() -> None:
    warm = flyte.TaskEnvironment(name="warm", reusable=flyte.ReusePolicy(replicas=1))
    task: Any = warm.task(lambda_free)
    assert task.reusable is not None
    assert task.override(reusable="off").reusable is None


def lambda_free() -> None: ...


# -- What is refused -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("declare", "message"),
    [
        (lambda: flyte.RetryStrategy(-1), "retries=-1"),
        (lambda: flyte.Backoff(timedelta(seconds=1), factor=2), "grows without bound"),
        (lambda: flyte.Backoff(timedelta(seconds=-1)), "no length of time"),
        (lambda: flyte.Timeout(deadline=-1), "no length of time"),
        (lambda: flyte.Cache("override"), "needs a version"),
        (lambda: flyte.Cache("sometimes"), "unknown"),  # type: ignore[arg-type]
        (lambda: flyte.Resources(cpu="lots"), "no amount"),
        (lambda: flyte.Resources(memory=("1Gi", "2Gi", "3Gi")), "3 amounts"),  # type: ignore[arg-type]
        (lambda: flyte.Resources(gpu="::"), "no number of accelerators"),
        (lambda: flyte.ReusePolicy(replicas=0), "no number of processes"),
        (lambda: flyte.ReusePolicy(replicas=(3, 2)), "no number of processes"),
        (lambda: flyte.Secret("k", as_env_var="not-a-name"), "no name of an environment variable"),
        (lambda: flyte.TaskEnvironment(name="x", cache="maybe"), "unknown"),  # type: ignore[arg-type]
        (lambda: flyte.TaskEnvironment(name="x", env_vars={"A": 1}), "env_vars"),  # type: ignore[dict-item]
        (lambda: flyte.TaskEnvironment(name="x", include="a.py"), "include"),  # type: ignore[arg-type]
        (lambda: env.task(max_inline_io_bytes=0)(lambda_free), "no number of bytes"),
        (lambda: env.task(retries="many")(lambda_free), "retries='many'"),  # type: ignore[call-overload]
        (lambda: env.task(plain), "is a task already"),
        (lambda: env.task(3), "is no function"),  # type: ignore[call-overload]
    ],
)
def test_declarations_that_mean_nothing_are_refused(declare: Any, message: str) -> None:
    with pytest.raises(errors.DeclarationError, match=message) as caught:
        declare()
    assert caught.value.hint


def test_generators_and_unnamed_inputs_are_refused() -> None:
    def generator() -> Any:
        yield 1

    def star(*args: int) -> None: ...

    for function, message in ((generator, "generator"), (star, "every input")):
        with pytest.raises(errors.DeclarationError, match=message):
            env.task(function)


def test_only_tasks_are_run() -> None:
    with pytest.raises(errors.DeclarationError, match="is no task"):
        flyte.run(lambda_free)  # type: ignore[arg-type]


# -- Interfaces ------------------------------------------------------------------------------------


def test_an_interface_tells_types_and_defaults() -> None:
    inputs = {each.name: each for each in plain.interface.inputs}
    assert inputs["x"].required and inputs["x"].type is int
    assert (inputs["y"].default, inputs["z"].default) == ("a", 1.0)
    assert plain.docs.startswith("Says what it got.")


@pytest.mark.parametrize(
    ("returns", "shape", "names"),
    [
        (None, Shape.NOTHING, []),
        (int, Shape.SINGLE, ["o0"]),
        (tuple[int, str], Shape.TUPLE, ["o0", "o1"]),
        (tuple[int, ...], Shape.SINGLE, ["o0"]),
        (Two, Shape.NAMED, ["left", "right"]),
        (Any, Shape.SINGLE, ["o0"]),
    ],
)
def test_outputs_follow_from_the_return_hint(returns: Any, shape: Shape, names: list[str]) -> None:
    def func() -> Any: ...

    func.__annotations__["return"] = returns
    interface = NativeInterface("f", func)
    assert interface.shape is shape
    assert [each.name for each in interface.outputs] == names


def test_arguments_bind_as_in_a_call() -> None:
    interface = plain.interface
    assert interface.bind((1,), {}) == {"x": 1, "y": "a", "z": 1.0}
    assert interface.bind((1, "b"), {"z": 2.0}) == {"x": 1, "y": "b", "z": 2.0}
    bad: list[tuple[tuple[Any, ...], dict[str, Any], str]] = [
        ((), {}, "missing a required argument: 'x'"),
        ((1, "b", 2.0), {}, "too many positional"),
        ((1,), {"x": 2}, "multiple values"),
        ((1,), {"w": 2}, "unexpected keyword argument 'w'"),
    ]
    for args, kwargs, message in bad:
        with pytest.raises(TypeError, match=message) as caught:
            interface.bind(args, kwargs)
        assert "authoring.plain" in str(caught.value)


def test_positional_only_inputs_work() -> None:
    @env.task(cache="disable")
    def only(x: int, /, y: int) -> int:
        return x - y

    assert flyte.run(only, 5, 3).outputs()[0] == 2


def test_a_default_of_none_makes_an_input_optional() -> None:
    @env.task(cache="disable")
    def maybe(x: int = None) -> bool:  # type: ignore[assignment]  # noqa: RUF013
        return x is None

    assert flyte.run(maybe).outputs()[0] is True


def test_a_hint_that_cannot_be_evaluated_is_named() -> None:
    @env.task
    def late(x: "Missing") -> None: ...  # type: ignore[name-defined]  # noqa: F821

    with pytest.raises(errors.DeclarationError, match=r"authoring\.late.*Missing"):
        _ = late.interface


def test_a_default_of_another_type_is_refused() -> None:
    @env.task
    def odd(x: int = "a") -> None: ...  # type: ignore[assignment]

    with pytest.raises(errors.DeclarationError, match=r"default of input x .* expected int, got str 'a'"):
        flyte.run(odd)


# -- Identity --------------------------------------------------------------------------------------


def test_the_version_follows_from_the_body_alone(tmp_path: Any) -> None:
    def version(source: str) -> str:
        file = tmp_path / f"m{abs(hash(source))}.py"
        file.write_text(source)
        space: dict[str, Any] = {}
        exec(compile(source, str(file), "exec"), space)
        return body_version(space["f"])

    one = version("def f(x):\n    return x + 1\n")
    assert version("@(lambda g: g)\ndef f( x ):\n    'Says so.'\n    # adds\n    return (x+1)\n") == one
    assert version("def f(x: int):\n    return x + 1\n") != one
    assert version("def f(x):\n    return x + 2\n") != one
    assert version("def f(y):\n    return y + 1\n") != one


def test_a_function_without_source_has_a_version() -> None:
    space: dict[str, Any] = {}
    exec("def f(x):\n    return x + 1\ndef g(x):\n    return x + 2", space)
    assert body_version(space["f"]) != body_version(space["g"])
    assert body_version(space["f"]) == body_version(space["f"])


def test_a_wrapped_function_has_the_version_of_what_it_wraps() -> None:
    @functools.wraps(lambda_free)
    def wrapper() -> None: ...

    assert body_version(wrapper) == body_version(lambda_free)


# -- Errors ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", errors.__all__)
def test_every_error_has_advice_and_survives_a_trip(name: str) -> None:
    kind = getattr(errors, name)
    error = kind("what happened", traceback="Traceback ...")
    assert error.code == name and error.hint and error.kind in ("user", "system", "unknown")
    back = pickle.loads(pickle.dumps(error))
    assert type(back) is kind
    assert (back.message, back.code, back.hint, back.traceback) == (
        error.message,
        error.code,
        error.hint,
        error.traceback,
    )


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (errors.RuntimeUserError("BAD", "it broke", "pod-1"), "BAD", "it broke"),
        (errors.CustomError("BAD", "it broke"), "BAD", "it broke"),
        (errors.CustomError.from_exception(KeyError("x")), "KeyError", "'x'"),
        (errors.NonRecoverableError("it broke", "BAD"), "BAD", "it broke"),
        (errors.TaskTimeoutError("late"), "TaskTimeoutError", "late"),
        (errors.BaseRuntimeError("BAD", "system", "it broke", "pod-1"), "BAD", "it broke"),
        (errors.InitializationError("BAD", "user", "it broke"), "BAD", "it broke"),
        (
            errors.RuntimeDataValidationError("x", ValueError("it broke"), "t"),
            "RuntimeDataValidationError",
            "it broke",
        ),
    ],
)
def test_errors_are_made_with_words_in_their_order(
    error: errors.BaseRuntimeError, code: str, message: str
) -> None:
    assert (error.code, error.message, str(error)) == (code, message, message)
    with pytest.raises(TypeError, match="takes"):
        type(error)("1", "2", "3", "4", "5")
