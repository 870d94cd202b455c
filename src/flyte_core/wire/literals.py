"""Values on the wire: what they hash as, and what people are shown.

A value is a `flyteidl2.core.Literal`. Structures (data classes, models, tuples, untyped dicts) are
MessagePack in a `binary` with the tag `msgpack`; four extension types of ours appear inside it:
`BIG_INT`, an integer beyond 64 bits as decimal text; `PICKLE`, bytes only the SDK may read;
`STORED_PICKLE`, the path of such bytes, named by their hash; and `LITERAL`, a literal as it would stand
by itself.
Literals carry two marks of ours in `metadata`: `TIME_ZONE` and `KEY_ORDER`.
"""

import base64
import json
import math
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final, Literal

import msgpack
from flyteidl2.core import literals_pb2
from flyteidl2.task import common_pb2
from google.protobuf.message import DecodeError

from flyte_core import naming
from flyte_core.model import InvalidArgument

BIG_INT: Final = 1
PICKLE: Final = 2
STORED_PICKLE: Final = 3
LITERAL: Final = 4

CONTENT: Final = "sha256:"
"""Begins a hash of a value by reference that is of its content."""

FILE_KEYS: Final = frozenset({"path", "name", "format", "hash"})
FRAME_KEYS: Final = frozenset({"uri", "format", "hash"})
"""What a structure has for a value by reference."""

TIME_ZONE: Final = "tz"
"""Of a datetime that is not UTC: `naive`, an offset in seconds, the name of a zone, or `date` for a day."""

KEY_ORDER: Final = "order"
"""Of a map whose keys are not in order: the rank of each among its sorted keys, as a JSON list."""

HIDDEN: Final = "\0"
"""Begins the keys of a structure that are not shown to people."""

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

Kind = Literal["inputs", "outputs"]


def canonical(literal: literals_pb2.Literal) -> bytes:
    """What a value hashes as: equal for equal values, different for different ones.

    The order of a map's keys does not count; a literal that carries a hash of its own counts as that
    hash.
    """
    if literal.hash:
        return b"h" + literal.hash.encode()
    kind = literal.WhichOneof("value")
    if kind == "scalar":
        scalar = literal.scalar
        which = scalar.WhichOneof("value")
        if which == "binary" and scalar.binary.tag == "msgpack":
            return b"m" + _canonical_msgpack(scalar.binary.value)
        if which == "union":
            tag = scalar.union.type.structure.tag
            return b"u" + naming.frame((tag, canonical(scalar.union.value)))
    elif kind == "collection":
        return b"c" + naming.frame([canonical(each) for each in literal.collection.literals])
    elif kind == "map":
        return b"d" + naming.frame({key: canonical(each) for key, each in literal.map.literals.items()})
    return b"p" + literal.SerializeToString(deterministic=True)


def to_json(literal: literals_pb2.Literal) -> Any:
    """The value as JSON for people: enough to recognise it, not always enough to restore it.

    Instants and lengths of time are ISO 8601, floats that JSON lacks are `"NaN"` and `"Infinity"`,
    bytes are base64, files are their URI, pickles only say that they are.
    """
    kind = literal.WhichOneof("value")
    if kind == "scalar":
        return _scalar(literal)
    if kind == "collection":
        return [to_json(each) for each in literal.collection.literals]
    if kind == "map":
        found = literal.map.literals
        return {key: to_json(found[key]) for key in ordered_keys(literal)}
    if kind == "offloaded_metadata":
        stored = literal.offloaded_metadata
        return {"uri": stored.uri, "size_bytes": stored.size_bytes}
    return None


def ordered_keys(literal: literals_pb2.Literal) -> list[str]:
    """The keys of a map in the order the map had."""
    keys = sorted(literal.map.literals)
    order = literal.metadata.get(KEY_ORDER, "") if literal.metadata else ""
    if order:
        try:
            ranks = json.loads(order)
            if sorted(ranks) == list(range(len(keys))):
                return [keys[rank] for rank in ranks]
        except (ValueError, TypeError):
            return keys
    return keys


