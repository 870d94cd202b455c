"""Tasks as their runs tell of them: how the last ones went, how long they take."""

from statistics import median

from flyte_core.model import Micros, RunView
from flyte_core.store.ports import Reader, RunQuery

LOOKED_AT = 600
SHOWN = 16
MAX_TASKS = 60


def tasks(store: Reader, project: str | None, domain: str | None) -> dict[str, object]:
    """The tasks of the newest runs, those with most of them first, and whose runs they are."""
    page = store.runs(RunQuery(project=project, domain=domain, limit=LOOKED_AT))
    by_task: dict[str, list[RunView]] = {}
    for view in page.runs:
        by_task.setdefault(view.record.task_name, []).append(view)
    ordered = sorted(by_task.items(), key=lambda item: -len(item[1]))[:MAX_TASKS]
    owners = {view.record.created_by for view in page.runs} - {""}
    return {"tasks": [_task(name, views) for name, views in ordered], "owners": sorted(owners)}


def _task(name: str, views: list[RunView]) -> dict[str, object]:
    ended = [view for view in views if view.root.ended_at is not None]
    times = [_ms(view, view.root.ended_at) for view in ended if view.root.ended_at is not None]
    return {
        "name": name,
        "runs": len(views),
        "ended": len(ended),
        "ok": sum(view.root.phase.good for view in ended),
        "median_ms": median(times) if times else None,
        "last": [
            {
                "name": view.record.key.name,
                "phase": view.root.phase.value,
                "duration_ms": None if view.root.ended_at is None else _ms(view, view.root.ended_at),
            }
            for view in reversed(views[:SHOWN])
        ],
        "last_ms": views[0].record.created_at / 1000,
    }


def _ms(view: RunView, end: Micros) -> int:
    return max(0, end - view.root.created_at) // 1000
