"""int, float, str, bool, None and bytes."""

import base64
import binascii
import operator
from typing import Any, Final, TypeVar

from flyteidl2.core.literals_pb2 import Literal
from flyteidl2.core.types_pb2 import BINARY, BOOLEAN, FLOAT, INTEGER, NONE, STRING, LiteralType

from flyte._types import pickles
from flyte._types.codec import Codec
from flyte_core.wire import literals

T = TypeVar("T")

_WORDS: Final = {"NaN": "nan", "Infinity": "inf", "-Infinity": "-inf"}


class IntCodec(Codec[int]):
    """Whole numbers of any size. Beyond 64 bits they travel as MessagePack."""

    label = "int"

    def literal_type(self) -> LiteralType:
        return LiteralType(simple=INTEGER)

    def matches(self, value: Any) -> bool:
        return type(value) is int

    def fill(self, literal: Literal, value: int) -> None:
        number = value if type(value) is int else self._number(value)
        try:
            literal.scalar.primitive.integer = number
        except ValueError:
            literal.scalar.binary.value = literals.pack(number)
            literal.scalar.binary.tag = "msgpack"

    def read(self, literal: Literal) -> int:
        primitive = literal.scalar.primitive
        if primitive.HasField("integer"):
            return primitive.integer
        if literal.scalar.binary.tag == "msgpack":
            return self.unpack(literals.unpack(literal.scalar.binary.value))
        self.refuse_literal(literal)

    def pack(self, value: int) -> Any:
        return value if type(value) is int else self._number(value)

    def unpack(self, packed: Any) -> int:
        if type(packed) is int:
            return packed
        self.refuse(packed)

    def schema(self, known: dict[str, Any]) -> dict[str, Any]:
        return {"type": "integer"}

    def from_json(self, data: Any) -> int:
        if type(data) is float and data.is_integer():
            return int(data)
        return self.unpack(data)

    def _number(self, value: Any) -> int:
        # Numbers of other libraries say that they are whole by having __index__.
        if isinstance(value, bool) or not hasattr(value, "__index__"):
            self.refuse(value)
        return int(operator.index(value))


class FloatCodec(Codec[float]):
    """Floating point numbers, bit for bit. Whole numbers that a float can hold are taken too."""

    label = "float"

    def literal_type(self) -> LiteralType:
        return LiteralType(simple=FLOAT)

    def matches(self, value: Any) -> bool:
        return type(value) is float

    def fill(self, literal: Literal, value: float) -> None:
        literal.scalar.primitive.float_value = value if type(value) is float else self._number(value)

    def read(self, literal: Literal) -> float:
        primitive = literal.scalar.primitive
        if primitive.HasField("float_value"):
            return primitive.float_value
        if primitive.HasField("integer"):
            return float(primitive.integer)
        self.refuse_literal(literal)

    def pack(self, value: float) -> Any:
        return value if type(value) is float else self._number(value)

    def unpack(self, packed: Any) -> float:
        return packed if type(packed) is float else self._number(packed)

    def schema(self, known: dict[str, Any]) -> dict[str, Any]:
        return {"type": "number"}

    def from_json(self, data: Any) -> float:
        word = _WORDS.get(data) if isinstance(data, str) else None
        return float(word) if word else self.unpack(data)

    def _number(self, value: Any) -> float:
        if isinstance(value, bool) or not hasattr(value, "__float__") or isinstance(value, complex):
            self.refuse(value)
        try:
            number = float(value)
        except (TypeError, ValueError, OverflowError) as error:
            self.refuse(value, str(error))
        if isinstance(value, int) and number != value:
            self.refuse(value, "a float cannot hold it exactly")
        return number


