"""Notices what other processes commit (local runs), while somebody here watches."""

from flyte_core.model import Micros
from flyte_core.ports import Clock
from flyte_core.store.ports import Reader
from flyte_server.loops.runner import Loop
from flyte_server.services.wake import Wake

LOOK_AGAIN_US = 100_000


class Foreign(Loop):
    name = "foreign"

    def __init__(self, clock: Clock, store: Reader, wake: Wake) -> None:
        super().__init__(clock)
        self._store = store
        self._wake = wake
        self._seen = -1

    async def tick(self, now: Micros) -> Micros | None:
        await self._wake.foreign_wanted()
        present = self._store.data_version()
        if present != self._seen:
            self._seen = present
            self._wake.publish_foreign()
        return Micros(now + LOOK_AGAIN_US)
