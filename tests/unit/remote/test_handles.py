"""Handles on runs and actions, over a history in a database."""

import asyncio
import json
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from tests.unit.remote.history import History, gone, outputs

import flyte.errors
from flyte._remote.action import Action, ActionDetails
from flyte._remote.run import Run, RunDetails
from flyte._remote.time_filter import TimeFilter
from flyte._remote.values import decode_outputs
from flyte_core.model import ErrorInfo, Phase

SCRIPT_ERROR = ErrorInfo("ValueError", "x is too small", traceback="Traceback...\n  File my_script.py")


def test_a_finished_run_tells_name_status_and_outputs(history: History) -> None:
    history.finished("r1", 20, x=5)
    run = Run.get("r1")
    assert (run.name, run.status, run.phase, run.task_name) == (
        "r1",
        "succeeded",
        Phase.SUCCEEDED,
        "env.pipeline",
    )
    assert str(run.phase) == "succeeded"
    assert run.raw_phase == 5
    assert run.outputs() == (20,)
    assert run.outputs()[0] == 20
    assert run.outputs().named_outputs == {"o0": 20}
    assert run.inputs() == {"x": 5}
    assert run.done()
    assert str(run) == "Run r1 (env.pipeline): succeeded, outputs (20,)"


def test_a_task_that_returns_nothing_has_one_output_none(history: History) -> None:
    history.finished("r1")
    assert Run.get("r1").outputs() == (None,)
    assert Run.get("r1").outputs().named_outputs == {}


def test_the_url_is_that_of_the_remembered_server(history: History) -> None:
    history.finished("r1")
    assert Run.get("r1").url == "http://localhost:4290/v2/runs/project/flytesnacks/domain/development/r1"
    (history.home / "port").write_text("5123")
    assert Run.get("r1").url == "http://localhost:5123/v2/runs/project/flytesnacks/domain/development/r1"
    assert Run.get("r1").action.url.endswith("/r1?i=a0")


def test_status_is_fresh_at_every_access(history: History) -> None:
    history.run("r1", x=1)
    run = Run.get("r1")
    seen = [run.status]
    history.start("r1")
    seen.append(run.status)
    history.succeed("r1", 1)
    seen.append(run.status)
    assert seen == ["queued", "running", "succeeded"]


def test_outputs_of_a_run_that_goes_on_are_refused_with_the_next_step(history: History) -> None:
    history.run("r1")
    with pytest.raises(flyte.errors.RuntimeUserError, match="no outputs yet: it is queued") as caught:
        Run.get("r1").outputs()
    assert "run.wait()" in caught.value.hint


def test_a_failed_run_raises_its_own_error(history: History) -> None:
    history.run("r1", x=1)
    history.start("r1")
    history.fail("r1", SCRIPT_ERROR)
    run = Run.get("r1")
    run.wait()
    assert run.status == "failed"
    with pytest.raises(flyte.errors.RuntimeUserError, match="x is too small") as caught:
        run.outputs()
    assert caught.value.code == "ValueError"
    assert "my_script.py" in caught.value.traceback
    assert str(run) == "Run r1 (env.pipeline): failed, ValueError: x is too small"
    details = Action.get("r1", "a0").details()
    assert details.error_info == SCRIPT_ERROR


def test_what_does_not_exist_is_named(history: History) -> None:
    history.finished("r1")
    with pytest.raises(flyte.errors.RunNotFoundError, match="no run r2 in flytesnacks/development"):
        Run.get("r2")
    with pytest.raises(flyte.errors.ActionNotFoundError, match="Run r1 has no action nope"):
        Action.get("r1", "nope")


def test_without_any_history_there_are_no_runs(home: Path) -> None:
    assert list(Run.listall()) == []
    assert not home.exists()


def test_wait_returns_when_the_run_ends(history: History) -> None:
    history.run("r1")
    history.start("r1")
    run = Run.get("r1")
    waiting = threading.Event()

    def finish() -> None:
        waiting.wait(5)
        history.succeed("r1", 7)

    thread = threading.Thread(target=finish)
    thread.start()
    run.wait(wait_for="running")
    waiting.set()
    run.wait()
    thread.join()
    assert run.outputs() == (7,)


def test_watch_shows_each_change_until_the_end(history: History) -> None:
    history.run("r1")
    seen = []
    for details in Run.get("r1").watch():
        seen.append(details.status)
        if details.status == "queued":
            history.start("r1")
        elif details.status == "running":
            history.succeed("r1", 1)
    assert seen == ["queued", "running", "succeeded"]


async def test_everything_can_be_awaited(history: History) -> None:
    history.finished("r1", 20, x=5)
    run = await Run.get.aio("r1")
    await run.wait.aio()
    assert (await run.outputs.aio()) == (20,)
    assert [each.name async for each in Run.listall.aio()] == ["r1"]
    assert [each.name async for each in Action.listall.aio("r1")] == ["a0"]
    assert run.status == "succeeded"


async def test_a_wait_can_be_cancelled(history: History) -> None:
    history.run("r1")
    run = await Run.get.aio("r1")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(run.wait.aio(), 0.05)


