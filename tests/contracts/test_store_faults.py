"""SQLite's history when the disk is full or broken, when processes are killed, and when others hold the lock."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import apsw
import faulty_disk
import pytest
import ram
from powerless import powerless
from store_history import SPEC, begin, child, create, key, root, succeed

from flyte_core.engine import action as actions
from flyte_core.engine.api import NewAction
from flyte_core.model import (
    ROOT,
    ActionKey,
    ActionKind,
    ActionName,
    FailedPrecondition,
    InvalidArgument,
    Micros,
    Phase,
    ResourceExhausted,
    RunMode,
    Unavailable,
)
from flyte_core.store import doctor
from flyte_core.store.backup import copy_database
from flyte_core.store.ports import ActionQuery, RunQuery, Tx
from flyte_core.store.sqlite import SqliteStore, connection

WRITER = Path(__file__).parent.parent / "support" / "history_writer.py"
PATIENCE_S = 60.0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "history.db"


@pytest.fixture
def ram_path() -> Iterator[Path]:
    """Where the disk is only as slow and as broken as the test makes it."""
    with ram.directory() as place:
        yield Path(place)


def names(store: SqliteStore, run: str = "r1") -> list[str]:
    return [a.key.name for a in store.actions(key(run), ActionQuery()).actions]


# --- full and broken disks ---


def test_a_full_disk_refuses_writes_shows_what_is_there_and_recovers(path: Path) -> None:
    with faulty_disk.installed() as disk:
        store = SqliteStore.open(path, durability="full")
        create(store, key())
        token = begin(store, root(key()))
        disk.full = True
        with pytest.raises(ResourceExhausted, match=r"history\.db is full"):
            child(store, key(), token, "refused")
        refused = store.submit(lambda tx: tx.next_token())
        with pytest.raises(ResourceExhausted):
            refused.result(PATIENCE_S)
        assert names(store) == ["a0"]
        disk.full = False
        child(store, key(), token, "accepted")
        assert names(store) == ["a0", "accepted"]
        store.close()
    assert doctor.examine(path) == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A directory on a file system of 2 MB of its own; a plain one where mounting is not allowed."""
    place = tmp_path / "small"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "none", place], capture_output=True, check=False
    )
    yield place
    if not mounted.returncode:
        subprocess.run(["umount", place], check=True)


def test_a_small_disk_fills_up_and_empties(small_disk: Path) -> None:
    path = small_disk / "history.db"
    store = SqliteStore.open(path, durability="normal")
    create(store, key())
    token = begin(store, root(key()))
    ballast = small_disk / "ballast"
    if os.path.ismount(small_disk):
        ballast.write_bytes(bytes(1_000_000))
        with pytest.raises(ResourceExhausted, match="full"):
            for number in range(5_000):
                child(store, key(), token, f"c{number}")
    recorded = names(store)
    ballast.unlink(missing_ok=True)
    child(store, key(), token, "after")
    assert names(store) == [*recorded, "after"]
    store.close()
    assert doctor.examine(path) == []


def test_after_a_failed_disk_nothing_is_acknowledged_until_a_new_start(path: Path) -> None:
    with faulty_disk.installed() as disk:
        store = SqliteStore.open(path, durability="full")
        create(store, key())
        token = begin(store, root(key()))
        disk.broken = True
        with pytest.raises(Unavailable, match="failed"):
            child(store, key(), token, "lost")
        disk.broken = False
        with pytest.raises(Unavailable, match="failed"):
            child(store, key(), token, "later")
        with pytest.raises(Unavailable, match="failed"):
            store.submit(lambda tx: tx.next_token())
        assert store.run(key()) is not None
        store.close()
    again = SqliteStore.open(path, durability="full")
    child(again, key(), token, "again")
    assert {"a0", "again"} <= set(names(again)) <= {"a0", "again", "lost"}
    again.close()
    assert doctor.examine(path) == []


def test_an_error_at_any_write_or_sync_loses_nothing_acknowledged(ram_path: Path) -> None:
    point, failed = 0, True
    while failed:
        point += 1
        path = ram_path / f"{point}.db"
        told: list[str] = []
        with faulty_disk.installed() as disk:
            store = SqliteStore.open(path, durability="full")
            disk.fail_at, disk.operations = point, 0
            try:
                create(store, key())
                told.append("a0")
                token = begin(store, root(key()))
                for number in range(3):
                    child(store, key(), token, f"c{number}")
                    told.append(f"c{number}")
            except Unavailable:
                pass
            failed = disk.operations >= point
            disk.fail_at = None
            store.close()
        again = SqliteStore.open(path, durability="full")
        assert set(told) <= set(names(again))
        again.close()
        assert doctor.examine(path) == []
    assert point > 10


# --- processes ---


def acknowledged(file: Path) -> list[str]:
    return [line.split()[1] for line in file.read_text().splitlines()] if file.exists() else []


