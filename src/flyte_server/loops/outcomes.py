"""Takes ends of attempts from the executor to history, each exactly once, however long the store is away."""

import asyncio
import itertools
from collections.abc import Callable

from flyte_core.engine import action as engine
from flyte_core.engine.api import Verdict
from flyte_core.layout import Layout
from flyte_core.model import Action, ActionKey, CoreError, NotFound, Token
from flyte_core.store.ports import Reader
from flyte_server.loops.runner import log
from flyte_server.ports.executor import Ended
from flyte_server.services import command, outcome
from flyte_server.services.transact import Transactor
from flyte_server.services.values import Values

Expected = Callable[[ActionKey, Token], tuple[str, ...] | None]
"""The declared outputs of an attempt under way, if they are known without asking the store."""

_AT_ONCE = 32
_AGAIN_S = (0.1, 0.5, 2.0, 5.0)


class Outcomes:
    """Lives on the event loop. `ended` and `started` are the executor's callbacks."""

    def __init__(
        self,
        store: Reader,
        transactor: Transactor,
        layout: Layout,
        values: Values,
        confirmed: Callable[[Ended], None],
    ) -> None:
        """`confirmed` hears of every end at once, before it is recorded."""
        self._store = store
        self._transactor = transactor
        self._layout = layout
        self._values = values
        self.expected: Expected = lambda key, token: None
        self._confirmed = confirmed
        self._room = asyncio.Semaphore(_AT_ONCE)
        self._tasks: set[asyncio.Task[None]] = set()

    def started(self, key: ActionKey, attempt: int, token: Token, worker: str) -> None:
        """User code is about to run."""
        self._transactor.change_soon(engine.started, key, token, worker)

    def ended(self, ended: Ended) -> None:
        """Every process of the attempt is gone."""
        self._confirmed(ended)
        task = asyncio.create_task(self._take(ended), name=f"outcome {ended.key.name}/{ended.attempt}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def settle(self) -> None:
        """Wait until everything that was told has been recorded."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def _take(self, ended: Ended) -> None:
        delays = itertools.chain(_AGAIN_S, itertools.repeat(_AGAIN_S[-1]))
        async with self._room:
            for delay_s in delays:
                try:
                    await self._record(ended)
                    return
                except NotFound:
                    return  # its run was removed
                except Exception:
                    log.exception(
                        "an outcome could not be recorded and will be tried again",
                        extra={"run": ended.key.run.name, "action": ended.key.name},
                    )
                    await asyncio.sleep(delay_s)

    async def _record(self, ended: Ended) -> None:
        declared = self.expected(ended.key, ended.token)
        if declared is None:
            action = self._store.action(ended.key)
            if action is None or action.live is None or action.live.token != ended.token:
                return  # reported before, or ended otherwise: the first word counts
            declared = _declared(action)
        directory = self._layout.attempt(ended.key, ended.attempt)
        found = await asyncio.to_thread(outcome.read, ended, directory, declared)
        if found.outputs is not None:
            self._values.remember(found.outputs)
        change = await self._transactor.change(engine.report, ended.key, found)
        if change.verdict is Verdict.FENCED:
            log.info("a late outcome was discarded", extra={"action": ended.key.name})


def _declared(action: Action) -> tuple[str, ...]:
    try:
        return command.template_of(action).outputs
    except CoreError:
        return ()
