"""Runs and actions as plain dictionaries: the JSON of the command line, the handles and the console.

Built here only, so that all of them agree. Instants are ISO 8601 in UTC, durations whole milliseconds.
"""

import time
from datetime import UTC, datetime, timedelta

from flyte_core.layout import DEFAULT_PORT
from flyte_core.model import (
    REPLAY_DIVERGED,
    Action,
    ActionKind,
    Divergence,
    ErrorInfo,
    Micros,
    Phase,
    ResourceRequest,
    RunKey,
    RunView,
)

DEFAULT_URL = f"http://localhost:{DEFAULT_PORT}"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST = (datetime(1, 1, 1, tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1)
_LAST = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1)

_WORDS = {
    Phase.QUEUED: "is queued",
    Phase.WAITING_FOR_RESOURCES: "is waiting for resources",
    Phase.INITIALIZING: "is starting",
    Phase.RUNNING: "is running",
    Phase.PAUSED: "is waiting for an answer",
    Phase.SUCCEEDED: "completed successfully",
    Phase.FAILED: "failed",
    Phase.ABORTED: "was aborted",
    Phase.TIMED_OUT: "timed out",
    Phase.RECOVERED: "was taken over from an earlier run",
}


def iso(at: Micros | None) -> str | None:
    """An instant as `2026-01-31T12:00:00.000000Z`: always UTC, always microseconds, so it sorts as text."""
    if at is None:
        return None
    moment = _EPOCH + timedelta(microseconds=min(max(at, _FIRST), _LAST))
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f").rjust(26, "0") + "Z"


def phase_word(action: Action) -> str:
    """The lower-case word of an action's phase, as every part of the system shows it."""
    return action.phase.value


def phase_sentence(action: Action) -> str:
    """What the phase means, to follow a name: `completed successfully`, `is waiting for an answer`."""
    return _WORDS[action.phase]


def duration_ms(action: Action, now: Micros | None = None) -> int:
    """From the action's creation to its end, or to `now` (by default the present) while it is open."""
    if action.ended_at is not None:
        end = action.ended_at
    else:
        end = Micros(time.time_ns() // 1_000) if now is None else now
    return max(0, end - action.created_at) // 1_000


def run_url(key: RunKey, base: str = DEFAULT_URL) -> str:
    """The address of a run's page; `base` is the server's, without a slash at the end."""
    return f"{base}/v2/runs/project/{key.project}/domain/{key.domain}/{key.name}"


def error_dict(error: ErrorInfo | None) -> dict[str, object] | None:
    """Why something did not succeed."""
    if error is None:
        return None
    return {
        "code": error.code,
        "message": error.message,
        "kind": error.kind.value,
        "traceback": error.traceback,
    }


def divergence_dict(found: Divergence) -> dict[str, object]:
    """A parent that asked for other children when it ran again."""
    return {
        "code": REPLAY_DIVERGED,
        "action": found.action,
        "attempt": found.attempt,
        "orphans": [{"name": orphan.name, "short_name": orphan.short_name} for orphan in found.orphans],
        "more": found.more,
        "message": str(found),
    }


def run_view_dict(view: RunView, now: Micros | None = None, base_url: str = DEFAULT_URL) -> dict[str, object]:
    """A run as a whole; its phase, times and error are those of its root action."""
    record, root = view.record, view.root
    return {
        "name": record.key.name,
        "project": record.key.project,
        "domain": record.key.domain,
        "task_name": record.task_name,
        "phase": phase_word(root),
        "status": phase_word(root),
        "start_time": iso(root.created_at),
        "end_time": iso(root.ended_at),
        "duration_ms": duration_ms(root, now),
        "url": run_url(record.key, base_url),
        "error": error_dict(root.error),
        "labels": dict(record.labels),
        "created_by": record.created_by,
        "mode": record.mode.value,
        "relation": record.relation,
        "related_run": record.related_run,
        "divergences": [divergence_dict(each) for each in root.divergences],
    }


def action_dict(action: Action, now: Micros | None = None) -> dict[str, object]:
    """One action. `attempts` counts executions of its body: 0 while it waits, or when the cache answered."""
    ran = 1 if action.kind is ActionKind.TRACE else len(action.attempts)
    return {
        "name": action.key.name,
        "run_name": action.key.run.name,
        "task_name": action.spec.task_name,
        "short_name": action.spec.short_name,
        "parent": action.parent,
        "seq": action.seq,
        "kind": action.kind.value,
        "group": action.group,
        "phase": phase_word(action),
        "attempts": ran,
        "start_time": iso(action.created_at),
        "end_time": iso(action.ended_at),
        "duration_ms": duration_ms(action, now),
        "cache_status": action.cache_status.value,
        "recovered_from": action.recovered_from,
        "error": error_dict(action.error),
        "divergences": [divergence_dict(each) for each in action.divergences],
    }


def beyond(asked: ResourceRequest, there: ResourceRequest) -> str:
    """What is asked for that is more than there is, in words to follow `asks for`; empty: nothing is."""
    had = asked.within(there)
    parts = []
    if asked.cpu is not None and had.cpu is not None and asked.cpu > had.cpu:
        parts.append(f"{asked.cpu:g} CPUs where there {'is' if had.cpu == 1 else 'are'} {had.cpu:g}")
    if (
        asked.memory_bytes is not None
        and had.memory_bytes is not None
        and asked.memory_bytes > had.memory_bytes
    ):
        parts.append(f"{_gib(asked.memory_bytes)} of memory where there are {_gib(had.memory_bytes)}")
    return " and ".join(parts)


def _gib(size: int) -> str:
    return f"{size / 2**30:.3g} GiB"
