"""Data classes and typed dicts: structures with named fields."""

import dataclasses
import inspect
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, Generic, TypeVar

from flyte._types.codec import Codec, Mismatch, StructCodec, names

T = TypeVar("T")


class FieldsCodec(StructCodec[T], Generic[T]):
    """What all structures with named fields have in common.

    The codecs of the fields are looked up at first use: a class may refer to itself.
    """

    def __init__(self, kind: type[T], look_up: Callable[[], dict[str, Codec[Any]]]) -> None:
        self.kind = kind
        self.label = kind.__name__
        self._look_up = look_up

    @cached_property
    def fields(self) -> dict[str, Codec[Any]]:
        return self._look_up()

    @property
    def required(self) -> frozenset[str]:
        """The fields that must be there."""
        raise NotImplementedError

    def schema(self, known: dict[str, Any]) -> dict[str, Any]:
        if self.label not in known:
            known[self.label] = {}
            known[self.label] = {
                "type": "object",
                "title": self.label,
                "properties": {name: codec.schema(known) for name, codec in self.fields.items()},
                "required": [name for name in self.fields if name in self.required],
                "additionalProperties": False,
            }
        return {"$ref": f"#/$defs/{self.label}"}

    def pack_fields(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Each value packed by its field's codec."""
        return self._each("pack", values)

    def unpack_fields(self, packed: Any) -> dict[str, Any]:
        """Each value unpacked by its field's codec; refuses what has unknown or too few fields."""
        self._check(packed)
        return self._each("unpack", packed)

    def read_fields(self, data: Any) -> dict[str, Any]:
        """As `unpack_fields`, from JSON."""
        self._check(data)
        return self._each("from_json", data)

    def instance(self, value: Any) -> T:
        """The value as an instance of the class; a dict is what one is made of."""
        if type(value) is dict:
            return self.made_of(value)
        if type(value) is not self.kind:
            if isinstance(value, self.kind):
                self.refuse(value, "a subclass has fields that would be lost; declare its type, or a union")
            self.refuse(value)
        return value

    def made_of(self, values: dict[str, Any]) -> T:
        """An instance of the class with these fields, written as in JSON or as they are."""
        return self.from_json(values)

    def _each(self, how: str, values: Mapping[str, Any]) -> dict[str, Any]:
        fields, done, name = self.fields, {}, ""
        try:
            for name, value in values.items():
                done[name] = getattr(fields[name], how)(value)
        except Mismatch as error:
            raise error.at(f".{name}") from None
        return done

    def _check(self, data: Any) -> None:
        if not isinstance(data, dict):
            self.refuse(data)
        unknown = [name for name in data if name not in self.fields]
        if unknown:
            self.refuse(data, f"it has no field {names(unknown)}; its fields: {names(self.fields)}")
        missing = [name for name in self.fields if name in self.required and name not in data]
        if missing:
            self.refuse(data, f"missing: {names(missing)}")


class DataclassCodec(FieldsCodec[Any]):
    """A data class. Restored as it was: what `__post_init__` changes is put back."""

    def matches(self, value: Any) -> bool:
        return type(value) is self.kind

    @cached_property
    def required(self) -> frozenset[str]:
        missing = dataclasses.MISSING
        return frozenset(
            field.name
            for field in dataclasses.fields(self.kind)
            if field.init and field.default is missing and field.default_factory is missing
        )

    @cached_property
    def _plan(self) -> tuple[frozenset[str], bool]:
        """The fields that the constructor takes, and whether fields are all it asks for."""
        parameters = inspect.signature(self.kind).parameters.values()
        needed = {each.name for each in parameters if each.default is each.empty}
        taken = frozenset(each.name for each in parameters) & self.fields.keys()
        return taken, needed <= taken

    def pack(self, value: Any) -> Any:
        value = self.instance(value)
        return self.pack_fields({name: getattr(value, name) for name in self.fields if hasattr(value, name)})

    def unpack(self, packed: Any) -> Any:
        return self._built(self.unpack_fields(packed), restore=True)

    def from_json(self, data: Any) -> Any:
        return self._built(self.read_fields(data), restore=False)

    def made_of(self, values: dict[str, Any]) -> Any:
        self._check(values)
        return self._built(self._each("made_from", values), restore=False)

    def _built(self, values: dict[str, Any], *, restore: bool) -> Any:
        taken, enough = self._plan
        try:
            if restore and not enough:
                made = object.__new__(self.kind)
            else:
                made = self.kind(**{name: value for name, value in values.items() if name in taken})
        except Exception as error:
            if not restore:
                self.refuse(values, f"{type(error).__name__}: {error}")
            made = object.__new__(self.kind)
        if restore:
            for name, value in values.items():
                if getattr(made, name, dataclasses.MISSING) is not value:
                    object.__setattr__(made, name, value)
        return made


class TypedDictCodec(FieldsCodec[Any]):
    """A `TypedDict` class."""

    @cached_property
    def required(self) -> frozenset[str]:
        keys: frozenset[str] = getattr(self.kind, "__required_keys__", frozenset())
        return keys

    def matches(self, value: Any) -> bool:
        return (
            isinstance(value, dict) and value.keys() <= self.fields.keys() and value.keys() >= self.required
        )

    def pack(self, value: Any) -> Any:
        self._check(value)
        return self.pack_fields(value)

    def unpack(self, packed: Any) -> Any:
        return self.unpack_fields(packed)

    def from_json(self, data: Any) -> Any:
        return self.read_fields(data)
