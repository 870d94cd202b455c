"""A history for tests of stores: runs made and moved through the engine, a line each."""

from flyte_core.engine import action as actions
from flyte_core.engine import run as runs
from flyte_core.engine.api import NewAction, NewRun, Outcome
from flyte_core.model import (
    ROOT,
    Action,
    ActionKey,
    ActionKind,
    ActionName,
    Digest,
    Micros,
    PayloadRef,
    Policy,
    RetryPolicy,
    RunKey,
    RunMode,
    RunRecord,
    TaskSpec,
    TimeoutPolicy,
    Token,
)
from flyte_core.store.ports import Store, Tx

SPEC = TaskSpec(Digest("a" * 64), b"template", "env.main", "main", "env", task_version="v1")
LEAF = TaskSpec(Digest("b" * 64), b"leaf", "env.leaf", "leaf", "env", policy=Policy(retry=RetryPolicy(2)))
SOME_REF = PayloadRef(Digest("0" * 64), 1)
TIMED = TaskSpec(
    Digest("c" * 64), b"t", "env.t", "t", "env", policy=Policy(timeout=TimeoutPolicy(max_queued_s=5))
)


def key(name: str = "r1", project: str = "p") -> RunKey:
    return RunKey(project, "development", name)


def root(run: RunKey) -> ActionKey:
    return ActionKey(run, ROOT)


def create(
    store: Store, run: RunKey, at: int = 1_000, mode: RunMode = RunMode.SERVER, **fields: object
) -> Action:
    record = RunRecord(run, mode, Micros(at), "env.main", content_digest=Digest("x"), **fields)  # type: ignore[arg-type]
    new = NewRun(record, NewAction(ROOT, ActionKind.TASK, SPEC, inputs=b"in"))
    return store.transact(lambda tx: runs.create_run(tx, new, Micros(at))).actions[0]


def begin(store: Store, what: ActionKey, at: int = 1_100) -> Token:
    def work(tx: Tx) -> Token:
        live = actions.claim(tx, what, "w", Micros(at)).actions[0].live
        assert live is not None
        actions.started(tx, what, live.token, "w", Micros(at))
        return live.token

    return store.transact(work)


def child(
    store: Store,
    run: RunKey,
    token: Token,
    name: str,
    at: int = 1_200,
    spec: TaskSpec = LEAF,
    parent: str = ROOT,
) -> ActionKey:
    new = NewAction(ActionName(name), ActionKind.TASK, spec, inputs=name.encode())
    store.transact(lambda tx: actions.enqueue(tx, run, ActionName(parent), token, [new], Micros(at)))
    return ActionKey(run, ActionName(name))


def succeed(store: Store, what: ActionKey, token: Token, at: int = 1_300, outputs: bytes = b"out") -> None:
    store.transact(lambda tx: actions.report(tx, what, Outcome(token, outputs=outputs), Micros(at)))
