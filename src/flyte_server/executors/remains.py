"""Ends what is left of an attempt whose supervisor is gone."""

import os
import signal
import time
from pathlib import Path

from flyte_core import process, supervision
from flyte_core.model import Token
from flyte_server.executors.watch import send

PATIENCE_S = 10.0


def end(directory: Path, token: Token) -> int:
    """Kill every process of the attempt that can be told for certain; how many there were.

    Without its supervisor an attempt's tree is scattered: found are the worker and what is below it,
    its session, and whatever carries the attempt's own variables. Blocks for up to `PATIENCE_S`.
    """
    deadline = time.monotonic() + PATIENCE_S
    killed: set[int] = set()
    while True:
        found = _remains(directory, token)
        if not found or time.monotonic() > deadline:
            return len(killed)
        for pid in found:
            owner = process.identity(pid)
            if owner is not None and send(owner, signal.SIGKILL):
                killed.add(pid)
        time.sleep(0.005)


def _remains(directory: Path, token: Token) -> list[int]:
    worker = supervision.read_owner(directory / supervision.WORKER)
    if worker is not None and process.alive(worker):
        return [*process.descendants(worker.pid), worker.pid]
    session = worker.pid if worker is not None and worker.boot_id == process.boot_id() else None
    # `<run base>/<action>/<attempt>` is how attempts lie.
    marks = {f"FLYTE_ATTEMPT_TOKEN={token}".encode(), f"_U_RUN_BASE={directory.parent.parent}".encode()}
    pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    return [
        pid
        for pid in pids
        if pid != os.getpid() and (_carries(pid, marks) or _belongs(pid, session, directory))
    ]


def _carries(pid: int, marks: set[bytes]) -> bool:
    """Whether the process was executed with the attempt's variables (forks do not show theirs)."""
    try:
        return marks.issubset(Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"))
    except OSError:
        return False


def _belongs(pid: int, session: int | None, directory: Path) -> bool:
    """Whether it is in the worker's session, and not in one that merely got its number later."""
    if session is None or process.session(pid) != session:
        return False
    try:
        return Path(f"/proc/{pid}/cwd").readlink().is_relative_to(directory)
    except OSError:
        return False
