"""The engine under everything that happens to it: a Hypothesis state machine with its own opinion.

Drivers that are late, repeat themselves, crash before or after a commit, lie about tokens; clocks
that jump; processes that outlive their attempts. What must come of each step is worked out here from
the record before it, in other words than the engine's, and everything is looked over after it.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from random import Random
from typing import Any, TypeVar

from core_build import RUN, new, new_run, policy
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from flyte_core.engine import action as actions
from flyte_core.engine import guards, timers
from flyte_core.engine import run as runs
from flyte_core.engine.api import Change, NewAction, Outcome, TraceResult, Verdict
from flyte_core.engine.settle import settle
from flyte_core.machine import check_tree, fold
from flyte_core.machine.events import TimedOut, TimeoutKind
from flyte_core.model import (
    ROOT,
    Action,
    ActionKey,
    ActionKind,
    ActionName,
    AlreadyExists,
    AttemptState,
    Backoff,
    CacheStatus,
    CoreError,
    ErrorInfo,
    ErrorKind,
    FailedPrecondition,
    Fenced,
    InvalidArgument,
    Micros,
    Owner,
    Phase,
    Policy,
    ResourceExhausted,
    RunClosed,
    RunKey,
    RunMode,
    Token,
)
from flyte_core.store.memory import MemoryStore
from flyte_core.store.ports import ActionQuery, Store, Tx

T = TypeVar("T")

SECOND = 1_000_000
START = 1_000_000 * SECOND
FAR = Micros(2**60)
MAX_ACTIONS, MAX_DEPTH = 8, 2
"""Small enough to be reached."""

IN_QUEUE = (Phase.QUEUED, Phase.WAITING_FOR_RESOURCES)
LIVE = (Phase.INITIALIZING, Phase.RUNNING)

POLICIES: list[Policy] = [
    policy(),
    policy(2),
    policy(2, backoff=Backoff(10, 2, 15)),
    policy(1, backoff=Backoff(10), queued=5),
    policy(1, runtime=5),
    policy(1, queued=20, system=0),
    policy(3, deadline=60),
    policy(0, system=1),
]
CACHING: list[tuple[str, Policy]] = [
    ("", policy()),
    ("k", policy()),
    ("k", policy(1, max_age=30)),
    ("s", policy(1, serialize=True)),
    ("s", policy(0, serialize=True)),
]
ERRORS = [
    ErrorInfo("ValueError", "no good"),
    ErrorInfo("NonRecoverableError", "never again", recoverable=False),
    ErrorInfo("Crash", "exit code 3", kind=ErrorKind.SYSTEM),
]

PICK = range(840)
RARELY = [False] * 6 + [True]
YES_OR_NO = [False, True]
POLICY = range(len(POLICIES))


@dataclass
class Step:
    """A rule: how often a walk takes it, when it makes sense, and what its arguments may be."""

    name: str
    weight: int
    when: "Callable[[EngineMachine], bool]"
    options: dict[str, Sequence[Any]]


STEPS: list[Step] = []


def step(
    weight: int = 2, when: "Callable[[EngineMachine], bool]" = lambda machine: True, **options: Sequence[Any]
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """A rule for Hypothesis, and a step for `walk`."""

    def mark(method: Callable[..., None]) -> Callable[..., None]:
        STEPS.append(Step(method.__name__, weight, when, options))
        strategies = {name: st.sampled_from(values) for name, values in options.items()}
        return precondition(when)(rule(**strategies)(method))

    return mark


def walk(machine: type["EngineMachine"], random: Random, steps: int) -> None:
    """A random walk: what Hypothesis does, without its care for small examples, and faster."""
    walker = machine()
    try:
        walker.begin()
        for _ in range(steps):
            possible = [step for step in STEPS if step.when(walker)]
            taken = random.choices(possible, [step.weight for step in possible])[0]
            getattr(walker, taken.name)(**{name: random.choice(o) for name, o in taken.options.items()})
            walker.everything_holds()
    except BaseException:
        walker.close()
        raise
    walker.teardown()


def walks(machine: type["EngineMachine"], seeds: Iterable[int], steps: int) -> None:
    """A walk for each seed; the one that fails is named."""
    for seed in seeds:
        try:
            walk(machine, Random(seed), steps)
        except BaseException as error:
            error.add_note(f"seed {seed}, {steps} steps")
            raise


class Crash(Exception):
    """The driver died within a unit of work."""


@dataclass
class Process:
    """A process of an attempt, as the machine under the store sees it."""

    key: ActionKey
    token: Token
    alive: bool = True
    given_up: bool = False
    """The record was told that it is gone; it may be alive all the same."""


@dataclass
class Books:
    """What was acknowledged, and must be true for ever."""

    final: dict[ActionKey, Action] = field(default_factory=dict)
    outputs: dict[ActionKey, bytes] = field(default_factory=dict)
    failures: dict[ActionKey, int] = field(default_factory=dict)
    losses: dict[ActionKey, int] = field(default_factory=dict)
    not_before: dict[ActionKey, int] = field(default_factory=dict)
    tokens: set[Token] = field(default_factory=set)


class EngineMachine(RuleBasedStateMachine):
    """Drives a store through the use cases. Subclasses say which store."""

    def __init__(self) -> None:
        super().__init__()
        guards.MAX_ACTIONS, guards.MAX_DEPTH = MAX_ACTIONS, MAX_DEPTH
        self.store = self.open()
        self.now = START
        self.books = Books()
        self.processes: dict[Token, Process] = {}
        self.runs: dict[RunKey, RunMode] = {}
        self.touched: set[RunKey] = set()
        self.known: dict[RunKey, tuple[Action, ...]] = {}

    def open(self) -> Store:
        return MemoryStore()

    def reopen(self) -> None:
        """The driver restarts; only what was committed is left."""

    def teardown(self) -> None:
        try:
            self.known.clear()
            self.touched = set(self.runs)
            self.everything_holds()
        finally:
            self.close()

    def close(self) -> None:
        self.store.close()

    # --- reading the record, choosing a target ------------------------------------------------------

    def actions(self, run: RunKey | None = None) -> list[Action]:
        found: list[Action] = []
        for key in self.runs if run is None else [run]:
            if key not in self.known:
                self.known[key] = self.store.actions(key, ActionQuery()).actions
            found += self.known[key]
        return found

    def any(self, wanted: Callable[[Action], bool]) -> bool:
        return any(wanted(action) for action in self.actions())

    def action(self, key: ActionKey) -> Action:
        action = self.store.action(key)
        assert action is not None, key
        return action

    def choose(self, pick: int, wild: bool, wanted: Callable[[Action], bool]) -> Action | None:
        """One action: a fitting one, or with `wild` any."""
        every = self.actions()
        fitting = every if wild else [action for action in every if wanted(action)] or every
        return fitting[pick % len(fitting)] if fitting else None

    def choose_process(self, pick: int, wild: bool) -> Process | None:
        every = list(self.processes.values())
        fitting = every if wild else [p for p in every if self.is_current(p)] or every
        below = [p for p in fitting if p.key.name != ROOT]
        if pick % 24:
            fitting = below
        return fitting[pick % len(fitting)] if fitting else None

    def is_current(self, process: Process) -> bool:
        live = self.action(process.key).live
        return live is not None and live.token == process.token

    # --- carrying out -------------------------------------------------------------------------------

    def do(self, work: Callable[..., T], *args: Any, crash: bool = False, **more: Any) -> T:
        """A use case in a unit of work; with `crash` its driver dies before the commit, and tries again."""
        if crash:
            before = self.actions()

            def dies(tx: Tx) -> None:
                work(tx, *args, now=Micros(self.now), **more)
                raise Crash

            try:
                self.store.transact(dies)
            except (Crash, CoreError):
                pass
            self.known.clear()
            assert self.actions() == before, "a unit of work that was not committed left traces"
        try:
            return self.store.transact(lambda tx: work(tx, *args, now=Micros(self.now), **more))
        finally:
            self.known.clear()

    def refused(
        self, expected: type[CoreError], work: Callable[..., object], *args: Any, **more: Any
    ) -> None:
        """A use case that must be refused, and must leave everything as it was."""
        before = self.actions()
        try:
            self.do(work, *args, **more)
        except expected:
            assert self.actions() == before, "a refusal left traces"
        else:
            raise AssertionError(f"{work.__name__} was not refused with {expected.__name__}")

    def learn(self, change: Change) -> None:
        """Take note of what was acknowledged."""
        for action in change.actions:
            key = action.key
            self.touched.add(key.run)
            assert self.action(key) == action, "the record differs from what was acknowledged"
            for attempt in action.attempts:
                if attempt.token not in self.books.tokens:
                    assert attempt.token > max(self.books.tokens, default=0), "tokens must rise"
                    self.books.tokens.add(attempt.token)
                    self.processes[attempt.token] = Process(key, attempt.token)
            if action.phase.terminal and key not in self.books.final:
                self.books.final[key] = action
                self.books.outputs[key] = self.store.payload(key, "outputs") or b""

    # --- runs ---------------------------------------------------------------------------------------

    @initialize()
    def begin(self) -> None:
        self.create(0, 1, False, 0, False, False)
        self.claim(0, False, False)
        self.start(0, False)

    @step(
        2,
        name=range(5),
        kind=range(len(POLICIES)),
        local=YES_OR_NO,
        relation=range(4),
        other=RARELY,
        crash=RARELY,
    )
    def create(self, name: int, kind: int, local: bool, relation: int, other: bool, crash: bool) -> None:
        key = RUN._replace(name=f"r{name}")
        wanted = new_run(
            key.name,
            RunMode.LOCAL if local else RunMode.SERVER,
            POLICIES[kind],
            self.now / SECOND,
            content="other" if other else "same",
        )
        related = {1: "recover", 2: "recover"}.get(relation, "")
        if related and name > 0 and RUN._replace(name="r0") in self.runs:
            record = replace(wanted.record, relation="recover", related_run="r0")
            if relation == 2:
                record = replace(record, force_rerun=(ActionName("c00"),))
            wanted = replace(wanted, record=record)
        wanted = replace(
            wanted,
            record=replace(wanted.record, overwrite_cache=relation == 3, owner=Owner(7, 1, "b")),
        )
        existing = self.store.run(key)
        if existing is not None and existing.record.content_digest != wanted.record.content_digest:
            self.refused(AlreadyExists, runs.create_run, wanted)
            return
        change = self.do(runs.create_run, wanted, crash=crash)
        if existing is None:
            self.runs[key] = wanted.record.mode
            assert change.actions[0].phase is Phase.QUEUED
        else:
            assert change.actions == (existing.root,), "creating again changes nothing"
        self.learn(change)

    @step(1, pick=PICK, reason=["enough", ""], sure=RARELY, crash=RARELY)
    def abort_run(self, pick: int, reason: str, sure: bool, crash: bool) -> None:
        if not sure:
            return
        run = list(self.runs)[pick % len(self.runs)]
        before = self.actions(run)
        change = self.do(runs.abort_run, run, reason, "ann", crash=crash)
        self.learn(change)
        if before[0].phase.terminal:
            assert change.actions == (), "a finished run is left alone"
        else:
            assert self.action(ActionKey(run, ROOT)).phase is Phase.ABORTED

    @step(1, pick=PICK, sure=RARELY)
    def process_of_a_local_run_dies(self, pick: int, sure: bool) -> None:
        local = [run for run, mode in self.runs.items() if mode is RunMode.LOCAL]
        if not local or not sure:
            return
        run = local[pick % len(local)]
        before = {action.key: action for action in self.actions(run)}
        self.learn(self.do(runs.lose_local_run, run))
        for key, action in before.items():
            now = self.action(key)
            if before[ActionKey(run, ROOT)].phase.terminal or action.phase.terminal:
                assert now == action
            elif action.phase in LIVE:
                assert now.phase is Phase.FAILED
                assert now.attempts[-1].state is AttemptState.LOST
            else:
                assert now.phase is (Phase.FAILED if key.name == ROOT else Phase.ABORTED)
        for process in self.processes.values():
            process.alive = process.alive and process.key.run != run

    # --- calls --------------------------------------------------------------------------------------

    @step(
        9,
        lambda machine: machine.any(lambda a: a.phase is Phase.RUNNING),
        pick=PICK,
        name=range(4),
        task=[0, 0, 0, 0, 0, 1],
        kind=[ActionKind.TASK] * 5 + [ActionKind.CONDITION, ActionKind.TRACE],
        rules=range(len(POLICIES)),
        caching=range(len(CACHING)),
        token=["current"] * 4 + ["none", "stale"],
        at_once=YES_OR_NO,
        wild=RARELY,
        crash=RARELY,
        again=RARELY,
    )
    def call(
        self,
        pick: int,
        name: int,
        task: int,
        kind: ActionKind,
        rules: int,
        caching: int,
        token: str,
        at_once: bool,
        wild: bool,
        crash: bool,
        again: bool,
    ) -> None:
        parent = self.choose(pick, wild, lambda a: a.phase is Phase.RUNNING)
        if parent is None:
            return
        child = self.child(f"{parent.key.name[1:]}{name}", task, kind, rules, caching)
        given = self.given_token(parent, token)
        args: tuple[Any, ...] = (parent.key.run, parent.key.name, given)
        work: Callable[..., Change]
        if at_once:
            work, args = actions.begin, (*args, child, "here")
        else:
            work, args = actions.enqueue, (*args, [child])
        expected = self.refusal(parent, given, child)
        if expected is not None:
            self.refused(expected, work, *args)
            return
        key = ActionKey(parent.key.run, child.name)
        existing = self.store.action(key)
        answer = None if existing else self.known_outcome(key, child)
        change = self.do(work, *args, crash=crash)
        self.learn(change)
        made = change.actions[0]
        if existing is not None:
            assert made == existing or at_once, "asking again changes nothing"
            assert len(made.attempts) <= len(existing.attempts) + 1
        else:
            assert (made.parent, made.depth) == (parent.key.name, parent.depth + 1)
            self.check_birth(made, child, answer, at_once)
        if again:
            repeat = self.do(work, *args)
            assert repeat.actions == (self.action(key),), "asking twice makes one action"
            assert self.action(key) == change.actions[0]

    def child(self, name: str, task: int, kind: ActionKind, rules: int, caching: int) -> NewAction:
        cache_key, cache_rules = CACHING[caching]
        trace = None
        if kind is ActionKind.TRACE:
            trace = TraceResult(Micros(self.now - 5), Micros(self.now), outputs=b"traced")
        if kind is not ActionKind.TASK:
            cache_key = ""
        return new(
            f"c{name}",
            f"env.task{task}",
            inputs=f"{name} {task}".encode(),
            rules=cache_rules if cache_key else POLICIES[rules],
            kind=kind,
            cache_key=cache_key,
            trace=trace,
        )

    def given_token(self, parent: Action, token: str) -> Token | None:
        live = parent.live
        if token == "none":
            return None
        if token == "current":
            return None if live is None else live.token
        stale = [attempt.token for attempt in parent.attempts if attempt is not live]
        return stale[-1] if stale else Token(999_999)

    def refusal(self, parent: Action, token: Token | None, child: NewAction) -> type[CoreError] | None:
        """Which error a call must meet, if any."""
        if parent.phase.terminal:
            return RunClosed
        if parent.kind is not ActionKind.TASK:
            return InvalidArgument
        if token is not None and (parent.live is None or parent.live.token != token):
            return Fenced
        existing = self.store.action(ActionKey(parent.key.run, child.name))
        if existing is not None:
            same = (
                existing.kind is child.kind
                and existing.spec.task_name == child.spec.task_name
                and existing.inputs is not None
                and existing.inputs.sha256 == sha256(child.inputs or b"").hexdigest()
            )
            return None if same else FailedPrecondition
        if len(self.actions(parent.key.run)) >= MAX_ACTIONS:
            return ResourceExhausted
        return InvalidArgument if parent.depth + 1 > MAX_DEPTH else None

    def known_outcome(self, key: ActionKey, child: NewAction) -> tuple[Phase, bytes] | None:
        """The outcome that a new action must take over instead of being executed."""
        view = self.store.run(key.run)
        assert view is not None
        record = view.record
        if (
            record.relation == "recover"
            and key.name not in record.force_rerun
            and child.kind is not ActionKind.TRACE
        ):
            source = self.store.action(ActionKey(RUN._replace(name=record.related_run), key.name))
            if source is not None and source.phase in (Phase.SUCCEEDED, Phase.RECOVERED):
                return Phase.RECOVERED, self.store.payload(source.key, "outputs") or b""
        if child.cache_key and not record.overwrite_cache:
            kept = self.usable(child.cache_key, child.spec.policy)
            if kept is not None:
                return Phase.SUCCEEDED, kept
        return None

    def usable(self, cache_key: str, rules: Policy) -> bytes | None:
        """What the cache may answer with now."""
        entry = self.store.transact(lambda tx: tx.cache_entry("proj/dev", cache_key))
        if entry is None or sha256(entry.data).hexdigest() != entry.outputs.sha256:
            return None
        age = rules.cache.max_age_s
        return entry.data if age is None or self.now - entry.created_at < age * SECOND else None

    def check_birth(
        self, made: Action, child: NewAction, answer: tuple[Phase, bytes] | None, at_once: bool
    ) -> None:
        if answer is not None:
            assert (made.phase, self.store.payload(made.key, "outputs")) == answer
            assert made.recovered_from
            return
        match child.kind:
            case ActionKind.TRACE:
                assert made.phase is Phase.SUCCEEDED
            case ActionKind.CONDITION:
                assert made.phase is Phase.PAUSED
            case ActionKind.TASK:
                waits = child.cache_key and child.spec.policy.cache.serialize and self.busy(made)
                expected = Phase.RUNNING if at_once and not waits else Phase.QUEUED
                assert made.phase is expected, f"{made.phase}, not {expected}"

    def busy(self, action: Action) -> bool:
        """Whether another open action computes the same serialized key."""
        return any(
            other.cache_key == action.cache_key and other.attempts and not other.phase.terminal
            for other in self.actions()
            if other.key != action.key and other.policy.cache.serialize
        )

    # --- attempts -----------------------------------------------------------------------------------

    @step(
        6,
        lambda machine: machine.any(lambda a: a.phase in IN_QUEUE),
        pick=PICK,
        wild=RARELY,
        crash=RARELY,
    )
    def claim(self, pick: int, wild: bool, crash: bool) -> None:
        before = self.choose(pick, wild, lambda a: a.phase in IN_QUEUE)
        if before is None:
            return
        due = self.books.not_before.get(before.key, 0)
        change = self.do(actions.claim, before.key, "worker", crash=crash)
        self.learn(change)
        after = self.action(before.key)
        keyed = bool(before.cache_key) and before.policy.cache.serialize
        kept = self.usable(before.cache_key, before.policy) if keyed else None
        if before.phase not in IN_QUEUE or self.now < due:
            assert after == before, "it may not start now"
        elif kept is not None and before.cache_status is CacheStatus.MISS:
            assert (after.phase, after.cache_status) == (Phase.SUCCEEDED, CacheStatus.HIT)
        elif keyed and self.busy(before):
            assert after == before, "another computes its key"
        else:
            assert after.phase is Phase.INITIALIZING
            assert len(after.attempts) == len(before.attempts) + 1

    @step(4, lambda machine: machine.any(lambda a: a.phase is Phase.INITIALIZING), pick=PICK, wild=RARELY)
    def start(self, pick: int, wild: bool) -> None:
        process = self.choose_process(pick, wild)
        if process is None:
            return
        before = self.action(process.key)
        change = self.do(actions.started, process.key, process.token, "worker")
        self.learn(change)
        if self.may_report(process, before) and before.phase is Phase.INITIALIZING:
            assert self.action(process.key).phase is Phase.RUNNING
        else:
            assert self.action(process.key) == before

    def may_report(self, process: Process, before: Action) -> bool:
        """Whether the record waits for this process's word: it is its action's last attempt, undecided."""
        last = before.attempts[-1]
        return last.token == process.token and last.ended_at is None

    @step(
        8,
        lambda machine: bool(machine.processes),
        pick=PICK,
        how=["ok", "ok", "ok", "error", "error", "lost", "timed_out"],
        error=range(len(ERRORS)),
        data=[b"", b"one", b"two"],
        wild=[False, False, True],
        crash=RARELY,
        repeat=RARELY,
    )
    def report(
        self, pick: int, how: str, error: int, data: bytes, wild: bool, crash: bool, repeat: bool
    ) -> None:
        process = self.choose_process(pick, wild)
        if process is None:
            return
        outcome = Outcome(
            process.token,
            outputs=data if how == "ok" else None,
            error=None if how == "ok" else ERRORS[error],
            lost=how == "lost",
            timed_out=how == "timed_out",
        )
        before = self.action(process.key)
        change = self.do(actions.report, process.key, outcome, crash=crash)
        self.learn(change)
        if how == "lost":
            process.given_up = True
        else:
            process.alive = False
        if not self.may_report(process, before):
            assert change.verdict is not Verdict.ACCEPTED, "a stale word was taken"
            assert self.action(process.key) == before
            spoke = next(a for a in before.attempts if a.token == process.token).state
            if how in ("ok", "error"):
                known = spoke in (AttemptState.OK, AttemptState.FAILED)
                assert change.verdict is (Verdict.DUPLICATE if known else Verdict.FENCED)
            return
        assert change.verdict is Verdict.ACCEPTED, f"a rightful word was {change.verdict}"
        self.check_end(before, self.action(process.key), how, ERRORS[error], data)
        if repeat:
            settled = self.action(process.key)
            again = self.do(actions.report, process.key, outcome)
            assert again.verdict is Verdict.DUPLICATE, "an answer that was lost must be given again"
            assert self.action(process.key) == settled

    def check_end(self, before: Action, after: Action, how: str, error: ErrorInfo, data: bytes) -> None:
        """What one attempt's end must come to."""
        key, books = before.key, self.books
        if how == "ok":
            assert after.phase is Phase.SUCCEEDED
            assert self.store.payload(key, "outputs") == data
            if before.cache_key:
                entry = self.store.transact(lambda tx: tx.cache_entry(before.cache_scope, before.cache_key))
                assert entry is not None
                assert (entry.data, entry.source) == (data, f"{key.run.name}/{key.name}")
            return
        retry = before.policy.retry
        if how == "lost":
            books.losses[key] = books.losses.get(key, 0) + 1
            again = error.recoverable and books.losses[key] <= retry.system_retries
            wait_s = 0.0 if books.losses[key] == 1 else 2.0 ** (books.losses[key] - 2)
        else:
            books.failures[key] = books.failures.get(key, 0) + 1
            books.losses[key] = 0
            hopeless = how == "error" and not error.recoverable
            again = not hopeless and books.failures[key] <= retry.user_retries
            wait_s = 0.0
            if retry.backoff is not None:
                wait_s = min(
                    retry.backoff.base_s * retry.backoff.factor ** (books.failures[key] - 1),
                    retry.backoff.cap_s or 1e9,
                )
        assert (after.user_failures, after.system_losses) == (books.failures.get(key, 0), books.losses[key])
        if again:
            ended = after.attempts[-1].ended_at
            assert ended is not None
            assert after.phase is Phase.QUEUED, "a retry was due"
            books.not_before[key] = ended + int(wait_s * SECOND) if wait_s else 0
        else:
            final = Phase.TIMED_OUT if how == "timed_out" else Phase.FAILED
            assert after.phase is final, f"{after.phase}, not {final}"

    @step(1, lambda machine: machine.any(lambda a: a.phase is Phase.QUEUED), pick=PICK, wild=RARELY)
    def wait_for_resources(self, pick: int, wild: bool) -> None:
        before = self.choose(pick, wild, lambda a: a.phase is Phase.QUEUED)
        if before is None:
            return
        self.learn(self.do(actions.waiting, before.key, "full"))
        after = self.action(before.key)
        if before.phase is Phase.QUEUED and self.now >= self.books.not_before.get(before.key, 0):
            assert after.phase is Phase.WAITING_FOR_RESOURCES
            self.books.not_before.pop(before.key, None)
        else:
            assert after == before

    @step(1, pick=PICK, wild=RARELY, sure=RARELY)
    def refuse(self, pick: int, wild: bool, sure: bool) -> None:
        before = self.choose(pick, wild, lambda a: a.phase in (*IN_QUEUE, Phase.INITIALIZING))
        if before is None or not sure:
            return
        self.learn(self.do(actions.refuse, before.key, ERRORS[1]))
        after = self.action(before.key)
        if before.phase in (*IN_QUEUE, Phase.INITIALIZING):
            assert (after.phase, after.error) == (Phase.FAILED, ERRORS[1])
            live = before.live
            if live is not None:
                self.processes[live.token].alive = False
        else:
            assert after == before

    @step(1, pick=PICK, wild=RARELY, crash=RARELY, sure=YES_OR_NO)
    def abort(self, pick: int, wild: bool, crash: bool, sure: bool) -> None:
        before = self.choose(pick, wild, lambda a: not a.phase.terminal and a.key.name != ROOT)
        if before is None or not sure:
            return
        self.learn(self.do(actions.abort_action, before.key, "enough", "ann", crash=crash))
        after = self.action(before.key)
        if before.phase.terminal:
            assert after == before
        else:
            assert (after.phase, after.abort_reason) == (Phase.ABORTED, "enough")

    @step(
        2,
        lambda machine: machine.any(lambda a: a.kind is ActionKind.CONDITION),
        pick=PICK,
        answer=[b"yes", b"no"],
        wild=RARELY,
        crash=RARELY,
    )
    def answer(self, pick: int, answer: bytes, wild: bool, crash: bool) -> None:
        before = self.choose(pick, wild, lambda a: a.kind is ActionKind.CONDITION)
        if before is None:
            return
        args = (before.key, answer, "ann")
        if before.kind is not ActionKind.CONDITION:
            self.refused(FailedPrecondition, actions.signal, *args)
        elif before.phase is Phase.PAUSED:
            self.learn(self.do(actions.signal, *args, crash=crash))
            assert self.action(before.key).phase is Phase.SUCCEEDED
            assert self.store.payload(before.key, "outputs") == answer
        elif before.phase.good and self.store.payload(before.key, "outputs") == answer:
            assert self.do(actions.signal, *args).actions == ()
        else:
            self.refused(FailedPrecondition, actions.signal, *args)

    # --- time ---------------------------------------------------------------------------------------

    @step(4, seconds=[0.001, 1, 1, 3, 3, 3, 6, 6, 6, 11, 11, 16, 16, 61, 3600])
    def time_passes(self, seconds: float) -> None:
        self.now += int(seconds * SECOND)

    @step(1, back_s=[0, 0, 1, 1, 30, 3600])
    def restart(self, back_s: int) -> None:
        """The driver starts anew; its clock may have been set back meanwhile."""
        self.reopen()
        self.now -= back_s * SECOND

    @step(3, pick=PICK, every=YES_OR_NO, crash=RARELY)
    def fire(self, pick: int, every: bool, crash: bool) -> None:
        targets = [a for a in self.actions() if not a.phase.terminal]
        if not targets:
            return
        if not every:
            targets = [targets[pick % len(targets)]]
        for target in targets:
            before = self.action(target.key)
            change = self.do(timers.fire, before.key, crash=crash)
            self.learn(change)
            self.check_time(before, self.action(before.key))

    @step(1, pick=PICK, kind=list(TimeoutKind), wild=RARELY)
    def clock_of_another_driver(self, pick: int, kind: TimeoutKind, wild: bool) -> None:
        """A limit is said to have passed, by somebody whose clock may be wrong."""
        before = self.choose(pick, wild, lambda a: not a.phase.terminal)
        if before is None:
            return

        def work(tx: Tx, now: Micros) -> Change:
            return settle(tx, tx.action(before.key), [TimedOut(kind)], now)

        self.learn(self.do(work))
        after = self.action(before.key)
        if kind in self.passed(before, max(self.now, self.last_instant(before))):
            self.check_timeout(before, after, kind)
        else:
            assert after == before, "a limit that has not passed does nothing"

    def passed(self, action: Action, now: int) -> list[TimeoutKind]:
        """Which limits an action has passed by an instant."""
        limits, kinds = action.policy.timeout, []
        if action.phase.terminal:
            return []
        if limits.deadline_s is not None and now >= action.created_at + limits.deadline_s * SECOND:
            kinds.append(TimeoutKind.DEADLINE)
        if limits.max_queued_s is not None and action.phase in IN_QUEUE:
            since = max(action.queued_at, self.books.not_before.get(action.key, 0))
            if now >= since + limits.max_queued_s * SECOND:
                kinds.append(TimeoutKind.QUEUED)
        if limits.max_runtime_s is not None and action.phase is Phase.RUNNING:
            since = action.attempts[-1].transitions[-1][1]
            if now >= since + limits.max_runtime_s * SECOND:
                kinds.append(TimeoutKind.RUNTIME)
        return kinds

    def last_instant(self, action: Action) -> int:
        moves = [at for attempt in action.attempts for _, at in attempt.transitions]
        return max([action.queued_at, action.waiting_since or 0, *moves])

    def check_time(self, before: Action, after: Action) -> None:
        passed = self.passed(before, self.now)
        if passed:
            self.check_timeout(before, after, passed[0])
        elif before.not_before is not None and self.now >= before.not_before:
            assert (after.phase, after.not_before) == (Phase.QUEUED, None)
            self.books.not_before.pop(before.key, None)
        else:
            assert after == before, "nothing was due"

    def check_timeout(self, before: Action, after: Action, kind: TimeoutKind) -> None:
        if kind is TimeoutKind.RUNTIME:
            self.check_end(before, after, "timed_out", ERRORS[0], b"")
        else:
            assert after.phase is Phase.TIMED_OUT
            assert after.error is not None
            assert after.error.code == kind.value

    # --- the world ----------------------------------------------------------------------------------

    @step(1, lambda machine: bool(machine.store.outbox()), pick=PICK)
    def kill_is_carried_out(self, pick: int) -> None:
        items = self.store.outbox()
        if not items:
            return
        item = items[pick % len(items)]
        self.processes[item.token].alive = False
        self.store.transact(lambda tx: tx.done_outbox(item.id))

    @step(2, lambda machine: machine.any(lambda a: a.cache_status is CacheStatus.POPULATED), key=["k", "s"])
    def disk_damages_the_cache(self, key: str) -> None:
        def damage(tx: Tx) -> None:
            entry = tx.cache_entry("proj/dev", key)
            if entry is not None:
                tx.put_cache_entry("proj/dev", key, replace(entry, data=entry.data + b"!"))

        self.store.transact(damage)

    # --- what always holds ----------------------------------------------------------------------------

    @invariant()
    def everything_holds(self) -> None:
        for run in self.touched:
            self.look_over(run)
        if self.touched:
            self.look_over_kills()
            self.look_over_cache()
        self.touched = set()

    def look_over(self, run: RunKey) -> None:
        tree = self.actions(run)
        problems = check_tree(tree)
        assert not problems, problems
        rows = self.store.events(run)
        assert [row.seq for row in rows] == list(range(1, len(rows) + 1)), "I5: events have gaps"
        by_action: dict[ActionName, list[Any]] = {}
        for row in rows:
            by_action.setdefault(row.action, []).append((row.event, row.at))
        for action in tree:
            stored = action.evolve(version=0, changed_seq=0)
            assert fold(by_action[action.key.name]) == stored, "I5: its events do not make the row"
            final = self.books.final.get(action.key)
            if final is not None:
                assert action == final, "I1: a final outcome changed"
                kept = self.store.payload(action.key, "outputs") or b""
                assert kept == self.books.outputs[action.key], "I1: recorded outputs changed"
            if action.outputs is not None:
                data = self.store.payload(action.key, "outputs")
                assert data is not None, "I9: outputs are missing"
                assert sha256(data).hexdigest() == action.outputs.sha256, "I9: outputs are damaged"
        if self.runs[run] is RunMode.SERVER:
            launchable = {a.key for a in self.store.launchable(FAR)}
            queued = {a.key for a in tree if a.phase in IN_QUEUE}
            assert queued <= launchable, "I12: queued, and nobody will ever launch it"
            timed = {a.key for a in self.store.next_due(FAR)[0]}
            limited = {a.key for a in tree if not a.phase.terminal and self.waits_for_time(a)}
            assert limited <= timed, "P23: a limit that nobody watches"

    def waits_for_time(self, action: Action) -> bool:
        limits = action.policy.timeout
        return (
            action.not_before is not None
            or limits.deadline_s is not None
            or (limits.max_queued_s is not None and action.phase in IN_QUEUE)
            or (limits.max_runtime_s is not None and action.phase is Phase.RUNNING)
        )

    def look_over_kills(self) -> None:
        wanted = {item.token for item in self.store.outbox()}
        for process in self.processes.values():
            if not process.alive or process.given_up or self.runs[process.key.run] is RunMode.LOCAL:
                continue
            assert self.is_current(process) or process.token in wanted, "I13: nobody will end this process"

    def look_over_cache(self) -> None:
        by_source = {f"{a.key.run.name}/{a.key.name}": a for a in self.actions()}
        for key in ("k", "s"):
            entry = self.store.transact(lambda tx, key=key: tx.cache_entry("proj/dev", key))
            if entry is not None:
                source = by_source[entry.source]
                assert (source.phase, source.cache_key) == (Phase.SUCCEEDED, key), "I10"
                assert source.outputs == entry.outputs, "I10: the cache holds another outcome"
        computing = [a for a in by_source.values() if a.cache_key == "s" and a.phase in LIVE]
        assert len(computing) <= 1, "P16: two compute one serialized key"
