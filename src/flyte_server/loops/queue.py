"""What waits for a slot: oldest first, looked through by kind of demand rather than one by one."""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from flyte_core.frozen import frozen
from flyte_core.model import ActionKey, Micros, RunKey
from flyte_server.loops.slots import Cost


@frozen
class Demand:
    """What decides whether an action may start. Actions with equal demands wait in one line."""

    cost: Cost
    pool: str = ""
    pool_limit: int = 0
    """Attempts that the pool's workers take at once."""
    run: RunKey | None = None
    """Set when the run limits how many of its actions go at once."""
    run_limit: int = 0


@dataclass(slots=True)
class Waiting:
    key: ActionKey
    demand: Demand
    number: int
    """Order of arrival."""
    since: Micros
    told: bool = False
    """Users see that it waits for resources."""


class Queue:
    """First come, first served, except that one kind of demand does not stand in another's way."""

    def __init__(self) -> None:
        self._lines: dict[Demand, OrderedDict[ActionKey, Waiting]] = {}
        self._all: dict[ActionKey, Waiting] = {}
        self._number = 0
        self._untold: OrderedDict[ActionKey, Waiting] = OrderedDict()

    def __len__(self) -> int:
        return len(self._all)

    def __contains__(self, key: ActionKey) -> bool:
        return key in self._all

    def add(self, key: ActionKey, demand: Demand, since: Micros, told: bool) -> None:
        """Join the end of the line; a second time does nothing."""
        if key in self._all:
            return
        self._number += 1
        waiting = self._all[key] = Waiting(key, demand, self._number, since, told)
        self._lines.setdefault(demand, OrderedDict())[key] = waiting
        if not told:
            self._untold[key] = waiting

    def remove(self, key: ActionKey) -> bool:
        """Leave; False when it did not wait."""
        waiting = self._all.pop(key, None)
        if waiting is None:
            return False
        line = self._lines[waiting.demand]
        del line[key]
        if not line:
            del self._lines[waiting.demand]
        self._untold.pop(key, None)
        return True

    def pick(self, may_start: Callable[[Demand], bool], blocks: Callable[[Waiting], bool]) -> Waiting | None:
        """The oldest that may start; it leaves the queue.

        `blocks` is asked for each older one that may not: true when the younger must wait behind it.
        """
        heads = sorted((next(iter(line.values())) for line in self._lines.values()), key=_number)
        for head in heads:
            if may_start(head.demand):
                self.remove(head.key)
                return head
            if blocks(head):
                return None
        return None

    def untold(self, before: Micros, limit: int) -> Iterator[Waiting]:
        """Those that came before an instant and do not show yet that they wait; each once."""
        while self._untold and limit > 0:
            key, waiting = next(iter(self._untold.items()))
            if waiting.since > before:
                return
            del self._untold[key]
            waiting.told = True
            limit -= 1
            yield waiting

    def first_untold(self) -> Micros | None:
        return next(iter(self._untold.values())).since if self._untold else None


def _number(waiting: Waiting) -> int:
    return waiting.number
