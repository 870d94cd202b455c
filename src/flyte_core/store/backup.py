"""Copies of a history that is in use. Copying the files themselves would tear them."""

import os
from pathlib import Path

import apsw

from flyte_core.files import sync_directory, sync_file
from flyte_core.model import AlreadyExists, FailedPrecondition


def copy_database(source: Path, target: Path) -> None:
    """Write a consistent copy of a live SQLite database; writers and readers go on meanwhile.

    The copy is checked, complete and on the disk when this returns; on failure there is none.

    Raises:
        AlreadyExists: `target` exists.
        FailedPrecondition: `source` is damaged.
    """
    if target.exists():
        raise AlreadyExists(f"{target} already exists.", hint="Name another file for the copy.")
    unfinished = target.with_name(f"{target.name}.{os.getpid()}.part")
    try:
        _copy(source, unfinished)
        sync_file(unfinished)
        os.link(unfinished, target)
    finally:
        unfinished.unlink(missing_ok=True)
    sync_directory(target.parent)


def _copy(source: Path, target: Path) -> None:
    old = apsw.Connection(str(source), flags=apsw.SQLITE_OPEN_READONLY)
    new = apsw.Connection(str(target))
    try:
        old.set_busy_timeout(60_000)
        # All pages in one step: one read transaction, so a busy writer cannot make it start over.
        with new.backup("main", old, "main") as backup:
            backup.step(-1)
        # A copy stands alone: one file, no log beside it.
        new.execute("PRAGMA journal_mode = DELETE")
        verdict = new.execute("PRAGMA quick_check(1)").get
        if verdict != "ok":
            raise FailedPrecondition(f"{source} is damaged: {verdict}", hint="Restore an older copy.")
    finally:
        new.close()
        old.close()
