"""What handles give of inputs and outputs, of failures, and of what goes on; blocking, and on an event loop."""

import json
import pickle
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest
from flyteidl2.core.literals_pb2 import Literal
from tests.unit.remote.history import BEGINNING, History

import flyte
import flyte.errors
import flyte.remote
from flyte.io import DataFrame, Dir, File
from flyte.remote import ActionDetails, ActionOutputs, Logs, Run, RunDetails, TimeFilter
from flyte_core.model import ErrorInfo

env = flyte.TaskEnvironment(name="remote_values")


@env.task
def plus_one(x: int) -> int:
    return x + 1


@dataclass
class Thing:
    price: float


@dataclass
class Shop:
    title: str
    items: list[Thing]


@env.task
def made() -> tuple[Shop, File, Dir, pd.DataFrame]:
    file: File[str] = File.new_remote("a.txt")
    with file.open_sync("w") as out:
        out.write("text")
    return Shop("corner", [Thing(2.5)]), file, Dir.new_remote("d"), pd.DataFrame({"a": [1]})


@env.task
def taken(shop: Shop, file: File, frame: pd.DataFrame) -> str:
    with file.open_sync("r") as source:
        return f"{type(shop).__name__} {shop.title} {shop.items[0].price} {source.read()} {len(frame)}"


ERROR = ErrorInfo("ValueError", "x is too small")


def test_outputs_come_as_the_types_that_are_asked_for(history: History) -> None:
    history.finished("r1", 20, 30, x=5)
    run = Run.get("r1")
    assert run.typed_outputs({"o1": float, "o7": int}) == {"o1": 30.0}
    assert run.typed_inputs({"x": int}) == {"x": 5}
    assert run.typed_inputs({"x": bool}, deserializers={bool: lambda raw: raw > 3}) == {"x": True}
    assert run.details().typed_outputs({"o0": int}) == run.action.typed_outputs({"o0": int}) == {"o0": 20}
    with pytest.raises(
        flyte.errors.RuntimeDataValidationError, match=r"value @ o0: expected str, got int 20"
    ):
        run.typed_outputs({"o0": str})


def test_literals_are_those_that_are_stored(history: History) -> None:
    history.finished("r1", 20, x=5)
    found = Run.get("r1").output_literals()
    assert isinstance(found["o0"], Literal)
    assert found["o0"].scalar.primitive.integer == 20
    assert list(ActionDetails.get("r1", "a0").input_literals()) == ["x"]


def test_a_single_output_equals_its_value(history: History) -> None:
    history.finished("r1", 8)
    history.finished("r2", 8, 9)
    one, two = Run.get("r1").outputs(), Run.get("r2").outputs()
    assert one == 8
    assert one == (8,)
    assert one != 9
    assert two != 8
    assert two == (8, 9)
    assert hash(one) == hash((8,))


def test_what_one_run_returned_goes_into_another(history: History) -> None:
    first = flyte.run(plus_one, 1)
    second = flyte.run(plus_one, first.outputs())
    assert second.outputs() == 3
    assert second.inputs() == {"x": 2}


def test_outputs_of_unknown_classes_are_references_and_structures_with_attributes(history: History) -> None:
    name = flyte.run(made).name
    shop, file, folder, frame = Run.get(name).outputs()
    assert shop == {"title": "corner", "items": [{"price": 2.5}]}
    assert (shop.title, shop["items"][0].price) == ("corner", 2.5)
    assert (type(file), type(folder), type(frame)) == (File, Dir, DataFrame)
    assert Path(file.download_sync()).read_text() == "text"
    assert frame.open(pd.DataFrame).all_sync().equals(pd.DataFrame({"a": [1]}))
    assert pickle.loads(pickle.dumps(shop)).title == "corner"
    assert flyte.run(taken, shop, file, frame=frame).outputs() == "Shop corner 2.5 text 1"
    with pytest.raises(AttributeError, match="there is no field 'nme'; there are title, items"):
        _ = shop.nme


@env.task
async def looking(name: str) -> list[str]:
    again = await Run.get.aio(name)
    other = flyte.run(plus_one, 2)
    return [again.status, again.action.phase, str(again.outputs()), str(other.outputs()[0])]


def test_an_async_task_of_a_local_run_may_look_at_runs_and_run_others(history: History) -> None:
    history.finished("r1", 20)
    assert flyte.run(looking, "r1").outputs() == ["succeeded", "succeeded", "(20,)", "3"]


def test_details_speak_the_apis_words(history: History) -> None:
    history.run("r1")
    details = ActionDetails.get("r1", "a0")
    assert details.metadata.task.id.name == "env.pipeline"
    assert details.running_time is None
    history.start("r1")
    history.fail("r1", ERROR)
    assert ActionDetails.get("r1", "a0").pb2.error_info.message == "x is too small"
    assert flyte.remote.Action.get("r1", "a0").pb2.id.name == "a0"
    assert Run.get("r1").pb2.action.id.run.name == RunDetails.get(name="r1").pb2.action.id.run.name == "r1"


def test_values_are_json_too(history: History) -> None:
    history.finished("r1", 20, x=5)
    run = Run.get("r1")
    assert json.loads(run.outputs().to_json()) == {"o0": 20}
    assert json.loads(run.inputs().to_json()) == {"x": 5}


