"""The cache: who may use whose outcome, and who may compute one."""

from dataclasses import replace

import pytest
from core_build import OUT, RUN, USER, at, key, new, new_run, policy
from core_world import World

from flyte_core.engine import action as actions
from flyte_core.engine import run as runs
from flyte_core.engine.api import Change, NewAction, Outcome
from flyte_core.model import ROOT, Action, ActionKind, CacheStatus, Digest, PayloadRef, Phase, Token
from flyte_core.store.ports import CacheEntry

SCOPE = "proj/dev"
OTHER = RUN._replace(name="r2")
ONE_AT_A_TIME = policy(serialize=True)


@pytest.fixture
def world() -> World:
    world = World()
    world.running_root()
    return world


def cached(name: str = "c1", **more: object) -> NewAction:
    return new(name, cache_key="k", **more)


def compute(world: World, name: str = "c1", outputs: bytes = b"out", **more: object) -> Action:
    """Run a child with the cache key `k` in the first run."""
    world.enqueue(cached(name, **more))
    world.succeed(key(name), world.start(key(name)), outputs, f"/{name}/1")
    return world.action(name)


def ask(world: World, name: str = "c9", **more: object) -> Action:
    return world.enqueue(cached(name), **more).actions[0]


def test_an_outcome_serves_others_in_the_same_scope(world: World) -> None:
    assert compute(world).cache_status is CacheStatus.POPULATED
    world.running_root("r2")
    hit = ask(world, run=OTHER)
    assert (hit.phase, hit.cache_status, hit.recovered_from) == (Phase.SUCCEEDED, CacheStatus.HIT, "r1/c1")
    assert (hit.output_uri, world.store.payload(hit.key, "outputs")) == ("/c1/1", b"out")
    assert world.problems(OTHER) == []


def test_a_root_may_be_answered_by_the_cache(world: World) -> None:
    compute(world)
    world.create("r2", root=new(ROOT, cache_key="k"))
    root = world.action(run=OTHER)
    assert (root.phase, root.cache_status) == (Phase.SUCCEEDED, CacheStatus.HIT)


def test_another_project_does_not_see_it_unless_the_scope_says_so(world: World) -> None:
    compute(world)
    elsewhere = RUN._replace(project="other")
    there = new_run()
    world.do(runs.create_run, replace(there, record=replace(there.record, key=elsewhere)))
    assert ask(world, run=elsewhere).phase is Phase.QUEUED
    compute(world, "c2", cache_scope="everyone")
    child = new("c8", cache_key="k", cache_scope="everyone")
    assert world.enqueue(child, run=elsewhere).actions[0].phase is Phase.SUCCEEDED


def test_failures_are_not_kept(world: World) -> None:
    world.enqueue(cached())
    world.fail(key("c1"), world.start(key("c1")), USER)
    assert ask(world).phase is Phase.QUEUED


def test_overwriting_asks_nothing_and_leaves_the_new_outcome(world: World) -> None:
    compute(world, outputs=b"old")
    world.running_root("r2", overwrite_cache=True)
    child = ask(world, "c1", run=OTHER)
    assert (child.phase, child.cache_status) == (Phase.QUEUED, CacheStatus.SKIPPED)
    world.succeed(child.key, world.start(child.key), b"new")
    assert world.action("c1", OTHER).cache_status is CacheStatus.POPULATED
    hit = ask(world)
    assert world.store.payload(hit.key, "outputs") == b"new"


def test_without_a_key_there_is_no_cache(world: World) -> None:
    world.enqueue(new("c1"))
    assert world.action("c1").cache_status is CacheStatus.DISABLED


def test_old_outcomes_can_be_left_alone(world: World) -> None:
    compute(world)
    world.now = 60
    young = new("c2", cache_key="k", rules=policy(max_age=30))
    old = new("c3", cache_key="k", rules=policy(max_age=300))
    assert [a.phase for a in world.enqueue(young, old).actions] == [Phase.QUEUED, Phase.SUCCEEDED]


def test_a_damaged_outcome_is_a_miss(world: World) -> None:
    entry = CacheEntry(OUT, b"0ut", "", "r0/a0", at(1))
    world.store.transact(lambda tx: tx.put_cache_entry(SCOPE, "k", entry))
    assert ask(world).phase is Phase.QUEUED
    assert world.store.transact(lambda tx: tx.cache_entry(SCOPE, "k")) is None


