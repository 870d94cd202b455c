"""`flyte get bottlenecks RUN`: where the time of a run went, and what would have made it shorter."""

from collections.abc import Mapping
from typing import Any

import click

from flyte._cli import completion, words
from flyte._cli.history import open_history
from flyte._cli.problem import say
from flyte._cli.render import Column, emit_json, emit_sheet, emit_table, is_json
from flyte._cli.state import data_command, settings

_LONGEST = 10

PHASES = (
    ("queued", "Queued"),
    ("waiting_for_resources", "Waiting for resources"),
    ("starting", "Starting"),
    ("reading_inputs", "Reading inputs"),
    ("user_code", "Running your code"),
    ("waiting_for_children", "Waiting for children"),
    ("waiting_for_answer", "Waiting for an answer"),
    ("writing_outputs", "Writing outputs"),
)

PATH = (
    Column("On the critical path", lambda row: row["word"]),
    Column("Time", lambda row: words.duration(row["ms"]), right=True),
    Column("Share", lambda row: f"{row['share']:.0%}", right=True),
)
IMPROVEMENTS = (
    Column("What to improve first", lambda each: each["title"]),
    Column("Saves", lambda each: words.duration(each["saves_ms"]), right=True),
)
TASKS = (
    Column("Task", lambda task: task["task"], shrink=True),
    Column("Actions", lambda task: f"{task['actions']:,}", right=True),
    Column("On path", lambda task: words.duration(task["on_path"]["time_ms"]), right=True),
    Column("Share", lambda task: f"{task['on_path']['share']:.0%}", right=True),
    Column("Code", lambda task: words.duration(task["total"]["user_code_ms"]), right=True),
    Column("Queued, starting", lambda task: words.duration(_before_code(task["total"])), right=True),
)
ACTIONS = (
    Column("Longest actions", lambda action: action["name"], shrink=True),
    Column("Action", lambda action: action["action"]),
    Column("Duration", lambda action: words.duration(action["duration_ms"]), right=True),
    Column("Slack", lambda action: words.duration(action["slack_ms"]), right=True),
)


@click.command()
@click.argument("run", shell_complete=completion.runs)
@data_command
def bottlenecks(run: str) -> None:
    """Where the time of a RUN went, and what would have made it shorter.

    The critical path is the chain of actions that decided how long the run took; slack is how much
    later an action could have ended without the run ending later. What each improvement saves is
    found by replaying the run with that one change.

    \b
    Examples:
      flyte get bottlenecks RUN
      flyte get bottlenecks RUN -of json
    """
    found = open_history().bottlenecks(run)
    style = settings().style
    if is_json(style):
        emit_json(found, style)
        return
    total = max(1, found["duration_ms"])
    so_far = " so far" if found["open"] else ""
    parallel = found["parallelism"]
    emit_sheet(
        [
            ("Run", found["run"]),
            ("Duration", words.duration(found["duration_ms"]) + so_far),
            ("At once", f"{parallel['peak']} at most, {parallel['average']:.1f} on average"),
        ]
    )
    path: list[Mapping[str, Any]] = [
        {"word": word, "ms": found["path"][f"{name}_ms"], "share": found["path"][f"{name}_ms"] / total}
        for name, word in PHASES
        if found["path"][f"{name}_ms"]
    ]
    longest = sorted(found["actions"], key=lambda action: -action["duration_ms"])[:_LONGEST]
    tables = (
        (PATH, path),
        (IMPROVEMENTS, found["improvements"]),
        (TASKS, found["tasks"]),
        (ACTIONS, longest),
    )
    for columns, rows in tables:
        if rows:
            click.echo()
            emit_table(columns, rows, style)
    say("What an improvement saves is an estimate: new contention is not foreseen.")


def _before_code(total: Mapping[str, float]) -> float:
    return total["queued_ms"] + total["waiting_for_resources_ms"] + total["starting_ms"]
