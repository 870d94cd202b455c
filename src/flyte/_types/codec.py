"""What a codec does: a type's values to literals and back, exactly.

A value has two forms on the way. As a *literal* it is a message of its own. Inside a structure it is
*packed*: plain data for MessagePack. `read(fill(x)) == x` and `unpack(pack(x)) == x`, with equal
types, for every value `matches` accepts.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any, ClassVar, Generic, NoReturn, TypeVar, cast

import msgpack
from flyteidl2.core.literals_pb2 import Literal
from flyteidl2.core.types_pb2 import STRUCT, LiteralType

from flyte_core.wire import literals

T = TypeVar("T")

_SHOWN = 60


class Mismatch(Exception):
    """A value is not what its type says. Containers add where it stands while the error passes."""

    def __init__(self, expected: str, value: Any, note: str = "") -> None:
        super().__init__()
        self.expected = expected
        self.got = show(value)
        self.note = note
        self.path = ""

    def at(self, segment: str) -> "Mismatch":
        """The same error, one level further out."""
        self.path = segment + self.path
        return self

    def __str__(self) -> str:
        where = f"value @ {self.path.lstrip('.')}: " if self.path else ""
        note = f" ({self.note})" if self.note else ""
        return f"{where}expected {self.expected}, got {self.got}{note}"


def show(value: Any) -> str:
    """A value in a message: its type and the beginning of its repr."""
    if value is None:
        return "None"
    try:
        text = repr(_shown(value))
    except Exception as error:
        text = f"<repr failed: {type(error).__name__}>"
    if len(text) > _SHOWN:
        text = f"{text[: _SHOWN - 3]}..."
    return f"{type(value).__name__} {text}"


def _shown(value: Any) -> Any:
    """Packed values without what travels beside the user's own."""
    if type(value) is dict:
        return {
            key: _shown(each)
            for key, each in value.items()
            if not (type(key) is str and key.startswith(literals.HIDDEN))
        }
    return [_shown(each) for each in value] if type(value) is list else value


class Codec(ABC, Generic[T]):
    """Converts the values of one type."""

    label: str
    """The type as people write it: `int`, `list[str]`, `Point`."""

    exact: ClassVar[bool] = True
    """Whether the literal is the whole of the value; False for values that may be pickled."""

    @property
    def tag(self) -> str:
        """How a union names this variant on the wire."""
        return self.label

    @abstractmethod
    def literal_type(self) -> LiteralType:
        """The type on the wire."""

    @abstractmethod
    def matches(self, value: Any) -> bool:
        """Whether the value is plainly of this type; a union asks. Need not look inside."""

    @abstractmethod
    def fill(self, literal: Literal, value: T) -> None:
        """Write the value into an empty literal.

        Raises:
            Mismatch: it is not of this type.
        """

    @abstractmethod
    def read(self, literal: Literal) -> T:
        """The value in a literal.

        Raises:
            Mismatch: the literal holds something else.
        """

    @abstractmethod
    def pack(self, value: T) -> Any:
        """The value as plain data, for a structure.

        Raises:
            Mismatch: it is not of this type.
        """

    @abstractmethod
    def unpack(self, packed: Any) -> T:
        """The value from plain data.

        Raises:
            Mismatch: the data are something else.
        """

    @abstractmethod
    def schema(self, known: dict[str, Any]) -> dict[str, Any]:
        """JSON schema; shared definitions are added to `known`."""

    def from_json(self, data: Any) -> T:
        """The value that JSON written by a person or another program stands for.

        Raises:
            Mismatch: it stands for none.
        """
        return self.unpack(data)

    def made_from(self, data: Any) -> T:
        """The value that something stands for: JSON, or a value that is one already.

        Raises:
            Mismatch: it stands for none.
        """
        try:
            return self.from_json(data)
        except Mismatch:
            if not self.matches(data):
                raise
            return cast("T", data)

    def refuse(self, value: Any, note: str = "") -> NoReturn:
        """Say that a value is not of this type."""
        raise Mismatch(self.label, value, note)

    def refuse_literal(self, literal: Literal) -> NoReturn:
        """Say that a literal is not of this type."""
        shown = literals.to_json(literal)
        raise Mismatch(self.label, shown)


class StructCodec(Codec[T]):
    """Values that travel as MessagePack, whole."""

    def literal_type(self) -> LiteralType:
        known: dict[str, Any] = {}
        schema = self.schema(known)
        reference = schema.get("$ref", "")
        if reference:
            schema = dict(known[reference.rpartition("/")[2]])
        if known:
            schema["$defs"] = known
        return struct_type(schema)

    def fill(self, literal: Literal, value: T) -> None:
        binary = literal.scalar.binary
        binary.value = pack_plain(self.pack(value), self.label)
        binary.tag = "msgpack"

    def read(self, literal: Literal) -> T:
        binary = literal.scalar.binary
        if binary.tag != "msgpack":
            self.refuse_literal(literal)
        return self.unpack(literals.unpack(binary.value))


class LiteralCodec(Codec[T]):
    """Values that stand within structures as the literals they are by themselves."""

    def pack(self, value: T) -> Any:
        literal = Literal()
        self.fill(literal, value)
        return msgpack.ExtType(literals.LITERAL, literal.SerializeToString(deterministic=True))

    def unpack(self, packed: Any) -> T:
        if type(packed) is not msgpack.ExtType or packed.code != literals.LITERAL:
            self.refuse(packed)
        return self.read(Literal.FromString(packed.data))

    def schema(self, known: dict[str, Any]) -> dict[str, Any]:
        return {"title": self.label}


def pack_plain(plain: Any, label: str) -> bytes:
    """MessagePack of packed values."""
    try:
        return literals.pack(plain)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise Mismatch(label, plain, str(error)) from error


def struct_type(schema: dict[str, Any] | None = None) -> LiteralType:
    """The type of a structure, with its JSON schema for those who make forms of it."""
    found = LiteralType(simple=STRUCT)
    found.annotation.annotations.update({"cache-key-metadata": {"serialization-format": "msgpack"}})
    if schema:
        found.metadata.update(schema)
    return found


def names(values: Iterable[Any]) -> str:
    """Several things in a message."""
    return ", ".join(str(each) for each in values)
