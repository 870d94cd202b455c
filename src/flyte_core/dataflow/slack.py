"""Slack: how much later an action could have ended without the run ending later."""

from flyte_core.dataflow.columns import ABSENT, RunColumns
from flyte_core.dataflow.waits import Waits

_FAR = 1 << 62


def slack_of(columns: RunColumns, waits: Waits) -> list[int]:
    """By row, in microseconds. Nothing on the critical path has any.

    First within each parent, from what was called last to what was called first; then the parent's
    own slack is added, since what a parent can wait, all below it can.
    """
    created, end, parent = columns.created, waits.end, waits.parent
    driver, ready, by_time = waits.driver, waits.ready, waits.by_time
    begins, source_rows = waits.sources
    slack = [_FAR] * len(created)
    after: dict[int, int] = {}  # by an action waited for by time only: the least slack of those that waited
    for row in range(len(created)):
        if waits.closes[row]:
            slack[row] = max(0, waits.tail[parent[row]] - end[row])
    for row in reversed(waits.order):
        above = parent[row]
        if above == ABSENT:
            slack[row] = 0
            continue
        if slack[row] == _FAR:
            other = waits.peer.get(row, ABSENT)
            if other != ABSENT and other in after:
                slack[row] = after[other] + end[other] - end[row]
            else:
                slack[row] = max(0, end[above] - end[row])
        own = slack[row]
        since = ready[row]
        for source in source_rows[begins[row] : begins[row + 1]]:
            slack[source] = min(slack[source], own + since - min(end[source], created[row]))
        if by_time[row]:
            waited = driver[row]
            slack[waited] = min(slack[waited], own)
            after[waited] = min(after.get(waited, _FAR), own)
    for row in waits.order:
        if parent[row] != ABSENT:
            slack[row] += slack[parent[row]]
    return slack
