"""The shape of a run: actions that were called along the same path, folded into one. It grows with the code,
not with the data.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from flyte_core.dataflow.edges import Confidence, Edge, Relation
from flyte_core.dataflow.graph import GraphNode
from flyte_core.frozen import frozen


@dataclass(slots=True)
class Shape:
    """All actions of one task that were called in one group from one shape."""

    name: str
    kind: str
    group: str
    parent: int | None
    """The number of the shape they were called from."""
    actions: list[GraphNode] = field(default_factory=list)


@frozen
class Flow:
    """Edges between two shapes that reached the same parameter; `count` says how many."""

    source: int
    target: int
    target_param: str
    relation: Relation
    confidence: Confidence
    count: int


@frozen
class Fold:
    shapes: list[Shape]
    """Parents before children, in call order."""
    flows: list[Flow]


def fold(nodes: Sequence[GraphNode], edges: Iterable[Edge]) -> Fold:
    """Fold a graph by call path."""
    shapes: list[Shape] = []
    numbers: dict[tuple[int | None, str, str, str], int] = {}
    shape_of: dict[str, int] = {}
    for node in nodes:
        above = None if node.parent is None else shape_of.get(node.parent)
        number = numbers.setdefault((above, node.group, node.task, node.kind), len(shapes))
        if number == len(shapes):
            shapes.append(Shape(node.name, node.kind, node.group, above))
        shapes[number].actions.append(node)
        shape_of[node.action] = number
    flows: Counter[tuple[int, int, str, Relation, Confidence]] = Counter()
    for edge in edges:
        source, target = shape_of.get(edge.source), shape_of.get(edge.target)
        if source is not None and target is not None:
            flows[source, target, edge.target_param, edge.relation, edge.confidence] += 1
    return Fold(shapes, [Flow(*key, count) for key, count in flows.items()])
