"""The execution graph of real runs, in this process and on a server: the command, the handle, the API."""

import itertools
import shutil

import pytest
from place import Place, load
from terminal import EXAMPLES, Terminal, until

from flyte.remote import Run

NODE = {"action", "parent", "task", "name", "kind", "seq", "phase", "start_ms", "end_ms"}
EDGE = {
    "source",
    "source_path",
    "target",
    "target_param",
    "target_path",
    "relation",
    "confidence",
}


@pytest.fixture(scope="module")
def shapes() -> object:
    return load("diamond")


def test_the_diamond_goes_through_the_slowest_and_the_others_have_slack(both: Place, shapes: object) -> None:
    run = both.run(shapes.diamond, slow=0.5, middle=0.15, quick=0.05)  # type: ignore[attr-defined]
    graph = run.graph()
    slow, middle, quick = [node for node in graph.nodes if node.name == "produce"]
    assert [node.name for node in graph.nodes] == ["diamond", "produce", "produce", "produce", "consume"]
    path = run.critical_path()
    assert path == graph.critical_path
    consumer = graph.nodes[-1]
    on_path = [name for name, _ in itertools.groupby(each.action for each in path)]
    assert [name for name in on_path if name != "a0"] == [slow.action, consumer.action]
    told = {each["action"]: each for each in both.user.get("bottlenecks", run.name)["actions"]}
    for node in (middle, quick):
        assert node.end_ms is not None and slow.end_ms is not None
        assert told[node.action]["slack_ms"] == pytest.approx(slow.end_ms - node.end_ms, abs=0.002)
    assert told[slow.action]["slack_ms"] == told[consumer.action]["slack_ms"] == 0


def test_the_json_is_the_promised_one_and_the_path_tiles_the_run(both: Place, shapes: object) -> None:
    run = both.run(shapes.diamond, slow=0.05, middle=0.02, quick=0.01)  # type: ignore[attr-defined]
    found = both.user.get("graph", run.name)
    assert list(found) == ["run", "nodes", "edges", "critical_path"]
    assert found["run"] == run.name
    assert all(set(node) == NODE for node in found["nodes"])
    assert all(set(edge) == EDGE for edge in found["edges"])
    assert [(node["parent"], node["name"], node["seq"]) for node in found["nodes"]] == [
        (None, "diamond", 0),
        ("a0", "produce", 0),
        ("a0", "produce", 1),
        ("a0", "produce", 2),
        ("a0", "consume", 3),
    ]
    path, root = found["critical_path"], found["nodes"][0]
    assert (
        (path[0]["start_ms"], path[-1]["end_ms"])
        == (root["start_ms"], root["end_ms"])
        == (
            0,
            root["end_ms"],
        )
    )
    assert all(one["end_ms"] == two["start_ms"] for one, two in itertools.pairwise(path))
    assert found == run.graph().to_dict()


def test_a_server_tells_the_same_over_its_api(both: Place, shapes: object) -> None:
    run = both.run(shapes.diamond, slow=0.05, middle=0.02, quick=0.01)  # type: ignore[attr-defined]
    both.user.flyte("start", "server")
    remote = ("--endpoint", f"http://localhost:{both.user.port}")
    for noun in ("graph", "bottlenecks"):
        over_api = both.user.flyte(*remote, "-of", "json", "get", noun, run.name).json()
        assert over_api == both.user.get(noun, run.name)
    refused = both.user.flyte(*remote, "get", "graph", "nosuchrun", code=1)
    assert refused.stderr.startswith("Error: There is no run nosuchrun in flytesnacks/development.")


def test_the_drawings(both: Place, shapes: object) -> None:
    run = both.run(shapes.diamond, slow=0.05, middle=0.02, quick=0.01)  # type: ignore[attr-defined]
    tree = both.user.flyte("get", "graph", run.name)
    heads = [line.split(")")[0] + ")" for line in tree.lines if line.rstrip().endswith(("●", "s"))]
    assert heads == [
        "diamond (action)",
        "├── produce[0] (action)",
        "├── produce[1] (action)",
        "├── produce[2] (action)",
        "└── consume (action)",
    ]
    assert "on the critical path" in tree.stderr
    dot = both.user.flyte("get", "graph", run.name, "-of", "dot").lines
    assert (dot[0], dot[-1]) == ("digraph run {", "}")
    mermaid = both.user.flyte("get", "graph", run.name, "-of", "mermaid").lines
    assert mermaid[0] == "flowchart TD"
    assert any(line.startswith('  n1["produce[0]<br/>') for line in mermaid)


