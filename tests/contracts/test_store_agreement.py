"""The SQLite store against the reference: the same history must read the same, whatever is asked."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import ram
from hypothesis import given, settings
from hypothesis import strategies as st
from store_history import LEAF, SPEC, TIMED, key

from flyte_core.engine import action as actions
from flyte_core.engine import run as runs
from flyte_core.engine import timers
from flyte_core.engine.api import Change, NewAction, NewRun, Outcome
from flyte_core.model import (
    ROOT,
    ActionKey,
    ActionKind,
    ActionName,
    CoreError,
    Digest,
    ErrorInfo,
    Micros,
    Phase,
    RunMode,
    RunRecord,
    TaskSpec,
)
from flyte_core.store import doctor
from flyte_core.store.memory import MemoryStore
from flyte_core.store.ports import ActionQuery, RunQuery, Store, Tx
from flyte_core.store.sqlite import SqliteStore

RUNS = ("r1", "r2", "r3", "other")
CHILDREN = ("x", "y", "z")
WAIT = TaskSpec(Digest("d" * 64), b"w", "ask", "ask")
SPECS = {"leaf": LEAF, "timed": TIMED, "wait": WAIT}
STEP = 1_000_000

run_names = st.sampled_from(RUNS)
moves = st.one_of(
    st.tuples(st.just("create"), run_names, st.sampled_from(["server", "local"]), st.booleans()),
    st.tuples(
        st.just("enqueue"),
        run_names,
        st.sampled_from(("a0", *CHILDREN)),
        st.lists(st.tuples(st.sampled_from(CHILDREN), st.sampled_from(sorted(SPECS))), max_size=3),
    ),
    st.tuples(
        st.sampled_from(["begin", "wait", "succeed", "fail", "lose", "abort", "answer", "fire", "half"]),
        run_names,
        st.sampled_from(("a0", *CHILDREN)),
        st.none(),
    ),
    st.tuples(st.sampled_from(["abort run", "delete"]), run_names, st.none(), st.none()),
)

optional = st.none
queries = st.builds(
    RunQuery,
    project=st.sampled_from([None, "p", "q"]),
    name=st.sampled_from([None, None, *RUNS]),
    phases=st.lists(st.sampled_from([*Phase]), max_size=3, unique=True).map(tuple),
    task_name=st.sampled_from([None, "env.main", "env.none"]),
    task_version=st.sampled_from([None, "v1", "v2"]),
    labels=st.sampled_from([(), (("odd", "yes"),), (("odd", "no"),)]),
    label_keys=st.sampled_from([(), ("odd",), ("even",)]),
    created_after=st.sampled_from([None, Micros(3 * STEP)]),
    created_before=st.sampled_from([None, Micros(8 * STEP)]),
    updated_after=st.sampled_from([None, Micros(6 * STEP)]),
    updated_before=st.sampled_from([None, Micros(12 * STEP)]),
    paused_only=st.sampled_from([False, False, True]),
    mode=st.sampled_from([None, RunMode.LOCAL, RunMode.SERVER]),
    search=st.sampled_from(["", "", "R", "THE", "%", "_", "env.", "Ä"]),
    ascending=st.booleans(),
    limit=st.integers(1, 3),
)
action_queries = st.builds(
    ActionQuery,
    parent=st.sampled_from([None, ROOT, ActionName("x")]),
    phases=st.lists(st.sampled_from([*Phase]), max_size=2, unique=True).map(tuple),
    kinds=st.lists(st.sampled_from([*ActionKind]), max_size=2, unique=True).map(tuple),
    name=st.sampled_from([None, None, ROOT, ActionName("y")]),
    ascending=st.booleans(),
    limit=st.sampled_from([None, 1, 2]),
)


class HalfDone(Exception):
    """Raised after a write, to have it undone."""


def move(store: Store, what: tuple[object, ...], now: Micros) -> object:
    """Apply one move; the answer, or the error as text."""
    kind, run, name, more = what
    run_key = key(str(run), "q" if run == "other" else "p")
    place = ActionKey(run_key, ActionName(str(name)))

    def work(tx: Tx) -> object:
        if kind == "create":
            labels = {"odd": "yes"} if more else {}
            record = RunRecord(
                run_key, RunMode(str(name)), now, "env.main", labels=labels, content_digest=Digest(str(run))
            )
            return runs.create_run(
                tx, NewRun(record, NewAction(ROOT, ActionKind.TASK, SPEC, inputs=b"i")), now
            )
        if kind == "abort run":
            return runs.abort_run(tx, run_key, "why", "me", now)
        if kind == "delete":
            return tx.delete_run(run_key)
        action = tx.action(place)
        if kind == "enqueue":
            assert isinstance(more, list)
            new = [
                NewAction(
                    ActionName(f"{child}"),
                    ActionKind.CONDITION if spec == "wait" else ActionKind.TASK,
                    SPECS[spec],
                    inputs=child.encode(),
                )
                for child, spec in more
            ]
            return actions.enqueue(tx, run_key, place.name, None, new, now)
        live = action.live if action is not None else None
        if kind == "begin":
            change = actions.claim(tx, place, "w", now)
            if change.actions and (begun := change.actions[-1].live) is not None:
                change = actions.started(tx, place, begun.token, "w", now)
            return change
        if kind == "wait":
            return actions.waiting(tx, place, "full", now)
        if kind == "abort":
            return actions.abort_action(tx, place, "why", "me", now)
        if kind == "answer":
            return actions.signal(tx, place, b"yes", "me", now)
        if kind == "fire":
            return timers.fire(tx, place, now)
        if kind == "half":
            actions.abort_action(tx, place, "never", "me", now)
            raise HalfDone
        if live is None:
            return None
        error = ErrorInfo("ValueError", "no") if kind == "fail" else ErrorInfo("Lost", "gone")
        outcome = {
            "succeed": Outcome(live.token, outputs=b"out"),
            "fail": Outcome(live.token, error=error),
            "lose": Outcome(live.token, error=error, lost=True),
        }[str(kind)]
        return actions.report(tx, place, outcome, now)

    try:
        answer = store.transact(work)
    except (CoreError, HalfDone) as error:
        return f"{type(error).__name__}: {error}"
    return answer.actions if isinstance(answer, Change) else answer


def everything(store: Store, after: int, now: Micros) -> Iterator[object]:
    """What a reader can see of a history, in one fixed order."""
    for name in RUNS:
        run = key(name, "q" if name == "other" else "p")
        yield store.run(run)
        yield store.counts(run)
        yield store.events(run)
        yield store.events(run, after, 2)
        for parent in (None, ROOT, ActionName("x")):
            yield store.changes(run, after, parent)
            yield store.changes(run, 0, parent, limit=2)
            yield store.changes(run, after, parent, ended=True)
        yield store.glances(run), store.glances(run, 1, 2)
        for child in (ROOT, *CHILDREN):
            place = ActionKey(run, ActionName(child))
            yield store.action(place)
            yield store.payload(place, "inputs"), store.payload(place, "outputs")
    yield changed_runs(store)
    yield store.launchable(now)
    yield store.launchable(now, limit=1)
    yield sorted(store.in_flight(), key=lambda a: a.key)
    yield store.next_due(now)
    yield store.next_due(now, limit=1)
    yield store.outbox()
    yield store.scopes()
    yield store.open_local_runs()
    yield store.spec(LEAF.digest)


def changed_runs(store: Store) -> list[object]:
    """The changed runs as a follower sees them. The cursor's numbers are each store's own."""
    found: list[object] = []
    cursor = 0
    while True:
        views, following = store.runs_changed(cursor, limit=2)
        if not views:
            return found
        assert following > cursor
        found += views
        cursor = following


def run_pages(store: Store, query: RunQuery) -> list[object]:
    pages: list[object] = [store.count_runs(query)]
    cursor = ""
    while True:
        page = store.runs(RunQuery(**{**_fields(query), "cursor": cursor}))  # type: ignore[arg-type]
        pages.append(page)
        cursor = page.cursor
        if not cursor:
            return pages


def action_pages(store: Store, query: ActionQuery) -> list[object]:
    pages: list[object] = []
    cursor = ""
    while True:
        page = store.actions(key("r1"), ActionQuery(**{**_fields(query), "cursor": cursor}))  # type: ignore[arg-type]
        pages.append(page)
        cursor = page.cursor
        if not cursor:
            return pages


def _fields(query: RunQuery | ActionQuery) -> dict[str, object]:
    return {name: getattr(query, name) for name in type(query).__dataclass_fields__}


@contextmanager
def both() -> Iterator[tuple[MemoryStore, SqliteStore, Path]]:
    with ram.directory() as directory:
        path = Path(directory) / "history.db"
        sqlite = SqliteStore.open(path, durability="normal")
        try:
            yield MemoryStore(), sqlite, path
        finally:
            sqlite.close()


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    st.lists(moves, min_size=5, max_size=30),
    st.integers(0, 20),
    st.lists(queries, max_size=6),
    st.lists(action_queries, max_size=3),
)
def test_both_stores_tell_the_same_history(
    history: list[tuple[object, ...]],
    after: int,
    asked: list[RunQuery],
    asked_actions: list[ActionQuery],
) -> None:
    with both() as (memory, sqlite, path):
        first: tuple[object, ...] = ("create", "r1", "server", True)
        for number, what in enumerate([first, *history], start=1):
            now = Micros(number * STEP)
            assert move(sqlite, what, now) == move(memory, what, now), what
        later = Micros((len(history) + 2) * STEP)
        for here, there in zip(
            everything(sqlite, after, later), everything(memory, after, later), strict=True
        ):
            assert here == there
        for query in asked:
            assert run_pages(sqlite, query) == run_pages(memory, query), query
        for action_query in asked_actions:
            assert action_pages(sqlite, action_query) == action_pages(memory, action_query), action_query
        assert doctor.examine(path) == []
