"""One unit of work on SQLite: loads each row once, keeps changes in memory, writes them at the end.

An action that is created, claimed, started and finished in one unit of work is written once, with all
its events. The write lock is held from the first read to the commit, so what was loaded stays true.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import apsw

from flyte_core.dataflow import Edge
from flyte_core.machine.due import next_due
from flyte_core.machine.events import Event
from flyte_core.model import (
    ROOT,
    Action,
    ActionKey,
    ActionName,
    AlreadyExists,
    Digest,
    FailedPrecondition,
    Micros,
    NotFound,
    PayloadRef,
    Phase,
    RunKey,
    RunMode,
    RunRecord,
    TaskSpec,
    Token,
)
from flyte_core.store.ports import CacheEntry, Role
from flyte_core.store.sqlite import codec, specs
from flyte_core.store.sqlite.decoded import Decoded, moved_on

_QUEUE: Final = (Phase.QUEUED, Phase.WAITING_FOR_RESOURCES)
_ROLES: Final[dict[Role, int]] = {"inputs": 0, "outputs": 1}

_RUN: Final = f"""
SELECT {codec.RUN_COLUMNS} FROM run r WHERE r.name = ? AND r.project = ? AND r.domain = ?
"""
_INSERT_RUN: Final = """
INSERT INTO run (project, domain, name, mode, created_at, task_name, created_by, content_digest, run_spec,
    detail, last_seq, phase, task_version, updated_at, changed)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '', '', ?, ?)
