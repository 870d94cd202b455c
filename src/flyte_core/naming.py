"""Names that follow from content: action names, inputs hashes, cache keys. Golden vectors pin them.

A name decides whether work is done again, so two different calls must never share one. Everything
that is hashed is framed first, which is injective; the rest is SHA-256.
"""

import re
import struct
from collections.abc import Iterable
from hashlib import sha256
from random import Random
from typing import cast

from flyte_core.model import ActionName, InvalidArgument

ALGORITHM = 1
"""Recorded with what it named; an old algorithm is kept for ever."""

Framable = (
    None
    | bool
    | int
    | float
    | str
    | bytes
    | list["Framable"]
    | tuple["Framable", ...]
    | dict[str, "Framable"]
)

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,28}[a-z0-9])?")
_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"

_BASE32 = "abcdefghijklmnopqrstuvwxyz234567"
_PAIRS = tuple(a + b for a in _BASE32 for b in _BASE32)
"""Ten bits as two letters."""


def frame(value: Framable) -> bytes:
    """An injective encoding: type-tagged and length-prefixed at every level, maps in key order.

    Floats keep their bits (so `-0.0`, `0.0` and each NaN differ), `True` is not `1`, a tuple is not
    a list, text is not bytes. Any depth of nesting is fine.

    Raises:
        TypeError: a value of another type is inside.
    """
    parts: list[bytes] = []
    left: list[Framable] = [value]
    while left:
        item = left.pop()
        kind = type(item)
        if kind is str:
            _put(parts, b"s", cast(str, item).encode("utf-8", "surrogatepass"))
        elif kind is bytes:
            _put(parts, b"b", cast(bytes, item))
        elif item is None:
            parts.append(b"n")
        elif item is True:
            parts.append(b"t")
        elif item is False:
            parts.append(b"f")
        elif isinstance(item, int):
            _put(parts, b"i", format(int(item), "x").encode())
        elif isinstance(item, float):
            parts.append(b"d" + struct.pack(">d", item))
        elif isinstance(item, list | tuple):
            parts.append(b"%c%d:" % (b"l" if isinstance(item, list) else b"u", len(item)))
            left.extend(reversed(item))
        elif isinstance(item, dict):
            _open_map(parts, left, item)
        elif isinstance(item, str):
            left.append(str.__str__(item))
        elif isinstance(item, bytes):
            left.append(bytes(item))
        else:
            raise TypeError(f"A {type(item).__name__} has no canonical frame.")
    return b"".join(parts)


def digest(*values: Framable) -> str:
    """SHA-256 of the framed values, lower-case hex."""
    return sha256(frame(values)).hexdigest()


def inputs_hash(literals: Iterable[tuple[str, bytes]]) -> str:
    """Hash of named inputs, each given as its canonical bytes (`wire.literals.canonical`).

    The order in which they are given does not matter.
    """
    named = [
        b"u2:%bb%d:%b" % (_text(name), len(canonical), canonical) for name, canonical in sorted(literals)
    ]
    return sha256(b"%bl%d:%b" % (_INPUTS, len(named), b"".join(named))).hexdigest()


def task_identity(task_name: str, interface_hash: str, version: str) -> str:
    """What makes two task declarations the same: name, interface and the version of the body."""
    return digest("task", ALGORITHM, task_name, interface_hash, version)


def action_name(parent: str, inputs: str, identity: str, repeat: int, group: str = "") -> ActionName:
    """The name of a child. `repeat` counts identical calls in one parent attempt, from 1.

    26 characters `[a-z0-9]`, the first a letter: base32 of SHA-256, cut to 125 bits.
    """
    count = b"%x" % repeat
    framed = b"".join(
        (
            _ACTION,
            _text(parent),
            _text(inputs),
            _text(identity),
            b"i%d:%b" % (len(count), count),
            _text(group),
        )
    )
    number = int.from_bytes(sha256(framed).digest()[:16], "big") >> 3
    pairs = [_PAIRS[number >> shift & 1023] for shift in range(115, 0, -10)]
    return ActionName(f"a{''.join(pairs)}{_BASE32[number & 31]}")


def cache_key(task_name: str, interface_hash: str, version: str, inputs: str) -> str:
    """What a reusable outcome is filed under."""
    return digest("cache", ALGORITHM, task_name, interface_hash, version, inputs)


def new_run_name(random: Random) -> str:
    """`r` and 19 characters `[a-z0-9]`."""
    return "r" + "".join(random.choices(_LETTERS, k=19))


def check_run_name(name: str) -> str:
    """The name, if a run may be called so: 1 to 30 characters `[a-z0-9-]`, no hyphen at the ends.

    Raises:
        InvalidArgument: it may not.
    """
    if _NAME.fullmatch(name) is None:
        raise InvalidArgument(
            f"A run cannot be called {name!r}.",
            hint="Use 1 to 30 lower-case letters, digits and hyphens, with no hyphen at the ends.",
        )
    return name


def _text(value: str) -> bytes:
    data = value.encode("utf-8", "surrogatepass")
    return b"s%d:%b" % (len(data), data)


def _put(parts: list[bytes], tag: bytes, data: bytes) -> None:
    parts.append(b"%c%d:" % (tag, len(data)))
    parts.append(data)


def _open_map(parts: list[bytes], left: list[Framable], item: dict[str, Framable]) -> None:
    for key in item:
        if not isinstance(key, str):
            raise TypeError(f"A map with a {type(key).__name__} as key has no canonical frame.")
    parts.append(b"m%d:" % len(item))
    for key in sorted(item, reverse=True):
        left.append(item[key])
        left.append(key)


_INPUTS = b"u3:" + frame("inputs") + frame(ALGORITHM)
_ACTION = b"u7:" + frame("action") + frame(ALGORITHM)
"""How the frames of inputs and action names begin: these are made for every call, so by hand."""
