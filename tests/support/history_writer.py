"""A process that records actions until it is killed, and writes down each one that was acknowledged.

Usage: history_writer.py DATABASE RUN ACKNOWLEDGED DURABILITY
"""

import sys
import time
from pathlib import Path

from flyte_core.engine import action as actions
from flyte_core.engine import run as runs
from flyte_core.engine.api import NewAction, NewRun
from flyte_core.model import (
    ROOT,
    ActionKey,
    ActionKind,
    ActionName,
    Digest,
    Micros,
    RunKey,
    RunMode,
    RunRecord,
    TaskSpec,
)
from flyte_core.store.sqlite import SqliteStore


def main(database: str, run: str, acknowledged: str, durability: str) -> None:
    store = SqliteStore.open(Path(database), durability="full" if durability == "full" else "normal")
    spec = TaskSpec(Digest("a" * 64), b"template", "env.main", "main", "env")
    key = RunKey("p", "development", run)
    root = ActionKey(key, ROOT)
    now = lambda: Micros(time.time_ns() // 1000)  # noqa: E731
    new = NewRun(
        RunRecord(key, RunMode.SERVER, now(), "env.main"), NewAction(ROOT, ActionKind.TASK, spec, inputs=b"")
    )
    store.transact(lambda tx: runs.create_run(tx, new, now()))
    live = store.transact(lambda tx: actions.claim(tx, root, "w", now())).actions[0].live
    assert live is not None
    store.transact(lambda tx: actions.started(tx, root, live.token, "w", now()))
    with Path(acknowledged).open("a", buffering=1) as told:
        for number in range(1_000_000):
            child = NewAction(ActionName(f"c{number}"), ActionKind.TASK, spec, inputs=b"")
            store.transact(lambda tx, c=child: actions.enqueue(tx, key, ROOT, live.token, [c], now()))  # type: ignore[misc]
            told.write(f"{run} c{number}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
