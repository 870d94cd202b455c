"""Words for people: durations, instants, phases, and their colours."""

from datetime import UTC, datetime

import click

from flyte_core.model import Micros, Phase

COLOURS = {
    Phase.QUEUED: "bright_black",
    Phase.WAITING_FOR_RESOURCES: "yellow",
    Phase.INITIALIZING: "cyan",
    Phase.RUNNING: "blue",
    Phase.PAUSED: "magenta",
    Phase.SUCCEEDED: "green",
    Phase.RECOVERED: "green",
    Phase.FAILED: "red",
    Phase.ABORTED: "yellow",
    Phase.TIMED_OUT: "red",
}


def phase(word: str) -> str:
    """A phase in its colour; colours are dropped where the output is not a terminal."""
    try:
        return click.style(word, fg=COLOURS[Phase(word)])
    except ValueError:
        return word


def duration(milliseconds: int | float | None) -> str:
    """`12 ms`, `1.24 s`, `3 m 04 s`, `2 h 05 m`, `3 d 04 h`; a dash when there is none."""
    if milliseconds is None:
        return "-"
    if milliseconds < 1000:
        return f"{round(milliseconds)} ms"
    seconds = milliseconds / 1000
    if seconds < 10:
        return f"{seconds:.2f} s"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, seconds = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} m {seconds:02d} s"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes:02d} m"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours:02d} h"


def instant(iso: str | None) -> str:
    """An ISO instant as local time to the second; a dash when there is none."""
    if not iso:
        return "-"
    return datetime.fromisoformat(iso).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def stamp(at: Micros) -> str:
    """An instant of a log line: UTC with milliseconds, fit for sorting."""
    moment = datetime.fromtimestamp(at / 1e6, tz=UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def size(count: int) -> str:
    """`512 B`, `1.5 KiB`, `20 MiB`."""
    if count < 1024:
        return f"{count} B"
    amount = float(count)
    for unit in ("KiB", "MiB", "GiB"):
        amount /= 1024
        if amount < 1024 or unit == "GiB":
            break
    return f"{amount:.1f} {unit}" if amount < 10 else f"{amount:.0f} {unit}"


def plural(count: int, word: str) -> str:
    """`1 action`, `3 actions`."""
    return f"{count} {word}" if count == 1 else f"{count} {word}s"
