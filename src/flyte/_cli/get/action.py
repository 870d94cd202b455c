"""`flyte get action RUN [ACTION]`: what a run consists of, as a list, a tree, or one action."""

import click

from flyte._cli import completion, tree, values, words
from flyte._cli.history import open_history
from flyte._cli.problem import UsageProblem, say
from flyte._cli.render import Column, emit_json, emit_sheet, emit_table, is_json
from flyte._cli.state import data_command, settings
from flyte_core.model import Phase

COLUMNS = (
    Column("Action", lambda action: action["name"]),
    Column("Task", lambda action: action["task_name"], shrink=True),
    Column("Kind", lambda action: action["kind"]),
    Column("Parent", lambda action: action["parent"] or "-"),
    Column("Phase", lambda action: words.phase(action["phase"])),
    Column("Attempts", lambda action: str(action["attempts"]), right=True),
    Column("Duration", lambda action: words.duration(action["duration_ms"]), right=True),
    Column("Error", lambda action: values.error_cell(action["error"]), shrink=True),
)


@click.command()
@click.argument("run", shell_complete=completion.runs)
@click.argument("action", required=False, shell_complete=completion.actions)
@click.option("--tree", "as_tree", is_flag=True, help="Who called whom, in the order of the calls.")
@click.option(
    "--in-phase",
    type=click.Choice([phase.value for phase in Phase]),
    multiple=True,
    help="Only actions in this phase; repeatable.",
)
@data_command
def action(run: str, action: str | None, as_tree: bool, in_phase: tuple[str, ...]) -> None:
    """The actions of a RUN, each with its task, parent, phase, attempts and duration.

    With an ACTION (its name; the root is a0), all about that one.

    \b
    Examples:
      flyte get action RUN
      flyte get action RUN --tree
      flyte get action RUN a0
      flyte get action RUN --in-phase failed -of json
    """
    if action is not None:
        if as_tree or in_phase:
            raise UsageProblem("--tree and --in-phase are for all actions of a run; leave out ACTION.")
        _show(run, action)
        return
    if as_tree and in_phase:
        raise UsageProblem("--tree shows all actions; leave out --in-phase.")
    found = open_history().actions(run, tuple(Phase(word) for word in in_phase))
    style = settings().style
    if is_json(style):
        emit_json(found, style)
    elif as_tree:
        for line in tree.lines(found):
            click.echo(line)
    elif found:
        emit_table(COLUMNS, found, style)
    else:
        say(f"No action of {run} is {' or '.join(in_phase)}.")


def _show(run: str, name: str) -> None:
    found = open_history().action(run, name)
    style = settings().style
    if is_json(style):
        emit_json(found, style)
        return
    links = found["links"]
    emit_sheet(
        [
            ("Action", found["name"]),
            ("Run", found["run_name"]),
            ("Task", found["task_name"]),
            ("Kind", found["kind"]),
            ("Parent", found["parent"] or "-"),
            *([("Group", found["group"])] if found.get("group") else []),
            ("Phase", words.phase(found["phase"])),
            ("Attempts", str(found["attempts"])),
            ("Duration", words.duration(found["duration_ms"])),
            ("Started", words.instant(found["start_time"])),
            ("Ended", words.instant(found["end_time"])),
            ("Cache", found["cache_status"]),
            *([("Links", "\n".join(f"{each['name']}: {each['url']}" for each in links))] if links else []),
            *([("Outcome of", found["recovered_from"])] if found["recovered_from"] else []),
            *values.divergences(found["divergences"]),
            *values.failure(found["error"]),
        ]
    )
