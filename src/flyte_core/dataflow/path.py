"""The critical path: the chain of actions that decided how long the run took, from its start to its end."""

from bisect import bisect_right

from flyte_core.dataflow.columns import ABSENT, Doing, Piece, RunColumns
from flyte_core.dataflow.waits import Waits
from flyte_core.frozen import frozen


@frozen
class Stretch:
    """A piece of the path: what one action did from one instant to another."""

    row: int
    doing: Doing
    begin: int
    end: int


def critical_path(columns: RunColumns, waits: Waits, root: int = 0) -> list[Stretch]:
    """Stretches that tile the time of `root` without gap or overlap, oldest first.

    It is found backwards. What an action did after the last child it waited for had ended is its own;
    then follows that child, from its end back to its beginning; then what that child had waited for.
    """
    created, driver = columns.created, waits.driver
    found: list[Stretch] = []
    own = _OwnTime(columns, waits)
    pending = [(root, waits.end[root], waits.last[root])]
    while pending:
        row, until, child = pending.pop()
        while child != ABSENT and created[child] > until:
            child = driver[child]
        if child == ABSENT:
            own.back(row, created[row], until, found)
            continue
        child_end = min(waits.end[child], until)
        own.back(row, child_end, until, found)
        pending.append((row, created[child], driver[child]))
        pending.append((child, child_end, waits.last[child]))
    found.reverse()
    return found


class _OwnTime:
    """What an action did by itself between two instants, as stretches from the latest to the first."""

    def __init__(self, columns: RunColumns, waits: Waits) -> None:
        self._columns = columns
        self._waits = waits
        self._busy: dict[int, tuple[list[int], list[int]]] = {}

    def back(self, row: int, begin: int, end: int, found: list[Stretch]) -> None:
        """Append the stretches of `row` from `end` back to `begin`."""
        if begin >= end:
            return
        pieces = self._columns.pieces(row)
        at = bisect_right(pieces, end - 1, key=_since) - 1
        while end > begin:
            doing, since = pieces[max(at, 0)]
            start = begin if at <= 0 else max(begin, since)
            if doing is Doing.USER_CODE and self._waits.children[row]:
                self._code(row, start, end, found)
            elif start < end:
                found.append(Stretch(row, doing, start, end))
            end = start
            at -= 1

    def _code(self, row: int, begin: int, end: int, found: list[Stretch]) -> None:
        """Its own code; while children of it were at work, it waited for them."""
        begins, ends = self._intervals(row)
        at = bisect_right(begins, end - 1) - 1
        while at >= 0 and ends[at] > begin:
            if ends[at] < end:
                found.append(Stretch(row, Doing.USER_CODE, ends[at], end))
                end = ends[at]
            start = max(begins[at], begin)
            found.append(Stretch(row, Doing.WAITING_FOR_CHILDREN, start, end))
            end = start
            at -= 1
        if begin < end:
            found.append(Stretch(row, Doing.USER_CODE, begin, end))

    def _intervals(self, row: int) -> tuple[list[int], list[int]]:
        """When children of it were at work, joined."""
        if row not in self._busy:
            created, end = self._columns.created, self._waits.end
            begins: list[int] = []
            ends: list[int] = []
            for child in self._waits.children[row]:
                since, until = created[child], end[child]
                if since == until:
                    continue
                if ends and since <= ends[-1]:
                    ends[-1] = max(ends[-1], until)
                else:
                    begins.append(since)
                    ends.append(until)
            self._busy[row] = begins, ends
        return self._busy[row]


def _since(piece: Piece) -> int:
    return piece[1]
