"""The graph of a run and where its time went, by names and in milliseconds, for all who show or send it."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from flyte_core.dataflow.bottlenecks import Analysis, Improvement, TaskTime
from flyte_core.dataflow.columns import ABSENT, Doing, RunColumns
from flyte_core.dataflow.edges import Edge
from flyte_core.dataflow.graph import Graph, GraphNode, Segment
from flyte_core.model import Action, Micros

CHANGES: Final = {
    Doing.USER_CODE: ("twice_as_fast", "Make {} twice as fast"),
    Doing.WAITING_FOR_RESOURCES: ("resources_at_once", "Give {} its resources at once"),
    Doing.QUEUED: ("half_the_queue", "Halve the time {} is queued"),
    Doing.STARTING: ("workers_ready", "Have workers ready for {}"),
    Doing.WAITING_FOR_ANSWER: ("answer_at_once", "Answer {} at once"),
}
"""Of each change: its name, and a sentence to be completed with the task's short name."""


def analyse(actions: Iterable[Action], edges: Iterable[Edge], now: Micros) -> Analysis:
    """The analysis of a run, from all its actions and edges; what is open ends `now`."""
    columns = RunColumns()
    columns.apply(actions)
    columns.connect(edges)
    return Analysis(columns, now - (columns.base or 0))


def graph_of(run: str, edges: Sequence[Edge], analysis: Analysis) -> Graph:
    """The graph of a run."""
    columns = analysis.columns
    names = columns.names()
    nodes = tuple(
        GraphNode(
            action=name,
            parent=None if columns.parent[row] == ABSENT else names[columns.parent[row]],
            task=columns.tasks[columns.task[row]],
            name=columns.short_names[columns.task[row]],
            kind=columns.kind[row].value,
            seq=columns.seq[row],
            phase=columns.phase[row].value,
            start_ms=milliseconds(columns.created[row]),
            end_ms=milliseconds(columns.ended[row]) if columns.phase[row].terminal else None,
            group=columns.group[row],
        )
        for row, name in enumerate(names)
    )
    return Graph(run, nodes, tuple(edges), segments(analysis))


def segments(analysis: Analysis) -> tuple[Segment, ...]:
    """The critical path by names."""
    names = analysis.columns.names()
    return tuple(
        Segment(
            names[stretch.row], stretch.doing.word, milliseconds(stretch.begin), milliseconds(stretch.end)
        )
        for stretch in analysis.path
    )


def bottlenecks_dict(run: str, analysis: Analysis) -> dict[str, Any]:
    """All but the path's segments, which the graph has."""
    columns = analysis.columns
    waits, parallelism = analysis.waits, analysis.parallelism
    on_path = {stretch.row for stretch in analysis.path}
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
        "actions": [
            {
                "action": name,
                "name": columns.short_names[columns.task[row]],
                "duration_ms": milliseconds(waits.end[row] - columns.created[row]),
                "slack_ms": milliseconds(analysis.slack[row]),
                "on_path": row in on_path,
            }
            for row, name in enumerate(columns.names())
        ],
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
            "times": _times(time.path),
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
    """By phase."""
    return {f"{doing.word}_ms": milliseconds(times[doing]) for doing in Doing}


def milliseconds(micros: float) -> float:
    return round(micros / 1000, 3)
