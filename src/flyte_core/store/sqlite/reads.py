"""The reader's questions as SQL. Every function takes a connection that sees one consistent snapshot."""

from collections.abc import Callable
from typing import Any, Final

import apsw

from flyte_core.dataflow import Edge
from flyte_core.model import (
    Action,
    ActionKey,
    ActionName,
    Digest,
    Glance,
    Micros,
    Phase,
    RunKey,
    RunRecord,
    RunView,
    TaskSpec,
)
from flyte_core.store import paging
from flyte_core.store.ports import (
    ActionPage,
    ActionQuery,
    Changes,
    EventRow,
    OutboxItem,
    PhaseCounts,
    Role,
    RunPage,
    RunQuery,
)
from flyte_core.store.sqlite import codec, specs

FindSpec = Callable[[int], TaskSpec]

_BITS: Final = 32
_PLACE_ONLY: Final = ["r.project = ?", "r.domain = ?"]
_COUNT_PLACE: Final = "SELECT count(*) FROM run INDEXED BY run_place WHERE project = ? AND domain = ?"
_COUNT_ROOTLESS: Final = """
SELECT count(*) FROM run INDEXED BY run_phase WHERE phase = '' AND project = ? AND domain = ?
"""
_VIEW: Final = (
    f"SELECT {codec.RUN_COLUMNS}, {codec.ACTION_COLUMNS} FROM run r JOIN action a ON a.id = (r.id << {_BITS})"
)
_WITH_RUN: Final = (
    f"SELECT r.project, r.domain, r.name, {codec.ACTION_COLUMNS} FROM action a JOIN run r ON r.id = a.run"
)
_RUN_ID: Final = "SELECT id, last_seq FROM run WHERE name = ? AND project = ? AND domain = ?"
_ACTION: Final = f"SELECT {codec.ACTION_COLUMNS} FROM action a WHERE a.run = ? AND a.name = ?"
_GLANCES: Final = (
    f"SELECT {codec.ACTION_COLUMNS} FROM action a WHERE a.id BETWEEN ? AND ? ORDER BY a.id LIMIT ?"
)
_COUNTS: Final = "SELECT phase, count(*) FROM action WHERE id BETWEEN ? AND ? GROUP BY phase"
_CHANGES: Final = f"""
SELECT {codec.ACTION_COLUMNS} FROM event e
CROSS JOIN action a ON a.id = e.action AND a.changed_seq = e.id & 0xFFFFFFFF
WHERE e.id > ? AND e.id <= ? AND a.open <= ? ORDER BY e.id LIMIT ?
"""
_CHANGES_BELOW: Final = f"""
SELECT {codec.ACTION_COLUMNS} FROM event e
CROSS JOIN action a ON a.id = e.action AND a.changed_seq = e.id & 0xFFFFFFFF
WHERE e.id > ? AND e.id <= ? AND a.parent = ? AND a.open <= ? ORDER BY e.id LIMIT ?
"""
_CHANGED_CHILDREN: Final = f"""
SELECT {codec.ACTION_COLUMNS} FROM action a INDEXED BY action_child
WHERE a.run = ? AND a.parent = ? AND a.changed_seq > ? AND a.open <= ? ORDER BY a.changed_seq LIMIT ?
"""
_LAST_SIBLING: Final = "SELECT max(seq) FROM action WHERE run = ? AND parent = ?"
_RUNS_CHANGED: Final = f"{_VIEW} WHERE r.changed > ? ORDER BY r.changed LIMIT ?"
_NEWEST_CHANGE: Final = "SELECT coalesce(max(changed), 0) FROM run"
_LAST_CHANGED: Final = "SELECT changed FROM run WHERE id = ?"
_EVENTS: Final = """
SELECT e.id, a.name, e.at, e.kind, e.data FROM event e JOIN action a ON a.id = e.action
WHERE e.id > ? AND e.id <= ? ORDER BY e.id LIMIT ?
"""
_PAYLOAD: Final = """
SELECT p.data FROM action a JOIN payload p ON p.id = (a.id << 1) + ? WHERE a.run = ? AND a.name = ?
"""
_NAMES: Final = "SELECT id, name, flow FROM action WHERE id BETWEEN ? AND ?"
_EDGES: Final = """
SELECT source, source_path, target, target_param, target_path, relation, confidence FROM edge
WHERE target BETWEEN ? AND ? ORDER BY target, relation, target_param, target_path, source, source_path
"""
_READY: Final = f"{_WITH_RUN} WHERE a.ready_at <= ? ORDER BY a.ready_at, a.id LIMIT ?"
_LIVE: Final = f"{_WITH_RUN} WHERE a.token > 0 ORDER BY a.token"
_DUE: Final = f"{_WITH_RUN} WHERE a.due_at <= ? ORDER BY a.due_at, a.id LIMIT ?"
_NEXT_DUE: Final = "SELECT due_at FROM action WHERE due_at IS NOT NULL ORDER BY due_at LIMIT 1 OFFSET ?"
_OUTBOX: Final = """
SELECT id, kind, project, domain, run, action, token, attempt, data, created_at FROM outbox ORDER BY id LIMIT ?
"""
_OPEN_LOCAL: Final = f"""
SELECT {codec.RUN_COLUMNS} FROM action a INDEXED BY action_open CROSS JOIN run r ON r.id = a.run
WHERE a.open = 1 AND a.parent IS NULL AND r.mode = 'local' ORDER BY r.id
"""
_ROLES: Final[dict[Role, int]] = {"inputs": 0, "outputs": 1}


