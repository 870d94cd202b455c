"""Pickles: small ones inline, large ones as files that are mapped into memory rather than read.

A file holds the pickle and, beside it, the buffers of arrays and the like as they lay in memory
(pickle protocol 5). So writing copies nothing, and reading maps them: pages are loaded when they
are touched, and changes stay private to the process.
"""

import mmap
import pickle
import struct
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, NamedTuple

from flyteidl2.core.literals_pb2 import Literal

from flyte import _context
from flyte._storage import paths
from flyte.errors import RuntimeSystemError
from flyte_core import files

LARGE: Final = 64 * 1024
"""Bytes from which a pickle is a file, where there is a place for files."""

FORMAT: Final = "PythonPickle"
"""What the wire calls a pickle in a file."""

_MAGIC: Final = b"GODWITP1"
_ALIGNMENT: Final = 64

_MOST_SEEN: Final = 10_000
_seen: dict[str, Path] = {}
"""Files of pickles that were written or read here, by the hash of their content: a value that is
passed on is not written again."""


class Stored(NamedTuple):
    """A pickle in a file, and the hash of its content."""

    uri: str
    sha256: str


def refer(literal: Literal, stored: Stored) -> None:
    """Make a literal stand for a pickle in a file."""
    blob = literal.scalar.blob
    blob.uri = stored.uri
    blob.metadata.type.format = FORMAT
    literal.hash = stored.sha256


def is_stored(literal: Literal) -> bool:
    """Whether a literal stands for a pickle in a file."""
    scalar = literal.scalar
    return scalar.WhichOneof("value") == "blob" and scalar.blob.metadata.type.format == FORMAT


def dump(value: Any) -> bytes | Stored:
    """Pickle a value: as bytes, or as a file below the running attempt's directory when it is large.

    Raises whatever its pickling raises.
    """
    import cloudpickle

    buffers: list[pickle.PickleBuffer] = []
    data: bytes = cloudpickle.dumps(value, protocol=5, buffer_callback=buffers.append)
    parts = [memoryview(data), *(each.raw() for each in buffers)]
    directory = _directory() if sum(each.nbytes for each in parts) >= LARGE else None
    if directory is not None:
        return _store(parts, directory)
    if buffers:
        data = cloudpickle.dumps(value, protocol=5)
    return data


def dump_bytes(value: bytes) -> Stored | None:
    """The same for bytes, which are not copied; None: they are small, or there is no place for files."""
    directory = _directory() if len(value) >= LARGE else None
    if directory is None:
        return None
    data = pickle.dumps(_Bytes(value), protocol=5, buffer_callback=lambda _: None)
    return _store([memoryview(data), memoryview(value)], directory)


class _Bytes:
    """Pickles as bytes that lie beside the pickle."""

    def __init__(self, value: bytes) -> None:
        self._value = value

    def __reduce__(self) -> tuple[Any, ...]:
        return bytes, (pickle.PickleBuffer(self._value),)


def load(uri: str) -> Any:
    """The value in a file that `dump` wrote.

    Raises:
        RuntimeSystemError: the file is gone, or not what was written.
    """
    path = Path(uri.removeprefix("file://"))
    try:
        with path.open("rb") as file:
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    except (OSError, ValueError) as error:
        raise RuntimeSystemError(
            f"A value cannot be read from {uri}: {error}.",
            hint="The file was removed from the data directory; run the task that made it again.",
        ) from error
    _remember(path.stem, path)
    first, *others = _parts(memoryview(mapped), uri)
    return pickle.loads(first, buffers=others)


def _directory() -> Path | None:
    """Where files of the running attempt go; None outside a run, and where that is no local path."""
    context = _context.current()
    if context is None:
        return None
    path = context.raw_data_path.removeprefix("file://")
    return Path(path) if path.startswith("/") else None


def _store(parts: list[memoryview], directory: Path) -> Stored:
    header = _header(parts)
    digest = sha256(header)
    for each in parts:
        digest.update(each)
    name = digest.hexdigest()
    known = _seen.get(name)
    if known is not None and _same_run(known) and known.exists():
        return Stored(str(known), name)
    path = directory / f"{name}.pickle"
    if not path.exists():
        files.write(path, header, *_aligned(len(header), parts), durable=paths.lasting(path))
    _remember(name, path)
    return Stored(str(path), name)


def _remember(name: str, path: Path) -> None:
    if len(_seen) >= _MOST_SEEN:
        _seen.clear()
    _seen[name] = path


def _aligned(at: int, parts: list[memoryview]) -> Iterator[bytes | memoryview]:
    """The parts with the gaps before them."""
    for each in parts:
        gap = -at % _ALIGNMENT
        yield bytes(gap)
        yield each
        at += gap + each.nbytes


def _same_run(path: Path) -> bool:
    """Whether a file belongs to the running run, and so will be there as long as its history."""
    context = _context.current()
    return context is not None and path.is_relative_to(context.run_base_dir)


def _header(parts: list[memoryview]) -> bytes:
    return _MAGIC + struct.pack(f"<Q{len(parts)}Q", len(parts), *(each.nbytes for each in parts))


def _parts(view: memoryview, uri: str) -> list[memoryview]:
    try:
        if bytes(view[: len(_MAGIC)]) != _MAGIC:
            raise ValueError("it does not begin as one")
        (count,) = struct.unpack_from("<Q", view, len(_MAGIC))
        at = len(_MAGIC) + 8
        sizes = struct.unpack_from(f"<{count}Q", view, at)
        at += 8 * count
        found = []
        for size in sizes:
            at += -at % _ALIGNMENT
            found.append(view[at : at + size])
            at += size
        if at != view.nbytes:
            raise ValueError("it is not as long as it says")
    except (struct.error, ValueError) as error:
        raise RuntimeSystemError(f"The value {uri} is damaged: {error}.") from error
    return found
