"""Large runs, recorded through the store's own use cases as if workers had done them, at made-up instants."""

import hashlib
import random
from collections.abc import Iterator

from flyteidl2.core import literals_pb2
from flyteidl2.task import common_pb2, task_definition_pb2

from flyte_core.dataflow import Edge
from flyte_core.engine import action as actions
from flyte_core.engine import run as runs
from flyte_core.engine.api import NewAction, NewRun, Outcome
from flyte_core.model import (
    ROOT,
    ActionKey,
    ActionKind,
    ActionName,
    Digest,
    ErrorInfo,
    Micros,
    RunKey,
    RunMode,
    RunRecord,
    TaskSpec,
    Token,
)
from flyte_core.store.ports import Store, Tx
from flyte_core.wire.specs import FLAVOR

_BATCH = 500
_SLOTS = 240
_FAILS = 0.002
_INGEST = 12
"""One of so many actions is of the first fan-out, the others of the second."""


def record(store: Store, key: RunKey, number: int, seed: int = 7) -> None:
    """A run of `number` actions: a root with two fan-outs, a few of whose members failed.

    Each member of the second took its value from one of the first.
    """
    rng = random.Random(seed)
    clock = _Clock(Micros(1_790_000_000_000_000))
    spec = _spec("main")
    root = NewAction(ROOT, ActionKind.TASK, spec, inputs=b"")
    made = RunRecord(key, RunMode.SERVER, clock.now, spec.task_name, content_digest=Digest(key.name))
    store.transact(lambda tx: runs.create_run(tx, NewRun(made, root), clock.now))
    token = store.transact(lambda tx: _begin(tx, ActionKey(key, ROOT), clock.now))
    first = number // _INGEST
    for group, task, size in (("ingest", "fetch", first), ("score", "score_shard", number - first - 1)):
        _fan_out(store, key, token, group, task, size, rng, clock)
    flow = [_edge(_name("ingest", i % first), _name("score", i)) for i in range(number - first - 1)]
    store.transact(lambda tx: tx.add_edges(key, flow))
    outcome = Outcome(token, outputs=common_pb2.Outputs().SerializeToString())
    store.transact(lambda tx: actions.report(tx, ActionKey(key, ROOT), outcome, clock.now))


class _Clock:
    def __init__(self, now: Micros) -> None:
        self.now = now


def _spec(name: str) -> TaskSpec:
    digest = Digest(hashlib.sha256(name.encode()).hexdigest())
    template = task_definition_pb2.TaskSpec()
    template.task_template.metadata.runtime.flavor = FLAVOR
    return TaskSpec(
        digest, template.SerializeToString(), f"nightly.{name}", name, "nightly", task_version="bench"
    )


def _fan_out(
    store: Store,
    run: RunKey,
    token: Token,
    group: str,
    task: str,
    size: int,
    rng: random.Random,
    clock: _Clock,
) -> None:
    spec = _spec(task)
    began, slots = clock.now, [clock.now + 2_000_000] * _SLOTS
    for part in _parts(size):
        children = [
            NewAction(_name(group, i), ActionKind.TASK, spec, group=group, inputs=_inputs(i)) for i in part
        ]

        def work(tx: Tx, children: list[NewAction] = children) -> None:
            actions.enqueue(tx, run, ROOT, token, children, began)
            for child in children:
                slot = min(range(_SLOTS), key=slots.__getitem__)
                start = slots[slot]
                slots[slot] = start + int(rng.lognormvariate(0.6, 0.5) * 1_000_000)
                _live(tx, ActionKey(run, child.name), start, slots[slot], rng.random() < _FAILS)

        store.transact(work)
    clock.now = Micros(max(slots) + 100_000)


def _parts(size: int) -> Iterator[range]:
    for begin in range(0, size, _BATCH):
        yield range(begin, min(size, begin + _BATCH))


def _live(tx: Tx, key: ActionKey, start: int, end: int, fails: bool) -> None:
    token = _begin(tx, key, Micros(start))
    error = ErrorInfo("ValueError", "the shard holds rows with negative quantity") if fails else None
    outcome = Outcome(token, error=error) if error else Outcome(token, outputs=b"")
    actions.report(tx, key, outcome, Micros(end))


def _begin(tx: Tx, key: ActionKey, at: Micros) -> Token:
    live = actions.claim(tx, key, "pid 4711", at).actions[0].live
    assert live is not None
    actions.started(tx, key, live.token, "pid 4711", Micros(at + 120_000))
    return live.token


def _edge(source: ActionName, target: ActionName) -> Edge:
    return Edge(source, "", target, "shard", "", "data", "exact")


def _name(group: str, number: int) -> ActionName:
    return ActionName(f"a{hashlib.sha256(f'{group}/{number}'.encode()).hexdigest()[:25]}")


def _inputs(number: int) -> bytes:
    literal = literals_pb2.Literal()
    literal.scalar.primitive.integer = number
    named = common_pb2.NamedLiteral(name="shard", value=literal)
    return common_pb2.Inputs(literals=[named]).SerializeToString(deterministic=True)
