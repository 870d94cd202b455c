"""The writing connection: units of work in the caller's turn, or committed in groups by a thread."""

import atexit
import logging
import os
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

import apsw

from flyte_core.model import CoreError, InvalidArgument, Unavailable
from flyte_core.store.ports import Tx
from flyte_core.store.sqlite import connection, schema
from flyte_core.store.sqlite.decoded import Decoded
from flyte_core.store.sqlite.specs import Specs
from flyte_core.store.sqlite.tx import SqliteTx

T = TypeVar("T")

log = logging.getLogger(__name__)

GROUP: Final = 256
"""At most so many units of work share a commit."""
GROUP_S: Final = 0.05
"""A group that has worked so long is committed, whatever still waits: others want the lock too."""
IDLE_S: Final = 5.0
"""After so long without work the log is folded into the database."""
LARGE_LOG_BYTES: Final = 256 * 1024 * 1024


@dataclass(slots=True)
class _Work:
    """A unit of work on its way to the writer thread, and what became of it there."""

    run: Callable[[Tx], Any]
    future: Future[Any] = field(default_factory=Future)
    result: Any = None
    failure: BaseException | None = None

    def answer(self) -> None:
        if self.failure is not None:
            self.future.set_exception(self.failure)
        else:
            self.future.set_result(self.result)


