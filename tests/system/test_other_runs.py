"""Tasks that wait for runs they started: they hold nothing meanwhile."""

import os
import signal
from pathlib import Path

import pytest
from place import Place, load
from terminal import Terminal, until

from flyte import _server

elsewhere = load("elsewhere")


@pytest.fixture
def narrow(user: Terminal) -> Terminal:
    """A user whose server runs one thing at a time."""
    (user.cwd / "elsewhere.py").write_text(Path(str(elsewhere.__file__)).read_text())
    start(user)
    return user


def start(user: Terminal) -> _server.ServerInfo:
    return _server.start_server(user.home, port=user.port, options=("--slots", "1"), say=lambda _: None)


def test_one_slot_is_enough_for_tasks_that_wait_for_runs(narrow: Terminal) -> None:
    run = narrow.run("elsewhere.py", "several").lines[0]
    assert narrow.get("io", run)["outputs"]["o0"] == [2, 2, 4, 4]
    assert len(narrow.get("run")) == 5


def test_the_next_server_hears_of_it(narrow: Terminal, tmp_path: Path) -> None:
    freed = tmp_path / "freed"
    run = narrow.run("--detach", "elsewhere.py", "waits", "--path", str(freed)).lines[0]
    begun = ("elsewhere.patient", "running")
    until(lambda: begun in [(each["task_name"], each["phase"]) for each in narrow.get("run")])
    os.kill(start(narrow).pid, signal.SIGKILL)
    until(lambda: _server.status(narrow.home) is None)
    start(narrow)
    freed.touch()
    assert narrow.wait_for_run(run)["phase"] == "succeeded"


def test_a_task_that_waits_for_a_run_does_not_count(both: Place, tmp_path: Path) -> None:
    run = both.run(
        elsewhere.one_at_a_time, path=str(tmp_path / "freed"), options={"max_action_concurrency": 1}
    )
    assert run.outputs()[0] == [1, 2]
