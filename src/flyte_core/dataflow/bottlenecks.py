"""Where the time of a run went, and what would have made it shorter."""

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import accumulate, pairwise
from typing import Final

from flyte_core.dataflow.columns import ABSENT, Doing, Piece, RunColumns
from flyte_core.dataflow.path import Stretch, critical_path
from flyte_core.dataflow.replay import Edit, Replay
from flyte_core.dataflow.slack import slack_of
from flyte_core.dataflow.waits import Waits, before_running, find_waits
from flyte_core.frozen import frozen
from flyte_core.model import ActionKind

BEST: Final = 3
_WORTH: Final = 100
"""A change that saves less than this part of the run's time is not worth a word."""
_REPLAYS: Final = 6
_SLICES: Final = 60

_EDITS: Final = {
    Doing.USER_CODE: 0.5,
    Doing.WAITING_FOR_RESOURCES: 0.0,
    Doing.QUEUED: 0.5,
    Doing.STARTING: 0.0,
    Doing.WAITING_FOR_ANSWER: 0.0,
}


@frozen
class Improvement:
    """One change, and how much sooner the run would have ended."""

    edit: Edit
    saves: int


@frozen
class TaskTime:
    """The actions of one task: what they did in all, and what of it was on the critical path."""

    task: int
    actions: int
    on_path: int
    """How many of them are on the path."""
    total: tuple[int, ...]
    """By `Doing`."""
    path: tuple[int, ...]

    @property
    def path_time(self) -> int:
        return sum(self.path)


@frozen
class Parallelism:
    """How many actions without children ran at once."""

    peak: int
    average: float
    slices: tuple[float, ...]
    """The average in each of equal parts of the run's time."""


class Analysis:
    """All that can be told of a run's time. Each part is computed when it is first asked for."""

    def __init__(self, columns: RunColumns, now: int) -> None:
        self.columns = columns
        self.waits: Waits = find_waits(columns, now)

    @property
    def duration(self) -> int:
        return self.waits.end[0]

    @cached_property
    def path(self) -> list[Stretch]:
        return critical_path(self.columns, self.waits)

    @cached_property
    def slack(self) -> list[int]:
        return slack_of(self.columns, self.waits)

    @cached_property
    def path_time(self) -> tuple[int, ...]:
        """Time on the critical path, by `Doing`."""
        return _by_doing(self.path)

    @cached_property
    def improvements(self) -> list[Improvement]:
        """The best few of a fixed set of changes, best first.

        No change saves more than its share of the critical path, so the promising ones are tried first.
        """
        bounds: Counter[tuple[int, Doing]] = Counter()
        for stretch in self.path:
            if stretch.doing in _EDITS:
                at = (self.columns.task[stretch.row], stretch.doing)
                bounds[at] += stretch.end - stretch.begin
        edits = [
            (time * (1 - _EDITS[doing]), Edit(task, doing, _EDITS[doing]))
            for (task, doing), time in bounds.items()
        ]
        edits.sort(key=lambda each: -each[0])
        replay = Replay(self.columns, self.waits)
        found: list[Improvement] = []
        for bound, edit in edits[:_REPLAYS]:
            if bound * _WORTH < self.duration or (len(found) >= BEST and found[BEST - 1].saves >= bound):
                break
            saves = self.duration - round(replay.end(edit))
            if saves * _WORTH >= self.duration:
                found.append(Improvement(edit, saves))
                found.sort(key=lambda each: -each.saves)
        return found[:BEST]

    @cached_property
    def tasks(self) -> list[TaskTime]:
        """Time by task, those that take most of the critical path first."""
        columns = self.columns
        totals = _totals(columns, self.waits)
        on_path: defaultdict[int, list[Stretch]] = defaultdict(list)
        for stretch in self.path:
            on_path[columns.task[stretch.row]].append(stretch)
        actions = Counter(columns.task)
        found = [
            TaskTime(
                task=task,
                actions=actions[task],
                on_path=len({stretch.row for stretch in on_path[task]}),
                total=tuple(totals[task]),
                path=_by_doing(on_path[task]),
            )
            for task in range(len(columns.tasks))
        ]
        return sorted(found, key=lambda each: (-each.path_time, -sum(each.total)))

    @cached_property
    def parallelism(self) -> Parallelism:
        run, end, children = self.waits.run, self.waits.end, self.waits.children
        leaves = [row for row in range(len(run)) if not children[row] and run[row] < end[row]]
        begins = sorted([run[row] for row in leaves])
        ends = sorted([end[row] for row in leaves])
        peak = over = 0
        for number, begin in enumerate(begins):
            while ends[over] <= begin:
                over += 1
            peak = max(peak, number + 1 - over)
        begun, ended = [0, *accumulate(begins)], [0, *accumulate(ends)]

        def work(until: float) -> float:
            """All that was done up to an instant."""
            came, went = bisect_right(begins, until), bisect_right(ends, until)
            return (came - went) * until - begun[came] + ended[went]

        length = max(1, self.duration)
        marks = [work(length * at / _SLICES) for at in range(_SLICES + 1)]
        slices = tuple((after - before) * _SLICES / length for before, after in pairwise(marks))
        return Parallelism(peak, work(length) / length, slices)


def _by_doing(stretches: Iterable[Stretch]) -> tuple[int, ...]:
    times = [0] * len(Doing)
    for stretch in stretches:
        times[stretch.doing] += stretch.end - stretch.begin
    return tuple(times)


def _totals(columns: RunColumns, waits: Waits) -> list[list[int]]:
    """By task and `Doing`. A parent's time while children of it were at work counts as waiting for them."""
    totals = [[0] * len(Doing) for _ in columns.tasks]
    created, end, run, task = columns.created, waits.end, waits.run, columns.task
    answers = {row for row, kind in enumerate(columns.kind) if kind is ActionKind.CONDITION}
    special = answers.union(columns.again, columns.reading, columns.writing)
    walk = zip(task, *before_running(columns, waits), run, end, strict=True)
    for row, (number, queued, waiting, starting, since, until) in enumerate(walk):
        own = totals[number]
        if row in special:
            _add_pieces(own, columns.pieces(row), until)
            continue
        own[0] += queued
        own[1] += waiting
        own[2] += starting
        own[Doing.USER_CODE] += until - since
    covered: dict[int, int] = {}  # by parent: until when the children seen so far were at work
    for row in waits.order:
        above = waits.parent[row]
        if above == ABSENT:
            continue
        since, until = created[row], end[row]
        if since < (known := covered.get(above, run[above])):
            since = known
        if until > end[above]:
            until = end[above]
        if until > since:
            covered[above] = until
            totals[task[above]][Doing.USER_CODE] -= until - since
            totals[task[above]][Doing.WAITING_FOR_CHILDREN] += until - since
    return totals


def _add_pieces(times: list[int], pieces: Sequence[Piece], until: int) -> None:
    for at, (doing, since) in enumerate(pieces):
        after = pieces[at + 1][1] if at + 1 < len(pieces) else until
        times[doing] += max(0, min(after, until) - since)
