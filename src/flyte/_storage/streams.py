"""Open files: what is written is hashed, what is read is checked, and code on a loop may await both."""

import asyncio
import bz2
import contextvars
import gzip
import io
import lzma
import os
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any, Final, Literal, TypeVar

from flyte._io.hashing import CONTENT, Content, HashMethod
from flyte._storage.places import CHUNK, PARALLEL_PARTS, Writer, place_of
from flyte.errors import RuntimeSystemError, RuntimeUserError

T = TypeVar("T")

BLOCK: Final = 1 << 20
"""Bytes that a reader fetches at once, unless told otherwise."""

_THREADS: Final = 32
_SUFFIXES: Final = {".gz": "gzip", ".bz2": "bz2", ".xz": "xz"}

_pool: tuple[int, ThreadPoolExecutor] | None = None


class Sink(io.BufferedIOBase):
    """A file that is being written, front to back, and hashed on the way."""

    def __init__(self, writer: Writer, method: HashMethod) -> None:
        self._writer: Writer | None = writer
        self._method = method
        self._at = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        if self._writer is None:
            raise ValueError("The file is closed.")
        view = memoryview(data).cast("B")
        self._writer.write(view)
        self._method.update(view)
        self._at += view.nbytes
        return view.nbytes

    def tell(self) -> int:
        return self._at

    def close(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()
        super().close()

    def abort(self) -> None:
        """Leave nothing behind, if it is not closed yet."""
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.abort()
        super().close()


class Checked(io.RawIOBase):
    """A file whose content is known: reading it to its end tells whether it is that content."""

    def __init__(self, inner: IO[bytes], uri: str, expected: str) -> None:
        self._inner = inner
        self._uri = uri
        self._expected = expected
        self._digest = Content()
        self._seen = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._inner.fileno()

    def readinto(self, buffer: Any, /) -> int:
        before = self._inner.tell()
        count: int = self._inner.readinto(buffer)  # type: ignore[attr-defined]
        if before == self._seen:
            self._digest.update(memoryview(buffer)[:count])
            self._seen += count
            if count == 0 and len(buffer):
                check(self._uri, self._expected, self._digest.result())
        return count

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        return self._inner.seek(offset, whence)

    def tell(self) -> int:
        return self._inner.tell()

    def close(self) -> None:
        self._inner.close()
        super().close()


def check(uri: str, expected: str, found: str) -> None:
    """Refuse content that is not what its hash says.

    Raises:
        RuntimeSystemError: it is not.
    """
    if found != expected:
        raise RuntimeSystemError(
            f"{uri} is damaged: its content is {found}, and {expected} was recorded.",
            code="DataCorrupted",
            hint="It was changed after it was written; run the task that made it again.",
        )


def open_reader(
    uri: str, mode: str, *, expected: str = "", block_size: int = BLOCK, compression: str | None = None
) -> IO[Any]:
    """Open a file for reading: bytes, or text with a `t` in the mode or no `b`.

    Args:
        expected: The hash of its content, if that is known.

    Raises:
        FileNotFoundError: it is not there.
    """
    found = place_of(uri).reader(uri, block_size)
    if expected.startswith(CONTENT):
        found = io.BufferedReader(Checked(found, uri, expected), block_size)
    return _dressed(found, uri, mode, compression, "rb")


def open_writer(
    uri: str,
    mode: str,
    method: HashMethod,
    *,
    compression: str | None = None,
    chunk_size: int = CHUNK,
    max_concurrency: int = PARALLEL_PARTS,
) -> tuple[IO[Any], Sink]:
    """Open a file for writing; also what is below it, to abort it."""
    sink = Sink(place_of(uri).writer(uri, chunk_size, max_concurrency), method)
    return _dressed(sink, uri, mode, compression, "wb"), sink


def _dressed(raw: Any, uri: str, mode: str, compression: str | None, binary: Literal["rb", "wb"]) -> IO[Any]:
    if compression == "infer":
        compression = _SUFFIXES.get(Path(uri).suffix)
    if compression == "gzip":
        raw = gzip.GzipFile(fileobj=raw, mode=binary, mtime=0)
    elif compression == "bz2":
        raw = bz2.BZ2File(raw, binary)
    elif compression == "xz":
        raw = lzma.LZMAFile(raw, binary)  # noqa: SIM115
    elif compression is not None:
        raise RuntimeUserError(
            f"Files cannot be compressed as {compression!r}.", hint="Use gzip, bz2, xz or infer."
        )
    found: IO[Any] = raw if "b" in mode else io.TextIOWrapper(raw, encoding="utf-8", newline=None)
    return found


class AsyncFile:
    """An open file for code on an event loop: what `IO` has, to be awaited."""

    def __init__(self, inner: IO[Any]) -> None:
        self._inner = inner

    async def read(self, size: int = -1, /) -> Any:
        return await off_loop(self._inner.read, size)

    async def readline(self, size: int = -1, /) -> Any:
        return await off_loop(self._inner.readline, size)

    async def readlines(self, hint: int = -1, /) -> list[Any]:
        return await off_loop(self._inner.readlines, hint)

    async def readall(self) -> Any:
        return await off_loop(self._inner.read)

    async def write(self, data: Any, /) -> int:
        return await off_loop(self._inner.write, data)

    async def writelines(self, lines: Any, /) -> None:
        await off_loop(self._inner.writelines, lines)

    async def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        return await off_loop(self._inner.seek, offset, whence)

    async def tell(self) -> int:
        return await off_loop(self._inner.tell)

    async def flush(self) -> None:
        await off_loop(self._inner.flush)

    async def close(self) -> None:
        await off_loop(self._inner.close)

    @property
    def closed(self) -> bool:
        return self._inner.closed

    def seekable(self) -> bool:
        return self._inner.seekable()

    async def __aiter__(self) -> AsyncIterator[Any]:
        while line := await self.readline():
            yield line


async def off_loop(call: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """Call something that waits for a disk or a network, on a thread that may wait."""
    place = contextvars.copy_context()
    return await asyncio.get_running_loop().run_in_executor(
        threads(), lambda: place.run(call, *args, **kwargs)
    )


def threads() -> ThreadPoolExecutor:
    """The threads of this process that wait for storage."""
    global _pool
    if _pool is None or _pool[0] != os.getpid():
        _pool = (os.getpid(), ThreadPoolExecutor(_THREADS, "flyte-storage"))
    return _pool[1]
