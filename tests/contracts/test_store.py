"""What every store must do. One suite; each store is a parameter."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from store_history import LEAF, SOME_REF, SPEC, TIMED, begin, child, create, key, root, succeed

from flyte_core.dataflow import Edge
from flyte_core.engine import action as actions
from flyte_core.engine import run as runs
from flyte_core.engine.api import NewAction, NewRun, Outcome
from flyte_core.machine.replay import fold
from flyte_core.model import (
    ROOT,
    ActionKey,
    ActionKind,
    ActionName,
    AlreadyExists,
    CoreError,
    Digest,
    FailedPrecondition,
    Fenced,
    Glance,
    InvalidArgument,
    Micros,
    NotFound,
    Phase,
    RunKey,
    RunMode,
    RunRecord,
    SchemaTooNew,
    Token,
    Unavailable,
)
from flyte_core.store import doctor
from flyte_core.store.memory import MemoryStore
from flyte_core.store.ports import ActionQuery, CacheEntry, RunQuery, Store, Tx
from flyte_core.store.sqlite import SqliteStore

WRITER = Path(__file__).parent.parent / "support" / "history_writer.py"


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    made: Store = (
        MemoryStore()
        if request.param == "memory"
        else SqliteStore.open(tmp_path / "history.db", durability="normal")
    )
    yield made
    made.close()
    if request.param == "sqlite":
        assert doctor.examine(tmp_path / "history.db") == []


def test_an_empty_store_has_nothing_to_show(store: Store) -> None:
    assert store.run(key()) is None
    assert store.runs(RunQuery()).runs == ()
    assert store.actions(key(), ActionQuery()).actions == ()
    assert store.counts(key()).total == 0
    assert store.changes(key(), 7).seq == 7
    assert store.launchable(Micros(10**15)) == []
    assert store.next_due(Micros(10**15)) == ([], None)


def test_what_was_written_is_read_back_whole(store: Store) -> None:
    created = create(
        store,
        key(),
        labels={"team": "ä"},
        env={"A": "1"},
        run_spec=b"\x00spec",
        interpreter="/usr/bin/python3",
    )
    view = store.run(key())
    assert view is not None
    assert view.root == created
    assert view.record.labels == {"team": "ä"}
    assert view.record.env == {"A": "1"}
    assert view.record.run_spec == b"\x00spec"
    assert view.record.interpreter == "/usr/bin/python3"
    assert store.payload(root(key()), "inputs") == b"in"
    assert store.payload(root(key()), "outputs") is None
    assert store.spec(SPEC.digest) == SPEC


def test_a_taken_name_is_refused_and_an_equal_create_is_not(store: Store) -> None:
    first = create(store, key())
    assert create(store, key()) == first
    other = RunRecord(key(), RunMode.SERVER, Micros(5), "env.main", content_digest=Digest("other"))
    with pytest.raises(AlreadyExists):
        store.transact(
            lambda tx: runs.create_run(tx, NewRun(other, NewAction(ROOT, ActionKind.TASK, SPEC)), Micros(5))
        )
    assert store.count_runs(RunQuery()) == 1


def test_an_exception_undoes_the_whole_unit_of_work(store: Store) -> None:
    create(store, key())

    def half(tx: Tx) -> None:
        live = actions.claim(tx, root(key()), "w", Micros(1_100)).actions[0].live
        assert live is not None
        tx.put_payload(root(key()), "outputs", b"never")
        tx.put_cache_entry("s", "k", CacheEntry(SOME_REF, b"v", "", "r/a", Micros(1)))
        tx.add_outbox("kill", root(key()), live.token, 1, "", Micros(1))
        raise KeyError("half-way")

    with pytest.raises(KeyError):
        store.transact(half)
    assert store.run(key()).root.phase is Phase.QUEUED  # type: ignore[union-attr]
    assert store.payload(root(key()), "outputs") is None
    assert store.outbox() == []
    assert store.transact(lambda tx: tx.cache_entry("s", "k")) is None


def test_one_bad_work_does_not_spoil_its_group(store: Store) -> None:
    create(store, key())
    token = begin(store, root(key()))

    def add(name: str) -> Callable[[Tx], object]:
        new = NewAction(ActionName(name), ActionKind.TASK, LEAF, inputs=b"")
        return lambda tx: actions.enqueue(tx, key(), ROOT, token, [new], Micros(1_200))

    def bad(tx: Tx) -> None:
        add("lost")(tx)
        raise KeyError("bad")

    futures = [store.submit(work) for work in (add("one"), bad, add("two"))]
    futures[0].result()
    futures[2].result()
    with pytest.raises(KeyError):
        futures[1].result()
    names = [a.key.name for a in store.actions(key(), ActionQuery()).actions]
    assert names == ["a0", "one", "two"]
    assert [a.seq for a in store.actions(key(), ActionQuery(parent=ROOT)).actions] == [0, 1]


def test_asking_for_the_run_in_between_loses_nothing(store: Store) -> None:
    create(store, key())
    token = begin(store, root(key()))

    def work(tx: Tx) -> tuple[int, int]:
        before = tx.run(key())
        new = NewAction(ActionName("c"), ActionKind.TASK, LEAF, inputs=b"in")
        actions.enqueue(tx, key(), ROOT, token, [new], Micros(1_200))
        after = tx.run(key())
        assert before is not None and after is not None
        return before.last_seq, after.last_seq

    before, after = store.transact(work)
    assert after == before + 1
    assert store.action(ActionKey(key(), ActionName("c"))) is not None


def test_a_stale_version_is_refused(store: Store) -> None:
    created = create(store, key())
    begin(store, root(key()))
    from flyte_core.machine.events import WaitingForResources

    with pytest.raises(FailedPrecondition):
        store.transact(lambda tx: tx.save(created, [(WaitingForResources(), Micros(2))]))


def test_events_are_numbered_without_gaps_and_make_the_row(store: Store) -> None:
    create(store, key())
    token = begin(store, root(key()))
    leaf = child(store, key(), token, "leaf")
    succeed(store, leaf, begin(store, leaf))
    succeed(store, root(key()), token, 1_400)
    rows = store.events(key())
    assert [r.seq for r in rows] == list(range(1, len(rows) + 1))
    assert [r.seq for r in store.events(key(), after_seq=3, limit=2)] == [4, 5]
    for action in store.actions(key(), ActionQuery()).actions:
        own = [(r.event, r.at) for r in rows if r.action == action.key.name]
        assert fold(own).evolve(version=action.version, changed_seq=action.changed_seq) == action


def test_a_watcher_sees_each_change_once_as_it_stands(store: Store) -> None:
    create(store, key())
    first = store.changes(key(), 0)
    assert [a.key.name for a in first.actions] == ["a0"]
    token = begin(store, root(key()))
    one, two = child(store, key(), token, "one"), child(store, key(), token, "two")
    succeed(store, one, begin(store, one))
    later = store.changes(key(), first.seq)
    assert [(a.key.name, a.phase) for a in later.actions] == [
        ("a0", "running"),
        ("two", "queued"),
        ("one", "succeeded"),
    ]
    assert store.changes(key(), later.seq).actions == ()
    assert [a.key.name for a in store.changes(key(), first.seq, parent=ROOT).actions] == ["two", "one"]
    assert [a.key.name for a in store.changes(key(), first.seq, ended=True).actions] == ["one"]
    succeed(store, two, begin(store, two))
    paged: list[str] = []
    cursor = first.seq
    while (page := store.changes(key(), cursor, limit=1)).actions:
        paged += [a.key.name for a in page.actions]
        cursor = page.seq
    assert paged == ["a0", "one", "two"]


def test_a_glance_shows_of_an_action_what_the_action_holds(store: Store) -> None:
    create(store, key())
    token = begin(store, root(key()))
    one, two = child(store, key(), token, "one"), child(store, key(), token, "two")
    succeed(store, one, begin(store, one))
    again = begin(store, two)
    store.transact(lambda tx: actions.report(tx, two, Outcome(again, lost=True), Micros(9)))
    store.transact(lambda tx: actions.waiting(tx, two, "no slot", Micros(10)))
    whole = store.actions(key(), ActionQuery()).actions
    assert store.glances(key()) == [Glance.of(action) for action in whole]
    assert [glance.name for glance in store.glances(key(), 1, 1)] == ["one"]
    assert store.glances(key("none")) == []


def test_changed_runs_follow_a_cursor(store: Store) -> None:
    create(store, key("r1"))
    create(store, key("r2"))
    views, cursor = store.runs_changed(0)
    assert [v.record.key.name for v in views] == ["r1", "r2"]
    begin(store, root(key("r1")))
    views, cursor = store.runs_changed(cursor)
    assert [(v.record.key.name, v.root.phase) for v in views] == [("r1", "running")]
    assert store.runs_changed(cursor) == ([], cursor)
    assert store.last_change() == cursor


def test_runs_are_listed_filtered_and_paged(store: Store) -> None:
    for number in range(7):
        create(
            store, key(f"r{number}"), at=1_000 + number // 2, labels={"n": str(number % 2)}, created_by="me"
        )
    create(store, key("other", "q"), at=2_000, mode=RunMode.LOCAL)
    begin(store, root(key("r3")), at=5_000)
    names = lambda q: [v.record.key.name for v in store.runs(q).runs]  # noqa: E731
    assert names(RunQuery(project="p")) == ["r6", "r5", "r4", "r3", "r2", "r1", "r0"]
    assert names(RunQuery(project="p", ascending=True))[0] == "r0"
    assert names(RunQuery(phases=(Phase.RUNNING,))) == ["r3"]
    assert names(RunQuery(labels=(("n", "1"),))) == ["r5", "r3", "r1"]
    assert names(RunQuery(label_keys=("n",), limit=2)) == ["r6", "r5"]
    assert names(RunQuery(mode=RunMode.LOCAL)) == ["other"]
    assert names(RunQuery(task_name="env.other")) == []
    assert names(
        RunQuery(
            task_version="v1", created_by="me", created_after=Micros(1_002), created_before=Micros(1_003)
        )
    ) == ["r5", "r4"]
    assert names(RunQuery(updated_after=Micros(5_000))) == ["r3"]
    assert names(RunQuery(search="THE")) == ["other"]
    assert store.count_runs(RunQuery(project="p")) == 7
    assert store.count_runs(RunQuery(project="p", domain="development")) == 7
    for ascending in (False, True):
        found: list[str] = []
        cursor = ""
        while True:
            page = store.runs(RunQuery(project="p", limit=3, cursor=cursor, ascending=ascending))
            found += [v.record.key.name for v in page.runs]
            cursor = page.cursor
            if not cursor:
                break
        assert sorted(found) == [f"r{n}" for n in range(7)]
        assert found == names(RunQuery(project="p", ascending=ascending))
    with pytest.raises(InvalidArgument):
        store.runs(RunQuery(cursor="'; DROP TABLE run"))


def test_actions_are_listed_filtered_and_paged(store: Store) -> None:
    create(store, key())
    token = begin(store, root(key()))
    for number in range(5):
        child(store, key(), token, f"c{number}")
    begin(store, ActionKey(key(), ActionName("c1")))
    names = lambda q: [a.key.name for a in store.actions(key(), q).actions]  # noqa: E731
    assert names(ActionQuery()) == ["a0", "c0", "c1", "c2", "c3", "c4"]
    assert names(ActionQuery(phases=(Phase.RUNNING,))) == ["a0", "c1"]
    assert names(ActionQuery(parent=ROOT, ascending=False, limit=2)) == ["c4", "c3"]
    assert names(ActionQuery(kinds=(ActionKind.TRACE,))) == []
    assert names(ActionQuery(name=ActionName("c2"))) == ["c2"]
    page = store.actions(key(), ActionQuery(limit=4))
    assert [a.key.name for a in store.actions(key(), ActionQuery(limit=4, cursor=page.cursor)).actions] == [
        "c3",
        "c4",
    ]
    assert store.counts(key()).by_phase == {Phase.RUNNING: 2, Phase.QUEUED: 4}


def test_the_places_of_runs_are_known(store: Store) -> None:
    assert store.scopes() == []
    for project, domain, name in (("q", "a", "r1"), ("p", "b", "r1"), ("p", "a", "r1"), ("p", "a", "r2")):
        create(store, RunKey(project, domain, name))
    assert store.scopes() == [("p", "a"), ("p", "b"), ("q", "a")]


def test_the_dispatcher_finds_what_may_start_and_what_is_due(store: Store) -> None:
    create(store, key(), at=1_000)
    create(store, key("local"), mode=RunMode.LOCAL)
    assert [a.key for a in store.launchable(Micros(2_000))] == [root(key())]
    token = begin(store, root(key()))
    assert store.launchable(Micros(2_000)) == []
    assert [a.key for a in store.in_flight()] == [root(key())]
    timed = child(store, key(), token, "timed", at=2_000, spec=TIMED)
    assert store.next_due(Micros(3_000)) == ([], Micros(2_000 + 5_000_000))
    due, later = store.next_due(Micros(6_000_000))
    assert [a.key for a in due] == [timed]
    assert later is None
    assert [r.key.name for r in store.open_local_runs()] == ["local"]


def test_open_descendants_come_parents_first(store: Store) -> None:
    create(store, key())
    token = begin(store, root(key()))
    middle = child(store, key(), token, "middle")
    deeper = begin(store, middle)
    child(store, key(), deeper, "deep", parent="middle")
    done = child(store, key(), token, "done")
    succeed(store, done, begin(store, done))
    names = store.transact(lambda tx: [a.key.name for a in tx.open_descendants(root(key()))])
    assert names == ["middle", "deep"]
    assert store.transact(lambda tx: [a.key.name for a in tx.open_descendants(middle)]) == ["deep"]
    assert {a.key.name for a in store.transact(lambda tx: tx.open_actions(key()))} == {"a0", "middle", "deep"}


def test_tokens_rise(store: Store) -> None:
    tokens = [store.transact(lambda tx: tx.next_token()) for _ in range(3)]
    tokens += store.transact(lambda tx: [tx.next_token(), tx.next_token()])
    assert tokens == sorted(set(tokens))


def test_the_scopes_of_the_cache_are_known(store: Store) -> None:
    def fill(tx: Tx) -> None:
        for scope in ("p/b", "p/a", "q/a"):
            for each in ("1", "2"):
                tx.put_cache_entry(scope, each, CacheEntry(SOME_REF, b"v", "", "r/a", Micros(1)))

    assert store.transact(lambda tx: tx.cache_scopes()) == []
    store.transact(fill)
    assert store.transact(lambda tx: tx.cache_scopes()) == ["p/a", "p/b", "q/a"]


def test_the_cache_can_be_cleared(store: Store) -> None:
    def fill(tx: Tx) -> None:
        for each in ("a", "b"):
            tx.put_cache_entry("s", each, CacheEntry(SOME_REF, b"v", "", "r/a", Micros(1)))

    store.transact(fill)
    assert store.transact(lambda tx: tx.clear_cache()) == 2
    assert store.transact(lambda tx: tx.cache_entry("s", "a")) is None
    assert store.transact(lambda tx: tx.clear_cache()) == 0


def test_a_cache_lease_has_one_holder_at_a_time(store: Store) -> None:
    a, b = root(key("a")), root(key("b"))

    def take(who: ActionKey, until: int, now: int) -> ActionKey:
        return store.transact(lambda tx: tx.cache_lease("s", "k", who, Micros(until), Micros(now)))

    assert take(a, 10, 0) == a
    assert take(b, 20, 5) == a
    assert take(a, 30, 6) == a
    assert take(b, 50, 31) == b
    store.transact(lambda tx: tx.release_cache_lease("s", "k", a))
    assert take(a, 60, 32) == b
    store.transact(lambda tx: tx.release_cache_lease("s", "k", b))
    assert take(a, 60, 33) == a


def test_the_outbox_keeps_what_is_not_confirmed(store: Store) -> None:
    create(store, key())
    first = store.transact(lambda tx: tx.add_outbox("kill", root(key()), Token(4), 1, "why", Micros(9)))
    store.transact(lambda tx: tx.add_outbox("webhook", root(key()), Token(0), 0, "{}", Micros(9)))
    assert [(i.kind, i.token, i.data) for i in store.outbox()] == [("kill", 4, "why"), ("webhook", 0, "{}")]
    store.transact(lambda tx: tx.done_outbox(first))
    assert [i.kind for i in store.outbox()] == ["webhook"]


def test_a_deleted_run_is_gone_and_its_name_is_free(store: Store) -> None:
    create(store, key())
    create(store, key("other"))
    store.transact(lambda tx: tx.delete_run(key()))
    assert store.run(key()) is None
    assert store.payload(root(key()), "inputs") is None
    assert store.run(key("other")) is not None
    create(store, key())
    assert [a.seq for a in store.actions(key(), ActionQuery()).actions] == [0]


def _edge(source: str, target: str, param: str = "x", **other: str) -> Edge:
    fields = {"source_path": "", "target_path": "", "relation": "data", "confidence": "exact", **other}
    return Edge(source=ActionName(source), target=ActionName(target), target_param=param, **fields)  # type: ignore[arg-type]


def test_edges_are_kept_once_and_read_in_order(store: Store) -> None:
    create(store, key())
    token = begin(store, root(key()))
    for name in ("first", "second"):
        child(store, key(), token, name)
    back = _edge("second", "a0", "o0", relation="result")
    data = _edge("first", "second", source_path="items[3].price", target_path="[1]")
    given = _edge("a0", "first", source_path="x", relation="argument", confidence="derived")
    store.transact(lambda tx: tx.add_edges(key(), [data, given]))
    store.transact(lambda tx: tx.add_edges(key(), [back, data]))
    unsure = _edge("a0", "first", source_path="x", relation="argument", confidence="inferred")
    store.transact(
        lambda tx: tx.add_edges(key(), [unsure, _edge("nobody", "first"), _edge("first", "nobody")])
    )
    assert store.edges(key()) == [back, given, data]
    assert store.edges(key("other")) == []


def test_edges_come_and_go_with_their_unit_of_work_and_their_run(store: Store) -> None:
    create(store, key())
    create(store, key("other"))
    token = begin(store, root(key()))
    new = NewAction(ActionName("c"), ActionKind.TASK, LEAF, inputs=b"")
    edge = _edge("a0", "c", source_path="x", relation="argument")

    def work(tx: Tx, fail: bool) -> None:
        actions.enqueue(tx, key(), ROOT, token, [new], Micros(1_200))
        tx.add_edges(key(), [edge])
        if fail:
            raise KeyError("half-way")

    with pytest.raises(KeyError):
        store.transact(lambda tx: work(tx, True))
    assert store.edges(key()) == []
    store.transact(lambda tx: work(tx, False))
    assert store.edges(key()) == [edge]
    store.transact(lambda tx: tx.delete_run(key()))
    assert store.edges(key()) == []
    create(store, key())
    assert store.edges(key()) == []


def test_the_data_version_moves_with_commits_of_others(store: Store) -> None:
    create(store, key())
    before = store.data_version()
    assert store.data_version() == before
    create(store, key("next"))
    assert store.data_version() != before


def test_many_threads_write_and_read_at_once(store: Store) -> None:
    create(store, key())
    token = begin(store, root(key()))

    def write(number: int) -> None:
        new = NewAction(ActionName(f"c{number}"), ActionKind.TASK, LEAF, inputs=b"")
        store.submit(lambda tx: actions.enqueue(tx, key(), ROOT, token, [new], Micros(2_000))).result()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(100)))
        totals = list(pool.map(lambda _: store.counts(key()).total, range(20)))
    assert totals == [101] * 20
    assert sorted(a.seq for a in store.actions(key(), ActionQuery(parent=ROOT)).actions) == list(range(100))


def test_a_missing_action_or_run_is_named(store: Store) -> None:
    with pytest.raises(NotFound, match="nowhere"):
        store.transact(lambda tx: tx.count_actions(key("nowhere")))
    with pytest.raises(CoreError, match="nothing"):
        store.transact(lambda tx: actions.claim(tx, ActionKey(key(), ActionName("nothing")), "w", Micros(1)))


# --- SQLite alone ---


def test_reading_needs_no_file_and_makes_none(tmp_path: Path) -> None:
    path = tmp_path / "not" / "there.db"
    reader = SqliteStore.open(path, read_only=True)
    assert reader.runs(RunQuery()).runs == ()
    assert reader.data_version() == 0
    assert not path.parent.exists()
    writer = SqliteStore.open(path, durability="normal")
    create(writer, key())
    assert reader.run(key()) is not None
    with pytest.raises(Unavailable):
        reader.transact(lambda tx: tx.next_token())
    reader.close()
    writer.close()


def test_a_history_outlives_its_process_and_stays_whole(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    first = SqliteStore.open(path)
    create(first, key())
    token = begin(first, root(key()))
    first.close()
    second = SqliteStore.open(path)
    succeed(second, root(key()), token)
    assert second.run(key()).root.phase is Phase.SUCCEEDED  # type: ignore[union-attr]
    assert second.transact(lambda tx: tx.next_token()) > token
    second.close()


def test_what_one_store_has_seen_is_no_excuse_for_missing_what_another_does(tmp_path: Path) -> None:
    mine, other = (SqliteStore.open(tmp_path / "history.db", durability="normal") for _ in range(2))
    create(mine, key())
    token = begin(mine, root(key()))
    for name in ("a", "b"):
        child(mine, key(), token, name)
    mine.transact(lambda tx: actions.abort_action(tx, root(key()), "mine", "", Micros(1_250)))
    mine.transact(lambda tx: tx.delete_run(key()))
    create(mine, key())
    token = begin(mine, root(key()))
    child(mine, key(), token, "a")
    other.transact(lambda tx: actions.report(tx, root(key()), Outcome(token, lost=True), Micros(1_300)))
    with pytest.raises(Fenced):
        child(mine, key(), token, "b")
    later = begin(other, root(key()), at=1_400)
    child(mine, key(), later, "b")
    child(other, key(), later, "c")
    record = mine.transact(lambda tx: tx.run(key()))
    assert record == other.transact(lambda tx: tx.run(key()))
    assert record is not None and record.last_seq == mine.changes(key(), 0).seq
    assert [each.seq for each in mine.actions(key(), ActionQuery(parent=ROOT)).actions] == [0, 1, 2]
    mine.close()
    other.close()


def test_a_history_of_the_first_schema_is_brought_up_and_a_copy_kept(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    store = SqliteStore.open(path, durability="normal")
    create(store, key())
    store.close()
    import apsw

    db = apsw.Connection(str(path))
    db.execute(
        "DROP TABLE edge; ALTER TABLE action DROP COLUMN flow; DELETE FROM schema_version WHERE version > 1"
    )
    db.close()
    store = SqliteStore.open(path, durability="normal")
    child(store, key(), begin(store, root(key())), "c")
    edge = _edge("a0", "c", source_path="x", relation="argument")
    store.transact(lambda tx: tx.add_edges(key(), [edge]))
    assert store.edges(key()) == [edge]
    store.close()
    assert len(list(tmp_path.glob("history.db.v1-*.bak"))) == 1


def test_a_newer_schema_and_a_foreign_file_are_refused(tmp_path: Path) -> None:
    import apsw

    path = tmp_path / "history.db"
    SqliteStore.open(path).close()
    db = apsw.Connection(str(path))
    db.execute("INSERT INTO schema_version VALUES (99, 99, 'later', '', 0)")
    db.close()
    with pytest.raises(SchemaTooNew, match="newer version"):
        SqliteStore.open(path)
    foreign = tmp_path / "foreign.db"
    db = apsw.Connection(str(foreign))
    db.execute("CREATE TABLE theirs (x)")
    db.close()
    with pytest.raises(FailedPrecondition, match="something else"):
        SqliteStore.open(foreign)
    text = tmp_path / "text.db"
    text.write_text("not a database, but long enough to be looked at " * 40)
    with pytest.raises(FailedPrecondition):
        SqliteStore.open(text)


def test_a_directory_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FailedPrecondition, match="FLYTE_HOME"):
        SqliteStore.open(tmp_path / "file" / "history.db")


@pytest.mark.parametrize("durability", ["normal", "full"])
def test_several_processes_write_one_history_and_a_kill_loses_nothing_acknowledged(
    tmp_path: Path, durability: str
) -> None:
    path = tmp_path / "history.db"
    reader = SqliteStore.open(path, read_only=True)
    writers = [
        subprocess.Popen([sys.executable, WRITER, path, f"r{n}", tmp_path / f"told{n}", durability])
        for n in range(3)
    ]

    def told() -> list[list[str]]:
        files = [tmp_path / f"told{n}" for n in range(3)]
        return [line.split() for f in files if f.exists() for line in f.read_text().splitlines()]

    limit = time.monotonic() + 60
    while len({run for run, _ in told()}) < 3 or len(told()) < 300:
        assert all(w.poll() is None for w in writers), "a writer failed"
        assert time.monotonic() < limit, "no progress"
        reader.runs(RunQuery())
        threading.Event().wait(0.02)
    for writer in writers:
        writer.kill()
        writer.wait()
    for run, name in told():
        assert reader.action(ActionKey(key(run), ActionName(name))) is not None, (
            f"{run}/{name} was acknowledged and is gone"
        )
    reader.close()
    assert doctor.examine(path) == []
