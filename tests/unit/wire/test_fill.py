"""JSON back into literals."""

import json

import msgpack
import pytest
from flyteidl2.core import literals_pb2, types_pb2

from flyte_core.model import InvalidArgument
from flyte_core.wire import fill, literals

INT = types_pb2.LiteralType(simple=types_pb2.INTEGER)
FLOAT = types_pb2.LiteralType(simple=types_pb2.FLOAT)
STRUCT = types_pb2.LiteralType(simple=types_pb2.STRUCT)
NONE = types_pb2.LiteralType(simple=types_pb2.NONE)


def _structure(value):
    found = literals_pb2.Literal()
    found.scalar.binary.value = msgpack.packb(value)
    found.scalar.binary.tag = "msgpack"
    return found


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (INT, 5),
        (INT, -(2**63)),
        (FLOAT, 1.5),
        (FLOAT, "NaN"),
        (types_pb2.LiteralType(simple=types_pb2.STRING), "ä\n"),
        (types_pb2.LiteralType(simple=types_pb2.BOOLEAN), False),
        (types_pb2.LiteralType(simple=types_pb2.DURATION), "PT1.5S"),
        (types_pb2.LiteralType(simple=types_pb2.DURATION), "-PT90S"),
        (types_pb2.LiteralType(simple=types_pb2.DATETIME), "2026-01-31T12:00:00+00:00"),
        (types_pb2.LiteralType(simple=types_pb2.DATETIME), "2026-01-31T12:00:00+05:30"),
        (types_pb2.LiteralType(simple=types_pb2.DATETIME), "2026-01-31T12:00:00"),
        (types_pb2.LiteralType(collection_type=INT), [3, 1, 2]),
        (types_pb2.LiteralType(map_value_type=FLOAT), {"b": 1.0, "a": 2.0}),
        (types_pb2.LiteralType(simple=types_pb2.BINARY), "AAEC"),
        (STRUCT, {"deep": [{"x": 1}], "big": 2**70}),
        (types_pb2.LiteralType(union_type=types_pb2.UnionType(variants=[INT, NONE])), None),
        (types_pb2.LiteralType(union_type=types_pb2.UnionType(variants=[INT, NONE])), 4),
    ],
)
def test_what_is_shown_can_be_filled_in(kind, value):
    assert literals.to_json(fill.literal(kind, value, "x")) == value


@pytest.mark.parametrize(
    ("kind", "value", "said"),
    [
        (INT, "five", "x must be a whole number"),
        (INT, True, "x must be a whole number"),
        (INT, 1.5, "x must be a whole number"),
        (INT, 2**63, "x does not fit 64 bits"),
        (FLOAT, "1", "x must be a number"),
        (types_pb2.LiteralType(collection_type=INT), [1, "b"], "x[1] must be a whole number"),
        (types_pb2.LiteralType(map_value_type=INT), {"k": None}, "x.k must be a whole number"),
        (
            types_pb2.LiteralType(enum_type=types_pb2.EnumType(values=["a", "b"])),
            "c",
            "x must be one of a, b",
        ),
        (types_pb2.LiteralType(simple=types_pb2.DATETIME), "soon", "x must be an instant"),
        (types_pb2.LiteralType(simple=types_pb2.DURATION), "P", "x must be a length of time"),
        (types_pb2.LiteralType(simple=types_pb2.BINARY), "?", "x must be bytes in base64"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(kind, value, said):
    with pytest.raises(InvalidArgument) as refused:
        fill.literal(kind, value, "x")
    assert refused.value.message.startswith(said)


def test_a_structure_keeps_what_json_cannot_say():
    hidden = f"{literals.HIDDEN}class"
    old = _structure({hidden: "pkg.Config", "rate": 1.0, "raw": b"\0\1", "n": 3, "items": [0.5]})
    shown = literals.to_json(old)
    assert fill.literal(STRUCT, json.loads(json.dumps(shown)), "cfg", old) == old
    new = fill.literal(STRUCT, {**shown, "rate": 2, "n": 4, "items": [1, 2]}, "cfg", old)
    assert literals.unpack(new.scalar.binary.value) == {
        hidden: "pkg.Config",
        "rate": 2.0,
        "raw": b"\0\1",
        "n": 4,
        "items": [1.0, 2.0],
    }
    assert isinstance(literals.unpack(new.scalar.binary.value)["rate"], float)


def test_pickles_are_never_made_from_json():
    kind = types_pb2.LiteralType(blob=types_pb2.BlobType(format="PythonPickle"))
    with pytest.raises(InvalidArgument, match="only code can make one"):
        fill.literal(kind, "/tmp/x", "x")


def test_inputs_keep_their_order_and_the_values_that_are_not_changed():
    kinds = {"a": INT, "b": INT}
    old = {"a": fill.literal(INT, 1, "a"), "b": fill.literal(INT, 2, "b")}
    assert {k: literals.to_json(v) for k, v in fill.values(kinds, old, {"b": 5}).items()} == {"a": 1, "b": 5}
    with pytest.raises(InvalidArgument, match="no input 'c'"):
        fill.values(kinds, old, {"c": 1})