def run(db: apsw.Connection, key: RunKey, spec: FindSpec) -> RunView | None:
    for row in db.execute(
        f"{_VIEW} WHERE r.name = ? AND r.project = ? AND r.domain = ?", (key.name, key.project, key.domain)
    ):
        return _view(row, spec)
    return None


def runs(db: apsw.Connection, query: RunQuery, spec: FindSpec) -> RunPage:
    where, values = _run_filter(query)
    hint = _narrow(db, query, where, values)
    place = paging.position(query.cursor)
    if place is not None:
        where.append("(r.created_at, r.id) > (?, ?)" if query.ascending else "(r.created_at, r.id) < (?, ?)")
        values += place
    order = "ASC" if query.ascending else "DESC"
    # First the page's rows by number, then what they hold: only these are read whole.
    page_of = (
        f"SELECT r.id FROM run r {hint}{_where(where)} ORDER BY r.created_at {order}, r.id {order} LIMIT ?"
    )
    sql = f"{_VIEW} WHERE r.id IN ({page_of}) ORDER BY r.created_at {order}, r.id {order}"
    rows: list[Any] = db.execute(sql, (*values, query.limit + 1)).fetchall()
    page = rows[: query.limit]
    more = len(rows) > len(page) > 0
    return RunPage(
        tuple(_view(r, spec) for r in page), paging.cursor((page[-1][5], page[-1][0])) if more else ""
    )


def count_runs(db: apsw.Connection, query: RunQuery) -> int:
    where, values = _run_filter(query)
    if where[1:] == _PLACE_ONLY:
        # An index alone tells these apart, but for runs without a root yet, of which there are few.
        return int(db.execute(_COUNT_PLACE, values).get) - int(db.execute(_COUNT_ROOTLESS, values).get)
    _narrow(db, query, where, values)
    return int(db.execute(f"SELECT count(*) FROM run r{_where(where)}", values).get)


def action(db: apsw.Connection, key: ActionKey, spec: FindSpec) -> Action | None:
    found = _run_id(db, key.run)
    for row in db.execute(_ACTION, (found[0], key.name)) if found else ():
        return codec.decode_action(key.run, row, spec)
    return None


