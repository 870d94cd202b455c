"""Histories for the console's tests: written through the engine, at instants that the test chooses."""

import hashlib
import json
import random
from dataclasses import dataclass, field

from flyteidl2.core import literals_pb2, types_pb2
from flyteidl2.task import common_pb2, task_definition_pb2

from flyte_core import logs
from flyte_core.dataflow import Confidence, Edge, Relation
from flyte_core.engine import action, run
from flyte_core.engine.api import NewAction, NewRun, Outcome, TraceResult
from flyte_core.layout import Layout
from flyte_core.model import (
    ROOT,
    ActionKey,
    ActionKind,
    ActionName,
    Digest,
    ErrorInfo,
    ErrorKind,
    Micros,
    Policy,
    RetryPolicy,
    RunKey,
    RunMode,
    RunRecord,
    TaskSpec,
    Token,
)
from flyte_core.store.ports import ActionQuery, Store
from flyte_core.wire.specs import FLAVOR

PROJECT, DOMAIN = "flytesnacks", "development"
START = Micros(1_790_000_000_000_000)
TRACEBACK = """Traceback (most recent call last):
  File "/home/me/forecast/score.py", line 88, in score_shard
    yhat = model.predict(frame, batch_size=cfg.batch)
  File "/venv/lib/python3.12/site-packages/numpy/_core/numeric.py", line 331, in full
    a = empty(shape, dtype, order)
MemoryError: Unable to allocate 3.91 GiB for an array
"""


def literal(value: object) -> literals_pb2.Literal:
    if isinstance(value, literals_pb2.Literal):
        return value
    if isinstance(value, bool):
        primitive = literals_pb2.Primitive(boolean=value)
    elif isinstance(value, int):
        primitive = literals_pb2.Primitive(integer=value)
    elif isinstance(value, float):
        primitive = literals_pb2.Primitive(float_value=value)
    elif isinstance(value, str):
        primitive = literals_pb2.Primitive(string_value=value)
    elif isinstance(value, list):
        items = [literal(item) for item in value]
        return literals_pb2.Literal(collection=literals_pb2.LiteralCollection(literals=items))
    elif isinstance(value, dict):
        entries = {str(key): literal(item) for key, item in value.items()}
        return literals_pb2.Literal(map=literals_pb2.LiteralMap(literals=entries))
    else:
        return literals_pb2.Literal(scalar=literals_pb2.Scalar(none_type=literals_pb2.Void()))
    return literals_pb2.Literal(scalar=literals_pb2.Scalar(primitive=primitive))


def _named(values: dict[str, object]) -> list[common_pb2.NamedLiteral]:
    return [common_pb2.NamedLiteral(name=name, value=literal(value)) for name, value in values.items()]


def inputs_of(values: dict[str, object]) -> bytes:
    return common_pb2.Inputs(literals=_named(values)).SerializeToString(deterministic=True)


def outputs_of(values: dict[str, object]) -> bytes:
    return common_pb2.Outputs(literals=_named(values)).SerializeToString(deterministic=True)


_SIMPLE = {bool: types_pb2.BOOLEAN, int: types_pb2.INTEGER, float: types_pb2.FLOAT, str: types_pb2.STRING}


def spec_of(task: str, inputs: dict[str, object], retries: int = 0) -> TaskSpec:
    template = task_definition_pb2.TaskSpec()
    template.task_template.metadata.runtime.flavor = FLAVOR
    for name, value in inputs.items():
        kind = _SIMPLE.get(type(value), types_pb2.STRUCT)
        entry = template.task_template.interface.inputs.variables.add(key=name)
        entry.value.type.simple = kind
    data = template.SerializeToString(deterministic=True)
    env, _, short = task.rpartition(".")
    digest = Digest(hashlib.sha256(json.dumps([task, retries, data.hex()]).encode()).hexdigest())
    policy = Policy(retry=RetryPolicy(user_retries=retries))
    return TaskSpec(digest, data, task, short, env, task_version="3f9c1a2b7d", policy=policy)


