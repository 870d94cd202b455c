"""Critical path, slack, improvements and folding, on runs small enough to check by hand."""

import itertools
import random
import sys
from types import FrameType

import pytest
from dataflow_runs import Program, big_program, diamond, random_program

from flyte_core.dataflow.bottlenecks import Analysis
from flyte_core.dataflow.columns import Doing, RunColumns
from flyte_core.dataflow.replay import Edit, Replay
from flyte_core.dataflow.report import bottlenecks_dict
from flyte_core.dataflow.shape import fold
from flyte_core.model import ActionKind, Phase


def test_the_diamond_goes_through_the_slowest_and_the_others_have_slack() -> None:
    program = diamond()
    assert program.path() == [
        ("slow", "user_code", 0, 10_000),
        ("consumer", "user_code", 10_000, 12_000),
    ]
    assert program.slack() == {"a0": 0, "slow": 0, "middle": 7_000, "quick": 9_000, "consumer": 0}


def test_without_edges_order_in_time_tells_the_path() -> None:
    program = diamond()
    program.edges.clear()
    assert [step[0] for step in program.path()] == ["slow", "consumer"]
    assert program.slack()["middle"] == 7_000


def test_the_page_of_one_action_is_its_own_code() -> None:
    program = Program()
    program.action("a0", None, 0, 10, queued=1, waiting=2, starting=3)
    assert program.path() == [
        ("a0", "queued", 0, 1),
        ("a0", "waiting_for_resources", 1, 3),
        ("a0", "starting", 3, 6),
        ("a0", "user_code", 6, 10),
    ]


def test_reading_inputs_and_writing_outputs_are_told_apart() -> None:
    program = Program()
    program.action("a0", None, 0, 100, reading=5, writing=8)
    program.action("one", "a0", 10, 60, starting=3, reading=20, writing=7)
    program.flow("one", "a0", "o0", "result")
    assert program.path() == [
        ("a0", "reading_inputs", 0, 5),
        ("a0", "user_code", 5, 10),
        ("one", "starting", 10, 13),
        ("one", "reading_inputs", 13, 33),
        ("one", "user_code", 33, 53),
        ("one", "writing_outputs", 53, 60),
        ("a0", "user_code", 60, 92),
        ("a0", "writing_outputs", 92, 100),
    ]
    found = bottlenecks_dict("r1", program.analysis())
    assert found["path"]["reading_inputs_ms"] == 25
    assert found["path"]["writing_outputs_ms"] == 15
    assert found["path"]["user_code_ms"] == 57
    totals = {task["name"]: task["total"] for task in found["tasks"]}
    assert (totals["one"]["user_code_ms"], totals["one"]["reading_inputs_ms"]) == (20, 20)
    assert totals["a"]["waiting_for_children_ms"] == 50
    saved = {each["title"]: each["saves_ms"] for each in found["improvements"]}
    assert saved["Make one twice as fast"] == 10  # its code, not what its values take


def test_values_that_take_longer_than_the_run_leave_no_gap() -> None:
    program = Program()
    program.action("a0", None, 0, 10, starting=4, reading=5, writing=5)
    assert program.path() == [
        ("a0", "starting", 0, 4),
        ("a0", "reading_inputs", 4, 9),
        ("a0", "writing_outputs", 9, 10),
    ]


def test_each_attempt_reads_its_inputs() -> None:
    program = Program()
    first = ((Phase.QUEUED, 0), (Phase.RUNNING, 1), (Phase.FAILED, 6))
    second = ((Phase.QUEUED, 6), (Phase.RUNNING, 8), (Phase.SUCCEEDED, 20))
    program.action("a0", None, 0, 20, moments=(first, second), reading=2, writing=3)
    assert program.path()[-4:] == [
        ("a0", "queued", 6, 8),
        ("a0", "reading_inputs", 8, 10),
        ("a0", "user_code", 10, 17),
        ("a0", "writing_outputs", 17, 20),
    ]


def test_what_the_parent_does_between_two_calls_is_its_own() -> None:
    program = Program()
    program.action("a0", None, 0, 100)
    program.action("one", "a0", 10, 30)
    program.action("two", "a0", 45, 80)
    program.flow("one", "two")
    assert program.path() == [
        ("a0", "user_code", 0, 10),
        ("one", "user_code", 10, 30),
        ("a0", "user_code", 30, 45),
        ("two", "user_code", 45, 80),
        ("a0", "user_code", 80, 100),
    ]


