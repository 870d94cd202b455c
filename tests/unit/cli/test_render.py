from typing import Any

from flyte._cli.render import Column, table_lines

COLUMNS = (
    Column("Name", lambda row: row["name"]),
    Column("Text", lambda row: row["text"], shrink=True),
    Column("N", lambda row: str(row["n"]), right=True),
)
ROWS: list[dict[str, Any]] = [
    {"name": "a", "text": "short", "n": 1},
    {"name": "bb", "text": "a rather long text that goes on", "n": 20},
]


def lines(
    style: Any = "table-simple", width: int | None = None, rows: list[dict[str, Any]] = ROWS
) -> list[str]:
    return list(table_lines(COLUMNS, rows, style, width))


def test_columns_are_aligned() -> None:
    assert lines() == [
        "Name  Text                              N",
        "a     short                             1",
        "bb    a rather long text that goes on  20",
    ]


def test_a_narrow_terminal_cuts_only_the_column_that_may_shrink() -> None:
    cut = lines("table", width=30)
    assert all(len(line) <= 30 for line in cut[1:])
    assert cut[-1].startswith("bb    a rather")
    assert "…" in cut[-1]
    assert cut[-1].endswith("20")


def test_wide_characters_take_two_columns() -> None:
    wide = lines(rows=[{"name": "日本", "text": "x", "n": 1}, {"name": "abcd", "text": "y", "n": 2}])
    assert wide[1] == "日本  x     1"
    assert wide[2] == "abcd  y     2"


def test_only_the_first_line_of_a_cell_is_shown() -> None:
    assert lines(rows=[{"name": "a", "text": "one\ntwo", "n": 1}])[1] == "a     one …  1"
