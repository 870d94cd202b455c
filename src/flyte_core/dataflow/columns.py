"""A run as columns, one row an action, for analysis: kept up to date by what changed.

Instants are microseconds since the root was created. An action that is still open ends `now`.
"""

from collections.abc import Iterable
from enum import IntEnum

from flyte_core.dataflow.edges import Edge
from flyte_core.model import Action, ActionKind, Micros, Phase

ABSENT = -1
"""No row, or a moment that did not come."""


class Doing(IntEnum):
    """What an action's time goes to. The order is that of an action's life."""

    QUEUED = 0
    WAITING_FOR_RESOURCES = 1
    STARTING = 2
    READING_INPUTS = 3
    USER_CODE = 4
    WAITING_FOR_CHILDREN = 5
    WAITING_FOR_ANSWER = 6
    WRITING_OUTPUTS = 7

    @property
    def word(self) -> str:
        return self.name.lower()


_DOING = {
    Phase.QUEUED: Doing.QUEUED,
    Phase.WAITING_FOR_RESOURCES: Doing.WAITING_FOR_RESOURCES,
    Phase.INITIALIZING: Doing.STARTING,
    Phase.RUNNING: Doing.USER_CODE,
}

Piece = tuple[Doing, int]
"""What began when; it lasts until the next piece, or the end."""


class RunColumns:
    """The actions of one run and the edges between them. `apply` takes new and changed ones alike.

    Rows stand in the order of creation, parents before children.
    """

    def __init__(self) -> None:
        self.base: Micros | None = None
        self.rows: dict[str, int] = {}
        self.parent: list[int] = []
        self.seq: list[int] = []
        self.kind: list[ActionKind] = []
        self.phase: list[Phase] = []
        self.task: list[int] = []
        self.group: list[str] = []
        self.tasks: list[str] = []
        """Each task's full name, by number."""
        self.short_names: list[str] = []
        self.created: list[int] = []
        self.waiting: list[int] = []
        self.starting: list[int] = []
        self.running: list[int] = []
        self.ended: list[int] = []
        self.again: dict[int, tuple[Piece, ...]] = {}
        """The pieces of actions with more than one attempt."""
        self.reading: dict[int, int] = {}
        """How long reading its inputs took, of actions with one attempt that told so."""
        self.writing: dict[int, int] = {}
        self.sources: list[int] = []
        """Of each edge that says what waited for what: where the value came from."""
        self.targets: list[int] = []
        self.results: list[bool] = []
        """Of each such edge: whether its target returned the value."""
        self._task_numbers: dict[tuple[str, str], int] = {}

    def __len__(self) -> int:
        return len(self.created)

    def apply(self, actions: Iterable[Action]) -> None:
        """Take actions that are new or have changed."""
        fresh: list[Action] = []
        for action in actions:
            row = self.rows.get(action.key.name)
            if row is None:
                fresh.append(action)
            else:
                self._update(row, action)
        fresh.sort(key=_creation)
        for action in fresh:
            self._append(action)

    def connect(self, edges: Iterable[Edge]) -> None:
        """Take all edges of the run, of which those are kept that say what waited for what."""
        rows = self.rows
        self.sources, self.targets, self.results = [], [], []
        for edge in edges:
            relation = edge.relation
            if relation == "argument":
                continue
            source, target = rows.get(edge.source), rows.get(edge.target)
            if source is not None and target is not None:
                self.sources.append(source)
                self.targets.append(target)
                self.results.append(relation == "result")

    def names(self) -> list[str]:
        return list(self.rows)

    def pieces(self, row: int) -> tuple[Piece, ...]:
        """What the action did from its creation on, without a look at its children."""
        if row in self.again:
            return self.again[row]
        created = self.created[row]
        if self.kind[row] is ActionKind.CONDITION:
            return ((Doing.WAITING_FOR_ANSWER, created),)
        moments = (
            (Doing.QUEUED, created),
            (Doing.WAITING_FOR_RESOURCES, self.waiting[row]),
            (Doing.STARTING, self.starting[row]),
            *self._running(row),
        )
        return tuple(piece for piece in moments if piece[1] != ABSENT)

    def _running(self, row: int) -> Iterable[Piece]:
        running, ended = self.running[row], self.ended[row]
        if ended == ABSENT or running == ABSENT:
            return ((Doing.USER_CODE, running),)
        return _body(running, ended, self.reading.get(row, 0), self.writing.get(row, 0))

    def _append(self, action: Action) -> None:
        if self.base is None:
            self.base = action.created_at
        row = self.rows[action.key.name] = len(self.created)
        spec = action.spec
        task = self._task_numbers.setdefault((spec.task_name, spec.short_name), len(self.tasks))
        if task == len(self.tasks):
            self.tasks.append(spec.task_name)
            self.short_names.append(spec.short_name or spec.task_name)
        self.task.append(task)
        self.parent.append(ABSENT if action.parent is None else self.rows.get(action.parent, ABSENT))
        self.seq.append(action.seq)
        self.kind.append(action.kind)
        self.group.append(action.group)
        self.created.append(action.created_at - self.base)
        self.phase.append(action.phase)
        for column in (self.waiting, self.starting, self.running, self.ended):
            column.append(ABSENT)
        self._update(row, action)

    def _update(self, row: int, action: Action) -> None:
        base = self.base or 0
        self.phase[row] = action.phase
        if action.ended_at is not None:
            self.ended[row] = max(action.ended_at - base, self.created[row])
        if action.kind is not ActionKind.TASK:
            started = action.started_at
            self.running[row] = (
                self.created[row] if started is None else max(started - base, self.created[row])
            )
            return
        if not action.attempts:
            if action.waiting_since is not None:
                self.waiting[row] = max(action.waiting_since - base, self.created[row])
            return
        for phase, at in action.attempts[0].transitions:
            if phase is Phase.RUNNING:
                self.running[row] = max(at - base, self.created[row])
            elif phase is Phase.INITIALIZING:
                self.starting[row] = max(at - base, self.created[row])
            elif phase is Phase.WAITING_FOR_RESOURCES:
                self.waiting[row] = max(at - base, self.created[row])
        if len(action.attempts) > 1:
            self.again[row] = tuple(_pieces(action, base))
        else:
            _keep(self.reading, row, action.attempts[0].reading_us)
            _keep(self.writing, row, action.attempts[0].writing_us)


def _creation(action: Action) -> tuple[int, int, int]:
    return action.created_at, action.depth, action.seq


def _keep(column: dict[int, int], row: int, time: int) -> None:
    if time:
        column[row] = time


def _body(running: int, ended: int, reading: int, writing: int) -> Iterable[Piece]:
    """A body's time: its inputs are read, its code runs, its outputs are written."""
    if reading:
        yield Doing.READING_INPUTS, running
    code = min(running + reading, ended)
    yield Doing.USER_CODE, code
    if writing:
        yield Doing.WRITING_OUTPUTS, max(code, ended - writing)


def _pieces(action: Action, base: int) -> Iterable[Piece]:
    """Of an action that was tried more than once: between two attempts it is queued."""
    latest = action.created_at - base
    yield Doing.QUEUED, latest
    for attempt in action.attempts:
        ended = None if attempt.ended_at is None else attempt.ended_at - base
        for phase, at in attempt.transitions:
            latest = max(latest, at - base)
            if phase is Phase.RUNNING and ended is not None:
                yield from _body(latest, max(latest, ended), attempt.reading_us, attempt.writing_us)
            else:
                yield _DOING.get(phase, Doing.QUEUED), latest
