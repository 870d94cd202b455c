"""Every value that a type has goes to the wire and comes back the same: equal, and of the same type."""

import copy
import dataclasses
import enum
import math
import struct
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple, Optional
from uuid import UUID
from zoneinfo import ZoneInfo

import pydantic
import pytest
from flyteidl2.core.literals_pb2 import Literal as LiteralMessage
from hypothesis import given, settings
from hypothesis import strategies as st

from flyte._types.engine import codec_of
from flyte_core.wire import literals


class Colour(enum.Enum):
    RED = "r"
    GREEN = 2


class Power(enum.IntFlag):
    READ = 1
    WRITE = 2


class Pair(NamedTuple):
    left: int
    right: str = "none"


@dataclasses.dataclass
class Point:
    x: float
    name: str
    colour: Colour
    when: datetime
    tags: list[str] = dataclasses.field(default_factory=list)
    link: "Point | None" = None


class Item(pydantic.BaseModel):
    name: str
    price: float
    parts: dict[str, int] = {}
    point: Point | None = None


MOMENTS = st.one_of(
    st.datetimes(),
    st.datetimes(timezones=st.just(UTC)),
    st.datetimes(
        min_value=datetime(2, 1, 1),
        max_value=datetime(9998, 1, 1),
        timezones=st.integers(-82_800, 82_800).map(lambda seconds: timezone(timedelta(seconds=seconds))),
    ),
)
TEXTS = st.text()
BIG = st.integers()
POINTS = st.recursive(
    st.builds(Point, st.floats(), TEXTS, st.sampled_from(Colour), MOMENTS, st.lists(TEXTS), st.none()),
    lambda inner: st.builds(
        Point, st.floats(), TEXTS, st.sampled_from(Colour), MOMENTS, st.lists(TEXTS), inner
    ),
    max_leaves=3,
)
ITEMS = st.builds(
    Item, name=TEXTS, price=st.floats(), parts=st.dictionaries(TEXTS, BIG), point=st.none() | POINTS
)
PLAIN = st.recursive(
    st.none() | st.booleans() | BIG | st.floats() | TEXTS | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner),
    max_leaves=10,
)

CASES: list[tuple[Any, Any]] = [
    (int, BIG),
    (float, st.floats()),
    (str, TEXTS),
    (bool, st.booleans()),
    (None, st.none()),
    (bytes, st.binary()),
    (datetime, MOMENTS),
    (date, st.dates()),
    (timedelta, st.timedeltas()),
    (Colour, st.sampled_from(Colour)),
    (Power, st.sampled_from([Power.READ, Power.READ | Power.WRITE, Power(0)])),
    (list[int], st.lists(BIG)),
    (list[list[float]], st.lists(st.lists(st.floats()))),
    (dict[str, int], st.dictionaries(TEXTS, BIG)),
    (dict[int, str], st.dictionaries(BIG, TEXTS)),
    (dict[tuple[int, int], float], st.dictionaries(st.tuples(BIG, BIG), st.floats())),
    (dict[float, bool], st.dictionaries(st.floats(allow_nan=False), st.booleans())),
    (tuple[int, str], st.tuples(BIG, TEXTS)),
    (tuple[float, ...], st.lists(st.floats()).map(tuple)),
    (Pair, st.builds(Pair, BIG, TEXTS)),
    (Optional[int], st.none() | BIG),  # noqa: UP045
    (int | str | None, st.none() | BIG | TEXTS),
    (int | float, BIG | st.floats()),
    (bool | int, st.booleans() | BIG),
    (list[int | str], st.lists(BIG | TEXTS)),
    (Colour | str, st.sampled_from(Colour) | TEXTS),
    (Point, POINTS),
    (list[Point | None], st.lists(st.none() | POINTS)),
    (Item, ITEMS),
    (dict[str, Item | Point], st.dictionaries(TEXTS, ITEMS | POINTS)),
    (Any, PLAIN | st.sets(BIG) | st.tuples(BIG, TEXTS)),
    (dict, st.dictionaries(TEXTS, PLAIN)),
    (list, st.lists(PLAIN)),
    (dict[str, Any] | None, st.none() | st.dictionaries(TEXTS | st.just("~"), PLAIN)),
    (set[int], st.sets(BIG)),
    (set[str], st.sets(TEXTS)),
    (set, st.sets(TEXTS | BIG)),
    (frozenset[tuple[int, str]], st.frozensets(st.tuples(BIG, TEXTS))),
    (Decimal, st.decimals()),
    (complex, st.complex_numbers()),
    (Fraction, st.fractions()),
    (UUID, st.uuids()),
    (time, st.times() | st.times(timezones=st.just(UTC))),
    (Path, st.lists(TEXTS).map(lambda parts: Path(*parts))),
    (Decimal | str | None, st.none() | st.decimals() | TEXTS),
    (dict[str, UUID | Path], st.dictionaries(TEXTS, st.uuids() | TEXTS.map(Path))),
]


