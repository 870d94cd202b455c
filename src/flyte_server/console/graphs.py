"""The execution graph of a run as columns, and where its time went: what two tabs of a run's page show.

The container is that of `columns`: ids of the actions that edges and path name, edges in the order of
their targets, segments of the critical path; the rest is in the header.
"""

from array import array
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import Lock

from flyte_core.dataflow import CONFIDENCES, RELATIONS, Edge
from flyte_core.dataflow.bottlenecks import Analysis
from flyte_core.dataflow.columns import RunColumns
from flyte_core.dataflow.report import bottlenecks_dict
from flyte_core.graphs import Guesses
from flyte_core.model import Action, Micros, NotFound, RunKey
from flyte_core.store.ports import ActionQuery, Reader
from flyte_server.console.columns import Column, indices, numbers, pack, strings
from flyte_server.console.snapshots import Snapshot, changed
from flyte_server.console.table import Words

_LONGEST = 12
_SPAN = 2_000_000_000


@dataclass(slots=True)
class _Entry:
    guesses: Guesses
    columns: RunColumns = field(default_factory=RunColumns)
    seq: int = 0
    lock: Lock = field(default_factory=Lock)
    ended: Snapshot | None = None


class Graphs:
    """Keeps what it analysed of the runs looked at last, up to `max_rows` actions in all.

    Every method blocks on the store: call it from a worker thread.
    """

    def __init__(self, store: Reader, max_rows: int = 300_000) -> None:
        self._store = store
        self._max_rows = max_rows
        self._entries: OrderedDict[tuple[RunKey, Micros], _Entry] = OrderedDict()
        self._lock = Lock()

    def get(self, run: RunKey, now: Micros) -> Snapshot:
        """The graph as it stands. Raises `NotFound`."""
        view = self._store.run(run)
        if view is None:
            raise NotFound(f"There is no run {run.name!r} in {run.project}/{run.domain}.")
        place = (run, view.record.created_at)
        with self._lock:
            entry = self._entries.setdefault(place, _Entry(Guesses(self._store, run)))
            self._entries.move_to_end(place)
        with entry.lock:
            if entry.ended is None or entry.seq < view.record.last_seq:
                edges = self._bring_up_to_date(run, entry)
                etag = f'"{place[1]:x}-{entry.seq:x}-{now:x}"'
                entry.ended = None
                snapshot = Snapshot(etag, encode(run, entry.columns, edges, entry.seq, now))
                if all(phase.terminal for phase in entry.columns.phase):
                    entry.ended = snapshot
            else:
                snapshot = entry.ended
        self._shrink()
        return snapshot

    def _bring_up_to_date(self, run: RunKey, entry: _Entry) -> Sequence[Edge]:
        told = self._store.edges(run)
        columns = entry.columns
        if not len(columns):
            view = self._store.run(run)
            entry.seq = view.record.last_seq if view is not None else 0
            actions = self._store.actions(run, ActionQuery()).actions
            columns.apply(actions)
            entry.guesses.apply(actions)
        for batch, seq in changed(self._store, run, entry.seq):
            ordered = _parents_first(batch)
            columns.apply(ordered)
            entry.guesses.apply(ordered)
            entry.seq = seq
        edges = entry.guesses.with_told(told, columns.rows)
        columns.connect(edges)
        return edges

    def _shrink(self) -> None:
        with self._lock:
            rows = sum(len(entry.columns) for entry in self._entries.values())
            while rows > self._max_rows and len(self._entries) > 1:
                _, oldest = self._entries.popitem(last=False)
                rows -= len(oldest.columns)


def _parents_first(actions: Sequence[Action]) -> list[Action]:
    return sorted(actions, key=lambda action: (action.created_at, action.depth, action.seq))


def encode(run: RunKey, columns: RunColumns, edges: Sequence[Edge], seq: int, now: Micros) -> bytes:
    """The container to send."""
    base = columns.base or Micros(0)
    analysis = Analysis(columns, now - base)
    report = bottlenecks_dict(run.name, analysis)
    report["actions"] = sorted(report["actions"], key=lambda each: -each["duration_ms"])[:_LONGEST]
    names = columns.names()
    ids, params = Words(), Words()
    sources = array("I", (ids(edge.source) for edge in edges))
    targets = array("I", (ids(edge.target) for edge in edges))
    parameters = array("I", (params(edge.target_param) for edge in edges))
    relations = array("B", (RELATIONS.index(edge.relation) for edge in edges))
    confidences = array("B", (CONFIDENCES.index(edge.confidence) for edge in edges))
    path = analysis.path
    on_path = array("I", (ids(names[stretch.row]) for stretch in path))
    tick_ms = analysis.duration // 1000 // _SPAN + 1
    unit = 1000 * tick_ms
    packed: list[Column] = [
        *strings("id", ids.all),
        indices("edge_source", sources, len(ids)),
        indices("edge_target", targets, len(ids)),
        indices("edge_param", parameters, len(params)),
        numbers("edge_relation", relations),
        numbers("edge_confidence", confidences),
        indices("path_action", on_path, len(ids)),
        numbers("path_doing", array("B", (stretch.doing for stretch in path))),
        numbers("path_begin", array("i", (stretch.begin // unit for stretch in path))),
        numbers("path_end", array("i", (stretch.end // unit for stretch in path))),
    ]
    header: dict[str, object] = {
        "version": 1,
        "seq": seq,
        "base_ms": base / 1000,
        "tick_ms": tick_ms,
        "params": params.all,
        "report": report,
    }
    return pack(header, packed)
