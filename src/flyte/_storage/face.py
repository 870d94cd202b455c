"""What users may do with addresses themselves: the functions of `flyte.storage`."""

import tempfile
from collections.abc import AsyncIterable, AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

from flyte._io.file import File
from flyte._io.hashing import Content
from flyte._storage import paths, transfer
from flyte._storage.places import CHUNK, local_path, place_of
from flyte._storage.streams import AsyncFile, off_loop


async def exists(path: str) -> bool:
    """Whether there is a file, or a directory, at an address."""
    return await off_loop(exists_sync, path)


def exists_sync(path: str) -> bool:
    """The same for code that does not await."""
    if place_of(path).stat(path) is not None:
        return True
    here = local_path(path)
    if here is not None:
        return here.exists()
    return next(iter(place_of(path).files(path, recursive=True)), None) is not None


def open(path: str, mode: str = "rb", **options: Any) -> AbstractAsyncContextManager[AsyncFile]:
    """Open a file at an address, for an `async with`; see `flyte.io.File.open`."""
    return File[Any](path=path).open(mode, **options)


async def get(from_path: str, to_path: str | Path | None = None, recursive: bool = False) -> str:
    """Bring a file, or with `recursive` a directory, to this machine; the path it has here."""
    if to_path is None:
        to_path = Path(tempfile.mkdtemp(prefix="flyte-"), paths.base_name(from_path))
    target = Path(to_path).expanduser().absolute()
    await off_loop(transfer.download_tree if recursive else transfer.download, from_path, target)
    return str(target)


async def put(
    from_path: str | Path,
    to_path: str | None = None,
    recursive: bool = False,
    batch_size: int | None = None,
    chunk_size: int | None = None,
    max_concurrency: int | None = None,
) -> str:
    """Copy a file, or with `recursive` a directory, of this machine to an address, which is returned."""
    source = Path(from_path).expanduser()
    uri = to_path or paths.new(source.name)
    sizes = {"chunk_size": chunk_size, "max_concurrency": max_concurrency}
    if recursive:
        await off_loop(transfer.upload_tree, source, uri, batch_size=batch_size, **sizes)
    else:
        await off_loop(transfer.upload, source, uri, Content(), **sizes)
    return uri


async def get_stream(path: str, chunk_size: int = CHUNK) -> AsyncIterator[bytes]:
    """The content of a file, chunk by chunk."""
    async with open(path, "rb", block_size=chunk_size) as file:
        while chunk := await file.read(chunk_size):
            yield chunk


async def put_stream(
    data_iterable: AsyncIterable[bytes] | bytes,
    *,
    name: str | None = None,
    to_path: str | None = None,
    chunk_size: int | None = None,
    max_concurrency: int | None = None,
) -> str:
    """Write a file, chunk by chunk, to an address, which is returned."""
    uri = to_path or paths.new(name or "data")
    async with open(uri, "wb", chunk_size=chunk_size, max_concurrency=max_concurrency) as file:
        if isinstance(data_iterable, bytes):
            await file.write(data_iterable)
        else:
            async for chunk in data_iterable:
                await file.write(chunk)
    return uri
