"""The newest lines of all logs of a run, by time: bounded reads, a bounded answer."""

import heapq
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TypedDict

from flyte_core import logs
from flyte_core.frozen import frozen
from flyte_core.layout import Layout
from flyte_core.model import RunKey
from flyte_server.console import logfile

MAX_LINES = 5_000
MAX_DOWNLOAD = 50_000
BUDGET = 256 << 20
"""At most so many bytes are looked through for one answer."""

LEVELS = ("debug", "info", "warning", "error")
_LEVEL = re.compile(r"\b(?:(DEBUG|TRACE)|(INFO|NOTICE)|(WARN(?:ING)?)|(ERROR|CRITICAL|FATAL|Traceback))\b")
_LEVEL_PLACE = 120
_JSON_LEVEL = re.compile(r'"(?:level|levelname|severity|log\.level)"\s*:\s*"(\w+)"')


@frozen
class Wanted:
    """Which lines; empty and zero mean: any."""

    text: str = ""
    level: str = ""
    """This level or a worse one."""
    action: str = ""
    begin: int = 0
    end: int = 0
    """Microseconds since the epoch, as the logs have them."""
    limit: int = 2_000


@frozen
class _Log:
    changed: int
    action: str
    attempt: int
    path: Path
    size: int


class Newest(TypedDict):
    lines: list[tuple[int, str, int, int, str, str]]
    """Milliseconds since the epoch, action, attempt, number, stream, text."""
    found: int
    complete: bool


def newest(layout: Layout, run: RunKey, wanted: Wanted) -> Newest:
    """The last `limit` lines that are wanted, oldest first, and whether anything was left out."""
    heap: list[tuple[int, str, int, int, str, str]] = []
    found = read = 0
    complete = True
    for log in sorted(_logs(layout.run(run), wanted.action), key=lambda log: -log.changed):
        full = len(heap) >= wanted.limit
        if full and log.changed < heap[0][0] and not wanted.text:
            # Nothing in it, or in any that follows, is newer than what there is.
            complete = False
            break
        if read >= BUDGET:
            complete = False
            break
        start = logfile.start(log.path)
        complete = complete and start.offset == 0
        read += log.size - start.offset
        for line, _ in logs.read(log.path, start.offset, start.line):
            if not _is_wanted(line, wanted):
                continue
            found += 1
            item = (line.at, log.action, log.attempt, line.number, line.stream, line.text[:4_000])
            if len(heap) < wanted.limit:
                heapq.heappush(heap, item)
            else:
                heapq.heappushpop(heap, item)
    lines = [
        (at // 1000, action, attempt, number, stream, text)
        for at, action, attempt, number, stream, text in sorted(heap)
    ]
    return {"lines": lines, "found": found, "complete": complete and found <= wanted.limit}


def level_of(text: str) -> int:
    """Where the line stands among `LEVELS`; -1 when it does not say."""
    if text.startswith("{") and (said := _JSON_LEVEL.search(text)):
        text = said[1].upper()
    match = _LEVEL.search(text, 0, _LEVEL_PLACE)
    return -1 if match is None else (match.lastindex or 0) - 1


def _is_wanted(line: logs.LogLine, wanted: Wanted) -> bool:
    if line.at < wanted.begin or (wanted.end and line.at > wanted.end):
        return False
    if wanted.text and wanted.text.lower() not in line.text.lower():
        return False
    return not wanted.level or level_of(line.text) >= LEVELS.index(wanted.level)


def _logs(directory: Path, only: str) -> Iterator[_Log]:
    for action in _below(directory):
        if only and action.name != only:
            continue
        for attempt in _below(Path(action.path)):
            if not attempt.name.isdecimal():
                continue
            path = Path(attempt.path, "log")
            try:
                stat = path.stat()
            except OSError:
                continue
            if stat.st_size:
                changed = stat.st_mtime_ns // 1000 + 1
                yield _Log(changed, action.name, int(attempt.name), path, stat.st_size)


def _below(directory: Path) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(directory) as entries:
            yield from (entry for entry in entries if entry.is_dir(follow_symlinks=False))
    except OSError:
        return
