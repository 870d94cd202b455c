"""Parents that are really killed, and run again: what they call is compared with what they called before."""

import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from terminal import SCRIPTS, Terminal, terminal
from tests.system.scripts import replays

CLEAN = [task.name.partition(".")[2] for task in replays.CLEAN]
DIVERGING = {task.name.partition(".")[2]: orphans for task, orphans in replays.DIVERGING.items()}

START_ALL = """
import sys
import flyte
import replays

flyte.init_from_config()
for task in [*replays.CLEAN, *replays.DIVERGING]:
    name = task.name.partition(".")[2]
    flyte.with_runcontext(name=name.replace("_", "-")).run(task, marker=f"{sys.argv[1]}/{name}")
flyte.with_runcontext(name="strict", on_divergence="fail").run(replays.fewer, marker=f"{sys.argv[1]}/strict")
"""


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminal]:
    """A server whose runs have all been killed once, in the middle of their root."""
    with terminal(tmp_path_factory.mktemp("killed")) as opened:
        shutil.copy(SCRIPTS / "replays.py", opened.cwd)
        opened.write("start_all.py", START_ALL)
        opened.python("start_all.py", str(opened.cwd))
        yield opened


def ended(user: Terminal, task: str) -> dict[str, Any]:
    return user.wait_for_run(task.replace("_", "-"))


@pytest.mark.parametrize("task", CLEAN)
def test_what_calls_the_same_again_is_not_flagged(killed: Terminal, task: str) -> None:
    run = ended(killed, task)
    assert (run["phase"], run["divergences"]) == ("succeeded", [])
    root = killed.get("action", run["name"], "a0")
    assert root["attempts"] == 2


@pytest.mark.parametrize("task", DIVERGING)
def test_what_calls_something_else_names_its_orphans(killed: Terminal, task: str) -> None:
    run = ended(killed, task)
    assert run["phase"] == "succeeded"
    (divergence,) = run["divergences"]
    assert divergence["code"] == "REPLAY_DIVERGED"
    assert [each["short_name"] for each in divergence["orphans"]] == DIVERGING[task]
    recorded = {each["name"]: each["parent"] for each in killed.get("action", run["name"])}
    assert {recorded[each["name"]] for each in divergence["orphans"]} == {divergence["action"]}
    own = killed.get("action", run["name"], divergence["action"])
    assert own["divergences"] == [divergence]


def test_people_and_programs_see_it_too(killed: Terminal) -> None:
    ended(killed, "fewer")
    for words in (("run", "fewer"), ("action", "fewer", "a0")):
        shown = killed.flyte("get", *words).stdout
        assert "REPLAY_DIVERGED" in shown
        assert shown.count("astep (") == 3
    log = killed.flyte("get", "logs", "fewer", "a0").stdout
    assert "REPLAY_DIVERGED" in log
    killed.write(
        "look.py",
        "import flyte, flyte.remote\n"
        "flyte.init_from_config()\n"
        "for found in flyte.remote.Run.get('fewer').divergences:\n"
        "    print(found.action, [each.short_name for each in found.orphans])\n",
    )
    assert killed.python("look.py") == ["a0 ['astep', 'astep', 'astep']"]


def test_it_can_be_a_failure(killed: Terminal) -> None:
    run = ended(killed, "strict")
    assert (run["phase"], run["error"]["code"]) == ("failed", "REPLAY_DIVERGED")
    assert "astep (" in run["error"]["message"]
    assert len(run["divergences"][0]["orphans"]) == 3
    assert killed.get("action", "strict", "a0")["attempts"] == 2


def test_a_local_retry_is_compared_too(killed: Terminal) -> None:
    killed.write(
        "again.py",
        "import flyte\n"
        "env = flyte.TaskEnvironment(name='again')\n"
        "@env.task\n"
        "def step(n: int) -> int:\n"
        "    return n\n"
        "@env.task(retries=1)\n"
        "def root(same: bool) -> int:\n"
        "    attempt = flyte.ctx().attempt_number\n"
        "    step(0 if same else attempt)\n"
        "    if attempt == 0:\n"
        "        raise ValueError('once')\n"
        "    return 0\n",
    )
    same, other = (
        killed.run("--local", "again.py", "root", word).lines[0] for word in ("--same", "--no-same")
    )
    assert killed.get("run", same)["divergences"] == []
    (divergence,) = killed.get("run", other)["divergences"]
    assert (divergence["action"], divergence["attempt"]) == ("a0", 2)
    strict = killed.run("--local", "-e", "FLYTE_ON_DIVERGENCE=fail", "again.py", "root", "--no-same", code=1)
    assert "REPLAY_DIVERGED" in strict.stderr
