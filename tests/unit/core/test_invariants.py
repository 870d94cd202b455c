"""The invariants see what is wrong: each broken action is named with the rule it breaks."""

from dataclasses import replace
from typing import Any

import pytest
from core_build import KEYED, OUT, USER, at, key, policy, standing

from flyte_core.machine import check, check_tree
from flyte_core.model import (
    Action,
    ActionKind,
    ActionName,
    Attempt,
    AttemptState,
    CacheStatus,
    Phase,
    Token,
)


@pytest.mark.parametrize("phase", Phase)
def test_what_events_make_is_sound(phase: Phase) -> None:
    assert check(standing(phase)) == []


def attempt(action: Action, **changes: Any) -> Action:
    """The action with its last attempt changed."""
    return action.evolve(attempts=(*action.attempts[:-1], replace(action.attempts[-1], **changes)))


RUNNING, DONE, FAILED = standing(Phase.RUNNING), standing(Phase.SUCCEEDED), standing(Phase.FAILED)
SECOND = Attempt(2, Token(9), AttemptState.LIVE, ((Phase.QUEUED, at(4)), (Phase.INITIALIZING, at(5))))


@pytest.mark.parametrize(
    ("broken", "rule"),
    [
        (DONE.evolve(ended_at=None), "I2"),
        (RUNNING.evolve(ended_at=at(9)), "I2"),
        (DONE.evolve(error=USER), "I2"),
        (FAILED.evolve(error=None), "I2"),
        (attempt(FAILED, state=AttemptState.OK), "I2"),
        (attempt(DONE, state=AttemptState.FAILED), "I2"),
        (RUNNING.evolve(attempts=()), "I3"),
        (RUNNING.evolve(attempts=(*RUNNING.attempts, SECOND)), "I3"),
        (RUNNING.evolve(phase=Phase.INITIALIZING), "I3"),
        (attempt(DONE, ended_at=None), "I3"),
        (DONE.evolve(attempts=(*DONE.attempts, SECOND)), "I1"),
        (attempt(RUNNING, number=2), "I4"),
        (standing(Phase.PAUSED).evolve(attempts=DONE.attempts), "I4"),
        (
            FAILED.evolve(
                attempts=(*FAILED.attempts, replace(FAILED.attempts[0], number=2)), user_failures=2
            ),
            "I4",
        ),
        (attempt(RUNNING, transitions=((Phase.RUNNING, at(3)),)), "I6"),
        (attempt(RUNNING, transitions=((Phase.QUEUED, at(3)), (Phase.PAUSED, at(4)))), "I6"),
        (RUNNING.evolve(phase=Phase.PAUSED), "I6"),
        (RUNNING.evolve(kind=ActionKind.TRACE), "I6"),
        (DONE.evolve(outputs=None), "I9"),
        (FAILED.evolve(outputs=OUT), "I9"),
        (DONE.evolve(cache_status=CacheStatus.POPULATED), "I10"),
        (standing(Phase.FAILED, **KEYED).evolve(cache_status=CacheStatus.POPULATED), "I10"),
        (DONE.evolve(cache_key="k", cache_status=CacheStatus.HIT), "I10"),
        (standing(Phase.RECOVERED).evolve(recovered_from=""), "I10"),
        (FAILED.evolve(user_failures=2), "I11"),
        (FAILED.evolve(user_failures=-1), "I11"),
        (RUNNING.evolve(system_losses=1), "I11"),
        (RUNNING.evolve(not_before=at(9)), "I12"),
        (RUNNING.evolve(waiting_since=at(2)), "I12"),
        (standing(Phase.WAITING_FOR_RESOURCES).evolve(waiting_since=None), "I12"),
        (standing(Phase.ABORTED).evolve(abort_reason=None), "I13"),
        (RUNNING.evolve(abort_reason="enough"), "I13"),
        (DONE.evolve(ended_at=at(0)), "I17"),
        (RUNNING.evolve(queued_at=at(0)), "I17"),
        (attempt(RUNNING, transitions=((Phase.QUEUED, at(9)), (Phase.RUNNING, at(3)))), "I17"),
    ],
)
def test_a_broken_action_is_named(broken: Action, rule: str) -> None:
    problems = check(broken)
    assert any(problem.startswith(f"a0: {rule}: ") for problem in problems), problems


def child(name: str, parent: str = "a0", seq: int = 0, **changes: Any) -> Action:
    action = standing(Phase.QUEUED).evolve(key=key(name), parent=ActionName(parent), seq=seq, depth=1)
    return action.evolve(**changes)


@pytest.mark.parametrize(
    ("tree", "rule"),
    [
        ([child("c1")], "there is no root"),
        ([RUNNING, child("c1"), child("c1")], "recorded twice"),
        ([RUNNING, child("c1"), child("c2")], "children are numbered [0, 0]"),
        ([RUNNING, child("c1", seq=1)], "children are numbered [1]"),
        ([RUNNING, child("c1", parent="gone")], "its parent gone is not recorded"),
        ([RUNNING, child("c1", depth=3)], "depth 3 below 0"),
        ([RUNNING, child("c1").evolve(parent=None)], "only a0 has no parent"),
        ([DONE, child("c1")], "queued below a0, which is succeeded"),
        ([standing(Phase.PAUSED), child("c1")], "a condition has no children"),
        ([RUNNING, RUNNING.evolve(key=key("c1"), parent="a0", depth=1)], "token 7 belongs to a0"),
    ],
)
def test_a_broken_tree_is_named(tree: list[Action], rule: str) -> None:
    assert any(rule in problem for problem in check_tree(tree)), check_tree(tree)


def test_a_sound_tree() -> None:
    done = standing(Phase.SUCCEEDED, policy()).evolve(key=key("c2"), parent="a0", seq=1, depth=1)
    other = attempt(done, token=Token(8))
    assert check_tree([RUNNING, child("c1"), other]) == []
    assert check_tree([]) == []
