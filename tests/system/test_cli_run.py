"""`flyte run`: what the first page shows, on the server and in-process."""

import json
import os
import re
import signal
import subprocess
import urllib.request

import pytest
from terminal import FLYTE, Terminal, until

RUN_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,29}")
SUCCESS = "Run 'a0' completed successfully."

modes = pytest.mark.parametrize("mode", [[], ["--local"]], ids=["server", "local"])


def url_of(user: Terminal, run: str) -> str:
    return f"http://localhost:{user.port}/v2/runs/project/flytesnacks/domain/development/{run}"


@modes
def test_the_page_prints_its_three_lines(page: Terminal, mode: list[str]) -> None:
    said = page.run(*mode, "my_script.py", "pipeline", "--x", "5")
    run, url, last = said.lines
    assert RUN_ID.fullmatch(run)
    assert url == url_of(page, run)
    assert last == SUCCESS


@modes
def test_one_run_three_actions_result_twenty(page: Terminal, mode: list[str]) -> None:
    run = page.run(*mode, "my_script.py", "pipeline", "--x", "5").lines[0]
    assert [each["name"] for each in page.get("run")] == [run]
    actions = page.get("action", run)
    assert [(each["short_name"], each["seq"]) for each in actions] == [
        ("pipeline", 0),
        ("step_one", 0),
        ("step_two", 1),
    ]
    root, one, two = (each["name"] for each in actions)
    assert root == "a0"
    assert page.get("io", run) == {"inputs": {"x": 5}, "outputs": {"o0": 20}}
    assert page.get("io", run, one) == {"inputs": {"x": 5}, "outputs": {"o0": 10}}
    assert page.get("io", run, two) == {"inputs": {"x": 10}, "outputs": {"o0": 20}}
    tree = page.flyte("get", "action", run, "--tree").stdout
    assert tree == "pipeline (action)\n├── step_one (action)\n└── step_two (action)\n"


def test_a_single_task_is_a_run_with_one_action(page: Terminal) -> None:
    run = page.run("--local", "my_script.py", "step_one", "--x", "5").lines[0]
    assert [each["name"] for each in page.get("action", run)] == ["a0"]


def test_the_printed_url_answers_after_the_command_has_ended(page: Terminal) -> None:
    said = page.run("my_script.py", "pipeline", "--x", "5")
    with urllib.request.urlopen(said.lines[1]) as answer:
        assert answer.status == 200
        assert "text/html" in answer.headers["content-type"]
    assert "flyte stop server" in said.stderr
    page.flyte("stop", "server")
    page.flyte("start", "server")
    with urllib.request.urlopen(said.lines[1]) as answer:
        assert answer.status == 200


@modes
def test_a_failure_names_the_action_its_error_and_the_command_for_its_logs(
    odd: Terminal, mode: list[str]
) -> None:
    said = odd.run(*mode, "odd.py", "calls_fails", code=1)
    assert SUCCESS not in said.stdout
    run = said.lines[0]
    failed = next(each for each in odd.get("action", run) if each["short_name"] == "fails")
    assert f"fails ({failed['name']}): ValueError: no such colour: mauve" in said.stderr
    assert 'raise ValueError(f"no such colour: {colour}")' in said.stderr
    assert f"flyte get logs {run} {failed['name']}" in said.stderr
    assert "/flyte/_" not in said.stderr, "frames of the framework are left out"
    log = odd.flyte("get", "logs", run, failed["name"]).lines
    assert log[0] == "looking for mauve"
    assert "ValueError: no such colour: mauve" in log
    assert said.stderr.count("Traceback") == 1


@modes
def test_debug_shows_the_frames_of_the_framework_too(odd: Terminal, mode: list[str]) -> None:
    said = odd.run(*mode, "--debug", "odd.py", "fails", "--colour", "mauve", code=1)
    assert "/flyte/_" in said.stderr


def test_detach_returns_after_the_url(odd: Terminal) -> None:
    marker = odd.cwd / "marker"
    said = odd.run("--detach", "odd.py", "waits", "--marker", str(marker))
    run, _ = said.lines
    assert odd.get("run", run)["end_time"] is None
    marker.touch()
    until(lambda: odd.get("run", run)["phase"] == "succeeded")


