"""Inputs and outputs as bytes, wherever they are kept: in the store, or in a checked file."""

import hashlib
import os
import threading
from collections import OrderedDict
from pathlib import Path

from flyte_core import files
from flyte_core.layout import Layout
from flyte_core.model import (
    Action,
    ActionKey,
    ActionName,
    Digest,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    PayloadRef,
    RunKey,
)
from flyte_core.store.ports import Reader, Role
from flyte_core.wire import references

INLINE_MAX = 64 * 1024
"""Value sets up to this size are kept in the database."""

FILES = {"inputs": "inputs.pb", "outputs": "outputs.pb"}

_LEVELS = 5
"""Directories between a run's file and `runs`: attempt, action, run, domain, project."""
_REMEMBERED = 4_096
_REMEMBERED_BYTES = 2_048


class Values:
    """Reads value sets, and puts large ones into files. Every method may block on the disk."""

    def __init__(self, store: Reader, layout: Layout) -> None:
        self._store = store
        self._layout = layout
        self._recent: OrderedDict[Digest, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def remember(self, data: bytes) -> None:
        """Keep small bytes at hand that are about to be recorded: they are soon asked for.

        What is remembered is found by its hash, so it can never be another action's or an old value.
        """
        if len(data) > _REMEMBERED_BYTES:
            return
        with self._lock:
            self._recent[digest(data)] = data
            if len(self._recent) > _REMEMBERED:
                self._recent.popitem(last=False)

    def load(self, action: Action, role: Role) -> bytes:
        """The serialized value set; empty when the action has none.

        Raises:
            FailedPrecondition: the file is gone, or is not what was recorded.
        """
        ref = action.inputs if role == "inputs" else action.outputs
        if ref is None:
            return b""
        if not ref.uri:
            recent = self._recent.get(ref.sha256)
            if recent is not None:
                return recent
            data = self._store.payload(action.key, role)
            return b"" if data is None else data
        what = f"The {role} of action {action.key.name} in run {action.key.run.name}"
        try:
            data = Path(ref.uri).read_bytes()
        except OSError as cause:
            raise FailedPrecondition(
                f"{what} cannot be read from {ref.uri}: {cause.strerror}.",
                hint="The file was removed from the data directory; run the task again.",
            ) from cause
        if len(data) != ref.size_bytes or digest(data) != ref.sha256:
            raise FailedPrecondition(
                f"{what} are damaged: {ref.uri} is not what was recorded.",
                hint="The file was changed after the action ended; run the task again.",
            )
        return data

    def intact(self, ref: PayloadRef, data: bytes | None) -> bool:
        """Whether outputs are whole: where they should be if they are large, and all they refer to."""
        try:
            if data is None:
                data = Path(ref.uri).read_bytes()
                if len(data) != ref.size_bytes or digest(data) != ref.sha256:
                    return False
            return references.all_there(data, "outputs")
        except (OSError, InvalidArgument):
            return False

    def keep(self, path: Path, data: bytes) -> tuple[bytes | None, PayloadRef | None]:
        """Small data comes back as bytes for the store; large data is written to `path` first."""
        if len(data) <= INLINE_MAX:
            return data, None
        files.write(path, data)
        return None, PayloadRef(digest(data), len(data), str(path))

    def file_of(self, key: ActionKey) -> Path:
        """Where an action's inputs lie when they are a file."""
        return self._layout.action(key) / FILES["inputs"]

    def from_uri(self, uri: str) -> tuple[bytes, Path | None]:
        """The inputs a client names by a path in the data directory: a file, or a directory with `inputs.pb`.

        The path is None when there is no file because the store has the bytes.

        Raises:
            InvalidArgument: the path leads out of the data directory.
            NotFound: there is nothing there.
        """
        path = self.inside(uri)
        if path.is_dir():
            path = path / FILES["inputs"]
        try:
            return path.read_bytes(), path
        except OSError as cause:
            data = self._kept(path)
            if data is None:
                raise NotFound(
                    f"There are no inputs at {uri}.",
                    hint="The data directory was emptied since they were uploaded; run the command again.",
                ) from cause
            return data, None

    def inside(self, uri: str) -> Path:
        """The path a URI names, if it lies in the data directory.

        Raises:
            InvalidArgument: it does not.
        """
        if "\0" in uri:
            raise InvalidArgument(f"{uri!r} is not a path.")
        path = Path(os.path.realpath(uri.removeprefix("file://")))
        if not path.is_relative_to(os.path.realpath(self._layout.home)):
            raise InvalidArgument(f"{uri} does not lie in the server's data directory {self._layout.home}.")
        return path

    def put_file(self, action: Action, role: Role, path: Path) -> None:
        """Make sure that the value set is also a file, for workers that read nothing else."""
        if not path.exists():
            files.write(path, self.load(action, role))

    def _kept(self, path: Path) -> bytes | None:
        """The inputs of the action whose directory this would be."""
        base = Path(os.path.realpath(self._layout.home)) / "runs"
        match path.relative_to(base).parts if path.is_relative_to(base) else ():
            case (project, domain, run, action, "inputs.pb"):
                return self._store.payload(
                    ActionKey(RunKey(project, domain, run), ActionName(action)), "inputs"
                )
            case _:
                return None


def digest(data: bytes) -> Digest:
    return Digest(hashlib.sha256(data).hexdigest())


def sync_file(path: Path) -> None:
    """Force a file that somebody else wrote below `runs` to the disk, with the names that lead to it."""
    files.sync_file(path, path.parents[:_LEVELS])
