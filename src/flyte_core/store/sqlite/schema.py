"""The schema: numbered migrations, applied once each, in order, under the write lock."""

import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import apsw

from flyte_core.frozen import frozen
from flyte_core.model import FailedPrecondition, SchemaTooNew
from flyte_core.store.backup import copy_database

_FOLDER: Final = Path(__file__).with_name("migrations")

VERSION: Final = 3
"""The schema this code writes."""

_MIN_READER: Final = {1: 1, 2: 1, 3: 1}
"""For each version: the oldest `VERSION` whose code may still work on it."""

_VERSIONS: Final = """
CREATE TABLE IF NOT EXISTS schema_version (
    version    INTEGER PRIMARY KEY,
    min_reader INTEGER NOT NULL,
    name       TEXT NOT NULL,
    sha256     TEXT NOT NULL,
    applied_at INTEGER NOT NULL
) STRICT
"""


@frozen
class Migration:
    version: int
    name: str
    sql: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()


def migrations(folder: Path = _FOLDER) -> list[Migration]:
    """All migrations, oldest first. Their numbers run from 1 without gaps."""
    found = [
        Migration(int(path.name.partition("_")[0]), path.stem, path.read_text())
        for path in sorted(folder.glob("*.sql"))
    ]
    if [m.version for m in found] != list(range(1, len(found) + 1)):
        raise RuntimeError(f"The migrations in {folder} are not numbered from 1 without gaps.")
    return found


def applied(db: apsw.Connection) -> int:
    """The version of the schema in this file; 0 for an empty one."""
    # Asked in SQL: what apsw answers about tables may be older than the snapshot.
    if not db.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'schema_version'").get:
        return 0
    return int(db.execute("SELECT coalesce(max(version), 0) FROM schema_version").get)


def prepare(db: apsw.Connection, path: Path) -> None:
    """Bring the file to `VERSION`. An old history is copied beside itself first.

    Raises:
        SchemaTooNew: newer code has changed the file in a way this code cannot work with.
        FailedPrecondition: the file belongs to something else, or to another edition of a migration.
    """
    with _snapshot(db):
        if not _behind(db, path):
            return
        found = applied(db)
    if found:
        copy_database(path, path.with_name(f"{path.name}.v{found}-{time.time_ns() // 1_000_000_000}.bak"))
    db.execute("BEGIN IMMEDIATE")
    try:
        if _behind(db, path):  # Another process may have been faster.
            _migrate(db)
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def require_readable(db: apsw.Connection, path: Path) -> bool:
    """Whether there is a history to read. False: the file is still empty.

    Raises:
        SchemaTooNew: newer code has changed the file in a way this code cannot read.
        FailedPrecondition: the file is of an older version and must be brought up first.
    """
    with _snapshot(db):
        if _empty(db):
            return False
        behind = _behind(db, path)
    if behind:
        raise FailedPrecondition(
            f"{path} has schema {applied(db)}; this version reads schema {VERSION}.",
            hint="`flyte start server` brings it up to date and keeps a copy.",
        )
    return True


@contextmanager
def _snapshot(db: apsw.Connection) -> Iterator[None]:
    """One view of the file over several questions: another process may be making the tables now."""
    db.execute("BEGIN")
    try:
        yield
    finally:
        db.execute("COMMIT")


def _empty(db: apsw.Connection) -> bool:
    return not db.execute("SELECT count(*) FROM sqlite_schema").get


def _behind(db: apsw.Connection, path: Path) -> bool:
    """Whether a migration is missing. Refuses files that are not ours or too new."""
    found = applied(db)
    if found == 0:
        if not _empty(db):
            raise FailedPrecondition(
                f"{path} is a database of something else.",
                hint="Move it away, or set FLYTE_HOME to another directory.",
            )
        return True
    if found > VERSION:
        newest = db.execute("SELECT min_reader FROM schema_version WHERE version = ?", (found,)).get
        if newest > VERSION:
            raise SchemaTooNew(
                f"{path} was written by a newer version: it has schema {found}, this version knows {VERSION}.",
                hint="Install that version or a newer one, or set FLYTE_HOME to another directory.",
            )
    rows: list[Any] = db.execute("SELECT version, sha256 FROM schema_version").fetchall()
    editions: dict[int, str] = dict(rows)
    for migration in migrations():
        if editions.get(migration.version, migration.sha256) != migration.sha256:
            raise FailedPrecondition(
                f"{path} was made by an edition of schema {migration.version} that was never released.",
                hint="Move it away, or set FLYTE_HOME to another directory.",
            )
    return found < VERSION


def _migrate(db: apsw.Connection) -> None:
    db.execute(_VERSIONS)
    found = applied(db)
    for migration in migrations():
        if migration.version > found:
            db.execute(migration.sql)
            db.execute(
                "INSERT INTO schema_version VALUES (?, ?, ?, ?, ?)",
                (
                    migration.version,
                    _MIN_READER[migration.version],
                    migration.name,
                    migration.sha256,
                    time.time_ns() // 1000,
                ),
            )
