"""Time as an argument."""

from typing import Protocol

from flyte_core.model import Micros


class Clock(Protocol):
    """Where `now` comes from."""

    def now(self) -> Micros:
        """The present instant. Never runs backwards within one process, whatever the wall clock does."""
