"""`flyte get run [NAME]`: the list of runs, or all about one."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import click

from flyte._account import account
from flyte._cli import completion, values, words
from flyte._cli.history import open_history
from flyte._cli.moments import parse_instant
from flyte._cli.problem import UsageProblem, say
from flyte._cli.render import Column, emit_json, emit_sheet, emit_table, is_json
from flyte._cli.state import data_command, settings
from flyte._remote.source import Scope
from flyte_core.model import Micros, Phase
from flyte_core.store.ports import RunQuery

PHASES = [phase.value for phase in Phase]

COLUMNS = (
    Column("Name", lambda run: run["name"]),
    Column("Task", lambda run: run["task_name"], shrink=True),
    Column("Status", lambda run: words.phase(run["phase"])),
    Column("Started", lambda run: words.instant(run["start_time"])),
    Column("Duration", lambda run: words.duration(run["duration_ms"]), right=True),
    Column("Error", lambda run: values.error_cell(run["error"]), shrink=True),
)


class Instant(click.ParamType[datetime]):
    """An instant as people type it; without a zone it is local time, as the tables show it."""

    name = "when"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        now = datetime.now().astimezone()
        try:
            return parse_instant(str(value), now=now, zone=now.tzinfo)
        except (ValueError, OverflowError) as error:
            self.fail(str(error), param, ctx)


@click.command()
@click.argument("name", required=False, shell_complete=completion.runs)
@click.option(
    "--limit", type=click.IntRange(min=1), default=100, show_default=True, help="At most so many runs."
)
@click.option(
    "--in-phase", type=click.Choice(PHASES), multiple=True, help="Only runs in this phase; repeatable."
)
@click.option("--only-mine", is_flag=True, help="Only runs that you started.")
@click.option("--paused-only", is_flag=True, help="Only runs with an action that waits for an answer.")
@click.option("--task-name", help="Only runs of this task: its full name, such as my_env.pipeline.")
@click.option("--task-version", help="Only runs of this version of the task.")
@click.option("--created-after", type=Instant(), help="Only runs created at or after this instant.")
@click.option("--created-before", type=Instant(), help="Only runs created before this instant.")
@click.option("--updated-after", type=Instant(), help="Only runs that changed at or after this instant.")
@click.option("--updated-before", type=Instant(), help="Only runs that last changed before this instant.")
@click.option(
    "--with-label", multiple=True, metavar="KEY=VALUE", help="Only runs with this label; repeatable."
)
@click.option(
    "--with-label-key", multiple=True, metavar="KEY", help="Only runs that have such a label; repeatable."
)
@data_command
def run(name: str | None, **given: Any) -> None:
    """The runs, newest first; with a NAME, all about that run.

    An instant is written 2026-01-31, 2026-01-31T12:00, now, today, or 'now - P1D'.

    \b
    Examples:
      flyte get run
      flyte get run r3kd82nfa0s9dk2m4xq7
      flyte get run --in-phase failed --created-after 'now - P1D'
      flyte get run --task-name my_env.pipeline --with-label team=ml --limit 5
      flyte get run r3kd82nfa0s9dk2m4xq7 -of json
    """
    if name is None:
        _list(given)
    else:
        _show(name)


def _list(given: Mapping[str, Any]) -> None:
    opened = open_history()
    runs = opened.runs(_query(given, opened.scope))
    style = settings().style
    if is_json(style):
        emit_json(runs, style)
    elif runs:
        emit_table(COLUMNS, runs, style)
        if len(runs) == given["limit"]:
            say(f"The {len(runs)} newest; --limit shows more.")
    else:
        say("No runs" + (" match." if _filtered(given) else " yet. Start one: flyte run FILE TASK"))


def _filtered(given: Mapping[str, Any]) -> bool:
    return any(value for option, value in given.items() if option != "limit")


def _query(given: Mapping[str, Any], scope: Scope) -> RunQuery:
    return RunQuery(
        project=scope.project,
        domain=scope.domain,
        phases=tuple(Phase(word) for word in given["in_phase"]),
        task_name=given["task_name"],
        task_version=given["task_version"],
        created_by=account() if given["only_mine"] else None,
        labels=tuple(_label(text) for text in given["with_label"]),
        label_keys=tuple(given["with_label_key"]),
        created_after=_micros(given["created_after"]),
        created_before=_micros(given["created_before"]),
        updated_after=_micros(given["updated_after"]),
        updated_before=_micros(given["updated_before"]),
        paused_only=given["paused_only"],
        limit=given["limit"],
    )


def _label(text: str) -> tuple[str, str]:
    key, separator, value = text.partition("=")
    if not separator or not key:
        raise UsageProblem(f"--with-label {text}: not KEY=VALUE", hint="Only the key? --with-label-key KEY")
    return key, value


def _micros(moment: datetime | None) -> Micros | None:
    return None if moment is None else Micros(round(moment.timestamp() * 1_000_000))


def _show(name: str) -> None:
    found = open_history().run(name)
    style = settings().style
    if is_json(style):
        emit_json(found, style)
        return
    emit_sheet(
        [
            ("Run", found["name"]),
            ("Status", words.phase(found["phase"])),
            ("Task", found["task_name"]),
            ("Duration", words.duration(found["duration_ms"])),
            ("Started", words.instant(found["start_time"])),
            ("Ended", words.instant(found["end_time"])),
            *_origin(found),
            *_labels(found),
            *values.named("Inputs", found.get("inputs")),
            *values.named("Outputs", found.get("outputs")),
            *values.failure(found["error"]),
            *values.divergences(found["divergences"]),
            ("URL", found["url"]),
        ]
    )
    if found["error"]:
        say(
            f"Its logs: flyte get logs {found['name']}    Its actions: flyte get action {found['name']} --tree"
        )


_RELATIONS = {"rerun": "Rerun of", "recover": "Recovers"}


def _origin(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The run that this one repeats, if any."""
    related = found["related_run"]
    return [(_RELATIONS.get(found["relation"], "From"), related)] if related else []


def _labels(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    labels = found.get("labels") or {}
    return (
        [("Labels", "  ".join(f"{key}={value}" for key, value in sorted(labels.items())))] if labels else []
    )