def test_many_calls_are_folded_and_say_how_many_they_are(both: Place, shapes: object) -> None:
    run = both.run(shapes.many, count=70)  # type: ignore[attr-defined]
    folded = both.user.flyte("get", "graph", run.name)
    assert any("one ×70 (action)" in line for line in folded.lines)
    assert "71 actions folded by call path" in folded.stderr
    every = both.user.flyte("get", "graph", run.name, "--all")
    assert sum("(action)" in line for line in every.lines) == 71


def test_a_run_in_progress_has_a_graph(both: Place, shapes: object) -> None:
    run = both.start(shapes.holding, x=1)  # type: ignore[attr-defined]
    until(lambda: len(run.graph().nodes) == 2 and run.graph().nodes[1].phase == "running")
    graph = run.graph()
    assert [node.end_ms for node in graph.nodes] == [None, None]
    assert graph.critical_path[-1].action == graph.nodes[1].action
    assert "so far" in both.user.flyte("get", "bottlenecks", run.name).stdout
    run.abort()
    run.wait()
    assert all(node.end_ms is not None for node in run.graph().nodes if node.action == "a0")


async def test_the_handle_on_an_event_loop(both: Place, shapes: object) -> None:
    run = both.run(shapes.diamond, slow=0.01, middle=0.01, quick=0.01)  # type: ignore[attr-defined]
    graph = await run.graph.aio()
    assert await run.critical_path.aio() == graph.critical_path


def test_a_run_there_is_not(user: Terminal) -> None:
    for noun in ("graph", "bottlenecks"):
        said = user.flyte("get", noun, "nosuchrun", code=1)
        assert said.stderr.splitlines() == [
            "Error: There is no run nosuchrun in flytesnacks/development.",
            "  List the runs there are: flyte get run",
        ]


def _arrows(run: Run) -> set[tuple[str, str, str, str]]:
    graph = run.graph()
    names = {node.action: node.name for node in graph.nodes}
    return {(names[edge.source], names[edge.target], edge.relation, edge.confidence) for edge in graph.edges}


def test_what_took_no_notes_is_told_by_content(both: Place, shapes: object) -> None:
    by_hand = shapes.by_hand  # type: ignore[attr-defined]
    assert _arrows(both.run(by_hand, x=5)) == {("doubled", "by_hand", "result", "derived")}
    quiet = both.run(by_hand, x=5, options={"env_vars": {"FLYTE_DATAFLOW": "0"}})
    assert _arrows(quiet) == {("chosen", "doubled", "data", "inferred")}
    assert "x ← chosen (inferred)" in both.user.flyte("get", "graph", quiet.name).stdout


def test_a_process_without_notes_says_so_in_its_history(user: Terminal) -> None:
    shutil.copy(EXAMPLES / "my_script.py", user.cwd)
    run = user.run("--local", "my_script.py", "pipeline", "--x", "5", FLYTE_DATAFLOW="0").lines[0]
    edges = user.get("graph", run)["edges"]
    assert {(edge["relation"], edge["confidence"]) for edge in edges} == {
        ("argument", "inferred"),
        ("data", "inferred"),
        ("result", "inferred"),
    }


def test_a_file_that_went_another_way_is_known_by_its_address(both: Place) -> None:
    scripts = load("references")
    run = both.run(scripts.stored)
    graph = run.graph()
    seq = {node.action: (node.name, node.seq) for node in graph.nodes}
    assert {
        (*seq[edge.source], *seq[edge.target], edge.target_path, edge.confidence) for edge in graph.edges
    } == {
        ("write", 1, "read", 3, "", "inferred"),
        ("fill", 2, "search", 4, "", "inferred"),
        ("write", 0, "unpack", 5, "file", "inferred"),
    }
    assert _arrows(both.run(scripts.handed_on)) == {("write", "same", "data", "exact")}


def test_what_large_values_take_is_told_apart(both: Place, shapes: object) -> None:
    run = both.run(shapes.heavy, count=40_000)  # type: ignore[attr-defined]
    names = {node.action: node.name for node in run.graph().nodes}
    path = run.critical_path()
    assert all(one.end_ms == two.start_ms for one, two in itertools.pairwise(path))
    found = {(names[each.action], each.phase) for each in path}
    assert {("make", "writing_outputs"), ("measure", "reading_inputs")} <= found
    assert "Reading inputs" in both.user.flyte("get", "bottlenecks", run.name).stdout