@modes
def test_follow_shows_the_log_between_url_and_end(odd: Terminal, mode: list[str]) -> None:
    said = odd.run(*mode, "--follow", "odd.py", "talks")
    assert "to stdout" in said.lines[2:-1]
    assert said.lines[-1] == SUCCESS


def test_without_follow_prints_of_a_local_run_do_not_mix_with_the_three_lines(odd: Terminal) -> None:
    said = odd.run("--local", "odd.py", "talks")
    assert len(said.lines) == 3
    assert "to stdout" in said.stderr


def test_interrupting_the_wait_detaches(odd: Terminal) -> None:
    marker = odd.cwd / "marker"
    waiting = odd.popen("run", "odd.py", "waits", "--marker", str(marker))
    assert waiting.stdout is not None
    run = waiting.stdout.readline().strip()
    waiting.stdout.readline()
    until(lambda: odd.get("run", run)["phase"] == "running")
    waiting.send_signal(signal.SIGINT)
    _, err = waiting.communicate(timeout=30)
    assert waiting.returncode == 130
    assert f"flyte abort run {run}" in err
    assert odd.get("run", run)["phase"] == "running"
    marker.touch()
    until(lambda: odd.get("run", run)["phase"] == "succeeded")


def test_a_server_that_is_killed_under_a_waiting_run_is_started_again(odd: Terminal) -> None:
    marker = odd.cwd / "marker"
    waiting = odd.popen("run", "odd.py", "calls_waits", "--marker", str(marker))
    assert waiting.stdout is not None
    run = waiting.stdout.readline().strip()
    until(lambda: len([each for each in odd.get("action", run) if each["phase"] == "running"]) == 2)
    pid = odd.get("server")["pid"]
    os.kill(pid, signal.SIGKILL)
    until(lambda: odd.flyte("get", "server", code=None).code == 0)
    assert odd.get("server")["pid"] != pid
    marker.touch()
    out, err = waiting.communicate(timeout=60)
    assert out.splitlines()[-1] == SUCCESS, err
    assert [each["attempts"] for each in odd.get("action", run)] == [1, 1], "nothing ran twice"


def test_a_server_that_is_stopped_under_a_waiting_run_is_not_started_behind_its_owner_s_back(
    odd: Terminal,
) -> None:
    marker = odd.cwd / "marker"
    waiting = odd.popen("run", "odd.py", "calls_waits", "--marker", str(marker))
    assert waiting.stdout is not None
    assert waiting.stderr is not None
    run = waiting.stdout.readline().strip()
    until(lambda: len([each for each in odd.get("action", run) if each["phase"] == "running"]) == 2)
    odd.flyte("stop", "server")
    until(lambda: "flyte start server" in waiting.stderr.readline())
    odd.flyte("get", "server", code=1)
    odd.flyte("start", "server")
    marker.touch()
    out, err = waiting.communicate(timeout=60)
    assert out.splitlines()[-1] == SUCCESS, err


def test_interrupting_a_local_run_aborts_it(odd: Terminal) -> None:
    waiting = odd.popen("run", "--local", "odd.py", "waits", "--marker", "never")
    assert waiting.stdout is not None
    run = waiting.stdout.readline().strip()
    until(lambda: odd.get("run", run)["phase"] == "running")
    waiting.send_signal(signal.SIGINT)
    waiting.communicate(timeout=30)
    assert waiting.returncode == 130
    assert odd.get("run", run)["phase"] == "aborted"


def test_a_killed_local_run_is_shown_as_lost(odd: Terminal) -> None:
    waiting = odd.popen("run", "--local", "odd.py", "calls_waits", "--marker", "never")
    assert waiting.stdout is not None
    run = waiting.stdout.readline().strip()
    until(lambda: odd.get("run", run)["phase"] == "running")
    waiting.kill()
    waiting.communicate()
    found = odd.get("run", run)
    assert (found["phase"], found["error"]["code"]) == ("failed", "ProcessLost")
    assert {each["phase"] for each in odd.get("action", run)} <= {"failed", "aborted"}


