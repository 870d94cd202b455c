"""Every event in every phase: which moves are legal, and that all others change nothing."""

import pytest
from core_build import FATAL, GONE, KEYED, OUT, USER, at, policy, standing

from flyte_core.machine import Verdict, check, decide
from flyte_core.machine.decide import ACCEPTS
from flyte_core.machine.events import (
    AbortRequested,
    CacheHit,
    Claimed,
    Diverged,
    Event,
    Failed,
    Lost,
    Recovered,
    Refused,
    RetryDue,
    Signaled,
    Started,
    Succeeded,
    TimedOut,
    TimeoutKind,
    WaitingForResources,
)
from flyte_core.model import LEGAL, ActionName, Divergence, Orphan, Phase, Token

NOW = 10
LIMITS = policy(runtime=2, queued=2, deadline=5)
MINE, STALE = Token(7), Token(6)

EVENTS: dict[str, Event] = {
    "waiting": WaitingForResources("full"),
    "claimed": Claimed(Token(8), "w"),
    "started": Started(MINE, "w"),
    "started, stale": Started(STALE, "w"),
    "succeeded": Succeeded(MINE, OUT),
    "succeeded, stale": Succeeded(STALE, OUT),
    "failed": Failed(MINE, USER),
    "failed for good": Failed(MINE, FATAL),
    "failed, stale": Failed(STALE, USER),
    "lost": Lost(MINE, GONE),
    "lost, stale": Lost(STALE, GONE),
    "refused": Refused(FATAL),
    "queued too long": TimedOut(TimeoutKind.QUEUED),
    "ran too long": TimedOut(TimeoutKind.RUNTIME),
    "ran too long, by its supervisor": TimedOut(TimeoutKind.RUNTIME, MINE),
    "ran too long, stale": TimedOut(TimeoutKind.RUNTIME, STALE),
    "deadline": TimedOut(TimeoutKind.DEADLINE),
    "abort": AbortRequested("enough"),
    "retry due": RetryDue(),
    "cache hit": CacheHit(OUT, "", "r0/a0"),
    "recovered": Recovered(OUT, "", "r0/a0"),
    "diverged": Diverged(Divergence(ActionName("a0"), 2, (Orphan(ActionName("c"), "step"),))),
    "signaled": Signaled(OUT),
}

ALWAYS = {"abort": Phase.ABORTED, "deadline": Phase.TIMED_OUT}
REPORTS = {
    "succeeded": Phase.SUCCEEDED,
    "failed": Phase.FAILED,
    "failed for good": Phase.FAILED,
    "lost": Phase.QUEUED,
    "ran too long, by its supervisor": Phase.TIMED_OUT,
}
IN_QUEUE = {
    "claimed": Phase.INITIALIZING,
    "refused": Phase.FAILED,
    "queued too long": Phase.TIMED_OUT,
    "cache hit": Phase.SUCCEEDED,
}
MOVES: dict[Phase, dict[str, Phase]] = {
    Phase.QUEUED: ALWAYS | IN_QUEUE | {"waiting": Phase.WAITING_FOR_RESOURCES, "recovered": Phase.RECOVERED},
    Phase.WAITING_FOR_RESOURCES: ALWAYS | IN_QUEUE,
    Phase.INITIALIZING: ALWAYS | REPORTS | {"started": Phase.RUNNING, "refused": Phase.FAILED},
    Phase.RUNNING: ALWAYS | REPORTS | {"ran too long": Phase.TIMED_OUT},
    Phase.PAUSED: ALWAYS | {"signaled": Phase.SUCCEEDED, "recovered": Phase.RECOVERED},
}
"""Every legal move, with where it leads (no retries are left). An event not named here changes nothing."""

REPEATS = {
    (Phase.RUNNING, "started"),
    *((Phase.SUCCEEDED, event) for event in (*REPORTS, "started", "signaled")),
    *((Phase.FAILED, event) for event in (*REPORTS, "started")),
    (Phase.RECOVERED, "signaled"),
    (Phase.TIMED_OUT, "ran too long, by its supervisor"),
}
"""Where the same was told before: the sender is told so, rather than that it was too late."""


@pytest.mark.parametrize("phase", Phase)
@pytest.mark.parametrize("name", EVENTS)
def test_event_in_phase(phase: Phase, name: str) -> None:
    before = standing(phase, LIMITS, **KEYED)
    decision = decide(before, EVENTS[name], at(NOW))
    expected = MOVES.get(phase, {}).get(name)
    if name == "diverged" and not phase.terminal:
        # Kept beside the phase, which it does not change.
        assert decision.action == before.evolve(divergences=(EVENTS[name].divergence,))
        assert decide(decision.action, EVENTS[name], at(NOW)).verdict is Verdict.DUPLICATE
    elif expected is None:
        assert decision.action == before
        assert decision.effects == ()
        repeated = (phase, name) in REPEATS
        assert decision.verdict is (Verdict.DUPLICATE if repeated else Verdict.FENCED)
    else:
        assert decision.verdict is Verdict.ACCEPTED
        assert decision.action.phase is expected
        assert expected in LEGAL[phase]
        assert check(decision.action) == []


def test_the_table_speaks_of_every_event() -> None:
    named = {type(event) for event in EVENTS.values()}
    assert named | {event for event, phases in ACCEPTS.items() if not phases} == set(ACCEPTS)


def test_final_phases_lead_nowhere() -> None:
    assert all(bool(LEGAL[phase]) != phase.terminal for phase in Phase)
    assert not any(phases & {p for p in Phase if p.terminal} for phases in ACCEPTS.values())
