"""Runs once more: the same, with other inputs, one action of them, or only what did not succeed."""

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sdk_history import History
from terminal import SCRIPTS, Terminal, terminal
from tests.system.scripts.repeats import STEPS

from flyte_core.wire.literals import named_json

MODES = pytest.mark.parametrize("mode", [[], ["--local"]], ids=["server", "local"])


@pytest.fixture(scope="module")
def user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminal]:
    with terminal(tmp_path_factory.mktemp("rerun")) as opened:
        for script in ("repeats.py", "replays.py"):
            shutil.copy(SCRIPTS / script, opened.cwd)
        yield opened


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def executed(folder: Path) -> dict[str, int]:
    """How often each thing was executed."""
    counted = ("step", "trace", "big", "chain", "together", "gathers")
    return {
        each.name: len(each.read_text().split()) for each in folder.iterdir() if each.name.startswith(counted)
    }


def outputs(user: Terminal, run: str) -> Any:
    return user.get("io", run)["outputs"]["o0"]


def phases(user: Terminal, run: str) -> dict[str, str]:
    """The phase of each action, by what it was called with."""
    history = History(user.home)
    found = {}
    for each in history.actions(run):
        inputs = named_json(history.store.payload(each.key, "inputs") or b"", "inputs")
        found[f"{each.spec.short_name}{inputs.get('n', '')}"] = each.phase.value
    history.close()
    return found


@MODES
def test_the_same_again_and_with_another_input(user: Terminal, mode: list[str]) -> None:
    first = user.run(*mode, "--label", "team=a", "repeats.py", "kinds", "--number", "1").lines[0]
    same = user.flyte("rerun", first)
    name, url, ended = same.lines
    assert (url.endswith(name), ended) == (True, "Run 'a0' completed successfully.")
    assert outputs(user, name) == outputs(user, first)
    shown = user.get("run", name)
    assert (shown["relation"], shown["related_run"], shown["labels"]) == ("rerun", first, {"team": "a"})
    assert shown["mode"] == ("local" if mode else "server")
    assert f"Rerun of  {first}" in user.flyte("get", "run", name).stdout
    words = ["--number", "2", "--words", '["b"]', "--colour", "BLUE", "--point", '{"x": 7, "y": 2.5}']
    words += ["--pair", '[2, "two"]', "--when", "2027-01-01", "--span", "5m", "--flag", "--text", "b c"]
    words += ["--input-name", "other", "--name", "called-by-me" + ("-l" if mode else "")]
    other = user.flyte("rerun", first, *words).lines[0]
    assert other.startswith("called-by-me")
    assert outputs(user, other) == (
        "(2, 0.5, 'b c', True, datetime.datetime(2027, 1, 1, 0, 0, tzinfo=datetime.timezone.utc), "
        "datetime.timedelta(seconds=300), ['b'], None, <Colour.BLUE: 'b'>, Point(x=7, y=2.5), (2, 'two'), 'other')"
    )


@MODES
def test_recovering_runs_only_what_did_not_succeed(user: Terminal, folder: Path, mode: list[str]) -> None:
    (folder / "fail").touch()
    failed = user.run(*mode, "repeats.py", "chain", "--folder", str(folder), code=1).lines[0]
    assert phases(user, failed)["step5"] == "failed"
    again = user.flyte("rerun", failed, "--recover").lines[0]
    assert outputs(user, again) == STEPS + 1
    assert executed(folder) == {
        "chain": 2,
        "big": 1,
        "trace1": 1,
        **{f"step{n}": 2 if n == 5 else 1 for n in range(STEPS)},
    }
    found = phases(user, again)
    assert found == {
        "chain": "succeeded",
        "big200000": "recovered",
        "traced1": "recovered",
        **{f"step{n}": "recovered" if n < 5 else "succeeded" for n in range(STEPS)},
    }
    taken = next(each for each in user.get("action", again) if each["phase"] == "recovered")
    assert taken["recovered_from"] == f"{failed}/{taken['name']}"
    assert f"Recovers  {failed}" in user.flyte("get", "run", again).stdout
    assert f"{failed}/{taken['name']}" in user.flyte("get", "action", again, taken["name"]).stdout

    # What is forced runs again, and what lost its large outputs does, too.
    forced = next(each["name"] for each in user.get("action", again) if each["short_name"] == "step")
    for file in (user.home / "runs").rglob("outputs.pb"):
        if again not in file.parts and failed in file.parts and file.stat().st_size > 100_000:
            file.unlink()
    third = user.flyte("rerun", failed, "--recover", "--force-rerun-action", forced).lines[0]
    assert executed(folder)["big"] == 2
    assert executed(folder)["step0"] == 2
    assert phases(user, third)["step0"] == "succeeded"
    user.flyte("rerun", failed, "--recover", "--force-rerun-action", "nobody", code=1)