def test_a_reader_that_goes_away_does_not_end_the_run(odd: Terminal) -> None:
    marker = odd.cwd / "marker"
    with odd.popen("run", "--local", "odd.py", "waits", "--marker", str(marker)) as running:
        assert running.stdout is not None
        run = running.stdout.readline().strip()
        running.stdout.close()
        marker.touch()
        assert running.wait(timeout=30) == 0
    assert odd.get("run", run)["phase"] == "succeeded"


def test_autostart_forbidden_runs_in_process_and_says_how_to_open_the_url(page: Terminal) -> None:
    page.env["FLYTE_AUTOSTART"] = "0"
    said = page.run("my_script.py", "pipeline", "--x", "5")
    assert said.lines[2] == SUCCESS
    assert "flyte start server" in said.stderr
    page.flyte("get", "server", code=1)
    assert page.get("run", said.lines[0])["mode"] == "local"


def test_history_needs_no_server(page: Terminal) -> None:
    run = page.run("my_script.py", "pipeline", "--x", "5").lines[0]
    page.flyte("stop", "server")
    page.flyte("get", "server", code=1)
    assert page.get("run", run)["outputs"] == {"o0": 20}
    assert len(page.get("action", run)) == 3


@modes
def test_name_labels_and_environment_go_with_the_run(odd: Terminal, mode: list[str]) -> None:
    words = ["--name", "my-own", "--label", "team=ml", "-e", "WHO=me", "odd.py", "sees_env", "--name", "WHO"]
    said = odd.run(*mode, *words)
    assert said.lines[0] == "my-own"
    found = odd.get("run", "my-own")
    assert found["labels"] == {"team": "ml"}
    assert found["outputs"] == {"o0": "me"}
    taken = odd.run(*mode, "--name", "my-own", "odd.py", "talks", code=1)
    assert "my-own" in taken.stderr


def test_project_and_domain_are_part_of_the_url(page: Terminal) -> None:
    said = page.run("-p", "birds", "-d", "production", "--local", "my_script.py", "pipeline", "--x", "5")
    assert "/v2/runs/project/birds/domain/production/" in said.lines[1]
    assert page.get("run") == []
    assert page.get("run", "-p", "birds", "-d", "production")[0]["name"] == said.lines[0]


@modes
def test_every_attempt_is_counted(odd: Terminal, mode: list[str]) -> None:
    run = odd.run(*mode, "odd.py", "third_time", "--marker", str(odd.cwd / "tries")).lines[0]
    (root,) = odd.get("action", run)
    assert root["attempts"] == 3
    assert [odd.flyte("get", "logs", run, "--attempt", str(at)).lines[0] for at in (1, 2, 3)] == [
        "try 1",
        "try 2",
        "try 3",
    ]


@modes
@pytest.mark.parametrize("closed", ["1>&-", "2>&-"])
def test_closed_streams_take_nothing_from_a_run(odd: Terminal, mode: list[str], closed: str) -> None:
    command = ["sh", "-c", f'exec "$@" {closed}', "sh", FLYTE, "run", *mode, "odd.py", "talks"]
    subprocess.run(command, cwd=odd.cwd, env=odd.environment(), capture_output=True, check=True, timeout=60)
    (run,) = odd.get("run")
    assert run["phase"] == "succeeded"


@modes
def test_what_child_processes_print_is_no_data(user: Terminal, mode: list[str]) -> None:
    user.write(
        "speaks.py",
        "import os, subprocess, sys, flyte\n"
        "env = flyte.TaskEnvironment(name='speaks')\n"
        "@env.task\n"
        "def main() -> None:\n"
        "    os.write(1, b'raw words\\n')\n"
        "    subprocess.run([sys.executable, '-c', 'print(\"words of a child\")'], check=True)\n",
    )
    said = user.run(*mode, "speaks.py", "main")
    assert len(said.lines) == 3
    if mode:
        assert "raw words\nwords of a child\n" in said.stderr
    assert user.run(*mode, "-of", "json", "speaks.py", "main").json()["phase"] == "succeeded"


def test_a_task_that_exits_or_dies_says_so(odd: Terminal) -> None:
    said = odd.run("odd.py", "exits", code=1)
    assert "7" in said.stderr
    said = odd.run("odd.py", "segfaults", code=1)
    assert "SIGSEGV" in said.stderr


