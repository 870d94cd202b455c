"""Stops a server that nobody needs."""

from collections.abc import Callable

from flyte_core.model import Micros, Phase
from flyte_core.ports import Clock
from flyte_core.store.ports import Reader, RunQuery
from flyte_server.loops.runner import Loop, log
from flyte_server.services.activity import Activity

_LOOK_AGAIN_US = 30_000_000
OPEN_PHASES = tuple(phase for phase in Phase if not phase.terminal)


class Idle(Loop):
    """Calls `stop` after `timeout_s` without open runs, watchers or requests; 0: never."""

    name = "idle"

    def __init__(
        self, clock: Clock, store: Reader, activity: Activity, timeout_s: float, stop: Callable[[str], None]
    ) -> None:
        super().__init__(clock)
        self._store = store
        self._activity = activity
        self._timeout_us = int(timeout_s * 1_000_000)
        self._stop = stop

    async def tick(self, now: Micros) -> Micros | None:
        if not self._timeout_us:
            return None
        if self._activity.present or self._store.count_runs(RunQuery(phases=OPEN_PHASES)):
            self._activity.touch(now)
        due = Micros(self._activity.last + self._timeout_us)
        if due <= now:
            log.info("nobody has needed the server for a while", extra={"seconds": self._timeout_us / 1e6})
            self._stop(f"idle for {self._timeout_us / 1e6:g} s")
            return None
        return min(due, Micros(now + _LOOK_AGAIN_US))
