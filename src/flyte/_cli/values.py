"""Values and errors in words, bounded: for sheets and tables, never for JSON output."""

import json
from collections.abc import Mapping
from typing import Any

from flyte._cli import words

LONGEST = 2000


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
    """`ValueError: no such colour`, for a table's cell."""
    return f"{error['code']}: {error['message']}" if error else ""


def failure(error: Mapping[str, Any] | None) -> list[tuple[str, str]]:
    """The fields of a sheet that say what went wrong, with the user's traceback."""
    if not error:
        return []
    text = error_line(error)
    trace = (error.get("traceback") or "").rstrip("\n")
    return [("Error", f"{text}\n{trace}" if trace else text)]