class StrCodec(Codec[str]):
    label = "str"

    def literal_type(self) -> LiteralType:
        return LiteralType(simple=STRING)

    def matches(self, value: Any) -> bool:
        return type(value) is str

    def fill(self, literal: Literal, value: str) -> None:
        if not isinstance(value, str):
            self.refuse(value)
        try:
            literal.scalar.primitive.string_value = value
        except ValueError:
            # A lone surrogate has no UTF-8; MessagePack carries it all the same.
            literal.scalar.binary.value = literals.pack(self.pack(value))
            literal.scalar.binary.tag = "msgpack"

    def read(self, literal: Literal) -> str:
        primitive = literal.scalar.primitive
        if primitive.HasField("string_value"):
            return primitive.string_value
        if literal.scalar.binary.tag == "msgpack":
            return self.unpack(literals.unpack(literal.scalar.binary.value))
        self.refuse_literal(literal)

    def pack(self, value: str) -> Any:
        if type(value) is str:
            return value
        if not isinstance(value, str):
            self.refuse(value)
        return str.__str__(value)

    def unpack(self, packed: Any) -> str:
        if type(packed) is str:
            return packed
        self.refuse(packed)

    def schema(self, known: dict[str, Any]) -> dict[str, Any]:
        return {"type": "string"}


class BoolCodec(Codec[bool]):
    label = "bool"

    def literal_type(self) -> LiteralType:
        return LiteralType(simple=BOOLEAN)

    def matches(self, value: Any) -> bool:
        return type(value) is bool

    def fill(self, literal: Literal, value: bool) -> None:
        literal.scalar.primitive.boolean = self.pack(value)

    def read(self, literal: Literal) -> bool:
        primitive = literal.scalar.primitive
        if primitive.HasField("boolean"):
            return primitive.boolean
        self.refuse_literal(literal)

    def pack(self, value: Any) -> Any:
        if type(value) is bool:
            return value
        if type(value).__module__ == "numpy" and type(value).__name__ in ("bool", "bool_"):
            return bool(value)
        self.refuse(value)

    def unpack(self, packed: Any) -> bool:
        if type(packed) is bool:
            return packed
        self.refuse(packed)

    def schema(self, known: dict[str, Any]) -> dict[str, Any]:
        return {"type": "boolean"}


class NoneCodec(Codec[Any]):
    label = "None"

    @property
    def tag(self) -> str:
        return "none"

    def literal_type(self) -> LiteralType:
        return LiteralType(simple=NONE)

    def matches(self, value: Any) -> bool:
        return value is None

    def fill(self, literal: Literal, value: Any) -> None:
        self.pack(value)
        literal.scalar.none_type.SetInParent()

    def read(self, literal: Literal) -> Any:
        if not literal.scalar.HasField("none_type"):
            self.refuse_literal(literal)

    def pack(self, value: Any) -> Any:
        if value is not None:
            self.refuse(value)

    def unpack(self, packed: Any) -> Any:
        if packed is not None:
            self.refuse(packed)

    def schema(self, known: dict[str, Any]) -> dict[str, Any]:
        return {"type": "null"}


class BytesCodec(Codec[bytes]):
    """Bytes, in a file when they are many; base64 where only text can be written."""

    label = "bytes"

    def literal_type(self) -> LiteralType:
        return LiteralType(simple=BINARY)

    def matches(self, value: Any) -> bool:
        return type(value) is bytes

    def fill(self, literal: Literal, value: bytes) -> None:
        plain = self.pack(value)
        stored = pickles.dump_bytes(plain)
        if stored is not None:
            pickles.refer(literal, stored)
            return
        binary = literal.scalar.binary
        binary.value = plain
        binary.tag = "bytes"

    def read(self, literal: Literal) -> bytes:
        if pickles.is_stored(literal):
            return self.unpack(pickles.load(literal.scalar.blob.uri))
        binary = literal.scalar.binary
        if binary.tag == "bytes":
            return binary.value
        self.refuse_literal(literal)

    def pack(self, value: bytes) -> Any:
        if not isinstance(value, bytes):
            self.refuse(value)
        return bytes(value)

    def unpack(self, packed: Any) -> bytes:
        if type(packed) is bytes:
            return packed
        self.refuse(packed)

    def schema(self, known: dict[str, Any]) -> dict[str, Any]:
        return {"type": "string", "format": "base64"}

    def from_json(self, data: Any) -> bytes:
        if not isinstance(data, str):
            return self.unpack(data)
        try:
            return base64.b64decode(data, validate=True)
        except binascii.Error as error:
            self.refuse(data, f"no base64: {error}")
