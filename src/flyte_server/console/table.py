"""A run as columns: what the browser needs of every action to draw, filter and count, and no more."""

import re
from array import array
from collections.abc import Iterable, Sequence

from flyte_core.model import Action, ActionKind, CacheStatus, ErrorInfo, Glance, Micros, Phase, RunKey
from flyte_server.console.columns import Column, indices, numbers, pack, strings

PHASES = {
    Phase.QUEUED: 1,
    Phase.WAITING_FOR_RESOURCES: 2,
    Phase.INITIALIZING: 3,
    Phase.RUNNING: 4,
    Phase.SUCCEEDED: 5,
    Phase.FAILED: 6,
    Phase.ABORTED: 7,
    Phase.TIMED_OUT: 8,
    Phase.PAUSED: 9,
    Phase.RECOVERED: 10,
}
KINDS = {ActionKind.TASK: 0, ActionKind.TRACE: 1, ActionKind.CONDITION: 2}
CACHE = {status: number for number, status in enumerate(CacheStatus)}

ABSENT = -1
"""A moment that did not come (yet), and the parent of the root."""

_MOMENTS = ("queued", "waiting", "starting", "running", "ended")
_NO_ERROR = 0
_MAX_ERRORS = 2_000
_SPAN = 2_000_000_000

_IDS = re.compile(r"0x[0-9a-fA-F]+|\b[0-9a-f]{8,}\b|\d+(?:\.\d+)?")


def cause(error: ErrorInfo) -> str:
    """What failures with one cause have in common: numbers and ids masked, the first line only."""
    first = error.message.strip().partition("\n")[0][:400]
    return _IDS.sub("#", first)[:160]


class Words:
    """A dictionary of strings in order of first use."""

    def __init__(self, *first: str) -> None:
        self.all = list(first)
        self._index = {word: number for number, word in enumerate(first)}

    def __len__(self) -> int:
        return len(self.all)

    def __call__(self, word: str) -> int:
        number = self._index.get(word)
        if number is None:
            number = self._index[word] = len(self.all)
            self.all.append(word)
        return number


class RunTable:
    """Columns of the actions of one run, one row each, in the order in which they were added.

    A snapshot is a table of all actions; a delta is a table of the changed ones, whose parents are
    named instead of numbered since the receiver knows rows that the table does not.
    """

    def __init__(self, run: RunKey, base: Micros) -> None:
        self.run = run
        self.base = base
        self.seq = 0
        self._rows: dict[str, int] = {}
        self._parents: list[str] = []
        self._moments = [array("q") for _ in _MOMENTS]
        self._order = array("I")
        self._phase = array("B")
        self._kind = array("B")
        self._attempts = array("B")
        self._cache = array("B")
        self._name = array("I")
        self._task = array("I")
        self._env = array("I")
        self._group = array("I")
        self._error = array("I")
        self._cuts: dict[int, tuple[Micros, ...]] = {}
        self._names = Words()
        self._tasks = Words()
        self._envs = Words()
        self._groups = Words("")
        self._errors: list[dict[str, str]] = [{"code": "", "cause": "", "kind": ""}]
        self._error_index: dict[tuple[str, str, str], int] = {}

    def __len__(self) -> int:
        return len(self._phase)

    def apply(self, actions: Iterable[Glance], seq: int) -> None:
        """Add the actions that are new, update the others; the table now stands at `seq`."""
        for action in actions:
            row = self._rows.get(action.name)
            if row is None:
                row = self._append(action)
            self._update(row, action)
        self.seq = max(self.seq, seq)

    def _append(self, action: Glance) -> int:
        row = len(self._phase)
        self._rows[action.name] = row
        self._parents.append(action.parent or "")
        for moments in self._moments:
            moments.append(ABSENT)
        self._order.append(action.seq)
        self._kind.append(KINDS[action.kind])
        self._name.append(self._names(action.spec.short_name or action.spec.task_name))
        self._task.append(self._tasks(action.spec.task_name))
        self._env.append(self._envs(action.spec.env_name))
        self._group.append(self._groups(action.group))
        for column in (self._phase, self._attempts, self._cache):
            column.append(0)
        self._error.append(_NO_ERROR)
        return row

    def _update(self, row: int, action: Glance) -> None:
        base = self.base
        for moments, at in zip(self._moments, action.moments, strict=True):
            moments[row] = ABSENT if at is None else max(0, at - base)
        self._phase[row] = PHASES[action.phase]
        self._attempts[row] = min(255, action.attempts)
        self._cache[row] = CACHE[action.cache_status]
        self._error[row] = self._error_number(action.error)
        if action.cuts:
            self._cuts[row] = tuple(Micros(max(0, at - base)) for at in action.cuts[:254])

    def _error_number(self, error: ErrorInfo | None) -> int:
        if error is None:
            return _NO_ERROR
        key = (error.code, cause(error), error.kind.value)
        number = self._error_index.get(key)
        if number is None:
            if len(self._errors) >= _MAX_ERRORS:
                key = (error.code, "", error.kind.value)
            number = self._error_index.setdefault(key, len(self._errors))
            if number == len(self._errors):
                self._errors.append(dict(zip(("code", "cause", "kind"), key, strict=True)))
        return number

    def encode(self, *, delta: bool = False) -> bytes:
        """The container to send."""
        longest = max((max(column, default=0) for column in self._moments), default=0) // 1000
        tick_ms = longest // _SPAN + 1
        columns: list[Column] = [*strings("id", self._rows)]
        header: dict[str, object] = {
            "version": 1,
            "seq": self.seq,
            "rows": len(self),
            "base_ms": self.base / 1000,
            "tick_ms": tick_ms,
            "names": self._names.all,
            "tasks": self._tasks.all,
            "envs": self._envs.all,
            "groups": self._groups.all,
            "errors": self._errors,
        }
        if delta:
            parents = Words("")
            numbered = array("I", (parents(parent) for parent in self._parents))
            header["parents"] = parents.all
            columns.append(indices("parent", numbered, len(parents)))
        else:
            rows = self._rows
            columns.append(
                numbers("parent", array("i", (rows.get(parent, ABSENT) for parent in self._parents)))
            )
        unit = 1000 * tick_ms
        for name, moments in zip(_MOMENTS, self._moments, strict=True):
            columns.append(numbers(name, array("i", (at // unit for at in moments))))
        columns += [
            numbers("order", self._order),
            numbers("phase", self._phase),
            numbers("kind", self._kind),
            numbers("attempts", self._attempts),
            numbers("cache", self._cache),
            indices("name", self._name, len(self._names)),
            indices("task", self._task, len(self._tasks)),
            indices("env", self._env, len(self._envs)),
            indices("group", self._group, len(self._groups)),
            indices("error", self._error, len(self._errors)),
            *self._cut_columns(unit),
        ]
        return pack(header, columns)

    def _cut_columns(self, unit: int) -> tuple[Column, Column, Column]:
        rows = sorted(self._cuts)
        return (
            numbers("cut_row", array("I", rows)),
            numbers("cut_count", array("B", (len(self._cuts[row]) for row in rows))),
            numbers("cut_at", array("i", (at // unit for row in rows for at in self._cuts[row]))),
        )


def delta(run: RunKey, base: Micros, actions: Sequence[Action], seq: int) -> bytes:
    """The changed actions as a container; parents are named."""
    table = RunTable(run, base)
    table.apply(map(Glance.of, actions), seq)
    return table.encode(delta=True)
