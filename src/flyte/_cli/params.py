"""From type hints to command-line options, and from what was typed to Python values."""

import enum
import json
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import is_dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import click

from flyte._cli import moments
from flyte_core.frozen import frozen

NOTHING: Any = object()
"""Stands for a default that is not there."""

_TRUE = frozenset({"true", "yes", "on", "1", "t", "y"})
_FALSE = frozenset({"false", "no", "off", "0", "f", "n"})
_NULL = frozenset({"null", "none", ""})
_PLACED = frozenset(
    {
        "flyte.File",
        "flyte.Dir",
        "flyte.DataFrame",
        "pandas.DataFrame",
        "polars.DataFrame",
        "polars.LazyFrame",
        "pyarrow.Table",
        "numpy.ndarray",
    }
)
_TEXTS = frozenset(
    {
        "pathlib.PurePath",
        "uuid.UUID",
        "decimal.Decimal",
        "fractions.Fraction",
        "builtins.complex",
        "datetime.time",
        "ipaddress.IPv4Address",
        "ipaddress.IPv6Address",
        "ipaddress.IPv4Network",
        "ipaddress.IPv6Network",
    }
)
"""Classes whose values are typed as they look."""
_FILES = (".json", ".yaml", ".yml")


class BadValue(ValueError):
    """What was typed is no value of the type. The message says what would be."""


@frozen
class Input:
    """One input of a task: its name, type hint and default (`NOTHING`: required)."""

    name: str
    hint: Any
    default: Any = NOTHING

    @property
    def required(self) -> bool:
        return self.default is NOTHING

    @property
    def flag(self) -> bool:
        return self.hint is bool


def read(text: str, hint: Any) -> Any:
    """The value of type `hint` that was typed as `text`.

    Raises:
        BadValue: it is none.
    """
    simple = _SIMPLE.get(hint) if isinstance(hint, type) else None
    if simple is not None:
        return simple(text)
    origin = typing.get_origin(hint)
    if origin is typing.Annotated:
        return read(text, typing.get_args(hint)[0])
    if origin in (typing.Union, types.UnionType):
        return _read_union(text, typing.get_args(hint))
    if origin is typing.Literal:
        return _read_literal(text, typing.get_args(hint))
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return _read_enum(text, hint)
    if hint is Any or hint is object:
        return _read_any(text)
    return _read_structure(text, hint)


def describe(hint: Any) -> str:
    """The type as the help shows it: `int`, `list[str]`, `Colour: RED|GREEN`."""
    if hint in (None, type(None)):
        return "null"
    if hint is Any:
        return "any"
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        return describe(args[0])
    if origin in (typing.Union, types.UnionType):
        return "|".join(describe(arg) for arg in args)
    if origin is typing.Literal:
        return "|".join(str(arg) for arg in args)
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return "|".join(hint.__members__)
    if origin is not None:
        inner = ", ".join("..." if arg is Ellipsis else describe(arg) for arg in args)
        return f"{getattr(origin, '__name__', origin)}[{inner}]"
    return str(getattr(hint, "__name__", hint))


def forms(hint: Any) -> str:
    """What may be typed for the type, where its name does not say it already."""
    if hint is datetime:
        return moments.INSTANT_FORMS
    if hint is timedelta:
        return moments.DURATION_FORMS
    if _is_one_of(hint, _PLACED):
        return "a path, or an address such as s3://..."
    if _structured(hint):
        return "JSON, or the path of a .json or .yaml file"
    return ""