def actions(db: apsw.Connection, key: RunKey, query: ActionQuery, spec: FindSpec) -> ActionPage:
    found = _run_id(db, key)
    if found is None:
        return ActionPage(())
    base = found[0] << _BITS
    where = ["a.id BETWEEN ? AND ?"]
    values: list[Any] = [base, base + (1 << _BITS) - 1]
    place = paging.number(query.cursor)
    if place is not None:
        where.append("a.id > ?" if query.ascending else "a.id < ?")
        values.append(base + place)
    for column, value in (("a.parent", query.parent), ("a.name", query.name)):
        if value is not None:
            where.append(f"{column} = ?")
            values.append(value)
    _among(where, values, "a.phase", query.phases)
    _among(where, values, "a.kind", query.kinds)
    if query.parent is not None or query.name is not None:
        where[0], values[:2] = "a.run = ?", [found[0]]
    order = "ASC" if query.ascending else "DESC"
    limit = -1 if query.limit is None else query.limit + 1
    sql = f"SELECT {codec.ACTION_COLUMNS} FROM action a{_where(where)} ORDER BY a.id {order} LIMIT ?"
    rows: list[Any] = db.execute(sql, (*values, limit)).fetchall()
    page = rows if query.limit is None else rows[: query.limit]
    more = len(rows) > len(page) > 0
    cursor = str(page[-1][0] - base) if more else ""
    return ActionPage(tuple([codec.decode_action(key, r, spec) for r in page]), cursor)


def glances(db: apsw.Connection, key: RunKey, start: int, limit: int, spec: FindSpec) -> list[Glance]:
    found = _run_id(db, key)
    if found is None:
        return []
    base = found[0] << _BITS
    rows = db.execute(_GLANCES, (base + start, base + (1 << _BITS) - 1, limit))
    return [codec.decode_glance(row, spec) for row in rows]


def counts(db: apsw.Connection, key: RunKey) -> PhaseCounts:
    found = _run_id(db, key)
    if found is None:
        return PhaseCounts(0)
    first = found[0] << _BITS
    by_phase = {Phase(p): n for p, n in db.execute(_COUNTS, (first, first + (1 << _BITS) - 1))}
    return PhaseCounts(sum(by_phase.values()), by_phase)


def changes(
    db: apsw.Connection,
    key: RunKey,
    after: int,
    parent: ActionName | None,
    limit: int,
    ended: bool,
    spec: FindSpec,
) -> Changes:
    found = _run_id(db, key)
    if found is None:
        return Changes((), after)
    run_id, last_seq = found
    after = max(after, 0)
    open_too = 0 if ended else 1
    events = ((run_id << _BITS) + after, (run_id << _BITS) + last_seq)
    # Each event leads to its action; only an action's newest event counts, so each comes once, in order.
    if parent is None:
        rows = db.execute(_CHANGES, (*events, open_too, limit + 1)).fetchall()
    elif last_seq - after < (db.execute(_LAST_SIBLING, (run_id, parent)).get or 0):
        rows = db.execute(_CHANGES_BELOW, (*events, parent, open_too, limit + 1)).fetchall()
    else:
        rows = db.execute(_CHANGED_CHILDREN, (run_id, parent, after, open_too, limit + 1)).fetchall()
    page = tuple([codec.decode_action(key, r, spec) for r in rows[:limit]])
    return Changes(page, page[-1].changed_seq if len(rows) > len(page) > 0 else last_seq)


def runs_changed(db: apsw.Connection, after: int, limit: int, spec: FindSpec) -> tuple[list[RunView], int]:
    rows = db.execute(_RUNS_CHANGED, (after, limit)).fetchall()
    views = [_view(r, spec) for r in rows]
    return views, int(db.execute(_LAST_CHANGED, (rows[-1][0],)).get) if rows else after


def last_change(db: apsw.Connection) -> int:
    return int(db.execute(_NEWEST_CHANGE).get)


def events(db: apsw.Connection, key: RunKey, after: int, limit: int, spec: FindSpec) -> list[EventRow]:
    found = _run_id(db, key)
    if found is None:
        return []
    base = found[0] << _BITS
    rows: list[Any] = db.execute(_EVENTS, (base + max(after, 0), base + found[1], limit)).fetchall()
    return [
        EventRow(key, number - base, name, at, codec.decode_event(ActionKey(key, name), kind, data, spec))
        for number, name, at, kind, data in rows
    ]