class Writer:
    """One connection that writes, shared by the threads of this process."""

    def __init__(self, path: Path, durability: connection.Durability, known: Specs) -> None:
        self._path = path
        self._known = known
        self._decoded = Decoded()
        self._pid = os.getpid()
        self._waiter = connection.Waiter()
        self._lock = threading.Lock()
        """Held while the connection is in use."""
        self._holder = 0
        """The thread that holds it, so that a unit of work within another is an error and not a deadlock."""
        self._refusal: CoreError | None = None
        """Why nothing can be written any more."""
        self._queue: queue.SimpleQueue[_Work | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._thread_lock = threading.Lock()
        self._closing = False
        with connection.explained(path):
            self._db = connection.connect(path, read_only=False, durability=durability, waiter=self._waiter)
            try:
                schema.prepare(self._db, path)
            except BaseException:
                self._db.close()
                raise

    def transact(self, work: Callable[[Tx], T]) -> T:
        """Run `work` in a transaction of its own, in this thread; it is committed on return."""
        with self._turn() as db:
            tx = SqliteTx(db, self._known, self._decoded)
            db.execute("BEGIN IMMEDIATE")
            result = work(tx)
            tx.flush()
            db.execute("COMMIT")
            self._learn(tx)
            return result

    def submit(self, work: Callable[[Tx], T]) -> Future[T]:
        """Queue `work` for the writer thread, which answers once it is committed."""
        queued = _Work(work)
        with self._thread_lock:
            if self._refusal is not None:
                raise self._refusal
            if self._closing:
                raise Unavailable(f"{self._path} is closed.")
            if self._thread is None:
                self._thread = threading.Thread(target=self._write, name="history-writer", daemon=True)
                self._thread.start()
                atexit.register(self.close)
            self._queue.put(queued)
        return queued.future

    def _write(self) -> None:
        """The writer thread: group after group, until it is told to end."""
        idle = False
        while True:
            try:
                first = self._queue.get(timeout=None if idle else IDLE_S)
            except queue.Empty:
                self.fold()
                idle = True
                continue
            if first is None:
                return
            idle = False
            if first.future.set_running_or_notify_cancel():
                self._group(first)

    def _group(self, first: _Work) -> None:
        """Commit `first` and what is queued behind it, then answer."""
        taken = [first]
        try:
            with self._turn() as db:
                self._commit(db, taken)
        except BaseException as error:
            # Nothing of the group was recorded.
            if len(taken) > 1 and self._refusal is None:
                self._one_by_one(taken)
            else:
                for work in taken:
                    work.failure = error
        for work in taken:
            work.answer()

    def _commit(self, db: apsw.Connection, taken: list[_Work]) -> None:
        until = time.monotonic() + GROUP_S
        db.execute("BEGIN IMMEDIATE")
        written = list(self._within(db, taken[0]))
        while len(taken) < GROUP and time.monotonic() < until:
            try:
                following = self._queue.get_nowait()
            except queue.Empty:
                break
            if following is None:
                self._queue.put(None)
                break
            if following.future.set_running_or_notify_cancel():
                taken.append(following)
                written += self._within(db, following)
        db.execute("COMMIT")
        for tx in written:
            self._learn(tx)

    def _within(self, db: apsw.Connection, work: _Work) -> Sequence[SqliteTx]:
        """Run one unit of a group; if it fails by itself, undo it alone."""
        tx = SqliteTx(db, self._known, self._decoded, savepoint=True)
        try:
            work.result = work.run(tx)
            tx.flush()
        except apsw.Error:
            raise
        except BaseException as error:
            work.failure = self._explain(error)
            if tx.marked:
                db.execute("ROLLBACK TO work")
                db.execute("RELEASE work")
            return ()
        if tx.marked:
            db.execute("RELEASE work")
        return (tx,)

    def _one_by_one(self, works: Sequence[_Work]) -> None:
        """One unit broke the whole transaction: let each succeed or fail on its own."""
        for work in works:
            work.result, work.failure = None, None
            try:
                work.result = self.transact(work.run)
            except BaseException as error:
                work.failure = error

    @contextmanager
    def _turn(self) -> Iterator[apsw.Connection]:
        """The connection, for this thread alone. What is not committed when it ends is undone."""
        if self._holder == threading.get_ident():
            raise RuntimeError("A unit of work cannot start another one.")
        if os.getpid() != self._pid:
            raise RuntimeError(f"{self._path} was opened before a fork; open it again in the child.")
        with self._lock:
            if self._refusal is not None:
                raise self._refusal
            self._holder = threading.get_ident()
            try:
                yield self._db
            except BaseException as error:
                told = self._explain(error)
                if told is error:
                    raise
                raise told from error
            finally:
                self._holder = 0
                self._undo()

    def _explain(self, error: BaseException) -> BaseException:
        """The error as the caller shall see it."""
        if isinstance(error, UnicodeEncodeError):
            return InvalidArgument(f"Text that is not valid Unicode cannot be recorded: {error}.")
        told = connection.explain(error, self._path) if isinstance(error, apsw.Error) else None
        if isinstance(error, apsw.IOError) and isinstance(told, Unavailable):
            # What the disk holds is not known any more: acknowledge nothing until a new start.
            self._refusal = told
        return told or error

    def _undo(self) -> None:
        try:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
        except apsw.Error as error:
            self._refusal = connection.explain(error, self._path) or Unavailable(str(error))

    def _learn(self, tx: SqliteTx) -> None:
        for spec_id, spec in tx.learned.values():
            self._known.learn(spec_id, spec)

    def fold(self) -> None:
        """Move the log into the database and empty it, if nobody is in the way."""
        with self._lock:
            patience, self._waiter.timeout_s = self._waiter.timeout_s, 0.0
            try:
                self._db.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
            except apsw.BusyError:
                size = self.log_bytes()
                if size > LARGE_LOG_BYTES:
                    log.warning("a reader keeps the history's log from shrinking", extra={"bytes": size})
            except apsw.Error as error:
                log.warning("the history's log could not be folded", extra={"error": str(error)})
            finally:
                self._waiter.timeout_s = patience

    def log_bytes(self) -> int:
        """How large the write-ahead log is."""
        try:
            return self._path.with_name(f"{self._path.name}-wal").stat().st_size
        except FileNotFoundError:
            return 0

    def close(self) -> None:
        """Finish what is queued, then let go of the file."""
        if os.getpid() != self._pid:
            return
        with self._thread_lock:
            thread, self._thread = self._thread, None
            self._closing = True
        if thread is not None:
            self._queue.put(None)
            thread.join()
            atexit.unregister(self.close)
        with self._lock:
            self._refusal = Unavailable(f"{self._path} is closed.")
            self._db.close()
