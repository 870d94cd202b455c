"""A parent that runs again: what it left out, and what a traced call may take over."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from core_build import GONE, OUT, RUN, USER, key, new, policy, spec
from core_world import World

from flyte_core.engine import replay
from flyte_core.engine.api import NewAction, TraceResult
from flyte_core.model import (
    ActionKind,
    ActionName,
    Divergence,
    Fenced,
    Micros,
    Orphan,
    PayloadRef,
    Phase,
    RunKey,
    Token,
)
from flyte_core.store.memory import MemoryStore
from flyte_core.store.sqlite import SqliteStore

OTHER = RUN._replace(name="r2")


@pytest.fixture(params=["memory", "sqlite"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    store = MemoryStore() if request.param == "memory" else SqliteStore.open(tmp_path / "history.db")
    yield World(store)
    store.close()


def left_out(world: World, asked: set[str], what: str = "a0", run: RunKey = RUN) -> list[str]:
    found = replay.compare(world.store, key(what, run), {ActionName(name) for name in asked})
    return [] if found is None else [orphan.name for orphan in found.orphans]


def again(world: World, what: str = "a0") -> Token:
    """The present attempt is lost, and the next one runs."""
    live = world.action(what).live
    assert live is not None
    world.fail(key(what), live.token, GONE, lost=True)
    world.now += 60
    world.fire(key(what))
    return world.start(key(what))


def trace(name: str, **more: object) -> NewAction:
    result = TraceResult(Micros(1_500_000), Micros(1_600_000), outputs=b"seen", **more)  # type: ignore[arg-type]
    return NewAction(ActionName(name), ActionKind.TRACE, spec("traced"), inputs=b"in", trace=result)


def test_only_what_was_not_asked_again_is_left_out(world: World) -> None:
    world.running_root()
    world.enqueue(new("one"), new("two"), trace("three"))
    assert left_out(world, set()) == []
    again(world)
    assert left_out(world, {"one", "two", "three"}) == []
    assert left_out(world, {"two", "new"}) == ["one", "three"]


def test_what_was_aborted_is_not_missed(world: World) -> None:
    from flyte_core.engine import action as actions

    world.running_root()
    world.enqueue(new("one"), new("two"))
    world.do(actions.abort_action, key("one"), "The caller was cancelled.", "")
    again(world)
    assert left_out(world, set()) == ["two"]


def test_it_is_kept_with_the_action_and_the_root(world: World) -> None:
    world.running_root()
    world.child("middle", rules=policy(system=3))
    world.enqueue(new("leaf"), parent="middle")
    token = again(world, "middle")
    found = replay.compare(world.store, key("middle"), ())
    assert found == Divergence(ActionName("middle"), 2, (Orphan(ActionName("leaf"), "work"),))
    world.do(replay.tell, key("middle"), token, found)
    world.do(replay.tell, key("middle"), token, found)
    assert world.action("middle").divergences == (found,)
    assert world.action().divergences == (found,)
    assert "work (leaf)" in str(found)
    assert world.problems() == []
    with pytest.raises(Fenced):
        world.do(replay.tell, key("middle"), Token(token - 1), found)


def test_many_are_counted(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay, "NAMED", 2)
    world.running_root()
    world.enqueue(*(new(f"c{n}") for n in range(5)))
    again(world)
    found = replay.compare(world.store, key(), ())
    assert found is not None
    assert ([each.name for each in found.orphans], found.more) == (["c0", "c1"], 3)
    assert str(found).endswith("work (c0), work (c1), 3 more.")


def test_a_recovering_run_is_compared_with_its_source(world: World) -> None:
    token = world.running_root()
    world.enqueue(new("one"), new("two"))
    world.fail(key(), token, USER)
    world.running_root("r2", relation="recover", related_run="r1")
    assert left_out(world, {"one"}, run=OTHER) == []  # "two" was aborted with its run, and has no outcome
    token = world.running_root("r3")
    world.enqueue(new("one"), run=RUN._replace(name="r3"))
    world.succeed(key("one", RUN._replace(name="r3")), world.start(key("one", RUN._replace(name="r3"))))
    world.running_root("r4", relation="recover", related_run="r3")
    assert left_out(world, set(), run=RUN._replace(name="r4")) == ["one"]
    world.running_root("r5", relation="rerun", related_run="r3")
    assert left_out(world, set(), run=RUN._replace(name="r5")) == []


def recall(world: World, name: str, **more: object) -> Phase | None:
    change = world.do(_recall, name, **more)
    return change.actions[0].phase if change.actions else None


def _recall(tx, name, *, now, intact=None):  # type: ignore[no-untyped-def]
    return replay.recall(tx, OTHER, ActionName("a0"), None, ActionName(name), now, intact)


def test_a_traced_call_is_taken_over(world: World) -> None:
    token = world.running_root()
    ref = PayloadRef(OUT.sha256, 1 << 20, "/large")
    large = TraceResult(Micros(1), Micros(2), outputs_ref=ref)
    world.enqueue(
        trace("seen"),
        trace("failed", error=USER),
        NewAction(ActionName("large"), ActionKind.TRACE, spec("traced"), inputs=b"in", trace=large),
        new("task"),
    )
    world.fail(key(), token, USER)
    world.running_root("r2", relation="recover", related_run="r1", force_rerun=(ActionName("forced"),))
    assert recall(world, "seen") is Phase.RECOVERED
    found = world.action("seen", OTHER)
    assert (found.recovered_from, found.kind, found.seq) == ("r1/seen", ActionKind.TRACE, 0)
    assert world.store.payload(found.key, "outputs") == b"seen"
    assert world.store.payload(found.key, "inputs") == b"in"
    assert recall(world, "seen") is None, "it is there already"
    assert [recall(world, name) for name in ("failed", "task", "nobody", "forced")] == [None] * 4
    assert recall(world, "large", intact=lambda *_: False) is None
    assert recall(world, "large", intact=lambda *_: True) is Phase.RECOVERED
    assert world.action("large", OTHER).outputs == ref
    assert world.problems(OTHER) == []
