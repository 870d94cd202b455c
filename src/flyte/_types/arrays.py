"""Arrays of numbers: the raw buffer with its exact type, mapped into memory by whoever gets it.

An array travels as NumPy's own `.npy`: in the literal when it is small, as a file when it is large. A
file is mapped, not read; changes stay private to the process.
"""

import ast
import io
import math
import mmap
import os
import struct
from pathlib import Path
from typing import Any, Final

import numpy as np
from flyteidl2.core.literals_pb2 import Literal
from flyteidl2.core.types_pb2 import BlobType, LiteralType

from flyte._io.hashing import CONTENT, Content
from flyte._io.settled import settle
from flyte._storage import paths, transfer
from flyte._storage.local import LOCAL
from flyte._storage.places import is_remote, join, local_path
from flyte._types.codec import Codec, LiteralCodec
from flyte._types.dynamic import AnyCodec
from flyte._types.pickles import LARGE
from flyte.errors import RuntimeSystemError

FORMAT: Final = "npy"
_VERSION: Final = (3, 0)
"""Of the format: the one that has room for every name of a field."""

_MOST_SEEN: Final = 10_000
_seen: dict[str, Path] = {}
"""Files of arrays that were written or read here, by the hash of their content: an array that is passed
on is not written again."""

_ANYTHING: Final = AnyCodec()


class ArrayCodec(LiteralCodec[Any]):
    """`numpy.ndarray`, of any type of numbers. Arrays of Python objects are pickled."""

    label = "numpy.ndarray"

    def literal_type(self) -> LiteralType:
        return LiteralType(blob=BlobType(format=FORMAT))

    def matches(self, value: Any) -> bool:
        return isinstance(value, np.ndarray)

    def fill(self, literal: Literal, value: Any) -> None:
        if not isinstance(value, np.ndarray):
            self.refuse(value)
        if value.dtype.hasobject or type(value) is not np.ndarray:
            _ANYTHING.fill(literal, value)
        elif value.nbytes < LARGE:
            literal.scalar.binary.value = _npy(value)
            literal.scalar.binary.tag = FORMAT
        else:
            uri, digest = settle(*_store(value))
            literal.scalar.blob.uri = uri
            literal.scalar.blob.metadata.type.format = FORMAT
            literal.hash = digest or ""

    def read(self, literal: Literal) -> Any:
        scalar = literal.scalar
        if scalar.WhichOneof("value") == "blob" and scalar.blob.metadata.type.format == FORMAT:
            return _load(scalar.blob.uri, literal.hash)
        if scalar.binary.tag == FORMAT:
            return np.load(io.BytesIO(scalar.binary.value), allow_pickle=False)
        found = _ANYTHING.read(literal)
        if not isinstance(found, np.ndarray):
            self.refuse_literal(literal)
        return found

    def from_json(self, data: Any) -> Any:
        """Numbers in lists, or the path of a `.npy` file."""
        try:
            if isinstance(data, str):
                return np.load(Path(data).expanduser(), allow_pickle=False)
            return np.asarray(data)
        except (OSError, ValueError) as error:
            self.refuse(data, str(error))


def array(kind: type, hint: Any) -> Codec[Any]:
    """The codec of arrays."""
    return ArrayCodec()


def _npy(value: Any) -> bytes:
    made = io.BytesIO()
    np.lib.format.write_array(made, value, _VERSION, allow_pickle=False)
    return made.getvalue()


def _store(value: Any) -> tuple[str, str]:
    """Write an array to a file that is named by its content, unless it is there: where, and its hash."""
    method = Content()
    np.lib.format.write_array(_Hashing(method), value, _VERSION, allow_pickle=False)
    digest = method.result()
    base = paths.base()
    known = _seen.get(digest)
    if known is not None and paths.ours(known) and known.exists():
        return str(known), digest
    uri = join(base, f"{digest.removeprefix(CONTENT)[:32]}.npy")
    target = local_path(uri)
    if target is None:
        from flyte._io.file import File

        with File[Any](path=uri).open_sync("wb") as file:
            np.lib.format.write_array(file, value, _VERSION, allow_pickle=False)
    elif not target.exists():
        writer = LOCAL.writer(uri, 0, 0)
        try:
            np.lib.format.write_array(writer, value, _VERSION, allow_pickle=False)
        except BaseException:
            writer.abort()
            raise
        writer.close()
    if target is not None:
        _remember(digest, target)
    return uri, digest


class _Hashing:
    """Takes what a file would take, and hashes it."""

    def __init__(self, method: Content) -> None:
        self._method = method

    def write(self, data: Any, /) -> int:
        self._method.update(data)
        return len(data)


def _remember(digest: str, path: Path) -> None:
    if len(_seen) >= _MOST_SEEN:
        _seen.clear()
    _seen[digest] = path


def _load(uri: str, digest: str) -> Any:
    if is_remote(uri):
        fetched = Path(transfer.scratch(), f"{os.urandom(8).hex()}.npy")
        transfer.download(uri, fetched, digest)
        try:
            return _map(fetched, uri)
        finally:
            fetched.unlink()
    found = local_path(uri)
    assert found is not None
    if digest:
        _remember(digest, found)
    return _map(found, uri)


def _map(path: Path, uri: str) -> Any:
    try:
        with path.open("rb") as file:
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
            np.lib.format.read_magic(file)
            (length,) = struct.unpack("<I", file.read(4))
            header = ast.literal_eval(file.read(length).decode())
            dtype, shape = np.lib.format.descr_to_dtype(header["descr"]), header["shape"]
            start, count = file.tell(), math.prod(header["shape"])
            if start + count * dtype.itemsize != len(mapped):
                raise ValueError("it is not as long as it says")
    except (OSError, ValueError, KeyError, SyntaxError, struct.error) as error:
        raise RuntimeSystemError(
            f"An array cannot be read from {uri}: {error}.",
            hint="The file was removed or changed; run the task that made it again.",
        ) from error
    flat = np.frombuffer(mapped, dtype, count, start)
    return flat.reshape(shape, order="F" if header["fortran_order"] else "C")
