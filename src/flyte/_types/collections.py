"""Lists and dicts with declared types of what they hold."""

import json
from collections.abc import Callable, Iterable
from typing import Any

from flyteidl2.core.literals_pb2 import Literal
from flyteidl2.core.types_pb2 import LiteralType

from flyte._types.codec import Codec, Mismatch, StructCodec, struct_type
from flyte_core.wire import literals
from flyte_core.wire.literals import KEY_ORDER


class ListCodec(Codec[list[Any]]):
    """`list[T]`: a collection of literals."""

    def __init__(self, item: Codec[Any]) -> None:
        self.item = item
        self.label = f"list[{item.label}]"

    def literal_type(self) -> LiteralType:
        return LiteralType(collection_type=self.item.literal_type())

    def matches(self, value: Any) -> bool:
        return isinstance(value, list) and all(map(self.item.matches, value))

    def fill(self, literal: Literal, value: list[Any]) -> None:
        if not isinstance(value, list):
            self.refuse(value)
        items = literal.collection.literals
        literal.collection.SetInParent()
        add, fill = items.add, self.item.fill
        try:
            for each in value:
                fill(add(), each)
        except Mismatch as error:
            raise error.at(f"[{len(items) - 1}]") from None

    def read(self, literal: Literal) -> list[Any]:
        if not literal.HasField("collection"):
            self.refuse_literal(literal)
        return convert_all(self.item.read, literal.collection.literals)

    def pack(self, value: list[Any]) -> Any:
        if not isinstance(value, list):
            self.refuse(value)
        return convert_all(self.item.pack, value)

    def unpack(self, packed: Any) -> list[Any]:
        if type(packed) is not list:
            self.refuse(packed)
        return convert_all(self.item.unpack, packed)

    def schema(self, known: dict[str, Any]) -> dict[str, Any]:
        return {"type": "array", "items": self.item.schema(known)}

    def from_json(self, data: Any) -> list[Any]:
        if not isinstance(data, list):
            self.refuse(data)
        return convert_all(self.item.from_json, data)


def convert_all(convert: Callable[[Any], Any], values: Iterable[Any]) -> list[Any]:
    """Each value converted; an error says which one it was."""
    done: list[Any] = []
    try:
        done.extend(map(convert, values))
    except Mismatch as error:
        raise error.at(f"[{len(done)}]") from None
    return done


class MapCodec(Codec[dict[str, Any]]):
    """`dict[str, T]`: a map of literals. The order of the keys is kept beside it."""

    def __init__(self, item: Codec[Any]) -> None:
        self.item = item
        self.label = f"dict[str, {item.label}]"

    def literal_type(self) -> LiteralType:
        return LiteralType(map_value_type=self.item.literal_type())

    def matches(self, value: Any) -> bool:
        return isinstance(value, dict) and all(
            type(key) is str and self.item.matches(each) for key, each in value.items()
        )

    def fill(self, literal: Literal, value: dict[str, Any]) -> None:
        self._check(value)
        found = literal.map.literals
        literal.map.SetInParent()
        for key, each in value.items():
            try:
                self.item.fill(found[key], each)
            except Mismatch as error:
                raise error.at(f"[{key!r}]") from None
            except ValueError:
                raise Mismatch("str", key, "a key holds a lone surrogate") from None
        order = sorted(value)
        if order != list(value):
            ranks = {key: rank for rank, key in enumerate(order)}
            literal.metadata[KEY_ORDER] = json.dumps([ranks[key] for key in value], separators=(",", ":"))

    def read(self, literal: Literal) -> dict[str, Any]:
        if not literal.HasField("map"):
            self.refuse_literal(literal)
        found = literal.map.literals
        values: dict[str, Any] = {}
        for key in literals.ordered_keys(literal):
            try:
                values[key] = self.item.read(found[key])
            except Mismatch as error:
                raise error.at(f"[{key!r}]") from None
        return values

    def pack(self, value: dict[str, Any]) -> Any:
        self._check(value)
        return {key: _packed(self.item, key, each) for key, each in value.items()}

    def unpack(self, packed: Any) -> dict[str, Any]:
        self._check(packed)
        return {key: _unpacked(self.item, key, each) for key, each in packed.items()}

    def schema(self, known: dict[str, Any]) -> dict[str, Any]:
        return {"type": "object", "additionalProperties": self.item.schema(known)}

    def from_json(self, data: Any) -> dict[str, Any]:
        self._check(data)
        return {key: _from_json(self.item, key, each) for key, each in data.items()}

    def _check(self, value: Any) -> None:
        if not isinstance(value, dict):
            self.refuse(value)
        for key in value:
            if type(key) is not str:
                raise Mismatch("a str as key", key)


class KeyedCodec(StructCodec[dict[Any, Any]]):
    """`dict[K, T]` with keys that are no text: pairs, in MessagePack."""

    def __init__(self, key: Codec[Any], item: Codec[Any]) -> None:
        self.key = key
        self.item = item
        self.label = f"dict[{key.label}, {item.label}]"

    def literal_type(self) -> LiteralType:
        return struct_type()

    def matches(self, value: Any) -> bool:
        return isinstance(value, dict) and all(
            self.key.matches(key) and self.item.matches(each) for key, each in value.items()
        )

    def pack(self, value: dict[Any, Any]) -> Any:
        if not isinstance(value, dict):
            self.refuse(value)
        pairs = [(_key(self.key.pack, key), _packed(self.item, key, each)) for key, each in value.items()]
        if all(type(key) in (int, str, bytes) for key, _ in pairs) and len({*map(_first, pairs)}) == len(
            pairs
        ):
            return dict(pairs)
        return [[key, each] for key, each in pairs]

    def unpack(self, packed: Any) -> dict[Any, Any]:
        if isinstance(packed, dict):
            pairs = list(packed.items())
        elif isinstance(packed, list) and all(isinstance(each, list) and len(each) == 2 for each in packed):
            pairs = packed
        else:
            self.refuse(packed)
        return {_key(self.key.unpack, key): _unpacked(self.item, key, each) for key, each in pairs}

    def schema(self, known: dict[str, Any]) -> dict[str, Any]:
        return {"type": "object", "additionalProperties": self.item.schema(known)}

    def from_json(self, data: Any) -> dict[Any, Any]:
        """Keys of JSON are text: what they say as JSON, or they themselves, is the key."""
        if not isinstance(data, dict):
            return self.unpack(data)
        return {_key(self._json_key, key): _from_json(self.item, key, each) for key, each in data.items()}

    def _json_key(self, text: str) -> Any:
        try:
            return self.key.from_json(json.loads(text))
        except (ValueError, Mismatch):
            return self.key.from_json(text)


def _first(pair: tuple[Any, Any]) -> Any:
    return pair[0]


def _key(convert: Any, key: Any) -> Any:
    try:
        return convert(key)
    except Mismatch as error:
        raise Mismatch(f"{error.expected} as key", key, error.note) from None


def _packed(item: Codec[Any], key: Any, value: Any) -> Any:
    try:
        return item.pack(value)
    except Mismatch as error:
        raise error.at(f"[{key!r}]") from None


def _unpacked(item: Codec[Any], key: Any, packed: Any) -> Any:
    try:
        return item.unpack(packed)
    except Mismatch as error:
        raise error.at(f"[{key!r}]") from None


def _from_json(item: Codec[Any], key: Any, data: Any) -> Any:
    try:
        return item.from_json(data)
    except Mismatch as error:
        raise error.at(f"[{key!r}]") from None
