"""The tree of a run's actions as text: parents first, children in call order."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from flyte._cli import values, words

QUIET = frozenset({"succeeded", "recovered"})
"""Phases that go without saying."""


@dataclass(slots=True)
class _Node:
    label: str
    children: list["_Node"] = field(default_factory=list)


def lines(actions: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """`pipeline (action)`, `├── step_one (action)`, ... A phase is added where it is not success.

    Calls of one group under one parent stand together under a line that names and counts them.
    An action whose parent is not among the given ones is a root.
    """
    names = {action["name"] for action in actions}
    children: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    roots: list[Mapping[str, Any]] = []
    for action in sorted(actions, key=lambda action: action["seq"]):
        parent = action["parent"]
        (children[parent] if parent in names else roots).append(action)
    for root in roots:
        yield from _draw(_grow(root, children))


def _grow(root: Mapping[str, Any], children: Mapping[str, list[Mapping[str, Any]]]) -> _Node:
    """The nodes below an action, without recursion: runs may be nested deeper than Python's stack."""
    top = _Node(_label(root))
    pending = [(top, root["name"])]
    while pending:
        node, name = pending.pop()
        groups: dict[str, _Node] = {}
        sizes: dict[str, int] = defaultdict(int)
        for action in children.get(name, ()):
            child = _Node(_label(action))
            pending.append((child, action["name"]))
            group = action.get("group") or ""
            if not group:
                node.children.append(child)
                continue
            if group not in groups:
                groups[group] = _Node(group)
                node.children.append(groups[group])
            groups[group].children.append(child)
            sizes[group] += 1
        for group, frame in groups.items():
            frame.label = f"{group} (group, {words.plural(sizes[group], 'action')})"
    return top


def _draw(root: _Node) -> Iterator[str]:
    pending = [(root, "", "")]
    while pending:
        node, lead, indent = pending.pop()
        yield lead + node.label
        last = len(node.children) - 1
        for at in range(last, -1, -1):
            branch, space = ("└── ", "    ") if at == last else ("├── ", "│   ")
            pending.append((node.children[at], indent + branch, indent + space))


def _label(action: Mapping[str, Any]) -> str:
    kind = "action" if action["kind"] == "task" else action["kind"]
    label = f"{action['short_name']} ({kind})"
    if action["phase"] in QUIET:
        return label
    return f"{label}  {words.phase(action['phase'])}  {values.error_cell(action['error'])}".rstrip()
