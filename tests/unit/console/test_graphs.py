"""The execution graph as columns: what the browser gets is what the history holds."""

import pytest
from console_history import DOMAIN, PROJECT, History, inputs_of
from console_site import Console

from flyte_core.dataflow import CONFIDENCES, RELATIONS
from flyte_core.dataflow.columns import Doing
from flyte_core.layout import Layout
from flyte_core.model import Digest, NotFound, RunKey, TaskSpec
from flyte_core.store.memory import MemoryStore
from flyte_server.console.columns import unpack
from flyte_server.console.graphs import Graphs


@pytest.fixture
def history(tmp_path) -> History:
    return History(MemoryStore(), Layout(tmp_path))


def read(graphs: Graphs, history: History, run: RunKey) -> tuple[dict, list[tuple], list[tuple]]:
    header, columns = unpack(graphs.get(run, history.now).data)
    ids = columns["id"]
    edges = [
        (ids[source], ids[target], header["params"][param], relation, confidence)
        for source, target, param, relation, confidence in zip(
            *(columns[f"edge_{name}"] for name in ("source", "target", "param", "relation", "confidence")),
            strict=True,
        )
    ]
    path = [
        (ids[action], doing, begin, end)
        for action, doing, begin, end in zip(
            *(columns[f"path_{name}"] for name in ("action", "doing", "begin", "end")), strict=True
        )
    ]
    return header, edges, path


def test_edges_and_path_of_a_run(history):
    root = history.pipeline()
    one, two = history.steps(root)
    header, edges, path = read(Graphs(history.store), history, root.run)
    assert edges == [
        (two.name, "a0", "o0", 2, 0),
        ("a0", one.name, "x", 1, 0),
        (one.name, two.name, "y", 0, 0),
    ]
    assert [step[0] for step in path if step[1] == Doing.USER_CODE] == ["a0", one.name, "a0", two.name, "a0"]
    assert (path[0][2], path[-1][3]) == (0, 414)
    assert header["report"]["duration_ms"] == 414
    assert header["report"]["improvements"][0]["title"] == "Make step_one twice as fast"
    assert len(header["report"]["actions"]) == 3


def test_a_run_that_goes_on_is_told_up_to_now_and_brought_up_to_date(history):
    graphs = Graphs(history.store)
    root = history.run("rlive", "env.main")
    history.claim(root)
    history.start(root)
    history.wait(1)
    assert read(graphs, history, root.run)[2] == [("a0", Doing.USER_CODE, 0, 1000)]
    (child,) = history.call(root, ("env.child", {"x": 1}))
    history.wait(1)
    history.claim(child)
    history.start(child)
    history.wait(1)
    history.flow("a0", child, "x", "argument")
    _, edges, path = read(graphs, history, root.run)
    assert edges == [("a0", child.name, "x", 1, 0)]
    assert path == [
        ("a0", Doing.USER_CODE, 0, 1000),
        (child.name, Doing.QUEUED, 1000, 2000),
        (child.name, Doing.USER_CODE, 2000, 3000),
    ]
    history.succeed(child)
    history.succeed(root)
    header, _, path = read(graphs, history, root.run)
    assert (header["report"]["open"], path[-1][3]) == (False, 3000)


def test_what_has_ended_is_kept(history):
    root = history.pipeline()
    graphs = Graphs(history.store)
    first = graphs.get(root.run, history.now)
    history.wait(60)
    assert graphs.get(root.run, history.now) is first


def test_the_least_recently_seen_runs_are_forgotten(history):
    graphs = Graphs(history.store, max_rows=4)
    for name in ("r1", "r2", "r3"):
        graphs.get(history.pipeline(name).run, history.now)
    assert len(graphs._entries) == 1


def test_there_is_no_graph_of_a_run_there_is_not(history):
    with pytest.raises(NotFound, match="nosuchrun"):
        Graphs(history.store).get(RunKey("p", "d", "nosuchrun"), history.now)


def test_the_route_answers_and_remembers(site: Console):
    site.history.pipeline()
    path = f"/v2/api/runs/{PROJECT}/{DOMAIN}/rpipeline/graph"
    first = site.get(path)
    assert first.status == 200
    assert site.get(path, if_none_match=first.headers["etag"]).status == 304
    assert site.get(path.replace("rpipeline", "rnone")).status == 404


def test_arrows_of_a_client_that_tells_nothing_appear_as_values_do(history):
    graphs = Graphs(history.store)
    spec = TaskSpec(Digest("b" * 64), b"", "env.main", "main", "env")
    root = history.run_of("rsilent", spec, inputs_of({"x": 5}))
    history.claim(root)
    history.start(root)
    (one,) = history.call(root, ("env.one", {"x": 5}))
    inferred = CONFIDENCES.index("inferred")
    first = ("a0", one.name, "x", RELATIONS.index("argument"), inferred)
    assert read(graphs, history, root.run)[1] == [first]
    history.claim(one)
    history.start(one)
    history.wait(1)
    history.succeed(one, o0=10)
    (two,) = history.call(root, ("env.two", {"y": 10}))
    second = (one.name, two.name, "y", RELATIONS.index("data"), inferred)
    assert read(graphs, history, root.run)[1] == [first, second]
    history.claim(two)
    history.start(two)
    history.succeed(two, o0=20)
    history.succeed(root, o0=20)
    last = (two.name, "a0", "o0", RELATIONS.index("result"), inferred)
    assert read(graphs, history, root.run)[1] == [last, first, second]
