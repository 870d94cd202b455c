"""Any events, in any order, at any time: an action is always sound, moves legally and ends once."""

import os
from itertools import pairwise

from core_build import FATAL, GONE, KEYED, OUT, USER, created, policy
from hypothesis import given, settings
from hypothesis import strategies as st

from flyte_core.machine import Verdict, check, decide, fold, next_due
from flyte_core.machine.due import due_event
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
from flyte_core.model import (
    LEGAL,
    Action,
    ActionKind,
    ActionName,
    Backoff,
    Divergence,
    Micros,
    Orphan,
    PayloadRef,
    Policy,
    Token,
)

SOAK = bool(os.environ.get("GODWIT_SOAK"))
SETTINGS = settings(max_examples=200_000 if SOAK else 200, derandomize=not SOAK, deadline=None)

POLICIES = st.builds(
    policy,
    st.integers(0, 3),
    backoff=st.none() | st.builds(Backoff, st.floats(0, 20), st.floats(1, 3), st.none() | st.floats(0, 30)),
    system=st.integers(0, 3),
    runtime=st.none() | st.floats(0.1, 20),
    queued=st.none() | st.floats(0.1, 20),
    deadline=st.none() | st.floats(0.1, 60),
    serialize=st.booleans(),
)
ERRORS = st.sampled_from([USER, FATAL, GONE])
HOPES = st.sampled_from([USER, USER, GONE])
OFFSETS = st.sampled_from([0, 0, 0, 0, -1, -2])
"""Which attempt speaks: the present one, or one before."""


def events(token: Token, fresh: Token, other: PayloadRef) -> list[st.SearchStrategy[Event]]:
    mine = st.just(token)
    return [
        st.just(Claimed(fresh, "w")),
        st.builds(Started, mine),
        st.builds(Succeeded, mine, st.just(OUT), reading_us=st.sampled_from((0, 1_500))),
        st.builds(Failed, mine, HOPES),
        st.builds(Failed, mine, ERRORS),
        st.builds(Lost, mine, ERRORS),
        st.builds(TimedOut, st.sampled_from(TimeoutKind), mine | st.none()),
        st.just(WaitingForResources("full")),
        st.builds(Refused, ERRORS),
        st.just(RetryDue()),
        st.just(CacheHit(OUT, "", "r0/a0")),
        st.just(Recovered(OUT, "", "r0/a0")),
        st.just(Diverged(Divergence(ActionName("a0"), 2, (Orphan(ActionName("c"), "step"),)))),
        st.builds(Signaled, st.sampled_from([OUT, other])),
        st.just(AbortRequested("enough")),
    ]


@SETTINGS
@given(
    POLICIES,
    st.sampled_from([ActionKind.TASK, ActionKind.TASK, ActionKind.CONDITION]),
    st.booleans(),
    st.data(),
)
def test_an_action_stays_sound(rules: Policy, kind: ActionKind, keyed: bool, data: st.DataObject) -> None:
    other = PayloadRef(OUT.sha256[::-1], 3)  # type: ignore[arg-type]
    now = 10_000_000
    born = created(rules=rules, kind=kind, **(KEYED if keyed else {}))
    action, told = decide(None, born, Micros(now)).action, [(born, now)]
    for step in range(data.draw(st.integers(1, 25))):
        now += data.draw(st.sampled_from([0, 1, 1_000_000, 5_000_000, 30_000_000, -1_000_000, -60_000_000]))
        tokens = [Token(100), *(attempt.token for attempt in action.attempts)]
        token = tokens[max(-len(tokens), data.draw(OFFSETS) - 1)]
        event = data.draw(st.one_of(events(token, Token(101 + step), other)))
        if isinstance(event, CacheHit) and not keyed:
            continue
        decision = decide(action, event, Micros(now))
        if decision.verdict is Verdict.ACCEPTED:
            told.append((event, now))
        else:
            assert decision.action == action
            assert decision.effects == ()
        look_over(action, decision.action)
        action = decision.action
    assert fold((event, Micros(at)) for event, at in told) == action


def look_over(before: Action, after: Action) -> None:
    assert check(after) == []
    assert after.phase is before.phase or after.phase in LEGAL[before.phase]
    assert not before.phase.terminal or after == before
    assert len(after.attempts) - len(before.attempts) in (0, 1)
    for old, new in pairwise([before, after]):
        assert new.attempts[: max(0, len(old.attempts) - 1)] == old.attempts[:-1], (
            "an attempt that ended changed"
        )


@SETTINGS
@given(
    POLICIES,
    st.lists(st.sampled_from(["claim", "start", "fail", "lose", "wait"]), max_size=12),
    st.integers(0, 40),
)
def test_time_does_what_it_said_it_would(rules: Policy, steps: list[str], late_s: int) -> None:
    """Nothing is due before `next_due`; at that instant something is, and it is accepted."""
    now = Micros(10_000_000)
    action = decide(None, created(rules=rules), now).action
    for number, step in enumerate(steps):
        live = action.live
        token = Token(100) if live is None else live.token
        event: Event
        match step:
            case "claim":
                event = Claimed(Token(101 + number))
            case "start":
                event = Started(token)
            case "fail":
                event = Failed(token, USER)
            case "lose":
                event = Lost(token, GONE)
            case _:
                event = WaitingForResources()
        action = decide(action, event, now).action
        now = Micros(now + 700_000)
    due = next_due(action)
    if due is None:
        assert due_event(action, Micros(now + 10**15)) is None
        return
    assert due_event(action, Micros(due - 1)) is None
    at = Micros(due + late_s * 1_000_000)
    event_due = due_event(action, at)
    assert event_due is not None
    assert decide(action, event_due, at).verdict is Verdict.ACCEPTED
