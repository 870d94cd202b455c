"""Two runs side by side: their actions aligned by call path, and where they first went apart."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, Literal

from flyte_core.frozen import frozen
from flyte_core.model import ROOT, Action, ActionName, RunView

Difference = Literal["only_a", "only_b", "code", "inputs", "phase", "outputs"]
"""Called in one of the runs only; another version of the code; other inputs; ended otherwise; or other
outputs although nothing before differed."""

Path = tuple[str, ...]
"""The call path of a shape: names from the root down, groups included as `[group]`."""


@frozen
class Stats:
    """All actions of one shape in one run. Times are from the creation of an action to its end."""

    count: int = 0
    failed: int = 0
    cached: int = 0
    attempts: int = 0
    total_us: int = 0
    longest_us: int = 0
    median_us: int = 0


@frozen
class Shape:
    """A call path with what came of it in each run; `None` where a run never went there."""

    path: Path
    a: Stats | None
    b: Stats | None

    @property
    def change_us(self) -> int:
        """How much longer it took in all in the second run."""
        return (self.b.total_us if self.b else 0) - (self.a.total_us if self.a else 0)


@frozen
class Apart:
    """Where two runs went apart; one of the actions is `None` when the other run did not call it."""

    difference: Difference
    path: Path
    a: Action | None
    b: Action | None


@frozen
class Comparison:
    a: RunView
    b: RunView
    shapes: tuple[Shape, ...]
    """Those that changed most in time first."""
    first: Apart | None
    """The first difference in call order, the root's own inputs and code left out: those are told anyway."""

    def of_interest(self) -> tuple[Action, ...]:
        """The actions whose values one wants to see: both roots, and where the runs went apart."""
        apart = (self.first.a, self.first.b) if self.first else ()
        found = {each.key: each for each in (self.a.root, self.b.root, *apart) if each is not None}
        return tuple(found.values())


def compare(a: RunView, b: RunView, of_a: Iterable[Action], of_b: Iterable[Action]) -> Comparison:
    """Align the actions of two runs."""
    one, other = _Tree(of_a), _Tree(of_b)
    left, right = one.shapes(), other.shapes()
    paths = list(dict.fromkeys([*left, *right]))
    shapes = [
        Shape(
            path, _stats(left[path]) if path in left else None, _stats(right[path]) if path in right else None
        )
        for path in paths
    ]
    shapes.sort(key=lambda shape: -abs(shape.change_us))
    return Comparison(a, b, tuple(shapes), _first(one, other))


class _Tree:
    def __init__(self, actions: Iterable[Action]) -> None:
        self.root: Action | None = None
        self.children: Mapping[ActionName, list[Action]] = defaultdict(list)
        for action in actions:
            if action.key.name == ROOT:
                self.root = action
            elif action.parent is not None:
                self.children[action.parent].append(action)
        for siblings in self.children.values():
            siblings.sort(key=lambda each: each.seq)

    def shapes(self) -> dict[Path, list[Action]]:
        """Every action by its call path, paths in the order in which they were first gone."""
        found: dict[Path, list[Action]] = defaultdict(list)
        stack: list[tuple[Action, Path]] = [(self.root, ())] if self.root is not None else []
        while stack:
            action, above = stack.pop()
            path = (*above, *step(action))
            found[path].append(action)
            stack += [(child, path) for child in reversed(self.children.get(action.key.name, ()))]
        return found


def step(action: Action) -> Path:
    """What an action adds to the path of its parent."""
    name = action.spec.short_name or action.spec.task_name
    return (f"[{action.group}]", name) if action.group else (name,)


def _duration(action: Action) -> int:
    return max(0, action.ended_at - action.created_at) if action.ended_at is not None else 0


def _stats(actions: list[Action]) -> Stats:
    times = sorted(map(_duration, actions))
    return Stats(
        count=len(actions),
        failed=sum(each.phase.terminal and not each.phase.good for each in actions),
        cached=sum(each.cache_status.value == "hit" for each in actions),
        attempts=sum(len(each.attempts) for each in actions),
        total_us=sum(times),
        longest_us=times[-1],
        median_us=times[len(times) // 2],
    )


_CALL: Final[tuple[Difference, ...]] = ("code", "inputs")
_END: Final[tuple[Difference, ...]] = ("phase", "outputs")


def _first(one: _Tree, other: _Tree) -> Apart | None:
    """Walk both trees in call order: what was called, what that called, then what came of it."""
    if one.root is None or other.root is None:
        return None
    stack: list[tuple[Action | None, Action | None, Path, bool]] = [
        (one.root, other.root, step(one.root), False)
    ]
    while stack:
        a, b, path, ended = stack.pop()
        if a is None or b is None:
            return Apart("only_b" if a is None else "only_a", path, a, b)
        is_root = a.key.name == ROOT
        for difference in _END if ended else () if is_root else _CALL:
            if _differs(difference, a, b):
                return Apart(difference, path, a, b)
        if not ended:
            stack.append((a, b, path, True))
            below = list(_pairs(one.children.get(a.key.name, []), other.children.get(b.key.name, [])))
            stack += [(x, y, (*path, *step(x or y)), False) for x, y in reversed(below) if x or y]  # type: ignore[arg-type]
    return None


def _differs(difference: Difference, a: Action, b: Action) -> bool:
    match difference:
        case "code":
            return a.spec.task_version != b.spec.task_version
        case "inputs":
            return _hash(a.inputs) != _hash(b.inputs)
        case "phase":
            return a.phase.good != b.phase.good or (not a.phase.good and a.phase != b.phase)
        case _:
            return _hash(a.outputs) != _hash(b.outputs)


def _hash(ref: object) -> str:
    return getattr(ref, "sha256", "")


def _pairs(left: list[Action], right: list[Action]) -> Iterator[tuple[Action | None, Action | None]]:
    """Calls of one parent beside those of the other: same name and inputs first, then in call order."""
    partners: dict[ActionName, Action | None] = {}
    taken: set[ActionName] = set()
    for whole in (True, False):
        waiting: dict[tuple[str, ...], list[Action]] = defaultdict(list)
        for each in right:
            if each.key.name not in taken:
                waiting[_family(each, whole)].append(each)
        for queue in waiting.values():
            queue.reverse()
        for each in left:
            found = waiting.get(_family(each, whole)) if partners.get(each.key.name) is None else None
            if found:
                partner = partners[each.key.name] = found.pop()
                taken.add(partner.key.name)
    for each in left:
        yield each, partners.get(each.key.name)
    for each in right:
        if each.key.name not in taken:
            yield None, each


def _family(action: Action, whole: bool) -> tuple[str, ...]:
    return (*step(action), action.kind.value, _hash(action.inputs) if whole else "")
