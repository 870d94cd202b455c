"""Classes whose values are texts to people: paths, UUIDs, decimals and the like travel as what they look like.

What its text does not tell whole (a `time` with a zone, a class that inherits) is pickled.
"""

from collections.abc import Callable
from typing import Any, Final

from flyteidl2.core.literals_pb2 import Literal
from flyteidl2.core.types_pb2 import STRING, LiteralType

from flyte._types.dynamic import AnyCodec

Show = Callable[[Any], str]

_SHOWN: Final[dict[str, Show]] = {
    "pathlib.PurePath": str,
    "uuid.UUID": str,
    "decimal.Decimal": str,
    "fractions.Fraction": str,
    "builtins.complex": repr,
    "datetime.time": str,
    "ipaddress.IPv4Address": str,
    "ipaddress.IPv6Address": str,
    "ipaddress.IPv4Network": str,
    "ipaddress.IPv6Network": str,
}


class TextCodec(AnyCodec):
    """One such class."""

    exact = True

    def __init__(self, kind: type, show: Show) -> None:
        super().__init__(kind, kind.__name__)
        self._show = show
        self._parse: Callable[[str], Any] = getattr(kind, "fromisoformat", kind)

    def literal_type(self) -> LiteralType:
        found = LiteralType(simple=STRING)
        found.metadata.update({"python_class_name": self.label})
        return found

    def fill(self, literal: Literal, value: Any) -> None:
        self._check(value)
        text = self._text(value)
        if text is None:
            super().fill(literal, value)
        else:
            literal.scalar.primitive.string_value = text

    def read(self, literal: Literal) -> Any:
        if literal.scalar.primitive.WhichOneof("value") == "string_value":
            return self.from_json(literal.scalar.primitive.string_value)
        return super().read(literal)

    def pack(self, value: Any) -> Any:
        self._check(value)
        text = self._text(value)
        return super().pack(value) if text is None else text

    def unpack(self, packed: Any) -> Any:
        return self.from_json(packed) if type(packed) is str else super().unpack(packed)

    def schema(self, known: dict[str, Any]) -> dict[str, Any]:
        return {"type": "string", "title": self.label}

    def from_json(self, data: Any) -> Any:
        """Its text; for numbers also what JSON writes as one."""
        if type(data) not in (str, int, float):
            return super().unpack(data)
        try:
            return self._parse(str(data))
        except Exception as error:
            self.refuse(data, f"{type(error).__name__}: {error}")

    def _text(self, value: Any) -> str | None:
        """The text, if the very value can be made of it again."""
        try:
            text = self._show(value)
            again = self._parse(text)
        except Exception:
            return None
        return text if type(again) is type(value) and repr(again) == repr(value) else None


def codec(kind: type) -> TextCodec | None:
    """The codec of a class, if its values are texts."""
    for each in kind.__mro__:
        show = _SHOWN.get(f"{each.__module__.partition('.')[0]}.{each.__qualname__}")
        if show is not None:
            return TextCodec(kind, show)
    return None
