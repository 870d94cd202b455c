"""The reference store: dictionaries and an undo list. Nothing outlives the process.

What it does is what every other store must do; `tests/contracts` runs one suite over all of them.
"""

import dataclasses
import heapq
import threading
from collections.abc import Callable, Iterator, MutableMapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Literal, TypeVar

from flyte_core.dataflow import Edge
from flyte_core.machine.due import next_due
from flyte_core.machine.events import Event
from flyte_core.model import (
    LIVE,
    ROOT,
    Action,
    ActionKey,
    ActionName,
    AlreadyExists,
    Digest,
    FailedPrecondition,
    Glance,
    Micros,
    NotFound,
    Phase,
    RunKey,
    RunMode,
    RunRecord,
    RunView,
    TaskSpec,
    Token,
)
from flyte_core.store import paging
from flyte_core.store.ports import (
    ActionPage,
    ActionQuery,
    CacheEntry,
    Changes,
    EventRow,
    OutboxItem,
    PhaseCounts,
    Role,
    RunPage,
    RunQuery,
    Tx,
)

T = TypeVar("T")
K = TypeVar("K")
V = TypeVar("V")

_QUEUE = frozenset({Phase.QUEUED, Phase.WAITING_FOR_RESOURCES})


@dataclass(slots=True)
class _Run:
    """A run with all that belongs to it. Dictionaries keep insertion order: that is recording order."""

    number: int
    record: RunRecord
    updated_at: Micros
    changed: int
    actions: dict[ActionName, Action] = field(default_factory=dict)
    events: list[EventRow] = field(default_factory=list)
    payloads: dict[tuple[ActionName, Role], bytes] = field(default_factory=dict)
    edges: dict[tuple[str, ...], Edge] = field(default_factory=dict)

    def view(self) -> RunView | None:
        root = self.actions.get(ROOT)
        return None if root is None else RunView(self.record, root)


@dataclass(slots=True)
class _State:
    runs: dict[RunKey, _Run] = field(default_factory=dict)
    specs: dict[Digest, TaskSpec] = field(default_factory=dict)
    cache: dict[tuple[str, str], CacheEntry] = field(default_factory=dict)
    leases: dict[tuple[str, str], tuple[ActionKey, Micros]] = field(default_factory=dict)
    outbox: dict[int, OutboxItem] = field(default_factory=dict)
    counters: dict[str, int] = field(default_factory=dict)
    """The last number given: `token`, `outbox`, `run`, `changed`, `commit`."""