def same(a: Any, b: Any) -> bool:
    """Equal in value, type, order and, for floats, in every bit that counts."""
    if type(a) is not type(b):
        return False
    if isinstance(a, float):
        return struct.pack(">d", a) == struct.pack(">d", b) or (math.isnan(a) and math.isnan(b))
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return same(list(a), list(b)) and same(list(a.values()), list(b.values()))
    if dataclasses.is_dataclass(a):
        return all(same(getattr(a, f.name), getattr(b, f.name)) for f in dataclasses.fields(a))
    if isinstance(a, pydantic.BaseModel):
        return same(a.__dict__, b.__dict__) and a.model_fields_set == b.model_fields_set
    if isinstance(a, Decimal | complex | time):
        return repr(a) == repr(b)
    if isinstance(a, datetime):
        return a == b and a.utcoffset() == b.utcoffset()
    return bool(a == b)


@pytest.mark.parametrize(("hint", "values"), CASES, ids=[str(hint) for hint, _ in CASES])
def test_a_value_comes_back_as_it_went(hint: Any, values: Any) -> None:
    codec = codec_of(hint)

    @settings(max_examples=60, deadline=None)
    @given(values)
    def check(value: Any) -> None:
        literal = LiteralMessage()
        codec.fill(literal, value)
        arrived = LiteralMessage.FromString(literal.SerializeToString())
        back = codec.read(arrived)
        assert same(back, value), (back, value)
        packed = literals.unpack(literals.pack(codec.pack(value)))
        assert same(codec.unpack(packed), value)
        literals.to_json(arrived)

    check()


@pytest.mark.parametrize(("hint", "values"), CASES, ids=[str(hint) for hint, _ in CASES])
def test_equal_values_hash_alike_and_others_do_not(hint: Any, values: Any) -> None:
    codec = codec_of(hint)

    def key(value: Any) -> bytes:
        literal = LiteralMessage()
        codec.fill(literal, value)
        return literals.canonical(LiteralMessage.FromString(literal.SerializeToString()))

    @settings(max_examples=60, deadline=None)
    @given(values, values)
    def check(a: Any, b: Any) -> None:
        assert key(a) == key(copy.deepcopy(a))
        if key(a) == key(b):
            assert same(a, b) or a == b

    check()


@given(st.dictionaries(TEXTS, BIG, min_size=2))
def test_the_order_of_keys_is_kept_and_does_not_count(value: dict[str, int]) -> None:
    codec = codec_of(dict[str, int])
    turned = dict(reversed(value.items()))
    one, other = LiteralMessage(), LiteralMessage()
    codec.fill(one, value)
    codec.fill(other, turned)
    assert list(codec.read(one)) == list(value)
    assert list(codec.read(other)) == list(turned)
    assert literals.canonical(one) == literals.canonical(other)


@given(st.sets(TEXTS, min_size=2))
def test_equal_sets_hash_alike_whatever_their_order(value: set[str]) -> None:
    codec = codec_of(set[str])
    one, other = LiteralMessage(), LiteralMessage()
    codec.fill(one, value)
    again = list(value)
    again.reverse()
    codec.fill(other, set(again))
    assert literals.canonical(one) == literals.canonical(other)


@given(st.datetimes(datetime(1980, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)))
def test_a_named_zone_stays_that_zone(moment: datetime) -> None:
    value = moment.astimezone(ZoneInfo("Europe/Berlin"))
    literal = LiteralMessage()
    codec = codec_of(datetime)
    codec.fill(literal, value)
    back = codec.read(literal)
    assert back == value and back.tzinfo == value.tzinfo and back.fold == value.fold
    again = codec.unpack(codec.pack(value))
    assert again == value and again.tzinfo == value.tzinfo and again.fold == value.fold