@pytest.mark.parametrize("durability", ["normal", "full"])
def test_a_writer_killed_again_and_again_loses_nothing_acknowledged(path: Path, durability: str) -> None:
    for round_ in range(8):
        run, told = f"r{round_}", path.with_name(f"told{round_}")
        writer = subprocess.Popen([sys.executable, WRITER, path, run, told, durability])
        limit = time.monotonic() + PATIENCE_S
        while len(acknowledged(told)) < 5 + 7 * round_:
            assert writer.poll() is None, "the writer failed"
            assert time.monotonic() < limit, "no progress"
            threading.Event().wait(0.005)
        writer.kill()
        writer.wait()
        reader = SqliteStore.open(path, read_only=True)
        assert set(acknowledged(told)) <= set(names(reader, run))
        reader.close()
    assert doctor.examine(path) == []


def test_processes_that_start_together_make_one_history(path: Path) -> None:
    told = [path.with_name(f"told{n}") for n in range(4)]
    writers = [subprocess.Popen([sys.executable, WRITER, path, f"r{n}", told[n], "normal"]) for n in range(4)]
    limit = time.monotonic() + PATIENCE_S
    while min(len(acknowledged(file)) for file in told) < 10:
        assert all(w.poll() is None for w in writers), "a writer failed"
        assert time.monotonic() < limit, "one of them got no turn"
        threading.Event().wait(0.01)
    for writer in writers:
        writer.kill()
        writer.wait()
    assert doctor.examine(path) == []


def test_a_lock_held_by_another_process_is_waited_out(path: Path) -> None:
    store = SqliteStore.open(path, durability="normal")
    create(store, key())
    other = apsw.Connection(str(path))
    other.execute("BEGIN IMMEDIATE")
    with ThreadPoolExecutor(2) as pool:
        alone = pool.submit(store.transact, lambda tx: tx.next_token())
        queued = store.submit(lambda tx: tx.next_token())
        assert store.run(key()) is not None, "readers do not wait"
        threading.Event().wait(0.3)
        assert not alone.done()
        other.execute("COMMIT")
        assert {alone.result(PATIENCE_S), queued.result(PATIENCE_S)} == {1, 2}
    other.close()
    store.close()


def test_a_lock_that_never_ends_is_named(path: Path) -> None:
    SqliteStore.open(path).close()
    other = apsw.Connection(str(path))
    other.execute("BEGIN IMMEDIATE")
    with connection.explained(path), pytest.raises(apsw.BusyError) as refused:
        db = connection.connect(
            path, read_only=False, durability="normal", waiter=connection.Waiter(timeout_s=0.1)
        )
        try:
            db.execute("BEGIN IMMEDIATE")
        finally:
            db.close()
    told = connection.explain(refused.value, path)
    assert isinstance(told, Unavailable)
    assert "fuser" in told.hint
    other.close()


def test_a_log_is_folded_without_waiting_for_readers(path: Path) -> None:
    store = SqliteStore.open(path, durability="normal")
    create(store, key())
    assert store.log_bytes() > 0
    reader = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM run").fetchall()
    create(store, key("r2"))
    began = time.monotonic()
    store.fold()
    assert time.monotonic() - began < 5
    assert store.log_bytes() > 0
    reader.close()
    store.fold()
    assert store.log_bytes() == 0
    assert names(store, "r2") == ["a0"]
    store.close()


# --- misuse ---


def test_a_unit_of_work_within_another_is_an_error_and_no_deadlock(path: Path) -> None:
    store = SqliteStore.open(path, durability="normal")
    with pytest.raises(RuntimeError, match="cannot start another"):
        store.transact(lambda _: store.transact(lambda tx: tx.next_token()))
    assert store.transact(lambda tx: tx.next_token()) == 1
    store.close()
    with pytest.raises(Unavailable, match="closed"):
        store.transact(lambda tx: tx.next_token())
    with pytest.raises(Unavailable, match="closed"):
        store.submit(lambda tx: tx.next_token())
    with pytest.raises(Unavailable, match="closed"):
        store.runs(RunQuery())


def test_text_that_is_no_unicode_is_refused(path: Path) -> None:
    store = SqliteStore.open(path, durability="normal")
    with pytest.raises(InvalidArgument, match="Unicode"):
        create(store, key("r\ud800"))
    create(store, key("fine"), labels={"odd": "\x00\u202e"})
    assert [v.record.labels for v in store.runs(RunQuery()).runs] == [{"odd": "\x00\u202e"}]
    store.close()


