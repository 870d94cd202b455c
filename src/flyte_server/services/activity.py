"""Whether anybody uses the server: what decides when it may stop by itself."""

from collections.abc import Iterator
from contextlib import contextmanager

from flyte_core.model import Micros
from flyte_core.ports import Clock


class Activity:
    """Requests under way, and when the last one was."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.present = 0
        self.last = clock.now()

    def touch(self, now: Micros) -> None:
        self.last = max(self.last, now)

    @contextmanager
    def request(self) -> Iterator[None]:
        """A request or a stream lasts; its beginning and its end are signs of life."""
        self.present += 1
        try:
            yield
        finally:
            self.present -= 1
            self.touch(self._clock.now())
