"""Time, chance and bytes as arguments."""

from collections.abc import Iterator
from typing import Protocol

from flyte_core.model import Digest, Micros


class Clock(Protocol):
    """Where `now` comes from."""

    def now(self) -> Micros:
        """The present instant. Never runs backwards within one process, whatever the wall clock does."""


class BlobStore(Protocol):
    """Bytes under a path of allow-listed segments. Durable when `put` returns."""

    def put(self, path: str, data: bytes | Iterator[bytes]) -> Digest:
        """Write a new blob: temp file, fsync, link without replacing, fsync of the directory.

        Writing the same content again is a no-op; other content raises `AlreadyExists`.
        """

    def get(self, path: str, *, expect: Digest | None = None) -> bytes:
        """The whole blob. Raises `NotFound`; `FailedPrecondition` when it does not hash to `expect`."""

    def open(self, path: str, start: int = 0) -> Iterator[bytes]:
        """The blob in chunks, from byte `start`."""

    def size(self, path: str) -> int | None:
        """Bytes, or `None` when there is no such blob."""

    def uri(self, path: str) -> str:
        """What names the blob to workers and clients."""
