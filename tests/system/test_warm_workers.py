"""`ReusePolicy` on a real server: one process runs many attempts, and each is told apart."""

import json
import os
import shutil
import signal
from typing import Any

import pytest
from terminal import SCRIPTS, Terminal, until


@pytest.fixture
def warm(user: Terminal) -> Terminal:
    shutil.copy(SCRIPTS / "warm.py", user.cwd)
    return user


def actions(user: Terminal, run: str, task: str) -> list[dict[str, Any]]:
    return [each for each in user.get("action", run) if each["short_name"] == task]


def test_attempts_share_processes_and_keep_their_own_logs(warm: Terminal) -> None:
    run = warm.run("warm.py", "pids", "--n", "4").lines[0]
    found = warm.get("io", run)["outputs"]["o0"]
    assert len(set(found[:8])) == 1, "one by one in one process"
    assert len(set(found[8:])) == 1 and found[0] != found[8], "side by side in another"
    for task, expected in (
        ("step", ["step {x}", "child of {x}"]),
        ("astep", ["astep {x}"]),
        ("leaf", ["leaf {x}"] * 3),
        ("thread", ["thread {x}"]),
    ):
        for action in actions(warm, run, task):
            x = warm.get("io", run, action["name"])["inputs"]["x"]
            log = warm.flyte("get", "logs", run, action["name"]).stdout
            for line in expected:
                assert line.format(x=x) in log
            assert log.count(f" {x}") == len(expected)


def test_all_replicas_get_their_share(warm: Terminal) -> None:
    (warm.cwd / "met").mkdir()
    run = warm.run("warm.py", "both", "--folder", str(warm.cwd / "met")).lines[0]
    found = warm.get("io", run)["outputs"]["o0"]
    assert sorted(found.count(pid) for pid in set(found)) == [3, 3]


@pytest.mark.parametrize(
    ("how", "phase", "code"),
    [
        ("raise", "failed", "KeyError"),
        ("exit", "failed", "NonZeroExit"),
        ("crash", "failed", "SIGSEGV"),
        ("time", "timed_out", "MAX_RUNTIME_EXCEEDED"),
    ],
)
def test_a_failure_is_told_and_the_pool_goes_on(warm: Terminal, how: str, phase: str, code: str) -> None:
    run = warm.run("warm.py", "recovers", "--how", how).lines[0]
    (failed,) = actions(warm, run, "too_long" if how == "time" else "fails")
    assert (failed["phase"], failed["error"]["code"]) == (phase, code)
    assert failed["attempts"] == 1
    (later,) = actions(warm, run, "step")
    assert later["phase"] == "succeeded"


def test_an_abort_frees_the_worker(warm: Terminal) -> None:
    run = warm.run("--detach", "warm.py", "waits", "--file", str(warm.cwd / "never")).lines[0]
    until(lambda: (warm.cwd / "never.started").exists())
    warm.flyte("abort", "run", run)
    assert warm.get("run", run)["phase"] == "aborted"
    later = warm.run("warm.py", "step", "--x", "1").lines[0]
    assert warm.get("run", later)["phase"] == "succeeded"


def test_a_killed_server_finds_its_warm_attempts_again(warm: Terminal) -> None:
    file = warm.cwd / "go"
    run = warm.run("--detach", "warm.py", "waits", "--file", str(file)).lines[0]
    until(lambda: (warm.cwd / "go.started").exists())
    os.kill(warm.get("server")["pid"], signal.SIGKILL)
    warm.flyte("start", "server")
    file.touch()
    until(lambda: warm.get("run", run)["phase"] == "succeeded")
    assert warm.get("io", run)["outputs"]["o0"] == 7
    assert (warm.cwd / "go.started").read_text() == "x"


def test_a_killed_worker_loses_its_attempt_once(warm: Terminal) -> None:
    file = warm.cwd / "go"
    run = warm.run("--detach", "warm.py", "waits", "--file", str(file)).lines[0]
    until(lambda: (warm.cwd / "go.started").exists())
    (claim,) = (warm.home / "workers").glob("*/worker.json")
    os.kill(json.loads(claim.read_text())["pid"], signal.SIGKILL)
    until(lambda: (warm.cwd / "go.started").read_text() == "xx")
    file.touch()
    until(lambda: warm.get("run", run)["phase"] == "succeeded")
    (action,) = warm.get("action", run)
    assert action["attempts"] == 2
