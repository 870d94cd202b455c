"""Sets with a declared type of what they hold. They are written in one order, so that equal sets are the same."""

from collections.abc import Callable, Iterable
from typing import Any

from flyteidl2.core.literals_pb2 import Literal
from flyteidl2.core.types_pb2 import LiteralType

from flyte._types.codec import Codec, Mismatch, struct_type
from flyte._types.dynamic import AnyCodec
from flyte_core.wire import literals


class SetCodec(AnyCodec):
    """`set[T]` or `frozenset[T]`; one of a class that inherits is pickled."""

    exact = True

    def __init__(self, kind: type[set[Any]] | type[frozenset[Any]], item: Codec[Any]) -> None:
        super().__init__(kind, f"{kind.__name__}[{item.label}]")
        self.item = item
        self._made: Callable[[Iterable[Any]], Any] = kind

    def literal_type(self) -> LiteralType:
        return struct_type(self.schema({}))

    def matches(self, value: Any) -> bool:
        return (
            isinstance(value, set | frozenset)
            and super().matches(value)
            and all(map(self.item.matches, value))
        )

    def fill(self, literal: Literal, value: Any) -> None:
        self._check(value)
        if type(value) is not self.kind:
            super().fill(literal, value)
            return
        binary = literal.scalar.binary
        binary.value = literals.pack(self.pack(value))
        binary.tag = "msgpack"

    def pack(self, value: Any) -> Any:
        elements: Iterable[Any] = self._checked(value)
        if type(value) is not self.kind:
            return super().pack(value)
        try:
            packed = [self.item.pack(each) for each in elements]
        except Mismatch as error:
            raise error.at("{}") from None
        return sorted(packed, key=literals.pack)

    def unpack(self, packed: Any) -> Any:
        if type(packed) is not list:
            return super().unpack(packed)
        try:
            return self._made(map(self.item.unpack, packed))
        except Mismatch as error:
            raise error.at("{}") from None

    def schema(self, known: dict[str, Any]) -> dict[str, Any]:
        return {"type": "array", "items": self.item.schema(known), "uniqueItems": True}

    def from_json(self, data: Any) -> Any:
        if not isinstance(data, list):
            self.refuse(data)
        try:
            return self._made(map(self.item.from_json, data))
        except Mismatch as error:
            raise error.at("{}") from None
        except TypeError as error:
            self.refuse(data, str(error))