def payload(db: apsw.Connection, key: ActionKey, role: Role) -> bytes | None:
    found = _run_id(db, key.run)
    if found is None:
        return None
    data: bytes | None = db.execute(_PAYLOAD, (_ROLES[role], found[0], key.name)).get
    return data


def edges(db: apsw.Connection, key: RunKey) -> list[Edge]:
    found = _run_id(db, key)
    if found is None:
        return []
    first = found[0] << _BITS
    numbers = first, first + (1 << _BITS) - 1
    rows: list[Any] = db.execute(_EDGES, numbers).fetchall()
    named: list[Any] = db.execute(_NAMES, numbers).fetchall()
    names: dict[int, ActionName] = {number: name for number, name, _ in named}
    told: dict[int, list[Any]] = {
        number: [(first + source, *rest) for source, *rest in codec.decode_flow(flow)]
        for number, _, flow in named
        if flow is not None
    }
    for source, path, target, *rest in rows:
        told.setdefault(target, []).append((source, path, *rest))
    return [edge for target in sorted(told) for edge in _into(target, told[target], names)]


def _into(target: int, told: list[Any], names: dict[int, ActionName]) -> list[Edge]:
    """The edges into an action, in order. The first to say how a value came is believed."""
    if len(told) > 1:
        kept = {(each[4], each[2], each[3], each[0], each[1]): each for each in reversed(told)}
        told = [kept[place] for place in sorted(kept)]
    return [Edge(names[source], path, names[target], *rest) for source, path, *rest in told]


def launchable(db: apsw.Connection, now: Micros, limit: int, spec: FindSpec) -> list[Action]:
    return [_placed(row, spec) for row in db.execute(_READY, (now, limit)).fetchall()]


def in_flight(db: apsw.Connection, spec: FindSpec) -> list[Action]:
    return [_placed(row, spec) for row in db.execute(_LIVE).fetchall()]


def next_due(
    db: apsw.Connection, now: Micros, limit: int, spec: FindSpec
) -> tuple[list[Action], Micros | None]:
    due = [_placed(row, spec) for row in db.execute(_DUE, (now, limit)).fetchall()]
    return due, db.execute(_NEXT_DUE, (len(due),)).get


def outbox(db: apsw.Connection, limit: int) -> list[OutboxItem]:
    return [
        OutboxItem(number, kind, ActionKey(RunKey(project, domain, run), name), token, attempt, data, at)
        for number, kind, project, domain, run, name, token, attempt, data, at in db.execute(
            _OUTBOX, (limit,)
        )
    ]


def scopes(db: apsw.Connection) -> list[tuple[str, str]]:
    rows: list[Any] = db.execute("SELECT DISTINCT project, domain FROM run ORDER BY 1, 2").fetchall()
    return rows


def open_local_runs(db: apsw.Connection) -> list[RunRecord]:
    return [codec.decode_run(row) for row in db.execute(_OPEN_LOCAL).fetchall()]


def find_spec(db: apsw.Connection, digest: Digest) -> TaskSpec | None:
    return specs.find(db, digest)


def _run_id(db: apsw.Connection, key: RunKey) -> tuple[int, int] | None:
    for run_id, last_seq in db.execute(_RUN_ID, (key.name, key.project, key.domain)):
        return run_id, last_seq
    return None


def _view(row: codec.Row, spec: FindSpec) -> RunView:
    record = codec.decode_run(row[: codec.RUN_WIDTH])
    return RunView(record, codec.decode_action(record.key, row[codec.RUN_WIDTH :], spec))


def _placed(row: codec.Row, spec: FindSpec) -> Action:
    return codec.decode_action(RunKey(*row[:3]), row[3:], spec)


def _where(conditions: list[str]) -> str:
    return f" WHERE {' AND '.join(conditions)}" if conditions else ""


