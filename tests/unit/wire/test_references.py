"""The files that values refer to are found wherever they stand in them."""

from pathlib import Path

import msgpack
import pytest
from flyteidl2.core.literals_pb2 import Literal
from flyteidl2.task.common_pb2 import NamedLiteral, Outputs

from flyte_core.model import InvalidArgument
from flyte_core.wire import literals, references


def outputs(*values: Literal) -> bytes:
    return Outputs(literals=[NamedLiteral(name="o", value=each) for each in values]).SerializeToString()


def blob(uri: str) -> Literal:
    found = Literal()
    found.scalar.blob.uri = uri
    return found


def packed(value: object) -> Literal:
    found = Literal()
    found.scalar.binary.value = literals.pack(value)
    found.scalar.binary.tag = "msgpack"
    return found


def test_each_place_is_looked_into() -> None:
    many, by_name, maybe, frame = Literal(), Literal(), Literal(), Literal()
    many.collection.literals.append(blob("/a"))
    by_name.map.literals["k"].CopyFrom(blob("file:///b"))
    maybe.scalar.union.value.CopyFrom(blob("/c"))
    frame.scalar.structured_dataset.uri = "/d"
    file = {"path": "/e", "name": "e", "format": "", "hash": None}
    table = {"uri": "/f", "format": "arrow", "hash": "sha256:1"}
    stored = msgpack.ExtType(literals.STORED_PICKLE, b"/g")
    within = msgpack.ExtType(literals.LITERAL, blob("/h").SerializeToString())
    structure = packed(
        {"one": [file, {"two": table}], "three": stored, "four": within, "text": "/not a file"}
    )
    data = outputs(many, by_name, maybe, frame, structure, blob("s3://bucket/x"))
    assert sorted(references.local_paths(data, "outputs")) == [f"/{each}" for each in "abcdefgh"]


def test_all_there_asks_the_disk(tmp_path: Path) -> None:
    there = tmp_path / "x"
    there.write_text("x")
    assert references.all_there(outputs(blob(str(there)), packed("/nowhere")), "outputs")
    assert not references.all_there(outputs(blob(str(there)), blob(f"{there}.gone")), "outputs")
    assert references.all_there(outputs(packed(5)), "outputs")
    with pytest.raises(InvalidArgument):
        references.all_there(b"/ no outputs", "outputs")


def test_what_is_known_by_its_content_hashes_as_that() -> None:
    one = {"path": "/a", "name": "a", "format": "", "hash": "sha256:1"}
    other = {**one, "path": "/b", "name": "b"}
    assert literals.canonical(packed({"f": one})) == literals.canonical(packed({"f": other}))
    assert literals.canonical(packed(one)) != literals.canonical(packed({**one, "hash": "sha256:2"}))
    mine = {**one, "hash": "mine"}
    assert literals.canonical(packed(mine)) != literals.canonical(packed({**mine, "path": "/b"}))
