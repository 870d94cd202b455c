"""Single actions: enqueue, claim, report, abort, answer, time out."""

from dataclasses import replace

import pytest
from core_build import FATAL, GONE, OUT, RUN, USER, at, key, new, phases, policy, spec
from core_world import World

from flyte_core.engine import action as actions
from flyte_core.engine import guards
from flyte_core.engine.api import Change, NewAction, Outcome, TraceResult, Verdict
from flyte_core.engine.whole import whole
from flyte_core.machine.effects import Kill, Launch
from flyte_core.model import (
    ROOT,
    ActionKind,
    ActionName,
    AttemptState,
    Backoff,
    FailedPrecondition,
    Fenced,
    InvalidArgument,
    Micros,
    NotFound,
    PayloadRef,
    Phase,
    ResourceExhausted,
    RunClosed,
    RunMode,
    Token,
)
from flyte_core.store.ports import Tx

LARGE = PayloadRef(OUT.sha256, 1 << 20, "/blobs/large")


@pytest.fixture
def world() -> World:
    return World()


class TestEnqueue:
    def test_children_are_numbered_in_call_order(self, world: World) -> None:
        token = world.running_root()
        world.enqueue(new("c1"), new("c2"), token=token)
        world.enqueue(new("c3"), token=token)
        world.start(key("c1"))
        world.enqueue(new("d1"), parent="c1")
        tree = {a.key.name: (a.parent, a.seq, a.depth) for a in world.tree()}
        assert tree == {
            "a0": (None, 0, 0),
            "c1": ("a0", 0, 1),
            "c2": ("a0", 1, 1),
            "c3": ("a0", 2, 1),
            "d1": ("c1", 0, 2),
        }

    def test_asking_again_returns_what_stands_and_adds_nothing(self, world: World) -> None:
        world.running_root()
        world.succeed(key("c1"), world.child("c1"))
        change = world.enqueue(new("c1", inputs=b"c1"), new("c2"))
        assert phases(change.actions) == {"c1": "succeeded", "c2": "queued"}
        assert change.effects == (Launch(key("c2")),)
        assert world.action("c2").seq == 1

    def test_the_same_name_twice_in_one_batch_is_one_action(self, world: World) -> None:
        world.running_root()
        world.enqueue(new("c1"), new("c1"), new("c2"))
        assert [(a.key.name, a.seq) for a in world.tree()[1:]] == [("c1", 0), ("c2", 1)]

    @pytest.mark.parametrize(
        "other",
        [
            new("c1", inputs=b"other"),
            new("c1", task="env.other"),
            new("c1", kind=ActionKind.CONDITION),
            NewAction(ActionName("c1"), ActionKind.TASK, spec()),
        ],
    )
    def test_a_name_that_means_something_else_is_refused_loudly(self, world: World, other: NewAction) -> None:
        world.running_root()
        world.enqueue(new("c1"))
        with pytest.raises(FailedPrecondition, match="ID_COLLISION: action c1"):
            world.enqueue(other)

    def test_what_the_name_leaves_out_may_differ(self, world: World) -> None:
        world.running_root()
        world.enqueue(new("c1"), new("c2"))
        loose = new("c1", inputs=b"another handle of the same data", loose_inputs=True)
        ignoring = new("c2", inputs=b"another clock", rules=policy(ignored=("clock",)))
        resized = new("c1", rules=policy(retries=7))
        assert len(world.enqueue(loose, ignoring, resized).actions) == 3
        assert world.store.payload(key("c1"), "inputs") == b"in"

    def test_a_run_that_has_ended_takes_no_more(self, world: World) -> None:
        token = world.running_root()
        world.child("c1")
        world.succeed(key(), token)
        with pytest.raises(RunClosed, match=r"Run r1 has ended \(succeeded\)"):
            world.enqueue(new("c2"))
        with pytest.raises(RunClosed, match="Action c1 of run r1 has ended"):
            world.enqueue(new("d1"), parent="c1")

    def test_a_stale_attempt_of_the_parent_cannot_spawn(self, world: World) -> None:
        first = world.running_root(rules=policy(retries=1))
        world.fail(key(), first, USER)
        with pytest.raises(Fenced):
            world.enqueue(new("c1"), token=first)
        second = world.start(key())
        with pytest.raises(Fenced):
            world.enqueue(new("c1"), token=first)
        assert world.enqueue(new("c1"), token=second).actions[0].phase is Phase.QUEUED
        assert world.enqueue(new("c2"), token=None).actions[0].phase is Phase.QUEUED

    def test_no_run_no_parent(self, world: World) -> None:
        with pytest.raises(NotFound, match="no run r1"):
            world.enqueue(new("c1"))
        world.create()
        with pytest.raises(NotFound, match="no action c9"):
            world.enqueue(new("c1"), parent="c9")

    def test_a_run_holds_so_many_actions_and_no_more(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(guards, "MAX_ACTIONS", 3)
        world.running_root()
        world.child("c1")
        world.enqueue(new("c2"))
        with pytest.raises(ResourceExhausted, match="limit of 3 actions"):
            world.enqueue(new("c3"))
        assert len(world.tree()) == 3
        assert world.enqueue(new("c2")).actions[0].phase is Phase.QUEUED
        assert world.do(actions.begin, RUN, ROOT, None, new("c2"), "w").actions[0].phase is Phase.RUNNING

    def test_a_batch_stops_at_the_limit_too(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(guards, "MAX_ACTIONS", 5)
        world.running_root()
        world.enqueue(*(new(f"c{n}") for n in range(4)))
        with pytest.raises(ResourceExhausted):
            world.enqueue(new("c4"), new("c5"))
        assert len(world.tree()) == 5

    def test_calls_nest_so_deep_and_no_deeper(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(guards, "MAX_DEPTH", 2)
        world.running_root()
        world.child("c1")
        world.child("c2", parent="c1")
        with pytest.raises(InvalidArgument, match="3 calls below"):
            world.enqueue(new("c3"), parent="c2")

    def test_only_tasks_make_calls(self, world: World) -> None:
        world.running_root()
        world.enqueue(new("ask", kind=ActionKind.CONDITION))
        with pytest.raises(InvalidArgument, match="is a condition; only tasks make calls"):
            world.enqueue(new("c1"), parent="ask")

    def test_a_large_input_is_kept_by_reference(self, world: World) -> None:
        world.running_root()
        world.enqueue(NewAction(ActionName("c1"), ActionKind.TASK, spec(), inputs_ref=LARGE))
        assert world.action("c1").inputs == LARGE
        assert world.store.payload(key("c1"), "inputs") is None

    def test_a_value_comes_in_one_way(self) -> None:
        with pytest.raises(InvalidArgument, match="as bytes and as a reference"):
            new("c1", inputs_ref=LARGE)


class TestTrace:
    def call(self, **more: object) -> NewAction:
        trace = TraceResult(at(2), at(5), **more)  # type: ignore[arg-type]
        return new("t1", "helper", kind=ActionKind.TRACE, trace=trace)

    def test_a_traced_call_is_recorded_complete(self, world: World) -> None:
        world.running_root()
        change = world.enqueue(self.call(outputs=b"out", output_uri="/t1/outputs.pb"))
        trace = change.actions[0]
        assert (trace.phase, trace.ended_at, trace.output_uri) == (Phase.SUCCEEDED, at(5), "/t1/outputs.pb")
        assert world.store.payload(key("t1"), "outputs") == b"out"
        assert change.effects == ()
        assert world.problems() == []

    def test_one_that_returned_nothing(self, world: World) -> None:
        world.running_root()
        world.enqueue(self.call())
        assert world.store.payload(key("t1"), "outputs") == b""

    def test_one_that_failed(self, world: World) -> None:
        world.running_root()
        world.enqueue(self.call(error=USER))
        assert (world.action("t1").phase, world.action("t1").error) == (Phase.FAILED, USER)
        assert world.store.payload(key("t1"), "outputs") is None

    def test_the_first_record_counts(self, world: World) -> None:
        world.running_root()
        world.enqueue(self.call(outputs=b"first"))
        world.enqueue(self.call(outputs=b"second"))
        assert world.store.payload(key("t1"), "outputs") == b"first"

    def test_only_a_trace_comes_with_its_end_and_never_without(self) -> None:
        with pytest.raises(InvalidArgument, match="belongs to a trace"):
            new("t1", kind=ActionKind.TRACE)
        with pytest.raises(InvalidArgument, match="belongs to a trace"):
            new("t1", trace=TraceResult(at(1), at(2)))


class TestClaim:
    def test_it_gives_a_rising_token(self, world: World) -> None:
        world.create()
        world.create("r2")
        tokens = [world.start(key(run=RUN._replace(name=name))) for name in ("r1", "r2")]
        assert tokens == sorted(set(tokens))

    def test_what_runs_or_has_ended_cannot_be_claimed(self, world: World) -> None:
        token = world.running_root()
        assert world.do(actions.claim, key(), "w") == Change()
        world.succeed(key(), token)
        assert world.do(actions.claim, key(), "w") == Change()

    def test_a_retry_is_not_claimed_before_its_time(self, world: World) -> None:
        token = world.running_root(rules=policy(retries=1, backoff=Backoff(10)))
        change = world.fail(key(), token, USER)
        assert change.effects == (Launch(key(), at(11)),)
        world.now = 10.9
        assert world.do(actions.claim, key(), "w") == Change()
        world.now = 11
        assert world.do(actions.claim, key(), "w").actions[0].phase is Phase.INITIALIZING

    def test_an_action_that_waited_for_room(self, world: World) -> None:
        world.create()
        waiting = world.do(actions.waiting, key(), "2 CPUs are in use").actions[0]
        assert waiting.phase is Phase.WAITING_FOR_RESOURCES
        assert world.do(actions.waiting, key(), "again").actions == ()
        assert world.do(actions.claim, key(), "w").actions[0].phase is Phase.INITIALIZING

    def test_a_stale_start_is_not_recorded(self, world: World) -> None:
        token = world.running_root()
        assert world.do(actions.started, key(), Token(token + 1), "w").actions == ()
        assert world.do(actions.started, key(), token, "w").verdict is Verdict.DUPLICATE

    def test_no_such_action(self, world: World) -> None:
        with pytest.raises(NotFound, match="no action a0 in run r1"):
            world.do(actions.claim, key(), "w")


class TestBegin:
    def begin(self, world: World, child: NewAction) -> Change:
        return world.do(actions.begin, RUN, ROOT, None, child, "here")

    def test_a_new_child_runs_at_once(self, world: World) -> None:
        world.running_root()
        change = self.begin(world, new("c1"))
        child = change.actions[0]
        assert (child.phase, child.attempts[0].worker, change.effects) == (Phase.RUNNING, "here", ())
        assert world.problems() == []

    def test_it_records_what_the_single_steps_record(self, world: World) -> None:
        world.running_root()
        self.begin(world, new("c1", inputs=b"c1"))
        world.child("c2")
        events = {
            name: [type(row.event) for row in world.store.events(RUN) if row.action == name]
            for name in ("c1", "c2")
        }
        assert events["c1"] == events["c2"]

    def test_one_that_ended_comes_back_as_it_is(self, world: World) -> None:
        world.running_root()
        world.succeed(key("c1"), world.child("c1"))
        assert self.begin(world, new("c1", inputs=b"c1")).actions[0].phase is Phase.SUCCEEDED

    def test_one_that_runs_comes_back_with_its_own_token(self, world: World) -> None:
        world.running_root()
        token = world.child("c1")
        child = self.begin(world, new("c1", inputs=b"c1")).actions[0]
        assert child.live is not None
        assert (child.live.token, len(child.attempts)) == (token, 1)

    def test_one_that_was_queued_is_started(self, world: World) -> None:
        world.running_root()
        world.enqueue(new("c1"))
        assert self.begin(world, new("c1")).actions[0].phase is Phase.RUNNING

    def test_one_whose_retry_waits_comes_back_queued(self, world: World) -> None:
        world.running_root()
        rules = policy(retries=1, backoff=Backoff(10))
        world.fail(key("c1"), world.child("c1", rules=rules), USER)
        child = self.begin(world, new("c1", inputs=b"c1", rules=rules)).actions[0]
        assert (child.phase, child.not_before) == (Phase.QUEUED, at(11))

    def test_a_condition_is_not_run(self, world: World) -> None:
        world.running_root()
        assert self.begin(world, new("ask", kind=ActionKind.CONDITION)).actions[0].phase is Phase.PAUSED


class TestReport:
    def test_success_keeps_the_outputs(self, world: World) -> None:
        change = world.succeed(key(), world.running_root(), b"out", "/a0/1")
        root = change.actions[0]
        assert (root.phase, root.outputs, root.output_uri) == (Phase.SUCCEEDED, OUT, "/a0/1")
        assert world.store.payload(key(), "outputs") == b"out"
        assert world.problems() == []

    def test_success_without_outputs_is_an_empty_value_set(self, world: World) -> None:
        world.do(actions.report, key(), Outcome(world.running_root()))
        assert world.store.payload(key(), "outputs") == b""
        assert world.problems() == []

    def test_large_outputs_are_kept_by_reference(self, world: World) -> None:
        world.do(actions.report, key(), Outcome(world.running_root(), outputs_ref=LARGE))
        assert world.action().outputs == LARGE
        assert world.store.payload(key(), "outputs") is None

    def test_a_repeated_report_is_a_success_that_changes_nothing(self, world: World) -> None:
        token = world.running_root()
        world.succeed(key(), token, b"first")
        before = world.action()
        assert world.succeed(key(), token, b"second") == Change(verdict=Verdict.DUPLICATE)
        assert (world.action(), world.store.payload(key(), "outputs")) == (before, b"first")

    def test_a_stale_report_is_discarded(self, world: World) -> None:
        first = world.running_root()
        world.do(actions.report, key(), Outcome(first, error=GONE, lost=True))
        second = world.start(key())
        assert world.succeed(key(), first, b"zombie").verdict is Verdict.FENCED
        assert world.succeed(key(), second).verdict is Verdict.ACCEPTED
        assert world.store.payload(key(), "outputs") == b"out"

    def test_a_retry_leaves_the_children_alone(self, world: World) -> None:
        token = world.running_root(rules=policy(retries=1))
        world.child("c1")
        change = world.fail(key(), token, USER)
        assert phases(world.tree()) == {"a0": "queued", "c1": "running"}
        assert change.effects == (Launch(key()),)

    def test_a_final_failure_ends_what_is_below_and_nothing_else(self, world: World) -> None:
        world.running_root()
        token = world.child("c1")
        world.child("c2", parent="c1")
        world.child("other")
        world.fail(key("c1"), token, FATAL)
        assert phases(world.tree()) == {"a0": "running", "c1": "failed", "c2": "aborted", "other": "running"}
        assert world.problems() == []

    def test_a_loss_is_forgiven_without_touching_the_user_s_budget(self, world: World) -> None:
        token = world.running_root()
        change = world.do(actions.report, key(), Outcome(token, lost=True))
        root = change.actions[0]
        assert (root.phase, root.user_failures, root.system_losses) == (Phase.QUEUED, 0, 1)
        assert root.attempts[0].error is not None
        assert root.attempts[0].error.code == "WorkerLost"
        assert "work (worker)" in root.attempts[0].error.message

    def test_a_supervisor_s_timeout_wins_over_the_error_it_caused(self, world: World) -> None:
        token = world.running_root(rules=policy(runtime=5))
        change = world.fail(key(), token, USER, timed_out=True)
        root = change.actions[0]
        assert root.error is not None
        assert (root.phase, root.error.code) == (Phase.TIMED_OUT, "MAX_RUNTIME_EXCEEDED")
        assert change.effects == ()


def test_a_refusal_fails_the_action_for_good(world: World) -> None:
    world.create(rules=policy(retries=5))
    root = world.do(actions.refuse, key(), FATAL).actions[0]
    assert (root.phase, root.error, root.attempts) == (Phase.FAILED, FATAL, ())


class TestAbort:
    def test_one_action_and_what_is_below_it(self, world: World) -> None:
        world.running_root()
        world.child("c1")
        token = world.child("c2", parent="c1")
        world.child("other")
        change = world.do(actions.abort_action, key("c1"), "enough", "ann")
        assert phases(world.tree()) == {"a0": "running", "c1": "aborted", "c2": "aborted", "other": "running"}
        assert [e.token for e in change.effects if isinstance(e, Kill)][-1] == token
        assert [e.reason for e in change.effects if isinstance(e, Kill)] == [
            "enough",
            "c1 was aborted: enough",
        ]

    def test_twice_is_once(self, world: World) -> None:
        world.running_root()
        world.do(actions.abort_action, key(), "enough", "ann")
        assert world.do(actions.abort_action, key(), "other", "bob").actions == ()
        assert (world.action().abort_reason, len(world.store.outbox())) == ("enough", 1)


class TestSignal:
    def asked(self, world: World) -> None:
        world.running_root()
        world.enqueue(new("ask", "approve", kind=ActionKind.CONDITION))

    def test_an_answer_ends_the_condition(self, world: World) -> None:
        self.asked(world)
        world.do(actions.signal, key("ask"), b"yes", "ann")
        assert world.action("ask").phase is Phase.SUCCEEDED
        assert world.store.payload(key("ask"), "outputs") == b"yes"
        assert world.problems() == []

    def test_the_same_answer_again_is_a_no_op_and_another_one_refused(self, world: World) -> None:
        self.asked(world)
        world.do(actions.signal, key("ask"), b"yes", "ann")
        assert world.do(actions.signal, key("ask"), b"yes", "bob").actions == ()
        with pytest.raises(FailedPrecondition, match="approve was answered otherwise before"):
            world.do(actions.signal, key("ask"), b"no", "bob")
        assert world.store.payload(key("ask"), "outputs") == b"yes"

    def test_what_has_ended_cannot_be_answered(self, world: World) -> None:
        self.asked(world)
        world.do(actions.abort_action, key("ask"), "", "")
        with pytest.raises(FailedPrecondition, match=r"has ended \(aborted\)"):
            world.do(actions.signal, key("ask"), b"yes", "ann")

    def test_only_conditions_are_answered(self, world: World) -> None:
        world.create()
        with pytest.raises(FailedPrecondition, match="only a condition can be answered"):
            world.do(actions.signal, key(), b"yes", "ann")


class TestTimers:
    def test_nothing_is_due(self, world: World) -> None:
        world.running_root(rules=policy(runtime=10, queued=10, deadline=100))
        assert world.fire(key()) == Change()

    def test_a_retry_falls_due(self, world: World) -> None:
        world.fail(key(), world.running_root(rules=policy(1, backoff=Backoff(5))), USER)
        world.now = 6
        change = world.fire(key())
        assert change.effects == (Launch(key()),)
        assert world.action().not_before is None
        assert world.problems() == []

    def test_runtime_passes_and_the_process_is_killed(self, world: World) -> None:
        token = world.running_root(rules=policy(1, runtime=5))
        world.now = 6
        change = world.fire(key())
        assert [type(e) for e in change.effects] == [Kill, Launch]
        assert world.action().attempts[0].state is AttemptState.TIMED_OUT
        assert [item.token for item in world.store.outbox()] == [token]

    def test_everything_overdue_after_a_long_sleep_is_applied_at_once(self, world: World) -> None:
        world.fail(key(), world.running_root(rules=policy(1, backoff=Backoff(5), queued=60)), USER)
        world.now = 3600
        change = world.fire(key())
        assert world.action().phase is Phase.TIMED_OUT
        assert [type(e) for e in change.effects if isinstance(e, Kill)] == []
        assert world.problems() == []

    def test_the_deadline_ends_what_is_below(self, world: World) -> None:
        world.running_root(rules=policy(9, deadline=10))
        world.child("c1")
        world.now = 11
        world.fire(key())
        assert phases(world.tree()) == {"a0": "timed_out", "c1": "aborted"}
        assert len(world.store.outbox()) == 2

    def test_of_an_action_that_does_not_exist(self, world: World) -> None:
        assert world.fire(key()) == Change()


class TestWhole:
    """A call recorded when it has ended leaves the same history as one recorded step by step."""

    @pytest.mark.parametrize(
        "outcome",
        [
            Outcome(Token(0), outputs=b"out", output_uri="/o"),
            Outcome(Token(0)),
            Outcome(Token(0), outputs_ref=LARGE),
            Outcome(Token(0), error=USER, output_uri="/e"),
            Outcome(Token(0), error=FATAL),
        ],
    )
    @pytest.mark.parametrize("retries", [0, 1])
    def test_it_equals_the_single_steps(self, outcome: Outcome, retries: int) -> None:
        child = new("c1", rules=policy(retries, backoff=Backoff(5)), group="g")
        stepwise, at_once = World(), World()
        for world in (stepwise, at_once):
            world.running_root(mode=RunMode.LOCAL)
            world.child("c0")
            world.now = 2
        begun = stepwise.do(actions.begin, RUN, ROOT, None, child, "w").actions[0]
        assert begun.live is not None
        stepwise.now = 3
        last = stepwise.do(actions.report, key("c1"), replace(outcome, token=begun.live.token))

        def record(tx: Tx, now: Micros) -> Change:
            return whole(tx, RUN, ROOT, None, child, outcome, "w", at(2), now)

        at_once.now = 3
        change = at_once.do(record)
        assert change.effects == last.effects
        for world in (stepwise, at_once):
            assert world.problems() == []
        assert [a.evolve(version=0) for a in at_once.tree()] == [a.evolve(version=0) for a in stepwise.tree()]
        assert at_once.store.events(RUN) == stepwise.store.events(RUN)
        for role in ("inputs", "outputs"):
            assert at_once.store.payload(key("c1"), role) == stepwise.store.payload(key("c1"), role)

    def test_it_is_refused_where_a_call_is(self, world: World) -> None:
        token = world.running_root(rules=policy(retries=1))
        world.fail(key(), token, USER)
        with pytest.raises(Fenced):
            world.store.transact(
                lambda tx: whole(tx, RUN, ROOT, token, new("c1"), Outcome(token), "w", at(1), at(2))
            )
