"""Each guard taken away in turn: the state machine must notice. The score is printed at the end."""

from collections.abc import Callable, Iterator

import pytest
from core_machine import EngineMachine
from core_mutants import MUTANTS, Mutant
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from flyte_core.engine import guards

SEARCH = settings(
    max_examples=1_500,
    stateful_step_count=50,
    phases=[Phase.generate],
    derandomize=True,
    database=None,
    deadline=None,
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(autouse=True)
def limits() -> Iterator[None]:
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
        run_state_machine_as_test(EngineMachine, settings=SEARCH)
    record_property("mutant", "caught")