class MemoryStore:
    """Implements `Store`. Thread-safe; `submit` does its work before it returns."""

    def __init__(self) -> None:
        self._state = _State()
        self._lock = threading.RLock()
        self._busy = False

    def transact(self, work: Callable[[Tx], T]) -> T:
        with self._lock:
            if self._busy:
                raise RuntimeError("A unit of work cannot start another one.")
            self._busy = True
            tx = MemoryTx(self._state)
            try:
                result = work(tx)
            except BaseException:
                tx.undo()
                raise
            finally:
                self._busy = False
            if tx.wrote:
                self._state.counters["commit"] = self._state.counters.get("commit", 0) + 1
            return result

    def submit(self, work: Callable[[Tx], T]) -> Future[T]:
        future: Future[T] = Future()
        try:
            future.set_result(self.transact(work))
        except Exception as error:
            future.set_exception(error)
        return future

    def close(self) -> None:
        """Nothing to let go of."""

    def run(self, key: RunKey) -> RunView | None:
        with self._lock:
            run = self._state.runs.get(key)
            return None if run is None else run.view()

    def runs(self, query: RunQuery) -> RunPage:
        after = paging.position(query.cursor)
        with self._lock:
            found = sorted(self._matching(query), key=_place, reverse=not query.ascending)
        if after is not None:
            found = [r for r in found if (_place(r) > after if query.ascending else _place(r) < after)]
        page = found[: query.limit]
        more = len(found) > len(page) > 0
        views = tuple(v for r in page if (v := r.view()) is not None)
        return RunPage(views, paging.cursor(_place(page[-1])) if more else "")

    def count_runs(self, query: RunQuery) -> int:
        with self._lock:
            return sum(1 for _ in self._matching(query))

    def action(self, key: ActionKey) -> Action | None:
        with self._lock:
            run = self._state.runs.get(key.run)
            return None if run is None else run.actions.get(key.name)

    def actions(self, run: RunKey, query: ActionQuery) -> ActionPage:
        after = paging.number(query.cursor)
        with self._lock:
            found = self._state.runs.get(run)
            numbered = list(enumerate(found.actions.values())) if found else []
        if not query.ascending:
            numbered.reverse()
        if after is not None:
            numbered = [(n, a) for n, a in numbered if (n > after if query.ascending else n < after)]
        numbered = [(n, a) for n, a in numbered if _action_matches(a, query)]
        page = numbered if query.limit is None else numbered[: query.limit]
        more = len(numbered) > len(page) > 0
        return ActionPage(tuple(a for _, a in page), str(page[-1][0]) if more else "")

    def glances(self, run: RunKey, start: int = 0, limit: int = 10_000) -> list[Glance]:
        with self._lock:
            found = self._state.runs.get(run)
            actions = [] if found is None else list(found.actions.values())[start : start + limit]
        return [Glance.of(action) for action in actions]

    def counts(self, run: RunKey) -> PhaseCounts:
        by_phase: dict[Phase, int] = {}
        with self._lock:
            found = self._state.runs.get(run)
            for action in found.actions.values() if found else ():
                by_phase[action.phase] = by_phase.get(action.phase, 0) + 1
        return PhaseCounts(sum(by_phase.values()), by_phase)

    def changes(
        self,
        run: RunKey,
        after_seq: int,
        parent: ActionName | None = None,
        limit: int = 10_000,
        *,
        ended: bool = False,
    ) -> Changes:
        with self._lock:
            found = self._state.runs.get(run)
            if found is None:
                return Changes((), after_seq)
            last_seq = found.record.last_seq
            changed = [
                a
                for a in found.actions.values()
                if a.changed_seq > after_seq
                and (parent is None or a.parent == parent)
                and (a.phase.terminal or not ended)
            ]
        changed.sort(key=lambda a: a.changed_seq)
        page = tuple(changed[:limit])
        return Changes(page, page[-1].changed_seq if len(changed) > len(page) > 0 else last_seq)

    def runs_changed(self, after: int, limit: int = 1_000) -> tuple[list[RunView], int]:
        with self._lock:
            changed = [r for r in self._state.runs.values() if r.changed > after]
            changed = heapq.nsmallest(limit, changed, key=lambda r: r.changed)
            views = [v for r in changed if (v := r.view()) is not None]
        return views, changed[-1].changed if changed else after

    def last_change(self) -> int:
        with self._lock:
            return max((run.changed for run in self._state.runs.values()), default=0)

    def events(self, run: RunKey, after_seq: int = 0, limit: int = 10_000) -> list[EventRow]:
        with self._lock:
            found = self._state.runs.get(run)
            first = max(after_seq, 0)
            return found.events[first : first + limit] if found else []

    def payload(self, key: ActionKey, role: Role) -> bytes | None:
        with self._lock:
            run = self._state.runs.get(key.run)
            return None if run is None else run.payloads.get((key.name, role))

    def edges(self, run: RunKey) -> list[Edge]:
        with self._lock:
            found = self._state.runs.get(run)
            if found is None:
                return []
            numbers = {name: number for number, name in enumerate(found.actions)}
            kept = list(found.edges.values())

        def place(edge: Edge) -> tuple[object, ...]:
            at = (edge.relation, edge.target_param, edge.target_path)
            return numbers[edge.target], *at, numbers[edge.source], edge.source_path

        return sorted(kept, key=place)

    def launchable(self, now: Micros, limit: int = 1_000) -> list[Action]:
        ready = [a for a in self._server_actions() if a.phase in _QUEUE and _ready_at(a) <= now]
        return sorted(ready, key=_ready_at)[:limit]

    def in_flight(self) -> list[Action]:
        return [a for a in self._server_actions() if a.phase in LIVE]

    def next_due(self, now: Micros, limit: int = 1_000) -> tuple[list[Action], Micros | None]:
        timed = [(due, a) for a in self._server_actions() if (due := next_due(a)) is not None]
        timed.sort(key=lambda pair: pair[0])
        due_now = [a for due, a in timed if due <= now]
        later = [due for due, _ in timed[min(len(due_now), limit) :]]
        return due_now[:limit], later[0] if later else None

    def outbox(self, limit: int = 1_000) -> list[OutboxItem]:
        with self._lock:
            return list(self._state.outbox.values())[:limit]

    def scopes(self) -> list[tuple[str, str]]:
        with self._lock:
            return sorted({(key.project, key.domain) for key in self._state.runs})

    def open_local_runs(self) -> list[RunRecord]:
        with self._lock:
            views = [v for r in self._state.runs.values() if (v := r.view()) is not None]
        return [v.record for v in views if v.record.mode is RunMode.LOCAL and not v.root.phase.terminal]

    def spec(self, digest: Digest) -> TaskSpec | None:
        with self._lock:
            return self._state.specs.get(digest)

    def data_version(self) -> int:
        return self._state.counters.get("commit", 0)

    def _server_actions(self) -> list[Action]:
        """Open actions of server runs, in recording order."""
        with self._lock:
            return [
                a
                for run in self._state.runs.values()
                if run.record.mode is RunMode.SERVER
                for a in run.actions.values()
                if not a.phase.terminal
            ]

    def _matching(self, wanted: RunQuery) -> Iterator[_Run]:
        return (run for run in self._state.runs.values() if _run_matches(run, wanted))


