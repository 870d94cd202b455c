"""Runs on a real server, from `flyte.run` to the outputs, with servers and parents killed on the way."""

import json
import os
import signal
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.unit.remote import programs
from tests.unit.remote.test_server import free_port, quiet

import flyte
import flyte.errors
import flyte.remote
from flyte import _server, _session
from flyte._remote import current
from flyte._remote.action import Action
from flyte._remote.rpc_source import RpcSource
from flyte._remote.run import Run
from flyte.remote import ActionDetails


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[_server.ServerInfo]:
    home = tmp_path_factory.mktemp("server") / "home"
    yield _server.ensure_server(home, port=free_port(), say=quiet)
    _server.stop_server(home)


@pytest.fixture
def session(server: _server.ServerInfo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """`init_from_config` without a configuration, on the server's data directory."""
    monkeypatch.setenv("FLYTE_HOME", server.data_dir)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("FLYTE_AUTOSTART", "0")
    monkeypatch.chdir(tmp_path)
    flyte.init_from_config()
    yield Path(server.data_dir)
    _session.reset()


def paths_called(home: Path) -> str:
    """The server's count of calls, as it publishes it."""
    import urllib.request

    info = _server.status(home)
    assert info is not None
    with urllib.request.urlopen(f"{info.url}/metrics", timeout=10) as answer:
        text: str = answer.read().decode()
    return text


def uploads(home: Path) -> float:
    lines = [line for line in paths_called(home).splitlines() if "CreateUploadLocation" in line]
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if "_count" in line or "_total" in line)


def test_the_pages_example_gives_one_run_three_actions_and_twenty(session: Path) -> None:
    run = flyte.run(programs.pipeline, x=5)
    assert run.url.endswith(f"/v2/runs/project/flytesnacks/domain/development/{run.name}")
    run.wait()
    assert run.status == "succeeded"
    assert run.outputs() == (20,)
    assert run.inputs() == {"x": 5}
    shown = [
        (each.to_dict()["short_name"], each.inputs(), each.outputs()) for each in Action.listall(run.name)
    ]
    assert shown == [
        ("pipeline", {"x": 5}, (20,)),
        ("step_one", {"x": 5}, (10,)),
        ("step_two", {"x": 10}, (20,)),
    ]
    [step_two] = [each for each in Action.listall(run.name) if each.task_name.endswith("step_two")]
    assert list(step_two.get_logs(filter_system=True)) == ["step two of 10"]
    assert Run.get(run.name).status == "succeeded"


def test_values_come_back_with_their_own_types(session: Path) -> None:
    run = flyte.run(programs.mirrored, point=programs.Point(1, 2))
    run.wait()
    assert run.outputs() == (programs.Point(2, 1),)
    assert Run.get(run.name).outputs() == ({"x": 2, "y": 1},)


def test_the_code_of_a_run_can_be_had_here_and_over_the_api(
    session: Path, server: _server.ServerInfo, tmp_path: Path
) -> None:
    run = flyte.run(programs.step_one, x=1)
    bundle = run.code_bundle()
    assert bundle is not None and bundle.tgz is not None
    assert (run.download_code("packed", extract=False)).name == Path(bundle.tgz).name
    assert any(each.name == "programs.py" for each in run.download_code().rglob("*"))
    flyte.init(endpoint=server.url)
    there = Action.get(run.name, "a0").download_code(tmp_path / "there")
    assert any(each.name == "programs.py" for each in there.rglob("*"))


def test_files_are_brought_to_a_server(session: Path, server: _server.ServerInfo, tmp_path: Path) -> None:
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / "a.txt").write_text("A")
    flyte.init(endpoint=server.url)
    digest, uri = flyte.remote.upload_file(tmp_path / "made" / "a.txt")
    assert (digest, Path(uri).read_text()) == ("7fc56270e7a70fa81a5935b72eacbe29", "A")
    assert (Path(flyte.remote.upload_dir(tmp_path / "made")) / "a.txt").read_text() == "A"
    with pytest.raises(FileNotFoundError):
        flyte.remote.upload_dir(tmp_path / "none")


def test_a_failure_carries_the_users_own_traceback(session: Path) -> None:
    run = flyte.run(programs.failing, x=3)
    run.wait()
    assert run.status == "failed"
    with pytest.raises(flyte.errors.RuntimeUserError, match="3 is too small") as caught:
        run.outputs()
    assert caught.value.code == "ValueError"
    assert "programs.py" in caught.value.traceback
    assert "flyte/_" not in caught.value.traceback


def test_the_same_code_is_brought_once(session: Path) -> None:
    flyte.run(programs.step_one, x=1).wait()
    before = uploads(session)
    flyte.run(programs.step_one, x=2).wait()
    assert uploads(session) == before


def test_code_that_was_removed_from_the_server_is_brought_again(session: Path) -> None:
    flyte.run(programs.step_one, x=1).wait()
    entries = json.loads((session / "client/bundles.json").read_text())
    for entry in entries.values():
        Path(entry["uri"]).unlink()
    run = flyte.run(programs.step_one, x=3)
    run.wait()
    assert run.outputs() == (6,)