def named_json(data: bytes, role: Kind) -> dict[str, Any]:
    """Inputs or outputs as an object by name, for people; see `to_json`.

    Raises:
        InvalidArgument: the bytes are no `flyteidl2.task.Inputs` or `Outputs`.
    """
    return {each.name: to_json(each.value) for each in named(data, role)}


def named(data: bytes, role: Kind) -> list[common_pb2.NamedLiteral]:
    """The named literals in serialized inputs or outputs, in order.

    Raises:
        InvalidArgument: the bytes are no `flyteidl2.task.Inputs` or `Outputs`.
    """
    message = common_pb2.Inputs if role == "inputs" else common_pb2.Outputs
    try:
        return list(message.FromString(data).literals)
    except DecodeError as cause:
        raise InvalidArgument(
            f"These {role} are damaged: they are no {message.DESCRIPTOR.full_name}."
        ) from cause


def hash_named(data: bytes, role: Kind, ignored: frozenset[str] = frozenset()) -> str:
    """`naming.inputs_hash` of serialized inputs or outputs, some names left out."""
    return naming.inputs_hash(
        (each.name, canonical(each.value)) for each in named(data, role) if each.name not in ignored
    )


def pack(value: Any) -> bytes:
    """MessagePack of plain data; integers beyond 64 bits become `BIG_INT`.

    Raises:
        TypeError: something in it is no plain data (subclasses of the plain types included).
        ValueError: it is nested too deep, or within itself.
    """
    packed: bytes = msgpack.packb(value, strict_types=True, default=_pack_odd, unicode_errors="surrogatepass")
    return packed


def _pack_odd(value: Any) -> Any:
    if type(value) is int:
        return msgpack.ExtType(BIG_INT, str(value).encode())
    raise TypeError(f"{type(value).__name__} is no plain data")


def unpack(data: bytes) -> Any:
    """What `pack` was given. Pickles stay `msgpack.ExtType`.

    Raises:
        InvalidArgument: the bytes are no MessagePack.
    """
    try:
        return msgpack.unpackb(data, strict_map_key=False, ext_hook=_ext, unicode_errors="surrogatepass")
    except (ValueError, TypeError, msgpack.exceptions.UnpackException) as cause:
        raise InvalidArgument(f"A value is damaged: it is no MessagePack ({cause}).") from cause


def _ext(code: int, data: bytes) -> Any:
    return int(data) if code == BIG_INT else msgpack.ExtType(code, data)


def _canonical_msgpack(data: bytes) -> bytes:
    try:
        return naming.frame(_framable(unpack(data)))
    except InvalidArgument:
        return b"!" + data


def _framable(value: Any) -> naming.Framable:
    kind = type(value)
    if kind is dict:
        if _refers(value):
            return ("ref", value["hash"])
        pairs = sorted((naming.frame(_framable(key)), each) for key, each in value.items())
        return ("map", [[key, _framable(each)] for key, each in pairs])
    if kind is list:
        return [_framable(each) for each in value]
    if kind is msgpack.ExtType:
        if value.code == LITERAL:
            return ("literal", canonical(literals_pb2.Literal.FromString(value.data)))
        # A stored pickle is called by its hash; where it lies does not count.
        data = value.data.rpartition(b"/")[2] if value.code == STORED_PICKLE else value.data
        return ("ext", value.code, data)
    if kind is msgpack.Timestamp:
        return ("time", value.seconds, value.nanoseconds)
    framable: naming.Framable = value
    return framable


def _refers(value: dict[Any, Any]) -> bool:
    """Whether a map is a value by reference whose content is known: where it lies does not count."""
    if value.keys() not in (FILE_KEYS, FRAME_KEYS):
        return False
    digest = value["hash"]
    return type(digest) is str and digest.startswith(CONTENT)


