"""Whole runs ready to send: built once per change and brought up to date by what changed since."""

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from threading import Lock

from flyte_core.frozen import frozen
from flyte_core.model import Action, Glance, NotFound, RunKey
from flyte_core.store.ports import Reader
from flyte_server.console.table import RunTable

_PAGE = 5_000


@frozen
class Snapshot:
    etag: str
    data: bytes


@dataclass(slots=True)
class _Entry:
    table: RunTable
    lock: Lock = field(default_factory=Lock)
    snapshot: Snapshot | None = None


class Snapshots:
    """Keeps the tables of the runs looked at last, up to `max_rows` rows in all.

    Every method blocks on the store: call it from a worker thread.
    """

    def __init__(self, store: Reader, max_rows: int = 300_000) -> None:
        self._store = store
        self._max_rows = max_rows
        self._entries: OrderedDict[tuple[RunKey, int], _Entry] = OrderedDict()
        self._lock = Lock()

    def get(self, run: RunKey) -> Snapshot:
        """The run as it stands. Raises `NotFound`."""
        view = self._store.run(run)
        if view is None:
            raise NotFound(f"There is no run {run.name!r} in {run.project}/{run.domain}.")
        base = view.record.created_at
        with self._lock:
            entry = self._entries.setdefault((run, base), _Entry(RunTable(run, base)))
            self._entries.move_to_end((run, base))
        with entry.lock:
            if entry.snapshot is None or entry.table.seq < view.record.last_seq:
                for actions, seq in self._news(run, entry.table):
                    entry.table.apply(actions, seq)
                etag = f'"{base:x}-{entry.table.seq:x}"'
                entry.snapshot = Snapshot(etag, entry.table.encode())
            snapshot = entry.snapshot
        self._shrink()
        return snapshot

    def _news(self, run: RunKey, table: RunTable) -> Iterator[tuple[Iterable[Glance], int]]:
        if not len(table):
            # The cursor is read before the rows: what changes meanwhile is applied once more below.
            view = self._store.run(run)
            seq = view.record.last_seq if view is not None else 0
            while page := self._store.glances(run, len(table), _PAGE):
                yield page, 0
            yield (), seq
        for actions, seq in changed(self._store, run, table.seq):
            yield map(Glance.of, actions), seq

    def _shrink(self) -> None:
        with self._lock:
            rows = sum(len(entry.table) for entry in self._entries.values())
            while rows > self._max_rows and len(self._entries) > 1:
                _, oldest = self._entries.popitem(last=False)
                rows -= len(oldest.table)


def changed(store: Reader, run: RunKey, after: int) -> Iterator[tuple[tuple[Action, ...], int]]:
    """Every action that changed after a sequence number, in pages with the number to continue from."""
    while True:
        changes = store.changes(run, after, limit=_PAGE)
        if changes.actions or changes.seq > after:
            yield changes.actions, changes.seq
        if len(changes.actions) < _PAGE:
            return
        after = changes.seq
