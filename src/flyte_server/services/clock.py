"""The server's clock: the wall's time at its start, carried on by a clock that nobody sets."""

import time
from collections.abc import Callable

from flyte_core.model import Micros


def _boot_ns() -> int:
    """Nanoseconds of a clock that runs evenly, sleep of the machine included."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


class SteadyClock:
    """Implements `flyte_core.ports.Clock`. A jump of the wall clock neither fires nor skips a limit.

    `floor` is the last instant that was recorded: the clock starts no earlier, so that history
    stays in order when the wall clock was set back between two servers.
    """

    def __init__(
        self,
        floor: Micros = Micros(0),  # noqa: B008
        wall_ns: Callable[[], int] = time.time_ns,
        steady_ns: Callable[[], int] = _boot_ns,
    ) -> None:
        self._steady_ns = steady_ns
        self._offset_ns = max(wall_ns(), (floor + 1) * 1_000) - steady_ns()

    def now(self) -> Micros:
        return Micros((self._steady_ns() + self._offset_ns) // 1_000)
