"""An action at a glance: what it takes to draw, filter and count a whole run, and no more."""

from typing import NamedTuple

from flyte_core.model.action import Action, ActionKind, CacheStatus, ErrorInfo, TaskSpec
from flyte_core.model.ids import ActionName, Micros
from flyte_core.model.phase import Phase


class Glance(NamedTuple):
    """Large runs are read as these: a fraction of what whole actions cost."""

    name: ActionName
    parent: ActionName | None
    kind: ActionKind
    seq: int
    spec: TaskSpec
    phase: Phase
    group: str
    cache_status: CacheStatus
    error: ErrorInfo | None
    moments: tuple[Micros | None, Micros | None, Micros | None, Micros | None, Micros | None]
    """When it was queued, began to wait for a slot, to start, to run, and ended; `None`: it did not."""
    attempts: int
    cuts: tuple[Micros, ...]
    """When each attempt after the first began."""

    @classmethod
    def of(cls, action: Action) -> "Glance":
        """What there is to see of a whole action."""
        first = dict[Phase, Micros]()
        for attempt in action.attempts[:1]:
            for phase, at in attempt.transitions:
                first.setdefault(phase, at)
        waiting = first.get(Phase.WAITING_FOR_RESOURCES)
        if waiting is None and not action.attempts:
            waiting = action.waiting_since
        starting, running = first.get(Phase.INITIALIZING), first.get(Phase.RUNNING)
        if action.kind is not ActionKind.TASK:
            waiting, starting, running = None, None, action.started_at or action.created_at
        return cls(
            action.key.name,
            action.parent,
            action.kind,
            action.seq,
            action.spec,
            action.phase,
            action.group,
            action.cache_status,
            action.error,
            (action.created_at, waiting, starting, running, action.ended_at),
            len(action.attempts),
            tuple([each.transitions[0][1] for each in action.attempts[1:] if each.transitions]),
        )
