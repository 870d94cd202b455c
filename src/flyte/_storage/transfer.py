"""Whole files and directories, from this machine to a place and back."""

import contextvars
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from flyte._io import hashing
from flyte._io.hashing import CONTENT, Content, HashMethod
from flyte._storage import paths
from flyte._storage.places import CHUNK, PARALLEL_PARTS, join, local_path, place_of
from flyte._storage.streams import check, open_reader, open_writer
from flyte_core import files

BATCH: Final = 32
"""Files of a directory that are on their way at once."""


def scratch() -> str:
    """A directory of this machine for what is on its way."""
    return tempfile.gettempdir()


def setting(name: str, given: int | None, default: int) -> int:
    """A number that was given, or that the environment gives."""
    return given or int(os.environ.get(name, "") or default)


def upload(
    source: Path,
    uri: str,
    method: HashMethod,
    *,
    chunk_size: int | None = None,
    max_concurrency: int | None = None,
) -> str:
    """Copy a file of this machine to an address; what it hashes as.

    Raises:
        FileNotFoundError: there is no such file.
    """
    size = setting("FLYTE_IO_UPLOAD_CHUNK_SIZE", chunk_size, CHUNK)
    parts = setting("FLYTE_IO_UPLOAD_MAX_CONCURRENCY", max_concurrency, PARALLEL_PARTS)
    with source.open("rb") as file:
        target, sink = open_writer(uri, "wb", method, chunk_size=size, max_concurrency=parts)
        try:
            while chunk := file.read(CHUNK):
                target.write(chunk)
        except BaseException:
            sink.abort()
            raise
        target.close()
    return method.result()


def keep(source: Path, name: str = "") -> tuple[str, str]:
    """Put a file of this machine into the data directory, once for each content: its address and hash.

    Args:
        name: What it is called there, instead of its own name.
    """
    digest = hashing.of_file(source)
    target = join(paths.base(), digest.removeprefix(CONTENT)[:32], name or source.name)
    if not Path(target).exists():
        check(str(source), digest, upload(source, target, Content()))
    return target, digest


def keep_tree(source: Path) -> tuple[str, str]:
    """The same for a directory.

    Raises:
        FileNotFoundError, NotADirectoryError: there is no such directory.
    """
    check_directory(source)
    digest = hashing.of_content(source)
    assert digest is not None
    target = join(paths.base(), digest.removeprefix(CONTENT)[:32], source.name)
    if not Path(target).exists():
        draft = join(paths.base(), f".{os.urandom(8).hex()}")
        check(str(source), digest, upload_tree(source, draft))
        lasting = paths.lasting(Path(target))
        files.make_directories(Path(target).parent, durable=lasting)
        files.place(Path(draft), Path(target), durable=lasting)
    return target, digest


def download(uri: str, target: Path, expected: str = "") -> None:
    """Copy a file from an address to this machine; it is there, whole, or not at all.

    Raises:
        FileNotFoundError: there is nothing at the address.
        RuntimeSystemError: it is not what it was when its hash was taken.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".{target.name}.{os.urandom(4).hex()}")
    try:
        with open_reader(uri, "rb", expected=expected, block_size=CHUNK) as file, draft.open("wb") as out:
            shutil.copyfileobj(file, out, CHUNK)
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)


def upload_tree(
    source: Path,
    uri: str,
    *,
    batch_size: int | None = None,
    chunk_size: int | None = None,
    max_concurrency: int | None = None,
) -> str:
    """Copy a directory of this machine to an address; what it hashes as.

    Raises:
        FileNotFoundError, NotADirectoryError: there is no such directory.
    """
    check_directory(source)
    found = [each for each in sorted(source.rglob("*")) if each.is_file()]
    names = [each.relative_to(source).as_posix() for each in found]
    # A directory without files is one all the same, where there are directories.
    target = local_path(uri)
    if target is not None:
        target.mkdir(parents=True, exist_ok=True)

    def one(index: int) -> str:
        return upload(
            found[index],
            join(uri, names[index]),
            Content(),
            chunk_size=chunk_size,
            max_concurrency=max_concurrency,
        )

    hashes = _at_once(one, range(len(found)), setting("FLYTE_IO_BATCH_SIZE", batch_size, BATCH))
    return hashing.of_listing(zip(names, hashes, strict=True))


def check_directory(path: Path) -> None:
    if not path.exists():
        raise FileNotFoundError(2, "No such directory", str(path))
    if not path.is_dir():
        raise NotADirectoryError(20, "Not a directory", str(path))


def download_tree(uri: str, target: Path, expected: str = "") -> None:
    """Copy a directory from an address to this machine.

    Raises:
        FileNotFoundError: there is nothing at the address.
        RuntimeSystemError: it is not what it was when its hash was taken.
    """
    found = list(place_of(uri).files(uri, recursive=True))
    names = [each.name for each in found]
    target.mkdir(parents=True, exist_ok=True)
    checked = expected.startswith(CONTENT)

    def one(index: int) -> str:
        download(found[index].uri, target / names[index])
        return hashing.of_file(target / names[index]) if checked else ""

    hashes = _at_once(one, range(len(found)), BATCH)
    if checked:
        check(uri, expected, hashing.of_listing(zip(names, hashes, strict=True)))


def _at_once(work: Callable[[int], str], items: Iterable[Any], limit: int) -> list[str]:
    items = list(items)
    if len(items) <= 1:
        return [work(each) for each in items]
    context = contextvars.copy_context()
    with ThreadPoolExecutor(min(limit, len(items)), "flyte-transfer") as pool:
        return list(pool.map(lambda each: context.copy().run(work, each), items))
