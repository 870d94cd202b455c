"""JSON that a person wrote, as literals of a declared type: the way back from `literals.to_json`."""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

import msgpack
from flyteidl2.core import literals_pb2, types_pb2

from flyte_core.model import InvalidArgument
from flyte_core.wire import literals
from flyte_core.wire.literals import HIDDEN, KEY_ORDER, TIME_ZONE

_DURATION: Final = re.compile(
    r"(-?)P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d{1,9})?)S)?)?", re.ASCII
)
_WORDS: Final = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}
_MAX_DEPTH: Final = 100


def literal(
    kind: types_pb2.LiteralType, value: Any, name: str, old: literals_pb2.Literal | None = None
) -> literals_pb2.Literal:
    """The value as a literal of that type.

    `old` is what stood there before: it keeps what JSON cannot say (whether 1 was a float inside a
    structure, which class a structure is of, a time zone).

    Raises:
        InvalidArgument: the value is not of that type; the message begins with `name`.
    """
    if old is not None and _same(literals.to_json(old), value):
        return old
    return _literal(kind, value, name, old or literals_pb2.Literal(), 0)


def _same(one: Any, other: Any) -> bool:
    """Equal as JSON: here True is not 1, and 1 is 1.0 only where the first is a float."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def _literal(
    kind: types_pb2.LiteralType, value: Any, name: str, old: literals_pb2.Literal, depth: int
) -> literals_pb2.Literal:
    if depth > _MAX_DEPTH:
        raise InvalidArgument(f"{name} is nested too deep.")
    found = literals_pb2.Literal()
    match kind.WhichOneof("type"):
        case "simple":
            _simple(found, kind, value, name, old)
        case "enum_type":
            if value not in kind.enum_type.values:
                raise _misfit(name, f"one of {', '.join(kind.enum_type.values)}", value)
            found.scalar.primitive.string_value = value
        case "collection_type":
            if not isinstance(value, list):
                raise _misfit(name, "a list", value)
            before = old.collection.literals
            for at, item in enumerate(value):
                was = before[at] if at < len(before) else literals_pb2.Literal()
                each = _literal(kind.collection_type, item, f"{name}[{at}]", was, depth + 1)
                found.collection.literals.append(each)
            found.collection.SetInParent()
        case "map_value_type":
            if not isinstance(value, dict):
                raise _misfit(name, "an object", value)
            for key, item in value.items():
                was = old.map.literals[key] if key in old.map.literals else literals_pb2.Literal()
                each = _literal(kind.map_value_type, item, f"{name}.{key}", was, depth + 1)
                found.map.literals[key].CopyFrom(each)
            found.map.SetInParent()
            _keep_order(found, list(value))
        case "union_type":
            _union(found, kind.union_type, value, name, old, depth)
        case "blob":
            if not isinstance(value, str) or not value:
                raise _misfit(name, "an address such as s3://bucket/key", value)
            if kind.blob.format == "PythonPickle":
                raise InvalidArgument(f"{name} is a pickled object; only code can make one.")
            found.scalar.blob.uri = value
            found.scalar.blob.metadata.type.CopyFrom(kind.blob)
        case "structured_dataset_type":
            if not isinstance(value, str) or not value:
                raise _misfit(name, "the address of a table", value)
            found.scalar.structured_dataset.uri = value
            found.scalar.structured_dataset.metadata.structured_dataset_type.CopyFrom(
                kind.structured_dataset_type
            )
        case _:
            raise InvalidArgument(f"{name} has a type that only code can make a value of.")
    return found


def _keep_order(found: literals_pb2.Literal, keys: list[str]) -> None:
    ordered = sorted(keys)
    if ordered != keys:
        ranks = {key: at for at, key in enumerate(ordered)}
        found.metadata[KEY_ORDER] = json.dumps([ranks[key] for key in keys])


def _simple(
    found: literals_pb2.Literal,
    kind: types_pb2.LiteralType,
    value: Any,
    name: str,
    old: literals_pb2.Literal,
) -> None:
    primitive = found.scalar.primitive
    match kind.simple:
        case types_pb2.INTEGER:
            primitive.integer = _integer(value, name)
        case types_pb2.FLOAT:
            value = _WORDS.get(value, value) if isinstance(value, str) else value
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise _misfit(name, "a number", value)
            primitive.float_value = value
        case types_pb2.STRING:
            if not isinstance(value, str):
                raise _misfit(name, "a text", value)
            primitive.string_value = value
        case types_pb2.BOOLEAN:
            if not isinstance(value, bool):
                raise _misfit(name, "true or false", value)
            primitive.boolean = value
        case types_pb2.DATETIME:
            _datetime(found, value, name, old)
        case types_pb2.DURATION:
            _duration(found, value, name)
        case types_pb2.NONE:
            if value is not None:
                raise _misfit(name, "null", value)
            found.scalar.none_type.SetInParent()
        case types_pb2.BINARY:
            _bytes(found, value, name, old)
        case types_pb2.STRUCT:
            _structure(found, value, name, old)
        case _:
            raise InvalidArgument(f"{name} has a type that only code can make a value of.")


def _integer(value: Any, name: str) -> int:
    if isinstance(value, str) and re.fullmatch(r"-?\d{1,20}", value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise _misfit(name, "a whole number", value)
    if not -(2**63) <= value < 2**63:
        raise InvalidArgument(f"{name} does not fit 64 bits.")
    return value


def _datetime(found: literals_pb2.Literal, value: Any, name: str, old: literals_pb2.Literal) -> None:
    text = value.partition("[")[0] if isinstance(value, str) else ""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise _misfit(name, "an instant such as 2026-01-31T12:00:00+00:00", value) from None
    zone = old.metadata.get(TIME_ZONE, "") if old.metadata else ""
    offset = moment.utcoffset()
    if offset is None:
        if "T" not in text and zone == "date":
            moment = datetime.combine(date.fromisoformat(text), datetime.min.time())
            found.metadata[TIME_ZONE] = "date"
        else:
            found.metadata[TIME_ZONE] = zone if zone.startswith("naive") else "naive"
        moment = moment.replace(tzinfo=literals.EPOCH.tzinfo)
    elif offset:
        found.metadata[TIME_ZONE] = f"{offset.total_seconds():+g}"
    found.scalar.primitive.datetime.FromDatetime(moment)


def _duration(found: literals_pb2.Literal, value: Any, name: str) -> None:
    if isinstance(value, int | float) and not isinstance(value, bool):
        nanos = round(Decimal(str(value)) * 10**9)
    else:
        match = _DURATION.fullmatch(value) if isinstance(value, str) else None
        if match is None or value in ("P", "-P"):
            raise _misfit(name, "a length of time such as PT1H30M or seconds", value)
        sign, days, hours, minutes, seconds = match.groups()
        whole = (int(days or 0) * 24 + int(hours or 0)) * 60 + int(minutes or 0)
        nanos = int((Decimal(whole) * 60 + Decimal(seconds or 0)) * 10**9) * (-1 if sign else 1)
    found.scalar.primitive.duration.FromNanoseconds(nanos)


def _bytes(found: literals_pb2.Literal, value: Any, name: str, old: literals_pb2.Literal) -> None:
    if old.scalar.binary.tag not in ("", "bytes"):
        raise InvalidArgument(f"{name} is a pickled object; only code can make one.")
    try:
        data = base64.b64decode(value, validate=True) if isinstance(value, str) else None
    except binascii.Error:
        data = None
    if data is None:
        raise _misfit(name, "bytes in base64", value)
    found.scalar.binary.value = data
    found.scalar.binary.tag = "bytes"


def _structure(found: literals_pb2.Literal, value: Any, name: str, old: literals_pb2.Literal) -> None:
    before = None
    if old.scalar.binary.tag == "msgpack":
        before = literals.unpack(old.scalar.binary.value)
    try:
        found.scalar.binary.value = msgpack.packb(_like(before, value, name), default=_ext)
    except (ValueError, RecursionError) as error:
        raise InvalidArgument(f"{name} cannot be kept: {error}") from error
    found.scalar.binary.tag = "msgpack"


def _ext(value: Any) -> Any:
    if type(value) is int:
        return msgpack.ExtType(literals.BIG_INT, str(value).encode())
    raise ValueError(f"{type(value).__name__} is no plain data")


def _like(old: Any, new: Any, name: str) -> Any:
    """The new structure with what the old one has and JSON has not."""
    if isinstance(old, dict) and isinstance(new, dict):
        hidden = {key: each for key, each in old.items() if isinstance(key, str) and key.startswith(HIDDEN)}
        names = {literals.shown_key(key): key for key in old}
        changed = {
            names.get(key, key): _like(old.get(names.get(key, key)), each, f"{name}.{key}")
            for key, each in new.items()
        }
        return hidden | changed
    if isinstance(old, list) and isinstance(new, list):
        padded = old + [old[-1] if old else None] * max(0, len(new) - len(old))
        return [
            _like(was, each, f"{name}[{at}]") for at, (was, each) in enumerate(zip(padded, new, strict=False))
        ]
    if isinstance(old, float) and not isinstance(new, bool) and isinstance(new, int | str):
        return _WORDS.get(new, new) if isinstance(new, str) else float(new)
    if isinstance(old, bytes) and isinstance(new, str):
        return base64.b64decode(new)
    if isinstance(old, msgpack.ExtType | msgpack.Timestamp):
        if _same(literals.shown(old), new):
            return old
        raise InvalidArgument(f"{name} is a value that only code can make; leave it as it was.")
    return new


def _union(
    found: literals_pb2.Literal,
    kind: types_pb2.UnionType,
    value: Any,
    name: str,
    old: literals_pb2.Literal,
    depth: int,
) -> None:
    inner = old.scalar.union.value
    # The variant the old value had goes first: what still fits it stays of it.
    variants = sorted(kind.variants, key=lambda each: each != old.scalar.union.type)
    problems = []
    for variant in variants:
        try:
            chosen = _literal(variant, value, name, inner, depth + 1)
        except InvalidArgument as problem:
            problems.append(problem)
            continue
        found.scalar.union.value.CopyFrom(chosen)
        found.scalar.union.type.CopyFrom(variant)
        return
    raise problems[0] if problems else InvalidArgument(f"{name} has a type without variants.")


def _misfit(name: str, expected: str, value: Any) -> InvalidArgument:
    text = json.dumps(value, ensure_ascii=False)
    return InvalidArgument(f"{name} must be {expected}, not {text if len(text) <= 60 else text[:59] + '…'}.")


def values(
    kinds: Mapping[str, types_pb2.LiteralType],
    old: Mapping[str, literals_pb2.Literal],
    new: Mapping[str, Any],
) -> dict[str, literals_pb2.Literal]:
    """The old values with the new ones in their places, in the order of the interface.

    Raises:
        InvalidArgument: a name is unknown, or a value does not fit its type.
    """
    for name in new:
        if name not in kinds:
            raise InvalidArgument(
                f"There is no input {name!r}.", hint=f"Inputs: {', '.join(kinds) or 'none'}."
            )
    filled = {name: literal(kinds[name], value, name, old.get(name)) for name, value in new.items()}
    return {
        name: filled[name] if name in filled else old[name] for name in kinds if name in filled or name in old
    }
