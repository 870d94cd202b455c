"""Replays a run with one thing changed, through its dependencies, and reads the new end.

Only what waited for something moves when that thing moves; what time the parent's own code took
between two calls stays as it was. New contention for the machine is not foreseen: it is an estimate.
"""

from dataclasses import dataclass

from flyte_core.dataflow.columns import ABSENT, Doing, RunColumns
from flyte_core.dataflow.waits import Waits, before_running


@dataclass(frozen=True, slots=True)
class Edit:
    """Of every action of one task, the time spent on `doing` is multiplied by `factor`."""

    task: int
    doing: Doing
    factor: float


class Replay:
    """A run prepared for replays: its events in an order in which each follows all it waited for."""

    def __init__(self, columns: RunColumns, waits: Waits) -> None:
        self._columns = columns
        self._waits = waits
        self._events = _events(columns, waits)
        self._pre = before_running(columns, waits)
        self._awaited_along: dict[int, int] = {row: row for row in waits.peer.values()}

    def end(self, edit: Edit | None = None) -> float:
        """When the run would have ended."""
        columns, waits = self._columns, self._waits
        created, task, parent = columns.created, columns.task, waits.parent
        driver, ready, by_time, closes = waits.driver, waits.ready, waits.by_time, waits.closes
        children, peer, old_end = waits.children, waits.peer, waits.end
        begins, source_rows = waits.sources
        changed, doing, factor = (edit.task, edit.doing, edit.factor) if edit else (ABSENT, Doing.QUEUED, 1.0)
        code = factor if doing is Doing.USER_CODE else 1.0
        end: list[float] = list(old_end)
        run: list[float] = list(waits.run)
        along: dict[int, float] = dict.fromkeys(self._awaited_along, 0.0)
        closing: list[float] = [0.0] * len(end)
        for event in self._events:
            if event >= 0:
                row, above = event, parent[event]
                if above == ABSENT:
                    begin: float = created[row]
                else:
                    waited = driver[row]
                    if waited == ABSENT:
                        since = run[above] + ready[row] - waits.run[above]
                    else:
                        since = end[waited] + ready[row] - old_end[waited]
                        if by_time[row] and waited in along:
                            since = max(since, along[waited])
                    for source in source_rows[begins[row] : begins[row + 1]]:
                        since = max(since, end[source] - max(0, old_end[source] - created[row]))
                    own = created[row] - ready[row]
                    begin = since + (own * code if task[above] == changed else own)
                run[row] = begin + waits.run[row] - created[row]
                if task[row] == changed and doing <= Doing.STARTING:
                    run[row] -= (1 - factor) * self._pre[doing][row]
                if children[row]:
                    continue
                own = old_end[row] - waits.run[row]
                if task[row] == changed and (code != 1.0 or doing is Doing.WAITING_FOR_ANSWER):
                    end[row] = run[row] + own * factor
                else:
                    end[row] = run[row] + own
            else:
                row = ~event
                above = parent[row]
                waited = waits.last[row]
                if waited == ABSENT:
                    since, own = run[row], old_end[row] - waits.run[row]
                else:
                    shifted = run[row] + waits.tail[row] - waits.run[row]
                    since, own = closing[row] or shifted, old_end[row] - waits.tail[row]
                end[row] = since + (own * code if task[row] == changed else own)
            if above == ABSENT:
                continue
            if closes[row]:
                late = end[row] - max(0, old_end[row] - waits.tail[above])
                if late > closing[above]:
                    closing[above] = late
            elif row in peer:
                along[peer[row]] = max(along[peer[row]], end[row])
        return end[0]


def _events(columns: RunColumns, waits: Waits) -> list[int]:
    """Rows as they begin, and those with children (as `~row`) as they end.

    Of two that end in the same instant, a child comes before its parent.
    """
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