def test_edges_come_before_order_in_time() -> None:
    """`other` ended later, but `two` took its value from `one`, and its parent worked in between."""
    program = Program()
    program.action("a0", None, 0, 100)
    program.action("one", "a0", 0, 10)
    program.action("other", "a0", 0, 30)
    program.action("two", "a0", 60, 100)
    program.flow("one", "two")
    program.flow("two", "a0", "o0", "result")
    assert [(step[0], step[1]) for step in program.path()] == [
        ("one", "user_code"),
        ("a0", "waiting_for_children"),
        ("a0", "user_code"),
        ("two", "user_code"),
    ]


def test_a_parent_that_awaits_several_waits_for_the_last_of_them() -> None:
    program = Program()
    program.action("a0", None, 0, 1_000)
    program.action("used", "a0", 0, 100)
    program.action("slow", "a0", 0, 900)
    program.action("next", "a0", 901, 1_000)
    program.flow("used", "next")
    assert [step[0] for step in program.path()] == ["slow", "a0", "next"]


def test_calls_of_one_burst_do_not_wait_for_what_ends_meanwhile() -> None:
    program = Program()
    program.action("a0", None, 0, 1_000)
    for number in range(20):
        program.action(f"leaf{number}", "a0", 10 + 2 * number, 15 + 2 * number if number < 5 else 1_000)
    assert [(step[0], step[2], step[3]) for step in program.path()][-1] == ("leaf5", 20, 1_000)
    assert {step[0] for step in program.path()} == {"a0", "leaf5"}


def test_the_path_goes_down_into_what_a_child_called() -> None:
    program = Program()
    program.action("a0", None, 0, 100)
    program.action("inner", "a0", 10, 90)
    program.action("deep", "inner", 20, 80)
    program.flow("deep", "a0", "o0", "result")
    assert [step[0] for step in program.path()] == ["a0", "inner", "deep", "inner", "a0"]
    assert program.slack() == {"a0": 0, "inner": 0, "deep": 0}


def test_between_attempts_an_action_is_queued() -> None:
    program = Program()
    program.action(
        "a0",
        None,
        0,
        100,
        moments=(
            ((Phase.QUEUED, 0), (Phase.INITIALIZING, 5), (Phase.RUNNING, 10), (Phase.FAILED, 40)),
            ((Phase.QUEUED, 40), (Phase.INITIALIZING, 60), (Phase.RUNNING, 70)),
        ),
    )
    assert [step[1:] for step in program.path()] == [
        ("queued", 0, 5),
        ("starting", 5, 10),
        ("user_code", 10, 40),
        ("queued", 40, 60),
        ("starting", 60, 70),
        ("user_code", 70, 100),
    ]


def test_a_condition_waits_for_an_answer_and_answering_at_once_is_an_improvement() -> None:
    program = Program()
    program.action("a0", None, 0, 100)
    program.action("approve", "a0", 10, 90, kind=ActionKind.CONDITION)
    assert ("approve", "waiting_for_answer", 10, 90) in program.path()
    best = bottlenecks_dict("r1", program.analysis())["improvements"][0]
    assert (best["change"], best["title"], best["saves_ms"]) == (
        "answer_at_once",
        "Answer approve at once",
        80,
    )


def test_a_run_in_progress_is_told_up_to_now() -> None:
    program = Program()
    program.action("a0", None, 0, None)
    program.action("done", "a0", 10, 30)
    program.action("open", "a0", 30, None)
    program.flow("done", "open")
    assert program.path(now=50) == [
        ("a0", "user_code", 0, 10),
        ("done", "user_code", 10, 30),
        ("open", "user_code", 30, 50),
    ]
    assert bottlenecks_dict("r1", program.analysis(50))["open"] is True


def test_improvements_are_scored_by_replay_not_by_share() -> None:
    """Halving the slowest of three saves only until the next slowest decides."""
    program = diamond()
    assert [(each["title"], each["saves_ms"]) for each in _improvements(program)] == [
        ("Make slow twice as fast", 5_000),
        ("Make consumer twice as fast", 1_000),
    ]
    program.actions[2] = program.actions[2].evolve(ended_at=program._at(9_000))
    assert _improvements(program)[0]["saves_ms"] == 1_000


