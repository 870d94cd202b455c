"""Fires what time alone decides: retries that are due, limits that were passed."""

from flyte_core.engine import timers
from flyte_core.engine.api import Change
from flyte_core.model import CoreError, Micros
from flyte_core.ports import Clock
from flyte_core.store.ports import Reader
from flyte_server.loops.runner import Loop, log
from flyte_server.services.transact import Transactor


class Timers(Loop):
    name = "timers"

    def __init__(self, clock: Clock, store: Reader, transactor: Transactor) -> None:
        super().__init__(clock)
        self._store = store
        self._transactor = transactor
        self._next: Micros | None = None
        transactor.observe(self._changed)

    async def tick(self, now: Micros) -> Micros | None:
        due, self._next = self._store.next_due(now)
        fired = [self._transactor.change(timers.fire, action.key) for action in due]
        for action, outcome in zip(due, fired, strict=True):
            try:
                await outcome
            except CoreError as error:
                # Its run was removed in between.
                log.info("a timer found nothing to do: %s", error, extra={"action": action.key.name})
        # What is still due after this was more than one page of the store.
        return now if due else self._next

    def _changed(self, change: Change) -> None:
        for action in change.actions:
            at = timers.next_due(action)
            if at is not None and (self._next is None or at < self._next):
                self._next = at
                self.poke()
