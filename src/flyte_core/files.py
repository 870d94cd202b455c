"""Files that are whole, and there after a power failure, before anybody hears of them.

The recipe: a temporary file beside the place, its bytes forced to the disk, its name moved or linked into
place, the directory forced too. A crash at any point leaves what was there before or the whole new file,
and at worst a temporary one.
"""

import os
import threading
from collections.abc import Iterable
from pathlib import Path


def write(path: Path, *parts: bytes | memoryview, durable: bool = True) -> None:
    """Put a whole file in place, part after part; replaces what was there.

    Without `durable` its bytes are in the operating system's hands, which outlives `kill -9`.

    Raises:
        OSError: the disk is full, or the directory cannot be written; nothing has changed.
    """
    make_directories(path.parent, durable=durable)
    draft = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
    try:
        with draft.open("wb") as file:
            file.writelines(parts)
        place(draft, path, durable=durable)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def place(draft: Path, path: Path, *, durable: bool = True) -> None:
    """Give a written file, or a directory of forced ones, its name; the second half of `write`."""
    if durable:
        sync_file(draft)
    draft.replace(path)
    if durable:
        sync_directory(path.parent)


def make_directories(directory: Path, *, durable: bool = True) -> None:
    """Make what is missing, each level lasting before the next is made."""
    if directory.is_dir():
        return
    make_directories(directory.parent, durable=durable)
    directory.mkdir(exist_ok=True)
    if durable:
        sync_directory(directory.parent)


def sync_file(path: Path, directories: Iterable[Path] = ()) -> None:
    """Force a file that somebody else wrote to the disk, with the names that lead to it."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
    for directory in directories:
        sync_directory(directory)


def sync_directory(path: Path) -> None:
    """Force a directory's names to the disk: without it a new file may be gone after a power failure."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
