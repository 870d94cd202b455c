"""Processes of this machine, named beyond doubt: a pid is reused, its start time and boot are not."""

import os
from functools import cache
from pathlib import Path

from flyte_core.model import Owner


@cache
def boot_id() -> str:
    """What the kernel calls this boot; differs after every restart of the machine."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return "unknown"


def _stat(pid: int) -> list[str] | None:
    """Fields of `/proc/PID/stat` from the third (state) on; None when there is no such process."""
    try:
        fd = os.open(f"/proc/{pid}/stat", os.O_RDONLY)
    except OSError:
        return None
    try:
        raw = os.read(fd, 4096)
    except OSError:
        return None
    finally:
        os.close(fd)
    # The command's name stands in parentheses and may itself hold spaces and parentheses.
    return raw[raw.rindex(b")") + 2 :].decode("ascii", "replace").split()


def identity(pid: int | None = None, *, zombie: bool = False) -> Owner | None:
    """The process with this pid (default: this one); None when it is gone.

    One that only waits to be collected counts as gone unless `zombie` is set.
    """
    pid = os.getpid() if pid is None else pid
    fields = _stat(pid)
    if fields is None or (fields[0] in "ZX" and not zombie):
        return None
    return Owner(pid, int(fields[19]), boot_id())


def alive(owner: Owner) -> bool:
    """Whether that very process still runs. A zombie does not: it only waits to be collected."""
    return owner.boot_id == boot_id() and identity(owner.pid) == owner


def session(pid: int) -> int | None:
    """The session the process belongs to."""
    fields = _stat(pid)
    return int(fields[3]) if fields else None


def children(pid: int) -> list[int]:
    """Pids whose parent is `pid`, of all its threads."""
    found: list[int] = []
    try:
        threads = [each.name for each in Path(f"/proc/{pid}/task").iterdir()]
    except OSError:
        return found
    for thread in threads:
        try:
            fd = os.open(f"/proc/{pid}/task/{thread}/children", os.O_RDONLY)
        except OSError:
            if not _lists_children():
                return _children_by_scan(pid)
            continue
        try:
            raw = b""
            while chunk := os.read(fd, 65536):
                raw += chunk
        except OSError:
            continue
        finally:
            os.close(fd)
        found.extend(int(each) for each in raw.split())
    return found


@cache
def _lists_children() -> bool:
    """Whether this kernel was built with `CONFIG_PROC_CHILDREN`."""
    pid = os.getpid()
    return Path(f"/proc/{pid}/task/{pid}/children").exists()


def _children_by_scan(pid: int) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        fields = _stat(int(entry.name)) if entry.name.isdigit() else None
        if fields is not None and int(fields[1]) == pid:
            found.append(int(entry.name))
    return found


def descendants(pid: int) -> list[int]:
    """Everything below `pid`, parents before children, `pid` itself excluded."""
    found: list[int] = []
    queue = children(pid)
    while queue:
        found.extend(queue)
        queue = [below for each in queue for below in children(each)]
    return found
