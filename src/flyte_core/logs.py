"""The log file of an attempt: one record a line, written by supervisors, read by everybody.

A record is `<micros>\\t<stream>\\t<text>\\n`: the instant, `o` (stdout), `e` (stderr) or `s` (written by
the system), and one line of text as the program wrote it, without its newline. A final record whose
newline is missing was cut; readers show it with a mark. Text is UTF-8, undecodable bytes replaced.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from flyte_core.frozen import frozen
from flyte_core.model import Micros

Stream = Literal["o", "e", "s"]


@frozen
class LogLine:
    at: Micros
    stream: Stream
    text: str
    number: int
    """Position in the file, from 0."""


def encode(at: Micros, stream: Stream, text: str) -> bytes:
    """One record. `text` holds no newline."""
    return f"{at}\t{stream}\t{text}\n".encode("utf-8", "replace")


def say(path: Path, at: Micros, text: str) -> None:
    """Write a line of the system's to the log of an attempt that has not begun.

    Raises:
        OSError: it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with path.open("ab", buffering=0) as file:
        file.write(encode(at, "s", text))


def decode(raw: bytes, number: int) -> LogLine:
    """The record in one line of the file; a damaged line is returned as system text."""
    text = raw.rstrip(b"\n").decode("utf-8", "replace")
    at, _, rest = text.partition("\t")
    stream, separator, body = rest.partition("\t")
    if separator and stream in ("o", "e", "s") and at.isdigit():
        return LogLine(Micros(int(at)), stream, body, number)  # type: ignore[arg-type]
    return LogLine(Micros(0), "s", text, number)


def read(path: Path, offset: int = 0, number: int = 0) -> Iterator[tuple[LogLine, int]]:
    """Whole records from byte `offset` on, each with the offset after it. Missing file: nothing."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return
    with file:
        file.seek(offset)
        for raw in file:
            if not raw.endswith(b"\n"):
                return
            offset += len(raw)
            yield decode(raw, number), offset
            number += 1
