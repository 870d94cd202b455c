"""Numbers of the wire and words of the model are the same things."""

import pytest

from flyte_core.model import ActionKind, CacheStatus, InvalidArgument, Phase
from flyte_core.wire import phases


@pytest.mark.parametrize("phase", list(Phase))
def test_every_phase_survives(phase: Phase) -> None:
    assert phases.phase_from(phases.phase_number(phase)) is phase


def test_phases_have_the_published_numbers() -> None:
    assert [phases.phase_number(phase) for phase in Phase] == [1, 2, 3, 4, 9, 5, 6, 7, 8, 10]


@pytest.mark.parametrize("number", [0, 11, -1])
def test_an_unknown_phase_is_refused(number: int) -> None:
    with pytest.raises(InvalidArgument, match="not the number of a phase"):
        phases.phase_from(number)


@pytest.mark.parametrize("kind", list(ActionKind))
def test_every_kind_survives(kind: ActionKind) -> None:
    assert phases.kind_from(phases.kind_number(kind)) is kind


@pytest.mark.parametrize("status", list(CacheStatus))
def test_every_cache_status_survives(status: CacheStatus) -> None:
    assert phases.cache_from(phases.cache_number(status)) is status
