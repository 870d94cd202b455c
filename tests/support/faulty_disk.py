"""A disk for SQLite that can be full or broken at will: a VFS in front of the real one."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager

import apsw

_numbers = itertools.count()


class FaultyDisk(apsw.VFS):
    """Every new connection of this process goes through it while `installed`.

    `fail_at`: the writes and syncs from this one on (counted from 1) fail; `failures` bounds how many.
    """

    def __init__(self) -> None:
        self.name = f"faulty{next(_numbers)}"
        self.full = False
        self.broken = False
        self.fail_at: int | None = None
        self.failures = 1
        self.operations = 0
        super().__init__(self.name, "", makedefault=True)

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:
        return _File(self, name, flags)

    def touch(self) -> None:
        """Count an operation, and fail if it is its turn."""
        self.operations += 1
        if self.full:
            raise apsw.FullError("the test says the disk is full")
        due = self.fail_at is not None and self.operations >= self.fail_at and self.failures > 0
        if due:
            self.failures -= 1
        if due or self.broken:
            raise apsw.IOError("the test says the disk is broken")


class _File(apsw.VFSFile):
    def __init__(self, disk: FaultyDisk, name: str | apsw.URIFilename | None, flags: list[int]) -> None:
        super().__init__("unix", name, flags)
        self._disk = disk

    def xWrite(self, data: bytes, offset: int) -> None:
        self._disk.touch()
        super().xWrite(data, offset)

    def xSync(self, flags: int) -> None:
        self._disk.touch()
        super().xSync(flags)

    def xTruncate(self, newsize: int) -> None:
        self._disk.touch()
        super().xTruncate(newsize)


@contextmanager
def installed() -> Iterator[FaultyDisk]:
    """A faulty disk under all connections opened meanwhile; close them before it ends."""
    disk = FaultyDisk()
    try:
        yield disk
    finally:
        disk.unregister()
