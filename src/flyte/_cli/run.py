"""`flyte run FILE TASK [INPUTS]`: the command line of a run; `launch` carries it out."""

import sys
from collections.abc import Mapping
from dataclasses import field, replace
from pathlib import Path
from typing import Any, Literal

import click

from flyte._cli import options, tasks
from flyte._cli.lazy import unswept
from flyte._cli.params import Input
from flyte._cli.problem import UsageProblem, nearest, say
from flyte._cli.render import is_json
from flyte._cli.state import FORMATS, Format, settings
from flyte_core.frozen import frozen

EXAMPLE = Path(__file__).parent / "examples" / "hello.py"

CopyStyle = Literal["loaded_modules", "all", "none"]
COPY_STYLES: tuple[CopyStyle, ...] = ("loaded_modules", "all", "none")


@frozen
class RunFlags:
    """The options of `flyte run` itself, the same for every task."""

    local: bool = False
    detach: bool = False
    follow: bool = False
    tui: bool = False
    tracked: bool = False
    tracked_strict: bool = False
    name: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    copy_style: CopyStyle = "loaded_modules"
    root_dir: Path | None = None
    no_sync_local_sys_paths: bool = False
    version: str = ""
    raw_data_path: str = ""
    images: Mapping[str, str] = field(default_factory=dict)
    max_action_concurrency: int = 0
    queue: str = ""
    service_account: str = ""
    project: str = ""
    domain: str = ""
    debug: bool = False
    style: Format | None = None
    """How to write data, when said behind `flyte run`."""

    def as_json(self) -> bool:
        """Whether one JSON object about the run takes the place of the three lines."""
        return is_json(self.style or settings().style)

    def checked(self) -> "RunFlags":
        """These, when they go together.

        Raises:
            UsageProblem: they do not, or a run cannot have that name.
        """
        stays = "--follow" if self.follow else "--tui" if self.tui else ""
        if self.detach and stays:
            raise UsageProblem(
                f"--detach and {stays} exclude each other: one leaves the run at once, the other watches it.",
                hint="Leave out one of them; a run can be watched later: flyte get logs RUN --follow",
            )
        if self.name:
            from flyte_core.model import InvalidArgument
            from flyte_core.naming import check_run_name

            try:
                check_run_name(self.name)
            except InvalidArgument as error:
                raise UsageProblem(error.message, hint=error.hint) from None
        return self


def pairs(ctx: click.Context, param: click.Parameter, given: tuple[str, ...]) -> dict[str, str]:
    """`KEY=VALUE`, repeated, as a dict."""
    return dict(_pair(ctx, param, text) for text in given)


def _pair(ctx: click.Context, param: click.Parameter, text: str) -> tuple[str, str]:
    key, separator, value = text.partition("=")
    if not separator or not key:
        raise click.BadParameter(f"'{text}' is not {param.metavar}", ctx, param)
    return key, value


def _images(ctx: click.Context, param: click.Parameter, given: tuple[str, ...]) -> dict[str, str]:
    """`NAME=URI`, repeated, as a dict; a URI alone is the default image's."""
    return dict(("default", text) if "=" not in text else _pair(ctx, param, text) for text in given)


class RunCommand(click.Group):
    """A group whose commands are files, and the built-in example."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return []

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name == "hello" and not Path(cmd_name).exists():
            return HelloCommand()
        if cmd_name == "python-script" and not Path(cmd_name).exists():
            from flyte._cli.script import python_script

            return python_script
        if cmd_name == "deployed-task" and not Path(cmd_name).exists():
            from flyte._cli.known import KnownTasks

            return KnownTasks()
        return FileCommand(cmd_name)

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        return ["[OPTIONS]", "FILE", "TASK", "[INPUTS]"]

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[Any]:
        from click.shell_completion import CompletionItem

        if incomplete and "hello".startswith(incomplete) and not list(Path().glob(f"{incomplete}*")):
            # Shells take no words beside files.
            return [CompletionItem("hello", help="A built-in example.")]
        return [CompletionItem(incomplete, type="file"), *click.Command.shell_complete(self, ctx, incomplete)]


_EXAMPLES_OF_A_FILE = """The tasks of {file}. Give one of them, then its inputs as options.

\b
Examples:
  flyte run {file} TASK --help
  flyte run {file} TASK --INPUT VALUE