class MemoryTx:
    """Implements `Tx`: writes at once and remembers how to undo."""

    def __init__(self, state: _State) -> None:
        self._state = state
        self._undo: list[Callable[[], object]] = []

    @property
    def wrote(self) -> bool:
        return bool(self._undo)

    def undo(self) -> None:
        """Put everything back as it was before this unit of work."""
        while self._undo:
            self._undo.pop()()

    def run(self, key: RunKey) -> RunRecord | None:
        run = self._state.runs.get(key)
        return None if run is None else run.record

    def insert_run(self, run: RunRecord) -> None:
        if run.key in self._state.runs:
            raise AlreadyExists(f"Run {run.key.name} already exists in {run.key.project}/{run.key.domain}.")
        fresh = _Run(self._count("run"), run, run.created_at, self._count("changed"))
        self._put(self._state.runs, run.key, fresh)

    def action(self, key: ActionKey) -> Action | None:
        run = self._state.runs.get(key.run)
        return None if run is None else run.actions.get(key.name)

    def save(self, action: Action, events: Sequence[tuple[Event, Micros]]) -> Action:
        run = self._run(action.key.run)
        if not events:
            raise ValueError("An action changes by events: at least one must be given.")
        stored = run.actions.get(action.key.name)
        version = 0 if stored is None else stored.version
        if action.version != version:
            raise FailedPrecondition(
                f"Action {action.key.name} was changed by somebody else: version {version}, not {action.version}."
            )
        if stored is not None and stored.phase.terminal and stored.phase is not action.phase:
            raise FailedPrecondition(f"Action {action.key.name} has ended as {stored.phase}; that is final.")
        seq = run.record.last_seq
        for number, (event, at) in enumerate(events, start=seq + 1):
            self._append(run.events, EventRow(action.key.run, number, action.key.name, at, event))
        seq += len(events)
        self._set(run, "record", dataclasses.replace(run.record, last_seq=seq))
        if action.spec.digest not in self._state.specs:
            self._put(self._state.specs, action.spec.digest, action.spec)
        saved = dataclasses.replace(action, version=version + 1, changed_seq=seq)
        self._put(run.actions, action.key.name, saved)
        if action.key.name == ROOT:
            self._set(run, "updated_at", events[-1][1])
            self._set(run, "changed", self._count("changed"))
        return saved

    def next_sibling_seq(self, run: RunKey, parent: ActionName) -> int:
        siblings = (a.seq for a in self._run(run).actions.values() if a.parent == parent)
        return max(siblings, default=-1) + 1

    def open_actions(self, run: RunKey) -> list[Action]:
        return [a for a in self._run(run).actions.values() if not a.phase.terminal]

    def open_descendants(self, key: ActionKey) -> list[Action]:
        children: dict[ActionName | None, list[Action]] = {}
        for action in self._run(key.run).actions.values():
            children.setdefault(action.parent, []).append(action)
        below = list(children.get(key.name, ()))
        for action in below:
            below.extend(children.get(action.key.name, ()))
        return [a for a in below if not a.phase.terminal]

    def count_actions(self, run: RunKey) -> int:
        return len(self._run(run).actions)

    def put_payload(self, key: ActionKey, role: Role, data: bytes) -> None:
        run = self._run(key.run)
        if key.name not in run.actions:
            raise NotFound(f"There is no action {key.name} in run {key.run.name}.")
        self._put(run.payloads, (key.name, role), data)

    def payload(self, key: ActionKey, role: Role) -> bytes | None:
        run = self._state.runs.get(key.run)
        return None if run is None else run.payloads.get((key.name, role))

    def add_edges(self, run: RunKey, edges: Sequence[Edge]) -> None:
        found = self._run(run)
        for edge in edges:
            place = (edge.target, edge.relation, edge.target_param, edge.target_path)
            key = (*place, edge.source, edge.source_path)
            if edge.source in found.actions and edge.target in found.actions and key not in found.edges:
                self._put(found.edges, key, edge)

    def next_token(self) -> Token:
        return Token(self._count("token"))

    def cache_entry(self, scope: str, key: str) -> CacheEntry | None:
        return self._state.cache.get((scope, key))

    def cache_scopes(self) -> list[str]:
        return sorted({scope for scope, _ in self._state.cache})

    def put_cache_entry(self, scope: str, key: str, entry: CacheEntry) -> None:
        self._put(self._state.cache, (scope, key), entry)

    def delete_cache_entry(self, scope: str, key: str) -> None:
        self._pop(self._state.cache, (scope, key))

    def clear_cache(self) -> int:
        known = list(self._state.cache)
        for each in known:
            self._pop(self._state.cache, each)
        return len(known)

    def cache_lease(self, scope: str, key: str, holder: ActionKey, until: Micros, now: Micros) -> ActionKey:
        lease = self._state.leases.get((scope, key))
        if lease is not None and lease[0] != holder and lease[1] > now:
            return lease[0]
        self._put(self._state.leases, (scope, key), (holder, until))
        return holder

    def release_cache_lease(self, scope: str, key: str, holder: ActionKey) -> None:
        lease = self._state.leases.get((scope, key))
        if lease is not None and lease[0] == holder:
            self._pop(self._state.leases, (scope, key))

    def add_outbox(
        self,
        kind: Literal["kill", "webhook"],
        key: ActionKey,
        token: Token,
        attempt: int,
        data: str,
        now: Micros,
    ) -> int:
        number = self._count("outbox")
        self._put(self._state.outbox, number, OutboxItem(number, kind, key, token, attempt, data, now))
        return number

    def done_outbox(self, item_id: int) -> None:
        self._pop(self._state.outbox, item_id)

    def delete_run(self, key: RunKey) -> None:
        self._pop(self._state.runs, key)
        for place, (holder, _) in list(self._state.leases.items()):
            if holder.run == key:
                self._pop(self._state.leases, place)

    def _run(self, key: RunKey) -> _Run:
        run = self._state.runs.get(key)
        if run is None:
            raise NotFound(f"There is no run {key.name} in {key.project}/{key.domain}.")
        return run

    def _count(self, counter: str) -> int:
        number = self._state.counters.get(counter, 0) + 1
        self._put(self._state.counters, counter, number)
        return number

    def _put(self, table: MutableMapping[K, V], key: K, value: V) -> None:
        if key in table:
            old = table[key]
            self._undo.append(lambda: table.__setitem__(key, old))
        else:
            self._undo.append(lambda: table.pop(key))
        table[key] = value

    def _pop(self, table: dict[K, V], key: K) -> None:
        if key in table:
            before = dict(table)
            self._undo.append(lambda: _restore(table, before))
            del table[key]

    def _append(self, rows: list[V], row: V) -> None:
        rows.append(row)
        self._undo.append(rows.pop)

    def _set(self, run: _Run, name: str, value: object) -> None:
        old = getattr(run, name)
        self._undo.append(lambda: setattr(run, name, old))
        setattr(run, name, value)


