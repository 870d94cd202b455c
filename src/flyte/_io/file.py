"""`flyte.io.File`: a file by reference, which travels as an address and a hash."""

import os
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import IO, Any, Final, Generic, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.json_schema import SkipJsonSchema
from typing_extensions import TypeVar

from flyte._io.hashing import Content, HashMethod
from flyte._storage import paths, transfer
from flyte._storage.places import CHUNK, PARALLEL_PARTS, is_remote, local_path, place_of
from flyte._storage.streams import BLOCK, AsyncFile, off_loop, open_reader, open_writer

T = TypeVar("T", default=Any)

SMALL: Final = 1 << 20
"""Files up to this size are copied to another place of this machine at once, without a thread."""


class File(BaseModel, Generic[T]):
    """A file, here or in an object store. A task that takes one reads as much of it as it wants.

    What has no `_sync` at its end is to be awaited. `File[T]` says what the file holds; it means
    nothing to us.

    Attributes:
        path: Its address: a path, `file://`, `s3://`, `gs://` or `abfs://`.
        name: What it is called; the last part of the address unless given.
        format: What kind of file it is, for people and other programs.
        hash: What caches know it by; `sha256:...` is its content, and reading it checks it.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    path: str
    name: str | None = None
    format: str = ""
    hash: str | None = None
    hash_method: SkipJsonSchema[HashMethod | None] = Field(default=None, exclude=True, repr=False)

    @model_validator(mode="before")
    @classmethod
    def _complete(cls, data: Any) -> Any:
        """A path alone is a file, too; its name is the last part of it."""
        if isinstance(data, str | Path):
            data = {"path": os.fspath(data)}
        if isinstance(data, dict) and data.get("name") is None and "path" in data:
            data = {**data, "path": os.fspath(data["path"])}
            data["name"] = paths.base_name(data["path"])
        return data

    @classmethod
    def new_remote(cls, file_name: str | None = None, hash_method: HashMethod | str | None = None) -> Self:
        """A file that is to be written with `open("wb")`, at an address of its own.

        Args:
            hash_method: What hashes its content instead of SHA-256; or the hash itself.
        """
        made = cls(path=paths.new(file_name or os.urandom(8).hex()))
        _take_method(made, hash_method)
        return made

    @classmethod
    def named_remote(cls, name: str) -> Self:
        """A file at the address that this name has in the running action, the same in every attempt.

        An attempt after the first finds what the one before has written there.

        Raises:
            RuntimeUserError: the name holds a `/`, or no task is running.
        """
        return cls(path=paths.named(name))

    @classmethod
    def from_existing_remote(cls, remote_path: str, file_cache_key: str | None = None) -> Self:
        """A file that is there already. Nothing is read.

        Args:
            file_cache_key: What caches know it by. Otherwise that is its address and, for files of
                this machine, size and time of change.
        """
        return cls(path=remote_path, hash=file_cache_key)

    @classmethod
    async def from_local(
        cls,
        local_path: str | Path,
        remote_destination: str | None = None,
        hash_method: HashMethod | str | None = None,
        chunk_size: int | None = None,
        max_concurrency: int | None = None,
    ) -> Self:
        """Copy a file of this machine to where the run keeps its data.

        Args:
            remote_destination: The address it gets, instead of a new one.
            hash_method: What hashes its content instead of SHA-256; or the hash itself.
            chunk_size: Bytes of one part, in object stores.
            max_concurrency: Parts on their way at once.

        Raises:
            FileNotFoundError: there is no such file.
        """
        call = partial(
            cls.from_local_sync, local_path, remote_destination, hash_method, chunk_size, max_concurrency
        )
        # The file is copied as it is now; other tasks of this loop may write it meanwhile.
        quick = _is_small(local_path) and not is_remote(remote_destination or paths.base())
        return call() if quick else await off_loop(call)

    @classmethod
    def from_local_sync(
        cls,
        local_path: str | Path,
        remote_destination: str | None = None,
        hash_method: HashMethod | str | None = None,
        chunk_size: int | None = None,
        max_concurrency: int | None = None,
    ) -> Self:
        """The same for code that does not await."""
        source = Path(local_path).expanduser()
        if remote_destination is None and hash_method is None and not paths.in_run():
            uri, digest = transfer.keep(source)
            return cls(path=uri, name=source.name, hash=digest)
        made = cls(path=remote_destination or paths.new(source.name), name=source.name)
        _take_method(made, hash_method)
        method = made.hash_method or Content()
        digest = transfer.upload(
            source, made.path, method, chunk_size=chunk_size, max_concurrency=max_concurrency
        )
        made.hash = made.hash or digest
        return made

    @asynccontextmanager
    async def open(
        self,
        mode: str = "rb",
        block_size: int | None = None,
        cache_type: str = "readahead",
        cache_options: dict[str, Any] | None = None,
        compression: str | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[AsyncFile]:
        """Open the file for an `async with`; its methods are to be awaited.

        Args:
            mode: `rb`, `wb`, or `r` and `w` for text. What is written is there when it is closed, and
                not if an exception leaves the block.
            block_size: Bytes fetched at once.
            cache_type: Accepted for scripts that give it; so is `cache_options`.
            compression: `gzip`, `bz2`, `xz`, or `infer` by the end of the address.
            kwargs: `chunk_size` and `max_concurrency`, as `from_local`.

        Raises:
            FileNotFoundError: it is to be read, and is not there.
            RuntimeSystemError: what was read to its end is not what the hash says.
        """
        opened = self.open_sync(mode, block_size, cache_type, cache_options, compression, **kwargs)
        inner = await off_loop(opened.__enter__)
        try:
            yield AsyncFile(inner)
        except BaseException as error:
            if not await off_loop(opened.__exit__, type(error), error, error.__traceback__):
                raise
        else:
            await off_loop(opened.__exit__, None, None, None)

    @contextmanager
    def open_sync(
        self,
        mode: str = "rb",
        block_size: int | None = None,
        cache_type: str = "readahead",
        cache_options: dict[str, Any] | None = None,
        compression: str | None = None,
        **kwargs: Any,
    ) -> Iterator[IO[Any]]:
        """The same for a `with`, in code that does not await."""
        if "w" in mode or "x" in mode:
            with self._written(mode, compression, **kwargs) as file:
                yield file
            return
        if "a" in mode or "+" in mode:
            raise ValueError(f"A file by reference is read or written as a whole, not opened as {mode!r}.")
        with open_reader(
            self.path,
            mode,
            expected=self.hash or "",
            block_size=block_size or BLOCK,
            compression=compression,
        ) as file:
            yield file

    @contextmanager
    def _written(self, mode: str, compression: str | None, **kwargs: Any) -> Iterator[IO[Any]]:
        method = self.hash_method or Content()
        size = transfer.setting("FLYTE_IO_UPLOAD_CHUNK_SIZE", kwargs.get("chunk_size"), CHUNK)
        parts = transfer.setting(
            "FLYTE_IO_UPLOAD_MAX_CONCURRENCY", kwargs.get("max_concurrency"), PARALLEL_PARTS
        )
        file, sink = open_writer(
            self.path, mode, method, compression=compression, chunk_size=size, max_concurrency=parts
        )
        try:
            yield file
        except BaseException:
            sink.abort()
            raise
        file.close()
        sink.close()
        if self.hash_method is not None or self.hash is None or self.hash.startswith("sha256:"):
            self.hash = method.result()

    async def download(self, local_path: str | Path | None = None) -> str:
        """Bring the file to this machine; the path it has here.

        Args:
            local_path: Where to: a path, or a directory that is there. Without it, a file of this
                machine stays where it is, and another one gets a temporary path.

        Raises:
            FileNotFoundError: there is nothing at its address.
            RuntimeSystemError: it is not what its hash says.
        """
        return await off_loop(self.download_sync, local_path)

    def download_sync(self, local_path: str | Path | None = None) -> str:
        """The same for code that does not await."""
        here = _here(self.path)
        if local_path is None and here is not None:
            if not here.exists():
                raise FileNotFoundError(2, "No such file", str(here))
            return str(here)
        target = Path(tempfile.mkdtemp(prefix="flyte-")) if local_path is None else Path(local_path)
        target = target.expanduser().absolute()
        if target.is_dir() or str(local_path).endswith("/"):
            target = target / (self.name or paths.base_name(self.path))
        if here is None or here.absolute() != target:
            transfer.download(self.path, target, self.hash or "")
        return str(target)

    async def exists(self) -> bool:
        """Whether there is a file at its address."""
        return await off_loop(self.exists_sync)

    def exists_sync(self) -> bool:
        """The same for code that does not await."""
        return place_of(self.path).stat(self.path) is not None


def _is_small(path: str | Path) -> bool:
    try:
        return Path(path).expanduser().stat().st_size <= SMALL
    except OSError:
        return True


def _here(uri: str) -> Path | None:
    found = None if is_remote(uri) else local_path(uri)
    return None if found is None else found.absolute()


def _take_method(file: File[Any], given: HashMethod | str | None) -> None:
    if isinstance(given, str):
        file.hash = given
    else:
        file.hash_method = given