class TestLargeOutcome:
    LARGE = PayloadRef(Digest("ab" * 32), 1 << 30, "/blobs/x")

    def computed(self, world: World) -> None:
        world.enqueue(cached())
        world.do(actions.report, key("c1"), Outcome(world.start(key("c1")), outputs_ref=self.LARGE))

    def test_it_is_shared_by_reference(self, world: World) -> None:
        self.computed(world)
        hit = ask(world)
        assert (hit.phase, hit.outputs) == (Phase.SUCCEEDED, self.LARGE)
        assert world.store.payload(hit.key, "outputs") is None

    def test_one_that_is_gone_is_a_miss(self, world: World) -> None:
        self.computed(world)
        asked = []

        def gone(ref: PayloadRef, data: bytes | None) -> bool:
            assert data is None
            asked.append(ref)
            return False

        assert ask(world, intact=gone).phase is Phase.QUEUED
        assert asked == [self.LARGE]
        assert ask(world, "c8").phase is Phase.QUEUED


def test_one_that_refers_to_what_is_gone_is_a_miss(world: World) -> None:
    world.enqueue(cached())
    world.succeed(key("c1"), world.start(key("c1")))
    asked = []

    def gone(ref: PayloadRef, data: bytes | None) -> bool:
        asked.append(data)
        return False

    assert ask(world, intact=gone).phase is Phase.QUEUED
    assert asked == [b"out"]
    assert world.store.transact(lambda tx: tx.cache_entry(SCOPE, "k")) is None


class TestOneAtATime:
    def claim(self, world: World, name: str) -> Change:
        return world.do(actions.claim, key(name), "w")

    def two(self, world: World) -> Token:
        world.enqueue(cached("c1", rules=ONE_AT_A_TIME), cached("c2", rules=ONE_AT_A_TIME))
        return world.start(key("c1"))

    def test_the_second_waits_and_then_takes_the_value(self, world: World) -> None:
        token = self.two(world)
        assert self.claim(world, "c2") == Change()
        world.succeed(key("c1"), token)
        taken = self.claim(world, "c2").actions[0]
        assert (taken.phase, taken.cache_status) == (Phase.SUCCEEDED, CacheStatus.HIT)
        assert world.problems() == []

    def test_the_second_computes_when_the_first_fails(self, world: World) -> None:
        world.fail(key("c1"), self.two(world), USER)
        assert self.claim(world, "c2").actions[0].phase is Phase.INITIALIZING

    def test_the_second_computes_when_the_first_is_aborted(self, world: World) -> None:
        self.two(world)
        world.do(actions.abort_action, key("c1"), "", "")
        assert self.claim(world, "c2").actions[0].phase is Phase.INITIALIZING

    def test_a_retry_keeps_its_place(self, world: World) -> None:
        token = self.two(world)
        world.do(actions.report, key("c1"), Outcome(token, lost=True))
        assert self.claim(world, "c2") == Change()
        assert self.claim(world, "c1").actions[0].phase is Phase.INITIALIZING

    def test_a_holder_whose_run_is_gone_gives_way(self, world: World) -> None:
        world.running_root("r2")
        world.enqueue(cached("c1", rules=ONE_AT_A_TIME), run=OTHER)
        world.start(key("c1", OTHER))
        world.enqueue(cached("c2", rules=ONE_AT_A_TIME))
        assert self.claim(world, "c2") == Change()
        world.store.transact(lambda tx: tx.delete_run(OTHER))
        assert self.claim(world, "c2").actions[0].phase is Phase.INITIALIZING

    def test_a_driver_that_begins_at_once_waits_too(self, world: World) -> None:
        self.two(world)
        third = cached("c3", rules=ONE_AT_A_TIME)
        assert world.do(actions.begin, RUN, ROOT, None, third, "w").actions[0].phase is Phase.QUEUED

    def test_keys_that_are_not_serialized_do_not_wait(self, world: World) -> None:
        world.enqueue(cached("c1"), cached("c2"))
        world.start(key("c1"))
        assert self.claim(world, "c2").actions[0].phase is Phase.INITIALIZING


def test_conditions_are_never_answered_by_the_cache(world: World) -> None:
    compute(world)
    assert world.enqueue(cached("ask", kind=ActionKind.CONDITION)).actions[0].phase is Phase.PAUSED
