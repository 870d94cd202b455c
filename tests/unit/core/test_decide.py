"""What a decision records and asks for, beyond the phase it leads to."""

import pytest
from core_build import FATAL, GONE, KEYED, OUT, USER, after, at, created, policy, standing

from flyte_core.machine import Verdict, check, decide, fold
from flyte_core.machine.due import next_due
from flyte_core.machine.effects import EndTree, Kill, Launch, PublishCache, ReleaseCache
from flyte_core.machine.events import (
    AbortRequested,
    CacheHit,
    Claimed,
    Created,
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
    TraceRecorded,
    WaitingForResources,
)
from flyte_core.model import (
    Action,
    ActionKind,
    ActionName,
    AttemptState,
    Backoff,
    CacheStatus,
    FailedPrecondition,
    NotFound,
    Phase,
    Token,
)

T7, T8 = Token(7), Token(8)


def test_a_task_is_queued_and_wants_to_be_launched() -> None:
    decision = decide(None, created(), at(1))
    assert decision.action.phase is Phase.QUEUED
    assert decision.effects == (Launch(decision.action.key),)


def test_a_condition_waits_for_its_answer_without_a_launch() -> None:
    decision = decide(None, created(kind=ActionKind.CONDITION), at(1))
    assert (decision.action.phase, decision.effects) == (Phase.PAUSED, ())


def test_a_trace_cannot_be_announced() -> None:
    with pytest.raises(FailedPrecondition):
        decide(None, created(kind=ActionKind.TRACE), at(1))


def test_what_was_never_created_cannot_change() -> None:
    with pytest.raises(NotFound):
        decide(None, Claimed(T7), at(1))


def test_nothing_is_created_twice() -> None:
    with pytest.raises(FailedPrecondition):
        decide(standing(Phase.QUEUED), created(), at(2))


def test_an_attempt_tells_its_whole_way() -> None:
    action = after(
        (created(), 1),
        (WaitingForResources("full"), 2),
        (Claimed(T7, "pid 1"), 3),
        (Started(T7, "pid 2"), 4),
        (Succeeded(T7, OUT, "/there"), 5),
    )
    (attempt,) = action.attempts
    assert attempt.transitions == (
        (Phase.QUEUED, at(1)),
        (Phase.WAITING_FOR_RESOURCES, at(2)),
        (Phase.INITIALIZING, at(3)),
        (Phase.RUNNING, at(4)),
        (Phase.SUCCEEDED, at(5)),
    )
    assert (attempt.state, attempt.worker, attempt.ended_at) == (AttemptState.OK, "pid 2", at(5))
    assert (action.started_at, action.ended_at, action.output_uri) == (at(4), at(5), "/there")


def test_a_second_attempt_keeps_when_the_first_began() -> None:
    action = after(
        (created(rules=policy(1)), 1),
        (Claimed(T7), 2),
        (Started(T7), 3),
        (Failed(T7, USER), 4),
        (Claimed(T8), 5),
        (Started(T8), 6),
    )
    assert action.started_at == at(3)
    assert [a.number for a in action.attempts] == [1, 2]
    assert action.attempts[1].transitions[0] == (Phase.QUEUED, at(4))


def test_a_worker_that_never_said_it_began_may_still_report() -> None:
    action = after((created(), 1), (Claimed(T7), 2), (Succeeded(T7, OUT), 3))
    assert (action.phase, action.started_at) == (Phase.SUCCEEDED, None)


