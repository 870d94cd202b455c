"""Literals by their content, however they are spelled on the wire. Nothing is unpickled, no file is read."""

from typing import Any

import msgpack
from flyteidl2.core import literals_pb2
from google.protobuf.message import DecodeError

from flyte_core.dataflow.content import Reference, content_of
from flyte_core.dataflow.infer import Named
from flyte_core.model import InvalidArgument
from flyte_core.wire import literals
from flyte_core.wire.literals import Kind


def contents(data: bytes, role: Kind) -> Named:
    """The values in serialized inputs or outputs; none where they are damaged."""
    try:
        return tuple((each.name, content_of(plain(each.value))) for each in literals.named(data, role))
    except (InvalidArgument, DecodeError, RecursionError):
        return ()


def plain(literal: literals_pb2.Literal) -> Any:
    """The value as plain data: what JSON has, bytes, and `Reference` for what lies elsewhere."""
    match literal.WhichOneof("value"):
        case "scalar":
            return _scalar(literal)
        case "collection":
            return [plain(each) for each in literal.collection.literals]
        case "map":
            return {key: plain(each) for key, each in literal.map.literals.items()}
        case "offloaded_metadata":
            return Reference(literal.offloaded_metadata.uri, literal.hash)
        case _:
            return None


def _scalar(literal: literals_pb2.Literal) -> Any:
    scalar = literal.scalar
    match scalar.WhichOneof("value"):
        case "primitive":
            return _primitive(scalar.primitive)
        case "union":
            return plain(scalar.union.value)
        case "blob":
            return Reference(scalar.blob.uri, literal.hash)
        case "structured_dataset":
            return Reference(scalar.structured_dataset.uri, literal.hash)
        case "schema":
            return Reference(scalar.schema.uri, literal.hash)
        case "binary" if scalar.binary.tag == "msgpack":
            return _unpacked(literals.unpack(scalar.binary.value))
        case "binary":
            return scalar.binary.value
        case "generic":
            return literals.to_json(literal)
        case "none_type" | None:
            return None
        case _:
            return scalar.SerializeToString(deterministic=True)


def _primitive(primitive: literals_pb2.Primitive) -> Any:
    which = primitive.WhichOneof("value")
    if which is None:
        return None
    value = getattr(primitive, which)
    return {which: [value.seconds, value.nanos]} if which in ("datetime", "duration") else value


def _unpacked(value: Any) -> Any:
    if isinstance(value, dict):
        for keys, place in ((literals.FILE_KEYS, "path"), (literals.FRAME_KEYS, "uri")):
            if value.keys() == keys and isinstance(value[place], str):
                return Reference(value[place], str(value["hash"] or ""))
        return {key: _unpacked(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_unpacked(each) for each in value]
    if isinstance(value, msgpack.Timestamp):
        return {"datetime": [value.seconds, value.nanoseconds]}
    if isinstance(value, msgpack.ExtType):
        if value.code == literals.LITERAL:
            return plain(literals_pb2.Literal.FromString(value.data))
        if value.code == literals.STORED_PICKLE:
            return Reference(value.data.decode("utf-8", "replace"))
        return value.data
    return value
