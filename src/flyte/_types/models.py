"""Pydantic models: structures whose class can also check what people write."""

from functools import cached_property
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from flyte._types.codec import Mismatch
from flyte._types.dynamic import AnyCodec
from flyte._types.structs import FieldsCodec
from flyte_core.wire.literals import HIDDEN

_EXTRA: Final = f"{HIDDEN}extra"
_PRIVATE: Final = f"{HIDDEN}private"
_SET: Final = f"{HIDDEN}set"
_MARKS: Final = (_EXTRA, _PRIVATE, _SET)
"""Where the parts of a model that are no fields stand when it is packed."""

_ANYTHING: Final = AnyCodec()


class ModelCodec(FieldsCodec[BaseModel]):
    """A pydantic model, restored without running its validators again.

    What our own SDK wrote is read back field by field. What others wrote, and JSON, is validated.
    """

    def matches(self, value: Any) -> bool:
        return type(value) is self.kind

    @cached_property
    def required(self) -> frozenset[str]:
        return frozenset(name for name, field in self.kind.model_fields.items() if field.is_required())

    def schema(self, known: dict[str, Any]) -> dict[str, Any]:
        if self.label not in known:
            known[self.label] = {}
            try:
                found = self.kind.model_json_schema(ref_template="#/$defs/{model}")
            except Exception:
                # Some fields have no JSON schema; the value travels all the same.
                found = {"type": "object", "title": self.label}
            known.update({name: each for name, each in found.pop("$defs", {}).items() if name != self.label})
            known[self.label] = found
        return {"$ref": f"#/$defs/{self.label}"}

    def pack(self, value: Any) -> Any:
        value = self.instance(value)
        packed = self.pack_fields(
            {name: value.__dict__[name] for name in self.fields if name in value.__dict__}
        )
        if value.__pydantic_extra__:
            packed[_EXTRA] = _ANYTHING.pack(value.__pydantic_extra__)
        if value.__pydantic_private__:
            packed[_PRIVATE] = _ANYTHING.pack(value.__pydantic_private__)
        if value.__pydantic_fields_set__ != self.fields.keys():
            packed[_SET] = sorted(value.__pydantic_fields_set__)
        return packed

    def unpack(self, packed: Any) -> BaseModel:
        if not isinstance(packed, dict):
            return self._validated(packed)
        values = dict(packed)
        marks = {key: values.pop(key) for key in _MARKS if key in values}
        try:
            fields = self.unpack_fields(values)
        except Mismatch:
            if marks:
                raise
            return self._validated(packed)
        made = self.kind.__new__(self.kind)
        made.__setstate__(
            {
                "__dict__": fields,
                "__pydantic_extra__": _ANYTHING.unpack(marks.get(_EXTRA, self._no_extra)),
                "__pydantic_private__": _ANYTHING.unpack(marks.get(_PRIVATE)),
                "__pydantic_fields_set__": set(marks.get(_SET, fields)),
            }
        )
        return made

    @cached_property
    def _no_extra(self) -> dict[str, Any] | None:
        return {} if self.kind.model_config.get("extra") == "allow" else None

    def from_json(self, data: Any) -> BaseModel:
        return self._validated(data)

    def _validated(self, data: Any) -> BaseModel:
        try:
            return self.kind.model_validate(data)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            path = "".join(f"[{each}]" if isinstance(each, int) else f".{each}" for each in first["loc"])
            raise Mismatch(self.label, first.get("input"), str(first["msg"])).at(path) from None
