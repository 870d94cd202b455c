"""The store's interface: intent-level methods, nothing about SQL.

A `Tx` is one unit of work. `Store.transact` runs a function of a `Tx` and returns when its effects
are durable to the level the store was opened with. `Store.submit` is the same for callers with an
event loop: works of many callers are committed together (group commit), each one whole or not at
all. Readers never block writers.
"""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import field
from typing import Literal, Protocol, TypeVar

from flyte_core.dataflow import Edge
from flyte_core.frozen import frozen
from flyte_core.machine.events import Event
from flyte_core.model import (
    Action,
    ActionKey,
    ActionKind,
    ActionName,
    Digest,
    Glance,
    Micros,
    PayloadRef,
    Phase,
    RunKey,
    RunMode,
    RunRecord,
    RunView,
    TaskSpec,
    Token,
)

T = TypeVar("T")

Role = Literal["inputs", "outputs"]


@frozen
class CacheEntry:
    """A reusable outcome. `source` is its producer as `run/action`.

    `data` are the serialized outputs when they are small (`outputs.uri` is empty), else empty.
    """

    outputs: PayloadRef
    data: bytes
    output_uri: str
    source: str
    created_at: Micros


@frozen
class OutboxItem:
    """Something the world still has to do, durable until it is confirmed."""

    id: int
    kind: Literal["kill", "webhook"]
    key: ActionKey
    token: Token
    attempt: int
    data: str
    created_at: Micros


@frozen
class RunQuery:
    """Which runs, newest first or oldest first. Empty tuples and `None` mean: any.

    `..._after` bounds are included, `..._before` bounds are not. A run was last updated when its root
    last changed.
    """

    project: str | None = None
    domain: str | None = None
    name: str | None = None
    phases: tuple[Phase, ...] = ()
    task_name: str | None = None
    task_version: str | None = None
    created_by: str | None = None
    labels: tuple[tuple[str, str], ...] = ()
    label_keys: tuple[str, ...] = ()
    created_after: Micros | None = None
    created_before: Micros | None = None
    updated_after: Micros | None = None
    updated_before: Micros | None = None
    paused_only: bool = False
    """Only runs with an action that waits for an answer."""
    mode: RunMode | None = None
    search: str = ""
    """Case-insensitive part of the run's name or its task's name."""
    ascending: bool = False
    limit: int = 100
    cursor: str = ""
    """From the page before; opaque."""


@frozen
class RunPage:
    runs: tuple[RunView, ...]
    cursor: str = ""
    """Empty on the last page."""


@frozen
class ActionQuery:
    """Which actions of a run, in the order they were recorded (siblings: in call order)."""

    parent: ActionName | None = None
    phases: tuple[Phase, ...] = ()
    kinds: tuple[ActionKind, ...] = ()
    name: ActionName | None = None
    ascending: bool = True
    limit: int | None = None
    cursor: str = ""


@frozen
class ActionPage:
    actions: tuple[Action, ...]
    cursor: str = ""


@frozen
class Changes:
    """Each action of a run that changed after a cursor, once, as it stands now."""

    actions: tuple[Action, ...]
    seq: int
    """The cursor to continue from."""


@frozen
class EventRow:
    run: RunKey
    seq: int
    action: ActionName
    at: Micros
    event: Event


@frozen
class PhaseCounts:
    """How many actions of a run stand in each phase."""

    total: int
    by_phase: dict[Phase, int] = field(default_factory=dict)


