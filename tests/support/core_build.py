"""Builders for the core's tests: short ways to say what a test is about."""

from collections.abc import Iterable
from hashlib import sha256

from flyte_core.engine import payloads
from flyte_core.engine.api import NewAction, NewRun
from flyte_core.machine import decide
from flyte_core.machine.events import (
    AbortRequested,
    Claimed,
    Created,
    Event,
    Failed,
    Recovered,
    Started,
    Succeeded,
    TimedOut,
    TimeoutKind,
    WaitingForResources,
)
from flyte_core.model import (
    ROOT,
    Action,
    ActionKey,
    ActionKind,
    ActionName,
    Backoff,
    CachePolicy,
    CacheStatus,
    Digest,
    ErrorInfo,
    ErrorKind,
    Micros,
    Phase,
    Policy,
    RetryPolicy,
    RunKey,
    RunMode,
    RunRecord,
    TaskSpec,
    TimeoutPolicy,
    Token,
)

RUN = RunKey("proj", "dev", "r1")
SECOND = 1_000_000

USER = ErrorInfo("ValueError", "no good")
FATAL = ErrorInfo("NonRecoverableError", "never again", recoverable=False)
GONE = ErrorInfo("WorkerLost", "the process is gone", kind=ErrorKind.SYSTEM)
OUT = payloads.reference(b"out")


KEYED = {"cache_key": "k", "cache_scope": "proj/dev", "cache_status": CacheStatus.MISS}


def at(seconds: float) -> Micros:
    return Micros(int(seconds * SECOND))


def key(name: str = "a0", run: RunKey = RUN) -> ActionKey:
    return ActionKey(run, ActionName(name))


def policy(
    retries: int = 0,
    *,
    backoff: Backoff | None = None,
    system: int = 3,
    runtime: float | None = None,
    queued: float | None = None,
    deadline: float | None = None,
    serialize: bool = False,
    max_age: float | None = None,
    ignored: tuple[str, ...] = (),
) -> Policy:
    return Policy(
        retry=RetryPolicy(user_retries=retries, backoff=backoff, system_retries=system),
        timeout=TimeoutPolicy(max_runtime_s=runtime, max_queued_s=queued, deadline_s=deadline),
        cache=CachePolicy(enabled=True, serialize=serialize, max_age_s=max_age, ignored_inputs=ignored),
    )


def spec(name: str = "env.work", rules: Policy | None = None) -> TaskSpec:
    rules = rules or Policy()
    return TaskSpec(
        digest=Digest(sha256(f"{name} {rules}".encode()).hexdigest()),
        template=name.encode(),
        task_name=name,
        short_name=name.rpartition(".")[2],
        policy=rules,
    )


def created(
    name: str = "a0",
    rules: Policy | None = None,
    kind: ActionKind = ActionKind.TASK,
    **more: object,
) -> Created:
    return Created(key=key(name), parent=None, kind=kind, seq=0, spec=spec(rules=rules), **more)  # type: ignore[arg-type]


def after(*steps: tuple[Event, float]) -> Action:
    """The action that these events make; each is given with its second."""
    action: Action | None = None
    for event, seconds in steps:
        action = decide(action, event, at(seconds)).action
    assert action is not None
    return action


def standing(phase: Phase, rules: Policy | None = None, **more: object) -> Action:
    """An action in the phase asked for, brought there by events alone. A live attempt has token 7."""
    begin: list[tuple[Event, float]] = [(created(rules=rules, **more), 1)]
    claimed = [*begin, (Claimed(Token(7), "w"), 2)]
    running = [*claimed, (Started(Token(7), "w"), 3)]
    match phase:
        case Phase.QUEUED:
            return after(*begin)
        case Phase.WAITING_FOR_RESOURCES:
            return after(*begin, (WaitingForResources("full"), 2))
        case Phase.INITIALIZING:
            return after(*claimed)
        case Phase.RUNNING:
            return after(*running)
        case Phase.PAUSED:
            return after((created(rules=rules, kind=ActionKind.CONDITION, **more), 1))
        case Phase.SUCCEEDED:
            return after(*running, (Succeeded(Token(7), OUT, reading_us=1_500, writing_us=2_500), 4))
        case Phase.FAILED:
            return after(*running, (Failed(Token(7), FATAL), 4))
        case Phase.ABORTED:
            return after(*running, (AbortRequested("enough", "me"), 4))
        case Phase.TIMED_OUT:
            return after(*running, (TimedOut(TimeoutKind.RUNTIME, Token(7)), 4))
        case Phase.RECOVERED:
            return after(*begin, (Recovered(OUT, "", "r0/a0"), 2))


def new(
    name: str,
    task: str = "env.work",
    *,
    inputs: bytes = b"in",
    rules: Policy | None = None,
    kind: ActionKind = ActionKind.TASK,
    **more: object,
) -> NewAction:
    return NewAction(ActionName(name), kind, spec(task, rules), inputs=inputs, **more)  # type: ignore[arg-type]


def new_run(
    name: str = "r1",
    mode: RunMode = RunMode.SERVER,
    rules: Policy | None = None,
    now: float = 1,
    content: str = "content",
    root: NewAction | None = None,
    **more: object,
) -> NewRun:
    record = RunRecord(
        key=RUN._replace(name=name),
        mode=mode,
        created_at=at(now),
        task_name="env.work",
        content_digest=Digest(content),
        **more,  # type: ignore[arg-type]
    )
    return NewRun(record, root or new(ROOT, rules=rules))


def phases(actions: Iterable[Action]) -> dict[str, str]:
    return {action.key.name: action.phase.value for action in actions}
