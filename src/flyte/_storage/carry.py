"""Data of this machine that a run elsewhere needs: what they are, and where they are there."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final, Protocol


class Carry(Protocol):
    """Takes data of this machine along."""

    def __call__(self, uri: str, digest: str | None) -> str:
        """Told of every reference to this machine that is encoded; the address to send instead."""


_carry: Final[ContextVar[Carry | None]] = ContextVar("flyte_carry", default=None)

current = _carry.get
"""What takes data along; None where nobody has to."""


@contextmanager
def carried(carry: Carry) -> Iterator[None]:
    """While values are encoded in here, data of this machine are taken along."""
    token = _carry.set(carry)
    try:
        yield
    finally:
        _carry.reset(token)
