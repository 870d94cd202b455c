"""From a template to a command line: placeholders, environment, kinds of runtime, pools."""

from pathlib import Path

import pytest
from flyteidl2.core import tasks_pb2
from flyteidl2.task import task_definition_pb2
from google.protobuf import json_format
from server_world import task_spec

from flyte_core.layout import Layout
from flyte_core.model import (
    ROOT,
    Action,
    ActionKey,
    ActionKind,
    Attempt,
    AttemptState,
    InvalidArgument,
    Micros,
    Phase,
    RunKey,
    RunMode,
    RunRecord,
    Token,
)
from flyte_core.wire import specs
from flyte_server.ports.executor import Launch
from flyte_server.services import command

RUN = RunKey("p", "d", "r")
START = Micros(1_700_000_000_250_000)


def launch(spec: task_definition_pb2.TaskSpec, number: int = 1, **record: object) -> Launch:
    attempt = Attempt(number, Token(40 + number), AttemptState.LIVE, ((Phase.INITIALIZING, START),))
    action = Action(
        ActionKey(RUN, ROOT),
        None,
        ActionKind.TASK,
        0,
        specs.task_spec(spec),
        Phase.INITIALIZING,
        START,
        START,
        attempts=(attempt,),
    )
    run = RunRecord(RUN, RunMode.SERVER, START, "env.f", **record)  # type: ignore[arg-type]
    template = command.template_of(action)
    return command.build(action, attempt, run, template, Layout(Path("/h")), "localhost:1", 5.0, None)


def filled(text: str, **changes: object) -> str:
    return launch(task_spec(args=("a0", text), **changes)).argv[1]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{{.input}}", "/h/runs/p/d/r/a0/inputs.pb"),
        ("{{.inputPrefix}}", "/h/runs/p/d/r/a0"),
        ("{{ .OUTPUTPREFIX }}", "/h/runs/p/d/r/a0/1"),
        ("{{$rawOutputDataPrefix}}/x", "/h/runs/p/d/r/a0/1/raw/x"),
        ("{{.checkpointOutputPrefix}}", "/h/runs/p/d/r/a0/1/_flytecheckpoints"),
        ("{{.prevCheckpointPrefix}}", ""),
        ("{{.runName}}-{{.actionName}}", "r-a0"),
        ("{{.runStartTime}}", "2023-11-14T22:13:20.250000Z"),
        ("{{.namespace}}", "{{.namespace}}"),
        ("{{not one}}", "{{not one}}"),
    ],
)
def test_placeholders(text: str, value: str) -> None:
    assert filled(text) == value


def test_a_second_attempt_sees_the_checkpoint_of_the_first() -> None:
    second = launch(task_spec(args=("a0", "{{.prevCheckpointPrefix}}")), number=2)
    assert second.argv[1] == "/h/runs/p/d/r/a0/1/_flytecheckpoints"
    assert second.dir == Path("/h/runs/p/d/r/a0/2")
    assert second.env["FLYTE_ATTEMPT_NUMBER"] == "1"


def test_the_published_runtime_gets_what_it_expects_without_a_checkpoint() -> None:
    assert filled("{{.prevCheckpointPrefix}}", flavor="python") == '""'


def test_the_runs_variables_win_over_the_tasks() -> None:
    spec = task_spec()
    spec.task_template.container.env.add(key="A", value="task")
    spec.task_template.container.env.add(key="B", value="{{.runName}}")
    env = launch(spec, env={"A": "run"}).env
    assert (env["A"], env["B"], env["_U_RUN_BASE"]) == ("run", "r", "/h/runs/p/d/r")


@pytest.mark.parametrize(
    ("spec", "runtime"),
    [
        (task_spec(), "godwit"),
        (task_spec(flavor="python"), "flyte"),
        (task_spec(args=("python", "x.py")), "raw"),
    ],
)
def test_who_runs_it(spec: task_definition_pb2.TaskSpec, runtime: str) -> None:
    assert launch(spec).runtime == runtime


def test_attempts_of_one_bundle_share_code_and_pool() -> None:
    one, other = ((*("a0", "--tgz", uri), "--dest", ".") for uri in ("/b/one.tgz", "/b/two.tgz"))
    first = launch(task_spec("env.f", args=one, reuse=(2, 3)))
    second = launch(task_spec("env.g", args=one, reuse=(2, 3)))
    third = launch(task_spec("env.f", args=other, reuse=(2, 3)))
    assert first.code == "/b/one.tgz"
    assert first.pool == second.pool != third.pool
    assert (first.pool_replicas, first.pool_concurrency) == (2, 3)
    assert launch(task_spec("env.f", args=one)).pool == ""


def test_a_pool_may_be_a_runs_own() -> None:
    own = task_spec(reuse=(2, 3))
    own.task_template.reuse_policy.scope = tasks_pb2.ReusePolicy.RUN
    shared = launch(task_spec(reuse=(2, 3))).pool
    assert launch(own).pool == f"{shared}|p/d/r"


def test_a_pod_template_runs_its_primary_container() -> None:
    pod = {
        "podSpec": {
            "containers": [
                {"name": "side", "command": ["no"]},
                {
                    "name": "main",
                    "command": ["sh"],
                    "args": ["-c", "x"],
                    "env": [{"name": "A", "value": "1"}],
                },
            ]
        },
        "primaryContainerName": "main",
    }
    spec = json_format.ParseDict(
        {"taskTemplate": {"id": {"name": "env.f"}, "k8sPod": pod}}, task_definition_pb2.TaskSpec()
    )
    found = launch(spec)
    assert found.argv == ("sh", "-c", "x")
    assert found.env["A"] == "1"


def test_a_template_without_a_command_is_named() -> None:
    with pytest.raises(InvalidArgument, match=r"env\.double has no command"):
        launch(task_spec(args=()))
