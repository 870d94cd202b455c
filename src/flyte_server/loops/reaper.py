"""Closes local runs whose process is gone: history must never show them running for ever."""

from collections.abc import Callable

from flyte_core import process
from flyte_core.engine import run as runs
from flyte_core.model import CoreError, Micros, Owner
from flyte_core.ports import Clock
from flyte_core.store.ports import Reader
from flyte_server.loops.runner import Loop, log
from flyte_server.services.transact import Transactor

LOOK_AGAIN_US = 5_000_000


class Reaper(Loop):
    name = "reaper"

    def __init__(
        self,
        clock: Clock,
        store: Reader,
        transactor: Transactor,
        alive: Callable[[Owner], bool] = process.alive,
    ) -> None:
        super().__init__(clock)
        self._store = store
        self._transactor = transactor
        self._alive = alive

    async def tick(self, now: Micros) -> Micros | None:
        for record in self._store.open_local_runs():
            if record.owner is not None and self._alive(record.owner):
                continue
            try:
                await self._transactor.change(runs.lose_local_run, record.key)
            except CoreError as error:
                log.info("a lost run was gone already: %s", error, extra={"run": record.key.name})
            else:
                log.warning("a local run lost its process", extra={"run": record.key.name})
        return Micros(now + LOOK_AGAIN_US)
