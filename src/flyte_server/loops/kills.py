"""Ends the processes of attempts that must not go on, until they are confirmed gone. Never gives up."""

from collections import OrderedDict
from pathlib import Path

from flyte_core import supervision
from flyte_core.engine.api import Change
from flyte_core.layout import Layout
from flyte_core.machine.effects import Kill
from flyte_core.model import Micros, Token
from flyte_core.ports import Clock
from flyte_core.store.ports import OutboxItem, Reader, Tx
from flyte_server.loops.runner import Loop
from flyte_server.ports.executor import Ended, Executor
from flyte_server.services.transact import Transactor

AGAIN_US = 10_000_000
_REMEMBERED = 10_000


def _done(tx: Tx, item_id: int) -> None:
    tx.done_outbox(item_id)


class Kills(Loop):
    name = "kills"

    def __init__(
        self,
        clock: Clock,
        store: Reader,
        transactor: Transactor,
        executor: Executor,
        layout: Layout,
        grace_s: float,
    ) -> None:
        super().__init__(clock)
        self._store = store
        self._transactor = transactor
        self._executor = executor
        self._layout = layout
        self._grace_s = grace_s
        self._asked: dict[int, Micros] = {}
        """When the executor was asked last, by outbox item."""
        self._gone: OrderedDict[Token, None] = OrderedDict()
        """Attempts that ended lately: what is to be killed may be gone before the order is seen."""
        transactor.observe(self._changed)

    async def tick(self, now: Micros) -> Micros | None:
        items = [item for item in self._store.outbox() if item.kind == "kill"]
        waiting = {item.id: item for item in items}
        self._asked = {number: at for number, at in self._asked.items() if number in waiting}
        for item in items:
            if self._is_gone(item):
                await self._transactor.run(_done, item.id)
                self._asked.pop(item.id, None)
                continue
            if now - self._asked.get(item.id, Micros(-AGAIN_US)) >= AGAIN_US:
                self._asked[item.id] = now
                await self._executor.cancel(item.key, item.attempt, item.token, self._grace_s)
        return Micros(min(self._asked.values()) + AGAIN_US) if self._asked else None

    def confirmed(self, ended: Ended) -> None:
        """The executor says that an attempt's processes are gone."""
        self._gone[ended.token] = None
        while len(self._gone) > _REMEMBERED:
            self._gone.popitem(last=False)
        if self._asked:
            self.poke()

    def _is_gone(self, item: OutboxItem) -> bool:
        if item.token in self._gone:
            return True
        # Of an earlier server's attempt nobody tells any more; its shim has left its word.
        directory: Path = self._layout.attempt(item.key, item.attempt)
        left = supervision.read_exit(directory)
        return left is not None and left.token == item.token

    def _changed(self, change: Change) -> None:
        if any(isinstance(effect, Kill) for effect in change.effects):
            self.poke()
