"""`SqliteStore`: one writer with group commit, readers beside it, one file shared by many processes."""

import queue
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import apsw

from flyte_core.dataflow import Edge
from flyte_core.model import (
    Action,
    ActionKey,
    ActionName,
    Digest,
    Glance,
    Micros,
    RunKey,
    RunRecord,
    RunView,
    TaskSpec,
    Unavailable,
)
from flyte_core.store.ports import (
    ActionPage,
    ActionQuery,
    Changes,
    EventRow,
    OutboxItem,
    PhaseCounts,
    Role,
    RunPage,
    RunQuery,
    Tx,
)
from flyte_core.store.sqlite import connection, reads, schema
from flyte_core.store.sqlite.connection import Durability, Waiter
from flyte_core.store.sqlite.specs import Specs
from flyte_core.store.sqlite.writer import Writer

T = TypeVar("T")


class SqliteStore:
    """Implements `Store` on one SQLite file. Thread-safe.

    With `read_only` nothing is ever created or written: a missing file is an empty history, and is
    found when it appears.
    """

    def __init__(self, path: Path, durability: Durability, read_only: bool) -> None:
        self.path = path
        self.read_only = read_only
        self._durability: Durability = durability
        self._specs = Specs()
        self._readers: queue.SimpleQueue[apsw.Connection] = queue.SimpleQueue()
        self._watcher: apsw.Connection | None = None
        self._watcher_lock = threading.Lock()
        self._writer: Writer | None = None
        self._closed = False

    @classmethod
    def open(cls, path: Path, *, durability: Durability = "full", read_only: bool = False) -> "SqliteStore":
        """Open a history; unless `read_only`, make it when it is missing and bring its schema up to date.

        Args:
            path: The database file.
            durability: `full`: on the disk before it is acknowledged. `normal`: in the operating
                system's hands, which outlives `kill -9` but not a power cut.
            read_only: Only look.

        Raises:
            FailedPrecondition: the directory cannot be written, lies on a network file system, or the
                file is not a history.
            SchemaTooNew: a newer version wrote it.
            ResourceExhausted: the disk is full.
        """
        connection.require_library()
        store = cls(path, durability, read_only)
        if read_only:
            with connection.explained(path):
                reader = store._connect_reader()
                if reader is not None:
                    store._give_back(reader)
            return store
        connection.make_room(path)
        connection.require_local(path.parent)
        connection.make_private(path)
        store._writer = Writer(path, durability, store._specs)
        return store

    # --- writing ---

    def transact(self, work: Callable[[Tx], T]) -> T:
        return self._writing().transact(work)

    def submit(self, work: Callable[[Tx], T]) -> Future[T]:
        return self._writing().submit(work)

    def log_bytes(self) -> int:
        """How large the write-ahead log is: a reader that never ends keeps it growing."""
        return 0 if self._writer is None else self._writer.log_bytes()

    def fold(self) -> None:
        """Move the write-ahead log into the database and empty it, unless somebody still needs it.

        The writer thread does so by itself when it is idle.
        """
        self._writing().fold()

    def close(self) -> None:
        """Finish what was submitted, then let go of the file. May be called again."""
        self._closed = True
        # Readers first: the last connection to close folds the log, and they may not write.
        with self._watcher_lock:
            if self._watcher is not None:
                self._watcher.close()
                self._watcher = None
        self._close_readers()
        if self._writer is not None:
            self._writer.close()

    def _writing(self) -> Writer:
        if self._writer is None:
            raise Unavailable(f"{self.path} was opened only for reading.")
        return self._writer

    # --- reading ---

    def _connect_reader(self) -> apsw.Connection | None:
        """A new reading connection; None while there is no history to read."""
        if self.read_only and not self.path.exists():
            return None
        try:
            return self._set_up(
                connection.connect(self.path, read_only=True, durability=self._durability, waiter=Waiter())
            )
        except apsw.Error:
            if not (self.read_only and connection.stands_still(self.path)):
                raise
            return self._set_up(connection.Still(self.path))

    def _set_up(self, db: apsw.Connection) -> apsw.Connection | None:
        try:
            readable: list[bool] = []
            connection.patiently(lambda: readable.append(schema.require_readable(db, self.path)))
            if not readable[-1]:
                db.close()
                return None
            connection.add_functions(db)
        except BaseException:
            db.close()
            raise
        return db

    @contextmanager
    def _reading(self) -> Iterator[apsw.Connection | None]:
        """A connection that sees one snapshot; None: the history is empty."""
        if self._closed:
            raise Unavailable(f"{self.path} is closed.")
        with connection.explained(self.path):
            db = self._take_reader()
            if db is None:
                yield None
                return
            try:
                connection.patiently(lambda: _begin(db))
                yield db
            finally:
                if db.in_transaction:
                    db.execute("COMMIT")
                self._give_back(db)

    def _give_back(self, db: apsw.Connection) -> None:
        if isinstance(db, connection.Still):
            db.close()
            return
        self._readers.put(db)
        if self._closed:
            self._close_readers()

    def _close_readers(self) -> None:
        while True:
            try:
                self._readers.get_nowait().close()
            except queue.Empty:
                return

    def _take_reader(self) -> apsw.Connection | None:
        try:
            return self._readers.get_nowait()
        except queue.Empty:
            return self._connect_reader()

    def run(self, key: RunKey) -> RunView | None:
        with self._reading() as db:
            return None if db is None else reads.run(db, key, self._specs.reader(db))

    def runs(self, query: RunQuery) -> RunPage:
        with self._reading() as db:
            return RunPage(()) if db is None else reads.runs(db, query, self._specs.reader(db))

    def count_runs(self, query: RunQuery) -> int:
        with self._reading() as db:
            return 0 if db is None else reads.count_runs(db, query)

    def action(self, key: ActionKey) -> Action | None:
        with self._reading() as db:
            return None if db is None else reads.action(db, key, self._specs.reader(db))

    def actions(self, run: RunKey, query: ActionQuery) -> ActionPage:
        with self._reading() as db:
            return ActionPage(()) if db is None else reads.actions(db, run, query, self._specs.reader(db))

    def glances(self, run: RunKey, start: int = 0, limit: int = 10_000) -> list[Glance]:
        with self._reading() as db:
            return [] if db is None else reads.glances(db, run, start, limit, self._specs.reader(db))

    def counts(self, run: RunKey) -> PhaseCounts:
        with self._reading() as db:
            return PhaseCounts(0) if db is None else reads.counts(db, run)

    def changes(
        self,
        run: RunKey,
        after_seq: int,
        parent: ActionName | None = None,
        limit: int = 10_000,
        *,
        ended: bool = False,
    ) -> Changes:
        with self._reading() as db:
            if db is None:
                return Changes((), after_seq)
            return reads.changes(db, run, after_seq, parent, limit, ended, self._specs.reader(db))

    def runs_changed(self, after: int, limit: int = 1_000) -> tuple[list[RunView], int]:
        with self._reading() as db:
            return ([], after) if db is None else reads.runs_changed(db, after, limit, self._specs.reader(db))

    def last_change(self) -> int:
        with self._reading() as db:
            return 0 if db is None else reads.last_change(db)

    def events(self, run: RunKey, after_seq: int = 0, limit: int = 10_000) -> list[EventRow]:
        with self._reading() as db:
            return [] if db is None else reads.events(db, run, after_seq, limit, self._specs.reader(db))

    def payload(self, key: ActionKey, role: Role) -> bytes | None:
        with self._reading() as db:
            return None if db is None else reads.payload(db, key, role)

    def edges(self, run: RunKey) -> list[Edge]:
        with self._reading() as db:
            return [] if db is None else reads.edges(db, run)

    def launchable(self, now: Micros, limit: int = 1_000) -> list[Action]:
        with self._reading() as db:
            return [] if db is None else reads.launchable(db, now, limit, self._specs.reader(db))

    def in_flight(self) -> list[Action]:
        with self._reading() as db:
            return [] if db is None else reads.in_flight(db, self._specs.reader(db))

    def next_due(self, now: Micros, limit: int = 1_000) -> tuple[list[Action], Micros | None]:
        with self._reading() as db:
            return ([], None) if db is None else reads.next_due(db, now, limit, self._specs.reader(db))

    def outbox(self, limit: int = 1_000) -> list[OutboxItem]:
        with self._reading() as db:
            return [] if db is None else reads.outbox(db, limit)

    def scopes(self) -> list[tuple[str, str]]:
        with self._reading() as db:
            return [] if db is None else reads.scopes(db)

    def open_local_runs(self) -> list[RunRecord]:
        with self._reading() as db:
            return [] if db is None else reads.open_local_runs(db)

    def spec(self, digest: Digest) -> TaskSpec | None:
        with self._reading() as db:
            return None if db is None else reads.find_spec(db, digest)

    def data_version(self) -> int:
        """See `Store`. A connection kept for this alone: the number compares only with its own earlier ones."""
        with self._watcher_lock, connection.explained(self.path):
            if self._watcher is None:
                self._watcher = self._connect_reader()
            if isinstance(self._watcher, connection.Still):
                self._watcher.close()
                self._watcher = None
            if self._watcher is None:
                return 0
            return int(self._watcher.execute("PRAGMA data_version").get)


def _begin(db: apsw.Connection) -> None:
    """Start a reading transaction and take its snapshot at once."""
    if not db.in_transaction:
        db.execute("BEGIN")
    db.execute("SELECT 1 FROM schema_version").fetchall()
