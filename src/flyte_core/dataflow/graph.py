"""The execution graph of a run, as it is handed out: plain values, times in milliseconds since the run's start."""

from dataclasses import asdict
from typing import Any

from flyte_core.dataflow.edges import Edge
from flyte_core.frozen import frozen


@frozen
class GraphNode:
    """One action: a box of the graph."""

    action: str
    parent: str | None
    task: str
    name: str
    kind: str
    seq: int
    """Position among its siblings in call order, from 0."""
    phase: str
    start_ms: float
    end_ms: float | None
    """None while the action is open."""
    group: str = ""

    def to_dict(self) -> dict[str, Any]:
        found = asdict(self)
        del found["group"]
        return found


@frozen
class Segment:
    """A part of the critical path: what one action did for a while.

    `phase` is one of queued, waiting_for_resources, starting, reading_inputs, user_code,
    waiting_for_children, waiting_for_answer and writing_outputs.
    """

    action: str
    phase: str
    start_ms: float
    end_ms: float


@frozen
class Graph:
    """The actions of a run, the edges between them, and the chain that decided how long it took."""

    run: str
    nodes: tuple[GraphNode, ...]
    """Parents before children, in order of creation."""
    edges: tuple[Edge, ...]
    critical_path: tuple[Segment, ...]
    """Segments that tile the run's time, oldest first; up to now while the run is open."""

    def to_dict(self) -> dict[str, Any]:
        """As `flyte get graph RUN -of json` prints it."""
        return {
            "run": self.run,
            "nodes": [node.to_dict() for node in self.nodes],
            "edges": [asdict(edge) for edge in self.edges],
            "critical_path": [asdict(segment) for segment in self.critical_path],
        }
