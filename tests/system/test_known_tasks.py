"""`flyte run deployed-task`: tasks that the history knows, run without their file, or with it where it was local."""

import json

import pytest
from terminal import Terminal

SCRIPT = """
from dataclasses import dataclass
import os
import flyte

env = flyte.TaskEnvironment("known")

@dataclass
class Size:
    width: int
    height: int = 2

@env.task(entrypoint=True)
def area(size: Size, factor: float = 1.5, loud: bool = False) -> float:
    print("area", os.environ.get("OWN", "none"))
    return size.width * size.height * factor * (2 if loud else 1)
"""

modes = pytest.mark.parametrize("mode", [[], ["--local"]], ids=["server", "local"])


@modes
def test_a_task_is_run_again_by_its_name(user: Terminal, mode: list[str]) -> None:
    script = user.write("known.py", SCRIPT)
    first = user.run(*mode, "-e", "OWN=mine", "--label", "a=b", "known.py", "area", "--size", '{"width": 3}')
    if not mode:
        script.unlink()
    listed = user.run("-of", "json", "deployed-task").json()
    assert [(each["name"], each["runs"]) for each in listed] == [("known.area", 1)]

    help_text = user.run("deployed-task", "known.area", "--help").stdout
    assert "--loud / --no-loud" in help_text and "[default: 1.5]" in help_text

    again = user.run(
        "--name", "again", "deployed-task", "known.area", "--size", '{"width": 4, "height": 5}', "--loud"
    )
    assert again.lines[-1] == "Run 'a0' completed successfully."
    found = user.get("run", "again")
    assert found["outputs"] == {"o0": 60.0}
    assert found["inputs"] == {"size": {"width": 4, "height": 5}, "factor": 1.5, "loud": True}
    assert (found["labels"], found["related_run"]) == ({}, "")
    assert "area none" in user.flyte("get", "logs", "again").stdout
    version = user.get("task", "known.area")[0]["version"]
    user.run("deployed-task", f"known.area:{version}", "--size", '{"width": 1}')
    assert json.loads(user.flyte("get", "run", first.lines[0], "-of", "json").stdout)["labels"] == {"a": "b"}


def test_what_is_wrong_is_said(user: Terminal) -> None:
    user.write("known.py", SCRIPT)
    assert "No tasks yet" in user.run("deployed-task").stderr
    user.run("known.py", "area", "--size", '{"width": 3}')
    assert "no run of task known.aera" in user.run("deployed-task", "known.aera", code=1).stderr
    assert "version 1 of task known.area" in user.run("deployed-task", "known.area:1", code=1).stderr
    assert "Missing option '--size'" in user.run("deployed-task", "known.area", code=2).stderr
    refused = user.run("--local", "deployed-task", "known.area", "--size", '{"width": 3}', code=2)
    assert "was run by a server" in refused.stderr
    assert "None of the tasks" not in user.flyte("get", "task", "--entrypoint").stderr
