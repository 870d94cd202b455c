"""What people are shown of values, and what values hash as."""

import math
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from flyteidl2.core.literals_pb2 import Literal
from flyteidl2.task.common_pb2 import Inputs, Outputs

from flyte_core.model import InvalidArgument
from flyte_core.wire import literals


def primitive(**values: Any) -> Literal:
    literal = Literal()
    for name, value in values.items():
        setattr(literal.scalar.primitive, name, value)
    return literal


def packed(value: Any) -> Literal:
    literal = Literal()
    literal.scalar.binary.value = literals.pack(value)
    literal.scalar.binary.tag = "msgpack"
    return literal


def moment(value: datetime, zone: str = "") -> Literal:
    literal = Literal()
    literal.scalar.primitive.datetime.FromDatetime(value)
    if zone:
        literal.metadata[literals.TIME_ZONE] = zone
    return literal


def collection(*items: Literal) -> Literal:
    literal = Literal()
    literal.collection.literals.extend(items)
    literal.collection.SetInParent()
    return literal


def mapping(order: str = "", **items: Literal) -> Literal:
    literal = Literal()
    literal.map.SetInParent()
    for key, item in items.items():
        literal.map.literals[key].CopyFrom(item)
    if order:
        literal.metadata[literals.KEY_ORDER] = order
    return literal


ONE, TWO = primitive(integer=1), primitive(integer=2)
NOON = datetime(2026, 1, 2, 12, 0, 0, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("literal", "shown"),
    [
        (ONE, 1),
        (primitive(boolean=False), False),
        (primitive(float_value=math.nan), "NaN"),
        (primitive(float_value=-math.inf), "-Infinity"),
        (moment(NOON), "2026-01-02T12:00:00.000005+00:00"),
        (moment(NOON, "naive"), "2026-01-02T12:00:00.000005"),
        (moment(NOON, "+3600"), "2026-01-02T13:00:00.000005+01:00"),
        (moment(NOON, "date"), "2026-01-02"),
        (collection(ONE, TWO), [1, 2]),
        (mapping(b=ONE, a=TWO), {"a": 2, "b": 1}),
        (packed({"a": [1, None, 2**70], "b": b"\xff"}), {"a": [1, None, 2**70], "b": "/w=="}),
        (packed({1: "a", "\0hidden": 2}), {"1": "a"}),
        (Literal(), None),
    ],
)
def test_values_are_shown_as_json(literal: Literal, shown: Any) -> None:
    assert literals.to_json(literal) == shown


def test_a_length_of_time_is_shown_in_seconds() -> None:
    literal = Literal()
    literal.scalar.primitive.duration.FromTimedelta(timedelta(minutes=-1, milliseconds=-5))
    assert literals.to_json(literal) == "-PT60.005S"


def test_the_order_of_keys_is_shown_and_nonsense_about_it_ignored() -> None:
    assert list(literals.to_json(mapping("[1,0]", a=ONE, b=TWO))) == ["b", "a"]
    for nonsense in ("[0]", "[0,0]", "x", "[5,1]"):
        assert list(literals.to_json(mapping(nonsense, a=ONE, b=TWO))) == ["a", "b"]


def test_pickles_and_damage_are_named_not_opened() -> None:
    literal = Literal()
    literal.scalar.binary.value = b"\x80\x05K\x05."
    assert literals.to_json(literal) == {"pickle": "5 bytes"}
    literal.scalar.binary.tag = "msgpack"
    literal.scalar.binary.value = b"\xc1"
    assert literals.to_json(literal) == {"damaged": "1 bytes"}


def test_named_values() -> None:
    inputs, outputs = Inputs(), Outputs()
    inputs.literals.add(name="x", value=ONE)
    outputs.literals.add(name="o0", value=TWO)
    assert literals.named_json(inputs.SerializeToString(), "inputs") == {"x": 1}
    assert literals.named_json(outputs.SerializeToString(), "outputs") == {"o0": 2}
    assert literals.named_json(b"", "outputs") == {}
    with pytest.raises(InvalidArgument, match="damaged"):
        literals.named_json(b"\xff\xff", "inputs")


DIFFERENT = [
    ONE,
    TWO,
    primitive(float_value=1.0),
    primitive(boolean=True),
    primitive(string_value="1"),
    primitive(string_value=""),
    primitive(float_value=0.0),
    primitive(float_value=-0.0),
    primitive(float_value=math.nan),
    moment(NOON),
    moment(NOON, "naive"),
    collection(),
    collection(ONE),
    collection(ONE, TWO),
    collection(TWO, ONE),
    collection(collection(ONE), TWO),
    collection(collection(ONE, TWO)),
    collection(collection(ONE), collection(TWO)),
    mapping(),
    mapping(a=ONE),
    mapping(a=ONE, b=TWO),
    mapping(ab=ONE),
    packed(1),
    packed([1]),
    packed({"a": 1}),
    packed({"a": [1]}),
    packed({1: 1}),
    packed({"1": 1}),
    packed(None),
    packed(""),
    packed(b""),
    packed(2**64 + 1),
]


def test_no_two_different_values_hash_alike() -> None:
    keys = [literals.canonical(each) for each in DIFFERENT]
    assert len(set(keys)) == len(keys)


def test_the_order_of_keys_does_not_count() -> None:
    assert literals.canonical(packed({"a": 1, "b": {"c": 2, "d": 3}})) == literals.canonical(
        packed({"b": {"d": 3, "c": 2}, "a": 1})
    )
    assert literals.canonical(mapping("[1,0]", a=ONE, b=TWO)) == literals.canonical(mapping(a=ONE, b=TWO))


def test_a_hash_of_its_own_stands_for_the_value() -> None:
    one, other = primitive(string_value="/here"), primitive(string_value="/there")
    one.hash = other.hash = "content"
    assert literals.canonical(one) == literals.canonical(other)
    assert literals.canonical(collection(one)) == literals.canonical(collection(other))


def test_ignored_names_do_not_count() -> None:
    first, second = Inputs(), Inputs()
    for message, note in ((first, "a"), (second, "b")):
        message.literals.add(name="x", value=ONE)
        message.literals.add(name="note", value=primitive(string_value=note))
    a, b = first.SerializeToString(), second.SerializeToString()
    assert literals.hash_named(a, "inputs") != literals.hash_named(b, "inputs")
    ignored = frozenset({"note"})
    assert literals.hash_named(a, "inputs", ignored) == literals.hash_named(b, "inputs", ignored)


def test_dates_of_every_zone_are_shown() -> None:
    far = datetime(9999, 12, 31, 23, 0, tzinfo=timezone(timedelta(0)))
    assert literals.to_json(moment(far, "+86399")).startswith("253")
    assert date.fromisoformat(literals.to_json(moment(NOON, "date"))) == date(2026, 1, 2)
