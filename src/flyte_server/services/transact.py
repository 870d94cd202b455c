"""The one way the server changes history: load, decide, save in one unit of work, then tell."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import TypeVar, TypeVarTuple

from flyte_core.engine.api import Change, Changes
from flyte_core.model import Micros, NotFound
from flyte_core.ports import Clock
from flyte_core.store.ports import Store, Tx
from flyte_server.services.metrics import Metrics
from flyte_server.services.wake import Wake

log = logging.getLogger(__name__)

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

Observer = Callable[[Change], None]

SOON_S = 0.02
"""How long a change that nobody waits for may wait for others."""


class Transactor:
    """Hands work to the store and, once it is durable, tells loops and watchers what changed.

    Work that was accepted is carried out and told even when its caller is gone. Everything but the
    work itself runs on the event loop.
    """

    def __init__(self, store: Store, clock: Clock, wake: Wake, metrics: Metrics) -> None:
        self._store = store
        self._clock = clock
        self._wake = wake
        self._metrics = metrics
        self._loop = asyncio.get_running_loop()
        self._observers: list[Observer] = []
        self._landed: deque[Callable[[], None]] = deque()
        self._scheduled = False
        self._open = 0
        self._soon: list[Callable[[Tx], Change]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._settled = asyncio.Event()
        self._settled.set()

    def observe(self, observer: Observer) -> None:
        """Call `observer` with every change after it is durable. It must be quick and never raise."""
        self._observers.append(observer)

    def change(self, use_case: Callable[[Tx, *Ts, Micros], Change], *args: *Ts) -> "asyncio.Future[Change]":
        """Carry out `use_case(tx, *args, now)` of the engine. The future gives its change, or what it raised."""
        now = self._clock.now()
        return self._run(lambda tx: use_case(tx, *args, now), self._tell)

    def change_soon(self, use_case: Callable[[Tx, *Ts, Micros], Change], *args: *Ts) -> None:
        """A change that nobody waits for: carried out before the next one, or in a moment.

        All such changes that come together are one unit of work and need no commit of their own.
        """
        now = self._clock.now()
        self._soon.append(lambda tx: use_case(tx, *args, now))
        if self._timer is None:
            self._timer = self._loop.call_later(SOON_S, self._catch_up)

    def run(self, work: Callable[[Tx, *Ts], T], *args: *Ts) -> "asyncio.Future[T]":
        """Carry out work that changes no action (an outbox item done, a number taken)."""
        return self._run(lambda tx: work(tx, *args), None)

    async def settle(self) -> None:
        """Wait until everything accepted so far has been carried out and told."""
        self._catch_up()
        while self._open:
            self._settled.clear()
            await self._settled.wait()

    def _catch_up(self) -> None:
        """Hand over what has waited."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._soon:
            waiting, self._soon = self._soon, []
            self._run(lambda tx: _together(tx, waiting), self._tell).add_done_callback(_noticed)

    def _run(self, work: Callable[[Tx], T], tell: Callable[[T], None] | None) -> "asyncio.Future[T]":
        self._catch_up()
        outer: asyncio.Future[T] = self._loop.create_future()
        began = self._loop.time()
        self._open += 1

        def landed(inner: "Future[T]") -> None:
            self._landed.append(lambda: self._land(inner, outer, began, tell))
            # One wake-up of the loop serves every unit of work of a group commit.
            if not self._scheduled:
                self._scheduled = True
                self._loop.call_soon_threadsafe(self._drain)

        self._store.submit(work).add_done_callback(landed)
        return outer

    def _drain(self) -> None:
        self._scheduled = False
        while self._landed:
            self._landed.popleft()()
        if not self._open:
            self._settled.set()

    def _land(
        self,
        inner: "Future[T]",
        outer: "asyncio.Future[T]",
        began: float,
        tell: Callable[[T], None] | None,
    ) -> None:
        self._open -= 1
        error = inner.exception()
        if error is None:
            self._metrics.commit_seconds.observe(self._loop.time() - began)
            # Who waits for it goes on before the loops that it wakes.
            if not outer.done():
                outer.set_result(inner.result())
            if tell is not None:
                tell(inner.result())
        elif not outer.done():
            outer.set_exception(error)

    def _tell(self, change: Change) -> None:
        for action in change.actions:
            self._metrics.count_phase(action)
        for observer in self._observers:
            observer(change)
        self._wake.publish(change.actions)


def _together(tx: Tx, works: Sequence[Callable[[Tx], Change]]) -> Change:
    done = Changes()
    for work in works:
        try:
            done.add(work(tx))
        except NotFound:
            continue  # its run was removed
    return Change(tuple(done.actions), tuple(done.effects))


def _noticed(future: "asyncio.Future[Change]") -> None:
    if not future.cancelled() and future.exception() is not None:
        log.warning("a change could not be recorded: %s", future.exception())
