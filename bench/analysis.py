"""What it costs to say where the time of a large run went, part by part; the best of several rounds."""

import argparse
import gc
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from bench import histories
from bench.__main__ import circumstances
from flyte_core.dataflow.bottlenecks import Analysis
from flyte_core.dataflow.columns import RunColumns
from flyte_core.dataflow.report import graph_of
from flyte_core.dataflow.shape import fold
from flyte_core.model import RunKey
from flyte_core.store.ports import ActionQuery
from flyte_core.store.sqlite import SqliteStore

T = TypeVar("T")


class Clock:
    """CPU milliseconds of each part: the least of all rounds."""

    def __init__(self) -> None:
        self.least: dict[str, float] = {}

    def __call__(self, part: str, work: Callable[[], T]) -> T:
        begun = time.process_time()
        result = work()
        spent = 1000 * (time.process_time() - begun)
        self.least[part] = min(self.least.get(part, spent), spent)
        return result


def round_of(store: SqliteStore, key: RunKey, clock: Clock) -> None:
    """Read a run and analyse it."""
    actions = clock("read actions", lambda: store.actions(key, ActionQuery()).actions)
    edges = clock("read edges", lambda: store.edges(key))
    gc.freeze()
    columns = RunColumns()
    clock("columns", lambda: (columns.apply(actions), columns.connect(edges)))
    analysis = clock("who waited for whom", lambda: Analysis(columns, 0))
    clock("critical path", lambda: analysis.path)
    clock("slack", lambda: analysis.slack)
    clock("improvements", lambda: analysis.improvements)
    clock("time by task", lambda: analysis.tasks)
    clock("parallelism", lambda: analysis.parallelism)
    graph = graph_of(key.name, edges, analysis)
    clock("folding", lambda: fold(graph.nodes, graph.edges))
    gc.unfreeze()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.analysis", description=__doc__)
    parser.add_argument("--actions", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    key, clock = RunKey("p", "d", "rbench"), Clock()
    with tempfile.TemporaryDirectory() as directory:
        store = SqliteStore.open(Path(directory) / "history.db")
        histories.record(store, key, options.actions)
        for _ in range(options.rounds):
            round_of(store, key, clock)
        store.close()
    for part, spent in clock.least.items():
        print(f"{part:<22}{spent:8.0f} ms CPU")
    analysed = sum(spent for part, spent in clock.least.items() if not part.startswith("read"))
    print(f"{'all but reading':<22}{analysed:8.0f} ms CPU for {options.actions:,} actions")
    print(circumstances(options.rounds))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
