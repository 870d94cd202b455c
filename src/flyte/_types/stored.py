"""Values for the inputs of a task whose code is not at hand: by what its stored interface says of them."""

import enum
import types
import typing
from datetime import datetime, timedelta
from typing import Any, Final

from flyteidl2.core import types_pb2
from flyteidl2.core.literals_pb2 import Literal
from flyteidl2.core.types_pb2 import LiteralType
from google.protobuf import json_format

from flyte._types.engine import codec_of

_SIMPLE: Final[dict[int, Any]] = {
    types_pb2.INTEGER: int,
    types_pb2.FLOAT: float,
    types_pb2.STRING: str,
    types_pb2.BOOLEAN: bool,
    types_pb2.DATETIME: datetime,
    types_pb2.DURATION: timedelta,
    types_pb2.NONE: types.NoneType,
}
_PLAIN: Final = (int, float, str, bool, bytes, list, dict, tuple, datetime, timedelta, types.NoneType)


def hint_of(kind: LiteralType) -> Any:
    """The Python type whose values fit; `dict` or `list` for structures, `Any` for what only its code knows."""
    match kind.WhichOneof("type"):
        case "simple" if kind.simple == types_pb2.STRUCT:
            return list if _schema(kind).get("type") == "array" or _is_tuple(kind) else dict
        case "simple":
            return _SIMPLE.get(kind.simple, Any)
        case "collection_type":
            return list[hint_of(kind.collection_type)]  # type: ignore[misc]
        case "map_value_type":
            return dict[str, hint_of(kind.map_value_type)]  # type: ignore[misc]
        case "enum_type":
            return typing.Literal[tuple(kind.enum_type.values)]
        case "union_type":
            return typing.Union[tuple(hint_of(each) for each in kind.union_type.variants)]  # noqa: UP007
        case "blob":
            return str
        case _:
            return Any


def literal(kind: LiteralType, value: Any) -> Literal:
    """The value as a literal of that type.

    Values of classes (data classes, models, files) are converted by their own class.

    Raises:
        Mismatch: it is not of that type.
    """
    found = Literal()
    which = kind.WhichOneof("type")
    if which == "enum_type" and isinstance(value, enum.Enum):
        value = value.name
    if which == "blob" and isinstance(value, str):
        found.scalar.blob.uri = value
        found.scalar.blob.metadata.type.CopyFrom(kind.blob)
        return found
    if _is_tuple(kind) and isinstance(value, list | tuple):
        # A tuple of values of several types travels as an object.
        codec_of(dict).fill(found, {f"item_{index}": each for index, each in enumerate(value)})
        return found
    hint = hint_of(kind) if isinstance(value, _PLAIN) or which == "union_type" else type(value)
    codec_of(hint).fill(found, value)
    return found


def _schema(kind: LiteralType) -> dict[str, Any]:
    return json_format.MessageToDict(kind.metadata) if kind.HasField("metadata") else {}


def _is_tuple(kind: LiteralType) -> bool:
    if kind.simple != types_pb2.STRUCT:
        return False
    fields = _schema(kind).get("properties") or {}
    return bool(fields) and set(fields) == {f"item_{index}" for index in range(len(fields))}
