"""The command line of an attempt."""

from datetime import UTC, datetime

import pytest

from flyte._runtime import a0
from flyte._runtime.context import from_environment

LINE = [
    "a0",
    "--inputs",
    "/r/a0/inputs.pb",
    "--outputs-path",
    "/r/a0/1",
    "--version",
    "v1",
    "--raw-data-path",
    "/r/a0/1/raw",
    "--checkpoint-path",
    "/r/a0/1/c",
    "--prev-checkpoint",
    "{{.prevCheckpointPrefix}}",
    "--run-name",
    "r1",
    "--name",
    "a0",
    "--run-start-time",
    "2026-01-31T12:00:00Z",
    "--tgz",
    "/b/fast0.tar.gz",
    "--dest",
    ".",
    "--resolver",
    "flyte._runtime.resolver",
    "mod",
    "my.module",
    "instance",
    "task",
]


def test_a_whole_line() -> None:
    options = a0.parse(LINE)
    assert (options.inputs, options.outputs_path) == ("/r/a0/inputs.pb", "/r/a0/1")
    assert options.started == datetime(2026, 1, 31, 12, tzinfo=UTC)
    assert options.prev_checkpoint == ""
    assert options.resolver_args == ("mod", "my.module", "instance", "task")


@pytest.mark.parametrize("value", ["", '""', "{{.runName}}"])
def test_what_was_not_filled_in_counts_as_not_given(value: str) -> None:
    assert a0.parse(["--run-name", value]).run_name == ""
    assert a0.parse([f"--run-name={value}"]).run_name == ""


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--no-such", "x"], "--no-such"),
        (["--inputs"], "--inputs needs a value"),
        (["--run-start-time", "yesterday"], "yesterday"),
    ],
)
def test_what_cannot_be_read_is_named(words: list[str], complaint: str) -> None:
    with pytest.raises(a0.UsageError, match=complaint):
        a0.parse(words)


def test_the_environment_fills_in_what_the_line_does_not_say() -> None:
    env = {
        "ACTION_NAME": "a5",
        "RUN_NAME": "r5",
        "FLYTE_INTERNAL_EXECUTION_PROJECT": "p",
        "FLYTE_INTERNAL_EXECUTION_DOMAIN": "d",
        "FLYTE_ATTEMPT_NUMBER": "2",
        "FLYTE_ATTEMPT_TOKEN": "77",
        "_U_EP_OVERRIDE": "localhost:1",
    }
    context = from_environment(a0.parse([]), env)
    assert (context.key.run.name, context.key.name, context.attempt, context.token) == ("r5", "a5", 3, 77)
    assert from_environment(a0.parse(LINE), env).key.name == "a0"
