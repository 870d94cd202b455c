"""Values that are equal have equal content, however the wire spells them."""

import datetime
from dataclasses import dataclass
from typing import Any

import msgpack
import pytest
from flyteidl2.core.literals_pb2 import Literal
from flyteidl2.task.common_pb2 import Inputs, NamedLiteral
from google.protobuf.struct_pb2 import Struct

from flyte_core.dataflow.content import Content, Reference, content_of
from flyte_core.wire import literals
from flyte_core.wire.contents import contents


def read(literal: Literal) -> Content:
    ((name, found),) = contents(
        Inputs(literals=[NamedLiteral(name="x", value=literal)]).SerializeToString(), "inputs"
    )
    assert name == "x"
    return found


def primitive(**value: Any) -> Literal:
    found = Literal()
    for name, each in value.items():
        setattr(found.scalar.primitive, name, each)
    return found


def packed(value: Any) -> Literal:
    found = Literal()
    found.scalar.binary.value = literals.pack(value)
    found.scalar.binary.tag = "msgpack"
    return found


def listed(*values: Literal) -> Literal:
    found = Literal()
    found.collection.literals.extend(values)
    return found


def maybe(value: Literal) -> Literal:
    found = Literal()
    found.scalar.union.value.CopyFrom(value)
    return found


def generic(value: dict[str, Any]) -> Literal:
    found = Literal()
    struct = Struct()
    struct.update(value)
    found.scalar.generic.CopyFrom(struct)
    return found


@dataclass
class Case:
    literal: Literal
    value: Any


FILE = {"path": "/e", "name": "e", "format": "", "hash": "sha256:1"}
CASES = {
    "number": Case(primitive(integer=7), 7),
    "float": Case(primitive(float_value=7.0), 7),
    "text": Case(primitive(string_value="ab"), "ab"),
    "truth": Case(primitive(boolean=True), True),
    "nothing": Case(Literal(), None),
    "optional": Case(maybe(primitive(integer=7)), 7),
    "list": Case(listed(primitive(integer=7), primitive(string_value="a")), [7, "a"]),
    "structure": Case(packed({"a": [7, {"b": "c"}]}), {"a": [7, {"b": "c"}]}),
    "json": Case(generic({"a": 7, "b": ["c"]}), {"b": ["c"], "a": 7.0}),
    "big": Case(packed(2**80), 2**80),
    "file in a structure": Case(packed({"f": FILE}), {"f": Reference("/e", "sha256:1")}),
    "stored pickle": Case(
        packed([msgpack.ExtType(literals.STORED_PICKLE, b"/g/sha")]), [Reference("/g/sha")]
    ),
    "literal in a structure": Case(
        packed([msgpack.ExtType(literals.LITERAL, primitive(integer=9).SerializeToString())]), [9]
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_literal_has_the_content_of_its_value(name: str) -> None:
    assert read(CASES[name].literal) == content_of(CASES[name].value)


def test_different_values_have_different_content() -> None:
    keys = [content_of(case.value).key for name, case in CASES.items() if name not in ("float", "optional")]
    assert len(set(keys)) == len(keys)
    assert read(primitive(integer=1)).key != read(primitive(boolean=True)).key
    assert content_of(["a", "bc"]).key != content_of(["ab", "c"]).key


def test_references_count_by_place_and_hash() -> None:
    blob, frame = Literal(hash="h"), Literal()
    blob.scalar.blob.uri = "file:///a"
    frame.scalar.structured_dataset.uri = "file:///a"
    assert read(blob) == content_of(Reference("file:///a", "h"))
    assert read(frame) == content_of(Reference("file:///a"))
    assert read(blob).key != read(frame).key


def test_instants_and_lengths_of_time_are_not_one_another() -> None:
    instant, length = Literal(), Literal()
    instant.scalar.primitive.datetime.FromDatetime(datetime.datetime(1970, 1, 1, 0, 0, 5))
    length.scalar.primitive.duration.FromSeconds(5)
    assert read(instant).key != read(length).key
    assert read(instant).length and read(length).length


def test_a_pickle_is_compared_and_not_opened() -> None:
    pickled = Literal()
    pickled.scalar.binary.value = b"cos\nsystem\n(S'exit 1'\ntR."
    pickled.scalar.binary.tag = "pickle"
    assert read(pickled) == content_of(b"cos\nsystem\n(S'exit 1'\ntR.")


def test_what_is_damaged_has_no_content() -> None:
    assert contents(b"\xff\xff", "inputs") == ()
    broken = Literal()
    broken.scalar.binary.value = b"\xc1"
    broken.scalar.binary.tag = "msgpack"
    assert contents(listed(broken).SerializeToString(), "outputs") == ()
    named = Inputs(literals=[NamedLiteral(name="x", value=broken)]).SerializeToString()
    assert contents(named, "inputs") == ()
