"""`flyte rerun RUN [INPUTS]`: a run once more; the inputs of its task are options."""

import contextlib
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import click

from flyte._cli import completion, options
from flyte._cli.history import open_history
from flyte._cli.params import NOTHING, Input
from flyte._cli.problem import UsageProblem
from flyte._cli.run import RunFlags, pairs
from flyte._cli.state import data_command, settings
from flyte_core.model import Action, ActionKind, RunMode, RunRecord

_INPUTS = "flyte.rerun.inputs"
_OWN = "input_"
"""Begins the option of an input that is called as an option of the command is."""


class RerunCommand(click.Command):
    """Learns its options from the run that is named."""

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        return ["[OPTIONS]", "RUN", "[INPUTS]"]

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        *own, help_option = super().get_params(ctx)
        return [*own, *options.options_for(self._inputs(ctx)), help_option]

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        run, action = self._named(ctx, args)
        if run is not None:
            ctx.meta[_INPUTS] = _inputs_of(
                run, action, {option for each in self.params for option in each.opts}
            )
        return super().parse_args(ctx, options.spell_out(args, self._inputs(ctx)))

    def _inputs(self, ctx: click.Context) -> tuple[Input, ...]:
        return ctx.meta.get(_INPUTS, ())  # type: ignore[no-any-return]

    def _named(self, ctx: click.Context, args: Sequence[str]) -> tuple[str | None, str]:
        """The run and the action that the arguments name: what comes before the first unknown option counts."""
        known = {option: each for each in self.params for option in each.opts}
        run, action = None, "a0"
        words = list(args)
        while words:
            word, equals, value = words.pop(0).partition("=")
            if not word.startswith("-"):
                run = run or word
                continue
            option = known.get(word)
            if option is None and run is None:
                return None, action
            if isinstance(option, click.Option) and not option.is_flag:
                value = value if equals else words.pop(0) if words else ""
                if option.name == "project":
                    ctx.obj = replace(settings(), project=value)
                elif option.name == "domain":
                    ctx.obj = replace(settings(), domain=value)
                elif option.name == "action_name":
                    action = value
        return run, action


def _inputs_of(run: str, action: str, taken: set[str]) -> tuple[Input, ...]:
    """The inputs of the action's task, each with the value it had as its default."""
    opened = open_history(settings().project, settings().domain)
    found = opened.record(run, action)
    if found.kind is not ActionKind.TASK:
        raise UsageProblem(
            f"{action} of {run} is a {found.kind}; only the call of a task can be run by itself.",
            hint=f"Its actions: flyte get action {run}",
        )
    old = opened.values_of(found)
    hints = hints_of(opened.run_record(run), found)
    return tuple(
        Input(f"{_OWN}{name}" if f"--{name}" in taken else name, hint, old.get(name, NOTHING))
        for name, hint in hints.items()
    )


def hints_of(record: RunRecord, action: Action) -> dict[str, Any]:
    """The types of an action's inputs: as the code says, where it runs here; else as a server keeps them."""
    if record.mode is RunMode.LOCAL:
        from flyte._runtime.recorded import task_of

        with contextlib.redirect_stdout(sys.stderr):
            task = task_of(record, action)
        return {each.name: each.type for each in task.interface.inputs}
    from flyte._types import stored
    from flyte_core.wire import specs

    message: Any = specs.message_of(action.spec, ActionKind.TASK)
    variables = message.task_template.interface.inputs.variables
    return {each.key: stored.hint_of(each.value.type) for each in variables}


@click.command(cls=RerunCommand)
@click.argument("run", shell_complete=completion.runs)
@click.option("--name", default="", help="The new run's name, instead of one made up.")
@click.option(
    "--env",
    "-e",
    multiple=True,
    metavar="KEY=VALUE",
    callback=pairs,
    help="An environment variable for every action of the new run, beside the old run's; repeatable.",
)
@click.option(
    "--label",
    "labels",
    multiple=True,
    metavar="KEY=VALUE",
    callback=pairs,
    help="Label the new run, beside the old run's labels; repeatable.",
)
@click.option("--detach", is_flag=True, help="Return when the run has been created; do not wait for its end.")
@click.option("--follow", "-f", is_flag=True, help="Show the run's log while waiting.")
@click.option("--local", is_flag=True, help="Only if it is a local run, which is run in this process again.")
@click.option("--recover", is_flag=True, help="Take over what succeeded, and run only the rest.")
@click.option("--action-name", default="a0", metavar="ACTION", help="Run this action alone, as a new run.")
@click.option(
    "--force-rerun-action",
    multiple=True,
    metavar="ACTION",
    help="With --recover: run this action again although it succeeded; repeatable.",
)
@click.option(
    "--allow-missing-outputs", is_flag=True, help="Go on when the old run's outputs are not there any more."
)
@data_command
@click.pass_context
def rerun(ctx: click.Context, /, run: str, **given: Any) -> None:
    """Run a RUN once more, as a new run: same code, same inputs, or others.

    What a server ran, it runs again from the code it has: nothing is needed here. What was run locally
    runs in this process, from the file it came from.

    The inputs of the run's task are options too; `flyte rerun RUN --help` lists them. They stand after
    RUN, and those that are left out keep the value they had.

    With --recover, actions that succeeded are taken over: they show the phase recovered, and where
    their outcome comes from. The root always runs again.

    \b
    Examples:
      flyte rerun RUN
      flyte rerun RUN --recover
      flyte rerun RUN --x 10 --label why=larger
      flyte rerun RUN --action-name ACTION
      flyte rerun RUN --recover --force-rerun-action ACTION
    """
    from flyte._cli.relaunch import relaunch

    if given["recover"] and given["action_name"] != "a0":
        raise UsageProblem(
            "--recover and --action-name exclude each other: what succeeded is found by its name, "
            "and names begin at the root of the run.",
            hint="Leave out one of them.",
        )
    if given["force_rerun_action"] and not given["recover"]:
        raise UsageProblem(
            "--force-rerun-action means something only with --recover; without it everything runs again.",
            hint="Add --recover, or leave it out.",
        )
    inputs = options.collect(ctx, ctx.meta.get(_INPUTS, ()))
    flags = RunFlags(
        local=given["local"],
        detach=given["detach"],
        follow=given["follow"],
        name=given["name"],
        labels=given["labels"],
        env=given["env"],
        project=settings().project,
        domain=settings().domain,
    ).checked()
    relaunch(
        run,
        flags,
        {name.removeprefix(_OWN): value for name, value in inputs.items()},
        action=given["action_name"],
        recover=given["recover"],
        force=given["force_rerun_action"],
        allow_missing=given["allow_missing_outputs"],
    )
