"""Who waited for whom: of every action, which other one's end let it begin.

Recorded edges say so first. Where there are none, order in time does: an action waited for that of its
siblings which ended last before it was called, unless its parent was making calls all the while. One
more case is told by time although edges say less: a parent that awaited several calls goes on when the
last of them ends, whether its value is used or not.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

from flyte_core.dataflow.columns import ABSENT, RunColumns

_AT_ONCE = 20
"""A call waited for what ended within this part of the time since its last known producer's end."""
_SOON = 4
"""So much closer to an end than to the call before it must a call be, to have waited for that end."""


class Sources(NamedTuple):
    """The siblings whose values actions were given: those of a row are `rows[begins[row] : begins[row + 1]]`."""

    begins: list[int]
    rows: list[int]


@dataclass(slots=True)
class Waits:
    """All columns are by row; `ABSENT` stands for the parent's own code."""

    order: list[int]
    """Rows by creation."""
    by_end: list[int]
    parent: list[int]
    end: list[int]
    children: list[list[int]]
    """In the order of creation."""
    run: list[int]
    """Since when the action ran, and so could call others; its end when it never did."""
    sources: Sources = field(default_factory=lambda: Sources([], []))
    driver: list[int] = field(default_factory=list)
    """The sibling whose end let it begin."""
    ready: list[int] = field(default_factory=list)
    """Since when it could have begun, had the parent's own code taken no time."""
    by_time: list[bool] = field(default_factory=list)
    """Whether only order in time tells the driver."""
    last: list[int] = field(default_factory=list)
    """The child whose end let the action end."""
    tail: list[int] = field(default_factory=list)
    """Since when the action could have ended, had its own code taken no time."""
    peer: dict[int, int] = field(default_factory=dict)
    """Of an action nobody took values from: another one, that ended later and was waited for as well."""
    closes: list[bool] = field(default_factory=list)
    """Whether the parent waited for it at its own end."""


def find_waits(columns: RunColumns, now: int) -> Waits:
    """From the columns of a run; what is open ends `now`."""
    waits = _frame(columns, now)
    results = _take_edges(columns, waits)
    _find_drivers(columns, waits)
    _find_last(waits, results)
    _find_peers(columns.created, waits, results)
    return waits


def _frame(columns: RunColumns, now: int) -> Waits:
    created, parent = columns.created, columns.parent
    size = len(created)
    end = [
        max(at, since) if at != ABSENT else max(now, since)
        for at, since in zip(columns.ended, created, strict=True)
    ]
    order = sorted(range(size), key=created.__getitem__)
    children: list[list[int]] = [_NONE] * size
    for row in order:
        above = parent[row]
        if above != ABSENT:
            known = children[above]
            if known is _NONE:
                children[above] = [row]
            else:
                known.append(row)
    run = [at if at != ABSENT else until for at, until in zip(columns.running, end, strict=True)]
    return Waits(order, sorted(order, key=end.__getitem__), parent, end, children, run)


_NONE: list[int] = []


def _take_edges(columns: RunColumns, waits: Waits) -> dict[int, list[int]]:
    """Sources among siblings; returns the children whose values each parent returned."""
    parent, created = waits.parent, columns.created
    found: list[int] = []  # target and source in one number, to be sorted
    results: dict[int, list[int]] = {}
    for source, target, is_result in zip(columns.sources, columns.targets, columns.results, strict=True):
        inside = target if is_result else parent[target]
        while source != ABSENT and parent[source] != inside:
            source = parent[source]
        if source in (ABSENT, target):
            continue
        if is_result:
            results.setdefault(target, []).append(source)
        elif created[source] < created[target] or (created[source] == created[target] and source < target):
            found.append(target << 32 | source)
    waits.sources = _ranges(found, len(created))
    return results


def _ranges(pairs: list[int], size: int) -> Sources:
    """Each target's sources, once each."""
    pairs.sort()
    begins = [0] * (size + 1)
    sources: list[int] = []
    before = ABSENT
    for pair in pairs:
        if pair != before:
            before = pair
            sources.append(pair & 0xFFFFFFFF)
            begins[(pair >> 32) + 1] += 1
    for row in range(size):
        begins[row + 1] += begins[row]
    return Sources(begins, sources)


