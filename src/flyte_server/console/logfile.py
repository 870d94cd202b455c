"""An attempt's log for the browser: bounded reads from any point, never the whole file in memory."""

from pathlib import Path

from flyte_core import logs
from flyte_core.frozen import frozen

MAX_TAIL = 8 << 20
"""A log longer than this many bytes is shown from its last whole lines on."""

_BATCH_LINES = 2_000
_BATCH_BYTES = 512 << 10
_CHUNK = 1 << 20
_MAX_LINE = 64 << 10
_SEARCHED = 256 << 20
_MATCHES = 200
_SHOWN = 1_000

Line = tuple[int, int, str, str]
"""Number from 0, milliseconds since the epoch, stream, text."""


@frozen
class Position:
    """A place between two records of a log file."""

    offset: int = 0
    line: int = 0


@frozen
class Batch:
    lines: tuple[Line, ...]
    end: Position
    more: bool
    """Whether whole records follow already."""


def start(path: Path, tail: int = MAX_TAIL) -> Position:
    """Where to begin so that at most `tail` bytes follow: the start of the file or of a record."""
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        return Position()
    if size <= tail:
        return Position()
    offset = line = 0
    with path.open("rb") as file:
        while offset < size - tail:
            chunk = file.read(min(_CHUNK, size - tail - offset))
            if not chunk:
                break
            offset += len(chunk)
            line += chunk.count(b"\n")
        rest = file.readline()
    return Position(offset + len(rest), line + 1) if rest.endswith(b"\n") else Position(offset, line)


def read(path: Path, position: Position) -> Batch:
    """The next records, as many as fit in one message."""
    lines: list[Line] = []
    size = 0
    end = position
    for record, offset in logs.read(path, position.offset, position.line):
        text = record.text
        if len(text) > _MAX_LINE:
            text = f"{text[:_MAX_LINE]} … ({len(text):,} characters; the download has them all)"
        lines.append((record.number, record.at // 1000, record.stream, text))
        size += offset - end.offset
        end = Position(offset, record.number + 1)
        if len(lines) >= _BATCH_LINES or size >= _BATCH_BYTES:
            return Batch(tuple(lines), end, True)
    return Batch(tuple(lines), end, False)


def place(path: Path, line: int) -> Position:
    """Where a line begins, counted from 0; past the last one, the end."""
    position = Position()
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return position
    with file:
        while position.line < line:
            chunk = file.read(_CHUNK)
            if not chunk:
                return position
            here = chunk.count(b"\n")
            if position.line + here >= line:
                end = 0
                for _ in range(line - position.line):
                    end = chunk.index(b"\n", end) + 1
                return Position(position.offset + end, line)
            position = Position(position.offset + len(chunk), position.line + here)
    return position


def part(path: Path, first: int, limit: int) -> tuple[Line, ...]:
    """Whole lines from one on."""
    lines: list[Line] = []
    position = place(path, first)
    while len(lines) < limit:
        batch = read(path, position)
        lines += batch.lines
        position = batch.end
        if not batch.more:
            break
    return tuple(lines[:limit])


@frozen
class Found:
    lines: tuple[Line, ...]
    """The first that match."""
    found: int
    complete: bool
    """Whether all that was asked for was looked through."""


def search(path: Path, text: str, exact: bool, before: int) -> Found:
    """Lines that hold a text, among those before a line; bounded in what is read and in what is answered."""
    wanted = text if exact else text.lower()
    lines: list[Line] = []
    found = 0
    for record, offset in logs.read(path):
        if record.number >= before:
            return Found(tuple(lines), found, True)
        if offset > _SEARCHED:
            return Found(tuple(lines), found, False)
        if wanted in (record.text if exact else record.text.lower()):
            found += 1
            if found <= _MATCHES:
                lines.append((record.number, record.at // 1000, record.stream, record.text[:_SHOWN]))
    return Found(tuple(lines), found, True)


def cut(path: Path, position: Position) -> Line | None:
    """A last record whose newline is missing, once nothing more will be written."""
    try:
        with path.open("rb") as file:
            file.seek(position.offset)
            raw = file.read(_MAX_LINE)
    except FileNotFoundError:
        return None
    if not raw or b"\n" in raw:
        return None
    record = logs.decode(raw, position.line)
    return record.number, record.at // 1000, record.stream, record.text