"""
_INSERT_LABEL: Final = "INSERT INTO run_label (run, key, value) VALUES (?, ?, ?)"
_ADVANCE_RUN: Final = "UPDATE run SET last_seq = ? WHERE id = ?"
_ADVANCE_ROOT: Final = """
UPDATE run SET last_seq = ?, phase = ?, task_version = ?, updated_at = ?, changed = ? WHERE id = ?
"""
_ACTION: Final = f"SELECT {codec.ACTION_COLUMNS} FROM action a WHERE a.run = ? AND a.name = ?"
_LAST_ACTION: Final = "SELECT max(id) FROM action WHERE id BETWEEN ? AND ?"
_INSERT_ACTION: Final = """
INSERT INTO action (id, run, name, parent, seq, kind, phase, open, spec, created_at, version, changed_seq,
    ready_at, due_at, token, state, flow)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_MOVE_ACTION: Final = """
UPDATE action SET phase = ?, version = ?, changed_seq = ?, ready_at = ?, due_at = ?, token = ?, state = ?
WHERE id = ?
"""
_END_ACTION: Final = """
UPDATE action SET phase = ?, version = ?, changed_seq = ?, ready_at = NULL, due_at = NULL, token = NULL,
    open = 0, state = ?
WHERE id = ?
"""
_INSERT_EVENT: Final = "INSERT INTO event (id, action, at, kind, data) VALUES (?, ?, ?, ?, ?)"
_PUT_PAYLOAD: Final = """
INSERT INTO payload (id, data) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET data = excluded.data
"""
_PAYLOAD: Final = "SELECT data FROM payload WHERE id = ?"
_ADD_EDGE: Final = """
INSERT OR IGNORE INTO edge (relation, target_param, target_path, source_path, confidence, target, source)
VALUES (?, ?, ?, ?, ?, ?, ?)
"""
_IDS_OF: Final = "SELECT name, id FROM action WHERE run = ?"
_MANY: Final = 50
"""For so many edges the ids of all actions are read at once."""
_ID_OF: Final = "SELECT id FROM action WHERE run = ? AND name = ?"
_LAST_SIBLING: Final = "SELECT max(seq) FROM action WHERE run = ? AND parent = ?"
_OPEN: Final = f"""
SELECT {codec.ACTION_COLUMNS} FROM action a INDEXED BY action_open WHERE a.run = ? AND a.open = 1 ORDER BY a.id
"""
_HAS_CHILD: Final = "SELECT 1 FROM action WHERE run = ? AND parent = ? LIMIT 1"
_OPEN_BELOW: Final = f"""
WITH RECURSIVE below (id, name) AS (
    SELECT id, name FROM action INDEXED BY action_child WHERE run = ?1 AND parent = ?2
    UNION ALL
    SELECT child.id, child.name FROM below CROSS JOIN action child INDEXED BY action_child
    ON child.run = ?1 AND child.parent = below.name
)
SELECT {codec.ACTION_COLUMNS} FROM below CROSS JOIN action a ON a.id = below.id
WHERE a.open = 1 ORDER BY a.id
"""
_COUNT: Final = "UPDATE counter SET value = value + 1 WHERE name = ? RETURNING value"
_COUNTER: Final = "SELECT value FROM counter WHERE name = ?"
_SET_COUNTER: Final = "UPDATE counter SET value = ? WHERE name = ?"
_CACHE: Final = """
SELECT sha256, size_bytes, uri, data, output_uri, source, created_at FROM cache WHERE scope = ? AND key = ?
"""
_NEXT_SCOPE: Final = "SELECT min(scope) FROM cache WHERE scope > ?"
_PUT_CACHE: Final = "INSERT OR REPLACE INTO cache VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
_DELETE_CACHE: Final = "DELETE FROM cache WHERE scope = ? AND key = ?"
_COUNT_CACHE: Final = "SELECT count(*) FROM cache"
_CLEAR_CACHE: Final = "DELETE FROM cache"
_LEASE: Final = "SELECT project, domain, run, action, until FROM cache_lease WHERE scope = ? AND key = ?"
_PUT_LEASE: Final = "INSERT OR REPLACE INTO cache_lease VALUES (?, ?, ?, ?, ?, ?, ?)"
_DELETE_LEASE: Final = """
DELETE FROM cache_lease WHERE scope = ? AND key = ? AND project = ? AND domain = ? AND run = ? AND action = ?
"""
_ADD_OUTBOX: Final = """
INSERT INTO outbox (kind, project, domain, run, action, token, attempt, data, created_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_DONE_OUTBOX: Final = "DELETE FROM outbox WHERE id = ?"
_DELETE_RUN: Final = (
    "DELETE FROM edge WHERE target BETWEEN (?1 << 32) AND (?1 << 32) + (1 << 32) - 1",
    "DELETE FROM payload WHERE id BETWEEN (?1 << 33) AND (?1 << 33) + (1 << 33) - 1",
    "DELETE FROM event WHERE id BETWEEN (?1 << 32) AND (?1 << 32) + (1 << 32) - 1",
    "DELETE FROM action WHERE id BETWEEN (?1 << 32) AND (?1 << 32) + (1 << 32) - 1",
    "DELETE FROM run_label WHERE run = ?1",
    "DELETE FROM run WHERE id = ?1",
)
_DELETE_LEASES: Final = "DELETE FROM cache_lease WHERE project = ? AND domain = ? AND run = ?"


@dataclass(slots=True)
class _Run:
    """A run in use: what was loaded of it, and what is still to be written."""

    id: int
    record: RunRecord
    last_seq: int
    written_seq: int
    """`last_seq` as the table has it."""
    count: int = -1
    """How many actions it has; -1: not known yet."""
    actions: dict[ActionName, Action | None] = field(default_factory=dict)
    ids: dict[ActionName, int] = field(default_factory=dict)
    numbers: dict[ActionName, int] | None = None
    """Ids of all actions that are written, if many were wanted."""
    fresh: dict[ActionName, None] = field(default_factory=dict)
    """Actions to be inserted, in order."""
    flows: dict[ActionName, list[Edge]] = field(default_factory=dict)
    """Edges into those."""
    moved: dict[ActionName, None] = field(default_factory=dict)
    """Actions to be updated."""
    parents: set[ActionName] = field(default_factory=set)
    """Those that got a child in this unit of work."""
    siblings: dict[ActionName, int] = field(default_factory=dict)
    """The next `seq` below each parent that was asked for."""
    root_moved_at: Micros | None = None

    @property
    def base(self) -> int:
        return self.id << 32


class SqliteTx:
    """Implements `Tx` inside a transaction that holds the write lock."""

    def __init__(
        self, db: apsw.Connection, known: specs.Specs, decoded: Decoded, savepoint: bool = False
    ) -> None:
        """Args:
        savepoint: Other units of work share the transaction: set a savepoint before the first write.
        """
        self._db = db
        self._known = known
        self._decoded = decoded
        self._savepoint = savepoint
        self.marked = False
        """A savepoint `work` is open."""
        self.learned: dict[Digest, tuple[int, TaskSpec]] = {}
        """Specs to remember once this is committed."""
        self._runs: dict[RunKey, _Run | None] = {}
        self._events: list[tuple[int, int, Micros, str, str]] = []
        self._payloads: dict[int, bytes] = {}
        self._edges: list[codec.Row] = []
        self._token: int | None = None

    # --- runs ---

    def run(self, key: RunKey) -> RunRecord | None:
        run = self._find(key)
        if run is None:
            return None
        if run.record.last_seq != run.last_seq:
            run.record = moved_on(run.record, run.last_seq)
        return run.record

    def insert_run(self, run: RunRecord) -> None:
        if self._find(run.key) is not None:
            raise AlreadyExists(f"Run {run.key.name} already exists in {run.key.project}/{run.key.domain}.")
        self._write(_INSERT_RUN, (*codec.encode_run(run), run.created_at, self._count("changed")))
        row = _Run(self._db.last_insert_rowid(), run, run.last_seq, run.last_seq, count=0)
        for label in run.labels.items():
            self._write(_INSERT_LABEL, (row.id, *label))
        self._runs[run.key] = row

    def delete_run(self, key: RunKey) -> None:
        run = self._find(key)
        if run is None:
            return
        self.flush()
        for statement in _DELETE_RUN:
            self._write(statement, (run.id,))
        self._write(_DELETE_LEASES, key)
        self._runs[key] = None

    def _find(self, key: RunKey) -> _Run | None:
        try:
            return self._runs[key]
        except KeyError:
            pass
        run = None
        for row in self._db.execute(_RUN, (key.name, key.project, key.domain)):
            record = self._decoded.run(row)
            run = _Run(row[0], record, record.last_seq, record.last_seq)
        self._runs[key] = run
        return run

    def _need(self, key: RunKey) -> _Run:
        run = self._find(key)
        if run is None:
            raise NotFound(f"There is no run {key.name} in {key.project}/{key.domain}.")
        return run

    # --- actions ---

    def action(self, key: ActionKey) -> Action | None:
        run = self._find(key.run)
        return None if run is None else self._load(run, key.name)

    def _load(self, run: _Run, name: ActionName) -> Action | None:
        try:
            return run.actions[name]
        except KeyError:
            pass
        action = None
        for row in self._db.execute(_ACTION, (run.id, name)):
            action = self._adopt(run, row)
        run.actions[name] = action
        return action

    def _adopt(self, run: _Run, row: codec.Row) -> Action | None:
        """The action in a row, as this unit of work knows it."""
        name = row[1]
        if name in run.actions:
            return run.actions[name]
        if self._known.known(row[codec.ACTION_SPEC]) is None:
            action = codec.decode_action(run.record.key, row, self._spec)
        else:
            action = self._decoded.action(run.record.key, row, self._spec)
        run.actions[name] = action
        run.ids[name] = row[0]
        return action

    def save(self, action: Action, events: Sequence[tuple[Event, Micros]]) -> Action:
        run, name = self._need(action.key.run), action.key.name
        stored = self._load(run, name)
        if not events:
            raise ValueError("An action changes by events: at least one must be given.")
        if stored is None:
            action_id = self._admit(run, action)
        elif action.version != stored.version:
            raise _overtaken(action, stored.version)
        elif stored.phase is not action.phase and stored.phase.terminal:
            raise FailedPrecondition(f"Action {name} has ended as {stored.phase}; that is final.")
        else:
            action_id = run.ids[name]
            if name not in run.fresh:
                run.moved[name] = None
        seq = run.last_seq
        for event, at in events:
            seq += 1
            self._events.append((run.base + seq, action_id, at, *codec.encode_event(event, self._spec_id)))
        run.last_seq = seq
        if name == ROOT:
            run.root_moved_at = events[-1][1]
        saved = action.evolve(version=action.version + 1, changed_seq=seq)
        run.actions[name] = saved
        return saved

    def _admit(self, run: _Run, action: Action) -> int:
        """Give a new action its row."""
        name, parent = action.key.name, action.parent
        if action.version != 0:
            raise _overtaken(action, 0)
        if parent is not None:
            if self._load(run, parent) is None:
                raise NotFound(f"There is no action {parent} in run {run.record.key.name}.")
            run.parents.add(parent)
            if run.siblings.get(parent, action.seq + 1) <= action.seq:
                run.siblings[parent] = action.seq + 1
        number = 0 if name == ROOT else max(self.count_actions(run.record.key), 1)
        run.count = number + 1
        run.ids[name] = run.base + number
        run.fresh[name] = None
        return run.base + number

    def count_actions(self, run: RunKey) -> int:
        row = self._need(run)
        if row.count < 0:
            last = self._db.execute(_LAST_ACTION, (row.base, row.base + (1 << 32) - 1)).get
            row.count = 0 if last is None else last - row.base + 1
        return row.count

    def next_sibling_seq(self, run: RunKey, parent: ActionName) -> int:
        row = self._need(run)
        if parent not in row.siblings:
            if parent in row.parents:
                self._flush_actions()
            last = self._db.execute(_LAST_SIBLING, (row.id, parent)).get
            row.siblings[parent] = 0 if last is None else last + 1
        return row.siblings[parent]

    def open_actions(self, run: RunKey) -> list[Action]:
        row = self._need(run)
        self._flush_actions()
        return self._open(row, self._db.execute(_OPEN, (row.id,)).fetchall())

    def open_descendants(self, key: ActionKey) -> list[Action]:
        run = self._need(key.run)
        if key.name == ROOT:
            return [a for a in self.open_actions(key.run) if a.key.name != ROOT]
        if key.name not in run.parents:
            if key.name in run.fresh:
                return []
            if not self._db.execute(_HAS_CHILD, (run.id, key.name)).fetchall():
                return []
        self._flush_actions()
        return self._open(run, self._db.execute(_OPEN_BELOW, (run.id, key.name)).fetchall())

    def _open(self, run: _Run, rows: list[Any]) -> list[Action]:
        found = (self._adopt(run, row) for row in rows)
        return [a for a in found if a is not None and not a.phase.terminal]

    # --- payloads, edges, tokens ---

    def put_payload(self, key: ActionKey, role: Role, data: bytes) -> None:
        run = self._need(key.run)
        if self._load(run, key.name) is None:
            raise NotFound(f"There is no action {key.name} in run {key.run.name}.")
        self._payloads[(run.ids[key.name] << 1) + _ROLES[role]] = data

    def payload(self, key: ActionKey, role: Role) -> bytes | None:
        run = self._find(key.run)
        if run is None or self._load(run, key.name) is None:
            return None
        payload_id = (run.ids[key.name] << 1) + _ROLES[role]
        if payload_id in self._payloads:
            return self._payloads[payload_id]
        data: bytes | None = self._db.execute(_PAYLOAD, (payload_id,)).get
        return data

    def add_edges(self, run: RunKey, edges: Sequence[Edge]) -> None:
        row = self._need(run)
        if len(edges) > _MANY:
            ids: list[Any] = self._db.execute(_IDS_OF, (row.id,)).fetchall()
            row.numbers = dict(ids)
        for edge in edges:
            if edge.target in row.fresh:
                row.flows.setdefault(edge.target, []).append(edge)
                continue
            target, source = self._id_of(row, edge.target), self._id_of(row, edge.source)
            if target is not None and source is not None:
                place = (
                    edge.relation,
                    edge.target_param,
                    edge.target_path,
                    edge.source_path,
                    edge.confidence,
                )
                self._edges.append((*place, target, source))

    def _id_of(self, run: _Run, name: ActionName) -> int | None:
        found = run.ids.get(name)
        if found is None and run.numbers is not None:
            return run.numbers.get(name)
        if found is None:
            for (row,) in self._db.execute(_ID_OF, (run.id, name)):
                return int(row)
        return found

    def next_token(self) -> Token:
        if self._token is None:
            self._token = int(self._db.execute(_COUNTER, ("token",)).get)
        self._token += 1
        return Token(self._token)

    # --- cache, outbox ---

    def cache_entry(self, scope: str, key: str) -> CacheEntry | None:
        for sha256, size, uri, data, output_uri, source, at in self._db.execute(_CACHE, (scope, key)):
            return CacheEntry(PayloadRef(sha256, size, uri), data, output_uri, source, at)
        return None

    def cache_scopes(self) -> list[str]:
        # From one to the next by the index: there are few, and each may have very many entries.
        found: list[str] = []
        while (scope := self._db.execute(_NEXT_SCOPE, (found[-1] if found else "",)).get) is not None:
            found.append(scope)
        return found

    def put_cache_entry(self, scope: str, key: str, entry: CacheEntry) -> None:
        ref = entry.outputs
        place = (scope, key, ref.sha256, ref.size_bytes, ref.uri)
        self._write(_PUT_CACHE, (*place, entry.data, entry.output_uri, entry.source, entry.created_at))

    def delete_cache_entry(self, scope: str, key: str) -> None:
        self._write(_DELETE_CACHE, (scope, key))

    def clear_cache(self) -> int:
        ((count,),) = self._db.execute(_COUNT_CACHE)
        self._write(_CLEAR_CACHE, ())
        return int(count)

    def cache_lease(self, scope: str, key: str, holder: ActionKey, until: Micros, now: Micros) -> ActionKey:
        for project, domain, run, action, ends in self._db.execute(_LEASE, (scope, key)):
            present = ActionKey(RunKey(project, domain, run), action)
            if present != holder and ends > now:
                return present
        self._write(_PUT_LEASE, (scope, key, *holder.run, holder.name, until))
        return holder

    def release_cache_lease(self, scope: str, key: str, holder: ActionKey) -> None:
        self._write(_DELETE_LEASE, (scope, key, *holder.run, holder.name))

    def add_outbox(
        self,
        kind: Literal["kill", "webhook"],
        key: ActionKey,
        token: Token,
        attempt: int,
        data: str,
        now: Micros,
    ) -> int:
        self._write(_ADD_OUTBOX, (kind, *key.run, key.name, token, attempt, data, now))
        return self._db.last_insert_rowid()

    def done_outbox(self, item_id: int) -> None:
        self._write(_DONE_OUTBOX, (item_id,))

    # --- writing ---

    def flush(self) -> None:
        """Write everything that is still only in memory."""
        self._flush_actions()
        if self._token is not None:
            self._write(_SET_COUNTER, (self._token, "token"))
            self._token = None
        if self._payloads:
            self._write_many(_PUT_PAYLOAD, list(self._payloads.items()))
            self._payloads = {}
        if self._edges:
            self._write_many(_ADD_EDGE, self._edges)
            self._edges = []

    def _flush_actions(self) -> None:
        if not self._events:
            return
        fresh: list[codec.Row] = []
        moved: list[codec.Row] = []
        ended: list[codec.Row] = []
        for run in self._runs.values():
            if run is None or run.last_seq == run.written_seq:
                continue
            fresh += [self._new_row(run, run.actions[name]) for name in run.fresh]
            for name in run.moved:
                self._old_row(run, run.actions[name], moved, ended)
            run.fresh, run.moved, run.flows = {}, {}, {}
            self._advance(run)
        if fresh:
            self._write_many(_INSERT_ACTION, fresh)
        if moved:
            self._write_many(_MOVE_ACTION, moved)
        if ended:
            self._write_many(_END_ACTION, ended)
        self._write_many(_INSERT_EVENT, self._events)
        self._events = []

    def _new_row(self, run: _Run, action: Action | None) -> codec.Row:
        assert action is not None
        return (
            run.ids[action.key.name],
            run.id,
            action.key.name,
            action.parent,
            action.seq,
            action.kind,
            action.phase,
            0 if action.phase.terminal else 1,
            self._spec_id(action.spec),
            action.created_at,
            action.version,
            action.changed_seq,
            *_dispatch(run, action),
            codec.encode_state(action),
            self._flow(run, action.key.name) if run.flows else None,
        )

    def _flow(self, run: _Run, name: ActionName) -> str | None:
        ends = [(edge, self._id_of(run, edge.source)) for edge in run.flows.get(name, ())]
        return codec.encode_flow([(edge, source) for edge, source in ends if source is not None])

    def _old_row(
        self, run: _Run, action: Action | None, moved: list[codec.Row], ended: list[codec.Row]
    ) -> None:
        assert action is not None
        head = (action.phase, action.version, action.changed_seq)
        tail = (codec.encode_state(action), run.ids[action.key.name])
        if action.phase.terminal:
            ended.append((*head, *tail))
        else:
            moved.append((*head, *_dispatch(run, action), *tail))

    def _advance(self, run: _Run) -> None:
        run.written_seq = run.last_seq
        root = run.actions.get(ROOT)
        if run.root_moved_at is None or root is None:
            self._write(_ADVANCE_RUN, (run.last_seq, run.id))
            return
        changed = self._count("changed")
        version = root.spec.task_version
        self._write(_ADVANCE_ROOT, (run.last_seq, root.phase, version, run.root_moved_at, changed, run.id))
        run.root_moved_at = None

    def _count(self, counter: str) -> int:
        self._mark()
        return int(self._db.execute(_COUNT, (counter,)).get)

    def _spec(self, spec_id: int) -> TaskSpec:
        spec = self._known.known(spec_id)
        if spec is None:
            spec = specs.load(self._db, spec_id)
            self.learned[spec.digest] = (spec_id, spec)
        return spec

    def _spec_id(self, spec: TaskSpec) -> int:
        spec_id = self._known.id_of(spec.digest)
        if spec_id is not None:
            return spec_id
        if spec.digest not in self.learned:
            self._mark()
            self.learned[spec.digest] = (specs.insert(self._db, spec), spec)
        return self.learned[spec.digest][0]

    def _write(self, statement: str, values: Sequence[Any]) -> None:
        self._mark()
        self._db.execute(statement, values)

    def _write_many(self, statement: str, rows: Sequence[Sequence[Any]]) -> None:
        self._mark()
        self._db.executemany(statement, rows)

    def _mark(self) -> None:
        if self._savepoint and not self.marked:
            self._db.execute("SAVEPOINT work")
            self.marked = True


def _dispatch(run: _Run, action: Action) -> tuple[int | None, int | None, int | None]:
    """`ready_at`, `due_at` and `token`: what the dispatcher looks for in runs that the server drives."""
    if run.record.mode is not RunMode.SERVER or action.phase.terminal:
        return None, None, None
    ready = max(action.queued_at, action.not_before or 0) if action.phase in _QUEUE else None
    live = action.live
    return ready, next_due(action), None if live is None else live.token


def _overtaken(action: Action, version: int) -> FailedPrecondition:
    return FailedPrecondition(
        f"Action {action.key.name} was changed by somebody else: version {version}, not {action.version}."
    )
