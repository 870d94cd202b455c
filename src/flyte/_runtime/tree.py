"""The process tree of one attempt: find all of it, measure it, end it.

The shim is a child subreaper: whatever a worker starts and abandons, even in a session of its own,
becomes the shim's child and stays in the tree.
"""

import ctypes
import os
import signal
import time

from flyte_core.process import descendants

_PR_SET_CHILD_SUBREAPER = 36
_PAGE = os.sysconf("SC_PAGE_SIZE")
_libc = ctypes.CDLL(None, use_errno=True)


def become_subreaper() -> None:
    """Orphans below this process become its children rather than init's."""
    if _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")


def memory_bytes(limit: int) -> int:
    """What the tree below this process holds in memory.

    The sum of resident sizes counts pages that forks share once for each: when it passes `limit`
    the exact, slower measure (proportional set size) decides.
    """
    pids = descendants(os.getpid())
    resident = sum(_resident(pid) for pid in pids)
    if resident <= limit or len(pids) < 2:
        return resident
    return sum(_proportional(pid) for pid in pids)


def _resident(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/statm", "rb") as file:  # noqa: PTH123
            return int(file.read().split()[1]) * _PAGE
    except (OSError, IndexError):
        return 0


def _proportional(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/smaps_rollup", "rb") as file:  # noqa: PTH123
            for line in file:
                if line.startswith(b"Pss:"):
                    return int(line.split()[1]) * 1024
    except (OSError, ValueError):
        pass
    return _resident(pid)


def reap() -> list[tuple[int, int]]:
    """Collect every child that has ended: its pid and wait status."""
    ended: list[tuple[int, int]] = []
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return ended
        if pid == 0:
            return ended
        ended.append((pid, status))


def kill_all(patience_s: float = 10.0) -> tuple[list[tuple[int, int]], int]:
    """SIGKILL everything below this process until nothing is left.

    Children are collected as they die, which brings their orphans up to this process. Returns what
    was collected and how many could not be ended (stuck in the kernel) within `patience_s`.
    """
    ended: list[tuple[int, int]] = []
    deadline = time.monotonic() + patience_s
    pause = 0.0005
    while True:
        ended += reap()
        below = descendants(os.getpid())
        if not below:
            return ended, 0
        for pid in below:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        if time.monotonic() > deadline:
            return ended, len(below)
        time.sleep(pause)
        pause = min(pause * 2, 0.02)


def oom_kills() -> int | None:
    """How often the kernel's out-of-memory killer has struck since boot."""
    try:
        with open("/proc/vmstat", "rb") as file:  # noqa: PTH123
            for line in file:
                if line.startswith(b"oom_kill "):
                    return int(line.split()[1])
    except OSError:
        pass
    return None
