"""The object stores of three clouds, by way of `obstore`."""

import io
import threading
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import IO, Any
from urllib.parse import urlsplit

from flyte._storage.config import ABFS, GCS, S3, Storage
from flyte._storage.places import Entry, Stat


class CloudPlace:
    """Implements `Place` for one cloud. Its clients are kept, one for each bucket.

    There are no directories: an address that ends in `/`, or is asked as a directory, is a prefix.
    """

    def __init__(self, settings: Storage) -> None:
        self._settings = settings
        self._stores: dict[str, Any] = {}
        self._lock = threading.Lock()

    def stat(self, uri: str) -> Stat | None:
        import obstore

        store, key = self._find(uri)
        if not key:
            return None
        try:
            found = obstore.head(store, key)
        except FileNotFoundError:
            return None
        return Stat(found["size"], found["e_tag"] or str(found["last_modified"].timestamp()))

    def reader(self, uri: str, block_size: int) -> IO[bytes]:
        import obstore

        store, key = self._find(uri)
        return io.BufferedReader(_Raw(obstore.open_reader(store, key, buffer_size=block_size)), block_size)

    def writer(self, uri: str, chunk_size: int, max_concurrency: int) -> "CloudWriter":
        import obstore

        store, key = self._find(uri)
        return CloudWriter(
            obstore.open_writer(store, key, buffer_size=chunk_size, max_concurrency=max_concurrency)
        )

    def files(self, uri: str, *, recursive: bool) -> Iterator[Entry]:
        import obstore

        store, key = self._find(uri)
        prefix = f"{key.rstrip('/')}/" if key else ""
        base = uri[: len(uri) - len(key)] if key else f"{uri.rstrip('/')}/"
        if recursive:
            found = [each for batch in obstore.list(store, prefix=prefix or None) for each in batch]
        else:
            found = list(obstore.list_with_delimiter(store, prefix or None)["objects"])
        for each in sorted(found, key=lambda item: PurePosixPath(item["path"]).parts):
            yield Entry(f"{base}{each['path']}", each["path"].removeprefix(prefix), each["size"])

    def _find(self, uri: str) -> tuple[Any, str]:
        """The client of the address's bucket, and the key in it."""
        parts = urlsplit(uri)
        with self._lock:
            store = self._stores.get(parts.netloc)
            if store is None:
                store = self._stores[parts.netloc] = connect(self._settings, parts.netloc)
        return store, uri.partition("://")[2].partition("/")[2]


class CloudWriter:
    """An object that is uploaded in parts; it is there when it is closed, and not before."""

    def __init__(self, writer: Any) -> None:
        self._writer = writer

    def write(self, data: Any, /) -> int:
        self._writer.write(data)
        return len(data)

    def close(self) -> None:
        self._writer.close()

    def abort(self) -> None:
        """Parts that were sent already are left to the bucket's own rule for unfinished uploads."""
        self._writer = None


class _Raw(io.RawIOBase):
    """An object of a store as a file of the standard library."""

    def __init__(self, reader: Any) -> None:
        self._reader = reader

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        data = memoryview(self._reader.read(len(buffer)))
        buffer[: len(data)] = data
        return len(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        position: int = self._reader.seek(offset, whence)
        return position

    def tell(self) -> int:
        position: int = self._reader.tell()
        return position


def connect(settings: Storage, bucket: str) -> Any:
    """A client of one bucket. Nothing is sent before its first request.

    Raises whatever `obstore` raises for settings it cannot use.
    """
    from obstore import store

    options = settings.store_options()
    if isinstance(settings, S3):
        return store.S3Store(bucket, **options)
    if isinstance(settings, GCS):
        return store.GCSStore(bucket, **options)
    assert isinstance(settings, ABFS)
    container, _, host = bucket.partition("@")
    if host:
        options["account_name"] = host.partition(".")[0]
    return store.AzureStore(container, **options)
