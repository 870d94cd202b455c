"""Names that follow from content: action names, inputs hashes, cache keys. Golden vectors pin them."""

from collections.abc import Iterable
from random import Random

from flyte_core.model import ActionName

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


def frame(value: Framable) -> bytes:
    """An injective encoding: type-tagged and length-prefixed at every level, maps in key order."""
    raise NotImplementedError


def digest(*values: Framable) -> str:
    """SHA-256 of the framed values, lower-case hex."""
    raise NotImplementedError


def inputs_hash(literals: Iterable[tuple[str, bytes]]) -> str:
    """Hash of named inputs, each given as its canonical bytes (`wire.literals.canonical`)."""
    raise NotImplementedError


def task_identity(task_name: str, interface_hash: str, version: str) -> str:
    """What makes two task declarations the same: name, interface and the version of the body."""
    raise NotImplementedError


def action_name(parent: str, inputs: str, identity: str, repeat: int, group: str = "") -> ActionName:
    """The name of a child. `repeat` counts identical calls in one parent attempt, from 1.

    26 characters `[a-z0-9]`, the first a letter: base32 of SHA-256, cut to 125 bits.
    """
    raise NotImplementedError


def cache_key(task_name: str, interface_hash: str, version: str, inputs: str) -> str:
    """What a reusable outcome is filed under."""
    raise NotImplementedError


def new_run_name(random: Random) -> str:
    """`r` and 19 characters `[a-z0-9]`."""
    raise NotImplementedError