def test_lists_are_newest_first_and_filtered(history: History) -> None:
    for name in ("r1", "r2", "r3"):
        history.finished(name, 1)
    history.run("r4", "other", labels={"team": "ml"})
    assert [run.name for run in Run.listall()] == ["r4", "r3", "r2", "r1"]
    assert [run.name for run in Run.listall(limit=2)] == ["r4", "r3"]
    assert [run.name for run in Run.listall(in_phase=("succeeded",), limit=1)] == ["r3"]
    assert [run.name for run in Run.listall(task_name="env.other")] == ["r4"]
    assert [run.name for run in Run.listall(with_labels={"team": "ml"})] == ["r4"]
    assert [run.name for run in Run.listall(with_label_keys=("team",))] == ["r4"]
    assert [run.name for run in Run.listall(created_by_subject="eve")] == []
    assert [run.name for run in Run.listall(sort_by=("created_at", "asc"))] == ["r1", "r2", "r3", "r4"]
    middle = Run.get("r2").start_time
    assert [run.name for run in Run.listall(created_at=TimeFilter(after=middle))] == ["r4", "r3", "r2"]
    assert [run.name for run in Run.listall(created_at=TimeFilter(before=middle))] == ["r1"]
    with pytest.raises(ValueError, match="sort_by"):
        list(Run.listall(sort_by=("name", "asc")))


def test_actions_come_in_call_order_with_their_parents(history: History) -> None:
    history.run("r1", x=5)
    history.start("r1")
    history.child("r1", "one", "step_one", x=5)
    history.child("r1", "two", "step_two", x=10)
    history.start("r1", "one")
    history.succeed("r1", 10, action="one")
    found = list(Action.listall("r1"))
    assert [(each.name, each.task_name, each.parent_name) for each in found] == [
        ("a0", "env.pipeline", None),
        ("one", "env.step_one", "a0"),
        ("two", "env.step_two", "a0"),
    ]
    assert found[1].outputs() == (10,)
    assert [each.name for each in Action.listall("r1", in_phase=("queued",))] == ["two"]
    assert found[1].to_dict()["seq"] == 0
    assert found[2].to_dict()["seq"] == 1


def test_details_know_the_time_in_each_phase(history: History) -> None:
    history.finished("r1", 1)
    details = ActionDetails.get("r1", "a0")
    steps = details.get_phase_transitions()
    words = [step.phase.value for step in steps]
    assert words == ["queued", "initializing", "running", "succeeded"]
    assert all(step.duration >= timedelta() for step in steps)
    assert details.running_time == timedelta(milliseconds=1)
    assert details.attempts == 1
    assert RunDetails.get("r1").done()


def test_json_is_what_the_command_line_prints(history: History) -> None:
    history.finished("r1", 1)
    shown = json.loads(Run.get("r1").to_json())
    assert shown["name"] == "r1"
    assert shown["phase"] == "succeeded"
    assert shown["url"].endswith("/r1")
    assert json.loads(Run.get("r1").action.to_json())["short_name"] == "pipeline"


def test_logs_are_read_and_followed_to_the_end(history: History) -> None:
    history.run("r1")
    history.start("r1")
    history.write_log("r1", ["one", "two"])
    run = Run.get("r1")
    assert list(run.get_logs()) == ["one", "two"]
    followed = []
    for line in run.get_logs(follow=True):
        followed.append(line)
        if line == "two":
            history.write_log("r1", ["three"])
            history.succeed("r1", 1)
    assert followed == ["one", "two", "three"]


def test_logs_of_what_has_not_started_say_so(history: History) -> None:
    history.run("r1")
    with pytest.raises(flyte.errors.LogsNotYetAvailableError, match="has not started"):
        list(Run.get("r1").get_logs())


def test_following_goes_on_with_the_next_attempt(history: History) -> None:
    history.run("r1")
    history.start("r1")
    history.write_log("r1", ["first"])
    history.write_log("r1", ["again"], attempt=2)
    lines = Run.get("r1").get_logs(attempt=2)
    assert list(lines) == ["again"]


def test_a_local_run_whose_process_is_gone_is_lost_not_running(history: History) -> None:
    history.run("r1", owner=gone())
    run = Run.get("r1")
    assert run.status == "failed"
    with pytest.raises(flyte.errors.RuntimeSystemError, match="gone") as caught:
        run.outputs()
    assert caught.value.code == "ProcessLost"
    history.run("r2", owner=gone())
    assert [(each.name, each.status) for each in Run.listall(limit=1)] == [("r2", "failed")]


def test_aborting_a_local_run_is_recorded_with_reason_and_account(history: History) -> None:
    history.run("r1")
    history.start("r1")
    run = Run.get("r1")
    run.abort("not needed")
    assert run.status == "aborted"
    info = ActionDetails.get("r1", "a0").abort_info
    assert info is not None
    assert info.reason == "not needed"
    assert info.aborted_by
    with pytest.raises(flyte.errors.ActionAbortedError, match="not needed"):
        run.outputs()
    run.abort("again")
    assert ActionDetails.get("r1", "a0").abort_info == info


def test_outputs_keep_order_and_names_over_a_pickle() -> None:
    import pickle

    found = decode_outputs(outputs(1, 2), None)
    again = pickle.loads(pickle.dumps(found))
    assert again == (1, 2)
    assert again.named_outputs == {"o0": 1, "o1": 2}
