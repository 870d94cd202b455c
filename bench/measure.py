"""One command as a whole process tree: wall time, CPU of the tree, peak memory, its JSON answer."""

import ctypes
import json
import os
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36
TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Sample:
    """What one run of a command took. `inner_s` is what the program measured itself."""

    wall_s: float
    cpu_s: float
    peak_mb: float
    inner_s: float
    actions: int
    extra: Mapping[str, float]


class Failed(Exception):
    """The command did not end well; the message holds the end of what it said."""


def become_subreaper() -> None:
    """Adopt orphans, so that daemons a command leaves behind stay in its tree."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def descendants(pid: int) -> set[int]:
    """Every process below `pid` that still lives."""
    found: set[int] = set()
    todo = [pid]
    while todo:
        parent = todo.pop()
        try:
            tasks = list(Path(f"/proc/{parent}/task").iterdir())
        except OSError:
            continue
        for task in tasks:
            try:
                text = (task / "children").read_text()
            except OSError:
                continue
            for child in map(int, text.split()):
                if child not in found:
                    found.add(child)
                    todo.append(child)
    return found


def cpu_seconds(pid: int, *, with_reaped: bool = True) -> float:
    """User and system time of a process and of its children that were waited for."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    values = fields[11:15] if with_reaped else fields[11:13]
    return sum(map(int, values)) / TICKS


def tree_cpu() -> float:
    """CPU of everything this process has started, alive or gone."""
    own = os.times()
    return own.children_user + own.children_system + sum(cpu_seconds(pid) for pid in descendants(os.getpid()))


class PeakMemory(threading.Thread):
    """Samples the summed resident memory of everything below this process."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.peak_mb = 0.0
        self._done = threading.Event()

    def run(self) -> None:
        while not self._done.wait(0.05):
            total = 0
            for pid in descendants(os.getpid()):
                try:
                    total += int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE
                except (OSError, IndexError):
                    continue
            self.peak_mb = max(self.peak_mb, total / 1e6)

    def stop(self) -> float:
        self._done.set()
        self.join()
        return self.peak_mb


def run(argv: Sequence[str], env: Mapping[str, str], cwd: Path, timeout_s: float) -> Sample:
    """Run a command that prints one JSON line last (`actions`, `seconds`), and measure it."""
    memory = PeakMemory()
    cpu = tree_cpu()
    memory.start()
    begin = time.perf_counter()
    try:
        done = subprocess.run(
            argv, env=dict(env), cwd=cwd, capture_output=True, text=True, timeout=timeout_s, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise Failed(f"{argv[0]}: no end within {timeout_s:.0f} s") from error
    finally:
        wall = time.perf_counter() - begin
        peak = memory.stop()
    spent = tree_cpu() - cpu
    if done.returncode != 0:
        raise Failed(f"exit code {done.returncode}: {done.stderr[-800:] or done.stdout[-800:]}")
    line = next((x for x in reversed(done.stdout.splitlines()) if x.startswith("{")), None)
    told = json.loads(line) if line else {}
    extra = {
        k: float(v)
        for k, v in told.items()
        if isinstance(v, int | float) and k not in ("answer", "actions", "seconds")
    }
    return Sample(wall, spent, peak, float(told.get("seconds", wall)), int(told.get("actions", 1)), extra)
