"""Where a run's time went, as plain data: the JSON of `flyte get bottlenecks`, the handles and the console."""

from typing import Any, Final

from flyte_core.dataflow.bottlenecks import Analysis, Improvement, TaskTime
from flyte_core.dataflow.columns import Doing
from flyte_core.dataflow.graph import milliseconds

CHANGES: Final = {
    Doing.USER_CODE: ("twice_as_fast", "Make {} twice as fast"),
    Doing.WAITING_FOR_RESOURCES: ("resources_at_once", "Give {} its resources at once"),
    Doing.QUEUED: ("half_the_queue", "Halve the time {} is queued"),
    Doing.STARTING: ("workers_ready", "Have workers ready for {}"),
    Doing.WAITING_FOR_ANSWER: ("answer_at_once", "Answer {} at once"),
}
"""Of each change: its name, and a sentence to be completed with the task's short name."""


def bottlenecks_dict(run: str, analysis: Analysis) -> dict[str, Any]:
    """All but the path's segments, which the graph has."""
    columns = analysis.columns
    names = columns.names()
    parallelism = analysis.parallelism
    slack = analysis.slack
    return {
        "run": run,
        "duration_ms": milliseconds(analysis.duration),
        "open": not columns.phase[0].terminal,
        "path": _times(analysis.path_time),
        "tasks": [_task(analysis, each) for each in analysis.tasks],
        "improvements": [_improvement(analysis, each) for each in analysis.improvements],
        "parallelism": {
            "peak": parallelism.peak,
            "average": round(parallelism.average, 3),
            "slices": [round(each, 3) for each in parallelism.slices],
        },
        "slack": [{"action": name, "slack_ms": milliseconds(slack[row])} for row, name in enumerate(names)],
    }


def _task(analysis: Analysis, time: TaskTime) -> dict[str, Any]:
    columns = analysis.columns
    return {
        "task": columns.tasks[time.task],
        "name": columns.short_names[time.task],
        "actions": time.actions,
        "total": _times(time.total),
        "on_path": {
            "actions": time.on_path,
            "time_ms": milliseconds(time.path_time),
            "share": round(time.path_time / max(1, analysis.duration), 4),
            **_times(time.path),
        },
    }


def _improvement(analysis: Analysis, found: Improvement) -> dict[str, Any]:
    columns, edit = analysis.columns, found.edit
    change, words = CHANGES[edit.doing]
    return {
        "change": change,
        "task": columns.tasks[edit.task],
        "title": words.format(columns.short_names[edit.task]),
        "saves_ms": milliseconds(found.saves),
    }


def _times(times: tuple[int, ...]) -> dict[str, float]:
    """By phase, in milliseconds; what took no time is left out."""
    return {f"{doing.word}_ms": milliseconds(times[doing]) for doing in Doing if times[doing]}
