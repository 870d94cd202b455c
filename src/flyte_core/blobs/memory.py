"""Blobs in memory, for tests: the same word as `LocalBlobs`, and faults on demand."""

import hashlib
import threading
from collections.abc import Callable, Iterator
from typing import Final, Literal

from flyte_core.blobs.paths import segments
from flyte_core.model import AlreadyExists, Digest, FailedPrecondition, NotFound

_CHUNK: Final = 1 << 16

Moment = Literal["put", "kept", "get", "open", "size"]


class MemoryBlobs:
    """Implements `BlobStore` in a dictionary. Nothing outlives the process.

    Args:
        fault: Called with each moment and path; what it raises is what the caller sees. At `kept` the
            blob is in place already: raising there is "did it, but said that it failed".
    """

    def __init__(self, fault: Callable[[Moment, str], None] | None = None) -> None:
        self._blobs: dict[str, bytes] = {}
        self._lock = threading.Lock()
        self._fault = fault or (lambda moment, path: None)

    def put(self, path: str, data: bytes | Iterator[bytes]) -> Digest:
        segments(path)
        self._fault("put", path)
        whole = data if isinstance(data, bytes) else b"".join(data)
        with self._lock:
            if any(path.startswith(f"{p}/") or p.startswith(f"{path}/") for p in self._blobs):
                raise AlreadyExists(
                    f"{path} cannot be a blob: a part of it is one, or other blobs lie below it.",
                    hint="Choose another path.",
                )
            if self._blobs.setdefault(path, whole) != whole:
                raise AlreadyExists(f"There is another blob called {path}.", hint="A blob is never replaced.")
        self._fault("kept", path)
        return Digest(hashlib.sha256(whole).hexdigest())

    def get(self, path: str, *, expect: Digest | None = None) -> bytes:
        self._fault("get", path)
        data = self._data(path)
        found = hashlib.sha256(data).hexdigest()
        if expect is not None and found != expect:
            raise FailedPrecondition(
                f"{self.uri(path)} is damaged: its SHA-256 is {found}, not {expect}.",
                hint="Whatever wrote it must run again.",
            )
        return data

    def open(self, path: str, start: int = 0) -> Iterator[bytes]:
        self._fault("open", path)
        data = self._data(path)
        return (data[at : at + _CHUNK] for at in range(start, len(data), _CHUNK))

    def size(self, path: str) -> int | None:
        segments(path)
        self._fault("size", path)
        data = self._blobs.get(path)
        return None if data is None else len(data)

    def uri(self, path: str) -> str:
        return "memory:" + "/".join(segments(path))

    def damage(self, path: str) -> None:
        """Flip one bit of a blob (an empty one grows by a byte): it no longer hashes to what it did."""
        data = self._data(path)
        self._blobs[path] = bytes([data[0] ^ 1]) + data[1:] if data else b"\0"

    def lose(self, path: str) -> None:
        """Forget a blob."""
        self._data(path)
        del self._blobs[path]

    def _data(self, path: str) -> bytes:
        segments(path)
        try:
            return self._blobs[path]
        except KeyError:
            raise NotFound(f"There is no blob {path}.") from None
