"""A short chaos run: one real `kill -9` of every kind under load, judged like the long lane."""

from pathlib import Path

from tests.chaos.monkey import Monkey


def test_no_kill_loses_or_repeats_an_outcome(tmp_path: Path) -> None:
    order = ("worker", "warm", "parent", "server", "shim", "zygote", "all")
    found = Monkey(tmp_path / "home", seed=1).go_through(order)
    assert found.wrong == []
    assert sum(found.kills.values()) == len(order)
    assert found.succeeded + found.budget_spent == found.runs >= 3