def test_names_labels_and_variables_go_with_the_run(session: Path) -> None:
    context = flyte.with_runcontext(
        name="nightly-1", labels={"team": "ml"}, env_vars={"GREETING": "hello"}, project="other"
    )
    run = context.run(programs.step_one, x=1)
    run.wait()
    assert (run.name, run.project, run.labels) == ("nightly-1", "other", {"team": "ml"})
    assert [each.name for each in Run.listall(project="other", with_labels={"team": "ml"})] == ["nightly-1"]
    with pytest.raises(flyte.errors.RunAlreadyExistsError, match="nightly-1"):
        context.run(programs.step_one, x=2)


def test_a_call_that_does_not_fit_creates_nothing(session: Path) -> None:
    before = len(list(Run.listall()))
    with pytest.raises(TypeError, match="missing a required argument: 'x'"):
        flyte.run(programs.step_one, y=1)  # type: ignore[call-arg]
    with pytest.raises(flyte.errors.RuntimeDataValidationError):
        flyte.run(programs.step_one, x="one")  # type: ignore[arg-type]
    with pytest.raises(flyte.errors.RuntimeUserError, match="cannot be called"):
        flyte.with_runcontext(name="No Such Name!").run(programs.step_one, x=1)
    assert len(list(Run.listall())) == before


async def test_runs_are_submitted_and_awaited_on_a_loop(session: Path) -> None:
    run = await flyte.run.aio(programs.fan_out, n=20)
    await run.wait.aio()
    assert (await run.outputs.aio()) == (380,)
    assert len([each async for each in Action.listall.aio(run.name)]) == 21


def test_a_parent_that_is_killed_finds_its_children_again(session: Path, tmp_path: Path) -> None:
    run = flyte.run(programs.dies_once, folder=str(tmp_path))
    run.wait()
    assert run.outputs() == (["first", "second", "third"],)
    assert {name: (tmp_path / name).read_text() for name in ("first", "second", "third")} == {
        "first": "x",
        "second": "x",
        "third": "x",
    }
    assert ActionDetails.get(run.name, "a0").attempts == 2


def test_a_child_whose_caller_gave_up_is_aborted(session: Path, tmp_path: Path) -> None:
    run = flyte.run(programs.gives_up, folder=str(tmp_path))
    run.wait()
    assert run.outputs() == ("cancelled",)
    [child] = [each for each in Action.listall(run.name) if each.parent_name]
    child.wait()
    assert child.status == "aborted"


def test_a_run_can_be_aborted(session: Path, tmp_path: Path) -> None:
    run = flyte.run(programs.held, folder=str(tmp_path), name="x")
    run.wait(wait_for="running")
    run.abort("not needed any more")
    run.wait()
    assert run.status == "aborted"
    info = ActionDetails.get(run.name, "a0").abort_info
    assert info is not None
    assert info.reason == "not needed any more"


def test_a_server_over_its_api_shows_what_the_history_shows(
    session: Path, server: _server.ServerInfo
) -> None:
    run = flyte.run(programs.pipeline, x=7)
    run.wait()
    here = [each.to_dict() for each in Action.listall(run.name)]
    run_here = Run.get(run.name).to_dict()
    flyte.init(endpoint=server.url)
    assert isinstance(current.current_source(), RpcSource)
    over = Run.get(run.name)
    over.wait()
    assert over.status == "succeeded"
    assert over.outputs() == (24,)
    assert over.inputs() == {"x": 7}
    assert over.to_dict() == {**run_here, "url": over.url}
    assert [each.to_dict() for each in Action.listall(run.name)] == here
    assert [each.name for each in Run.listall(limit=1)] == [run.name]
    assert [each.to_dict() for each in Action.listall(run.name, in_phase=("succeeded",), limit=2)] == here[:2]
    assert [details.status for details in over.watch()] == ["succeeded"]
    [two] = [each for each in Action.listall(run.name) if each.task_name.endswith("step_two")]
    assert "step two of 14" in list(two.get_logs(follow=True))
    assert Action.get(run.name, two.name).to_dict() == two.to_dict()
    again = flyte.run(programs.step_one, x=21)
    again.wait()
    assert again.outputs() == (42,)
    with pytest.raises(flyte.errors.RunNotFoundError):
        Run.get("r-none")
    with pytest.raises(flyte.errors.ActionNotFoundError):
        Action.get(run.name, "nope")


def test_a_server_that_is_killed_while_somebody_waits_is_ridden_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    port = free_port()
    monkeypatch.setenv("FLYTE_HOME", str(home))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("FLYTE_PORT", str(port))
    monkeypatch.chdir(tmp_path)
    flyte.init_from_config()
    try:
        run = flyte.run(programs.held, folder=str(tmp_path), name="x")
        run.wait(wait_for="running")
        info = _server.status(home)
        assert info is not None
        os.kill(info.pid, signal.SIGKILL)
        assert run.status == "running"
        (tmp_path / "go").touch()
        run.wait()
        again = _server.status(home)
        assert again is not None
        assert again.pid != info.pid
        assert again.url == info.url
        assert run.outputs() == ("x",)
        assert ActionDetails.get(run.name, "a0").attempts == 1
        database = sqlite3.connect(home / "history.db")
        assert database.execute("pragma integrity_check").fetchone() == ("ok",)
        database.close()
    finally:
        _session.reset()
        _server.stop_server(home)
