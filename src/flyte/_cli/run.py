"""`flyte run FILE TASK [INPUTS]`: the command line of a run; `launch` carries it out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import click

from flyte._cli import options, tasks
from flyte._cli.params import Input
from flyte._cli.problem import UsageProblem, nearest
from flyte._cli.render import is_json
from flyte._cli.state import FORMATS, Format, settings

CopyStyle = Literal["loaded_modules", "all", "none"]
COPY_STYLES: tuple[CopyStyle, ...] = ("loaded_modules", "all", "none")


@dataclass(frozen=True, slots=True)
class RunFlags:
    """The options of `flyte run` itself, the same for every task."""

    local: bool = False
    detach: bool = False
    follow: bool = False
    name: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    copy_style: CopyStyle = "loaded_modules"
    root_dir: Path | None = None
    raw_data_path: str = ""
    project: str = ""
    domain: str = ""
    debug: bool = False
    style: Format | None = None
    """How to write data, when said behind `flyte run`."""

    def as_json(self) -> bool:
        """Whether one JSON object about the run takes the place of the three lines."""
        return is_json(self.style or settings().style)


def pairs(ctx: click.Context, param: click.Parameter, given: tuple[str, ...]) -> dict[str, str]:
    """`KEY=VALUE`, repeated, as a dict."""
    found = {}
    for text in given:
        key, separator, value = text.partition("=")
        if not separator or not key:
            raise click.BadParameter(f"'{text}' is not KEY=VALUE", ctx, param)
        found[key] = value
    return found


class RunCommand(click.Group):
    """A group whose commands are files."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return []

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return FileCommand(cmd_name)

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        return ["[OPTIONS]", "FILE", "TASK", "[INPUTS]"]

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[Any]:
        from click.shell_completion import CompletionItem

        return [CompletionItem(incomplete, type="file"), *click.Command.shell_complete(self, ctx, incomplete)]


class FileCommand(click.Group):
    """A Python file, whose commands are its tasks. The file is imported when they are asked for."""

    def __init__(self, file: str) -> None:
        super().__init__(
            name=file,
            help=f"The tasks of {file}. Give one of them, then its inputs as options.",
            subcommand_metavar="TASK [INPUTS]",
            add_help_option=True,
        )
        self.file = file
        self._found: tasks.FileTasks | None = None

    def tasks(self, ctx: click.Context) -> tasks.FileTasks:
        """What the file declares; imported once."""
        if self._found is None:
            flags = ctx.find_object(RunFlags) or RunFlags()
            self._found = tasks.load(self.file, flags.root_dir, debug=flags.debug)
        return self._found

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.tasks(ctx).by_name)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        found = self.tasks(ctx).find(cmd_name)
        return TaskCommand(cmd_name, found) if found is not None else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if not name.startswith("-") and not ctx.resilient_parsing and self.tasks(ctx).find(name) is None:
            raise self._unknown(ctx, name)
        return super().resolve_command(ctx, args)

    def _unknown(self, ctx: click.Context, name: str) -> UsageProblem:
        known = self.list_commands(ctx)
        if not known:
            return UsageProblem(
                f"{self.file} declares no tasks.",
                hint="A task is a function under @env.task, where env = flyte.TaskEnvironment(name=...).",
            )
        hint = nearest(name, known) or f"Its tasks: {', '.join(known)}."
        return UsageProblem(f"{self.file} has no task '{name}'.", hint=hint)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rows = [(name, task.summary) for name, task in self.tasks(ctx).by_name.items()]
        with formatter.section("Tasks"):
            if rows:
                formatter.write_dl(rows)
            else:
                formatter.write_text("None: a task is a function under @env.task.")

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[Any]:
        from click.shell_completion import CompletionItem

        return [
            CompletionItem(name, help=task.summary)
            for name, task in self.tasks(ctx).by_name.items()
            if name.startswith(incomplete)
        ]


