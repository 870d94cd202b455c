"""`flyte.io.Dir`: a directory by reference, which travels as an address and a hash."""

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator, Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, Generic, Self

from pydantic import BaseModel, model_validator
from typing_extensions import TypeVar

from flyte._io.file import File
from flyte._io.settled import EMPTY
from flyte._storage import paths, transfer
from flyte._storage.places import Entry, is_remote, join, local_path, place_of
from flyte._storage.streams import off_loop

T = TypeVar("T", default=Any)


class Dir(BaseModel, Generic[T]):
    """A directory, here or in an object store. A task that takes one reads as much of it as it wants.

    What has no `_sync` at its end is to be awaited. `Dir[T]` says what its files hold; it means
    nothing to us.

    Attributes:
        path: Its address: a path, `file://`, `s3://`, `gs://` or `abfs://`.
        name: What it is called; the last part of the address unless given.
        format: What kind of files it holds, for people and other programs.
        hash: What caches know it by; `sha256:...` is its content, and downloading it checks it.
    """

    path: str
    name: str | None = None
    format: str = ""
    hash: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _complete(cls, data: Any) -> Any:
        """A path alone is a directory, too; its name is the last part of it."""
        if isinstance(data, str | Path):
            data = {"path": os.fspath(data)}
        if isinstance(data, dict) and data.get("name") is None and "path" in data:
            data = {**data, "path": os.fspath(data["path"])}
            data["name"] = "" if data["path"] == EMPTY else paths.base_name(data["path"])
        return data

    @classmethod
    def empty(cls) -> "Dir[T]":
        """What stands for no directory, where one may or may not have come out; see `is_empty`."""
        return EmptyDir()

    @property
    def is_empty(self) -> bool:
        """Whether this stands for no directory. One without files is a directory all the same."""
        return self.path == EMPTY

    @classmethod
    def new_remote(cls, dir_name: str | None = None, hash: str | None = None) -> Self:
        """A directory that is to be written, at an address of its own.

        Args:
            hash: What caches are to know it by.
        """
        made = cls(path=paths.new(dir_name), hash=hash)
        if not is_remote(made.path):
            Path(made.path).mkdir(parents=True, exist_ok=True)
        return made

    @classmethod
    def from_existing_remote(cls, remote_path: str, dir_cache_key: str | None = None) -> Self:
        """A directory that is there already. Nothing is read.

        Args:
            dir_cache_key: What caches know it by. Otherwise that is its address and, on this machine,
                the names, sizes and times of change of its files.
        """
        return cls(path=remote_path, hash=dir_cache_key)

    @classmethod
    async def from_local(
        cls,
        local_path: str | Path,
        remote_destination: str | None = None,
        dir_cache_key: str | None = None,
        batch_size: int | None = None,
        chunk_size: int | None = None,
        max_concurrency: int | None = None,
    ) -> Self:
        """Copy a directory of this machine to where the run keeps its data.

        Args:
            remote_destination: The address it gets, instead of a new one.
            dir_cache_key: What caches know it by, instead of the hash of its content.
            batch_size: Files on their way at once.
            chunk_size: Bytes of one part, in object stores.
            max_concurrency: Parts of one file on their way at once.

        Raises:
            FileNotFoundError, NotADirectoryError: there is no such directory.
        """
        return await off_loop(
            cls.from_local_sync,
            local_path,
            remote_destination,
            dir_cache_key,
            batch_size,
            chunk_size,
            max_concurrency,
        )

    @classmethod
    def from_local_sync(
        cls,
        local_path: str | Path,
        remote_destination: str | None = None,
        dir_cache_key: str | None = None,
        batch_size: int | None = None,
        chunk_size: int | None = None,
        max_concurrency: int | None = None,
    ) -> Self:
        """The same for code that does not await."""
        source = Path(local_path).expanduser().absolute()
        if remote_destination is None and not paths.in_run():
            uri, digest = transfer.keep_tree(source)
            return cls(path=uri, name=source.name, hash=dir_cache_key or digest)
        uri = remote_destination or paths.new(source.name or None)
        digest = transfer.upload_tree(
            source, uri, batch_size=batch_size, chunk_size=chunk_size, max_concurrency=max_concurrency
        )
        return cls(path=uri, name=source.name, hash=dir_cache_key or digest)

    async def walk(self, recursive: bool = True, max_depth: int | None = None) -> AsyncIterator[File[T]]:
        """Its files, by name, those of its directories included.

        Args:
            recursive: Look into its directories.
            max_depth: How many levels of them; 1 is its own files only.
        """
        for each in await off_loop(self._entries, recursive, max_depth):
            yield _file(each)
            await asyncio.sleep(0)

    def walk_sync(
        self, recursive: bool = True, file_pattern: str = "*", max_depth: int | None = None
    ) -> Iterator[File[T]]:
        """The same for code that does not await; only files whose names fit the pattern."""
        for each in self._entries(recursive, max_depth):
            if fnmatch(paths.base_name(each.uri), file_pattern):
                yield _file(each)

    async def list_files(self) -> list[File[T]]:
        """Its own files, without those of its directories."""
        return await off_loop(self.list_files_sync)

    def list_files_sync(self) -> list[File[T]]:
        """The same for code that does not await."""
        return [_file(each) for each in self._entries(recursive=False)]

    async def get_file(self, file_name: str) -> File[T] | None:
        """The file of this name, or path within; None when there is none."""
        return await off_loop(self.get_file_sync, file_name)

    def get_file_sync(self, file_name: str) -> File[T] | None:
        """The same for code that does not await."""
        uri = join(self.path, file_name)
        return File(path=uri) if place_of(uri).stat(uri) is not None else None

    async def download(self, local_path: str | Path | None = None) -> str:
        """Bring the directory to this machine; the path it has here.

        Args:
            local_path: The directory that its files go into. Without it, a directory of this machine
                stays where it is, and another one gets a temporary path.

        Raises:
            FileNotFoundError: there is nothing at its address.
            RuntimeSystemError: its content is not what its hash says.
        """
        return await off_loop(self.download_sync, local_path)

    def download_sync(self, local_path: str | Path | None = None) -> str:
        """The same for code that does not await."""
        if self.is_empty:
            raise FileNotFoundError(2, "This stands for no directory; ask is_empty first", self.path)
        if local_path is None and not is_remote(self.path):
            here = _here(self.path)
            if not here.is_dir():
                raise FileNotFoundError(2, "No such directory", str(here))
            return str(here)
        target = (
            Path(tempfile.mkdtemp(prefix="flyte-"), self.name or "dir")
            if local_path is None
            else Path(local_path).expanduser().absolute()
        )
        transfer.download_tree(self.path, target, self.hash or "")
        return str(target)

    async def exists(self) -> bool:
        """Whether there is a directory at its address; in an object store: one file below it."""
        return await off_loop(self.exists_sync)

    def exists_sync(self) -> bool:
        """The same for code that does not await."""
        if self.is_empty:
            return False
        if not is_remote(self.path):
            return _here(self.path).is_dir()
        return next(iter(place_of(self.path).files(self.path, recursive=True)), None) is not None

    def _entries(self, recursive: bool, max_depth: int | None = None) -> list[Entry]:
        if self.is_empty:
            return []
        found = place_of(self.path).files(self.path, recursive=recursive and max_depth != 1)
        return [each for each in found if max_depth is None or each.name.count("/") < max_depth]


class EmptyDir(Dir[Any]):
    """What stands for no directory; a task that takes it sees a `Dir` whose `is_empty` is true."""

    def __init__(self, **data: Any) -> None:
        super().__init__(**{"path": EMPTY, "name": "", **data})


def _here(uri: str) -> Path:
    found = local_path(uri)
    assert found is not None
    return found.absolute()


def _file(entry: Entry) -> File[Any]:
    return File(path=entry.uri)