class TestRetries:
    def test_retries_are_charged_to_the_user_until_they_are_spent(self) -> None:
        action = standing(Phase.RUNNING, policy(retries=1))
        again = decide(action, Failed(T7, USER), at(4))
        assert again.action.phase is Phase.QUEUED
        assert again.action.error is None
        assert again.action.attempts[0].error == USER
        assert again.effects == (Launch(action.key, None),)
        last = decide(again.action, Claimed(T8), at(5)).action
        end = decide(last, Failed(T8, USER, "/err"), at(6)).action
        assert (end.phase, end.error, end.user_failures, end.output_uri) == (Phase.FAILED, USER, 2, "/err")

    def test_an_error_beyond_recovery_stops_at_once(self) -> None:
        action = standing(Phase.RUNNING, policy(retries=5))
        assert decide(action, Failed(T7, FATAL), at(4)).action.phase is Phase.FAILED
        assert decide(action, Lost(T7, FATAL), at(4)).action.phase is Phase.FAILED

    @pytest.mark.parametrize(
        ("backoff", "waits"),
        [
            (Backoff(2), [2, 2, 2]),
            (Backoff(1, 3), [1, 3, 9]),
            (Backoff(1, 3, 4), [1, 3, 4]),
            (Backoff(0.0000001), [0.000001] * 3),
        ],
    )
    def test_the_wait_before_each_retry(self, backoff: Backoff, waits: list[float]) -> None:
        action, now = standing(Phase.QUEUED, policy(retries=3, backoff=backoff)), at(2)
        for number, wait in enumerate(waits):
            token = Token(10 + number)
            action = decide(action, Claimed(token), now).action
            action = decide(action, Failed(token, USER), now).action
            assert action.not_before == now + at(wait)
            now = action.not_before

    def test_a_retry_is_not_claimed_early(self) -> None:
        action = after(
            (created(rules=policy(1, backoff=Backoff(10))), 1), (Claimed(T7), 2), (Failed(T7, USER), 3)
        )
        early = decide(action, Claimed(T8), at(12.9))
        assert (early.verdict, early.action) == (Verdict.FENCED, action)
        assert decide(action, RetryDue(), at(12.9)).verdict is Verdict.FENCED
        assert decide(action, Claimed(T8), at(13)).action.phase is Phase.INITIALIZING

    def test_a_retry_waits_for_room_when_its_time_has_come(self) -> None:
        action = after(
            (created(rules=policy(1, backoff=Backoff(10))), 1), (Claimed(T7), 2), (Failed(T7, USER), 3)
        )
        assert decide(action, WaitingForResources(), at(12)).verdict is Verdict.FENCED
        waiting = decide(action, WaitingForResources(), at(14)).action
        assert (waiting.queued_at, waiting.not_before, waiting.waiting_since) == (at(13), None, at(14))
        assert check(waiting) == []

    def test_the_wait_for_a_retry_is_no_stay_in_the_queue(self) -> None:
        rules = policy(1, backoff=Backoff(10), queued=5)
        action = after((created(rules=rules), 1), (Claimed(T7), 2), (Failed(T7, USER), 3))
        assert next_due(action) == at(13)
        due = decide(action, RetryDue(), at(14))
        assert due.effects == (Launch(action.key),)
        assert (due.action.not_before, due.action.queued_at) == (None, at(13))
        assert next_due(due.action) == at(18)
        late = decide(due.action, Claimed(T8), at(15)).action
        assert late.attempts[1].transitions[0] == (Phase.QUEUED, at(13))
        at_once = decide(action, Claimed(T8), at(15)).action
        assert at_once.attempts == late.attempts

    def test_losses_are_charged_to_the_system_and_forgiven_in_a_row(self) -> None:
        action = standing(Phase.QUEUED, policy(retries=0, system=2))
        for number in range(3):
            token = Token(10 + number)
            action = decide(action, Claimed(token), action.not_before or at(2)).action
            action = decide(action, Lost(token, GONE), action.queued_at).action
        assert (action.phase, action.error) == (Phase.FAILED, GONE)
        assert (action.user_failures, action.system_losses) == (0, 3)
        assert [a.state for a in action.attempts] == [AttemptState.LOST] * 3

    def test_an_attempt_that_ends_by_itself_clears_the_losses(self) -> None:
        action = standing(Phase.RUNNING, policy(retries=1, system=1))
        action = decide(action, Lost(T7, GONE), at(4)).action
        assert action.system_losses == 1
        action = decide(action, Claimed(T8), at(5)).action
        action = decide(action, Failed(T8, USER), at(6)).action
        assert (action.phase, action.system_losses, action.user_failures) == (Phase.QUEUED, 0, 1)

    def test_the_first_loss_is_made_good_at_once_and_later_ones_wait(self) -> None:
        action, waits = standing(Phase.QUEUED, policy(system=4)), []
        for number in range(4):
            token, now = Token(10 + number), action.not_before or at(2)
            action = decide(action, Claimed(token), now).action
            action = decide(action, Lost(token, GONE), now).action
            waits.append(None if action.not_before is None else action.not_before - now)
        assert waits == [None, at(1), at(2), at(4)]

    def test_endless_backoff_fits_the_calendar(self) -> None:
        rules = policy(1, backoff=Backoff(1e300, 1e10))
        action = after((created(rules=rules), 1), (Claimed(T7), 2), (Failed(T7, USER), 3))
        assert action.not_before is not None
        assert action.not_before < 2**63


