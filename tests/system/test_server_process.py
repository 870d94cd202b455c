"""The server as a process: one a directory, a port of its own, a clean end."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import apsw
import pytest
from powerless import powerless

from flyte_core import process
from flyte_core.model import Owner
from flyte_core.store.sqlite import SqliteStore

T = TypeVar("T")

PATIENCE_S = 60.0
IDLE_MEMORY_KIB = 80 * 1024


class Running:
    """A server process of a test."""

    def __init__(self, home: Path, log: Path, *options: str) -> None:
        self.home = home
        self.log = log
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "flyte_server", "--home", str(home), *options],
                stdout=out,
                stderr=out,
                start_new_session=True,
                env={name: value for name, value in os.environ.items() if not name.startswith("FLYTE_")},
            )

    def info(self) -> dict[str, Any]:
        """What server.json says, once it is there."""

        def found() -> dict[str, Any] | None:
            assert self.process.poll() is None, self.log.read_text()
            with contextlib.suppress(OSError, ValueError):
                read: dict[str, Any] = json.loads((self.home / "server.json").read_bytes())
                return read if read["pid"] == self.process.pid else None
            return None

        return wait_for(found)

    @property
    def port(self) -> int:
        return int(self.info()["url"].rpartition(":")[2])

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_S)


def wait_for(condition: Callable[[], T | None]) -> T:
    deadline = time.monotonic() + PATIENCE_S
    while (found := condition()) is None:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return found


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    made: list[Running] = []

    def begin(*options: str, home: Path | None = None) -> Running:
        server = Running(home or tmp_path / "home", tmp_path / f"server{len(made)}.out", *options)
        made.append(server)
        return server

    yield begin
    for server in made:
        if server.process.poll() is None:
            server.process.kill()
            server.process.wait()


def get(port: int, path: str) -> bytes:
    with urllib.request.urlopen(f"http://localhost:{port}{path}", timeout=10) as answer:
        data: bytes = answer.read()
        return data


def rpc(port: int, method: str, body: dict[str, Any]) -> dict[str, Any]:
    request = urllib.request.Request(
        f"http://localhost:{port}/flyteidl2.{method}",
        json.dumps(body).encode(),
        {"content-type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        found: dict[str, Any] = json.loads(answer.read())
        return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def shell_task(command: str, **task: Any) -> dict[str, Any]:
    """A run of a container task, which is any command."""
    template = {
        "id": {"name": "env.shell", "version": "v1"},
        "type": "container",
        "container": {"args": ["sh", "-c", command]},
        **task,
    }
    return {
        "projectId": {"name": "flytesnacks", "domain": "development"},
        "taskSpec": {"taskTemplate": template},
        "inputs": {},
        "runSpec": {},
    }


def create(port: int, command: str) -> str:
    answer = rpc(port, "workflow.RunService/CreateRun", shell_task(command))
    name: str = answer["run"]["action"]["id"]["run"]["name"]
    return name


def phase(port: int, run: str) -> str:
    found = rpc(
        port,
        "workflow.RunService/GetRunDetails",
        {"runId": {"project": "flytesnacks", "domain": "development", "name": run}},
    )
    word: str = found["details"]["action"]["status"]["phase"]
    return word.removeprefix("ACTION_PHASE_").lower()


def wait_phase(port: int, run: str, wanted: str) -> None:
    wait_for(lambda: phase(port, run) == wanted or None)


def test_it_says_where_it_is_and_leaves_nothing_behind(start: Callable[..., Running]) -> None:
    server = start("--port", "0")
    info = server.info()
    health = json.loads(get(server.port, "/healthz"))
    assert health == info
    assert set(info) >= {"status", "pid", "url", "data_dir", "version", "started_at"}
    assert server.stop() == 0
    assert not (server.home / "server.json").exists()
    assert (server.home / "secret").stat().st_mode & 0o777 == 0o600


def test_idle_it_is_small(start: Callable[..., Running]) -> None:
    server = start("--port", "0")
    get(server.port, "/healthz")
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    (resident,) = (int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))
    assert resident < IDLE_MEMORY_KIB


def test_a_second_server_for_a_directory_names_the_first(start: Callable[..., Running]) -> None:
    first = start("--port", "0")
    info = first.info()
    second = start("--port", "0")
    assert second.process.wait(PATIENCE_S) == 1
    said = second.log.read_text()
    assert str(info["pid"]) in said
    assert info["url"] in said
    assert first.process.poll() is None


def test_a_taken_port_that_was_asked_for_is_named(start: Callable[..., Running]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        server = start("--port", str(port))
        assert server.process.wait(PATIENCE_S) == 1
        assert f"Port {port}" in server.log.read_text()
        assert "--port" in server.log.read_text()


def test_the_port_is_taken_again(start: Callable[..., Running], tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    port = free_port()
    (home / "port").write_text(str(port))
    server = start()
    assert server.port == port
    server.stop()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        other = start(home=home)
        assert other.port != port
        assert (home / "port").read_text() == str(other.port)


def test_a_directory_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    command = [sys.executable, "-m", "flyte_server", "--home", str(locked / "home"), "--port", "0"]
    ended = subprocess.run(
        powerless(command), capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert ended.returncode == 1
    assert str(locked) in ended.stderr
    assert list(locked.iterdir()) == []


def test_a_file_in_the_way_is_named(start: Callable[..., Running], tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    server = start("--port", "0", home=tmp_path / "file" / "home")
    assert server.process.wait(PATIENCE_S) == 1
    assert "FLYTE_HOME" in server.log.read_text()


def test_a_newer_history_is_left_alone(start: Callable[..., Running]) -> None:
    server = start("--port", "0")
    server.info()
    server.stop()
    database = apsw.Connection(str(server.home / "history.db"))
    database.execute("UPDATE schema_version SET version = version + 1000, min_reader = min_reader + 1000")
    database.close()
    again = start("--port", "0")
    assert again.process.wait(PATIENCE_S) == 1
    assert "newer" in again.log.read_text()


def test_beyond_loopback_it_must_be_told_aloud(start: Callable[..., Running]) -> None:
    server = start("--port", "0", "--host", "0.0.0.0")
    assert server.process.wait(PATIENCE_S) == 2
    assert "--insecure-i-know" in server.log.read_text()


def test_sigterm_ends_streams_and_leaves_attempts_running(
    start: Callable[..., Running], tmp_path: Path
) -> None:
    server = start("--port", "0")
    port = server.port
    gate, done = tmp_path / "gate", tmp_path / "done"
    run = create(port, f"while [ ! -e {gate} ]; do sleep 0.05; done; echo x >> {done}")
    wait_phase(port, run, "running")
    streams = [open_stream(port, run) for _ in range(20)]
    began = time.monotonic()
    assert server.stop() == 0
    assert time.monotonic() - began < 10
    for stream in streams:
        stream.close()
    worker = worker_of(server.home, run)
    assert process.alive(worker)
    gate.touch()
    after = start("--port", "0")
    wait_phase(after.port, run, "succeeded")
    assert done.read_text() == "x\n"
    after.stop()


def test_kill_9_loses_nothing(start: Callable[..., Running], tmp_path: Path) -> None:
    server = start("--port", "0")
    port = server.port
    gate, done = tmp_path / "gate", tmp_path / "done"
    running = create(port, f"while [ ! -e {gate} ]; do sleep 0.05; done; echo x >> {done}")
    wait_phase(port, running, "running")
    server.process.kill()
    server.process.wait()
    gate.touch()
    wait_for(lambda: done.exists() or None)
    after = start("--port", "0")
    wait_phase(after.port, running, "succeeded")
    assert done.read_text() == "x\n"
    after.stop()
    with contextlib.closing(SqliteStore.open(server.home / "history.db", read_only=True)) as history:
        assert history.in_flight() == []


def test_it_stops_when_nobody_needs_it(start: Callable[..., Running]) -> None:
    server = start("--port", "0", "--idle-timeout", "0.5")
    assert server.process.wait(PATIENCE_S) == 0


def test_a_run_is_aborted_with_all_its_processes(start: Callable[..., Running], tmp_path: Path) -> None:
    server = start("--port", "0")
    port = server.port
    run = create(port, "trap '' TERM; sleep 1000 & sleep 1000 & wait")
    wait_phase(port, run, "running")
    worker = worker_of(server.home, run)
    key = {"project": "flytesnacks", "domain": "development", "name": run}
    rpc(port, "workflow.RunService/AbortRun", {"runId": key, "reason": "enough"})
    assert phase(port, run) == "aborted"
    wait_for(lambda: not process.alive(worker) or None)
    server.stop()


def worker_of(home: Path, run: str) -> Owner:
    path = home / "runs" / "flytesnacks" / "development" / run / "a0" / "1" / "worker.json"
    data = json.loads(path.read_bytes())
    return Owner(data["pid"], data["start_ticks"], data["boot_id"])


def open_stream(port: int, run: str) -> socket.socket:
    """A watch that nobody reads to its end."""
    key = {"run": {"project": "flytesnacks", "domain": "development", "name": run}, "name": "a0"}
    data = json.dumps({"actionId": key}).encode()
    body = b"\0" + len(data).to_bytes(4, "big") + data
    head = (
        "POST /flyteidl2.workflow.RunService/WatchActionDetails HTTP/1.1\r\n"
        f"host: localhost:{port}\r\ncontent-type: application/connect+json\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    )
    stream = socket.create_connection(("127.0.0.1", port))
    stream.sendall(head.encode() + body)
    assert stream.recv(10).startswith(b"HTTP/1.1")
    return stream