def show_default(value: Any) -> str:
    """A default as it could be typed."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, enum.Enum):
        return value.name
    if isinstance(value, str):
        return value if value and value.strip() == value else repr(value)
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, list | tuple | dict):
        try:
            return json.dumps(value, ensure_ascii=False)
        except (TypeError, ValueError):
            return repr(value)
    return str(value)


class HintType(click.ParamType[Any]):
    """A click type made of a type hint."""

    def __init__(self, hint: Any) -> None:
        self.hint = hint
        self.name = describe(hint)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str):
            return value
        try:
            return read(value, self.hint)
        except BadValue as error:
            self.fail(str(error), param, ctx)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[Any]:
        from click.shell_completion import CompletionItem

        words = _choices(self.hint)
        if words:
            return [CompletionItem(word) for word in words if word.startswith(incomplete)]
        return [CompletionItem(incomplete, type="file")] if _structured(self.hint) else []


def _choices(hint: Any) -> list[str]:
    if hint is bool:
        return ["true", "false"]
    if typing.get_origin(hint) is typing.Literal:
        return [str(arg) for arg in typing.get_args(hint)]
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return list(hint.__members__)
    return []


def _structured(hint: Any) -> bool:
    origin = typing.get_origin(hint)
    if origin is typing.Annotated:
        return _structured(typing.get_args(hint)[0])
    if origin in (typing.Union, types.UnionType):
        return any(_structured(arg) for arg in typing.get_args(hint))
    if origin is typing.Literal or hint is Any or hint in _SIMPLE:
        return False
    return not (isinstance(hint, type) and (issubclass(hint, enum.Enum) or _is_one_of(hint, _TEXTS)))


def _read_bool(text: str) -> bool:
    word = text.strip().lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise BadValue(f"'{text}' is not a bool; write true or false")


def _read_int(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise BadValue(f"'{text}' is not an integer") from None


def _read_float(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise BadValue(f"'{text}' is not a number") from None


def _read_none(text: str) -> None:
    if text.strip().lower() not in _NULL:
        raise BadValue(f"'{text}' is not null")


def _read_instant(text: str) -> datetime:
    try:
        return moments.parse_instant(text, now=datetime.now(UTC))
    except (ValueError, OverflowError) as error:
        raise BadValue(str(error)) from None


def _read_date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return _read_instant(text).date()


def _read_duration(text: str) -> timedelta:
    try:
        return moments.parse_duration(text)
    except (ValueError, OverflowError) as error:
        raise BadValue(str(error)) from None


_SIMPLE: Mapping[Any, Callable[[str], Any]] = {
    str: str,
    int: _read_int,
    float: _read_float,
    bool: _read_bool,
    bytes: lambda text: text.encode(),
    type(None): _read_none,
    datetime: _read_instant,
    date: _read_date,
    timedelta: _read_duration,
}


def _read_union(text: str, members: tuple[Any, ...]) -> Any:
    """The first member, strictest first, that takes the text; `str` takes anything, so it is last."""
    if type(None) in members and text.strip().lower() in _NULL and (text or str not in members):
        return None
    members = tuple(member for member in members if member is not type(None))
    if len(members) == 1:
        return read(text, members[0])
    for member in sorted(members, key=_strictness):
        try:
            return read(text, member)
        except BadValue:
            continue
    raise BadValue(f"'{text}' is none of {', '.join(describe(member) for member in members)}")


def _strictness(hint: Any) -> int:
    order = (bool, int, float, datetime, date, timedelta)
    if hint in order:
        return order.index(hint)
    return 100 if hint is str else 101 if hint is bytes or hint is Any else 50


def _read_literal(text: str, choices: tuple[Any, ...]) -> Any:
    for choice in choices:
        if text == str(choice):
            return choice
    raise BadValue(f"'{text}' is none of {', '.join(str(choice) for choice in choices)}")


def _read_enum(text: str, kind: type[enum.Enum]) -> enum.Enum:
    member = kind.__members__.get(text) or {name.lower(): m for name, m in kind.__members__.items()}.get(
        text.lower()
    )
    if member is not None:
        return member
    for candidate in kind:
        if text == str(candidate.value):
            return candidate
    raise BadValue(f"'{text}' is no {kind.__name__}; one of {', '.join(kind.__members__)}")


def _read_any(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _read_structure(text: str, hint: Any) -> Any:
    """A list, dict, dataclass, model, ...: JSON in place, or a file that holds JSON or YAML."""
    if _is_one_of(hint, _TEXTS):
        return build(text, hint)
    if _is_one_of(hint, _PLACED) and not text.lstrip().startswith(("{", "[")):
        return build(text, hint)
    data = _load_file(text) if _names_file(text) else _load_json(text, hint)
    return build(data, hint)


def _is_one_of(hint: Any, classes: frozenset[str]) -> bool:
    """Whether the type is one of these classes, or inherits from one."""
    if typing.get_origin(hint) is typing.Annotated:
        return _is_one_of(typing.get_args(hint)[0], classes)
    kind = typing.get_origin(hint) or hint
    names = {f"{each.__module__.partition('.')[0]}.{each.__name__}" for each in getattr(kind, "__mro__", ())}
    return not names.isdisjoint(classes)


def _names_file(text: str) -> bool:
    return text.lower().endswith(_FILES) and not text.lstrip().startswith(("{", "[", '"'))


def _load_json(text: str, hint: Any) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        example = "'[1, 2]'" if not is_dataclass(hint) else """'{"field": 1}'"""
        raise BadValue(
            f"not JSON ({error}); write {describe(hint)} as JSON, such as {example}, or give a .json or .yaml file"
        ) from None


def _load_file(text: str) -> Any:
    path = Path(text).expanduser()
    try:
        content = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise BadValue(f"cannot read '{text}': {reason}") from None
    if path.suffix.lower() == ".json":
        try:
            return json.loads(content)
        except ValueError as error:
            raise BadValue(f"'{text}' is not JSON: {error}") from None
    return _load_yaml(text, content)


def _load_yaml(text: str, content: str) -> Any:
    """As JSON would have it: what looks like a date stays text, until its type is known."""
    import yaml

    class Loader(yaml.SafeLoader):
        yaml_implicit_resolvers = {  # noqa: RUF012
            first: [each for each in found if each[0] != "tag:yaml.org,2002:timestamp"]
            for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
        }

    try:
        return yaml.load(content, Loader)
    except yaml.YAMLError as error:
        raise BadValue(f"'{text}' is not YAML: {error}") from None


def build(data: Any, hint: Any) -> Any:
    """A Python value of the type out of plain JSON data.

    Raises:
        BadValue: it does not fit; the message names the place in the data.
    """
    from flyte._types.codec import Mismatch
    from flyte._types.engine import codec_of
    from flyte.errors import RestrictedTypeError

    try:
        return codec_of(hint).from_json(data)
    except (Mismatch, RestrictedTypeError) as error:
        raise BadValue(str(error)) from None
