"""Enumerations by member name, and `typing.Literal` by value."""

import enum
from typing import Any, Final

from flyteidl2.core.literals_pb2 import Literal
from flyteidl2.core.types_pb2 import EnumType, LiteralType

from flyte._types.codec import Codec, names

MISSING: Final = object()


class EnumCodec(Codec[enum.Enum]):
    """Members of an enumeration; combined flags are the names joined by `|`."""

    def __init__(self, kind: type[enum.Enum]) -> None:
        self.kind = kind
        self.label = kind.__name__

    def literal_type(self) -> LiteralType:
        return LiteralType(enum_type=EnumType(values=list(self.kind.__members__)))

    def matches(self, value: Any) -> bool:
        return isinstance(value, self.kind)

    def fill(self, literal: Literal, value: enum.Enum) -> None:
        literal.scalar.primitive.string_value = self.pack(value)

    def read(self, literal: Literal) -> enum.Enum:
        primitive = literal.scalar.primitive
        if not primitive.HasField("string_value"):
            self.refuse_literal(literal)
        return self.unpack(primitive.string_value)

    def pack(self, value: enum.Enum) -> Any:
        if not isinstance(value, self.kind):
            self.refuse(value, f"one of {names(self.kind.__members__)}")
        name = value.name
        return name if name in self.kind.__members__ else f"={value.value!r}"

    def unpack(self, packed: Any) -> enum.Enum:
        if isinstance(packed, str):
            member = self.kind.__members__.get(packed)
            if member is not None:
                return member
            if packed.startswith("=") and issubclass(self.kind, enum.Flag):
                return self.kind(int(packed[1:]))
        try:
            return self.kind(packed)
        except ValueError:
            self.refuse(packed, f"one of {names(self.kind.__members__)}")

    def schema(self, known: dict[str, Any]) -> dict[str, Any]:
        return {"type": "string", "enum": list(self.kind.__members__)}


class ChoiceCodec(Codec[Any]):
    """`typing.Literal[...]`: one of some values, which all have the same type."""

    def __init__(self, choices: tuple[Any, ...], inner: Codec[Any]) -> None:
        self.choices = choices
        self.inner = inner
        self.label = f"Literal[{', '.join(repr(each) for each in choices)}]"

    def literal_type(self) -> LiteralType:
        return self.inner.literal_type()

    def matches(self, value: Any) -> bool:
        return any(type(each) is type(value) and each == value for each in self.choices)

    def fill(self, literal: Literal, value: Any) -> None:
        self.inner.fill(literal, self._checked(value))

    def read(self, literal: Literal) -> Any:
        return self._checked(self.inner.read(literal))

    def pack(self, value: Any) -> Any:
        return self.inner.pack(self._checked(value))

    def unpack(self, packed: Any) -> Any:
        return self._checked(self.inner.unpack(packed))

    def schema(self, known: dict[str, Any]) -> dict[str, Any]:
        return {**self.inner.schema(known), "enum": [self.inner.pack(each) for each in self.choices]}

    def _checked(self, value: Any) -> Any:
        if not self.matches(value):
            self.refuse(value)
        return value