def _restore(table: dict[K, V], before: dict[K, V]) -> None:
    table.clear()
    table.update(before)


def _place(run: _Run) -> tuple[int, int]:
    return run.record.created_at, run.number


def _ready_at(action: Action) -> Micros:
    return max(action.queued_at, action.not_before or action.queued_at)


def _action_matches(action: Action, wanted: ActionQuery) -> bool:
    return (
        (wanted.parent is None or action.parent == wanted.parent)
        and (not wanted.phases or action.phase in wanted.phases)
        and (not wanted.kinds or action.kind in wanted.kinds)
        and (wanted.name is None or action.key.name == wanted.name)
    )


def _run_matches(run: _Run, wanted: RunQuery) -> bool:
    record, root = run.record, run.actions.get(ROOT)
    if root is None:
        return False
    return (
        wanted.project in (None, record.key.project)
        and wanted.domain in (None, record.key.domain)
        and wanted.name in (None, record.key.name)
        and (not wanted.phases or root.phase in wanted.phases)
        and wanted.task_name in (None, record.task_name)
        and wanted.task_version in (None, root.spec.task_version)
        and wanted.created_by in (None, record.created_by)
        and all(record.labels.get(key) == value for key, value in wanted.labels)
        and all(key in record.labels for key in wanted.label_keys)
        and paging.within(record.created_at, wanted.created_after, wanted.created_before)
        and paging.within(run.updated_at, wanted.updated_after, wanted.updated_before)
        and (not wanted.paused_only or any(a.phase is Phase.PAUSED for a in run.actions.values()))
        and wanted.mode in (None, record.mode)
        and paging.contains(wanted.search, record.key.name, record.task_name)
    )
