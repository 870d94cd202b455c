"""`flyte get task [NAME] [VERSION]`: the tasks that runs have been started of."""

from typing import Any

import click

from flyte._cli import words
from flyte._cli.history import History, open_history
from flyte._cli.problem import Problem, nearest, say
from flyte._cli.render import Column, emit_json, emit_table, is_json
from flyte._cli.state import Format, data_command, settings
from flyte_core.model import RunView
from flyte_core.store.ports import RunQuery
from flyte_core.views import iso

LOOKED_AT = 1000
"""So many runs, the newest, tell which tasks there are."""

COLUMNS = (
    Column("Task", lambda task: task["name"], shrink=True),
    Column("Version", lambda task: task["version"] or "-", shrink=True),
    Column("Runs", lambda task: str(task["runs"]), right=True),
    Column("Last run", lambda task: task["last_run"]),
    Column("Status", lambda task: words.phase(task["last_status"])),
    Column("Started", lambda task: words.instant(task["last_start"])),
)


@click.command()
@click.argument("name", required=False)
@click.argument("version", required=False)
@click.option(
    "--limit", type=click.IntRange(min=1), default=100, show_default=True, help="At most so many tasks."
)
@click.option("--entrypoint", is_flag=True, help="Only tasks that are marked as entrypoint=True.")
@data_command
def task(name: str | None, version: str | None, limit: int, entrypoint: bool) -> None:
    """The tasks that runs have been started of, those of the newest runs first; with a NAME, its versions.

    A task is known by its runs: there is no 'flyte deploy' yet that would make one known before.

    \b
    Examples:
      flyte get task
      flyte get task --entrypoint
      flyte get task my_env.pipeline
      flyte get task my_env.pipeline -of json
    """
    show_tasks(open_history(), settings().style, name, version, limit, entrypoint=entrypoint)


def show_tasks(
    opened: History,
    style: Format,
    name: str | None = None,
    version: str | None = None,
    limit: int = 100,
    *,
    entrypoint: bool = False,
) -> None:
    """The tasks of a history as a table, or as JSON."""
    views = opened.views(
        RunQuery(
            project=opened.scope.project,
            domain=opened.scope.domain,
            task_name=name,
            task_version=version,
            limit=LOOKED_AT,
        )
    )
    if name is not None and not views:
        raise unknown(name, version)
    found = _tasks([view for view in views if not entrypoint or _is_entrypoint(view)], name is not None)
    if is_json(style):
        emit_json(found[:limit], style)
    elif found:
        emit_table(COLUMNS, found[:limit], style)
    elif views:
        say("None of the tasks is marked as entrypoint=True.")
    else:
        say("No tasks yet: a task is known once a run of it was started. flyte run FILE TASK")
    if len(views) == LOOKED_AT:
        say(f"As the {LOOKED_AT} newest runs tell.")


def _tasks(views: list[RunView], by_version: bool) -> list[dict[str, Any]]:
    """One row a task, or a version of it; the views are newest first."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for view in views:
        spec, name = view.root.spec, view.record.task_name
        row = found.setdefault(
            (name, spec.task_version if by_version else ""),
            {
                "name": name,
                "version": spec.task_version,
                "runs": 0,
                "last_run": view.record.key.name,
                "last_status": view.root.phase.value,
                "last_start": iso(view.root.created_at),
            },
        )
        row["runs"] += 1
    return list(found.values())


def _is_entrypoint(view: RunView) -> bool:
    from flyteidl2.task import task_definition_pb2

    spec = task_definition_pb2.TaskSpec.FromString(view.root.spec.template)
    return spec.task_template.metadata.is_entrypoint


def unknown(name: str, version: str | None) -> Problem:
    """The problem that a task is none of the history's."""
    known = _tasks(open_history().views(RunQuery(limit=LOOKED_AT)), False)
    hint = nearest(name, [task["name"] for task in known])
    what = f"version {version} of task {name}" if version else f"task {name}"
    return Problem(f"no run of {what} is in this history.", hint=hint or "Those there are: flyte get task")
