"""Clock, wake, settings, interpreters, peers, projects, deployed tasks."""

import asyncio
import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from flyteidl2.task import common_pb2
from server_world import inputs, until

from flyte_core.model import (
    ROOT,
    Action,
    ActionKey,
    ActionKind,
    ActionName,
    AlreadyExists,
    Digest,
    FailedPrecondition,
    Micros,
    NotFound,
    Phase,
    RunKey,
    TaskSpec,
)
from flyte_server.config import UsageProblem, parse
from flyte_server.rpc.endpoints import snake
from flyte_server.services import caching, peers
from flyte_server.services.clock import SteadyClock
from flyte_server.services.interpreters import Interpreters
from flyte_server.services.projects import DOMAINS, Project, Projects
from flyte_server.services.signing import load_key
from flyte_server.services.tasks import DeployedTask, DeployedTasks, TaskId
from flyte_server.services.wake import Wake, children_topic, run_topic

RUN = RunKey("p", "d", "r")
SECOND = 1_000_000_000


class Dials:
    """A wall clock that people set, and one that nobody does."""

    def __init__(self) -> None:
        self.wall = 1_700_000_000 * SECOND
        self.steady = 5 * SECOND

    def pass_by(self, seconds: int) -> None:
        self.wall += seconds * SECOND
        self.steady += seconds * SECOND


def test_the_clock_goes_on_evenly_whatever_the_wall_clock_does() -> None:
    dials = Dials()
    clock = SteadyClock(wall_ns=lambda: dials.wall, steady_ns=lambda: dials.steady)
    began = clock.now()
    assert began == dials.wall // 1_000
    dials.wall -= 3600 * SECOND
    dials.pass_by(2)
    assert clock.now() - began == 2_000_000


