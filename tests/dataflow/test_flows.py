"""Every program's edges, in-process and on the server."""

import shutil
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from terminal import Terminal, terminal

from flyte_core.layout import DEFAULT_DOMAIN, DEFAULT_PROJECT, Layout
from flyte_core.model import Action, RunKey
from flyte_core.store.ports import ActionQuery
from flyte_core.store.sqlite import SqliteStore

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
import flows  # noqa: E402
import more_flows  # noqa: E402

TABLES = {"flows": flows.CASES, "more_flows": more_flows.CASES}

ARROWS = {"exact": "->", "derived": "~>", "inferred": "?>"}


@pytest.fixture(scope="module")
def user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminal]:
    with terminal(tmp_path_factory.mktemp("user")) as opened:
        for table in TABLES:
            shutil.copy(HERE / f"{table}.py", opened.cwd)
        yield opened


def edges_of(user: Terminal, run: str) -> dict[str, set[str]]:
    """The edges of each program, spelled as in its case."""
    store = SqliteStore.open(Layout(user.home).database, read_only=True)
    try:
        key = RunKey(DEFAULT_PROJECT, DEFAULT_DOMAIN, run)
        actions = {each.key.name: each for each in store.actions(key, ActionQuery()).actions}
        edges = store.edges(key)
    finally:
        store.close()
    labels = _labels(list(actions.values()))
    found: dict[str, set[str]] = {
        each.spec.short_name: set() for each in actions.values() if each.parent == "a0"
    }
    for edge in edges:
        target = actions[edge.target]
        owner = target if edge.relation == "result" else actions[target.parent or "a0"]
        if owner.key.name == "a0":
            continue
        if owner.parent != "a0":
            continue
        start, end = ("me" if name == owner.key.name else labels[name] for name in (edge.source, edge.target))
        found[owner.spec.short_name].add(
            f"{start}{_path(edge.source_path)} {ARROWS[edge.confidence]} {end}.{edge.target_param}{_path(edge.target_path)}"
        )
    return found


def _labels(actions: list[Action]) -> dict[str, str]:
    many = Counter((each.parent, each.spec.short_name) for each in actions)
    labels: dict[str, str] = {}
    seen: Counter[tuple[str | None, str]] = Counter()
    for each in sorted(actions, key=lambda a: (a.parent or "", a.seq)):
        kind = (each.parent, each.spec.short_name)
        number = str(seen[kind]) if many[kind] > 1 else ""
        labels[each.key.name] = each.spec.short_name + number
        seen[kind] += 1
    return labels


def _path(path: str) -> str:
    return f"{{{path}}}" if path else ""


@pytest.fixture(scope="module", params=["local", "server"])
def found(request: pytest.FixtureRequest, user: Terminal) -> dict[str, set[str]]:
    mode = ["--local"] if request.param == "local" else []
    edges: dict[str, set[str]] = {}
    for table in TABLES:
        edges |= edges_of(user, user.run(*mode, f"{table}.py", "suite").lines[0])
    return edges


@pytest.mark.parametrize("table, name", [(t, name) for t, cases in TABLES.items() for name in cases])
def test_edges_are_these_and_no_others(found: dict[str, set[str]], table: str, name: str) -> None:
    assert found[name] == set(TABLES[table][name].edges)
