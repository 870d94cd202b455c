"""What values refer to on this machine: files that have to be there for the values to be whole."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgpack
from flyteidl2.core import interface_pb2, literals_pb2, types_pb2
from google.protobuf import json_format

from flyte_core.model import InvalidArgument
from flyte_core.wire import literals
from flyte_core.wire.literals import Kind

_REFERENCES: Final = (literals.FILE_KEYS, literals.FRAME_KEYS)


def may_refer(interface: interface_pb2.TypedInterface) -> bool:
    """Whether inputs or outputs of this interface can hold files, directories or data frames."""
    entries = (*interface.inputs.variables, *interface.outputs.variables)
    return any(_type_refers(entry.value.type) for entry in entries)


def _type_refers(kind: types_pb2.LiteralType) -> bool:
    match kind.WhichOneof("type"):
        case "blob" | "structured_dataset_type" | "schema":
            return True
        case "collection_type":
            return _type_refers(kind.collection_type)
        case "map_value_type":
            return _type_refers(kind.map_value_type)
        case "union_type":
            return any(_type_refers(each) for each in kind.union_type.variants)
        case _:
            return _schema_refers(json_format.MessageToDict(kind.metadata))


def _schema_refers(schema: Any) -> bool:
    """Whether a JSON schema has the object of a value by reference anywhere."""
    if isinstance(schema, list):
        return any(_schema_refers(each) for each in schema)
    if not isinstance(schema, dict):
        return False
    fields = schema.get("properties")
    if isinstance(fields, dict) and any(keys <= fields.keys() for keys in _REFERENCES):
        return True
    return any(_schema_refers(each) for each in schema.values())


def all_there(data: bytes, role: Kind) -> bool:
    """Whether everything that serialized inputs or outputs refer to on this machine is there.

    Raises:
        InvalidArgument: the bytes are no inputs or outputs.
    """
    # A path has a slash; most values have none, and need no second look.
    return b"/" not in data or all(Path(path).exists() for path in local_paths(data, role))


def local_paths(data: bytes, role: Kind) -> Iterator[str]:
    """The paths on this machine that serialized inputs or outputs refer to."""
    for named in literals.named(data, role):
        for uri in _uris(named.value):
            path = uri.removeprefix("file://")
            if path.startswith("/"):
                yield path


def _uris(literal: literals_pb2.Literal) -> Iterator[str]:
    kind = literal.WhichOneof("value")
    if kind == "collection":
        for each in literal.collection.literals:
            yield from _uris(each)
    elif kind == "map":
        for each in literal.map.literals.values():
            yield from _uris(each)
    elif kind == "scalar":
        scalar = literal.scalar
        match scalar.WhichOneof("value"):
            case "blob":
                yield scalar.blob.uri
            case "structured_dataset":
                yield scalar.structured_dataset.uri
            case "union":
                yield from _uris(scalar.union.value)
            case "binary" if scalar.binary.tag == "msgpack" and b"/" in scalar.binary.value:
                yield from _packed(scalar.binary.value)


def _packed(data: bytes) -> Iterator[str]:
    try:
        yield from _within(literals.unpack(data))
    except InvalidArgument:
        return


def _within(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for keys, place in ((literals.FILE_KEYS, "path"), (literals.FRAME_KEYS, "uri")):
            if value.keys() == keys and isinstance(value[place], str):
                yield value[place]
                return
        for each in value.values():
            yield from _within(each)
    elif isinstance(value, list):
        for each in value:
            yield from _within(each)
    elif isinstance(value, msgpack.ExtType):
        if value.code == literals.STORED_PICKLE:
            yield value.data.decode("utf-8", "replace")
        elif value.code == literals.LITERAL:
            yield from _uris(literals_pb2.Literal.FromString(value.data))
