"""`flyte get condition RUN [NAME]`: the questions that a run's tasks have asked."""

import click

from flyte._cli import completion, words
from flyte._cli.history import open_history
from flyte._cli.problem import Problem, say
from flyte._cli.render import Column, emit_json, emit_sheet, emit_table, is_json
from flyte._cli.state import data_command, settings
from flyte._remote.condition import choose

COLUMNS = (
    Column("Condition", lambda found: found["name"]),
    Column("Phase", lambda found: words.phase(found["phase"])),
    Column("Type", lambda found: found["type"]),
    Column("Prompt", lambda found: found["prompt"], shrink=True),
    Column("Asked by", lambda found: found["asked_by"] or "-"),
    Column("Asked", lambda found: words.instant(found["start_time"])),
)


@click.command()
@click.argument("run", shell_complete=completion.runs)
@click.argument("name", required=False)
@data_command
def condition(run: str, name: str | None) -> None:
    """The conditions of a RUN: questions that its tasks ask, and whether they are answered.

    With a NAME, all about that one. Answer it with `flyte signal condition`.

    \b
    Examples:
      flyte get condition RUN
      flyte get condition RUN approve -of json
    """
    there = open_history().conditions(run)
    style = settings().style
    if name is None:
        if is_json(style):
            emit_json([each.to_dict() for each in there], style)
        elif there:
            emit_table(COLUMNS, [each.to_dict() for each in there], style)
        else:
            say(f"Run {run} has asked nothing.")
        return
    one = choose(there, name)
    if one is None:
        raise Problem(f"Run {run} has no condition {name}.", hint=f"List them: flyte get condition {run}")
    found = one.to_dict()
    if is_json(style):
        emit_json(found, style)
        return
    emit_sheet(
        [
            ("Condition", str(found["name"])),
            ("Run", str(found["run_name"])),
            ("Action", str(found["action_name"])),
            ("Asked by", str(found["asked_by"] or "-")),
            ("Phase", words.phase(str(found["phase"]))),
            ("Type", str(found["type"])),
            ("Prompt", str(found["prompt"])),
            *([("About", str(found["description"]))] if found["description"] else []),
            ("Asked", words.instant(str(found["start_time"]))),
        ]
    )
