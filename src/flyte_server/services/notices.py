"""Tells others: when a run ends, and when a condition begins to wait.

Best effort: each message is tried a few times while this server lives, and nothing waits for it.
Only public addresses are spoken to, but for those that whoever started the server has named.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from flyte_core import egress
from flyte_core.engine.api import Change
from flyte_core.model import Action, ActionKey, ActionKind, Phase, RunMode
from flyte_core.store.ports import Store
from flyte_core.wire import notices

log = logging.getLogger(__name__)

TRIES: Final = 3
_WAIT_S: Final = 1.0
_REMEMBERED: Final = 10_000


class Notices:
    """Observes changes; see `Transactor.observe`."""

    def __init__(self, store: Store, base_url: str, allowed: tuple[str, ...], smtp: str) -> None:
        self._store = store
        self._base_url = base_url
        self._allowed = frozenset(allowed)
        self._smtp = smtp
        self._told: OrderedDict[ActionKey, None] = OrderedDict()
        """What has been told already: the same state may be seen more than once."""
        self._under_way: set[asyncio.Task[None]] = set()

    def observe(self, change: Change) -> None:
        for action in change.actions:
            if action.parent is None and action.phase.terminal:
                self._tell(action, self._of_end)
            elif action.kind is ActionKind.CONDITION and action.phase is Phase.PAUSED:
                self._tell(action, self._of_question)

    async def stop(self) -> None:
        """Let go of what is under way."""
        for each in self._under_way:
            each.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)

    def _tell(self, action: Action, messages: Callable[[Action], list[egress.Message]]) -> None:
        if action.key in self._told:
            return
        self._told[action.key] = None
        if len(self._told) > _REMEMBERED:
            self._told.popitem(last=False)
        task = asyncio.create_task(self._deliver(action, messages), name=f"tell of {action.key.name}")
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _deliver(self, action: Action, messages: Callable[[Action], list[egress.Message]]) -> None:
        for message in await asyncio.to_thread(messages, action):
            for left in reversed(range(TRIES)):
                try:
                    await asyncio.to_thread(egress.deliver, message, smtp=self._smtp, allowed=self._allowed)
                    break
                except egress.EgressError as error:
                    if not left:
                        log.warning("of run %s nobody was told: %s", action.key.run.name, error)
                    else:
                        await asyncio.sleep(_WAIT_S)

    def _of_end(self, root: Action) -> list[egress.Message]:
        view = self._store.run(root.key.run)
        # The process that drives a local run tells of its end itself.
        if view is None or view.record.mode is RunMode.LOCAL:
            return []
        return notices.of_end(view.record.run_spec, root)

    def _of_question(self, condition: Action) -> list[egress.Message]:
        view = self._store.run(condition.key.run)
        run_spec = b"" if view is None else view.record.run_spec
        return notices.of_question(run_spec, condition.spec, condition.key, self._base_url)
