"""Runs as a whole: create, abort, the end of the root, and local runs whose process died."""

import pytest
from core_build import OUT, RUN, USER, key, new, phases, policy
from core_world import World

from flyte_core.engine import action as actions
from flyte_core.engine import run as runs
from flyte_core.engine.api import Outcome, Verdict
from flyte_core.machine.effects import Kill, Launch
from flyte_core.model import (
    ActionKind,
    ActionName,
    AlreadyExists,
    InvalidArgument,
    NotFound,
    Owner,
    PayloadRef,
    Phase,
    RunMode,
)


@pytest.fixture
def world() -> World:
    return World()


def test_a_run_is_created_with_its_root(world: World) -> None:
    change = world.create()
    (root,) = change.actions
    assert (root.key, root.phase, root.parent, root.seq, root.depth) == (key(), Phase.QUEUED, None, 0, 0)
    assert change.effects == (Launch(key()),)
    assert world.store.payload(key(), "inputs") == b"in"


def test_creating_the_same_again_returns_the_run_as_it_stands(world: World) -> None:
    world.running_root()
    again = world.create()
    assert again.actions[0].phase is Phase.RUNNING
    assert again.effects == ()
    assert len(world.tree()) == 1


def test_a_name_is_not_shared_by_different_content(world: World) -> None:
    world.create()
    with pytest.raises(AlreadyExists, match="A run called r1 exists"):
        world.create(content="other")


def test_a_root_has_its_name_and_is_a_task(world: World) -> None:
    with pytest.raises(InvalidArgument, match="is called a0, not other"):
        world.create(root=new("other"))
    with pytest.raises(InvalidArgument, match="is a task"):
        world.create(root=new("a0", kind=ActionKind.CONDITION))
    assert world.store.run(RUN) is None


def test_only_a_run_that_exists_can_be_recovered(world: World) -> None:
    with pytest.raises(NotFound, match="no run gone"):
        world.create(relation="recover", related_run="gone")


def test_aborting_a_run_ends_everything_in_it_at_once(world: World) -> None:
    token = world.running_root()
    child = world.child("c1")
    world.enqueue(new("c2"), new("ask", kind=ActionKind.CONDITION))
    change = world.do(runs.abort_run, RUN, "enough", "ann")
    assert phases(world.tree()) == dict.fromkeys(["a0", "c1", "c2", "ask"], "aborted")
    assert [(e.key.name, e.token) for e in change.effects if isinstance(e, Kill)] == [
        ("a0", token),
        ("c1", child),
    ]
    assert [(item.key.name, item.token) for item in world.store.outbox()] == [("a0", token), ("c1", child)]
    below = world.action("c2")
    assert (below.abort_reason, below.aborted_by) == ("a0 was aborted: enough", "ann")
    assert world.problems() == []


def test_aborting_a_finished_run_changes_nothing(world: World) -> None:
    world.succeed(key(), world.running_root())
    before = world.action()
    change = world.do(runs.abort_run, RUN, "enough", "ann")
    assert (change.actions, change.effects) == ((), ())
    assert world.action() == before


def test_aborting_a_run_that_does_not_exist(world: World) -> None:
    with pytest.raises(NotFound, match="There is no run r1 in proj/dev"):
        world.do(runs.abort_run, RUN, "", "")


def test_the_end_of_the_root_is_the_end_of_all(world: World) -> None:
    token = world.running_root()
    world.child("c1")
    world.child("c2", parent="c1")
    change = world.succeed(key(), token)
    assert change.actions[0].key == key()
    assert phases(change.actions) == {"a0": "succeeded", "c1": "aborted", "c2": "aborted"}
    assert world.action("c2").abort_reason == "a0 ended (succeeded) while this was still open."
    assert len(world.store.outbox()) == 2
    assert world.problems() == []


def test_kills_of_a_local_run_are_its_own_process_s_matter(world: World) -> None:
    token = world.running_root(mode=RunMode.LOCAL)
    world.child("c1")
    change = world.succeed(key(), token)
    assert [type(effect) for effect in change.effects] == [Kill]
    assert world.store.outbox() == []