def test_what_is_queued_at_the_end_is_still_recorded(path: Path) -> None:
    store = SqliteStore.open(path, durability="normal")
    create(store, key())
    token = begin(store, root(key()))

    def add(name: str) -> None:
        new = NewAction(ActionName(name), ActionKind.TASK, SPEC, inputs=b"")

        def work(tx: Tx) -> object:
            return actions.enqueue(tx, key(), ROOT, token, [new], Micros(2_000))

        store.submit(work)

    for number in range(300):
        add(f"c{number}")
    store.close()
    reader = SqliteStore.open(path, read_only=True)
    assert reader.counts(key()).total == 301
    reader.close()


# --- files ---


def test_a_history_is_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "home" / "history.db"
    store = SqliteStore.open(path)
    create(store, key())
    for file in (path, path.with_name("history.db-wal"), path.with_name("history.db-shm")):
        assert file.stat().st_mode & 0o077 == 0, file
    assert path.parent.stat().st_mode & 0o077 == 0
    store.close()


READS = """
import sys
from pathlib import Path
from flyte_core.store.ports import RunQuery
from flyte_core.store.sqlite import SqliteStore
store = SqliteStore.open(Path(sys.argv[1]), read_only=True)
for _ in range(2):
    print(*[view.record.key.name for view in store.runs(RunQuery()).runs], store.data_version())
store.close()
"""


def test_a_history_where_nobody_may_write_can_be_read(tmp_path: Path) -> None:
    """SQLite makes files beside a database to read it: not on a full or read-only disk."""
    path = tmp_path / "home" / "history.db"
    store = SqliteStore.open(path)
    create(store, key())
    store.close()
    assert not path.with_name("history.db-wal").exists()
    path.parent.chmod(0o500)
    command = powerless([sys.executable, "-c", READS, str(path)])
    said = subprocess.run(command, capture_output=True, text=True, check=True)
    assert said.stdout == "r1 0\nr1 0\n"
    path.parent.chmod(0o700)
    create(store := SqliteStore.open(path), key("r2"))
    store.close()


def test_a_copy_of_a_live_history_is_whole(path: Path, tmp_path: Path) -> None:
    store = SqliteStore.open(path, durability="normal")
    create(store, key(), mode=RunMode.LOCAL)
    token = begin(store, root(key()))
    copies = []
    for number in range(5):
        succeed(store, leaf := child(store, key(), token, f"c{number}"), begin(store, leaf))
        copies.append(tmp_path / f"copy{number}.db")
        copy_database(path, copies[-1])
    store.close()
    for number, copy in enumerate(copies):
        assert doctor.examine(copy) == []
        reader = SqliteStore.open(copy, read_only=True)
        assert reader.counts(key()).by_phase[Phase.SUCCEEDED] == number + 1
        reader.close()


def test_a_network_file_system_and_an_old_library_are_refused(tmp_path: Path) -> None:
    line = "36 35 98:0 / {} rw,noatime master:1 - {} server:/x rw"
    mounts = "\n".join([line.format("/", "ext4"), line.format(str(tmp_path).replace(" ", "\\040"), "nfs4")])
    with pytest.raises(FailedPrecondition, match=r"network file system \(nfs4\)"):
        connection.require_local(tmp_path, mounts)
    connection.require_local(tmp_path.parent, mounts)
    with pytest.raises(FailedPrecondition, match=r"3\.51\.3 or newer"):
        connection.require_library("3.51.2")
    connection.require_library("3.51.3")


def test_the_doctor_sees_what_was_done_behind_the_store(path: Path) -> None:
    store = SqliteStore.open(path, durability="normal")
    create(store, key())
    succeed(store, leaf := child(store, key(), begin(store, root(key())), "c"), begin(store, leaf))
    store.close()
    assert doctor.examine(path) == []
    damages = {
        "DELETE FROM event WHERE id = (SELECT min(id) FROM event)": "numbered without gaps",
        "UPDATE run SET phase = 'succeeded'": "the list shows the root",
        "DELETE FROM payload WHERE id & 1": "outputs are there",
        "UPDATE action SET state = json_set(state, '$.user_failures', 5)": "events make the row",
        "UPDATE action SET seq = 0, parent = 'a0'": "call order",
    }
    for number, (damage, told) in enumerate(damages.items()):
        copy = path.with_name(f"damaged{number}.db")
        copy_database(path, copy)
        db = apsw.Connection(str(copy))
        db.execute(damage)
        db.close()
        assert any(told in str(finding) for finding in doctor.examine(copy)), damage


def test_an_ended_action_cannot_be_changed_even_by_hand(path: Path) -> None:
    store = SqliteStore.open(path, durability="normal")
    create(store, key())
    succeed(store, root(key()), begin(store, root(key())))
    store.close()
    db = apsw.Connection(str(path))
    with pytest.raises(apsw.ConstraintError, match="ended never changes"):
        db.execute("UPDATE action SET phase = 'failed'")
    db.close()
    reader = SqliteStore.open(path, read_only=True)
    ended = reader.action(ActionKey(key(), ROOT))
    assert ended is not None
    assert ended.phase is Phase.SUCCEEDED
    reader.close()
