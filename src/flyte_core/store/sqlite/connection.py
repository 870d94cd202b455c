"""Connections: how they are set up, how they wait for each other, and what their errors mean."""

import errno
import os
import random
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, Literal

import apsw

from flyte_core.model import CoreError, FailedPrecondition, ResourceExhausted, Unavailable
from flyte_core.store import paging

Durability = Literal["full", "normal"]

OLDEST_SQLITE: Final = (3, 51, 3)
"""Before it, two connections of one process could corrupt a WAL database (sqlite.org/wal.html#walresetbug)."""

LOCK_TIMEOUT_S: Final = 60.0

WRITER_CACHE_KIB: Final = 32 * 1024
READER_CACHE_KIB: Final = 8 * 1024
"""Upper bounds, used up only by large histories. A new action touches pages all over the index of names."""

_REMOTE: Final = frozenset(
    [
        "afs",
        "beegfs",
        "ceph",
        "cifs",
        "davfs",
        "glusterfs",
        "gpfs",
        "lustre",
        "ncpfs",
        "nfs",
        "nfs4",
        "smb3",
        "smbfs",
        "fuse.sshfs",
    ]
)


class Waiter:
    """Waits for another process's write to end: a busy handler for `apsw`.

    SQLite's own handler sleeps up to 100 ms at a time. A commit takes less than a tenth of that, so
    short sleeps, spread by chance, cost little and let every process have its turn soon.
    """

    def __init__(self, timeout_s: float = LOCK_TIMEOUT_S) -> None:
        self.timeout_s = timeout_s
        self._began = 0.0

    def __call__(self, tries: int) -> bool:
        now = time.monotonic()
        if tries == 0:
            self._began = now
        if now - self._began >= self.timeout_s:
            return False
        time.sleep(random.uniform(0.0002, min(0.004, 0.0005 * (tries + 1))))
        return True


def require_library(version: str | None = None) -> None:
    """Refuse a SQLite with a known way to lose data.

    Raises:
        FailedPrecondition: the library is older than `OLDEST_SQLITE`.
    """
    version = apsw.sqlite_lib_version() if version is None else version
    if tuple(int(part) for part in version.split(".")) < OLDEST_SQLITE:
        oldest = ".".join(map(str, OLDEST_SQLITE))
        raise FailedPrecondition(
            f"SQLite {version} can damage a history that several connections use; {oldest} or newer is needed.",
            hint="Install apsw from its wheel, which brings its own SQLite: pip install --upgrade apsw",
        )


def require_local(directory: Path, mounts: str | None = None) -> None:
    """Refuse a directory on a network file system, where locks and shared memory do not work.

    Args:
        directory: An existing directory.
        mounts: What `/proc/self/mountinfo` says; read when None.

    Raises:
        FailedPrecondition: it names the file system and the way out.
    """
    kind = filesystem(directory, mounts)
    if kind in _REMOTE:
        raise FailedPrecondition(
            f"{directory} lies on a network file system ({kind}), where a history cannot be kept safely.",
            hint="Set FLYTE_HOME to a directory on a local disk.",
        )


def filesystem(directory: Path, mounts: str | None = None) -> str:
    """The type of the file system a directory lies on; empty when it cannot be told."""
    if mounts is None:
        try:
            mounts = Path("/proc/self/mountinfo").read_text(errors="replace")
        except OSError:
            return ""
    real, best, kind = str(directory.resolve()), "", ""
    for line in mounts.splitlines():
        left, _, right = line.partition(" - ")
        fields = left.split()
        if len(fields) < 5 or not right:
            continue
        point = fields[4].encode().decode("unicode_escape")
        below = point == "/" or real == point or real.startswith(point + "/")
        if below and len(point) >= len(best):
            best, kind = point, right.split()[0]
    return kind


