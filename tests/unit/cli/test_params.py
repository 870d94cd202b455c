import enum
import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

import pydantic
import pytest

from flyte._cli.params import BadValue, describe, read, show_default


class Colour(enum.Enum):
    RED = "#f00"
    GREEN = "#0f0"


@dataclass
class Point:
    x: int
    y: float = 0.5


class Box(pydantic.BaseModel):
    corner: Point
    tags: list[str] = []


@pytest.mark.parametrize(
    ("text", "hint", "expected"),
    [
        ("5", int, 5),
        ("-5", int, -5),
        ("1e-3", float, 0.001),
        ("5", float, 5.0),
        ("5", str, "5"),
        ("", str, ""),
        ("TRUE", bool, True),
        ("no", bool, False),
        ("hé", bytes, "hé".encode()),
        ("2026-01-31T12:00:00Z", datetime, datetime(2026, 1, 31, 12, tzinfo=UTC)),
        ("2026-01-31", date, date(2026, 1, 31)),
        ("PT90S", timedelta, timedelta(seconds=90)),
        ("RED", Colour, Colour.RED),
        ("green", Colour, Colour.GREEN),
        ("#0f0", Colour, Colour.GREEN),
        ("fast", Literal["fast", "slow"], "fast"),
        ("2", Literal[1, 2], 2),
        ("5", Annotated[int, "how many"], 5),
        ("null", int | None, None),
        ("5", int | None, 5),
        ("5", int | str, 5),
        ("five", int | str, "five"),
        ("", str | None, ""),
        ("[1, 2]", list[int], [1, 2]),
        ("[1, 2]", tuple[int, int], (1, 2)),
        ('{"a": 1}', dict[str, int], {"a": 1}),
        ('{"x": 1}', Point, Point(1)),
        ('{"corner": {"x": 1, "y": 2}, "tags": ["a"]}', Box, Box(corner=Point(1, 2.0), tags=["a"])),
        ('{"x": 1}', Point | None, Point(1)),
        ("[1]", Any, [1]),
        ("plain", Any, "plain"),
    ],
)
def test_text_becomes_a_value_of_the_hint(text: str, hint: Any, expected: Any) -> None:
    value = read(text, hint)
    assert value == expected
    assert type(value) is type(expected)


@pytest.mark.parametrize(
    ("text", "hint", "words"),
    [
        ("five", int, "not an integer"),
        ("5.5", int, "not an integer"),
        ("x", float, "not a number"),
        ("maybe", bool, "true or false"),
        ("BLUE", Colour, "RED, GREEN"),
        ("medium", Literal["fast", "slow"], "fast, slow"),
        ("soon", timedelta, "not a duration"),
        ("soon", datetime, "not an instant"),
        ("[1", list[int], "not JSON"),
        ('["a"]', list[int], "[0]: expected int"),
        ('{"y": 1}', Point, "missing: x"),
        ("nowhere.yaml", Point, "cannot read 'nowhere.yaml'"),
        ("x", int | float, "none of int, float"),
    ],
)
def test_what_does_not_fit_is_refused_with_a_reason(text: str, hint: Any, words: str) -> None:
    with pytest.raises(BadValue) as caught:
        read(text, hint)
    assert words in str(caught.value)


def test_structures_may_come_from_files(tmp_path: Path) -> None:
    (tmp_path / "point.json").write_text(json.dumps({"x": 3}))
    (tmp_path / "box.yaml").write_text("corner: {x: 1}\ntags: [a, b]\n")
    assert read(str(tmp_path / "point.json"), Point) == Point(3)
    assert read(str(tmp_path / "box.yaml"), Box) == Box(corner=Point(1), tags=["a", "b"])


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("a: [1\n")
    with pytest.raises(BadValue, match=r"bad\.yaml' is not YAML"):
        read(str(tmp_path / "bad.yaml"), dict[str, int])


@pytest.mark.parametrize(
    ("hint", "words"),
    [
        (int, "int"),
        (list[int], "list[int]"),
        (dict[str, float], "dict[str, float]"),
        (tuple[int, ...], "tuple[int, ...]"),
        (int | None, "int|null"),
        (Colour, "RED|GREEN"),
        (Literal["a", "b"], "a|b"),
        (Point, "Point"),
        (Any, "any"),
    ],
)
def test_types_are_described_in_short(hint: Any, words: str) -> None:
    assert describe(hint) == words


@pytest.mark.parametrize(
    ("value", "shown"),
    [(5, "5"), (None, "null"), (True, "true"), ("", "''"), ("a b", "a b"), (Colour.RED, "RED"), ([1], "[1]")],
)
def test_defaults_are_shown_as_they_could_be_typed(value: Any, shown: str) -> None:
    assert show_default(value) == shown
