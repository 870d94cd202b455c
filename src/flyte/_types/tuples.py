"""Tuples and named tuples: structures with a place for each item."""

from collections.abc import Sequence
from typing import Any

from flyte._types.codec import Codec, Mismatch, StructCodec
from flyte._types.collections import convert_all


class TupleCodec(StructCodec[tuple[Any, ...]]):
    """`tuple[A, B]`: items of declared types, called `item_0`, `item_1`, ... on the wire."""

    def __init__(self, items: Sequence[Codec[Any]]) -> None:
        self.items = tuple(items)
        self.label = f"tuple[{', '.join(each.label for each in self.items) or '()'}]"

    def matches(self, value: Any) -> bool:
        return (
            type(value) is tuple
            and len(value) == len(self.items)
            and all(codec.matches(each) for codec, each in zip(self.items, value, strict=True))
        )

    def pack(self, value: tuple[Any, ...]) -> Any:
        self._check(value, tuple)
        return {
            f"item_{index}": _at(index, codec.pack, each)
            for index, (codec, each) in enumerate(zip(self.items, value, strict=True))
        }

    def unpack(self, packed: Any) -> tuple[Any, ...]:
        if isinstance(packed, dict):
            packed = [packed.get(f"item_{index}") for index in range(len(packed))]
        self._check(packed, list)
        return tuple(
            _at(index, codec.unpack, each)
            for index, (codec, each) in enumerate(zip(self.items, packed, strict=True))
        )

    def schema(self, known: dict[str, Any]) -> dict[str, Any]:
        fields = {f"item_{index}": codec.schema(known) for index, codec in enumerate(self.items)}
        return {"type": "object", "title": self.label, "properties": fields, "required": list(fields)}

    def from_json(self, data: Any) -> tuple[Any, ...]:
        if isinstance(data, dict):
            data = [data.get(f"item_{index}") for index in range(len(data))]
        self._check(data, list)
        return tuple(
            _at(index, codec.from_json, each)
            for index, (codec, each) in enumerate(zip(self.items, data, strict=True))
        )

    def _check(self, value: Any, kind: type[tuple[Any, ...]] | type[list[Any]]) -> None:
        if not isinstance(value, kind):
            self.refuse(value)
        if len(value) != len(self.items):
            self.refuse(value, f"{len(value)} items instead of {len(self.items)}")


class VariadicCodec(StructCodec[tuple[Any, ...]]):
    """`tuple[T, ...]`: any number of items of one type."""

    def __init__(self, item: Codec[Any]) -> None:
        self.item = item
        self.label = f"tuple[{item.label}, ...]"

    def matches(self, value: Any) -> bool:
        return type(value) is tuple and all(map(self.item.matches, value))

    def pack(self, value: tuple[Any, ...]) -> Any:
        if not isinstance(value, tuple):
            self.refuse(value)
        return convert_all(self.item.pack, value)

    def unpack(self, packed: Any) -> tuple[Any, ...]:
        if not isinstance(packed, list):
            self.refuse(packed)
        return tuple(convert_all(self.item.unpack, packed))

    def schema(self, known: dict[str, Any]) -> dict[str, Any]:
        return {"type": "array", "items": self.item.schema(known)}

    def from_json(self, data: Any) -> tuple[Any, ...]:
        if not isinstance(data, list):
            self.refuse(data)
        return tuple(convert_all(self.item.from_json, data))


class NamedTupleCodec(StructCodec[Any]):
    """A `NamedTuple` class: its fields by name."""

    def __init__(self, kind: Any, fields: dict[str, Codec[Any]]) -> None:
        self.kind = kind
        self.fields = fields
        self.label = kind.__name__

    def matches(self, value: Any) -> bool:
        return type(value) is self.kind

    def pack(self, value: Any) -> Any:
        if not isinstance(value, self.kind):
            self.refuse(value)
        return {
            name: _at(f".{name}", codec.pack, each)
            for (name, codec), each in zip(self.fields.items(), value, strict=True)
        }

    def unpack(self, packed: Any) -> Any:
        return self._built(packed, "unpack")

    def schema(self, known: dict[str, Any]) -> dict[str, Any]:
        properties = {name: codec.schema(known) for name, codec in self.fields.items()}
        required = [name for name in properties if name not in self.kind._field_defaults]
        return {"type": "object", "title": self.label, "properties": properties, "required": required}

    def from_json(self, data: Any) -> Any:
        return self._built(data, "from_json")

    def _built(self, data: Any, how: str) -> Any:
        if isinstance(data, list) and len(data) == len(self.fields):
            data = dict(zip(self.fields, data, strict=True))
        if not isinstance(data, dict):
            self.refuse(data)
        unknown = data.keys() - self.fields.keys()
        missing = self.fields.keys() - data.keys() - self.kind._field_defaults.keys()
        if unknown or missing:
            self.refuse(data, f"unknown: {sorted(unknown)}, missing: {sorted(missing)}")
        return self.kind(
            **{name: _at(f".{name}", getattr(self.fields[name], how), each) for name, each in data.items()}
        )


def _at(place: int | str, convert: Any, value: Any) -> Any:
    try:
        return convert(value)
    except Mismatch as error:
        raise error.at(f"[{place}]" if isinstance(place, int) else place) from None