def test_a_local_run_that_was_killed_goes_on(user: Terminal, folder: Path) -> None:
    (folder / "kill").touch()
    name = user.run("--local", "repeats.py", "chain", "--folder", str(folder), code=-signal.SIGKILL).lines[0]
    lost = user.get("run", name)
    assert (lost["phase"], lost["error"]["code"]) == ("failed", "ProcessLost")
    assert f"flyte rerun {name} --recover" in lost["error"]["message"]
    before = executed(folder)
    again = user.flyte("rerun", name, "--recover").lines[0]
    assert outputs(user, again) == STEPS + 1
    twice = {what for what, times in executed(folder).items() if times > before.get(what, 1)}
    assert twice == {"chain", "step5"}
    assert executed(folder)["step5"] == 2


def test_an_action_that_takes_sets_is_found_again_in_another_process(user: Terminal, folder: Path) -> None:
    words = ("--local", "repeats.py", "gathers", "--folder", str(folder))
    name = user.run(*words, code=-signal.SIGKILL, PYTHONHASHSEED="1").lines[0]
    again = user.flyte("rerun", name, "--recover", PYTHONHASHSEED="2").lines[0]
    assert outputs(user, again) == 21
    assert executed(folder) == {"together": 1, "gathers": 2}


@MODES
def test_one_action_alone(user: Terminal, folder: Path, mode: list[str]) -> None:
    whole = user.run(*mode, "repeats.py", "chain", "--folder", str(folder)).lines[0]
    third = next(each["name"] for each in user.get("action", whole) if each["seq"] == 4)
    alone = user.flyte("rerun", whole, "--action-name", third).lines[0]
    (only,) = user.get("action", alone)
    assert (only["name"], only["short_name"], only["phase"]) == ("a0", "step", "succeeded")
    assert user.get("io", alone)["inputs"]["n"] == user.get("io", whole, third)["inputs"]["n"]
    said = user.flyte("rerun", whole, "--recover", "--action-name", third, code=2)
    assert "exclude each other" in said.stderr


def test_a_run_that_goes_on_cannot_be_recovered(user: Terminal, folder: Path) -> None:
    user.write(
        "waits.py",
        "import flyte, time\n"
        "env = flyte.TaskEnvironment(name='waits')\n"
        "@env.task\n"
        "def forever() -> None:\n"
        "    time.sleep(600)\n",
    )
    name = user.run("--detach", "waits.py", "forever").lines[0]
    said = user.flyte("rerun", name, "--recover", code=1)
    assert "has not ended" in said.stderr
    assert f"flyte abort run {name}" in said.stderr
    user.flyte("abort", "run", name)


def test_code_that_is_gone_is_named(user: Terminal) -> None:
    file = user.write(
        "gone.py",
        "import flyte\n"
        "env = flyte.TaskEnvironment(name='gone')\n"
        "@env.task\n"
        "def one() -> int:\n"
        "    return 1\n",
    )
    local = user.run("--local", "gone.py", "one").lines[0]
    server = user.run("gone.py", "one").lines[0]
    elsewhere = user.cwd / "elsewhere"
    elsewhere.mkdir()
    assert user.flyte("rerun", local).lines[2] == "Run 'a0' completed successfully."
    file.unlink()
    said = user.flyte("rerun", local, code=1)
    assert f"there is no {file} any more" in said.stderr
    assert user.flyte("rerun", server).lines[2] == "Run 'a0' completed successfully."


