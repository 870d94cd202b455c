"""Actions and runs survive the trip to a client and back, as far as clients look."""

from dataclasses import replace

import pytest
from flyteidl2.core import interface_pb2, literals_pb2
from flyteidl2.task import run_pb2, task_definition_pb2
from flyteidl2.workflow import run_definition_pb2
from google.protobuf import json_format

from flyte_core.model import (
    ROOT,
    Action,
    ActionKey,
    ActionKind,
    ActionName,
    Attempt,
    AttemptState,
    CacheStatus,
    Divergence,
    ErrorInfo,
    ErrorKind,
    Micros,
    Orphan,
    Phase,
    RunKey,
    RunMode,
    RunRecord,
    RunView,
    Token,
)
from flyte_core.wire import actions, specs

RUN = RunKey("flytesnacks", "development", "r1")
START = Micros(1_700_000_000_123_456)

TASK = specs.task_spec(
    json_format.ParseDict(
        {"taskTemplate": {"id": {"name": "env.double", "version": "v1"}, "type": "python"}},
        task_definition_pb2.TaskSpec(),
    )
)
RECORD = RunRecord(RUN, RunMode.SERVER, START, "env.double", created_by="ada", labels={"team": "x"})


def later(seconds: float) -> Micros:
    return Micros(START + int(seconds * 1_000_000))


def files(number: int) -> actions.AttemptFiles:
    return actions.AttemptFiles(f"/runs/r1/a0/{number}", logs_available=True)


def attempt(number: int, state: AttemptState, error: ErrorInfo | None = None) -> Attempt:
    live = state is AttemptState.LIVE
    steps = ((Phase.QUEUED, START), (Phase.INITIALIZING, later(1)), (Phase.RUNNING, later(2)))
    return Attempt(number, Token(0), state, steps, None if live else later(3), error, "pid 7")


def action(**changes: object) -> Action:
    base = Action(ActionKey(RUN, ROOT), None, ActionKind.TASK, 0, TASK, Phase.QUEUED, START, START)
    return base.evolve(**changes)


CASES = {
    "queued": action(),
    "running": action(
        phase=Phase.RUNNING, attempts=(attempt(1, AttemptState.LIVE),), started_at=later(2), group="g"
    ),
    "diverged": action(
        phase=Phase.RUNNING,
        attempts=(
            attempt(1, AttemptState.FAILED, ErrorInfo("WorkerLost", "gone", ErrorKind.SYSTEM)),
            attempt(2, AttemptState.LIVE),
        ),
        started_at=later(2),
        divergences=(
            Divergence(
                ActionName("a0"), 2, (Orphan(ActionName("c1"), "step"), Orphan(ActionName("c2"), "s/t"))
            ),
            Divergence(ActionName("c3"), 3, (Orphan(ActionName("c4"), "step"),), more=7),
        ),
    ),
    "succeeded": action(
        phase=Phase.SUCCEEDED,
        attempts=(attempt(1, AttemptState.OK),),
        started_at=later(2),
        ended_at=later(3),
        cache_status=CacheStatus.POPULATED,
        output_uri="/runs/r1/a0/1",
    ),
    "failed": action(
        phase=Phase.FAILED,
        attempts=(
            attempt(1, AttemptState.FAILED, ErrorInfo("ValueError", "x")),
            attempt(2, AttemptState.FAILED, ErrorInfo("OOMError", "y", ErrorKind.SYSTEM)),
        ),
        started_at=later(2),
        ended_at=later(3),
        error=ErrorInfo("OOMError", "y", ErrorKind.SYSTEM),
    ),
    "aborted": action(
        phase=Phase.ABORTED,
        ended_at=later(4),
        attempts=(attempt(1, AttemptState.KILLED),),
        started_at=later(2),
        abort_reason="enough",
        aborted_by="ada",
    ),
    "timed out": action(
        phase=Phase.TIMED_OUT,
        attempts=(attempt(1, AttemptState.TIMED_OUT),),
        started_at=later(2),
        ended_at=later(3),
        error=ErrorInfo("MAX_RUNTIME_EXCEEDED", "It ran for 2 s; the limit is 1 s."),
    ),
    "cache hit": action(
        phase=Phase.SUCCEEDED,
        ended_at=START,
        cache_status=CacheStatus.HIT,
        recovered_from="r0/a0",
        output_uri="/runs/r0/a0/1",
    ),
    "trace": action(
        key=ActionKey(RUN, ActionName("t1")),
        parent=ROOT,
        kind=ActionKind.TRACE,
        spec=specs.task_spec(
            run_definition_pb2.TraceAction(
                name="fetch", spec=task_definition_pb2.TraceSpec(interface=interface_pb2.TypedInterface())
            ),
            ActionKind.TRACE,
        ),
        phase=Phase.SUCCEEDED,
        started_at=START,
        ended_at=later(1),
        output_uri="/runs/r1/t1/outputs.pb",
    ),
    "condition": action(
        key=ActionKey(RUN, ActionName("c1")),
        parent=ROOT,
        kind=ActionKind.CONDITION,
        spec=specs.task_spec(run_definition_pb2.ConditionAction(name="approve"), ActionKind.CONDITION),
        phase=Phase.PAUSED,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_details_and_back(name: str) -> None:
    before = CASES[name]
    details = actions.to_details(before, RECORD, files)
    again = actions.from_details(type(details).FromString(details.SerializeToString()))
    assert again == before


def test_the_short_form_keeps_names_phase_and_times() -> None:
    before = CASES["failed"]
    again = actions.from_action(actions.to_action(before, RECORD))
    assert (again.key, again.phase, again.created_at, again.ended_at) == (
        before.key,
        before.phase,
        before.created_at,
        before.ended_at,
    )
    assert (again.spec.task_name, again.spec.short_name) == ("env.double", "double")


def test_a_run_keeps_its_record() -> None:
    record = replace(RECORD, related_run="r0", relation="recover")
    again = actions.from_run(actions.to_run(RunView(record, CASES["queued"])))
    assert again.record == record


def test_run_details_keep_the_run_spec() -> None:
    sent = run_pb2.RunSpec(labels=run_pb2.Labels(values={"team": "x"}), queue="fast")
    record = replace(RECORD, run_spec=sent.SerializeToString())
    view = RunView(record, CASES["running"])
    details = actions.to_run_details(view, actions.to_details(view.root, record, files))
    assert details.run_spec == sent
    assert actions.from_run_details(details).record.labels == {"team": "x"}


def test_there_is_always_an_attempt_to_look_at() -> None:
    details = actions.to_details(CASES["queued"], RECORD, files)
    assert details.status.attempts == 1
    assert [each.attempt for each in details.attempts] == [1]


def test_a_duration_is_end_minus_start() -> None:
    assert actions.to_details(CASES["failed"], RECORD, files).status.duration_ms == 3_000


def test_the_answer_of_a_condition_is_shown() -> None:
    answered = CASES["condition"].evolve(phase=Phase.SUCCEEDED, ended_at=later(9))
    answer = literals_pb2.Literal(scalar=literals_pb2.Scalar(primitive=literals_pb2.Primitive(boolean=True)))
    details = actions.to_details(answered, RECORD, files, answer)
    assert details.signal_info.output == answer