class TestLostLocalRun:
    def lost(self, world: World, **more: object) -> None:
        self.token = world.running_root(mode=RunMode.LOCAL, owner=Owner(4711, 1, "boot"), **more)
        world.child("c1", rules=policy(system=3))
        world.child("c2", parent="c1")
        world.enqueue(new("c3"), new("ask", kind=ActionKind.CONDITION))
        world.now = 9
        self.change = world.do(runs.lose_local_run, RUN)

    def test_it_fails_and_says_who_is_gone_and_what_to_do(self, world: World) -> None:
        self.lost(world)
        error = world.action().error
        assert error is not None
        assert (error.code, error.kind.value) == ("ProcessLost", "system")
        assert "pid 4711" in error.message
        assert "r1" in error.message

    def test_what_ran_is_lost_and_what_waited_is_aborted(self, world: World) -> None:
        self.lost(world)
        assert phases(world.tree()) == {
            "a0": "failed",
            "c1": "failed",
            "c2": "failed",
            "c3": "aborted",
            "ask": "aborted",
        }
        assert {a.attempts[-1].state.value for a in world.tree() if a.attempts} == {"lost"}
        assert self.change.effects == ()
        assert self.change.actions[0].key == key()
        assert world.problems() == []

    def test_a_run_that_never_began(self, world: World) -> None:
        world.create(mode=RunMode.LOCAL)
        world.do(runs.lose_local_run, RUN)
        assert world.action().phase is Phase.FAILED

    def test_one_that_had_ended_is_left_as_it_is(self, world: World) -> None:
        world.succeed(key(), world.running_root(mode=RunMode.LOCAL))
        assert world.do(runs.lose_local_run, RUN).actions == ()
        assert world.action().phase is Phase.SUCCEEDED

    def test_one_that_does_not_exist(self, world: World) -> None:
        with pytest.raises(NotFound):
            world.do(runs.lose_local_run, RUN)

    def test_a_late_word_of_the_lost_process_is_discarded(self, world: World) -> None:
        self.lost(world)
        assert world.succeed(key(), self.token).verdict is Verdict.FENCED


class TestRecovery:
    OTHER = RUN._replace(name="r2")

    def broken_run(self, world: World) -> None:
        token = world.running_root()
        world.succeed(key("good"), world.child("good"), b"kept", "/good/1")
        world.fail(key("bad"), world.child("bad"), USER)
        world.enqueue(new("ask", kind=ActionKind.CONDITION), new("large"))
        world.do(actions.signal, key("ask"), b"yes", "ann")
        ref = PayloadRef(OUT.sha256, 1 << 20, "/blobs/large")
        world.do(actions.report, key("large"), Outcome(world.start(key("large")), outputs_ref=ref))
        world.fail(key(), token, USER)

    def recover(self, world: World, **more: object) -> None:
        self.broken_run(world)
        world.running_root("r2", relation="recover", related_run="r1", **more)
        children = [new(name, inputs=name.encode()) for name in ("good", "bad")]
        world.enqueue(*children, new("ask", kind=ActionKind.CONDITION), new("large"), run=self.OTHER)

    def test_what_had_succeeded_is_taken_over(self, world: World) -> None:
        self.recover(world)
        assert phases(world.tree(self.OTHER)) == {
            "a0": "running",
            "good": "recovered",
            "bad": "queued",
            "ask": "recovered",
            "large": "recovered",
        }
        good = world.action("good", self.OTHER)
        assert (good.recovered_from, good.output_uri) == ("r1/good", "/good/1")
        assert world.store.payload(good.key, "outputs") == b"kept"
        assert world.action("large", self.OTHER).outputs == world.action("large").outputs
        assert world.problems(self.OTHER) == []

    def test_the_root_runs_again_in_any_case(self, world: World) -> None:
        world.succeed(key(), world.running_root())
        world.create("r2", relation="recover", related_run="r1")
        assert world.action(run=self.OTHER).phase is Phase.QUEUED

    def test_actions_can_be_run_again_nevertheless(self, world: World) -> None:
        self.recover(world, force_rerun=(ActionName("good"),))
        assert world.action("good", self.OTHER).phase is Phase.QUEUED

    def test_a_plain_rerun_takes_nothing_over(self, world: World) -> None:
        self.broken_run(world)
        world.running_root("r2", relation="rerun", related_run="r1")
        world.enqueue(new("good", inputs=b"good"), run=self.OTHER)
        assert world.action("good", self.OTHER).phase is Phase.QUEUED

    def test_what_was_recovered_can_be_recovered_again(self, world: World) -> None:
        self.recover(world)
        third = RUN._replace(name="r3")
        world.running_root("r3", relation="recover", related_run="r2")
        world.enqueue(new("good", inputs=b"good"), run=third)
        assert world.store.payload(key("good", third), "outputs") == b"kept"
