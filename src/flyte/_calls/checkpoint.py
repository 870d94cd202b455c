"""What an attempt leaves for the next one: a file, a folder or bytes, restored when the task is tried again."""

import asyncio
import contextlib
import os
import shutil
import tarfile
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

_FILE: Final = "payload"
_FOLDER: Final = "payload.tar.gz"


class BaseCheckpoint(ABC):
    """What a checkpoint can do."""

    @abstractmethod
    async def save(self, data: Path | str | bytes) -> None:
        """Keep bytes, or the file or folder at a path, instead of what was kept before."""

    @abstractmethod
    async def load(self) -> Path | None:
        """What an earlier attempt kept, as a file or folder of this machine; None when there is nothing."""


class Checkpoint(BaseCheckpoint):
    """The checkpoint of one attempt: saves for the next, loads what the ones before left.

    Args:
        checkpoint_dest: The directory to save into.
        checkpoint_src: The directory of the attempt before, if there was one.
    """

    def __init__(self, checkpoint_dest: str, checkpoint_src: str | None = None) -> None:
        self._dest = _local(checkpoint_dest)
        self._src = None if not checkpoint_src else _local(checkpoint_src)

    @property
    def remote_destination(self) -> str:
        """Where it is kept."""
        return str(self._dest)

    @property
    def remote_source(self) -> str | None:
        """Where the attempt before kept its own."""
        return None if self._src is None else str(self._src)

    @property
    def path(self) -> Path:
        """A folder of this attempt's own to prepare things in; `load` puts what it finds there."""
        folder = self._dest / "local"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def prev_exists(self) -> bool:
        """Whether there is something to load."""
        return self._kept() is not None

    def save_sync(self, data: Path | str | bytes) -> None:
        """As `save`, for code that does not await.

        Raises:
            FileNotFoundError: there is nothing at the path.
        """
        self._dest.mkdir(parents=True, exist_ok=True)
        draft = self._dest / f".draft.{os.getpid()}"
        try:
            name = self._write(draft, data)
            draft.replace(self._dest / name)
        finally:
            draft.unlink(missing_ok=True)
        # A crash right here leaves both: the younger one counts.
        (self._dest / (_FOLDER if name == _FILE else _FILE)).unlink(missing_ok=True)

    def load_sync(self) -> Path | None:
        """As `load`, for code that does not await."""
        kept = self._kept()
        if kept is None:
            return None
        if kept.name == _FILE:
            return Path(shutil.copyfile(kept, self.path / _FILE))
        with tarfile.open(kept) as archive:
            archive.extractall(self.path, filter="data")
        return self.path

    async def save(self, data: Path | str | bytes) -> None:
        await asyncio.to_thread(self.save_sync, data)

    async def load(self) -> Path | None:
        return await asyncio.to_thread(self.load_sync)

    def _write(self, draft: Path, data: Path | str | bytes) -> str:
        """Put the data into one file; returns what it is to be called."""
        if isinstance(data, bytes):
            draft.write_bytes(data)
            return _FILE
        source = Path(data).expanduser()
        if source.is_dir():
            with tarfile.open(draft, "w:gz", compresslevel=1) as archive:
                archive.add(source, arcname=".")
            return _FOLDER
        if not source.exists():
            raise FileNotFoundError(f"There is nothing at {source} to keep as a checkpoint.")
        shutil.copyfile(source, draft)
        return _FILE

    def _kept(self) -> Path | None:
        """The newest thing that an earlier attempt kept; one that kept nothing is passed over."""
        folder = self._src
        while folder is not None:
            found = _newest(folder / _FILE, folder / _FOLDER)
            if found is not None:
                return found
            folder = _before(folder)
        return None


def latest_checkpoint(
    root: Path, glob_pattern: str = "**/last.ckpt", *, key: Callable[[Path], Any] | None = None
) -> Path | None:
    """The newest file below `root` that matches a pattern; None when there is none.

    Args:
        root: A folder, such as the one that `checkpoint.load()` gave.
        glob_pattern: Which files are checkpoints.
        key: What makes one newer than another; by default the time of its last change.
    """
    found = list(Path(root).glob(glob_pattern))
    return max(found, key=key or (lambda path: path.stat().st_mtime_ns), default=None)


def _newest(*paths: Path) -> Path | None:
    times: dict[Path, int] = {}
    for path in paths:
        with contextlib.suppress(OSError):
            times[path] = path.stat().st_mtime_ns
    return max(times, key=times.__getitem__, default=None)


def _before(folder: Path) -> Path | None:
    """The directory of the attempt before: attempts lie side by side, under their numbers."""
    number = folder.parent.name
    if not number.isdecimal() or int(number) <= 1:
        return None
    return folder.parent.with_name(str(int(number) - 1)) / folder.name


def _local(place: str) -> Path:
    return Path(unquote(place.removeprefix("file://")) if place.startswith("file://") else place)