"""


class FileCommand(click.Group):
    """A Python file, whose commands are its tasks. The file is imported when they are asked for."""

    def __init__(self, file: str) -> None:
        super().__init__(
            name=file,
            help=_EXAMPLES_OF_A_FILE.format(file=file),
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
        return TaskCommand(cmd_name, found, self.file) if found is not None else None

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

        try:
            known = self.tasks(ctx).by_name
        except click.ClickException:
            # A file that cannot be imported has its say when it is run.
            return []
        return [
            CompletionItem(name, help=task.summary)
            for name, task in known.items()
            if name.startswith(incomplete)
        ]


class TaskCommand(click.Command):
    """One task: its inputs are the options."""

    def __init__(self, name: str, task: tasks.TaskEntry, file: str) -> None:
        required = "".join(f" --{each.name} ..." for each in task.inputs if each.required)
        example = (
            f"\b\nExamples:\n  flyte run {file} {name}{required}\n  flyte run --local {file} {name}{required}"
        )
        super().__init__(name=name, help=task.help, params=options.options_for(task.inputs), epilog=example)
        self.task = task

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and not args[0].startswith("-"):
            raise _positional(ctx, args[0], self.task.inputs)
        try:
            return super().parse_args(ctx, options.spell_out(args, self.task.inputs))
        except click.NoSuchOption as error:
            raise _misplaced(ctx, error) or error from None

    def invoke(self, ctx: click.Context) -> None:
        with unswept():
            from flyte._cli.launch import launch

        flags = ctx.find_object(RunFlags) or RunFlags()
        launch(self.task, options.collect(ctx, self.task.inputs), flags, settings())


class HelloCommand(click.Command):
    """The built-in example: its source is put where it can be read, and run from there."""

    def __init__(self) -> None:
        source = tasks.load(str(EXAMPLE)).by_name["main"]
        text = f"""Run a built-in example; no file is needed.

        {source.help} It says where its source is: copy it, and go on from there.

        \b
        Examples:
          flyte run hello
          flyte run --local hello --x_list '[1, 2, 3]'
        """
        super().__init__(name="hello", help=text, params=options.options_for(source.inputs))

    def invoke(self, ctx: click.Context) -> None:
        from flyte._cli.configured import load_config

        with unswept():
            from flyte._cli.launch import launch

        flags = ctx.find_object(RunFlags) or RunFlags()
        file = load_config().home / "hello" / EXAMPLE.name
        if not file.is_file():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(EXAMPLE.read_bytes())
        sys.modules.pop(EXAMPLE.stem, None)
        task = tasks.load(str(file)).by_name["main"]
        say(f"The example's source: {file}\nCopy it, change it: flyte run {EXAMPLE.name} main")
        launch(task, options.collect(ctx, task.inputs), flags, settings())


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
@click.option("--tui", is_flag=True, help="Watch the run in the terminal's console; needs godwit-flyte[tui].")
@click.option(
    "--tracked",
    is_flag=True,
    help="As --local: every local run is in the history, and so in the console, while it runs.",
)
@click.option("--tracked-strict", is_flag=True, help="With --tracked; recording is always strict here.")
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
@click.option(
    "--no-sync-local-sys-paths",
    is_flag=True,
    help="With --copy-style all: import from the root directory only, not from folders below it that are on sys.path here.",
)
@click.option("--version", default="", help="The version of the code, instead of its bundle's digest.")
@click.option("--raw-data-path", default="", metavar="PATH", help="Where files and large data are written.")
@click.option(
    "--image",
    "images",
    multiple=True,
    metavar="NAME=URI",
    callback=_images,
    help="The image that Image.from_ref_name(NAME) stands for; without NAME=, the default one. Recorded: tasks here run in this Python. Repeatable.",
)
@click.option(
    "--max-action-concurrency",
    type=click.IntRange(min=0),
    default=0,
    help="At most so many actions of the run at a time, those that wait for others not counted; 0: any number.",
)
@click.option("--queue", default="", help="The queue; recorded with the run.")
@click.option("--service-account", default="", help="The service account; recorded with the run.")
@click.option(
    "--project",
    "--run-project",
    "-p",
    "project",
    default="",
    help="The project, when not the configured one.",
)
@click.option(
    "--domain", "--run-domain", "-d", "domain", default="", help="The domain, when not the configured one."
)
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
      flyte run hello                            a built-in example
      flyte run my_script.py --help              the tasks of the file
      flyte run my_script.py pipeline --help     its inputs
      flyte run my_script.py pipeline --x 5
      flyte run --local my_script.py pipeline --x 5
      flyte run --detach --label team=ml train.py main --config job.yaml
      flyte run python-script plain.py           a script without tasks
      flyte run deployed-task my_env.pipeline    a task that was run before
    """
    flags = RunFlags(**given).checked()
    if flags.tracked_strict and not flags.tracked:
        raise UsageProblem("--tracked-strict says how --tracked is done; give both, or neither.")
    if flags.tracked:
        flags = replace(flags, local=True)
    if flags.local and flags.detach:
        raise UsageProblem(
            "--local and --detach exclude each other: a local run lives in this process.",
            hint="Leave out --local: the server's runs go on by themselves.",
        )
    ctx.obj = flags
