"""Who can be killed: the processes of one data directory, by kind."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

from flyte_core import supervision
from flyte_core.layout import Layout

ATTEMPTS = "runs/*/*/*/*/*"
WARM = "workers/*"


def of(layout: Layout, kind: str) -> list[int]:
    """Pids of `worker` (runs a child), `parent` (runs a root), `shim`, `warm`, `zygote`, or `all` of these."""
    home = layout.home
    match kind:
        case "worker":
            return [pid for place, pid in _named(home, ATTEMPTS, supervision.WORKER) if place != "a0"]
        case "parent":
            return [pid for place, pid in _named(home, ATTEMPTS, supervision.WORKER) if place == "a0"]
        case "shim":
            named = (*_named(home, ATTEMPTS, supervision.CLAIM), *_named(home, WARM, supervision.CLAIM))
            return [pid for _, pid in named]
        case "warm":
            return [pid for _, pid in _named(home, WARM, supervision.WORKER)]
        case "zygote":
            return list(_zygotes(home))
        case "all":
            return [
                pid for each in ("worker", "parent", "warm", "shim", "zygote") for pid in of(layout, each)
            ]
        case _:
            return []


def _named(home: Path, where: str, file: str) -> Iterator[tuple[str, int]]:
    """Living processes named by such files where nothing has ended yet; with each the action's name."""
    for path in home.glob(f"{where}/{file}"):
        if (path.parent / supervision.EXIT).exists():
            continue
        try:
            pid = int(json.loads(path.read_text())["pid"])
        except (OSError, ValueError, KeyError):
            continue
        if pid and _is_alive(pid):
            yield path.parent.parent.name, pid


def _zygotes(home: Path) -> Iterator[int]:
    """Processes started as a zygote; supervisors and workers forked from one look the same from outside."""
    forked = {pid for file in (supervision.WORKER, supervision.CLAIM) for pid in _everyone(home, file)}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) not in forked:
            try:
                command = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if b"flyte._runtime.zygote" in command and os.fsencode(home) in command:
                yield int(entry.name)


def _everyone(home: Path, file: str) -> Iterator[int]:
    for where in (ATTEMPTS, WARM):
        yield from (pid for _, pid in _named(home, where, file))


def _is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
