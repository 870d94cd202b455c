"""This machine's server, from the client's side: a real one."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from powerless import powerless

import flyte.errors
from flyte import _server
from flyte._version import VERSION


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "home"
    _server.stop_server(tmp_path / "home")


def quiet(message: str) -> None:
    pass


def test_a_server_is_started_found_and_stopped(home: Path) -> None:
    said: list[str] = []
    port = free_port()
    info = _server.ensure_server(home, port=port, say=said.append)
    assert info.url == f"http://localhost:{port}"
    assert info.version == VERSION
    assert any("flyte stop server" in line for line in said)
    assert _server.status(home) == info
    said.clear()
    assert _server.ensure_server(home, say=said.append) == info
    assert said == []
    stopped = _server.stop_server(home)
    assert stopped is not None and stopped.pid == info.pid
    assert _server.status(home) is None
    assert _server.stop_server(home) is None
    assert _server.base_url(home) == info.url


def test_two_terminals_that_start_at_once_get_one_server(home: Path) -> None:
    port = free_port()
    found: list[_server.ServerInfo] = []

    def ask() -> None:
        found.append(_server.ensure_server(home, port=port, say=quiet))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({info.pid for info in found}) == 1


def test_a_killed_server_is_not_taken_for_a_running_one(home: Path) -> None:
    port = free_port()
    first = _server.ensure_server(home, port=port, say=quiet)
    os.kill(first.pid, signal.SIGKILL)
    second = _server.ensure_server(home, port=port, say=quiet)
    assert second.pid != first.pid
    assert second.url == first.url


def test_another_server_at_the_recorded_address_is_not_ours(home: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    info = _server.ensure_server(other, port=free_port(), say=quiet)
    try:
        home.mkdir()
        (home / "server.json").write_text((other / "server.json").read_text())
        assert _server.status(home) is None
    finally:
        (home / "server.json").unlink()
        _server.stop_server(other)
    assert info.data_dir == str(other)


def test_nothing_is_started_where_that_is_forbidden(home: Path) -> None:
    with pytest.raises(_server.AutostartForbidden, match="none may be started") as caught:
        _server.ensure_server(home, autostart=False)
    assert "flyte start server" in caught.value.hint
    assert not home.exists()


def test_a_server_of_another_version_is_named(home: Path) -> None:
    _server.ensure_server(home, port=free_port(), say=quiet)
    answer = _server.status(home)
    assert answer is not None
    older = _server.ServerInfo(answer.pid, answer.url, answer.data_dir, "0.0.1")
    with pytest.raises(flyte.errors.InitializationError, match=r"is version 0\.0\.1") as caught:
        _server.require_version(older)
    assert "flyte stop server" in caught.value.hint


def test_a_taken_port_is_told_with_the_servers_own_words(home: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(_server.ServerStartError, match=f"{port}.*FLYTE_PORT"):
            _server.ensure_server(home, port=port, say=quiet)


def test_a_server_that_could_not_even_say_why_it_ended_had_a_full_disk(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its log is on that disk."""
    home.mkdir()
    assert _server._without_words(home) == ""
    there = list(os.statvfs(home))
    there[4] = 0  # f_bavail
    monkeypatch.setattr(os, "statvfs", lambda path: os.statvfs_result(there))
    assert f"The disk that holds {home} is full" in _server._without_words(home)


def test_a_directory_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "import flyte\n"
        "from flyte import _server\n"
        "try:\n"
        "    _server.start_server(Path(sys.argv[1]), say=print)\n"
        "except flyte.errors.InitializationError as error:\n"
        "    print(error)\n"
    )
    command = powerless([sys.executable, "-c", program, str(locked / "home")])
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "cannot be used" in said
    assert str(locked / "home") in said


def test_a_home_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("")
    with pytest.raises(flyte.errors.InitializationError, match="cannot be used"):
        _server.start_server(tmp_path / "home", say=quiet)


def test_a_damaged_server_file_is_no_server(home: Path) -> None:
    home.mkdir()
    for text in ("", "{", "[]", json.dumps({"pid": 1})):
        (home / "server.json").write_text(text)
        assert _server.status(home) is None
    (home / "server.json").unlink()