class TestTimeouts:
    def test_each_attempt_has_its_own_runtime_and_a_retry_follows(self) -> None:
        action = standing(Phase.RUNNING, policy(retries=1, runtime=5))
        assert next_due(action) == at(8)
        assert decide(action, TimedOut(TimeoutKind.RUNTIME), at(7.9)).verdict is Verdict.FENCED
        again = decide(action, TimedOut(TimeoutKind.RUNTIME), at(8))
        assert again.action.phase is Phase.QUEUED
        assert again.action.attempts[0].state is AttemptState.TIMED_OUT
        assert [type(e) for e in again.effects] == [Kill, Launch]
        second = after_events(again.action, (Claimed(T8), 9), (Started(T8), 10))
        assert next_due(second) == at(15)
        end = decide(second, TimedOut(TimeoutKind.RUNTIME), at(15))
        assert end.action.phase is Phase.TIMED_OUT
        assert end.action.error is not None
        assert end.action.error.code == "MAX_RUNTIME_EXCEEDED"
        assert end.action.error.message == "work ran longer than its max_runtime of 5 s."

    def test_a_supervisor_that_ended_the_attempt_asks_for_no_kill(self) -> None:
        action = standing(Phase.RUNNING, policy(runtime=5))
        decision = decide(action, TimedOut(TimeoutKind.RUNTIME, T7), at(7.99))
        assert decision.action.phase is Phase.TIMED_OUT
        assert not any(isinstance(effect, Kill) for effect in decision.effects)

    def test_a_long_stay_in_the_queue_is_final(self) -> None:
        action = standing(Phase.WAITING_FOR_RESOURCES, policy(retries=3, queued=10))
        end = decide(action, TimedOut(TimeoutKind.QUEUED), at(11)).action
        assert end.phase is Phase.TIMED_OUT
        assert end.error is not None
        assert end.error.code == "QUEUED_TIMEOUT_EXCEEDED"

    def test_the_deadline_counts_over_all_attempts_and_is_final(self) -> None:
        rules = policy(retries=9, deadline=10)
        action = after((created(rules=rules), 1), (Claimed(T7), 2), (Failed(T7, USER), 3), (Claimed(T8), 4))
        assert next_due(action) == at(11)
        end = decide(action, TimedOut(TimeoutKind.DEADLINE), at(11))
        assert end.action.phase is Phase.TIMED_OUT
        assert end.effects[0] == Kill(action.key, T8, 2, "work did not end within its deadline of 10 s.")

    def test_a_condition_is_given_up(self) -> None:
        action = standing(Phase.PAUSED, policy(deadline=60))
        end = decide(action, TimedOut(TimeoutKind.DEADLINE), at(61)).action
        assert end.error is not None
        assert (end.phase, end.error.message) == (
            Phase.TIMED_OUT,
            "Nobody answered work within its timeout of 60 s.",
        )

    def test_without_limits_time_changes_nothing(self) -> None:
        assert [next_due(standing(phase)) for phase in Phase] == [None] * len(Phase)