def test_waits_for_resources_queues_and_starts_can_be_improved() -> None:
    program = Program()
    program.action("a0", None, 0, 100)
    program.action("fit", "a0", 0, 100, queued=20, waiting=50, starting=20)
    assert {each["change"]: each["saves_ms"] for each in _improvements(program)} == {
        "resources_at_once": 50,
        "workers_ready": 20,
        "half_the_queue": 10,
    }


def test_time_by_task_counts_all_and_what_was_on_the_path() -> None:
    program = diamond()
    tasks = {each["name"]: each for each in bottlenecks_dict("r1", program.analysis())["tasks"]}
    assert tasks["main"]["total"]["waiting_for_children_ms"] == 12_000
    assert tasks["middle"]["total"]["user_code_ms"] == 3_000
    assert tasks["middle"]["on_path"]["time_ms"] == 0
    assert tasks["slow"]["on_path"]["share"] == pytest.approx(10 / 12, abs=1e-4)


def test_parallelism_has_a_peak_an_average_and_a_profile() -> None:
    found = diamond().analysis().parallelism
    assert found.peak == 3
    assert found.average == pytest.approx(16 / 12)
    assert found.slices[0] == 3
    assert found.slices[-1] == 1


def test_folding_grows_with_the_code_not_with_the_data() -> None:
    small, large = big_program(400).graph(), big_program(4_000).graph()
    few, many = fold(small.nodes, small.edges), fold(large.nodes, large.edges)
    assert [(shape.name, shape.kind) for shape in few.shapes] == [
        (shape.name, shape.kind) for shape in many.shapes
    ]
    assert len(many.shapes) == 6
    assert {(flow.target_param, flow.count) for flow in many.flows} == {
        ("raw", 1_000),
        ("parts", 1_000),
        ("model", 100),
        ("state", 1_800),
    }
    assert sum(len(shape.actions) for shape in many.shapes) == len(large.nodes)


@pytest.mark.parametrize("edges", [True, False])
@pytest.mark.parametrize("seed", range(150))
def test_the_path_tiles_the_run_and_has_no_slack_and_replay_repeats_it(seed: int, edges: bool) -> None:
    program = random_program(random.Random(seed), 40, edges=edges)
    found = program.analysis()
    path = found.path
    if found.duration:
        assert (path[0].begin, path[-1].end) == (0, found.duration)
    assert all(one.end == two.begin for one, two in itertools.pairwise(path))
    assert all(one.begin < one.end for one in path)
    assert all(found.slack[one.row] == 0 for one in path)
    assert min(found.slack) >= 0
    replay = Replay(found.columns, found.waits)
    assert replay.end() == found.duration
    for task in range(len(found.columns.tasks)):
        for doing in (Doing.USER_CODE, Doing.QUEUED, Doing.STARTING):
            assert replay.end(Edit(task, doing, 0.5)) <= found.duration
            assert replay.end(Edit(task, doing, 1.0)) == found.duration
    assert sum(found.path_time) == found.duration


def test_the_longer_it_grows_the_time_per_action_stays_the_same() -> None:
    """The work, counted in steps of the interpreter, not in seconds."""
    assert _steps(8_000) < 1.3 * 4 * _steps(2_000)


def test_what_changed_can_be_applied_to_what_is_known() -> None:
    program = random_program(random.Random(7), 60)
    whole = program.analysis()
    recorded = sorted(program.actions, key=lambda action: (action.created_at, action.depth, action.seq))
    columns = RunColumns()
    columns.apply([action.evolve(ended_at=None, phase=Phase.RUNNING) for action in recorded[:20]])
    columns.apply(recorded[:40])
    columns.apply(recorded)
    columns.connect(program.edges)
    assert Analysis(columns, 0).path == whole.path


def _improvements(program: Program) -> list[dict[str, object]]:
    found: list[dict[str, object]] = bottlenecks_dict("r1", program.analysis())["improvements"]
    return found


def _steps(size: int) -> int:
    program = big_program(size)
    found = program.analysis()
    steps = 0

    def count(frame: FrameType, event: str, arg: object) -> object:
        nonlocal steps
        steps += event == "line"
        return count

    before = sys.gettrace()
    sys.settrace(count)  # type: ignore[arg-type]
    try:
        again = Analysis(found.columns, 0)
        _ = again.path, again.slack, again.tasks, again.parallelism, again.improvements
    finally:
        sys.settrace(before)
    return steps
