"""Files of this machine."""

import contextlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Final

from flyte._storage import paths
from flyte._storage.places import Entry, Stat
from flyte_core import files


class LocalPlace:
    """Implements `Place` for paths and `file://`."""

    def stat(self, uri: str) -> Stat | None:
        try:
            found = _path(uri).stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        if not _path(uri).is_file():
            return None
        return Stat(found.st_size, f"{found.st_mtime_ns}-{found.st_ino}")

    def reader(self, uri: str, block_size: int) -> IO[bytes]:
        return _path(uri).open("rb", buffering=block_size)

    def writer(self, uri: str, chunk_size: int, max_concurrency: int) -> "LocalWriter":
        return LocalWriter(_path(uri))

    def files(self, uri: str, *, recursive: bool) -> Iterator[Entry]:
        root = _path(uri)
        for each in _files(root, recursive):
            yield Entry(str(each), each.relative_to(root).as_posix(), each.stat().st_size)


class LocalWriter:
    """A draft beside the file, which takes its place when it is closed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lasting = paths.lasting(path)
        files.make_directories(path.parent, durable=self._lasting)
        self._draft = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
        self._file = self._draft.open("wb")

    def write(self, data: Any, /) -> int:
        return self._file.write(data)

    def close(self) -> None:
        self._file.close()
        files.place(self._draft, self._path, durable=self._lasting)

    def abort(self) -> None:
        self._file.close()
        with contextlib.suppress(OSError):
            self._draft.unlink()


def _path(uri: str) -> Path:
    return Path(uri.removeprefix("file://")).expanduser()


def _files(directory: Path, recursive: bool) -> Iterator[Path]:
    for each in sorted(directory.iterdir(), key=lambda path: path.name):
        if each.is_dir():
            if recursive:
                yield from _files(each, recursive)
        elif each.is_file():
            yield each


LOCAL: Final = LocalPlace()
