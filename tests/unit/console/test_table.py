"""Runs as columns: what the browser gets is what the history holds."""

import pytest
from console_history import History

from flyte_core.layout import Layout
from flyte_core.model import ErrorInfo, NotFound, RunKey
from flyte_core.store.memory import MemoryStore
from flyte_server.console.columns import pack, strings, unpack
from flyte_server.console.snapshots import Snapshots
from flyte_server.console.table import cause, delta


@pytest.fixture
def history(tmp_path) -> History:
    return History(MemoryStore(), Layout(tmp_path))


def rows(data: bytes) -> dict[str, dict[str, object]]:
    """Each action of a container by its id, indices replaced by what they stand for."""
    header, columns = unpack(data)
    found = {}
    for row, name in enumerate(columns["id"]):
        parents = header.get("parents")
        parent = columns["parent"][row]
        found[name] = {
            "parent": parents[parent] if parents else columns["id"][parent] if parent >= 0 else "",
            "name": header["names"][columns["name"][row]],
            "group": header["groups"][columns["group"][row]],
            **{
                key: columns[key][row] for key in ("phase", "order", "attempts", "queued", "running", "ended")
            },
        }
    return found


def test_a_container_gives_back_what_was_put_in():
    texts = ["", "a0", "grüße", "x" * 70_000]
    header, columns = unpack(pack({"seq": 7}, strings("id", texts)))
    assert header["seq"] == 7
    assert columns["id"] == texts


def test_a_snapshot_holds_every_action_with_its_times(history):
    root = history.pipeline()
    snapshot = Snapshots(history.store).get(root.run)
    header, _ = unpack(snapshot.data)
    found = rows(snapshot.data)
    assert header["rows"] == 3
    assert found["a0"] == {
        "parent": "", "name": "pipeline", "group": "", "phase": 5, "order": 0, "attempts": 1,
        "queued": 0, "running": 34, "ended": 414,
    }  # fmt: skip
    steps = [row for row in found.values() if row["parent"] == "a0"]
    assert [(row["name"], row["order"], row["phase"]) for row in steps] == [
        ("step_one", 0, 5),
        ("step_two", 1, 5),
    ]


def test_a_snapshot_is_built_once_per_change_and_brought_up_to_date(history):
    root = history.forecast(shards=40)
    snapshots = Snapshots(history.store)
    first = snapshots.get(root.run)
    assert snapshots.get(root.run) is first
    (child,) = history.call(root, ("nightly.publish", {"x": 1}))
    second = snapshots.get(root.run)
    assert second.etag != first.etag
    assert rows(second.data)[child.name]["phase"] == 1
    assert rows(second.data) == rows(Snapshots(history.store).get(root.run).data)


def test_retries_groups_and_causes_are_told(history):
    root = history.forecast(shards=80)
    header, columns = unpack(Snapshots(history.store).get(root.run).data)
    names = [header["names"][number] for number in columns["name"]]
    best = names.index("select_best")
    assert columns["attempts"][best] == 2
    assert columns["cut_row"] == [best]
    assert columns["running"][best] < columns["cut_at"][0] < columns["ended"][best]
    assert {"ingest", "folds", "score"} <= set(header["groups"])
    assert [error["cause"] for error in header["errors"][1:]] == [
        "shard contains # rows with negative quantity"
    ]
    waited = [row for row, at in enumerate(columns["waiting"]) if at >= 0]
    assert {names[row] for row in waited} == {"train_fold"}


def test_a_delta_names_parents_so_that_rows_need_not_be_known(history):
    root = history.pipeline()
    view = history.store.run(root.run)
    changes = history.store.changes(root.run, 0)
    found = rows(delta(root.run, view.record.created_at, changes.actions[:1], changes.seq))
    assert all(row["parent"] in ("", "a0") for row in found.values())


def test_a_run_longer_than_a_month_still_fits(history):
    root = history.run("rlong", "env.long")
    history.wait(90 * 86_400)
    history.call(root, ("env.late", {}))
    header, columns = unpack(Snapshots(history.store).get(root.run).data)
    assert columns["queued"][1] * header["tick_ms"] == pytest.approx(90 * 86_400_000, abs=header["tick_ms"])


def test_an_unknown_run_is_said_to_be_missing(history):
    with pytest.raises(NotFound, match="rnone"):
        Snapshots(history.store).get(RunKey("flytesnacks", "development", "rnone"))


def test_what_is_not_looked_at_any_more_is_let_go(history):
    keys = [history.pipeline(f"r{i}").run for i in range(4)]
    snapshots = Snapshots(history.store, max_rows=6)
    first = snapshots.get(keys[0])
    for key in keys:
        snapshots.get(key)
    assert snapshots.get(keys[0]) is not first
    assert snapshots.get(keys[0]).data == first.data


@pytest.mark.parametrize(
    ("message", "masked"),
    [
        ("shard 7 has 3 rows", "shard # has # rows"),
        ("no file at 0x7f3a2b\nsecond line", "no file at #"),
        ("id deadbeef01 gone", "id # gone"),
    ],
)
def test_one_cause_is_recognised_whatever_the_numbers(message, masked):
    assert cause(ErrorInfo("E", message)) == masked
