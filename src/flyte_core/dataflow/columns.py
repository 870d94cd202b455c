"""A run as columns, one row an action, for analysis: kept up to date by what changed.

Instants are microseconds since the root was created. An action that is still open ends `now`.
"""

from collections.abc import Iterable, Sequence
from enum import IntEnum
from operator import attrgetter

from flyte_core.dataflow.edges import Edge
from flyte_core.model import Action, ActionKind, Digest, Micros, Phase, TaskSpec

_creation = attrgetter("created_at", "depth", "seq")

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
        self._numbers: dict[Digest, int] = {}

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
        if fresh:
            self._append(fresh)

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

    def _append(self, fresh: Sequence[Action]) -> None:
        if self.base is None:
            self.base = fresh[0].created_at
        rows, base, first = self.rows, self.base, len(self.rows)
        for row, action in enumerate(fresh, first):
            rows[action.key.name] = row
        self.task += [self._task_number(action.spec) for action in fresh]
        self.parent += [
            ABSENT if action.parent is None else rows.get(action.parent, ABSENT) for action in fresh
        ]
        self.seq += [action.seq for action in fresh]
        self.kind += [action.kind for action in fresh]
        self.group += [action.group for action in fresh]
        self.created += [action.created_at - base for action in fresh]
        self.phase += [action.phase for action in fresh]
        for column in (self.waiting, self.starting, self.running, self.ended):
            column += [ABSENT] * len(fresh)
        for row, action in enumerate(fresh, first):
            self._update(row, action)

    def _task_number(self, spec: TaskSpec) -> int:
        number = self._numbers.get(spec.digest)
        if number is None:
            name = spec.task_name, spec.short_name
            number = self._numbers[spec.digest] = self._task_numbers.setdefault(name, len(self.tasks))
            if number == len(self.tasks):
                self.tasks.append(spec.task_name)
                self.short_names.append(spec.short_name or spec.task_name)
        return number

    def _update(self, row: int, action: Action) -> None:
        base, created = self.base or 0, self.created[row]
        self.phase[row] = action.phase
        ended = action.ended_at
        if ended is not None:
            self.ended[row] = ended - base if ended - base > created else created
        if action.kind is not ActionKind.TASK:
            started = action.started_at
            self.running[row] = created if started is None else max(started - base, created)
            return
        if not action.attempts:
            if action.waiting_since is not None:
                self.waiting[row] = max(action.waiting_since - base, created)
            return
        attempt = action.attempts[0]
        for phase, at in attempt.transitions:
            # Compared one by one: to hash a member of an enumeration takes longer than all of this.
            if phase is Phase.RUNNING:
                self.running[row] = at - base if at - base > created else created
            elif phase is Phase.INITIALIZING:
                self.starting[row] = at - base if at - base > created else created
            elif phase is Phase.WAITING_FOR_RESOURCES:
                self.waiting[row] = at - base if at - base > created else created
        if len(action.attempts) > 1:
            self.again[row] = tuple(_pieces(action, base))
            return
        if attempt.reading_us:
            self.reading[row] = attempt.reading_us
        if attempt.writing_us:
            self.writing[row] = attempt.writing_us


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
