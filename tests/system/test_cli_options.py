"""Options of the command line and of `flyte run`, as a user sees what they do."""

import json

import pytest
from terminal import Terminal

LOGS = """
import logging
import os

import flyte

env = flyte.TaskEnvironment(name="logs")


@env.task
def talks(root: bool = False) -> str:
    flyte.logger.debug("in detail")
    flyte.logger.info("in general")
    if root:
        logging.getLogger().addHandler(logging.NullHandler())
    return os.environ.get("LOG_FORMAT", "")


@env.task(cache="auto")
def remembered(x: int) -> int:
    return x


@env.task(entrypoint=True)
def start(x: int) -> int:
    return remembered(x)
"""


@pytest.fixture
def logs(user: Terminal) -> Terminal:
    user.write("logs.py", LOGS)
    return user


@pytest.mark.parametrize("mode", [[], ["--local"]])
def test_hello_needs_no_file_and_says_where_its_source_is(user: Terminal, mode: list[str]) -> None:
    said = user.run(*mode, "hello", "--x_list", "[1, 2, 3]")
    assert said.lines[-1] == "Run 'a0' completed successfully."
    assert user.get("io", said.lines[0])["outputs"] == {"o0": 7.0}
    source = next(line for line in said.stderr.splitlines() if "source" in line).split(": ")[1]
    user.write("hello.py", (user.cwd / source).read_text())
    again = user.run("--local", "hello.py", "main", "--x_list", "[1]")
    assert user.get("io", again.lines[0])["outputs"] == {"o0": 4.0}


@pytest.mark.parametrize("mode", [[], ["--local"]])
def test_log_options_hold_in_tasks(logs: Terminal, mode: list[str]) -> None:
    plain = logs.run(*mode, "logs.py", "talks").lines[0]
    lines = logs.flyte("get", "logs", plain, "--filter-system").lines
    assert len(lines) == 1
    assert lines[0].endswith(f"INFO flyte.user: [{plain}][a0] in general")
    more = logs.flyte("--log-format", "json", "--user-log-level", "debug", "run", *mode, "logs.py", "talks")
    lines = logs.flyte("get", "logs", more.lines[0], "--filter-system").lines
    found = [json.loads(line) for line in lines]
    assert [each["message"] for each in found] == ["in detail", "in general"]
    assert [(each["run"], each["action"]) for each in found] == [(more.lines[0], "a0")] * 2
    less = logs.flyte("--user-log-level", "error", "run", *mode, "logs.py", "talks")
    assert logs.flyte("get", "logs", less.lines[0], "--filter-system").stdout == ""


def test_the_cache_is_forgotten_when_asked_to(logs: Terminal) -> None:
    def status() -> str:
        run = logs.run("--local", "logs.py", "start", "--x", "1").lines[0]
        found: str = logs.get("action", run)[1]["cache_status"]
        return found

    assert "no history" in logs.flyte("delete", "local-cache").stderr
    assert [status(), status()] == ["populated", "hit"]
    assert "1 cached outcome" in logs.flyte("delete", "local-cache").stderr
    assert status() == "populated"
    assert len(logs.get("run")) == 3


def test_tasks_are_known_by_their_runs(logs: Terminal) -> None:
    assert "No tasks yet" in logs.flyte("get", "task").stderr
    first = logs.run("--local", "logs.py", "start", "--x", "1").lines[0]
    second = logs.run("--local", "logs.py", "start", "--x", "2").lines[0]
    logs.run("--local", "logs.py", "talks")
    found = logs.get("task")
    assert [(each["name"], each["runs"]) for each in found] == [("logs.talks", 1), ("logs.start", 2)]
    assert [each["name"] for each in logs.get("task", "--entrypoint")] == ["logs.start"]
    [one] = logs.get("task", "logs.start")
    assert one["last_run"] == second != first
    assert logs.get("task", "logs.start", one["version"]) == [one]
    said = logs.flyte("get", "task", "logs.stat", code=1)
    assert "Did you mean 'logs.start'?" in said.stderr


def test_what_runs_are_given_is_recorded(logs: Terminal) -> None:
    words = ["--tracked", "--tracked-strict", "--queue", "q", "--max-action-concurrency", "2"]
    words += ["--image", "mine=registry/image:1", "--image", "registry/default:1", "--version", "v7"]
    run = logs.run(*words, "-p", "other", "logs.py", "start", "--x", "1").lines[0]
    assert logs.get("run", run, "-p", "other")["mode"] == "local"
    assert logs.get("task", "logs.start", "v7", "-p", "other")[0]["last_run"] == run
    said = logs.run("--tracked-strict", "logs.py", "start", "--x", "1", code=2)
    assert "--tracked" in said.stderr


def test_workers_import_from_where_this_process_does(user: Terminal) -> None:
    user.write("project/lib/beside.py", "ANSWER = 42\n")
    user.write(
        "project/jobs/main.py",
        "import flyte\nfrom beside import ANSWER\n\nenv = flyte.TaskEnvironment(name='apart')\n\n\n"
        "@env.task\ndef main() -> int:\n    return ANSWER\n",
    )
    words = ["--copy-style", "all", "--root-dir", "project"]
    path = str(user.cwd / "project" / "lib")
    run = user.run(*words, "project/jobs/main.py", "main", PYTHONPATH=path).lines[0]
    assert user.get("io", run)["outputs"] == {"o0": 42}
    said = user.run(
        *words, "--no-sync-local-sys-paths", "project/jobs/main.py", "main", code=1, PYTHONPATH=path
    )
    assert "beside" in said.stderr


def test_a_narrow_terminal_cuts_what_may_be_cut(user: Terminal) -> None:
    user.run("hello", "--x_list", "[1]")
    wide = user.flyte("get", "run").lines
    assert "hello.main" in wide[2]
    simple = user.flyte("-of", "table-simple", "get", "run").lines
    assert simple[0].split()[:3] == ["Name", "Task", "Status"]
    assert len(simple) == 2
