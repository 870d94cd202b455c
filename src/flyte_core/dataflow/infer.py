"""Edges that nobody told, from what actions were given and returned, and when.

A value came from an action if it has the content of what that action returned (or of a part of it), the
action had ended before, and nothing else that was at hand has the same content. What is met everywhere
(None, truth values, 0, 1, what is empty) says nothing. Short values can be equal by chance: they count
where every call of the same place can be explained, but for the first of a loop.

Where a client told how values flow, what it did not tell is not there; but for references, which may
have been written down and read again: their URI and hash are like no other's.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import takewhile
from typing import Final, NamedTuple

from flyte_core.dataflow.content import Content, places
from flyte_core.dataflow.edges import Edge, Relation
from flyte_core.frozen import frozen
from flyte_core.model import ActionName

Named = tuple[tuple[str, Content], ...]
"""Inputs or outputs by name."""

_Place = tuple[ActionName, tuple[str, ...]]
"""An action that has some content, and the steps to the part that has it."""

_LONG: Final = 8
"""Values spelled in fewer characters may be equal by chance."""
_INDEX: Final = re.compile(r"\[\d+\]")


@frozen
class Known:
    """An action, as far as inference looks at it. Instants are of one clock."""

    name: ActionName
    parent: ActionName | None
    task: str
    seq: int
    began: int
    ended: int | None
    """None while it is open."""
    inputs: Named
    outputs: Named
    """Empty unless it succeeded."""
    silent: bool
    """Whether nobody told how values flow inside it. Else only references are looked at: files and their like."""


class _Item(NamedTuple):
    """A value, or a part of one, that must have come from somewhere."""

    target: ActionName
    param: str
    steps: tuple[str, ...]
    length: int
    found: list[_Place]
    """Where that content was at hand."""
    inside: ActionName
    """The action in whose body it was passed on."""


def infer(actions: Iterable[Known], told: Iterable[Edge] = ()) -> list[Edge]:
    """Edges between these actions, beside those that were told.

    Of a parent that is not among them nothing is known.
    """
    known = {action.name: action for action in actions}
    children: defaultdict[ActionName, list[Known]] = defaultdict(list)
    for action in known.values():
        if action.parent is not None:
            children[action.parent].append(action)
    paths: defaultdict[tuple[ActionName, str], list[str]] = defaultdict(list)
    for edge in told:
        paths[edge.target, edge.target_param].append(edge.target_path)
    calls: defaultdict[tuple[str, ...], list[_Item]] = defaultdict(list)
    for name, called in children.items():
        parent = known.get(name) or Known(name, None, "", 0, 0, None, (), (), silent=False)
        for task, item in _items(parent, sorted(called, key=lambda each: each.seq)):
            path = _path(item.steps)
            known_paths = paths.get((item.target, item.param), ())
            if not any(path.startswith(each) or each.startswith(path) for each in known_paths):
                calls[parent.task, task, item.param, _INDEX.sub("[*]", path)].append(item)
    edges: list[Edge] = []
    for items in calls.values():
        edges += _edges(items)
    place = {name: number for number, name in enumerate(known)}
    return sorted(edges, key=lambda edge: place[edge.target])


def _items(parent: Known, children: Sequence[Known]) -> Iterator[tuple[str, _Item]]:
    """What was given to the children of one action, and what it returned itself; each with who got it."""
    at_hand = _AtHand(all_values=parent.silent)
    for name, value in parent.inputs:
        at_hand.put(parent.name, (f".{name}",), value)
    ended = sorted((each for each in children if each.ended is not None), key=_end)
    ended.reverse()
    given: dict[ActionName, list[_Item]] = {}
    for child in sorted(children, key=lambda each: each.began):
        while ended and _end(ended[-1]) <= child.began:
            at_hand.put_outputs(ended.pop())
        given[child.name] = [
            item
            for name, value in child.inputs
            for item in at_hand.look_up(child.name, parent.name, name, value)
        ]
    for child in children:
        for item in given[child.name]:
            yield child.task, item
    if parent.ended is not None:
        while ended and _end(ended[-1]) <= parent.ended:
            at_hand.put_outputs(ended.pop())
        for name, value in parent.outputs:
            for item in at_hand.look_up(parent.name, parent.name, name, value):
                yield "", item


class _AtHand:
    """The values that a body could have passed on so far."""

    def __init__(self, *, all_values: bool) -> None:
        self._all_values = all_values
        self._places: defaultdict[bytes, list[_Place]] = defaultdict(list)

    def put(self, source: ActionName, steps: tuple[str, ...], value: Content) -> None:
        for path, part in places(value, steps):
            if self._counts(part):
                self._places[part.key].append((source, path))

    def put_outputs(self, action: Known) -> None:
        single = len(action.outputs) == 1
        for number, (_, value) in enumerate(action.outputs):
            self.put(action.name, () if single else (f"[{number}]",), value)

    def look_up(self, target: ActionName, inside: ActionName, param: str, value: Content) -> Iterator[_Item]:
        """The value as a whole if it was at hand, else its parts."""
        ahead: list[tuple[tuple[str, ...], Content]] = [((), value)]
        while ahead:
            steps, part = ahead.pop()
            if not part.length:
                continue
            # A copy: more comes to hand later. An action may have ended in the instant it began.
            near = self._places.get(part.key, ())
            found = [place for place in near if place[0] != target or target == inside]
            if found or (not part.parts and self._counts(part)):
                yield _Item(target, param, steps, part.length, found, inside)
            else:
                ahead += [((*steps, at), each) for at, each in reversed(part.parts)]

    def _counts(self, value: Content) -> bool:
        return value.refers or (self._all_values and value.length > 0)


def _edges(items: Sequence[_Item]) -> Iterator[Edge]:
    """The edges into one place of the program, from all the values that came there, in order."""
    seen: set[ActionName] = set()
    first = others = explained = 0
    for item in items:
        if item.found:
            explained += 1
        elif item.inside in seen:
            others += 1
        else:
            first += 1
        seen.add(item.inside)
    no_chance = not others and explained >= first
    for item in items:
        if no_chance or item.length >= _LONG:
            edge = _edge(item)
            if edge is not None:
                yield edge


def _edge(item: _Item) -> Edge | None:
    """The edge of a value that can have come from one action only."""
    sources = {source for source, _ in item.found}
    if len(sources) != 1:
        return None
    source = sources.pop()
    # Where several parts of it have the content, what holds them all is named.
    steps = [at[0] for at in takewhile(_agree, zip(*(steps for _, steps in item.found), strict=False))]
    relation: Relation = "data"
    if item.target == item.inside:
        relation = "result"
        if source == item.target:
            return None
    elif source == item.inside:
        relation = "argument"
        if not steps:
            return None
    return Edge(source, _path(steps), item.target, item.param, _path(item.steps), relation, "inferred")


def _agree(steps: tuple[str, ...]) -> bool:
    return len(set(steps)) == 1


def _path(steps: Sequence[str]) -> str:
    return "".join(steps).removeprefix(".")


def _end(action: Known) -> int:
    assert action.ended is not None
    return action.ended
