"""Names and instants. Instants are integer microseconds since the Unix epoch, UTC."""

from typing import NamedTuple, NewType

ActionName = NewType("ActionName", str)
"""The name of an action, unique within its run. The root is always `a0`."""

Token = NewType("Token", int)
"""A fencing token: one per claimed attempt, rising for the life of a data directory."""

Micros = NewType("Micros", int)
"""An instant: microseconds since the Unix epoch, UTC."""

Digest = NewType("Digest", str)
"""A SHA-256 in lower-case hexadecimal, 64 characters."""

ROOT = ActionName("a0")


class RunKey(NamedTuple):
    """What names a run: unique within one data directory."""

    project: str
    domain: str
    name: str


class ActionKey(NamedTuple):
    """What names an action: its run and its name in it."""

    run: RunKey
    name: ActionName
