"""Protobuf messages: as JSON-like structures where that is exact, else as their bytes."""

from typing import Any, Final

from flyteidl2.core.literals_pb2 import Literal
from flyteidl2.core.types_pb2 import STRUCT, LiteralType
from google.protobuf import json_format
from google.protobuf.message import DecodeError, Message

from flyte._types.codec import Codec, LiteralCodec

_TAG: Final = "protobuf"


class MessageCodec(LiteralCodec[Message]):
    """A class of protobuf messages."""

    def __init__(self, kind: type[Message]) -> None:
        self.kind = kind
        self.label = kind.__name__

    def literal_type(self) -> LiteralType:
        found = LiteralType(simple=STRUCT)
        found.metadata["pb_type"] = f"{self.kind.__module__}.{self.kind.__qualname__}"
        return found

    def matches(self, value: Any) -> bool:
        return isinstance(value, self.kind)

    def fill(self, literal: Literal, value: Message) -> None:
        if not isinstance(value, self.kind):
            self.refuse(value)
        data = value.SerializeToString(deterministic=True)
        try:
            shown = json_format.MessageToDict(value, preserving_proto_field_name=True)
            if isinstance(shown, dict) and self._bytes(shown) == data:
                literal.scalar.generic.update(shown)
                literal.scalar.generic.SetInParent()
                return
        except (json_format.Error, TypeError, ValueError):
            pass
        literal.scalar.binary.value = data
        literal.scalar.binary.tag = _TAG

    def read(self, literal: Literal) -> Message:
        try:
            if literal.scalar.WhichOneof("value") == "generic":
                return self.from_json(json_format.MessageToDict(literal.scalar.generic))
            if literal.scalar.binary.tag == _TAG:
                return self.kind.FromString(literal.scalar.binary.value)
        except DecodeError:
            pass
        self.refuse_literal(literal)

    def from_json(self, data: Any) -> Message:
        try:
            return json_format.ParseDict(data, self.kind())
        except json_format.ParseError as error:
            self.refuse(data, str(error))

    def _bytes(self, shown: dict[str, Any]) -> bytes:
        return json_format.ParseDict(shown, self.kind()).SerializeToString(deterministic=True)


def message(kind: type, hint: Any) -> Codec[Any]:
    """The codec of a class of messages."""
    return MessageCodec(kind)
