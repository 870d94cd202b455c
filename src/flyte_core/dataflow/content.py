"""Values by their content: what two of them must share to be taken for one and the same."""

import json
from collections.abc import Iterator
from hashlib import blake2b
from typing import Any, Final

from flyte_core.frozen import frozen

_MANY: Final = 1_000
"""Containers with more items are compared as a whole, not item by item."""
_SHORT: Final = 32
_EVERYWHERE: Final = (-1, 0, 1)


@frozen
class Reference:
    """A value that lies elsewhere: a file, a directory, a data frame, a stored pickle."""

    uri: str
    hash: str = ""


@frozen
class Content:
    """One value. `parts` are what it holds, each with the step that leads to it: `.price`, `[3]`."""

    key: bytes
    """Equal for equal content."""
    length: int
    """Of its shortest spelling: the shorter, the more likely met by chance.

    0 for what is met everywhere: None, truth values, 0, 1 and -1, what is empty, and what holds no more.
    """
    parts: tuple[tuple[str, "Content"], ...] = ()
    refers: bool = False
    """Whether it lies elsewhere, and so can be told from all others of equal content."""


def content_of(value: Any) -> Content:
    """The content of plain data: what JSON has, bytes, and `Reference`."""
    if value is None or isinstance(value, bool):
        return Content(repr(value).encode(), 0)
    if isinstance(value, int | float):
        return _number(value)
    if isinstance(value, str):
        return Content(_short(b"s" + value.encode("utf-8", "surrogatepass")), len(value))
    if isinstance(value, bytes):
        return Content(_short(b"b" + value), len(value))
    if isinstance(value, Reference):
        key = f"r{value.hash}\0{value.uri}".encode("utf-8", "surrogatepass")
        return Content(_short(key), len(value.uri), refers=True)
    if isinstance(value, dict):
        items = sorted(((step(key), each) for key, each in value.items()), key=_step)
        return _container(b"d", [(at, content_of(each)) for at, each in items])
    return _container(b"l", [(f"[{at}]", content_of(each)) for at, each in enumerate(value)])


def step(key: Any) -> str:
    """What leads from a container to what it has under a key."""
    if isinstance(key, str):
        return f".{key}" if key.isidentifier() else f"[{json.dumps(key)}]"
    return f"[{key!r}]"


def places(value: Content, steps: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Content]]:
    """A value and all its parts, each with the steps that lead to it."""
    yield steps, value
    for at, part in value.parts:
        yield from places(part, (*steps, at))


def _number(value: float) -> Content:
    # An integer given where a float is wanted is the same number.
    plain = int(value) if isinstance(value, float) and value.is_integer() else value
    text = repr(plain)
    return Content(f"n{text}".encode(), 0 if plain in _EVERYWHERE else len(text))


def _container(kind: bytes, parts: list[tuple[str, Content]]) -> Content:
    digest = blake2b(kind, digest_size=_SHORT)
    length = 0
    for at, part in parts:
        name = at.encode("utf-8", "surrogatepass")
        digest.update(b"%d:%b%d:%b" % (len(name), name, len(part.key), part.key))
        length += part.length
    return Content(digest.digest(), length, tuple(parts) if len(parts) <= _MANY else ())


def _short(key: bytes) -> bytes:
    return key if len(key) <= _SHORT else blake2b(key, digest_size=_SHORT).digest()


def _step(item: tuple[str, Any]) -> str:
    return item[0]
