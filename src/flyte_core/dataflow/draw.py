"""The execution graph as text: a tree with arrows, Graphviz, Mermaid."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from flyte_core.dataflow.edges import Edge
from flyte_core.dataflow.graph import Graph
from flyte_core.dataflow.shape import Fold, fold
from flyte_core.frozen import frozen

ON_PATH: Final = "●"
_QUIET: Final = ("succeeded", "recovered")

Words = Callable[[float], str]
"""A duration in milliseconds, as people read it."""


@dataclass(slots=True)
class Box:
    """What is drawn as one: an action, or the folded actions of one call path."""

    title: str
    kind: str
    parent: int | None
    notes: list[str]
    on_path: bool
    flows: list["Arrow"] = field(default_factory=list)
    """What flowed into it."""
    returned: list["Arrow"] = field(default_factory=list)
    """What flowed from its children into what it returned."""


@frozen
class Arrow:
    """Something that flowed: from a box (`source`), in words on both ends."""

    source: int
    source_words: str
    target_words: str
    relation: str
    confidence: str
    count: int = 1

    def label(self) -> str:
        return f"{self.target_words} ×{self.count:,}" if self.count > 1 else self.target_words


def boxes(graph: Graph, words: Words) -> list[Box]:
    """A box for every action."""
    path = {segment.action for segment in graph.critical_path}
    named = Counter((node.parent, node.name) for node in graph.nodes)
    seen: Counter[tuple[str | None, str]] = Counter()
    numbers: dict[str, int] = {}
    found: list[Box] = []
    for number, node in enumerate(graph.nodes):
        numbers[node.action] = number
        title = node.name
        if named[node.parent, node.name] > 1:
            title = f"{node.name}[{seen[node.parent, node.name]}]"
            seen[node.parent, node.name] += 1
        notes = [] if node.end_ms is None else [words(node.end_ms - node.start_ms)]
        if node.phase not in _QUIET:
            notes.append(node.phase)
        parent = None if node.parent is None else numbers.get(node.parent)
        found.append(Box(title, node.kind, parent, notes, node.action in path))
    for edge in graph.edges:
        if edge.source in numbers and edge.target in numbers:
            source, target = numbers[edge.source], found[numbers[edge.target]]
            arrow = Arrow(
                source, _from(edge, found[source].title), _into(edge), edge.relation, edge.confidence
            )
            (target.returned if edge.relation == "result" else target.flows).append(arrow)
    return found


def folded(graph: Graph, words: Words) -> list[Box]:
    """A box for every call path."""
    path = {segment.action for segment in graph.critical_path}
    shape = fold(graph.nodes, graph.edges)
    found = [_shape_box(shape, number, path, words) for number in range(len(shape.shapes))]
    for flow in shape.flows:
        title = found[flow.source].title
        arrow = Arrow(
            flow.source, title, flow.target_param or "order", flow.relation, flow.confidence, flow.count
        )
        target = found[flow.target]
        (target.returned if flow.relation == "result" else target.flows).append(arrow)
    return found


def _shape_box(shape: Fold, number: int, path: set[str], words: Words) -> Box:
    one = shape.shapes[number]
    count = len(one.actions)
    phases = Counter(node.phase for node in one.actions)
    lengths = sorted(node.end_ms - node.start_ms for node in one.actions if node.end_ms is not None)
    notes = []
    if lengths:
        notes.append(f"half in {words(lengths[len(lengths) // 2])}" if count > 1 else words(lengths[0]))
    notes += [f"{n:,} {phase}" if count > 1 else phase for phase, n in phases.items() if phase not in _QUIET]
    title = f"{one.name} ×{count:,}" if count > 1 else one.name
    return Box(title, one.kind, one.parent, notes, any(node.action in path for node in one.actions))


def tree(drawn: list[Box]) -> Iterator[str]:
    """The boxes as a tree, under each what flowed into it: `x ← step_one`."""
    children: defaultdict[int | None, list[int]] = defaultdict(list)
    for number, box in enumerate(drawn):
        children[box.parent].append(number)
    pending = [(root, "", "") for root in reversed(children[None])]
    while pending:
        number, lead, indent = pending.pop()
        box = drawn[number]
        below = children[number]
        yield lead + _headline(box)
        rail = "│   " if below else "    "
        for arrow in box.flows:
            yield f"{indent}{rail}{_arrow_words(arrow)}".rstrip()
        for arrow in box.returned:
            yield f"{indent}{rail}returns {_arrow_words(arrow)}".rstrip()
        for at in range(len(below) - 1, -1, -1):
            branch, space = ("└── ", "    ") if at == len(below) - 1 else ("├── ", "│   ")
            pending.append((below[at], indent + branch, indent + space))


def mermaid(drawn: list[Box]) -> Iterator[str]:
    """For Markdown pages that draw Mermaid."""
    yield "flowchart TD"
    for number, box in enumerate(drawn):
        begin, end = {"trace": ("([", "])"), "condition": ("{{", "}}")}.get(box.kind, ("[", "]"))
        yield f"  n{number}{begin}{_quoted(_label(box), '<br/>', '#quot;')}{end}"
    links: list[str] = []
    for link, (source, target, arrow) in enumerate(_arrows(drawn)):
        line = "-->" if arrow.confidence == "exact" else "-.->"
        label = _quoted(arrow.label(), "<br/>", "#quot;")
        yield f"  n{source} {line}|{label}| n{target}"
        if drawn[source].on_path and drawn[target].on_path:
            links.append(str(link))
    path = ",".join(f"n{number}" for number, box in enumerate(drawn) if box.on_path)
    if path:
        yield "  classDef path stroke-width:3px"
        yield f"  class {path} path"
    if links:
        yield f"  linkStyle {','.join(links)} stroke-width:3px"


def dot(drawn: list[Box]) -> Iterator[str]:
    """For Graphviz."""
    yield "digraph run {"
    yield "  node [shape=box, style=rounded]"
    for number, box in enumerate(drawn):
        shape = {"trace": ", shape=ellipse", "condition": ", shape=diamond"}.get(box.kind, "")
        bold = ", penwidth=2.5" if box.on_path else ""
        yield f"  n{number} [label={_quoted(_label(box), chr(92) + 'n', chr(92) + chr(34))}{shape}{bold}]"
    styles = {"exact": "solid", "derived": "dashed", "inferred": "dotted"}
    for source, target, arrow in _arrows(drawn):
        label = _quoted(arrow.label(), "\\n", '\\"')
        bold = ", penwidth=2.5" if drawn[source].on_path and drawn[target].on_path else ""
        yield f"  n{source} -> n{target} [label={label}, style={styles[arrow.confidence]}{bold}]"
    yield "}"


def _arrows(drawn: list[Box]) -> Iterator[tuple[int, int, Arrow]]:
    for number, box in enumerate(drawn):
        for arrow in (*box.flows, *box.returned):
            yield arrow.source, number, arrow


def _headline(box: Box) -> str:
    kind = "action" if box.kind == "task" else box.kind
    marks = [ON_PATH] if box.on_path else []
    return "  ".join([f"{box.title} ({kind})", *box.notes, *marks])


def _arrow_words(arrow: Arrow) -> str:
    doubt = "" if arrow.confidence == "exact" else f" ({arrow.confidence})"
    return f"{arrow.label()} ← {arrow.source_words}{doubt}"


def _label(box: Box) -> str:
    return "\n".join([box.title, *(["  ".join(box.notes)] if box.notes else [])])


def _from(edge: Edge, title: str) -> str:
    path = edge.source_path
    return title + (path if not path or path.startswith(("[", ".")) else f".{path}")


def _into(edge: Edge) -> str:
    path = edge.target_path
    whole = edge.target_param + (path if not path or path.startswith(("[", ".")) else f".{path}")
    return whole or "order"


def _quoted(text: str, newline: str, quote: str) -> str:
    return '"' + text.replace('"', quote).replace("\n", newline) + '"'