def test_terminals_side_by_side_meet_no_lock(odd: Terminal) -> None:
    """Fan-outs in three terminals, server and local mixed, while a fourth looks on."""
    odd.flyte("start", "server")
    modes = ([], ["--local"], ["--local"])
    running = [odd.popen("run", *mode, "odd.py", "many", "--count", "150") for mode in modes]
    looked = 0
    while any(each.poll() is None for each in running):
        assert len(odd.get("run")) <= 3
        looked += 1
    ended = [each.communicate() for each in running]
    assert looked
    for out, err in ended:
        assert out.splitlines()[-1] == SUCCESS, err
        assert "lock" not in err
    assert [each["phase"] for each in odd.get("run")] == ["succeeded"] * 3
    for each in odd.get("run"):
        assert len(odd.get("action", each["name"])) == 151


@modes
def test_the_run_as_json(odd: Terminal, mode: list[str]) -> None:
    """One object instead of the three lines, the same as `get run` shows; before the file or before the verb."""
    good = odd.run(*mode, "-of", "json", "odd.py", "talks").json()
    assert good == odd.get("run", good["name"])
    assert good["phase"] == "succeeded"
    (line,) = odd.flyte("-of", "json-raw", "run", *mode, "odd.py", "calls_fails", code=1).lines
    bad = json.loads(line)
    assert (bad["phase"], bad["error"]["code"]) == ("failed", "ValueError")
    followed = odd.run(*mode, "--follow", "-of", "json", "odd.py", "talks")
    assert followed.json()["phase"] == "succeeded"
    assert followed.stderr


def test_a_detached_run_as_json(odd: Terminal) -> None:
    begun = odd.run("--detach", "-of", "json", "odd.py", "talks").json()
    assert begun["url"].endswith(begun["name"])
    assert odd.wait_for_run(begun["name"])["phase"] == "succeeded"


@modes
def test_a_script_may_start_a_run_wherever_it_is_imported(user: Terminal, mode: list[str]) -> None:
    script = user.write(
        "unguarded.py",
        "import asyncio\n"
        "import flyte\n"
        'env = flyte.TaskEnvironment("unguarded")\n'
        "@env.task\n"
        "def inner(x: int) -> int:\n"
        "    return x + 1\n"
        "@env.task\n"
        "def main(x: int = 1) -> int:\n"
        "    return inner(x)\n"
        f"flyte.{'init()' if mode else 'init_from_config()'}\n"
        "async def go() -> None:\n"
        "    run = await flyte.run.aio(main, x=2)\n"
        "    await run.wait.aio()\n"
        "    print(run.outputs()[0])\n"
        "asyncio.run(go())\n",
    )
    assert user.python(script.name) == ["3"]
    said = user.run(*mode, script.name, "main")
    assert "starts a run in line 15" in said.stderr
    assert said.lines[-1] == SUCCESS
    assert [each["task_name"] for each in user.get("run")] == ["unguarded.main"] * 2
    user.write("imports.py", "from unguarded import env\n")
    refused = user.run(*mode, "imports.py", "main", code=1)
    assert "imports unguarded, which starts a run in line 15" in refused.stderr


def test_what_asks_for_more_than_the_machine_has_runs_and_is_told_so_once(user: Terminal) -> None:
    user.write(
        "large.py",
        "import flyte\n"
        "env = flyte.TaskEnvironment(name='large', resources=flyte.Resources(cpu=512, memory='1Gi'))\n"
        "gpu = flyte.TaskEnvironment(name='gpu', resources=flyte.Resources(gpu=99))\n"
        "@env.task\ndef leaf() -> int:\n    return 1\n"
        "@env.task\ndef top() -> int:\n    return leaf() + leaf()\n"
        "@gpu.task\ndef fit() -> int:\n    return 1\n",
    )
    said = user.run("large.py", "top")
    assert said.lines[-1] == SUCCESS
    assert said.stderr.count("Each task of large asks for 512 CPUs where there are ") == 1
    assert "memory" not in said.stderr
    log = user.flyte("get", "logs", said.lines[0]).stdout
    assert "[system] It asks for 512 CPUs where there are " in log
    refused = user.flyte("run", "large.py", "fit", code=1)
    assert "asks for 99 GPUs" in refused.stderr
    assert user.run("--local", "large.py", "top").lines[-1] == SUCCESS