def _scalar(literal: literals_pb2.Literal) -> Any:
    scalar = literal.scalar
    which = scalar.WhichOneof("value")
    if which == "primitive":
        return _primitive(literal)
    if which == "union":
        return to_json(scalar.union.value)
    if which == "binary":
        return _binary(scalar.binary)
    if which == "blob":
        return scalar.blob.uri
    if which == "structured_dataset":
        return scalar.structured_dataset.uri
    if which == "schema":
        return scalar.schema.uri
    if which == "generic":
        from google.protobuf.json_format import MessageToDict

        return MessageToDict(scalar.generic)
    if which == "error":
        return {"error": scalar.error.message}
    return None


def _primitive(literal: literals_pb2.Literal) -> Any:
    primitive = literal.scalar.primitive
    which = primitive.WhichOneof("value")
    if which is None:
        return None
    if which == "float_value":
        return plain_float(primitive.float_value)
    if which == "datetime":
        return show_datetime(literal)
    if which == "duration":
        duration = primitive.duration
        return show_duration(duration.seconds, duration.nanos)
    return getattr(primitive, which)


def plain_float(value: float) -> float | str:
    """A float that JSON has, or the word for it."""
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def show_datetime(literal: literals_pb2.Literal) -> str:
    """ISO 8601, with the offset it had, or none for a naive one."""
    stamp = literal.scalar.primitive.datetime
    zone = literal.metadata.get(TIME_ZONE, "") if literal.metadata else ""
    try:
        instant = EPOCH + timedelta(seconds=stamp.seconds, microseconds=stamp.nanos // 1000)
        if zone.startswith("naive"):
            return instant.replace(tzinfo=None).isoformat()
        if zone == "date":
            return instant.date().isoformat()
        if zone[:1] in ("+", "-"):
            return instant.astimezone(timezone(timedelta(seconds=float(zone)))).isoformat()
        return instant.isoformat() + (f"[{zone}]" if zone else "")
    except (OverflowError, ValueError):
        return f"{stamp.seconds}.{stamp.nanos:09d} s since 1970"


def show_duration(seconds: int, nanos: int) -> str:
    """ISO 8601, such as `PT1.5S`."""
    total = seconds * 10**9 + nanos
    whole, part = divmod(abs(total), 10**9)
    text = f"{whole}.{part:09d}".rstrip("0").rstrip(".")
    return f"{'-' if total < 0 else ''}PT{text}S"


def _binary(binary: literals_pb2.Binary) -> Any:
    if binary.tag == "msgpack":
        try:
            return shown(unpack(binary.value))
        except InvalidArgument:
            return {"damaged": f"{len(binary.value)} bytes"}
    if binary.tag == "npy":
        return {"array": f"{len(binary.value)} bytes"}
    if binary.tag == "protobuf":
        return {"message": f"{len(binary.value)} bytes"}
    if binary.tag == "bytes":
        return base64.b64encode(binary.value).decode()
    return {"pickle": f"{len(binary.value)} bytes"}


def shown(value: Any) -> Any:
    """Unpacked MessagePack as JSON for people; see `to_json`."""
    kind = type(value)
    if kind is dict:
        return {
            key if type(key) is str else shown_key(key): shown(each)
            for key, each in value.items()
            if not (type(key) is str and key.startswith(HIDDEN))
        }
    if kind is list:
        return [shown(each) for each in value]
    if kind is float:
        return plain_float(value)
    if kind is str:
        return value if value.isascii() else value.encode("utf-8", "backslashreplace").decode()
    if kind is bytes:
        return base64.b64encode(value).decode()
    if kind is msgpack.ExtType:
        if value.code == LITERAL:
            return to_json(literals_pb2.Literal.FromString(value.data))
        stored = value.code == STORED_PICKLE
        return value.data.decode("utf-8", "replace") if stored else {"pickle": f"{len(value.data)} bytes"}
    if kind is msgpack.Timestamp:
        return value.to_datetime().isoformat()
    return value


def shown_key(key: Any) -> str:
    """A key of a structure as people are shown it."""
    text = shown(key)
    return text if isinstance(text, str) else json.dumps(text)
