"""`SqliteStore`: one writer with group commit, readers beside it, one file shared by many processes."""

import atexit
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

import apsw

from flyte_core.model import (
    Action,
    ActionKey,
    ActionName,
    Digest,
    FailedPrecondition,
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
from flyte_core.store.sqlite.tx import SqliteTx

T = TypeVar("T")

GROUP: Final = 256
"""How many units of work are committed together at the most."""
IDLE_CHECKPOINT_S: Final = 5.0
"""After so long without a write the log is folded into the database."""


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
        self._write_lock = threading.Lock()
        self._db: apsw.Connection | None = None
        self._works: queue.SimpleQueue[_Work | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._thread_lock = threading.Lock()
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
                    store._readers.put(reader)
            return store
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise connection.unwritable(path) from error
        connection.require_local(path.parent)
        with connection.explained(path):
            store._db = connection.connect(path, read_only=False, durability=durability, waiter=Waiter())
            try:
                schema.prepare(store._db, path)
            except BaseException:
                store._db.close()
                raise
        return store

    # --- writing ---

    def transact(self, work: Callable[[Tx], T]) -> T:
        with self._write_lock, connection.explained(self.path):
            db = self._writer()
            tx = SqliteTx(db, self._specs)
            db.execute("BEGIN IMMEDIATE")
            try:
                result = work(tx)
                tx.flush()
                db.execute("COMMIT")
            except BaseException:
                if db.in_transaction:
                    db.execute("ROLLBACK")
                raise
            self._learn(tx)
            return result

    def submit(self, work: Callable[[Tx], T]) -> Future[T]:
        future: Future[T] = Future()
        with self._thread_lock:
            if self._closed or self.read_only:
                raise self._refusal()
            if self._thread is None:
                self._thread = threading.Thread(target=self._write_for_ever, name="store-writer", daemon=True)
                self._thread.start()
                atexit.register(self.close)
        self._works.put(_Work(work, future))
        return future

    def _write_for_ever(self) -> None:
        idle = False
        while True:
            try:
                first = self._works.get(timeout=None if idle else IDLE_CHECKPOINT_S)
            except queue.Empty:
                self._fold_log()
                idle = True
                continue
            idle = False
            group: list[_Work] = []
            ended = first is None
            if first is not None:
                group.append(first)
                while len(group) < GROUP:
                    try:
                        more = self._works.get_nowait()
                    except queue.Empty:
                        break
                    if more is None:
                        ended = True
                        break
                    group.append(more)
            if group:
                self._commit(group)
            if ended:
                return

    def _commit(self, group: Sequence["_Work"]) -> None:
        """Run a group of works in one transaction; answer each once it is committed."""
        wanted = [w for w in group if w.future.set_running_or_notify_cancel()]
        done: list[tuple[_Work, Any]] = []
        failed: list[tuple[_Work, BaseException]] = []
        try:
            with self._write_lock, connection.explained(self.path):
                db = self._writer()
                db.execute("BEGIN IMMEDIATE")
                try:
                    learned = []
                    for work in wanted:
                        tx = SqliteTx(db, self._specs, savepoint=True)
                        try:
                            result = work.run(tx)
                            tx.flush()
                        except apsw.Error:
                            raise
                        except BaseException as error:
                            if tx.marked:
                                db.execute("ROLLBACK TO work")
                                db.execute("RELEASE work")
                            failed.append((work, error))
                            continue
                        if tx.marked:
                            db.execute("RELEASE work")
                        learned.append(tx)
                        done.append((work, result))
                    db.execute("COMMIT")
                except BaseException:
                    if db.in_transaction:
                        db.execute("ROLLBACK")
                    raise
                for tx in learned:
                    self._learn(tx)
        except BaseException as error:
            if len(wanted) > 1 and isinstance(error, apsw.Error | FailedPrecondition):
                # One of them broke the whole transaction: find out which, one by one.
                for work in wanted:
                    self._commit_alone(work)
                return
            for work in wanted:
                work.future.set_exception(error)
            return
        for work, result in done:
            work.future.set_result(result)
        for work, reason in failed:
            work.future.set_exception(reason)

    def _commit_alone(self, work: "_Work") -> None:
        try:
            work.future.set_result(self.transact(work.run))
        except BaseException as error:
            work.future.set_exception(error)

    def _learn(self, tx: SqliteTx) -> None:
        for spec_id, spec in tx.learned.values():
            self._specs.learn(spec_id, spec)

    def _writer(self) -> apsw.Connection:
        if self._db is None:
            raise self._refusal()
        return self._db

    def _refusal(self) -> Unavailable:
        return Unavailable(
            f"{self.path} was opened only for reading." if self.read_only else f"{self.path} is closed."
        )

    def _fold_log(self) -> None:
        with self._write_lock:
            if self._db is not None:
                try:
                    self._db.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
                except apsw.Error:
                    return  # Somebody reads or writes; the next idle moment will do.

    def close(self) -> None:
        with self._thread_lock:
            if self._closed:
                return
            self._closed = True
            thread = self._thread
        if thread is not None:
            self._works.put(None)
            if thread is not threading.current_thread():
                thread.join()
            atexit.unregister(self.close)
        with self._write_lock:
            if self._db is not None:
                self._db.close()
                self._db = None
        with self._watcher_lock:
            if self._watcher is not None:
                self._watcher.close()
                self._watcher = None
        while True:
            try:
                self._readers.get_nowait().close()
            except queue.Empty:
                return

    # --- reading ---

    def _connect_reader(self) -> apsw.Connection | None:
        """A new reading connection; None while there is no history to read."""
        if self.read_only and not self.path.exists():
            return None
        db = connection.connect(self.path, read_only=True, durability=self._durability, waiter=Waiter())
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
            raise self._refusal()
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
                self._readers.put(db)

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

    def counts(self, run: RunKey) -> PhaseCounts:
        with self._reading() as db:
            return PhaseCounts(0) if db is None else reads.counts(db, run)

    def changes(
        self, run: RunKey, after_seq: int, parent: ActionName | None = None, limit: int = 10_000
    ) -> Changes:
        with self._reading() as db:
            if db is None:
                return Changes((), after_seq)
            return reads.changes(db, run, after_seq, parent, limit, self._specs.reader(db))

    def runs_changed(self, after: int, limit: int = 1_000) -> tuple[list[RunView], int]:
        with self._reading() as db:
            return ([], after) if db is None else reads.runs_changed(db, after, limit, self._specs.reader(db))

    def events(self, run: RunKey, after_seq: int = 0, limit: int = 10_000) -> list[EventRow]:
        with self._reading() as db:
            return [] if db is None else reads.events(db, run, after_seq, limit, self._specs.reader(db))

    def payload(self, key: ActionKey, role: Role) -> bytes | None:
        with self._reading() as db:
            return None if db is None else reads.payload(db, key, role)

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
            if self._watcher is None:
                return 0
            return int(self._watcher.execute("PRAGMA data_version").get)


class _Work:
    """A unit of work on its way to the writer thread."""

    __slots__ = ("future", "run")

    def __init__(self, run: Callable[[Tx], Any], future: Future[Any]) -> None:
        self.run = run
        self.future = future


def _begin(db: apsw.Connection) -> None:
    """Start a reading transaction and take its snapshot at once."""
    if not db.in_transaction:
        db.execute("BEGIN")
    db.execute("SELECT 1 FROM schema_version").fetchall()
