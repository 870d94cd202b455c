"""Who holds how much of the machine. Who waits, for children or for another run, holds nothing."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from flyte_core.frozen import frozen
from flyte_core.model import ROOT, Action, ActionKey, ResourceRequest, RunKey, Token

DEFAULT_CPU = 1.0


@frozen
class Cost:
    """What one attempt takes: CPUs, bytes of memory, GPUs."""

    cpu: float
    memory_bytes: int
    gpu: int


@dataclass(slots=True)
class Flight:
    """An attempt under way. `token` is None until its claim is durable."""

    run: RunKey | None
    """None for a root: a run's own limit does not count it."""
    cost: Cost
    pool: str
    token: Token | None = None
    outputs: tuple[str, ...] = ()
    """Names of the declared outputs."""
    holding: bool = False
    resting: int = 0
    """How many other things than children it waits for."""


class Slots:
    """Counts what is in use. Nothing here waits, reads a clock or touches the store."""

    def __init__(self, capacity: ResourceRequest) -> None:
        self.capacity = capacity
        self.cpu = 0.0
        self.memory_bytes = 0
        self.gpu = 0
        self._flights: dict[ActionKey, Flight] = {}
        self._open: set[ActionKey] = set()
        """Children that have not ended."""
        self._children: dict[ActionKey, int] = {}
        """How many open children an action has; never 0."""
        self._pools: dict[str, list[int]] = {}
        """By pool: attempts in its workers, and those of them that hold their share."""
        self._runs: dict[RunKey, int] = {}
        """By run: attempts that hold their share; its root's is not counted."""

    def __len__(self) -> int:
        return len(self._flights)

    def flight(self, key: ActionKey) -> Flight | None:
        return self._flights.get(key)

    def cost(self, request: ResourceRequest, concurrency: int = 1) -> Cost:
        """The price of a request; attempts that share a warm worker share what it holds.

        Who asks for more CPUs or memory than there are has all of them, once nobody else holds any.
        """
        here = ResourceRequest(DEFAULT_CPU if request.cpu is None else request.cpu, request.memory_bytes)
        here = here.within(self.capacity)
        return Cost((here.cpu or 0.0) / concurrency, (here.memory_bytes or 0) // concurrency, request.gpu)

    def fits(self, cost: Cost) -> bool:
        """Whether there is room now."""
        free_cpu = (self.capacity.cpu or 0.0) - self.cpu
        memory = self.capacity.memory_bytes
        return (
            cost.cpu <= free_cpu + 1e-9
            and (memory is None or cost.memory_bytes <= memory - self.memory_bytes)
            and cost.gpu <= self.capacity.gpu - self.gpu
        )

    def in_pool(self, pool: str) -> int:
        """Attempts in the pool's workers, waiting parents included."""
        return self._pools[pool][0] if pool in self._pools else 0

    def holding_in_pool(self, pool: str) -> int:
        return self._pools[pool][1] if pool in self._pools else 0

    def in_run(self, run: RunKey) -> int:
        """Attempts of the run that hold their share, its root's not counted."""
        return self._runs.get(run, 0)

    def take(self, key: ActionKey, cost: Cost, pool: str) -> Flight:
        """An attempt is about to begin."""
        flight = self._flights[key] = Flight(None if key.name == ROOT else key.run, cost, pool)
        if pool:
            self._pools.setdefault(pool, [0, 0])[0] += 1
        self._settle(key)
        return flight

    def release(self, key: ActionKey) -> bool:
        """The attempt is over. False when none was under way."""
        flight = self._flights.pop(key, None)
        if flight is None:
            return False
        self._hold(flight, False)
        if flight.pool:
            counts = self._pools[flight.pool]
            counts[0] -= 1
            if not counts[0]:
                del self._pools[flight.pool]
        return True

    @contextmanager
    def resting(self, key: ActionKey, token: Token) -> Iterator[bool]:
        """The attempt waits for what is no child of it. Gives whether something has become free."""
        flight = self._flights.get(key)
        if flight is None or flight.token != token:
            yield False
            return
        flight.resting += 1
        try:
            yield self._settle(key)
        finally:
            flight.resting -= 1
            self._settle(key)

    def observe(self, actions: Iterable[Action]) -> bool:
        """Take in how actions stand now. True when something may have become free."""
        freed = False
        for action in actions:
            freed |= self._observe_child(action)
            flight = self._flights.get(action.key)
            live = action.live
            if flight is None:
                continue
            if flight.token is None and live is not None:
                flight.token = live.token
            elif live is None or live.token != flight.token:
                freed |= self.release(action.key)
        return freed

    def _observe_child(self, action: Action) -> bool:
        if action.parent is None or (action.key in self._open) is not action.phase.terminal:
            return False
        parent = ActionKey(action.key.run, action.parent)
        if action.phase.terminal:
            self._open.remove(action.key)
            self._children[parent] -= 1
            if not self._children[parent]:
                del self._children[parent]
        else:
            self._open.add(action.key)
            self._children[parent] = self._children.get(parent, 0) + 1
        return self._settle(parent)

    def _settle(self, key: ActionKey) -> bool:
        """Let an attempt hold its share, or not: does it wait? True when it let go."""
        flight = self._flights.get(key)
        if flight is None:
            return False
        wanted = key not in self._children and not flight.resting
        let_go = flight.holding and not wanted
        self._hold(flight, wanted)
        return let_go

    def _hold(self, flight: Flight, wanted: bool) -> None:
        if flight.holding is wanted:
            return
        flight.holding = wanted
        sign = 1 if wanted else -1
        self.cpu = max(0.0, self.cpu + sign * flight.cost.cpu)
        self.memory_bytes += sign * flight.cost.memory_bytes
        self.gpu += sign * flight.cost.gpu
        if flight.pool:
            self._pools[flight.pool][1] += sign
        if flight.run is not None:
            self._runs[flight.run] = self._runs.get(flight.run, 0) + sign
            if not self._runs[flight.run]:
                del self._runs[flight.run]