class Tx(Protocol):
    """One unit of work: reads see its own writes; a raised exception undoes all of it."""

    def run(self, key: RunKey) -> RunRecord | None: ...

    def insert_run(self, run: RunRecord) -> None:
        """Add a run. Raises `AlreadyExists` when the name is taken."""

    def action(self, key: ActionKey) -> Action | None: ...

    def save(self, action: Action, events: Sequence[tuple[Event, Micros]]) -> Action:
        """Insert the action (`version` 0) or update it, and append its events.

        Guarded by `version`: the stored one must equal the given one, else `FailedPrecondition`.
        Returns the action as stored: `version` raised by one, `changed_seq` the run's new last
        sequence number. Each event takes the next number of its run, without gaps; there is at least
        one. The phase of an action that has ended never changes: `FailedPrecondition`.
        """

    def next_sibling_seq(self, run: RunKey, parent: ActionName) -> int:
        """The `seq` for the next child of `parent`. Logarithmic in the number of siblings."""

    def open_actions(self, run: RunKey) -> list[Action]:
        """Every action of the run that is not terminal."""

    def open_descendants(self, key: ActionKey) -> list[Action]:
        """Every non-terminal action below `key`, itself excluded, parents before children."""

    def count_actions(self, run: RunKey) -> int: ...

    def put_payload(self, key: ActionKey, role: Role, data: bytes) -> None:
        """Keep the bytes of an action's inputs or outputs; replaces what was there."""

    def payload(self, key: ActionKey, role: Role) -> bytes | None: ...

    def add_edges(self, run: RunKey, edges: Sequence[Edge]) -> None:
        """Keep edges between actions of the run.

        The first to say how one value reached one place is believed: repeats change nothing. Edges
        are hints, so one that names an action the run does not have is left out.
        """

    def next_token(self) -> Token:
        """A token larger than every one given before in this data directory."""

    def cache_entry(self, scope: str, key: str) -> CacheEntry | None: ...

    def cache_scopes(self) -> list[str]:
        """Every scope that has entries, in order."""

    def put_cache_entry(self, scope: str, key: str, entry: CacheEntry) -> None: ...

    def delete_cache_entry(self, scope: str, key: str) -> None: ...

    def clear_cache(self) -> int:
        """Forget all cache entries. Returns how many there were."""

    def cache_lease(self, scope: str, key: str, holder: ActionKey, until: Micros, now: Micros) -> ActionKey:
        """Reserve a serialized cache key. Returns the holder: `holder` itself when it got it."""

    def release_cache_lease(self, scope: str, key: str, holder: ActionKey) -> None: ...

    def add_outbox(
        self,
        kind: Literal["kill", "webhook"],
        key: ActionKey,
        token: Token,
        attempt: int,
        data: str,
        now: Micros,
    ) -> int: ...

    def done_outbox(self, item_id: int) -> None: ...

    def delete_run(self, key: RunKey) -> None:
        """Remove a run with its actions, events, edges and payloads. Its cache entries and kills stay."""


class Reader(Protocol):
    """Reads of committed state, each a consistent snapshot. Never blocks writers."""

    def run(self, key: RunKey) -> RunView | None: ...

    def runs(self, query: RunQuery) -> RunPage: ...

    def count_runs(self, query: RunQuery) -> int: ...

    def action(self, key: ActionKey) -> Action | None: ...

    def actions(self, run: RunKey, query: ActionQuery) -> ActionPage: ...

    def glances(self, run: RunKey, start: int = 0, limit: int = 10_000) -> list[Glance]:
        """Actions at a glance, in the order they were created, from the one with that number on."""

    def counts(self, run: RunKey) -> PhaseCounts: ...

    def changes(
        self,
        run: RunKey,
        after_seq: int,
        parent: ActionName | None = None,
        limit: int = 10_000,
        *,
        ended: bool = False,
    ) -> Changes:
        """What changed after `after_seq`, oldest change first.

        Optionally only children of `parent`; `ended`: only what has ended.
        """

    def runs_changed(self, after: int, limit: int = 1_000) -> tuple[list[RunView], int]:
        """Runs whose root or record changed after the global cursor, and the new cursor."""

    def last_change(self) -> int:
        """The cursor behind which no run has changed yet."""

    def events(self, run: RunKey, after_seq: int = 0, limit: int = 10_000) -> list[EventRow]: ...

    def payload(self, key: ActionKey, role: Role) -> bytes | None: ...

    def edges(self, run: RunKey) -> list[Edge]:
        """How data flowed in a run, by target in the order they were recorded, then by name."""

    def launchable(self, now: Micros, limit: int = 1_000) -> list[Action]:
        """Queued or waiting actions of server runs that may start now, oldest first."""

    def in_flight(self) -> list[Action]:
        """Actions of server runs with a live attempt (initializing, running)."""

    def next_due(self, now: Micros, limit: int = 1_000) -> tuple[list[Action], Micros | None]:
        """Open actions of server runs whose timeout or retry is due, and the next instant at which one will be."""

    def outbox(self, limit: int = 1_000) -> list[OutboxItem]: ...

    def scopes(self) -> list[tuple[str, str]]:
        """Project and domain of every run there is, sorted."""

    def open_local_runs(self) -> list[RunRecord]:
        """Local runs whose root is not terminal: their owners may have died."""

    def spec(self, digest: Digest) -> TaskSpec | None: ...

    def data_version(self) -> int:
        """Changes whenever anybody, in any process, commits. Cheap enough to poll."""


class Store(Reader, Protocol):
    """A reader that also writes."""

    def transact(self, work: Callable[[Tx], T]) -> T:
        """Run `work` in a transaction of its own, in the caller's turn; durable on return."""

    def submit(self, work: Callable[[Tx], T]) -> Future[T]:
        """Queue `work` for the writer thread; works queued together commit together."""

    def close(self) -> None: ...


def pages(fetch: Callable[[str], RunPage]) -> Iterable[RunView]:
    """All runs of a paged query: `fetch` takes a cursor and returns the page after it."""
    cursor = ""
    while True:
        page = fetch(cursor)
        yield from page.runs
        cursor = page.cursor
        if not cursor:
            return
