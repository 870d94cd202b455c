"""Unions: one of several types; the value says which."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any, Final

from flyteidl2.core.literals_pb2 import Literal
from flyteidl2.core.types_pb2 import LiteralType, TypeStructure, UnionType

from flyte._types.codec import Codec, Mismatch
from flyte_core.model import InvalidArgument

_VARIANT: Final = "~"
"""The key of a packed variant that plain data alone would not tell: `{"~": [tag, value]}`."""


class UnionCodec(Codec[Any]):
    """`A | B`, `Optional[A]`: the first variant a value plainly belongs to, else the first that takes it."""

    def __init__(self, variants: Sequence[Codec[Any]]) -> None:
        self.variants = tuple(variants)
        self.label = " | ".join(each.label for each in self.variants)

    @cached_property
    def _by_tag(self) -> dict[str, Codec[Any]]:
        return {each.tag: each for each in reversed(self.variants)}

    @cached_property
    def _types(self) -> dict[str, LiteralType]:
        """The type that goes with each value: no more than tells the variant."""
        found = {}
        for each in self.variants:
            kind = LiteralType()
            kind.CopyFrom(each.literal_type())
            for field in ("metadata", "annotation"):
                kind.ClearField(field)
            kind.structure.tag = each.tag
            found[each.tag] = kind
        return found

    def literal_type(self) -> LiteralType:
        union = UnionType()
        for each in self.variants:
            variant = union.variants.add()
            variant.CopyFrom(each.literal_type())
            variant.structure.CopyFrom(TypeStructure(tag=each.tag))
        return LiteralType(union_type=union)

    def matches(self, value: Any) -> bool:
        return any(each.matches(value) for each in self.variants)

    def fill(self, literal: Literal, value: Any) -> None:
        union = literal.scalar.union
        chosen = self._plainly(value)
        if chosen is not None:
            chosen.fill(union.value, value)
        else:
            chosen = self._first(value, lambda each: each.fill(_cleared(union.value), value))
        union.type.CopyFrom(self._types[chosen.tag])

    def read(self, literal: Literal) -> Any:
        if not literal.scalar.HasField("union"):
            return self._try(literal, "read")
        union = literal.scalar.union
        known = self._by_tag.get(union.type.structure.tag)
        return known.read(union.value) if known is not None else self._try(union.value, "read")

    def pack(self, value: Any) -> Any:
        packed: list[Any] = []
        chosen = self._plainly(value)
        if chosen is not None:
            packed.append(chosen.pack(value))
        else:
            chosen = self._first(value, lambda each: packed.append(each.pack(value)))
        plain = packed[-1]
        if self._tells_itself(chosen) and not _looks_tagged(plain):
            return plain
        return {_VARIANT: [chosen.tag, plain]}

    def unpack(self, packed: Any) -> Any:
        if _looks_tagged(packed):
            tag, inner = packed[_VARIANT]
            known = self._by_tag.get(tag)
            return known.unpack(inner) if known is not None else self._try(inner, "unpack")
        return self._try(packed, "unpack")

    def schema(self, known: dict[str, Any]) -> dict[str, Any]:
        return {"anyOf": [each.schema(known) for each in self.variants]}

    def from_json(self, data: Any) -> Any:
        if data is None and "none" in self._by_tag:
            return None
        return self._try(data, "from_json")

    def _tells_itself(self, chosen: Codec[Any]) -> bool:
        """Whether the plain form alone tells the variant: it is one of two and the other is None."""
        others = [each.tag for each in self.variants if each is not chosen]
        return chosen.tag == "none" or others == ["none"]

    def _plainly(self, value: Any) -> Codec[Any] | None:
        for each in self.variants:
            if each.exact and each.matches(value):
                return each
        return None

    def _first(self, value: Any, attempt: Any) -> Codec[Any]:
        deepest: Mismatch | None = None
        for each in sorted(self.variants, key=lambda variant: not variant.matches(value)):
            try:
                attempt(each)
            except Mismatch as error:
                if error.path and (deepest is None or len(error.path) > len(deepest.path)):
                    deepest = error
            else:
                return each
        if deepest is not None:
            raise deepest
        self.refuse(value)

    def _try(self, data: Any, how: str) -> Any:
        deepest: Mismatch | None = None
        for each in self.variants:
            try:
                return getattr(each, how)(data)
            except InvalidArgument:
                continue
            except Mismatch as error:
                if error.path and (deepest is None or len(error.path) > len(deepest.path)):
                    deepest = error
        if deepest is not None:
            raise deepest
        if isinstance(data, Literal):
            self.refuse_literal(data)
        self.refuse(data)


def _looks_tagged(packed: Any) -> bool:
    return type(packed) is dict and packed.keys() == {_VARIANT}


def _cleared(literal: Literal) -> Literal:
    literal.Clear()
    return literal