@dataclass(slots=True)
class History:
    """Records runs as their drivers would. `now` moves only when told to."""

    store: Store
    layout: Layout
    now: Micros = START
    _tokens: dict[ActionKey, Token] = field(default_factory=dict)
    _number: int = 0

    def wait(self, seconds: float) -> None:
        self.now = Micros(self.now + round(seconds * 1_000_000))

    def run(
        self,
        name: str,
        task: str,
        inputs: dict[str, object] | None = None,
        mode: RunMode = RunMode.SERVER,
        labels: dict[str, str] | None = None,
    ) -> ActionKey:
        """A new run; returns its root action."""
        key = RunKey(PROJECT, DOMAIN, name)
        record = RunRecord(
            key, mode, self.now, task, created_by="mia", labels=labels or {}, content_digest=Digest(name)
        )
        given = inputs or {}
        root = NewAction(ROOT, ActionKind.TASK, spec_of(task, given), inputs=inputs_of(given))
        self.store.transact(lambda tx: run.create_run(tx, NewRun(record, root), self.now))
        return ActionKey(key, ROOT)

    def run_of(self, name: str, spec: TaskSpec, inputs: bytes) -> ActionKey:
        """A new run of a given task."""
        key = RunKey(PROJECT, DOMAIN, name)
        record = RunRecord(key, RunMode.SERVER, self.now, spec.task_name, content_digest=Digest(name))
        root = NewAction(ROOT, ActionKind.TASK, spec, inputs=inputs)
        self.store.transact(lambda tx: run.create_run(tx, NewRun(record, root), self.now))
        return ActionKey(key, ROOT)

    def call(
        self,
        parent: ActionKey,
        *tasks: tuple[str, dict[str, object]],
        group: str = "",
        retries: int = 0,
    ) -> list[ActionKey]:
        """Children of an action, queued together."""
        children = []
        for task, given in tasks:
            self._number += 1
            name = ActionName(f"a{hashlib.sha256(str(self._number).encode()).hexdigest()[:25]}")
            spec = spec_of(task, given, retries)
            children.append(NewAction(name, ActionKind.TASK, spec, group=group, inputs=inputs_of(given)))
        token = self._tokens.get(parent)
        self.store.transact(lambda tx: action.enqueue(tx, parent.run, parent.name, token, children, self.now))
        return [ActionKey(parent.run, child.name) for child in children]

    def trace(self, parent: ActionKey, name: str, seconds: float) -> None:
        """A traced call that ends now."""
        self._number += 1
        key = ActionName(f"t{hashlib.sha256(str(self._number).encode()).hexdigest()[:25]}")
        began = Micros(self.now - round(seconds * 1_000_000))
        child = NewAction(
            key, ActionKind.TRACE, spec_of(name, {}), trace=TraceResult(began, self.now, outputs_of({}))
        )
        token = self._tokens.get(parent)
        self.store.transact(lambda tx: action.enqueue(tx, parent.run, parent.name, token, [child], self.now))

    def waiting(self, *keys: ActionKey) -> None:
        for key in keys:
            self.store.transact(lambda tx, key=key: action.waiting(tx, key, "no free slot", self.now))

    def claim(self, *keys: ActionKey, worker: str = "pid 4711") -> None:
        for key in keys:
            change = self.store.transact(lambda tx, key=key: action.claim(tx, key, worker, self.now))
            live = change.actions[0].live
            assert live is not None
            self._tokens[key] = live.token

    def start(self, *keys: ActionKey, worker: str = "pid 4711") -> None:
        """The user code of claimed actions begins."""
        for key in keys:
            token = self._tokens[key]
            self.store.transact(
                lambda tx, key=key, token=token: action.started(tx, key, token, worker, self.now)
            )

    def succeed(self, key: ActionKey, **outputs: object) -> None:
        outcome = Outcome(self._tokens[key], outputs=outputs_of(outputs))
        self.store.transact(lambda tx: action.report(tx, key, outcome, self.now))

    def fail(self, key: ActionKey, code: str, message: str, traceback: str = TRACEBACK) -> None:
        error = ErrorInfo(code, message, ErrorKind.USER, traceback=traceback)
        self.store.transact(
            lambda tx: action.report(tx, key, Outcome(self._tokens[key], error=error), self.now)
        )

    def write_log(self, key: ActionKey, *lines: str, attempt: int = 1, stream: logs.Stream = "o") -> None:
        path = self.layout.log(key, attempt)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as file:
            for line in lines:
                file.write(logs.encode(self.now, stream, line))

    def flow(
        self,
        source: ActionKey | str,
        target: ActionKey,
        param: str,
        relation: Relation = "data",
        confidence: Confidence = "exact",
    ) -> None:
        """A value went from one action to another."""
        name = source if isinstance(source, str) else source.name
        edge = Edge(ActionName(name), "", target.name, param, "", relation, confidence)
        self.store.transact(lambda tx: tx.add_edges(target.run, [edge]))

    def steps(self, root: ActionKey) -> list[ActionKey]:
        """The children of an action, in call order."""
        found = self.store.actions(root.run, ActionQuery(parent=root.name)).actions
        return [each.key for each in sorted(found, key=lambda each: each.seq)]

    def pipeline(self, name: str = "rpipeline") -> ActionKey:
        """The first page's example, done: 5 -> step_one -> 10 -> step_two -> 20."""
        root = self.run(name, "my_env.pipeline", {"x": 5})
        self.wait(0.004)
        self.claim(root)
        self.wait(0.03)
        self.start(root)
        for step, given, result in (("step_one", {"x": 5}, 10), ("step_two", {"y": 10}, 20)):
            self.wait(0.01)
            (child,) = self.call(root, (f"my_env.{step}", dict(given)))
            self.wait(0.005)
            self.claim(child)
            self.wait(0.02)
            self.start(child)
            self.write_log(child, f"{step} got {given}")
            self.wait(0.15)
            self.succeed(child, o0=result)
        self.wait(0.01)
        self.succeed(root, o0=20)
        one, two = self.steps(root)
        self.flow(root, one, "x", "argument")
        self.flow(one, two, "y")
        self.flow(two, root, "o0", "result")
        return root

    def forecast(self, name: str = "rforecast", shards: int = 240, seed: int = 7) -> ActionKey:
        """A run under way with nesting, groups, retries, failures and a fan-out that is half done."""
        rng = random.Random(seed)
        root = self.run(
            name,
            "nightly.main",
            {"region": "eu-west-1", "horizon_days": 28, "publish": True},
            labels={"team": "demand"},
        )
        self.wait(0.3)
        self.claim(root)
        self.wait(4)
        self.start(root)
        self.write_log(root, "\x1b[32mINFO\x1b[0m loading configuration", "region=eu-west-1")
        self.wait(0.2)
        self.trace(root, "load_config", 0.2)
        self._fan_out(root, "ingest", "nightly.fetch_partition", min(60, shards // 4), rng, slots=12, mean=6)
        (fit,) = self.call(root, ("nightly.train_ensemble", {"folds": 4}))
        self.claim(fit)
        self.wait(1)
        self.start(fit)
        folds = self.call(fit, *[("nightly.train_fold", {"fold": i}) for i in range(4)], group="folds")
        self.waiting(*folds[2:])
        for i, fold in enumerate(folds):
            if i == 2:
                self.wait(20)
            self.claim(fold)
            self.wait(2)
            self.start(fold)
        self.wait(15)
        for fold in folds:
            self.wait(rng.uniform(1, 4))
            self.succeed(fold, o0=rng.random())
        self.succeed(fit, o0="ensemble_v12.onnx")
        (best,) = self.call(root, ("nightly.select_best", {"candidates": 4}), retries=2)
        for reason in ("connection reset", None):
            self.wait(0.1)
            self.claim(best)
            self.wait(0.5)
            self.start(best)
            self.wait(3)
            if reason:
                self.write_log(best, "attempt one went wrong", attempt=1, stream="e")
                self.fail(best, "ConnectionError", reason)
            else:
                self.write_log(best, "attempt two went well", attempt=2)
                self.succeed(best, o0="lgbm")
        self._fan_out(root, "score", "nightly.score_shard", shards, rng, slots=24, mean=5, until=0.7)
        return root

    def _fan_out(
        self,
        parent: ActionKey,
        group: str,
        task: str,
        number: int,
        rng: random.Random,
        slots: int,
        mean: float,
        until: float = 1.0,
    ) -> None:
        """Children of one group through `slots` slots; a part of them stays open."""
        keys = self.call(parent, *[(task, {"shard": i}) for i in range(number)], group=group)
        queue = list(reversed(keys))
        busy: list[tuple[float, ActionKey]] = []
        done = 0
        clock = 0.0
        while (queue or busy) and done < until * number:
            while queue and len(busy) < slots:
                key = queue.pop()
                self.claim(key, worker=f"pid {5000 + len(busy)}")
                self.wait(0.02)
                clock += 0.02
                self.start(key)
                busy.append((clock + rng.lognormvariate(0, 0.5) * mean, key))
            busy.sort()
            ends, key = busy.pop(0)
            self.wait(max(0.0, ends - clock))
            clock = max(clock, ends)
            done += 1
            if rng.random() < 0.04:
                self.fail(
                    key, "ValueError", f"shard contains {rng.randint(1, 9)} rows with negative quantity"
                )
            else:
                self.succeed(key, o0=done)
