"""Values without a declared type, and types nobody knows: plain data as such, the rest pickled.

A pickle can only be read by the same versions of Python and of the classes in it, and shows nothing
to people: it is the last resort.
"""

import pickle
from typing import Any, Generic, TypeVar

import msgpack
from flyteidl2.core.literals_pb2 import Literal
from flyteidl2.core.types_pb2 import BINARY, LiteralType

from flyte._types import pickles
from flyte._types.codec import Codec, struct_type
from flyte_core.wire import literals

T = TypeVar("T")


class FlytePickle(Generic[T]):
    """In a type hint: any value at all, as with `Any`. `FlytePickle[T]` says which it is to readers."""


class AnyCodec(Codec[Any]):
    """Any value at all.

    Args:
        kind: What it must be an instance of, if anything.
        label: How that is called.
        structured: It is displayed as a structure, not as bytes.
    """

    exact = False

    def __init__(self, kind: type = object, label: str = "Any", *, structured: bool = False) -> None:
        self.kind = kind
        self.label = label
        self.structured = structured

    def literal_type(self) -> LiteralType:
        if self.structured:
            return struct_type()
        found = LiteralType(simple=BINARY)
        found.metadata.update({"python_class_name": self.label})
        return found

    def matches(self, value: Any) -> bool:
        return isinstance(value, self.kind)

    def fill(self, literal: Literal, value: Any) -> None:
        self._check(value)
        plain = _plain(value)
        binary = literal.scalar.binary
        if plain is not None:
            binary.value = plain
            binary.tag = "msgpack"
            return
        stored = self._pickled(value)
        if isinstance(stored, bytes):
            binary.value = stored
            return
        pickles.refer(literal, stored)

    def read(self, literal: Literal) -> Any:
        kind = literal.scalar.WhichOneof("value")
        if kind == "none_type" and self.kind is object:
            return None
        if kind == "primitive" and self.kind is object:
            return getattr(literal.scalar.primitive, literal.scalar.primitive.WhichOneof("value") or "", None)
        if kind == "union":
            return self.read(literal.scalar.union.value)
        if pickles.is_stored(literal):
            return self._checked(pickles.load(literal.scalar.blob.uri))
        if kind != "binary":
            self.refuse_literal(literal)
        binary = literal.scalar.binary
        if binary.tag == "msgpack":
            return self.unpack(literals.unpack(binary.value))
        if binary.tag == "bytes":
            return binary.value
        return self._checked(pickle.loads(binary.value))

    def pack(self, value: Any) -> Any:
        self._check(value)
        if _plain(value) is not None:
            return value
        stored = self._pickled(value)
        if isinstance(stored, bytes):
            return msgpack.ExtType(literals.PICKLE, stored)
        return msgpack.ExtType(literals.STORED_PICKLE, stored.uri.encode())

    def unpack(self, packed: Any) -> Any:
        if type(packed) is msgpack.ExtType:
            if packed.code == literals.PICKLE:
                packed = pickle.loads(packed.data)
            elif packed.code == literals.STORED_PICKLE:
                packed = pickles.load(packed.data.decode())
        return self._checked(packed)

    def schema(self, known: dict[str, Any]) -> dict[str, Any]:
        return {"type": "object"} if self.kind is dict else {"type": "array"} if self.kind is list else {}

    def _check(self, value: Any) -> None:
        if not isinstance(value, self.kind):
            self.refuse(value)

    def _checked(self, value: Any) -> Any:
        self._check(value)
        return value

    def _pickled(self, value: Any) -> bytes | pickles.Stored:
        try:
            return pickles.dump(value)
        except Exception as error:
            self.refuse(value, f"it cannot be pickled: {type(error).__name__}: {error}")


def _plain(value: Any) -> bytes | None:
    """MessagePack of a value made of nothing but plain data; None when there is more to it."""
    try:
        return literals.pack(value)
    except (TypeError, ValueError, OverflowError, RecursionError):
        return None
