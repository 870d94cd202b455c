"""`flyte run deployed-task NAME[:VERSION] [INPUTS]`: a task that the history knows, without its file."""

from dataclasses import replace
from typing import Any

import click

from flyte._cli import options
from flyte._cli.get.task import show_tasks, unknown
from flyte._cli.history import History, open_history
from flyte._cli.params import NOTHING, Input
from flyte._cli.rerun import hints_of
from flyte._cli.run import RunFlags
from flyte._cli.state import settings
from flyte_core.model import Action, ActionKind, RunView
from flyte_core.store.ports import RunQuery

_HELP = """Run a task that a run was started of before, with the code that the history has of it.

A task is known by its runs; NAME alone is its newest version. Without a NAME: the tasks there are.
Options of `flyte run` itself, such as --name or --follow, stand before deployed-task.

\b
Examples:
  flyte run deployed-task
  flyte run deployed-task my_env.pipeline --x 5
  flyte run deployed-task my_env.pipeline:9f86d0818 --help
"""


class KnownTasks(click.Group):
    """A group whose commands are the tasks of the history."""

    def __init__(self) -> None:
        super().__init__(
            "deployed-task",
            help=_HELP,
            invoke_without_command=True,
            subcommand_metavar="[NAME[:VERSION] [INPUTS]]",
            callback=_list,
        )

    def list_commands(self, ctx: click.Context) -> list[str]:
        return []

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        flags = ctx.find_object(RunFlags) or RunFlags()
        opened = open_history(flags.project, flags.domain)
        name, _, version = cmd_name.partition(":")
        scope = opened.scope
        query = RunQuery(
            project=scope.project, domain=scope.domain, task_name=name, task_version=version or None, limit=1
        )
        views = opened.views(query)
        if not views:
            raise unknown(name, version or None)
        return KnownTask(cmd_name, opened, views[0])


@click.pass_context
def _list(ctx: click.Context) -> None:
    if ctx.invoked_subcommand is None:
        flags = ctx.find_object(RunFlags) or RunFlags()
        show_tasks(open_history(flags.project, flags.domain), flags.style or settings().style)


class KnownTask(click.Command):
    """One task, as its newest run has it."""

    def __init__(self, name: str, opened: History, view: RunView) -> None:
        self._view = view
        self._root = opened.record(view.record.key.name, "a0")
        from flyte._remote.values import decode_inputs

        hints = hints_of(view.record, self._root)
        self._data = _default_inputs(self._root)
        defaults = decode_inputs(self._data, None)
        self._inputs = tuple(Input(each, hints[each], defaults.get(each, NOTHING)) for each in hints)
        words = self._root.spec.task_name
        super().__init__(
            name,
            help=f"The task {words}, as run {view.record.key.name} has it.",
            params=options.options_for(self._inputs),
        )

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, options.spell_out(args, self._inputs))

    def invoke(self, ctx: click.Context) -> None:
        from flyte._cli.relaunch import launch_known

        flags = ctx.find_object(RunFlags) or RunFlags()
        launch_known(_bare(self._view), self._root, self._data, options.collect(ctx, self._inputs), flags)


def _default_inputs(root: Action) -> bytes:
    """What a call with no inputs at all gets."""
    from flyteidl2.task import common_pb2

    from flyte_core.wire import specs

    message: Any = specs.message_of(root.spec, ActionKind.TASK)
    given = common_pb2.Inputs()
    for each in message.default_inputs:
        given.literals.add(name=each.name, value=each.parameter.default)
    return given.SerializeToString()


def _bare(view: RunView) -> RunView:
    """The run without what was chosen for it alone: of its variables, those that say where its code runs."""
    from flyteidl2.task import run_pb2

    from flyte._remote.submit import PLACE_VARIABLES

    old = run_pb2.RunSpec.FromString(view.record.run_spec)
    kept = [each for each in old.envs.values if each.key in PLACE_VARIABLES]
    spec = run_pb2.RunSpec()
    spec.envs.values.extend(kept)
    env = {each.key: each.value for each in kept}
    record = replace(
        view.record, run_spec=spec.SerializeToString(), labels={}, env=env, max_action_concurrency=0
    )
    return replace(view, record=record)
