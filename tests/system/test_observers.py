"""Observers see the bodies of tasks and traced calls, in both modes alike, and can break nothing."""

from collections.abc import Iterator
from types import ModuleType

import pytest
from place import Place, load

from flyte import _observers
from flyte.remote import Action


@pytest.fixture(scope="module")
def observed() -> Iterator[ModuleType]:
    """The script, which registers its observers; they must not outlive this module's tests."""
    yield load("observed_tasks")
    _observers._known.clear()


def lines(action: Action, attempt: int) -> list[str]:
    return [line for line in action.get_logs(attempt, filter_system=True) if line[:1] in "<>-"]


def test_bodies_and_steps_are_observed(both: Place, observed: ModuleType) -> None:
    run = both.run(observed.watched)
    assert run.outputs()[0] == 5
    root = Action.get(run.name, "a0")
    assert lines(root, 1) == [
        "> observed.watched 1",
        "- step of observed.watched run",
        "- steps of observed.watched run",
        "< observed.watched ValueError",
    ]
    assert lines(root, 2) == [
        "> observed.watched 2",
        "- step of observed.watched replayed",
        "- steps of observed.watched replayed",
        "< observed.watched NoneType",
    ]
    assert any("Broken" in line for line in root.get_logs(2))
    later = both.run(observed.watched_later)
    assert lines(Action.get(later.name, "a0"), 1) == [
        "> observed.watched_later 1",
        "- step_later of observed.watched_later run",
        "< observed.watched_later NoneType",
    ]
