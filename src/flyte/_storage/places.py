"""The one interface to where data lie, and the place that an address belongs to."""

import os
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import IO, Any, Final, NamedTuple, Protocol

from flyte._storage.config import Storage, kind_of
from flyte.errors import RuntimeUserError

_SCHEME: Final = re.compile(r"^([a-z][a-z0-9+.-]*)://", re.IGNORECASE)

CHUNK: Final = 8 << 20
"""Bytes of one read, and of one part of what is written to a cloud, unless told otherwise."""

PARALLEL_PARTS: Final = 12


class Entry(NamedTuple):
    """A file in a directory: its address, its path within, and its size."""

    uri: str
    name: str
    size: int


class Stat(NamedTuple):
    """What is known of a file without reading it.

    Attributes:
        size: In bytes.
        version: Changes whenever the content does.
    """

    size: int
    version: str


class Writer(Protocol):
    """A file that is being written. It is there, whole, once it is closed."""

    def write(self, data: Any, /) -> int: ...

    def close(self) -> None: ...

    def abort(self) -> None:
        """Leave nothing behind."""


class Place(Protocol):
    """Where the data of some addresses lie. Whatever is missing is a `FileNotFoundError`."""

    def stat(self, uri: str) -> Stat | None:
        """None when there is no such file."""

    def reader(self, uri: str, block_size: int) -> IO[bytes]:
        """The file, to be read, sought in and closed."""

    def writer(self, uri: str, chunk_size: int, max_concurrency: int) -> Writer:
        """A new file, or a new content of one that is there."""

    def files(self, uri: str, *, recursive: bool) -> Iterator[Entry]:
        """The files of a directory, by name; with those of its directories."""


def scheme_of(uri: str) -> str:
    """`s3` of `s3://bucket/key`; empty for a path."""
    found = _SCHEME.match(uri)
    return found[1].lower() if found else ""


def is_remote(path: str | os.PathLike[str]) -> bool:
    """Whether an address leads off this machine."""
    return scheme_of(os.fspath(path)) not in ("", "file")


def local_path(uri: str) -> Path | None:
    """The path of an address on this machine; None when it is elsewhere."""
    return None if is_remote(uri) else Path(uri.removeprefix("file://")).expanduser()


def join(*parts: str) -> str:
    """An address below another one."""
    first, *others = parts
    return "/".join([first.rstrip("/"), *(part.strip("/") for part in others)])


def place_of(uri: str) -> Place:
    """Where the data of an address lie.

    Raises:
        RuntimeUserError: addresses of its scheme are not known.
    """
    scheme = scheme_of(uri)
    if scheme in ("", "file"):
        from flyte._storage.local import LOCAL

        return LOCAL
    kind = kind_of(scheme)
    if kind is None:
        raise RuntimeUserError(
            f"{uri} cannot be reached: there is no storage for {scheme}://.",
            hint="Use a path, or an address that begins with file://, s3://, gs:// or abfs://.",
        )
    return _cloud(_settings(kind))


def _settings(kind: type[Storage]) -> Storage:
    """As `flyte.init(storage=...)` says, or the environment."""
    from flyte import _session

    given = _session.current().options.get("storage")
    return given if isinstance(given, kind) else kind.auto()


@lru_cache(maxsize=16)
def _cloud(settings: Storage) -> Place:
    from flyte._storage.cloud import CloudPlace

    return CloudPlace(settings)