def test_the_clock_starts_after_what_was_recorded() -> None:
    dials = Dials()
    last = Micros(dials.wall // 1_000 + 10)
    clock = SteadyClock(last, wall_ns=lambda: dials.wall, steady_ns=lambda: dials.steady)
    assert clock.now() > last


def changed(name: str, parent: str | None = None) -> Action:
    spec = TaskSpec(Digest(""), b"", "env.f", "f")
    mother = ActionName(parent) if parent else None
    key = ActionKey(RUN, ActionName(name))
    return Action(key, mother, ActionKind.TASK, 0, spec, Phase.QUEUED, Micros(0), Micros(0))


async def test_a_watch_misses_nothing_between_two_waits() -> None:
    wake = Wake()
    with wake.watch(children_topic(ActionKey(RUN, ROOT))) as watch:
        wake.publish([changed("c", "a0")])
        wake.publish([changed("c", "a0")])
        assert await watch.wait(5)
        assert not await watch.wait(0)
        wake.publish([changed("a0"), changed("g", "c")])
        assert not await watch.wait(0)
    assert wake.watchers == 0


async def test_topics_have_written_names() -> None:
    wake = Wake()
    waiting = asyncio.create_task(wake.wait("run:p/d/r", 20))
    await until(lambda: wake.watchers)
    wake.publish([changed("a0")])
    assert await waiting
    with pytest.raises(ValueError, match="neither"):
        await wake.wait("what:p", 1)


async def test_foreign_commits_are_looked_for_only_while_somebody_cares() -> None:
    wake = Wake()
    wanted = asyncio.create_task(wake.foreign_wanted())
    with wake.watch(run_topic(RUN)):
        await asyncio.sleep(0)
        assert not wanted.done()
    with wake.watch(run_topic(RUN), foreign=True) as watch:
        await wanted
        wake.publish_foreign()
        assert await watch.wait(5)


def test_settings_come_from_the_command_line_and_the_environment(tmp_path: Path) -> None:
    settings = parse(
        ["--port", "0", "--idle-timeout", "5", "--runtime-python", "/a/python"],
        {"FLYTE_HOME": str(tmp_path), "FLYTE_RUNTIME_PYTHON": "/b/python"},
    )
    assert (settings.home, settings.port, settings.port_fixed) == (tmp_path, 0, True)
    assert settings.runtime_pythons == ("/a/python", "/b/python")
    assert parse([], {"FLYTE_HOME": str(tmp_path)}).port == 4290


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.2", "example.org"])
def test_other_machines_are_kept_out_unless_it_is_said(host: str) -> None:
    with pytest.raises(UsageProblem, match="--insecure-i-know"):
        parse(["--host", host], {})
    assert parse(["--host", host, "--insecure-i-know"], {}).insecure


@pytest.mark.parametrize(
    ("host", "url"), [("127.0.0.1", "http://localhost:4290"), ("::1", "http://localhost:4290")]
)
def test_the_address_that_is_printed(host: str, url: str) -> None:
    assert parse(["--host", host], {}).url == url


@pytest.mark.parametrize(
    "words", [["--port", "70000"], ["--port", "x"], ["--idle-timeout", "-1"], ["--what"]]
)
def test_a_wrong_command_line_is_told(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(words, {})
    assert ended.value.code == 2
    assert words[0] in capsys.readouterr().err


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_the_kernel_tells_who_connects(family: socket.AddressFamily) -> None:
    host = "127.0.0.1" if family == socket.AF_INET else "::1"
    with socket.socket(family) as listener:
        try:
            listener.bind((host, 0))
        except OSError:
            pytest.skip("there is no such loopback here")
        listener.listen()
        with socket.create_connection(listener.getsockname()[:2]) as client:
            accepted, theirs = listener.accept()
            with accepted:
                ours = accepted.getsockname()
                peer = peers.find(theirs[0], theirs[1], ours[0], ours[1])
                assert peer.uid == os.getuid()
                assert peers.process_of(peer.inode) == os.getpid()
            assert peers.find(host, 1, host, 2) == peers.Peer(None)
            assert client.fileno() > 0


def fake_venv(root: Path) -> Path:
    """An interpreter of its own with an `a0` beside it."""
    directory = root / "bin"
    directory.mkdir(parents=True)
    (directory / "python").symlink_to(sys.executable)
    (directory / "a0").touch(mode=0o755)
    return directory / "python"


def test_the_interpreter_is_that_of_the_process_that_asks(tmp_path: Path) -> None:
    python = fake_venv(tmp_path / "venv")
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        code = f"import socket; s = socket.create_connection(('127.0.0.1', {port})); s.recv(1)"
        with subprocess.Popen([python, "-c", code]) as asking:
            accepted, theirs = listener.accept()
            with accepted:
                peer = peers.find(theirs[0], theirs[1], *accepted.getsockname())
                assert Interpreters().of_peer(peer) == str(python)
            asking.wait(20)


def test_a_configured_interpreter_is_the_fallback(tmp_path: Path) -> None:
    python = str(fake_venv(tmp_path / "venv"))
    assert Interpreters(["/no/such/python", python]).of_peer(None) == python
    with pytest.raises(FailedPrecondition, match="--runtime-python"):
        Interpreters([sys.executable + "-no"]).of_peer(None)


def test_projects_are_kept(tmp_path: Path) -> None:
    projects = Projects(tmp_path / "projects.json")
    assert [each.id for each in projects.all()] == ["flytesnacks"]
    projects.create(Project("alpha", "Alpha", labels=(("team", "x"),)))
    with pytest.raises(AlreadyExists):
        projects.create(Project("alpha", "Again"))
    again = Projects(tmp_path / "projects.json")
    assert again.get("alpha").labels == (("team", "x"),)
    again.update(Project("alpha", "Alpha", archived=True))
    assert projects.get("alpha").archived
    with pytest.raises(NotFound, match="flyte get project"):
        projects.get("beta")


def test_projects_that_runs_name_are_there_too(tmp_path: Path) -> None:
    scopes = [("alpha", "qa"), ("alpha", "staging"), ("zoo", "development")]
    projects = Projects(tmp_path / "projects.json", lambda: scopes)
    assert [(each.id, each.domains[3:]) for each in projects.all()] == [
        ("alpha", ("qa",)),
        ("flytesnacks", ()),
        ("zoo", ()),
    ]
    projects.create(Project("alpha", "Alpha"))
    projects.update(Project("zoo", "Zoo", archived=True))
    assert projects.get("alpha") == Project("alpha", "Alpha", domains=(*DOMAINS, "qa"))
    assert [each.name for each in Projects(tmp_path / "projects.json").all()] == [
        "Alpha",
        "flytesnacks",
        "Zoo",
    ]


def test_deployed_tasks_are_kept_by_version(tmp_path: Path) -> None:
    tasks = DeployedTasks(tmp_path)
    names = TaskId("p", "d", "env.f/../x", "v1"), TaskId("p", "d", "env.f/../x", "v2")
    for number, each in enumerate(names):
        tasks.deploy(DeployedTask(each, Micros(1_000_000 * (number + 1)), b"spec%d" % number))
    assert tasks.get(names[0]).spec == b"spec0"
    assert tasks.get(TaskId("p", "d", "env.f/../x", "")).id.version == "v2"
    assert [found.id.version for found in tasks.list("p")] == ["v1", "v2"]
    tasks.deploy(DeployedTask(names[0], Micros(9), b"spec0"))
    with pytest.raises(AlreadyExists, match="another version"):
        tasks.deploy(DeployedTask(names[0], Micros(9), b"other"))
    with pytest.raises(NotFound):
        tasks.get(TaskId("p", "d", "none", ""))
    assert all(path.resolve().is_relative_to(tmp_path.resolve()) for path in tmp_path.rglob("*"))


def test_the_key_is_made_once_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "home" / "secret"
    key = load_key(path)
    assert load_key(path) == key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_method_names() -> None:
    assert snake("GetActionDataURIs") == "get_action_data_uris"
    assert snake("WatchForUpdates") == "watch_for_updates"


def test_ignored_inputs_and_hashes_of_their_own() -> None:
    full = inputs(x=1, verbose=1)
    assert caching.published_inputs_hash(
        full.SerializeToString(), frozenset({"verbose"})
    ) == caching.published_inputs_hash(inputs(x=1).SerializeToString())
    hashed = common_pb2.Inputs()
    hashed.CopyFrom(inputs(x=1))
    hashed.literals[0].value.hash = "mine"
    other = common_pb2.Inputs()
    other.CopyFrom(inputs(x=2))
    other.literals[0].value.hash = "mine"
    assert caching.published_inputs_hash(hashed.SerializeToString()) == caching.published_inputs_hash(
        other.SerializeToString()
    )
    assert caching.published_inputs_hash(b"") == ""