class TaskCommand(click.Command):
    """One task: its inputs are the options."""

    def __init__(self, name: str, task: tasks.TaskEntry) -> None:
        super().__init__(name=name, help=task.help, params=options.options_for(task.inputs))
        self.task = task

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and not args[0].startswith("-"):
            raise _positional(ctx, args[0], self.task.inputs)
        try:
            return super().parse_args(ctx, options.spell_out(args, self.task.inputs))
        except click.NoSuchOption as error:
            raise _misplaced(ctx, error) or error from None

    def invoke(self, ctx: click.Context) -> None:
        from flyte._cli.launch import launch

        flags = ctx.find_object(RunFlags) or RunFlags()
        launch(self.task, options.collect(ctx, self.task.inputs), flags, settings())


def _misplaced(ctx: click.Context, error: click.NoSuchOption) -> UsageProblem | None:
    """An option of `flyte run` behind the task's name: say where it belongs."""
    name = error.option_name.split("=")[0]
    if name not in {option for param in run.params for option in param.opts}:
        return None
    return UsageProblem(
        f"task '{ctx.info_name}' has no input for {name}; it is an option of 'flyte run' itself.",
        hint=f"Options of 'flyte run' stand before the file: flyte run {name} ... FILE {ctx.info_name} ...",
    )


def _positional(ctx: click.Context, value: str, inputs: tuple[Input, ...]) -> UsageProblem:
    """A value without its option: show how it is given."""
    if not inputs:
        return UsageProblem(f"task '{ctx.info_name}' takes no inputs, but was given '{value}'.")
    return UsageProblem(
        f"'{value}' does not say which input of task '{ctx.info_name}' it is.",
        hint=f"Inputs are given by name: flyte run FILE {ctx.info_name} --{inputs[0].name} VALUE",
    )


@click.group(cls=RunCommand, no_args_is_help=True)
@click.option(
    "--local", is_flag=True, help="In this process, without a server; recorded in the same history."
)
@click.option("--detach", is_flag=True, help="Return when the run has been created; do not wait for its end.")
@click.option("--follow", "-f", is_flag=True, help="Show the run's log while waiting.")
@click.option("--name", default="", help="The run's name, instead of one made up.")
@click.option(
    "--label",
    "labels",
    multiple=True,
    metavar="KEY=VALUE",
    callback=pairs,
    help="Label the run; repeatable.",
)
@click.option(
    "--env",
    "-e",
    multiple=True,
    metavar="KEY=VALUE",
    callback=pairs,
    help="An environment variable for every action of the run; repeatable.",
)
@click.option(
    "--copy-style",
    type=click.Choice(COPY_STYLES),
    default="loaded_modules",
    show_default=True,
    help="Which code goes with the run: the modules that are loaded, all files of the project, or none.",
)
@click.option(
    "--root-dir",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="The project's root, from which modules are imported. Default: the nearest directory above the file that is no package.",
)
@click.option("--raw-data-path", default="", metavar="PATH", help="Where files and large data are written.")
@click.option("--run-project", "-p", "project", default="", help="The project, when not the configured one.")
@click.option("--run-domain", "-d", "domain", default="", help="The domain, when not the configured one.")
@click.option("--debug", is_flag=True, help="Whole tracebacks: the framework's own frames too.")
@click.option(
    "--output-format",
    "-of",
    "style",
    type=click.Choice(FORMATS),
    help="json or json-raw: instead of the three lines one JSON object, when the run has ended.",
)
@click.pass_context
def run(ctx: click.Context, /, **given: Any) -> None:
    """Run a TASK of a Python FILE and wait for its end.

    On stdout: the run's id, its URL, and when it has succeeded "Run 'a0' completed successfully."
    Everything else is said on stderr. If it does not succeed, the exit code is 1.

    The options below stand before FILE; the task's inputs stand after TASK, as options of their own.

    \b
    Examples:
      flyte run my_script.py --help              the tasks of the file
      flyte run my_script.py pipeline --help     its inputs
      flyte run my_script.py pipeline --x 5
      flyte run --local my_script.py pipeline --x 5
      flyte run --detach --label team=ml train.py main --config job.yaml
    """
    flags = RunFlags(**given)
    if flags.local and flags.detach:
        raise UsageProblem(
            "--local and --detach exclude each other: a local run lives in this process.",
            hint="Leave out --local: the server's runs go on by themselves.",
        )
    ctx.obj = flags
