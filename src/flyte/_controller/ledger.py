"""Recording what happens in local runs: at once, or many things together.

Every unit of work is committed before anybody sees its result. Callers that wait on a thread commit
in their own turn. On an event loop, the first units of a turn of the loop do too (a chain of calls
gains nothing by waiting); when more come in the same turn, they are committed together at its end.

The beginning of a call need not be recorded before its body runs, only before anything that follows
from it: it is put off, and recorded with the next unit of work, or by `flush` when it lasts.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Final, Protocol, TypeVar
from weakref import WeakKeyDictionary

from flyte._controller.seat import untorn
from flyte_core.model import CoreError, Micros
from flyte_core.store.ports import Store, Tx

T = TypeVar("T")

CHUNK: Final = 256
"""How many units are committed together at most: others want to write, too."""

ALONE: Final = 2
"""How many units of one turn are committed each by itself."""


class WallClock:
    """Microseconds since 1970 that never run backwards, whatever happens to the wall clock."""

    def __init__(self) -> None:
        self._offset_ns = time.time_ns() - time.monotonic_ns()

    def now(self) -> Micros:
        return Micros((time.monotonic_ns() + self._offset_ns) // 1000)


class Opening(Protocol):
    """The beginning of a call, put off."""

    at: Micros
    """When the call was made."""

    def record(self, tx: Tx) -> None:
        """Record it. What the engine refuses is kept, and told to the call; it is not raised."""


class Ledger:
    """Where the runs of one process are recorded. Any thread and any loop may use it."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.clock = WallClock()
        self._openings: deque[Opening] = deque()
        self._turns: WeakKeyDictionary[asyncio.AbstractEventLoop, _Turn] = WeakKeyDictionary()

    def put_off(self, opening: Opening) -> None:
        """Let a beginning be recorded with the next unit of work."""
        self._openings.append(opening)

    def flush(self, older_than: Micros) -> None:
        """Record what has been put off, if the oldest of it was so before an instant."""
        try:
            due = self._openings[0].at < older_than
        except IndexError:
            return
        if due:
            self.now(lambda _: None)

    def now(self, work: Callable[[Tx], T]) -> T:
        """Carry out a unit of work in a transaction of its own."""
        return self._transact(work)

    async def soon(self, work: Callable[[Tx], T]) -> T:
        """Carry out a unit of work in this turn of the loop or at its end, others with it."""
        loop = asyncio.get_running_loop()
        turn = self._turns.get(loop)
        if turn is None:
            turn = self._turns[loop] = _Turn(loop, self._transact)
        if turn.alone():
            return self._transact(work)
        found: T = await turn.add(work)
        return found

    def _transact(self, work: Callable[[Tx], T]) -> T:
        """A transaction that begins with what was put off, in the order in which it was."""
        openings = self._openings
        taken: list[Opening] = []

        def all_of_it(tx: Tx) -> T | CoreError:
            while openings:
                taken.append(openings.popleft())
                taken[-1].record(tx)
            return _attempt(work, tx)

        with untorn():
            if not openings:
                return self.store.transact(work)
            try:
                result = self.store.transact(all_of_it)
            except BaseException:
                openings.extendleft(reversed(taken))
                raise
        if isinstance(result, CoreError):
            raise result
        return result


class _Turn:
    """What came to be recorded in the present turn of one loop."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, transact: Callable[[Callable[[Tx], Any]], Any]
    ) -> None:
        self._loop = loop
        self._transact = transact
        self._waiting: list[tuple[Callable[[Tx], Any], asyncio.Future[Any]]] = []
        self._units = 0

    def alone(self) -> bool:
        """Count a unit; whether it is one of the first of the turn."""
        self._units += 1
        if self._units == 1:
            self._loop.call_soon(self._end)
        return self._units <= ALONE

    def add(self, work: Callable[[Tx], Any]) -> "asyncio.Future[Any]":
        future: asyncio.Future[Any] = self._loop.create_future()
        self._waiting.append((work, future))
        if len(self._waiting) >= CHUNK:
            self._commit()
        return future

    def _end(self) -> None:
        self._units = 0
        if self._waiting:
            self._commit()

    def _commit(self) -> None:
        waiting, self._waiting = self._waiting, []
        try:
            results = self._transact(lambda tx: [_attempt(work, tx) for work, _ in waiting])
        except BaseException as error:
            for _, future in waiting:
                if not future.done():
                    future.set_exception(error)
            return
        for (_, future), result in zip(waiting, results, strict=True):
            if future.done():
                continue
            if isinstance(result, CoreError):
                future.set_exception(result)
            else:
                future.set_result(result)


def _attempt(work: Callable[[Tx], T], tx: Tx) -> T | CoreError:
    """One unit among several. A use case that refuses has written nothing, so the others stand."""
    try:
        return work(tx)
    except CoreError as error:
        return error
