"""Replays a run with one thing changed, through its dependencies, and reads the new end.

Only what waited for something moves when that thing moves; what time the parent's own code took
between two calls stays as it was. New contention for the machine is not foreseen: it is an estimate.
"""

from collections.abc import Sequence

from flyte_core.dataflow.columns import ABSENT, Doing, RunColumns
from flyte_core.dataflow.waits import Waits, before_running
from flyte_core.frozen import frozen


@frozen
class Edit:
    """Of every action of one task, the time spent on `doing` is multiplied by `factor`."""

    task: int
    doing: Doing
    factor: float


class Replay:
    """A run prepared for replays: its events in an order in which each follows all it waited for.

    An event is a row that begins, or `~row` of one with children that ends. What each event needs
    stands beside it, so that replaying is one walk through columns.
    """

    def __init__(self, columns: RunColumns, waits: Waits) -> None:
        self._columns = columns
        self._waits = waits
        self._pre = before_running(columns, waits)
        self._along = dict.fromkeys(waits.peer.values(), 0.0)
        created, run, end = columns.created, waits.run, waits.end
        parent, driver = waits.parent, waits.driver
        events = _events(columns, waits)
        rows = [event if event >= 0 else ~event for event in events]
        self._events = events
        self._parents = [parent[row] for row in rows]
        self._drivers = [
            driver[row] if event >= 0 else waits.last[~event] for event, row in zip(events, rows, strict=True)
        ]
        self._leads = [
            created[row] - (end[waited] if waited != ABSENT else run[above] if above != ABSENT else 0)
            for row, waited, above in zip(rows, self._drivers, self._parents, strict=True)
        ]
        self._pres = [run[row] - created[row] for row in rows]
        self._bodies = [end[row] - run[row] for row in rows]
        self._more = [self._has_more(row) for row in rows]

    def _has_more(self, row: int) -> bool:
        """Whether the action waited for more than its driver."""
        begins, by_time = self._waits.sources.begins, self._waits.by_time[row]
        along = by_time and self._waits.driver[row] in self._along
        return along or begins[row + 1] - begins[row] > (0 if by_time else 1)

    def end(self, edit: Edit | None = None) -> float:
        """When the run would have ended."""
        waits, task = self._waits, self._columns.task
        closes, children, peer = waits.closes, waits.children, waits.peer
        changed = edit.task if edit else ABSENT
        code = edit.factor if edit and edit.doing is Doing.USER_CODE else 1.0
        end: list[float] = list(waits.end)
        run: list[float] = list(waits.run)
        along = dict(self._along)
        closing: list[float] = [0.0] * len(end)
        walk = zip(
            self._events,
            self._parents,
            self._drivers,
            self._leads,
            self._pres,
            self._bodies,
            self._more,
            strict=True,
        )
        for event, above, waited, lead, pre, body, more in walk:
            if event >= 0:
                row = event
                begin = lead + (end[waited] if waited >= 0 else run[above] if above >= 0 else 0)
                if more:
                    begin = self._after_all(row, begin, end, along)
                if code != 1.0 and above >= 0 and task[above] == changed:
                    begin -= (1.0 - code) * (self._columns.created[row] - waits.ready[row])
                began = begin + pre
                if edit and task[row] == changed:
                    began -= self._saved(row, edit)
                    if edit.doing >= Doing.USER_CODE:
                        body = self._shorter(row, body, edit.factor)
                run[row] = began
                if children[row]:
                    continue
                ended = end[row] = began + body
            else:
                row = ~event
                if waited < 0:
                    ended = run[row] + (self._shorter(row, body, code) if task[row] == changed else body)
                else:
                    tail = waits.tail[row]
                    since = closing[row] or run[row] + tail - waits.run[row]
                    own = waits.end[row] - tail
                    ended = since + (
                        self._shorter(row, own, code, tail=True) if task[row] == changed else own
                    )
                end[row] = ended
            if above < 0:
                continue
            if closes[row]:
                ended -= max(0, waits.end[row] - waits.tail[above])
                if ended > closing[above]:
                    closing[above] = ended
            elif row in peer:
                along[peer[row]] = max(along[peer[row]], ended)
        return end[0]

    def _after_all(self, row: int, begin: float, end: Sequence[float], along: dict[int, float]) -> float:
        """When an action begins that waited for more than its driver."""
        waits, created = self._waits, self._columns.created[row]
        own, ends = created - waits.ready[row], waits.end
        if waits.by_time[row]:
            begin = max(begin, along.get(waits.driver[row], 0.0) + own)
        begins, sources = waits.sources
        for place in range(begins[row], begins[row + 1]):
            source = sources[place]
            late = ends[source] - created
            ready = end[source] + own - late if late > 0 else end[source] + own
            if ready > begin:
                begin = ready
        return begin

    def _shorter(self, row: int, time: float, factor: float, *, tail: bool = False) -> float:
        """A body's time, or the `tail` of it, with its code that much faster; values take what they took."""
        columns = self._columns
        values = min(time, columns.writing.get(row, 0) + (0 if tail else columns.reading.get(row, 0)))
        return values + (time - values) * factor

    def _saved(self, row: int, edit: Edit) -> float:
        """What an edit takes from the time before an action first ran."""
        return (1.0 - edit.factor) * self._pre[edit.doing][row] if edit.doing <= Doing.STARTING else 0.0


def _events(columns: RunColumns, waits: Waits) -> list[int]:
    """Of two that end in the same instant, a child comes before its parent."""
    created, end = columns.created, waits.end
    parents = [row for row in waits.order if waits.children[row]]
    parents.reverse()
    parents.sort(key=end.__getitem__)
    events: list[int] = []
    closed = 0
    for row in waits.order:
        at = created[row]
        while closed < len(parents) and end[parents[closed]] <= at and parents[closed] != waits.parent[row]:
            events.append(~parents[closed])
            closed += 1
        events.append(row)
    events += [~row for row in parents[closed:]]
    return events