class TestAbort:
    def test_what_waits_is_gone_at_once(self) -> None:
        decision = decide(standing(Phase.QUEUED), AbortRequested("enough", "ann"), at(3))
        action = decision.action
        assert (action.phase, action.abort_reason, action.aborted_by) == (Phase.ABORTED, "enough", "ann")
        assert action.error is not None
        assert (action.error.code, action.error.message) == ("ActionAbortedError", "enough")
        assert decision.effects == (EndTree(action.key, "a0 was aborted: enough"),)

    def test_what_runs_is_recorded_aborted_and_then_killed(self) -> None:
        decision = decide(standing(Phase.RUNNING), AbortRequested("enough"), at(4))
        assert decision.action.phase is Phase.ABORTED
        assert decision.action.attempts[0].state is AttemptState.KILLED
        assert decision.effects[0] == Kill(decision.action.key, T7, 1, "enough")

    def test_the_word_of_a_killed_attempt_comes_too_late(self) -> None:
        action = standing(Phase.ABORTED)
        assert decide(action, Succeeded(T7, OUT), at(9)).verdict is Verdict.FENCED

    def test_a_reason_is_never_missing(self) -> None:
        assert decide(standing(Phase.QUEUED), AbortRequested(""), at(2)).action.abort_reason == "Aborted."


class TestStaleWords:
    def test_a_lost_attempt_cannot_come_back(self) -> None:
        action = decide(standing(Phase.RUNNING), Lost(T7, GONE), at(4)).action
        assert decide(action, Succeeded(T7, OUT), at(5)).verdict is Verdict.FENCED
        assert decide(action, Lost(T7, GONE), at(5)).verdict is Verdict.DUPLICATE
        action = decide(action, Claimed(T8), at(6)).action
        assert decide(action, Succeeded(T7, OUT), at(7)).verdict is Verdict.FENCED
        assert decide(action, Succeeded(T8, OUT), at(7)).verdict is Verdict.ACCEPTED

    def test_an_answer_that_was_lost_on_its_way_is_given_again(self) -> None:
        rules = policy(retries=1)
        failed = decide(standing(Phase.RUNNING, rules), Failed(T7, USER), at(4)).action
        assert decide(failed, Failed(T7, USER), at(5)).verdict is Verdict.DUPLICATE
        retried = decide(failed, Claimed(T8), at(6)).action
        assert decide(retried, Failed(T7, USER), at(7)).verdict is Verdict.DUPLICATE
        done = decide(retried, Succeeded(T8, OUT), at(8)).action
        assert decide(done, Succeeded(T8, None), at(9)) == decide(done, Succeeded(T8, OUT), at(9))
        assert decide(done, Lost(T8, GONE), at(9)).verdict is Verdict.DUPLICATE


class TestCache:
    def running(self, serialize: bool = False) -> Action:
        rules = policy(serialize=serialize)
        return after((created(rules=rules, **KEYED), 1), (Claimed(T7), 2))

    def test_only_success_is_published(self) -> None:
        done = decide(self.running(), Succeeded(T7, OUT), at(3))
        assert done.action.cache_status is CacheStatus.POPULATED
        assert PublishCache(done.action.key) in done.effects
        failed = decide(self.running(), Failed(T7, USER), at(3))
        assert failed.action.cache_status is CacheStatus.MISS
        assert [type(effect) for effect in failed.effects] == [EndTree]

    def test_a_serialized_key_is_let_go_on_failure_and_abort(self) -> None:
        for event in (Failed(T7, USER), AbortRequested("enough")):
            assert ReleaseCache(self.running().key) in decide(self.running(True), event, at(3)).effects

    def test_a_hit_says_whose_outcome_it_is(self) -> None:
        action = after((created(**KEYED), 1), (CacheHit(OUT, "/o", "r0/a0"), 1))
        assert (action.phase, action.cache_status) == (Phase.SUCCEEDED, CacheStatus.HIT)
        assert (action.recovered_from, action.output_uri, action.attempts) == ("r0/a0", "/o", ())
        assert check(action) == []

    def test_a_hit_is_not_published_again(self) -> None:
        queued = after((created(**KEYED), 1))
        effects = decide(queued, CacheHit(OUT, "", "r0/a0"), at(1)).effects
        assert not any(isinstance(effect, PublishCache) for effect in effects)


