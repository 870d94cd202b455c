"""The page's Python half: the same runs, asked from a script."""

import json
import subprocess
import sys
import urllib.request

from terminal import Terminal, until


def python(user: Terminal, program: str, *, code: int = 0) -> list[str]:
    """The lines that a program prints."""
    user.write("program.py", program)
    ended = subprocess.run(
        [sys.executable, "program.py"],
        cwd=user.cwd,
        env=user.environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == code, ended.stderr
    return ended.stdout.splitlines()


def test_the_run_object_has_status_information(page: Terminal) -> None:
    """The page's lines, word for word, with no config file: twice, since they are idempotent."""
    name, url, status, again, value, shown = python(
        page,
        "import flyte\n"
        "from my_script import pipeline\n"
        "flyte.init_from_config()\n"
        "flyte.init_from_config()\n"
        "run = flyte.run(pipeline, x=5)\n"
        "print(run.name)\n"
        "print(run.url)\n"
        "run.wait()\n"
        "print(run.status)\n"
        "print(run.phase)\n"
        "print(run.outputs()[0])\n"
        "print(run)\n",
    )
    assert (status, again, value) == ("succeeded", "succeeded", "20")
    assert name in shown
    assert "20" in shown
    assert page.get("run", name)["status"] == "succeeded"
    with urllib.request.urlopen(url) as answer:
        assert answer.status == 200


def test_with_a_config_file_too(page: Terminal) -> None:
    page.flyte("create", "config", "--project", "birds", "--domain", "production")
    (url,) = python(
        page,
        "import flyte\nfrom my_script import pipeline\nflyte.init_from_config()\nprint(flyte.run(pipeline, x=5).url)\n",
    )
    assert "/v2/runs/project/birds/domain/production/" in url


def test_without_a_session_it_runs_here_and_direct_calls_record_nothing(page: Terminal) -> None:
    direct, status, value = python(
        page,
        "import flyte\n"
        "from my_script import pipeline\n"
        "print(pipeline(5))\n"
        "run = flyte.run(pipeline, x=5)\n"
        "print(run.status)\n"
        "print(run.outputs().named_outputs)\n",
    )
    assert (direct, status, value) == ("20", "succeeded", "{'o0': 20}")
    (only,) = page.get("run")
    assert only["mode"] == "local"
    page.flyte("get", "server", code=1)


def test_python_command_line_and_server_agree(odd: Terminal) -> None:
    good = odd.run("odd.py", "talks").lines[0]
    bad = odd.run("--local", "odd.py", "calls_fails", code=1).lines[0]
    (told,) = python(
        odd,
        "import json, flyte, flyte.remote\n"
        "flyte.init_from_config()\n"
        "runs = {run.name: run.to_dict() for run in flyte.remote.Run.listall()}\n"
        "print(json.dumps(runs))\n",
    )
    runs = json.loads(told)
    for name in (good, bad):
        shown = odd.get("run", name)
        assert {key: shown[key] for key in runs[name]} == runs[name]
    assert (runs[good]["status"], runs[bad]["status"]) == ("succeeded", "failed")


def test_a_failure_raises_its_error(odd: Terminal) -> None:
    lines = python(
        odd,
        "import flyte\n"
        "from odd import calls_fails\n"
        "flyte.init_from_config()\n"
        "run = flyte.run(calls_fails)\n"
        "run.wait()\n"
        "print(run.status)\n"
        "try:\n"
        "    run.outputs()\n"
        "except flyte.errors.RuntimeUserError as error:\n"
        "    print(error.code, error.message)\n",
    )
    assert lines == ["failed", "ValueError no such colour: mauve"]


def test_a_run_exists_before_its_first_line_of_code(odd: Terminal) -> None:
    """Killed at the first line: the run is there all the same."""
    odd.write(
        "first.py",
        "import os, signal, flyte\n"
        "env = flyte.TaskEnvironment(name='first')\n"
        "@env.task\n"
        "def line() -> None:\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n",
    )
    odd.run("--local", "first.py", "line", code=-9)
    (run,) = odd.get("run")
    assert (run["task_name"], run["phase"]) == ("first.line", "failed")


def test_what_is_left_over_when_the_root_ends_is_aborted(odd: Terminal) -> None:
    odd.write(
        "left.py",
        "import asyncio, flyte\n"
        "env = flyte.TaskEnvironment(name='left')\n"
        "@env.task\n"
        "async def sleeps() -> None:\n"
        "    await asyncio.sleep(600)\n"
        "@env.task\n"
        "async def root() -> str:\n"
        "    child = asyncio.create_task(sleeps())\n"
        "    await asyncio.sleep(1)\n"
        "    return 'done'\n",
    )
    for mode in ([], ["--local"]):
        run = odd.run(*mode, "left.py", "root").lines[0]
        phases = until(lambda run=run: {each["short_name"]: each["phase"] for each in odd.get("action", run)})
        assert phases == {"root": "succeeded", "sleeps": "aborted"}
