"""Starts what may start: from the queue in the store, through a claim, to the executor."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from flyte_core import logs, views
from flyte_core.engine import action as engine
from flyte_core.engine.api import Change, Changes
from flyte_core.layout import Layout
from flyte_core.machine.guards import IN_QUEUE
from flyte_core.model import (
    Action,
    ActionKey,
    ActionKind,
    CoreError,
    Digest,
    ErrorInfo,
    ErrorKind,
    Micros,
    NotFound,
    Phase,
    RunKey,
    RunRecord,
    Token,
)
from flyte_core.ports import Clock
from flyte_core.store.ports import ActionQuery, Reader, Tx
from flyte_server.loops.queue import Demand, Queue, Waiting
from flyte_server.loops.runner import Loop, log
from flyte_server.loops.slots import Slots
from flyte_server.ports.executor import Ended, EndReason, Executor, Launch
from flyte_server.services import command
from flyte_server.services.transact import Transactor
from flyte_server.services.values import Values

BATCH = 64
"""Claims in one unit of work."""
TELL_AFTER_US = 1_000_000
TELL_AT_ONCE = 100
PATIENCE_US = 30_000_000
"""So long smaller demands may pass a larger one that does not fit yet."""
RETRY_CLAIM_US = 250_000
_WHOLE_QUEUE = 1_000_000
_REMEMBERED = 1_000


def _claim_all(tx: Tx, keys: Sequence[ActionKey], worker: str, now: Micros) -> Change:
    done = Changes()
    for key in keys:
        try:
            done.add(engine.claim(tx, key, worker, now))
        except NotFound:
            continue  # its run was removed
    return Change(tuple(done.actions), tuple(done.effects))


class Dispatch(Loop):
    """Holds the queue and the slots in memory; both follow from the store and are rebuilt at start."""

    name = "dispatch"

    def __init__(
        self,
        clock: Clock,
        store: Reader,
        transactor: Transactor,
        executor: Executor,
        values: Values,
        layout: Layout,
        endpoint: str,
        slots: Slots,
        on_ended: Callable[[Ended], None],
        grace_s: float,
        warm: bool,
    ) -> None:
        """`warm`: the executor has warm workers; without them every attempt is a process of its own."""
        super().__init__(clock)
        self._store = store
        self._transactor = transactor
        self._executor = executor
        self._values = values
        self._layout = layout
        self._endpoint = endpoint
        self._on_ended = on_ended
        self._grace_s = grace_s
        self._warm = warm
        self._arrived: list[Action] = []
        self._parked: dict[ActionKey, Micros] = {}
        """Claims that must wait for another action's value: when to try again."""
        self._templates: OrderedDict[Digest, command.Template] = OrderedDict()
        self._records: OrderedDict[RunKey, RunRecord] = OrderedDict()
        self.queue = Queue()
        self.slots = slots
        self.paused = False
        """No new claims: the server drains."""
        transactor.observe(self._changed)

    def expected(self, key: ActionKey, token: Token) -> tuple[str, ...] | None:
        """The declared outputs of an attempt that is known to be under way; None: ask the store."""
        flight = self.slots.flight(key)
        return flight.outputs if flight is not None and flight.token == token else None

    @contextmanager
    def resting(self, key: ActionKey, token: Token) -> Iterator[None]:
        """The attempt waits for what is no child of it, and holds nothing meanwhile."""
        with self.slots.resting(key, token) as freed:
            if freed:
                self.poke()
            yield

    async def restore(self) -> None:
        """At start: queue what waits, count what runs, and let the executor adopt it."""
        launches = []
        for action in self._store.in_flight():
            open_children = self._store.actions(
                action.key.run,
                ActionQuery(parent=action.key.name, phases=tuple(p for p in Phase if not p.terminal)),
            )
            self.slots.observe(open_children.actions)
            launch = self._launch(action)
            if launch is not None and action.live is not None:
                cost = self._demand(action).cost
                flight = self.slots.take(action.key, cost, launch.pool)
                flight.token = action.live.token
                flight.outputs = self._template(action).outputs
                launches.append(launch)
        self._arrived.extend(self._store.launchable(self.clock.now(), _WHOLE_QUEUE))
        if launches:
            log.info("adopting attempts of an earlier server", extra={"attempts": len(launches)})
            await self._executor.reattach(launches)

    async def tick(self, now: Micros) -> Micros | None:
        await self._admit(now)
        if self.paused:
            return None
        while picked := self._pick(now):
            await self._start(picked, now)
        await self._tell(now)
        return self._next_look()

    async def _admit(self, now: Micros) -> None:
        for key in [key for key, at in self._parked.items() if at <= now]:
            del self._parked[key]
            action = self._store.action(key)
            if action is not None:
                self._arrived.append(action)
        arrived, self._arrived = self._arrived, []
        for action in arrived:
            if action.phase not in IN_QUEUE or self.slots.flight(action.key) is not None:
                continue
            try:
                command.require_interpreter(self._record(action.key.run), self._template(action))
                demand = self._demand(action)
            except CoreError as error:
                await self._refuse(action.key, "CannotStart", str(error))
                continue
            reason = self._executor.impossible(action.policy.resources)
            if reason is not None:
                await self._refuse(action.key, "ResourcesUnavailable", reason)
                continue
            told = action.phase is Phase.WAITING_FOR_RESOURCES
            self.queue.add(action.key, demand, now, told)

    def _pick(self, now: Micros) -> list[Waiting]:
        picked: list[Waiting] = []
        while len(picked) < BATCH:
            waiting = self.queue.pick(self._may_start, lambda older: self._blocks(older, now))
            if waiting is None:
                break
            pool = waiting.demand.pool
            if pool and self.slots.in_pool(pool) >= waiting.demand.pool_limit:
                # Its workers are full of parents that wait: a process of its own keeps nesting free.
                pool = ""
            self.slots.take(waiting.key, waiting.demand.cost, pool)
            picked.append(waiting)
        return picked

    def _may_start(self, demand: Demand) -> bool:
        if demand.run is not None and self.slots.in_run(demand.run) >= demand.run_limit:
            return False
        if demand.pool and self.slots.holding_in_pool(demand.pool) >= demand.pool_limit:
            return False
        return self.slots.fits(demand.cost)

    def _blocks(self, older: Waiting, now: Micros) -> bool:
        """Whether smaller demands have passed this one for long enough."""
        return now - older.since > PATIENCE_US and not self.slots.fits(older.demand.cost)

    async def _start(self, picked: Sequence[Waiting], now: Micros) -> None:
        keys = [waiting.key for waiting in picked]
        try:
            change = await self._transactor.change(_claim_all, keys, self._executor.name)
        except BaseException:
            for waiting in picked:
                self.slots.release(waiting.key)
                self.queue.add(waiting.key, waiting.demand, now, waiting.told)
            raise
        claimed = {action.key: action for action in change.actions}
        launches: list[Launch] = []
        for waiting in picked:
            action = claimed.get(waiting.key)
            flight = self.slots.flight(waiting.key)
            if action is None or action.live is None or flight is None:
                self.slots.release(waiting.key)
                if action is None:
                    self._parked[waiting.key] = Micros(now + RETRY_CLAIM_US)
                continue
            flight.outputs = self._template(action).outputs
            launch = self._launch(action)
            if launch is not None:
                launches.append(launch)
        await asyncio.gather(*(self._submit(launch) for launch in launches))

    async def _submit(self, launch: Launch) -> None:
        try:
            beyond = views.beyond(launch.resources, self.slots.capacity)
            if beyond:
                logs.say(self._layout.log(launch.key, launch.attempt), self.clock.now(), _capped(beyond))
            await self._executor.submit(launch)
        except Exception as error:
            log.exception("an attempt could not be started", extra={"action": launch.key.name})
            self._on_ended(_never_began(launch.key, launch.attempt, launch.token, error))

    def _launch(self, action: Action) -> Launch | None:
        """The launch of an action's live attempt; None, and its end is told, when it cannot be built."""
        live = action.live
        if live is None:
            return None
        try:
            record = self._record(action.key.run)
            template = self._template(action)
            inputs = self._inputs(action, template)
            launch = command.build(
                action, live, record, template, self._layout, self._endpoint, self._grace_s, inputs
            )
            flight = self.slots.flight(action.key)
            if flight is not None and launch.pool and not flight.pool:
                return _alone(launch)
            return launch
        except (CoreError, OSError) as error:
            self._on_ended(_never_began(action.key, live.number, live.token, error))
            return None

    def _inputs(self, action: Action, template: command.Template) -> bytes | None:
        """The inputs as bytes for our own runtime; a file for every other."""
        if action.inputs is None or action.inputs.uri:
            return None
        if template.runtime == "godwit":
            return self._values.load(action, "inputs")
        self._values.put_file(action, "inputs", self._values.file_of(action.key))
        return None

    def _demand(self, action: Action) -> Demand:
        template = self._template(action)
        record = self._record(action.key.run)
        limit = record.max_action_concurrency if action.parent is not None else 0
        pool = template.pool
        return Demand(
            cost=self.slots.cost(action.policy.resources, 1 if pool is None else pool.concurrency),
            pool=command.pool_key(record, template, action),
            pool_limit=0 if pool is None else pool.replicas * pool.concurrency,
            run=action.key.run if limit else None,
            run_limit=limit,
        )

    def _template(self, action: Action) -> command.Template:
        digest = action.spec.digest
        found = self._templates.get(digest)
        if found is None:
            found = command.template_of(action)
            if not self._warm:
                found = replace(found, pool=None)
            self._templates[digest] = found
            if len(self._templates) > _REMEMBERED:
                self._templates.popitem(last=False)
        return found

    def _record(self, run: RunKey) -> RunRecord:
        found = self._records.get(run)
        if found is None:
            view = self._store.run(run)
            if view is None:
                raise NotFound(f"There is no run {run.name} any more.")
            found = self._records[run] = view.record
            if len(self._records) > _REMEMBERED:
                self._records.popitem(last=False)
        return found

    async def _refuse(self, key: ActionKey, code: str, message: str) -> None:
        error = ErrorInfo(code, message, ErrorKind.SYSTEM, recoverable=False)
        try:
            await self._transactor.change(engine.refuse, key, error)
        except NotFound:
            log.info("a refused action is gone", extra={"action": key.name})

    async def _tell(self, now: Micros) -> None:
        """Show users that what has waited for a while waits for a slot."""
        late = list(self.queue.untold(Micros(now - TELL_AFTER_US), TELL_AT_ONCE))
        capacity = self.slots.capacity.cpu or 0.0
        reason = f"{max(0.0, capacity - self.slots.cpu):g} of {capacity:g} CPUs are free."
        told = [self._transactor.change(engine.waiting, waiting.key, reason) for waiting in late]
        for outcome in await asyncio.gather(*told, return_exceptions=True):
            if isinstance(outcome, BaseException) and not isinstance(outcome, CoreError):
                raise outcome

    def _next_look(self) -> Micros | None:
        moments = list(self._parked.values())
        untold = self.queue.first_untold()
        if untold is not None:
            moments.append(Micros(untold + TELL_AFTER_US))
        return min(moments, default=None)

    def _changed(self, change: Change) -> None:
        news = self.slots.observe(change.actions)
        for action in change.actions:
            if action.kind is not ActionKind.TASK:
                continue
            if action.phase not in IN_QUEUE:
                if not self.queue.remove(action.key):
                    self._parked.pop(action.key, None)
            elif action.not_before is None and action.key not in self.queue:
                self._arrived.append(action)
                news = True
        if news:
            self.poke()


def _never_began(key: ActionKey, attempt: int, token: Token, why: Exception) -> Ended:
    return Ended(key, attempt, token, EndReason.LAUNCH_FAILED, detail=str(why))


def _capped(beyond: str) -> str:
    return f"It asks for {beyond}: it has all there is, and runs by itself."


def _alone(launch: Launch) -> Launch:
    """The same launch in a process of its own instead of a warm worker."""
    return replace(launch, pool="")