def test_the_same_answer_twice_is_one_answer() -> None:
    action = decide(standing(Phase.PAUSED), Signaled(OUT, "ann"), at(3)).action
    assert (action.phase, action.outputs) == (Phase.SUCCEEDED, OUT)
    assert decide(action, Signaled(OUT, "bob"), at(4)).verdict is Verdict.DUPLICATE


def test_a_refusal_ends_an_attempt_that_was_just_claimed() -> None:
    action = decide(standing(Phase.INITIALIZING, policy(retries=3)), Refused(FATAL), at(4)).action
    assert (action.phase, action.attempts[0].state) == (Phase.FAILED, AttemptState.FAILED)
    assert (action.user_failures, check(action)) == (0, [])


class TestTrace:
    def recorded(self, **more: object) -> Action:
        base = {"outputs": OUT, "started_at": at(2), "ended_at": at(5)} | more
        event = TraceRecorded(
            key=created().key,
            parent=ActionName("a0"),
            seq=1,
            spec=created().spec,
            **base,  # type: ignore[arg-type]
        )
        return decide(None, event, at(9)).action

    def test_it_is_created_complete(self) -> None:
        trace = self.recorded()
        assert (trace.phase, trace.created_at, trace.ended_at) == (Phase.SUCCEEDED, at(2), at(5))
        assert check(trace) == []

    def test_it_may_have_failed(self) -> None:
        trace = self.recorded(error=USER)
        assert (trace.phase, trace.outputs, trace.error) == (Phase.FAILED, None, USER)
        assert check(trace) == []

    def test_a_clock_that_went_backwards_gives_no_negative_duration(self) -> None:
        trace = self.recorded(ended_at=at(1))
        assert trace.ended_at == trace.started_at


def test_time_never_runs_backwards_within_an_action() -> None:
    action = after((created(), 10), (Claimed(T7), 5), (Started(T7), 20), (Succeeded(T7, OUT), 3))
    assert [instant for _, instant in action.attempts[0].transitions] == [at(10), at(10), at(20), at(20)]
    assert check(action) == []


def test_replaying_the_events_gives_the_same_action() -> None:
    steps: list[tuple[Event, float]] = [
        (created(rules=policy(2, backoff=Backoff(3), runtime=4)), 1),
        (WaitingForResources(), 2),
        (Claimed(T7), 3),
        (Started(T7), 4),
        (TimedOut(TimeoutKind.RUNTIME), 8),
        (RetryDue(), 11),
        (Claimed(T8), 12),
        (Lost(T8, GONE), 13),
        (Recovered(OUT, "", "r0/a0"), 14),
    ]
    assert fold((event, at(seconds)) for event, seconds in steps) == after(*steps)
    with pytest.raises(NotFound):
        fold([])


def test_created_keeps_what_it_was_given() -> None:
    event = Created(
        key=created().key,
        parent=ActionName("a0"),
        kind=ActionKind.TASK,
        seq=4,
        spec=created().spec,
        group="g",
        inputs=OUT,
        depth=3,
    )
    action = decide(None, event, at(1)).action
    assert (action.parent, action.seq, action.group, action.inputs, action.depth) == ("a0", 4, "g", OUT, 3)


def after_events(action: Action, *steps: tuple[Event, float]) -> Action:
    for event, seconds in steps:
        action = decide(action, event, at(seconds)).action
    return action
