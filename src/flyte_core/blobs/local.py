"""Blobs as files: each whole and on the disk before anybody hears of it, and never replaced."""

import errno
import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Final

from flyte_core.blobs.paths import segments
from flyte_core.model import AlreadyExists, Digest, FailedPrecondition, NotFound, ResourceExhausted

_CHUNK: Final = 1 << 20
_NO_ROOM: Final = (errno.ENOSPC, errno.EDQUOT)


class LocalBlobs:
    """Implements `BlobStore` on one directory. Safe for many threads and processes at once.

    A blob is written to a temporary file beside its place, forced to the disk, linked under its name
    (which fails if the name is taken) and made lasting by forcing the directory too. A crash at any
    point leaves either the whole blob or none, and at worst a temporary file.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def put(self, path: str, data: bytes | Iterator[bytes]) -> Digest:
        target = self._place(path)
        try:
            self._make_directories(target.parent)
            return self._put(path, target, [data] if isinstance(data, bytes) else data)
        except OSError as error:
            if isinstance(error, (FileExistsError, NotADirectoryError, IsADirectoryError)):
                raise AlreadyExists(
                    f"{path} cannot be a blob: a part of it is one, or other blobs lie below it.",
                    hint="Choose another path.",
                ) from error
            if error.errno in _NO_ROOM:
                raise ResourceExhausted(
                    f"The disk that holds {self._root} is full: {path} was not kept.",
                    hint="Free some space and try again.",
                ) from error
            raise

    def _put(self, path: str, target: Path, chunks: Iterable[bytes]) -> Digest:
        temporary = target.with_name(f".{os.getpid()}.{os.urandom(8).hex()}.part")
        digest = hashlib.sha256()
        with temporary.open("xb") as file:
            try:
                for chunk in chunks:
                    digest.update(chunk)
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
                self._link(path, temporary, target, digest.hexdigest())
            finally:
                temporary.unlink()
        # Also when it was there: whoever linked it may have died before this.
        sync_directory(target.parent)
        return Digest(digest.hexdigest())

    def _link(self, path: str, temporary: Path, target: Path, digest: str) -> None:
        try:
            os.link(temporary, target)
        except FileExistsError:
            if self._digest(target) != digest:
                raise AlreadyExists(
                    f"There is another blob called {path}.", hint="A blob is never replaced."
                ) from None

    def get(self, path: str, *, expect: Digest | None = None) -> bytes:
        with self._open(path) as file:
            data = file.read()
        found = hashlib.sha256(data).hexdigest()
        if expect is not None and found != expect:
            raise FailedPrecondition(
                f"{self.uri(path)} is damaged: its SHA-256 is {found}, not {expect}.",
                hint="Whatever wrote it must run again.",
            )
        return data

    def open(self, path: str, start: int = 0) -> Iterator[bytes]:
        file = self._open(path)
        file.seek(start)
        return _chunks(file)

    def size(self, path: str) -> int | None:
        try:
            with self._open(path) as file:
                return os.fstat(file.fileno()).st_size
        except NotFound:
            return None

    def uri(self, path: str) -> str:
        return str(self._root.joinpath(*segments(path)))

    def _place(self, path: str) -> Path:
        """The file of a blob.

        Raises:
            InvalidArgument: the path is none, by `segments`.
            FailedPrecondition: a link in the directory leads out of it.
        """
        place = self._root.joinpath(*segments(path))
        if not Path(os.path.realpath(place)).is_relative_to(os.path.realpath(self._root)):
            raise FailedPrecondition(
                f"{place} leads out of {self._root}.",
                hint="Remove the link that does; blobs are plain files.",
            )
        return place

    def _open(self, path: str) -> IO[bytes]:
        place = self._place(path)
        try:
            fd = os.open(place, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise NotFound(f"There is no blob {path} in {self._root}.") from error
        try:
            return os.fdopen(fd, "rb")
        except IsADirectoryError as error:
            os.close(fd)
            raise NotFound(f"{path} is no blob in {self._root}, but a directory.") from error

    def _digest(self, place: Path) -> str:
        with place.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def _make_directories(self, directory: Path) -> None:
        """Make what is missing, each level lasting before the next is made."""
        if directory.is_dir():
            return
        self._make_directories(directory.parent)
        directory.mkdir(mode=0o700, exist_ok=True)
        sync_directory(directory.parent)


def sync_directory(path: Path) -> None:
    """Force a directory's names to the disk: without it a new file may be gone after a power cut."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while chunk := file.read(_CHUNK):
            yield chunk
