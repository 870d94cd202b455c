"""Tables, sheets and JSON: the data a command writes on stdout."""

import json
import re
import shutil
import sys
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import click

from flyte._cli.state import Format
from flyte_core.frozen import frozen

_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_MINIMUM = 8


@frozen
class Column:
    """One column: its heading, and how a row's cell is written.

    `shrink` marks a column that gives way when the terminal is narrow; `right` aligns numbers.
    """

    heading: str
    cell: Callable[[Mapping[str, Any]], str]
    shrink: bool = False
    right: bool = False


def is_json(style: Format) -> bool:
    return style.startswith("json")


def emit_json(value: object, style: Format) -> None:
    """`json`: indented for people; `json-raw`: one line for programs. Order of keys is kept."""
    indent = 2 if style == "json" else None
    separators = None if indent else (",", ":")
    text = json.dumps(value, indent=indent, separators=separators, ensure_ascii=False, default=str)
    click.echo(text.encode("utf-8", "replace") if _surrogates(text) else text)


def emit_table(columns: Sequence[Column], rows: Sequence[Mapping[str, Any]], style: Format) -> None:
    """Rows under headings. `table-simple` has no rule and no colours, for `awk` and `cut`."""
    for line in table_lines(columns, rows, style, _terminal_width()):
        click.echo(line)


def table_lines(
    columns: Sequence[Column], rows: Sequence[Mapping[str, Any]], style: Format, width: int | None
) -> Iterator[str]:
    """The lines of a table. `width` is the room there is; None: as wide as the content."""
    plain = style == "table-simple"
    cells = [[_one_line(column.cell(row)) for column in columns] for row in rows]
    if plain:
        cells = [[_ANSI.sub("", cell) for cell in row] for row in cells]
    widths = [
        max([display_width(column.heading), *(display_width(row[at]) for row in cells)])
        for at, column in enumerate(columns)
    ]
    if width is not None and not plain:
        widths = _fit(columns, widths, width)
    headings = [_pad(column.heading, widths[at], column.right) for at, column in enumerate(columns)]
    yield _join(headings if plain else [click.style(heading, bold=True) for heading in headings])
    if not plain:
        yield "  ".join("─" * at for at in widths)
    for row in cells:
        yield _join(
            _pad(_cut(cell, widths[at]), widths[at], columns[at].right) for at, cell in enumerate(row)
        )


def emit_sheet(fields: Sequence[tuple[str, str]]) -> None:
    """One thing, a name and a value a line; further lines of a value are indented under it."""
    room = max(len(name) for name, _ in fields)
    for name, value in fields:
        first, *more = value.split("\n")
        click.echo(f"{click.style(name.ljust(room), bold=True)}  {first}".rstrip())
        for line in more:
            click.echo(f"{'':{room}}  {line}".rstrip())


def display_width(text: str) -> int:
    """Columns of a terminal that the text takes: colours none, wide characters two."""
    text = _ANSI.sub("", text)
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1
        for char in text
    )


def _terminal_width() -> int | None:
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def _fit(columns: Sequence[Column], widths: Sequence[int], room: int) -> list[int]:
    """Take columns' width away, the widest that may shrink first, until the table fits."""
    fitted = list(widths)
    excess = sum(fitted) + 2 * (len(fitted) - 1) - room
    while excess > 0:
        able = [at for at, column in enumerate(columns) if column.shrink and fitted[at] > _MINIMUM]
        if not able:
            break
        fitted[max(able, key=lambda at: fitted[at])] -= 1
        excess -= 1
    return fitted


def _cut(text: str, width: int) -> str:
    if display_width(text) <= width:
        return text
    kept = ""
    for char in _ANSI.sub("", text):
        if display_width(kept + char) > width - 1:
            break
        kept += char
    return kept + "…"


def _pad(text: str, width: int, right: bool) -> str:
    space = " " * max(0, width - display_width(text))
    return space + text if right else text + space


def _join(cells: Iterator[str] | Sequence[str]) -> str:
    return "  ".join(cells).rstrip()


def _one_line(text: str) -> str:
    first, newline, _ = text.partition("\n")
    return first + " …" if newline else first


def _surrogates(text: str) -> bool:
    return not text.isascii() and any("\ud800" <= char <= "\udfff" for char in text)
