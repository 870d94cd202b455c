"""What values by reference hash as: by their content, or as their maker says."""

import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final, Protocol, runtime_checkable

CONTENT: Final = "sha256:"
"""Begins a hash that is of the content, so that the content can be checked against it."""

LOOK: Final = "stat:"
"""Begins a hash of what a file looks like from outside; it is for keys, and never shown to a task."""


@runtime_checkable
class HashMethod(Protocol):
    """Makes the hash of a value: given its parts one by one, then asked."""

    def update(self, data: Any, /) -> None: ...

    def result(self) -> str: ...


class HashFunction:
    """A hash method made of a function of the whole value.

    Of a file the function gets all its bytes, of a data frame the frame.
    """

    def __init__(self, fn: Callable[[Any], str]) -> None:
        self._fn = fn
        self._value: Any = b""

    @classmethod
    def from_fn(cls, fn: Callable[[Any], str]) -> "HashFunction":
        """The hash method that a function is."""
        return cls(fn)

    def update(self, data: Any, /) -> None:
        """Give it the next part: bytes are joined, anything else is the value."""
        if isinstance(data, bytes | bytearray | memoryview) and isinstance(self._value, bytes):
            self._value += bytes(data)
        else:
            self._value = data

    def result(self) -> str:
        """What the function makes of the value. The next update begins another one."""
        value, self._value = self._value, b""
        return self._fn(value)


class Content:
    """The hash method that is used unless another one is given: SHA-256."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()

    def update(self, data: Any, /) -> None:
        self._digest.update(data)

    def result(self) -> str:
        return CONTENT + self._digest.hexdigest()


def of_file(path: Path) -> str:
    """The content hash of a file of this machine."""
    with path.open("rb") as file:
        return CONTENT + hashlib.file_digest(file, "sha256").hexdigest()


def of_content(path: Path) -> str | None:
    """The content hash of a file or directory of this machine; None: nothing is there."""
    if path.is_dir():
        found = [each for each in path.rglob("*") if each.is_file()]
        return of_listing((each.relative_to(path).as_posix(), of_file(each)) for each in found)
    return of_file(path) if path.exists() else None


def of_listing(entries: Iterable[tuple[str, str]], prefix: str = CONTENT) -> str:
    """The hash of a directory: of its files' names, relative to it, and what each of them hashes as."""
    digest = hashlib.sha256()
    for name, each in sorted(entries):
        digest.update(f"{len(name.encode())}:{name}{len(each)}:{each}".encode())
    return prefix + digest.hexdigest()


def of_look(path: Path) -> str | None:
    """What a file or directory of this machine looks like: names, sizes and times; None: nothing is there.

    It changes when the content does, without being read.
    """
    if path.is_dir():
        found = sorted(each for each in path.rglob("*") if each.is_file())
        return of_listing(((each.relative_to(path).as_posix(), _look(each)) for each in found), LOOK)
    return LOOK + _look(path) if path.exists() else None


def _look(path: Path) -> str:
    found = path.stat()
    return f"{found.st_size}-{found.st_mtime_ns}"
