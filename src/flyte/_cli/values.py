"""Values and errors in words, bounded: for sheets and tables, never for JSON output."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from flyte._cli import words

LONGEST = 2000
CELL = 100


def preview(value: object) -> str:
    """A value on one line, as JSON; a long one is cut and says how long it is."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    if len(text) <= LONGEST:
        return text
    return f"{text[:LONGEST]}… ({words.size(len(text.encode('utf-8', 'replace')))}; -of json shows all)"


def named(title: str, found: Mapping[str, Any] | None) -> list[tuple[str, str]]:
    """One field of a sheet with `name = value` lines; none where there are no values."""
    if not found:
        return []
    return [(title, "\n".join(f"{name} = {preview(value)}" for name, value in found.items()))]


def error_line(error: Mapping[str, Any] | None) -> str:
    """`ValueError: no such colour`."""
    return f"{error['code']}: {error['message']}" if error else ""


def error_cell(error: Mapping[str, Any] | None) -> str:
    """The same, short enough for a table that is not on a terminal."""
    line = error_line(error).partition("\n")[0]
    return line if len(line) <= CELL else line[: CELL - 1] + "…"


def failure(error: Mapping[str, Any] | None) -> list[tuple[str, str]]:
    """The fields of a sheet that say what went wrong, with the user's traceback."""
    if not error:
        return []
    text = error_line(error)
    trace = (error.get("traceback") or "").rstrip("\n")
    return [("Error", f"{text}\n{trace}" if trace else text)]


def divergences(found: Iterable[Mapping[str, Any]] | None) -> list[tuple[str, str]]:
    """The field of a sheet that says which tasks were not called again when their caller ran again."""
    lines = [f"{each['code']}: {each['message']}" for each in found or ()]
    return [("Diverged", "\n".join(lines))] if lines else []
