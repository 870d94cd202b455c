"""What is interrupted and goes on has the edges of what was not; answers of people are producers, too."""

import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from terminal import Terminal, terminal, until

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminal]:
    with terminal(tmp_path_factory.mktemp("user")) as opened:
        shutil.copy(HERE / "interrupted_flows.py", opened.cwd)
        yield opened


def edges_of(user: Terminal, run: str) -> Counter[str]:
    """Each edge as text, actions told by their name and place among their siblings."""
    graph: Any = user.get("graph", run)
    labels = {each["action"]: f"{each['name']}{each['seq']}" for each in graph["nodes"]}
    return Counter(
        f"{labels[each['source']]}{{{each['source_path']}}} {each['confidence']} "
        f"{labels[each['target']]}.{each['target_param']}"
        for each in graph["edges"]
        if each["relation"] != "order"
    )


@pytest.mark.parametrize("task", ["killed", "failing"])
def test_an_attempt_that_goes_on_has_the_same_edges_and_none_twice(user: Terminal, task: str) -> None:
    plain = user.run("interrupted_flows.py", task, "--x", "5").lines[0]
    marker = user.cwd / f"{task}.marker"
    again = user.run("interrupted_flows.py", task, "--x", "5", "--marker", str(marker)).lines[0]
    assert user.get("action", again, "a0")["attempts"] == 2
    assert edges_of(user, again) == edges_of(user, plain)
    assert set(edges_of(user, again).values()) == {1}


def test_answers_of_people_are_producers(user: Terminal) -> None:
    run = user.run("--detach", "interrupted_flows.py", "asking", "--x", "5").lines[0]
    for name in ("how many", "how many more"):
        until(lambda name=name: user.flyte("signal", "condition", run, name, "7", code=None).code == 0)
    user.wait_for_run(run)
    assert edges_of(user, run) == Counter(
        [
            "how many0{} exact one3.x",
            "how many more1{} exact one2.x",
            f"one3{{}} exact {edges_root(user, run)}.o0",
        ]
    )


def edges_root(user: Terminal, run: str) -> str:
    (root,) = [each for each in user.get("graph", run)["nodes"] if each["action"] == "a0"]
    return f"{root['name']}{root['seq']}"