def test_the_first_failure_is_the_childs_not_the_roots(history: History) -> None:
    history.run("r1")
    history.start("r1")
    history.child("r1", "b1", "step", x=1)
    history.start("r1", "b1")
    assert Run.get("r1").first_failure() is None
    with pytest.raises(flyte.errors.RuntimeUserError, match="has not ended") as caught:
        Run.get("r1").raise_for_status()
    assert caught.value.code == "RunNotDoneError"
    history.fail("r1", ERROR, "b1")
    history.fail("r1", ErrorInfo("ValueError", "step failed"))
    run = Run.get("r1")
    failure = run.first_failure()
    assert failure is not None
    assert (failure.name, failure.task_name, failure.error_message) == ("b1", "env.step", "x is too small")
    with pytest.raises(flyte.errors.RuntimeUserError, match="step failed"):
        run.raise_for_status()


def test_a_run_that_succeeded_raises_nothing(history: History) -> None:
    history.finished("r1", 1)
    run = Run.get("r1")
    run.raise_for_status()
    assert run.first_failure() is None
    assert run.details().action_details.error_message == ""
    assert run.get_debug_url() is None


def test_one_phase_is_as_good_as_several(history: History) -> None:
    history.finished("r1", 1)
    history.run("r2")
    assert [each.name for each in Run.listall(in_phase="succeeded")] == ["r1"]
    assert [each.name for each in Run.listall(in_phase=("succeeded", "queued"))] == ["r2", "r1"]
    assert [each.name for each in flyte.remote.Action.listall("r1", in_phase="failed")] == []


def test_actions_are_chosen_by_parent_and_time_and_sorted(history: History) -> None:
    history.run("r1")
    history.start("r1")
    history.child("r1", "b1", "step")
    history.child("r1", "b2", "step")
    names = [each.name for each in flyte.remote.Action.listall("r1", sort_by=("created_at", "desc"))]
    assert names == ["b2", "b1", "a0"]
    assert [each.name for each in flyte.remote.Action.listall("r1", parent_name="a0")] == ["b1", "b2"]
    b1 = flyte.remote.Action.get(run_name="r1", name="b1")
    later = TimeFilter(after=b1.start_time)
    assert [each.name for each in flyte.remote.Action.listall("r1", created_at=later)] == ["b1", "b2"]
    before = TimeFilter(before=datetime.fromtimestamp(BEGINNING / 1e6, UTC))
    assert list(flyte.remote.Action.listall("r1", updated_at=before)) == []


def test_an_id_leads_to_details_and_log(history: History) -> None:
    history.finished("r1", 1)
    history.write_log("r1", ["one", "two"])
    key = Run.get("r1").action.action_id
    assert (key.name, key.run.name, key.run.project) == ("a0", "r1", "flytesnacks")
    assert ActionDetails.get_details(key).task_name == "env.pipeline"
    assert RunDetails.get_details(key.run).name == "r1"
    assert [line.message for line in Logs.tail(key)] == ["one", "two"]
    assert [each.status for each in ActionDetails.watch(key)] == ["succeeded"]


def test_a_log_is_printed_line_by_line(history: History, capsys: pytest.CaptureFixture[str]) -> None:
    history.finished("r1", 1)
    history.write_log("r1", ["one", "two"])
    Run.get("r1").show_logs(1, 30, True, True)
    shown = capsys.readouterr().out.splitlines()
    assert [line.rpartition(" ")[2] for line in shown] == ["one", "two"]
    Logs.create_viewer(Run.get("r1").action.action_id)
    assert capsys.readouterr().out == "one\ntwo\n"


async def test_what_blocks_can_be_awaited_with_and_without_aio(history: History) -> None:
    history.finished("r1", 20, x=5)
    run = await Run.get.aio("r1")
    assert await run.outputs.aio() == (20,)
    details = await run.details()
    assert await details.outputs() == (20,)
    assert await details.inputs() == {"x": 5}
    assert (await run.action.wait()).name == "a0"
    assert (await run.action.details()).done()
    assert [each.status async for each in run.watch()] == ["succeeded"]
    assert [each.status async for each in run.action.watch(wait_for="running")] == ["succeeded"]
    assert [each.name async for each in Run.listall()] == ["r1"]
    assert [each.name async for each in Run.listall.aio()] == ["r1"]


def test_without_a_server_uploads_go_into_the_data_directory(history: History, tmp_path: Path) -> None:
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / "a.txt").write_text("A")
    digest, uri = flyte.remote.upload_file(tmp_path / "made" / "a.txt", fname="b.txt")
    assert digest == "7fc56270e7a70fa81a5935b72eacbe29"
    assert uri.startswith(str(history.home))
    file: File[str] = File.from_existing_remote(uri)
    assert (file.name, Path(file.download_sync()).read_text()) == ("b.txt", "A")
    there: Dir[str] = Dir.from_existing_remote(flyte.remote.upload_dir(tmp_path / "made"))
    assert [each.name for each in there.walk_sync()] == ["a.txt"]


def test_you_are_who_starts_runs(history: History) -> None:
    user = flyte.remote.User.get()
    assert user.name() == user.subject() != ""


def test_outputs_are_attributes_by_name_and_by_number() -> None:
    outputs = ActionOutputs([("count", 3), ("label", "a")])
    assert (outputs.o0, outputs.o1, outputs.label) == (3, "a", "a")
    with pytest.raises(AttributeError, match=r"no output 'o2'; there are: count, label"):
        _ = outputs.o2
    assert pickle.loads(pickle.dumps(outputs)).o1 == "a"
