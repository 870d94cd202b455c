"""Writes a history as a controller would, one step at a time."""

import itertools
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from flyteidl2.core.literals_pb2 import Literal
from flyteidl2.task.common_pb2 import Inputs, Outputs

from flyte_core import logs, process
from flyte_core.engine import action as actions
from flyte_core.engine import run as runs
from flyte_core.engine.api import Change, NewAction, NewRun, Outcome
from flyte_core.layout import Layout
from flyte_core.model import (
    ROOT,
    Action,
    ActionKey,
    ActionKind,
    ActionName,
    Digest,
    ErrorInfo,
    Micros,
    Owner,
    RunKey,
    RunMode,
    RunRecord,
    TaskSpec,
)
from flyte_core.store.sqlite import SqliteStore

BEGINNING = 1_700_000_000_000_000


def whole(value: int) -> Literal:
    literal = Literal()
    literal.scalar.primitive.integer = value
    return literal


def inputs(**values: int) -> bytes:
    message = Inputs()
    for name, value in values.items():
        message.literals.add(name=name, value=whole(value))
    return message.SerializeToString()


def outputs(*values: int) -> bytes:
    message = Outputs()
    for number, value in enumerate(values):
        message.literals.add(name=f"o{number}", value=whole(value))
    return message.SerializeToString()


def spec(name: str) -> TaskSpec:
    return TaskSpec(Digest(name.encode().hex().ljust(64, "0")), b"", f"env.{name}", name, "env")


def gone() -> Owner:
    """A process that has ended."""
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    owner = process.identity(child.pid)
    child.communicate(b"\n")
    assert owner is not None
    return owner


@dataclass
class History:
    """A data directory with runs in it. Time advances by a millisecond a step."""

    home: Path
    project: str = "flytesnacks"
    domain: str = "development"
    clock: "itertools.count[int]" = field(default_factory=lambda: itertools.count(BEGINNING, 1000))

    def __post_init__(self) -> None:
        self.layout = Layout(self.home)
        self.store = SqliteStore.open(self.layout.database)

    def close(self) -> None:
        self.store.close()

    def now(self) -> Micros:
        return Micros(next(self.clock))

    def key(self, run: str, action: str = ROOT) -> ActionKey:
        return ActionKey(RunKey(self.project, self.domain, run), ActionName(action))

    def run(
        self,
        name: str,
        task: str = "pipeline",
        *,
        mode: RunMode = RunMode.LOCAL,
        owner: Owner | None = None,
        labels: dict[str, str] | None = None,
        **values: int,
    ) -> None:
        """A run whose root is queued."""
        now = self.now()
        record = RunRecord(
            key=self.key(name).run,
            mode=mode,
            created_at=now,
            task_name=f"env.{task}",
            owner=owner or process.identity(os.getpid()),
            created_by="ada",
            labels=labels or {},
        )
        root = NewAction(ROOT, ActionKind.TASK, spec(task), inputs=inputs(**values))
        self.store.transact(lambda tx: runs.create_run(tx, NewRun(record, root), now))

    def child(self, run: str, name: str, task: str, **values: int) -> None:
        new = NewAction(ActionName(name), ActionKind.TASK, spec(task), inputs=inputs(**values))
        parent = self.key(run)
        now = self.now()
        self.store.transact(lambda tx: actions.enqueue(tx, parent.run, parent.name, None, [new], now))

    def start(self, run: str, action: str = ROOT) -> None:
        key, now = self.key(run, action), self.now()
        claimed: Change = self.store.transact(lambda tx: actions.claim(tx, key, "pid 1", now))
        live = claimed.actions[0].live
        assert live is not None
        self.store.transact(lambda tx: actions.started(tx, key, live.token, "pid 1", now))

    def succeed(self, run: str, *values: int, action: str = ROOT) -> None:
        self._report(run, action, outputs=outputs(*values))

    def fail(self, run: str, error: ErrorInfo, action: str = ROOT) -> None:
        self._report(run, action, error=error)

    def finished(self, name: str, *values: int, task: str = "pipeline", **given: int) -> None:
        """A run that has succeeded."""
        self.run(name, task, **given)
        self.start(name)
        self.succeed(name, *values)

    def write_log(self, run: str, lines: Sequence[str], action: str = ROOT, attempt: int = 1) -> None:
        path = self.layout.log(self.key(run, action), attempt)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as file:
            for line in lines:
                file.write(logs.encode(self.now(), "o", line))

    def _report(
        self, run: str, action: str, *, outputs: bytes | None = None, error: ErrorInfo | None = None
    ) -> None:
        key, now = self.key(run, action), self.now()
        found: Action | None = self.store.action(key)
        assert found is not None and found.live is not None
        outcome = Outcome(found.live.token, outputs=outputs, error=error)
        self.store.transact(lambda tx: actions.report(tx, key, outcome, now))