def _find_drivers(columns: RunColumns, waits: Waits) -> None:
    created, reading = columns.created, columns.reading
    parent, end, run = waits.parent, waits.end, waits.run
    begins, source_rows = waits.sources
    size = len(created)
    driver, ready, by_time = [ABSENT] * size, [0] * size, [False] * size
    latest = [ABSENT] * size  # by parent: the child that ended last so far
    awaited = [ABSENT] * size  # by parent: the child that its latest call waited for
    called = [0] * size  # by parent: when that call was made
    open_calls = [0] * size
    by_end, ended = waits.by_end, 0
    for row in waits.order:
        at, above = created[row], parent[row]
        while ended < size and end[by_end[ended]] <= at:
            other = by_end[ended]
            ended += 1
            inside = parent[other]
            if created[other] < end[other] and inside != ABSENT:
                latest[inside] = other
                open_calls[inside] -= 1
        if above == ABSENT:
            continue
        best, since = ABSENT, ABSENT
        for place in range(begins[row], begins[row + 1]):
            source = source_rows[place]
            if end[source] > since:
                best, since = source, end[source]
        since = min(since, at)
        seen = latest[above]
        if seen != ABSENT and seen != best:
            if best == ABSENT:
                # A call made in the midst of others follows them, not what happened to end meanwhile.
                if open_calls[above] and (at - end[seen]) * _SOON > at - called[above]:
                    seen = awaited[above]
                best, by_time[row] = seen, seen != ABSENT
            elif end[seen] > since and (at - end[seen]) * _AT_ONCE <= at - since:
                best, by_time[row] = seen, True
        driver[row] = best
        ready[row] = min(at, end[best] if best != ABSENT else run[above] + reading.get(above, 0))
        awaited[above], called[above] = best, at
        if end[row] == at:
            latest[above] = row
        else:
            open_calls[above] += 1
    waits.driver, waits.ready, waits.by_time = driver, ready, by_time


def _find_last(waits: Waits, results: dict[int, list[int]]) -> None:
    end, children = waits.end, waits.children
    size = len(end)
    last, tail = [ABSENT] * size, [0] * size
    for row in range(size):
        if children[row] is _NONE:
            continue
        limit = end[row]
        best = seen = ABSENT
        since = seen_end = ABSENT
        for child in results.get(row, _NONE):
            if since < end[child]:
                best, since = child, end[child]
        since = min(since, limit)
        for child in children[row]:
            if seen_end < end[child] <= limit:
                seen, seen_end = child, end[child]
        if seen != ABSENT and (
            best == ABSENT or (seen_end > since and (limit - seen_end) * _AT_ONCE <= limit - since)
        ):
            best, since = seen, seen_end
        last[row], tail[row] = best, since
    waits.last, waits.tail = last, tail


def _find_peers(created: list[int], waits: Waits, results: dict[int, list[int]]) -> None:
    """What became of those from whom nobody took a value: they were awaited along with others."""
    parent, end, driver = waits.parent, waits.end, waits.driver
    size = len(created)
    awaited = [False] * size
    for row in range(size):
        if driver[row] != ABSENT:
            awaited[driver[row]] = True
    for source in waits.sources.rows:
        awaited[source] = True
    closes = [False] * size
    for target, found in results.items():
        for source in found:
            closes[source] = end[source] <= waits.tail[target]
            awaited[source] = True
    for row in range(size):
        if waits.last[row] != ABSENT:
            closes[waits.last[row]] = True
    after = [ABSENT] * size  # by parent: the driver of the next call that waited by time only
    order, next_call = waits.order, size - 1
    for row in reversed(waits.by_end):
        until = end[row]
        while next_call >= 0 and created[order[next_call]] >= until:
            call = order[next_call]
            next_call -= 1
            if waits.by_time[call]:
                after[parent[call]] = driver[call]
        above = parent[row]
        if awaited[row] or above == ABSENT:
            continue
        other = after[above]
        if other not in (ABSENT, row) and end[other] >= until:
            waits.peer[row] = other
        else:
            closes[row] = until <= waits.tail[above]
    waits.closes = closes


def before_running(columns: RunColumns, waits: Waits) -> list[list[int]]:
    """How long each action was queued, waited for resources and was starting, before it first ran."""
    run = waits.run
    starting = [
        until if at == ABSENT else min(at, until) for at, until in zip(columns.starting, run, strict=True)
    ]
    waiting = [
        until if at == ABSENT else min(at, until) for at, until in zip(columns.waiting, starting, strict=True)
    ]
    return [
        [until - since for since, until in zip(columns.created, waiting, strict=True)],
        [until - since for since, until in zip(waiting, starting, strict=True)],
        [until - since for since, until in zip(starting, run, strict=True)],
    ]