def _among(where: list[str], values: list[Any], column: str, wanted: tuple[str, ...]) -> None:
    if wanted:
        where.append(f"{column} IN ({', '.join('?' * len(wanted))})")
        values += [str(w) for w in wanted]


def _run_filter(query: RunQuery) -> tuple[list[str], list[Any]]:
    where, values = ["r.phase <> ''"], []
    for condition, value in (
        ("r.project = ?", query.project),
        ("r.domain = ?", query.domain),
        ("r.name = ?", query.name),
        ("r.task_name = ?", query.task_name),
        ("r.task_version = ?", query.task_version),
        ("r.created_by = ?", query.created_by),
        ("r.created_at >= ?", query.created_after),
        ("r.created_at < ?", query.created_before),
        ("r.updated_at >= ?", query.updated_after),
        ("r.updated_at < ?", query.updated_before),
        ("r.mode = ?", None if query.mode is None else str(query.mode)),
    ):
        if value is not None:
            where.append(condition)
            values.append(value)
    _among(where, values, "r.phase", query.phases)
    for key, value in query.labels:
        where.append("EXISTS (SELECT 1 FROM run_label l WHERE l.run = r.id AND l.key = ? AND l.value = ?)")
        values += [key, value]
    for key in query.label_keys:
        where.append("EXISTS (SELECT 1 FROM run_label l WHERE l.run = r.id AND l.key = ?)")
        values.append(key)
    if query.search:
        _search(where, values, query.search)
    return where, values


def _narrow(db: apsw.Connection, query: RunQuery, where: list[str], values: list[Any]) -> str:
    """Add the narrowest condition that an index answers, if there is one. Returns a hint on indexes."""
    few = _few(db, query)
    if few is None:
        return ""
    where.append(f"r.id IN ({few[0]})")
    values += few[1]
    return "NOT INDEXED"  # but by the rows' own numbers


def _search(where: list[str], values: list[Any], word: str) -> None:
    if word.isascii():
        part = "%" + word.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_") + "%"
        where.append(r"(r.name LIKE ? ESCAPE '\' OR r.task_name LIKE ? ESCAPE '\')")
        values += [part, part]
    else:
        where.append("contains_word(?, r.name, r.task_name)")
        values.append(word)


_FEW: Final = 1_000

_PAUSED: Final = "SELECT run FROM action INDEXED BY action_paused WHERE phase = 'paused'"
_LABELLED: Final = "SELECT run FROM run_label WHERE key = ? AND value = ?"
_WITH_LABEL: Final = "SELECT run FROM run_label WHERE key = ?"
_OF_TASK: Final = "SELECT id FROM run INDEXED BY run_task WHERE task_name = ?"
_OF_PROJECT: Final = "SELECT id FROM run INDEXED BY run_place WHERE project = ?"


def _few(db: apsw.Connection, query: RunQuery) -> tuple[str, list[Any]] | None:
    """The narrowest condition that an index answers with few runs: those are looked at, and no others.

    Without one the list is read in its order until the page is full, which is quick because matching
    runs are many.
    """
    choices: list[tuple[str, list[Any]]] = [(_LABELLED, [k, v]) for k, v in query.labels]
    choices += [(_WITH_LABEL, [key]) for key in query.label_keys]
    if query.task_name is not None:
        choices.append((_OF_TASK, [query.task_name]))
    if query.project is not None:
        choices.append((_OF_PROJECT, [query.project]))
    if query.phases:
        where: list[str] = []
        values: list[Any] = []
        _among(where, values, "phase", query.phases)
        choices.append((f"SELECT id FROM run INDEXED BY run_phase WHERE {where[0]}", values))
    if query.paused_only:
        return _PAUSED, []
    counted = [
        (int(db.execute(f"SELECT count(*) FROM ({sql} LIMIT ?)", (*values, _FEW)).get), sql, values)
        for sql, values in choices
    ]
    count, sql, values = min(counted, key=lambda choice: choice[0], default=(_FEW, "", []))
    return (sql, values) if count < _FEW else None
