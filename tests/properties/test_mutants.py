"""Each guard taken away in turn: the state machine must notice. The score is printed at the end."""

from collections.abc import Callable, Iterator

import pytest
from core_machine import EngineMachine, walks
from core_mutants import MUTANTS, Mutant

from flyte_core.engine import guards


@pytest.fixture(autouse=True)
def limits() -> Iterator[None]:
    """The machine makes the limits small; others get them back as they were."""
    before = guards.MAX_ACTIONS, guards.MAX_DEPTH
    yield
    guards.MAX_ACTIONS, guards.MAX_DEPTH = before


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.says.replace(" ", "-"))
def test_it_is_noticed(
    mutant: Mutant, monkeypatch: pytest.MonkeyPatch, record_property: Callable[[str, object], None]
) -> None:
    mutant.install(monkeypatch.setattr)
    record_property("mutant", "survived")
    with pytest.raises(Exception):  # noqa: B017 - any complaint counts
        walks(EngineMachine, range(1_500), steps=80)
    record_property("mutant", "caught")
