"""The execution graph of a run in a store, and the analysis of its time."""

from flyte_core.dataflow import Edge
from flyte_core.dataflow.bottlenecks import Analysis
from flyte_core.dataflow.graph import Graph
from flyte_core.dataflow.report import analyse, bottlenecks_dict, graph_of
from flyte_core.model import Micros, RunKey
from flyte_core.store.ports import ActionQuery, Reader


def read_graph(store: Reader, run: RunKey, now: Micros) -> Graph:
    """The graph of a run that exists."""
    edges, analysis = _read(store, run, now)
    return graph_of(run.name, edges, analysis)


def read_bottlenecks(store: Reader, run: RunKey, now: Micros) -> dict[str, object]:
    """Where the time of a run that exists went."""
    return bottlenecks_dict(run.name, _read(store, run, now)[1])


def _read(store: Reader, run: RunKey, now: Micros) -> tuple[list[Edge], Analysis]:
    # Edges first: what they join is there when the actions are read.
    edges = store.edges(run)
    return edges, analyse(store.actions(run, ActionQuery()).actions, edges, now)