def make_room(path: Path) -> None:
    """Make the directory of a file, for its owner only; one that exists stays as it is.

    Raises:
        FailedPrecondition: that cannot be done; it names the directory.
        ResourceExhausted: the disk is full.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise _refused(path, error) from error


def make_private(path: Path) -> None:
    """Make a file that only its owner may read, before SQLite would make one for all. Never opens an old one.

    (To open and close a database that this process has open would drop SQLite's locks on it.)

    Raises:
        FailedPrecondition: the directory cannot be written.
        ResourceExhausted: the disk is full.
    """
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        pass
    except OSError as error:
        raise _refused(path, error) from error


class Still(apsw.Connection):
    """Reads a history that nobody can be writing, because its disk lets nobody write.

    SQLite otherwise needs to make files beside it, for reading too. What is written after the disk has
    room again is not seen: not to be kept.
    """

    def __init__(self, path: Path) -> None:
        flags = apsw.SQLITE_OPEN_NOMUTEX | apsw.SQLITE_OPEN_EXRESCODE | apsw.SQLITE_OPEN_READONLY
        super().__init__(f"{path.absolute().as_uri()}?immutable=1", flags=flags | apsw.SQLITE_OPEN_URI)


def stands_still(path: Path) -> bool:
    """Whether the database file is the whole history, and cannot be anything else for now."""
    log = path.with_name(f"{path.name}-wal")
    writable = os.access(path.parent, os.W_OK) and _disk_has_room(path)
    return not writable and not (log.exists() and log.stat().st_size)


def connect(path: Path, *, read_only: bool, durability: Durability, waiter: Waiter) -> apsw.Connection:
    """Open the file and set the connection up. A missing file is created unless `read_only`."""
    flags = apsw.SQLITE_OPEN_NOMUTEX | apsw.SQLITE_OPEN_EXRESCODE
    if read_only:
        flags |= apsw.SQLITE_OPEN_READONLY
    else:
        flags |= apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
    db = apsw.Connection(str(path), flags=flags)
    try:
        db.set_busy_handler(waiter)
        db.execute("PRAGMA foreign_keys = ON")
        db.execute("PRAGMA trusted_schema = OFF")
        db.execute("PRAGMA cell_size_check = ON")
        db.execute("PRAGMA mmap_size = 0")
        db.execute("PRAGMA temp_store = MEMORY")
        db.execute(f"PRAGMA cache_size = -{READER_CACHE_KIB if read_only else WRITER_CACHE_KIB}")
        if read_only:
            db.execute("PRAGMA query_only = ON")
        else:
            _use_wal(db, waiter.timeout_s)
            db.execute("PRAGMA synchronous = FULL" if durability == "full" else "PRAGMA synchronous = NORMAL")
            db.execute("PRAGMA fullfsync = ON")
            db.execute("PRAGMA wal_autocheckpoint = 1000")
            db.execute("PRAGMA journal_size_limit = 67108864")
    except BaseException:
        db.close()
        raise
    return db


def add_functions(db: apsw.Connection) -> None:
    """Give queries the search word's meaning (`paging.contains`), the same in every store."""
    db.create_scalar_function("contains_word", _contains, 3, deterministic=True)


def _contains(*texts: object) -> int:
    word, *where = map(str, texts)
    return int(paging.contains(word, *where))


def _use_wal(db: apsw.Connection, timeout_s: float) -> None:
    """Switch a new file to the write-ahead log. Two processes that try at once must take turns."""
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            mode = db.execute("PRAGMA journal_mode = WAL").get
        except apsw.BusyError:
            if time.monotonic() > deadline:
                raise
            time.sleep(random.uniform(0.001, 0.01))
            continue
        if mode != "wal":
            raise FailedPrecondition(
                f"{db.filename} cannot be kept with a write-ahead log (SQLite answered {mode!r}).",
                hint="Set FLYTE_HOME to a directory on a local disk.",
            )
        return


def explain(error: apsw.Error, path: Path) -> CoreError | None:
    """What a user should know about a failure of SQLite; None for one that is our own mistake."""
    match error:
        case apsw.FullError():
            return full(path)
        case apsw.BusyError() | apsw.LockedError() | apsw.ProtocolError():
            return Unavailable(
                f"Another process has kept {path} locked for {LOCK_TIMEOUT_S:.0f} s.",
                hint=f"See who has it open: fuser -v {path}; resume or end a stopped one.",
            )
        case apsw.ReadOnlyError() | apsw.PermissionsError() | apsw.CantOpenError() | apsw.AuthError():
            return unwritable(path, _why_not(path)) if _disk_has_room(path) else full(path)
        case apsw.CorruptError() | apsw.NotADBError():
            return FailedPrecondition(
                f"{path} is damaged or not a history database ({error}).",
                hint="Keep the file, restore a backup, or set FLYTE_HOME to another directory.",
            )
        case apsw.IOError():
            if not _disk_has_room(path):
                return full(path)
            return Unavailable(
                f"The disk that holds {path} failed ({error}).",
                hint="Nothing that was acknowledged before is lost; check the disk and start again.",
            )
        case apsw.NoMemError() | apsw.TooBigError():
            return ResourceExhausted(f"{path}: {error}.")
    return None


def full(path: Path) -> ResourceExhausted:
    return ResourceExhausted(
        f"The disk that holds {path} is full.",
        hint="Free some space; what was recorded before is safe and can still be read.",
    )


def unwritable(path: Path, reason: str = "") -> FailedPrecondition:
    because = f": {reason.lower()}" if reason else ""
    return FailedPrecondition(
        f"{path} cannot be opened or written by user {os.getuid()}{because}.",
        hint="Give yourself the right to write there, or set FLYTE_HOME to a directory of yours.",
    )


def _why_not(path: Path) -> str:
    with suppress(OSError):
        if os.statvfs(path.parent).f_flag & os.ST_RDONLY:
            return os.strerror(errno.EROFS)
    return ""


def _refused(path: Path, error: OSError) -> CoreError:
    return full(path) if error.errno == errno.ENOSPC else unwritable(path, error.strerror or str(error))


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn failures of SQLite into the core's errors, the cause kept."""
    try:
        yield
    except apsw.Error as error:
        told = explain(error, path)
        if told is None:
            raise
        raise told from error


def _disk_has_room(path: Path) -> bool:
    try:
        return shutil.disk_usage(path.parent).free > 64 * 1024
    except OSError:
        return True


def patiently(read: Callable[[], object], timeout_s: float = LOCK_TIMEOUT_S) -> None:
    """Run `read` again while SQLite refuses without asking the busy handler (a recovery, a closing WAL)."""
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            read()
            return
        except apsw.BusyError:
            if time.monotonic() > deadline:
                raise
            time.sleep(random.uniform(0.001, 0.01))
