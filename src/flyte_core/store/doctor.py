"""Looks a whole history over: every invariant of reliability that rows can show, told in words.

Used after every crash test, and for a history somebody suspects. It only reads.
"""

from pathlib import Path
from typing import Any, Final

import apsw

from flyte_core.frozen import frozen
from flyte_core.machine.invariants import check_tree
from flyte_core.machine.replay import fold
from flyte_core.model import Action, RunKey
from flyte_core.store.ports import ActionQuery, RunQuery
from flyte_core.store.sqlite import SqliteStore


@frozen
class Finding:
    """Something that must never be so."""

    invariant: str
    subject: str
    detail: str

    def __str__(self) -> str:
        return f"{self.invariant} {self.subject}: {self.detail}"


_QUERIES: Final[tuple[tuple[str, str, str], ...]] = (
    (
        "events numbered without gaps",
        "the numbers of its events are not 1 to last_seq",
        """
        SELECT r.project || '/' || r.domain || '/' || r.name FROM run r WHERE r.last_seq <>
            (SELECT count(*) FROM event e WHERE e.id > (r.id << 32) AND e.id < ((r.id + 1) << 32))
        OR r.last_seq <> coalesce(
            (SELECT max(e.id) - (r.id << 32) FROM event e WHERE e.id > (r.id << 32) AND e.id < ((r.id + 1) << 32)), 0)
        """,
    ),
    (
        "tokens given once",
        "a live token is larger than any that was given",
        "SELECT name FROM action WHERE token > (SELECT value FROM counter WHERE name = 'token')",
    ),
    (
        "tokens given once",
        "two live attempts hold the same token",
        "SELECT token FROM action WHERE token IS NOT NULL GROUP BY token HAVING count(*) > 1",
    ),
    (
        "root ends, all end",
        "open although the root has ended",
        """
        SELECT r.name || '/' || a.name FROM action a JOIN run r ON r.id = a.run
        WHERE a.open = 1 AND r.phase IN ('succeeded', 'failed', 'aborted', 'timed_out', 'recovered')
        """,
    ),
    (
        "what is queued can be claimed",
        "queued on the server without an instant to start",
        """
        SELECT r.name || '/' || a.name FROM action a JOIN run r ON r.id = a.run
        WHERE r.mode = 'server' AND a.phase IN ('queued', 'waiting_for_resources') AND a.ready_at IS NULL
        """,
    ),
    (
        "the list shows the root",
        "its phase in the list is not its root's",
        "SELECT r.name FROM run r JOIN action a ON a.id = (r.id << 32) WHERE a.phase <> r.phase",
    ),
    (
        "numbers in call order",
        "two siblings have the same place",
        """
        SELECT r.name || '/' || a.parent FROM action a JOIN run r ON r.id = a.run
        WHERE a.parent IS NOT NULL GROUP BY a.run, a.parent, a.seq HAVING count(*) > 1
        """,
    ),
)


def examine(path: Path) -> list[Finding]:
    """Everything that is wrong with a history; empty when all is well.

    Raises:
        FailedPrecondition: the file is no history, or is damaged beyond reading.
    """
    found = list(_pages(path))
    if found:
        return found
    store = SqliteStore.open(path, read_only=True)
    try:
        for key in _runs(store):
            found += _run(store, key)
    finally:
        store.close()
    return found


def _pages(path: Path) -> list[Finding]:
    """Damage of the file itself, and what SQL alone can see."""
    db = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        db.set_busy_timeout(60_000)
        verdicts: list[Any] = db.execute("PRAGMA integrity_check(20)").fetchall()
        damage = [Finding("the file is whole", path.name, str(v)) for (v,) in verdicts if v != "ok"]
        if damage:
            return damage
        return [
            Finding(invariant, str(subject), detail)
            for invariant, detail, sql in _QUERIES
            for (subject,) in db.execute(sql)
        ]
    finally:
        db.close()


def _runs(store: SqliteStore) -> list[RunKey]:
    found: list[RunKey] = []
    cursor = ""
    while True:
        page = store.runs(RunQuery(limit=1_000, cursor=cursor, ascending=True))
        found += [v.record.key for v in page.runs]
        cursor = page.cursor
        if not cursor:
            return found


def _run(store: SqliteStore, key: RunKey) -> list[Finding]:
    """One run: every action by itself, the tree, the events replayed, the values that must be there."""
    actions = store.actions(key, ActionQuery()).actions
    found = [Finding("the tree of a run", key.name, why) for why in check_tree(actions)]
    told: dict[str, list[Any]] = {}
    after = 0
    while rows := store.events(key, after):
        for row in rows:
            told.setdefault(row.action, []).append((row.event, row.at))
        after = rows[-1].seq
    for action in actions:
        name = f"{key.name}/{action.key.name}"
        events = told.get(action.key.name)
        if not events or _bare(fold(events)) != _bare(action):
            found.append(Finding("events make the row", name, "replaying its events gives another action"))
        if action.phase.good and action.outputs is not None and not action.outputs.uri:
            data = store.payload(action.key, "outputs")
            if data is None or len(data) != action.outputs.size_bytes:
                found.append(
                    Finding("outputs are there", name, "it succeeded, but its outputs are not whole")
                )
    return found


def _bare(action: Action) -> Action:
    """Without the store's own numbers."""
    return action.evolve(version=0, changed_seq=0)
