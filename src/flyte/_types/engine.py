"""Chooses the codec of a type hint."""

import dataclasses
import enum
import sys
import types
import typing
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any, Final

from flyte._types import families, texts
from flyte._types.codec import Codec
from flyte._types.collections import KeyedCodec, ListCodec, MapCodec
from flyte._types.dynamic import AnyCodec, FlytePickle
from flyte._types.enums import ChoiceCodec, EnumCodec
from flyte._types.scalars import BoolCodec, BytesCodec, FloatCodec, IntCodec, NoneCodec, StrCodec
from flyte._types.sets import SetCodec
from flyte._types.structs import DataclassCodec, TypedDictCodec
from flyte._types.times import DateCodec, DatetimeCodec, TimedeltaCodec
from flyte._types.tuples import NamedTupleCodec, TupleCodec, VariadicCodec
from flyte._types.unions import UnionCodec
from flyte.errors import RestrictedTypeError

_SIMPLE: Final[dict[Any, Codec[Any]]] = {
    int: IntCodec(),
    float: FloatCodec(),
    str: StrCodec(),
    bool: BoolCodec(),
    bytes: BytesCodec(),
    None: NoneCodec(),
    types.NoneType: NoneCodec(),
    datetime: DatetimeCodec(),
    date: DateCodec(),
    timedelta: TimedeltaCodec(),
    Any: AnyCodec(),
    object: AnyCodec(),
    FlytePickle: AnyCodec(),
    dict: AnyCodec(dict, "dict", structured=True),
    list: AnyCodec(list, "list", structured=True),
    tuple: AnyCodec(tuple, "tuple"),
    set: SetCodec(set, AnyCodec()),
    frozenset: SetCodec(frozenset, AnyCodec()),
}

_WRAPPERS: Final[tuple[Any, ...]] = tuple(
    getattr(typing, name)
    for name in ("Annotated", "Required", "NotRequired", "ReadOnly", "Final", "ClassVar")
    if hasattr(typing, name)
)

_cache: dict[Any, Codec[Any]] = {}


def codec_of(hint: Any) -> Codec[Any]:
    """The codec of a type hint. The same for the same hint.

    Raises:
        RestrictedTypeError: the hint is none that a value can have.
    """
    try:
        found = _cache.get(hint) or _SIMPLE.get(hint)
    except TypeError:
        return _make(hint)
    if found is None:
        found = _cache[hint] = _make(hint)
    return found


def forget() -> None:
    """Choose anew from now on: somebody has registered a class."""
    _cache.clear()


def _make(hint: Any) -> Codec[Any]:
    given, hint = hint, _bare(hint)
    simple = _SIMPLE.get(hint) if isinstance(hint, type) else None
    if simple is not None:
        return simple
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return UnionCodec([codec_of(each) for each in args])
    if origin is typing.Literal:
        return _choice(args)
    if origin is list:
        return ListCodec(codec_of(args[0]))
    if origin is dict:
        key, item = codec_of(args[0]), codec_of(args[1])
        return MapCodec(item) if _bare(args[0]) is str else KeyedCodec(key, item)
    if origin in (set, frozenset):
        return SetCodec(origin, codec_of(args[0]))
    if origin is tuple:
        if len(args) == 2 and args[1] is Ellipsis:
            return VariadicCodec(codec_of(args[0]))
        return TupleCodec([codec_of(each) for each in args if each != ()])
    if origin is FlytePickle:
        return _SIMPLE[Any]
    if isinstance(origin, type):
        return _class(origin, hint, given)
    if isinstance(hint, type):
        return _class(hint, hint, given)
    if isinstance(hint, str | typing.ForwardRef):
        raise RestrictedTypeError(
            f"The type hint {hint!r} cannot be evaluated.", hint="Use a name the module has."
        )
    return AnyCodec(label=str(hint))


def _bare(hint: Any) -> Any:
    """The hint without what does not change the values: annotations, new names, type variables."""
    while True:
        if isinstance(hint, typing.TypeVar):
            hint = hint.__bound__ if hint.__bound__ is not None else Any
        elif isinstance(hint, typing.NewType):
            hint = hint.__supertype__
        elif typing.get_origin(hint) in _WRAPPERS:
            hint = typing.get_args(hint)[0]
        elif isinstance(hint, dataclasses.InitVar):
            hint = hint.type
        elif sys.version_info >= (3, 12) and isinstance(hint, typing.TypeAliasType):
            hint = hint.__value__
        else:
            return hint


def _class(kind: type, hint: Any, given: Any) -> Codec[Any]:
    registered = families.find(kind)
    if registered is not None:
        return registered(kind, given)
    if issubclass(kind, enum.Enum):
        return EnumCodec(kind)
    if typing.is_typeddict(kind):
        return TypedDictCodec(kind, _fields(kind, hint))
    if dataclasses.is_dataclass(kind):
        return DataclassCodec(kind, _fields(kind, hint))
    if issubclass(kind, tuple) and hasattr(kind, "_fields"):
        fields = _fields(kind, hint)()
        return NamedTupleCodec(kind, {name: fields.get(name, _SIMPLE[Any]) for name in kind._fields})
    if "pydantic" in sys.modules:
        from pydantic import BaseModel

        if issubclass(kind, BaseModel):
            return _model(kind)
    plugged = families.find_plugged(kind)
    if plugged is not None:
        return plugged(kind, given)
    return texts.codec(kind) or AnyCodec(kind, kind.__name__)


def _model(kind: Any) -> Codec[Any]:
    from flyte._types.models import ModelCodec

    return ModelCodec(
        kind, lambda: {name: codec_of(field.annotation) for name, field in kind.model_fields.items()}
    )


def _fields(kind: Any, hint: Any) -> Callable[[], dict[str, Codec[Any]]]:
    """Looks up the codecs of a class's fields; type variables are what `hint` gives for them."""
    given = dict(zip(getattr(kind, "__parameters__", ()), typing.get_args(hint), strict=False))

    def look_up() -> dict[str, Codec[Any]]:
        hints = typing.get_type_hints(kind, include_extras=True)
        if dataclasses.is_dataclass(kind):
            wanted = [field.name for field in dataclasses.fields(kind)]
        else:
            wanted = list(hints)
        return {name: codec_of(_substituted(hints.get(name, Any), given)) for name in wanted}

    return look_up


def _substituted(hint: Any, given: dict[Any, Any]) -> Any:
    if not given:
        return hint
    if isinstance(hint, typing.TypeVar):
        return given.get(hint, hint)
    parameters = getattr(hint, "__parameters__", ())
    return hint[tuple(given.get(each, each) for each in parameters)] if parameters else hint


def _choice(values: tuple[Any, ...]) -> Codec[Any]:
    kinds = dict.fromkeys(type(each) for each in values)
    if len(kinds) == 1:
        return ChoiceCodec(values, codec_of(type(values[0])))
    groups = [tuple(each for each in values if type(each) is kind) for kind in kinds]
    return UnionCodec([_choice(group) for group in groups])
