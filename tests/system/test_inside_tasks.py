"""Inside a task: checkpoints, reports, conditions, durable time and traces, in both modes alike."""

from pathlib import Path

import pytest
from place import Place, load
from terminal import until

from flyte import errors
from flyte.remote import Action, Condition, Run

inside = load("inside")


def waiting(run: Run, name: str) -> Condition:
    """The condition of a run, as soon as it waits."""
    return until(lambda: Condition.get(name, run_name=run.name))


# -- Checkpoints -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["bytes", "file", "folder", "text"])
def test_an_attempt_resumes_from_the_last_checkpoint_there_is(both: Place, kind: str) -> None:
    assert both.result(inside.resumes, kind=kind) == ["weights"]


def test_checkpoints_are_awaited_in_async_tasks(both: Place) -> None:
    assert both.result(inside.resumes_async) == 10


# -- Reports ---------------------------------------------------------------------------------------


def test_a_report_is_seen_while_it_grows_and_kept_for_every_attempt(both: Place) -> None:
    run = both.start(inside.reports)
    seen = waiting(run, "seen")
    live = run.get_report()
    assert "<b>attempt 0</b>" in live and "rows" not in live
    seen.signal(True)
    run.wait()
    first, last = run.get_report(attempt=1), run.get_report()
    assert "<b>attempt 0</b>" in first and "<i>rows</i>" in first
    assert "data &lt;1&gt;" in last and "<b>last</b>" in last and "attempt" not in last
    assert Action.get(run.name, "a0").get_report() == last


def test_without_report_true_there_is_none(both: Place) -> None:
    run = both.run(inside.reports_in_vain)
    with pytest.raises(errors.ReportNotFoundError, match="no report"):
        run.get_report()
    assert any("report=True" in line for line in run.get_logs())


# -- Conditions ------------------------------------------------------------------------------------


def test_every_type_of_answer_arrives_as_itself(both: Place) -> None:
    run = both.start(inside.asks)
    asked = waiting(run, "text")
    with pytest.raises(errors.RuntimeDataValidationError, match="asks for a text"):
        asked.signal(1)
    asked.signal("ünï\ncode")
    waiting(run, "share").signal(2)
    waiting(run, "count").signal(-3)
    first = waiting(run, "yes")
    assert (first.prompt, first.description, first.expected_type) == ("Go?", "Think twice.", bool)
    assert first.phase == "paused"
    assert [each.name for each in Condition.listall(run_name=run.name)] == ["yes", "count", "share", "text"]
    assert [each.name for each in Run.listall(paused_actions_only=True)] == [run.name]
    first.signal(False)
    run.wait()
    assert run.outputs()[0] == ["bool False", "int -3", "float 2.0", "str ünï\ncode"]
    first.signal(False)
    with pytest.raises(errors.BaseRuntimeError, match="answered otherwise"):
        first.signal(True)


def test_a_condition_without_an_answer(both: Place) -> None:
    run = both.start(inside.asks_in_vain)
    Action.get(run.name, waiting(run, "aborted").action_name).abort("no need")
    run.wait()
    assert run.outputs()[0] == [
        "ConditionTimedoutError",
        "ConditionAlreadyExistsError",
        "ConditionFailedError",
    ]
    assert [phase for _, kind, phase in both.tree(run) if kind == "condition"] == ["timed_out", "aborted"]


def test_an_answer_outlives_the_attempt_that_asked(both: Place) -> None:
    run = both.start(inside.asks_once)
    waiting(run, "once").signal(7)
    run.wait()
    assert run.outputs()[0] == 7
    assert [kind for _, kind, _ in both.tree(run)].count("condition") == 1


def test_waiting_on_the_loop_is_refused_and_cancelling_aborts(both: Place) -> None:
    run = both.run(inside.asks_wrongly)
    refused = "SyncTaskCallInAsyncContextError"
    assert run.outputs()[0] == [refused, refused, "cancelled"]
    assert both.tree(run)[-1] == ("never", "condition", "aborted")


def test_the_command_line_answers_conditions(both: Place) -> None:
    user = both.user
    run = both.start(inside.asks)
    waiting(run, "text")
    assert [each["name"] for each in user.get("condition", run.name)] == ["yes", "count", "share", "text"]
    assert user.get("condition", run.name, "count")["type"] == "int"
    wrong = user.flyte("signal", "condition", run.name, "count", "many", code=2)
    assert "a whole number" in wrong.stderr
    for name, value in (("yes", "y"), ("count", "-5"), ("share", "1e-3"), ("text", "a b")):
        user.flyte("signal", "condition", run.name, name, value)
    run.wait()
    assert run.outputs()[0] == ["bool True", "int -5", "float 0.001", "str a b"]
    late = user.flyte("signal", "condition", run.name, "yes", "n", code=1)
    assert "cannot be answered any more" in late.stderr
    assert "no condition nope" in user.flyte("signal", "condition", run.name, "nope", "n", code=1).stderr


# -- Time ------------------------------------------------------------------------------------------


def test_a_later_attempt_reads_the_same_clock(both: Place, tmp_path: Path) -> None:
    run = both.run(inside.sleeps, folder=str(tmp_path))
    assert run.outputs()[0] is True
    assert [name for name, kind, _ in both.tree(run) if kind == "trace"] == [
        "durable.time",
        "durable.time",
        "durable.sleep",
    ]


# -- Traces ----------------------------------------------------------------------------------------


def test_traces_of_every_colour_are_replayed(both: Place, tmp_path: Path) -> None:
    run = both.run(inside.traces, folder=str(tmp_path))
    assert run.outputs()[0] == [1, 2, 3, 0, 1, 0, 1, -1]
    assert (tmp_path / "calls").read_text().split() == [
        "plain",
        "awaited",
        "counts",
        "counts_async",
        "gives_up",
    ]
    assert both.tree(run)[-1] == ("gives_up", "trace", "failed")


def test_tasks_are_refused_inside_traces(both: Place) -> None:
    assert both.result(inside.nests) == "TraceDoesNotAllowNestedTasksError"


# -- Errors ----------------------------------------------------------------------------------------


def test_every_error_crosses_the_boundary_of_a_task_as_itself(both: Place) -> None:
    names = [name for name in errors.__all__ if name != "BaseRuntimeError"]
    seen = both.result(inside.catches, names=names)
    assert seen[: len(names)] == [
        ["RuntimeUserError", "OWN_CODE", "user", "CustomError it is", "hint"]
        if name == "CustomError"
        else [name, name, getattr(errors, name).kind, f"{name} it is", "hint"]
        for name in names
    ]
    assert seen[len(names) :] == [
        ["NonRecoverableError", "OWN_CODE", "user", "never again", "hint"],
        ["RuntimeUserError", "LookupError", "user", "not there", "hint"],
    ]


def test_traced_generators_give_items_as_they_come(both: Place, tmp_path: Path) -> None:
    run = both.run(inside.streams, folder=str(tmp_path))
    # The failed one is replayed as its failure: what it gave before that was not recorded.
    assert run.outputs()[0] == [0, 1, 2, 0, 1, -1]
    assert (tmp_path / "calls").read_text().split() == ["endless", "endless_async", "breaks"]
    kinds = [(name, phase) for name, kind, phase in both.tree(run) if kind == "trace"]
    assert kinds == [("endless", "succeeded"), ("endless_async", "succeeded"), ("breaks", "failed")]
