"""Which Python runs the tasks of a client that does not say: the one the client itself runs in."""

import os
from collections.abc import Sequence
from pathlib import Path

from flyte_core.model import FailedPrecondition
from flyte_server.services import peers

VARIABLE = "FLYTE_PYTHON"
"""Our SDK names its interpreter by this variable of the run."""

_COMMAND = "a0"


class Interpreters:
    """Finds interpreters that have the published client's `a0` beside them."""

    def __init__(self, configured: Sequence[str] = ()) -> None:
        self._configured = tuple(configured)

    def of_peer(self, peer: peers.Peer | None) -> str:
        """The interpreter of the process that sent a request. Reads many files: not on the loop.

        Raises:
            FailedPrecondition: it cannot be told, and none was configured.
        """
        if peer is not None:
            pid = peers.process_of(peer.inode)
            found = None if pid is None else _of_process(pid)
            if found is not None:
                return found
        for given in self._configured:
            if _has_runtime(Path(given)):
                return given
        raise FailedPrecondition(
            "The Python environment of this flyte client was not found, so its tasks cannot run here.",
            hint="Start the server with --runtime-python PATH, the python beside the client's `a0` command.",
        )


def _of_process(pid: int) -> str | None:
    """The Python of a process: as it was called, else by the script it runs, else its executable."""
    process = Path(f"/proc/{pid}")
    try:
        words = (process / "cmdline").read_bytes().split(b"\0")
        directory = (process / "cwd").readlink()
        executable = (process / "exe").readlink()
    except OSError:
        return None
    # An interpreter in a virtual environment is a link: only its name as called tells which one.
    called = [directory / os.fsdecode(word) for word in words[:2] if b"/" in word]
    beside = [path.parent / name for path in called for name in ("python", "python3")]
    for candidate in (*called[:1], *beside, *_by_environment(process), executable):
        if _has_runtime(candidate):
            return str(candidate)
    return None


def _by_environment(process: Path) -> list[Path]:
    """The interpreter of an activated environment."""
    try:
        pairs = [entry.partition(b"=") for entry in (process / "environ").read_bytes().split(b"\0")]
    except OSError:
        return []
    found = {name: value for name, _, value in pairs}.get(b"VIRTUAL_ENV")
    return [Path(os.fsdecode(found), "bin", "python")] if found else []


def _has_runtime(python: Path) -> bool:
    return (
        python.name.startswith("python")
        and os.access(python, os.X_OK)
        and os.access(python.with_name(_COMMAND), os.X_OK)
    )