def test_wrong_words(user: Terminal) -> None:
    name = user.run("repeats.py", "kinds", "--number", "1").lines[0]
    local = user.run("--local", "repeats.py", "kinds", "--number", "1").lines[0]
    runs = len(user.get("run"))
    for words, code, expected in (
        (["nope"], 1, "There is no run nope"),
        ([], 2, "Missing argument 'RUN'"),
        ([name, "--numbr", "3"], 2, "--number"),
        ([name, "--number", "three"], 2, "'three' is not an integer"),
        ([name, "--action-name", "nope"], 1, "has no action nope"),
        ([name, "--force-rerun-action", "a1"], 2, "only with --recover"),
        ([name, "--local"], 2, "Leave out --local"),
        ([local, "--detach"], 2, "Leave out --detach"),
        ([name, "--name", "Not A Name"], 2, "Not A Name"),
    ):
        said = user.flyte("rerun", *words, code=code)
        assert expected in said.stderr, words
        assert said.stdout == ""
    assert len(user.get("run")) == runs
    listed = user.flyte("rerun", name, "--help").stdout
    assert "--number int" in listed
    assert "--point dict" in listed


def test_from_python(user: Terminal) -> None:
    user.write(
        "repeat.py",
        "import asyncio, flyte\n"
        "from repeats import Colour, Point, kinds\n"
        "flyte.init_from_config()\n"
        "first = flyte.run(kinds, number=1)\n"
        "first.wait()\n"
        "again = flyte.rerun(first.name, number=3, colour=Colour.BLUE, point=Point(9))\n"
        "again.wait()\n"
        "print(again.outputs()[0])\n"
        "named = flyte.with_runcontext(name='from-python', labels={'k': 'v'}).rerun(again.name)\n"
        "named.wait()\n"
        "print(named.name, named.outputs()[0] == again.outputs()[0], named.related_run == again.name)\n"
        "local = flyte.with_runcontext(mode='local').run(kinds, number=4)\n"
        "print(flyte.rerun(local.name, number=5).outputs()[0][:3])\n"
        "print(asyncio.run(flyte.rerun.aio(local.name)).outputs()[0][:3])\n"
        "for words in ({'nope': 1}, {'number': 'x'}, {'recover': True, 'action_name': 'a1'}):\n"
        "    try:\n"
        "        flyte.rerun(first.name, **words)\n"
        "    except flyte.errors.BaseRuntimeError as error:\n"
        "        print(type(error).__name__)\n",
    )
    shown, named, local, later, *errors = user.python("repeat.py")
    assert shown.startswith("(3, 0.5, 'a', False, ")
    assert "<Colour.BLUE: 'b'>, Point(x=9, y=0.5)" in shown
    assert named == "from-python True True"
    assert (local, later) == ("(5,", "(4,")
    assert errors == ["DeclarationError", "RuntimeDataValidationError", "DeclarationError"]


def test_what_calls_something_else_when_it_is_recovered_is_named(user: Terminal, folder: Path) -> None:
    """Local runs killed in the middle, and recovered: as a server's parent that is killed and runs again."""
    for task, orphans in (("all_at_once", 0), ("pinned_by_a_trace", 0), ("catches", 0), ("fewer", 3)):
        words = ("--local", "replays.py", task, "--marker", str(folder / task))
        killed = user.run(*words, code=-signal.SIGKILL).lines[0]
        run = user.get("run", user.flyte("rerun", killed, "--recover").lines[0])
        assert sum(len(each["orphans"]) for each in run["divergences"]) == orphans, task


def test_killed_local_runs_never_seem_to_run(user: Terminal) -> None:
    running = user.popen("run", "--local", "waits.py", "forever")
    assert running.stdout is not None
    name = running.stdout.readline().strip()
    assert user.get("run", name)["phase"] == "running"
    os.kill(running.pid, signal.SIGKILL)
    running.communicate()
    assert [each["phase"] for each in user.get("run") if each["name"] == name] == ["failed"]
