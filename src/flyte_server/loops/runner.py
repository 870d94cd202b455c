"""How every loop runs: one `tick` after another, woken by a poke or by an instant it asked for."""

import asyncio
import logging
from abc import ABC, abstractmethod

from flyte_core.model import Micros
from flyte_core.ports import Clock

log = logging.getLogger(__name__)

_AFTER_FAILURE_S = 1.0


class Loop(ABC):
    """A duty of the server. `tick` does what is due now and can be called alone, as tests do."""

    name: str

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self._poked = asyncio.Event()

    @abstractmethod
    async def tick(self, now: Micros) -> Micros | None:
        """Do what is due. Returns when to look again at the latest; None: only when poked."""

    def poke(self) -> None:
        """There may be something to do."""
        self._poked.set()

    async def run(self) -> None:
        """Tick until cancelled. A tick that fails is logged and tried again; a loop never ends by itself."""
        while True:
            self._poked.clear()
            try:
                again = await self.tick(self.clock.now())
            except Exception:
                log.exception("a loop failed and will try again", extra={"loop": self.name})
                await asyncio.sleep(_AFTER_FAILURE_S)
                continue
            delay_s = None if again is None else max(0.0, (again - self.clock.now()) / 1_000_000)
            try:
                async with asyncio.timeout(delay_s):
                    await self._poked.wait()
            except TimeoutError:
                pass
