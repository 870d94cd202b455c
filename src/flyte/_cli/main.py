"""The `flyte` command: global options, the verbs, and one place where errors become words."""

import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import click

from flyte._cli.lazy import Entry, LazyGroup
from flyte._cli.problem import mute_stdout, open_closed_streams
from flyte._cli.state import FORMATS, Format, Settings, forbid_colour

RUN = "Run"
LOOK = "Look"
ACT = "Act"
SETUP = "This machine"

COMMANDS = {
    "run": Entry("flyte._cli.run:run", "Run a task of a Python file.", RUN),
    "rerun": Entry("flyte._cli.rerun:rerun", "Run a run once more, or only what did not succeed of it.", RUN),
    "get": Entry(
        "flyte._cli.get:get", "Look at runs, actions, their values and logs; the server; settings.", LOOK
    ),
    "diff": Entry("flyte._cli.diff:diff", "Compare two runs.", LOOK),
    "abort": Entry("flyte._cli.abort:abort", "Abort a run, or one action of it.", ACT),
    "signal": Entry("flyte._cli.signal:signal", "Answer what a run waits for.", ACT),
    "start": Entry(
        "flyte._cli.server:start", "Start this machine's server, or the terminal's console.", SETUP
    ),
    "stop": Entry("flyte._cli.server:stop", "Stop this machine's server.", SETUP),
    "delete": Entry("flyte._cli.delete:delete", "Delete what the cache keeps.", SETUP),
    "create": Entry("flyte._cli.create:create", "Create a config file.", SETUP),
    "whoami": Entry("flyte._cli.whoami:whoami", "Show who you are to the server, and where it is.", SETUP),
    "gen": Entry("flyte._cli.gen:gen", "Print the reference of this command line.", SETUP),
    "completion": Entry("flyte._cli.completion:completion", "Print the completion script of a shell.", SETUP),
}

EPILOG = """\b
Examples:
  flyte run my_script.py pipeline --x 5     run a task and wait for its end
  flyte run --local my_script.py pipeline   the same in this process
  flyte get run                             your runs, newest first
  flyte get action RUN --tree               what a run consists of
  flyte get logs RUN --follow               what it prints, live
"""


class _Root(LazyGroup):
    """Turns what a command raises into words while its settings are still at hand."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise
        except Exception as error:
            from flyte._cli.failures import explain

            ctx.exit(explain(error, traceback=ctx.ensure_object(Settings).verbosity > 0))


def _print_version(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        from importlib.metadata import version

        click.echo(f"flyte, version {version('godwit-flyte')} (godwit-flyte)")
        ctx.exit()


@click.group(
    cls=_Root,
    entries=COMMANDS,
    context_settings={"help_option_names": ["--help", "-h"]},
    epilog=EPILOG,
)
@click.option(
    "--endpoint", metavar="HOST[:PORT]", default="", help="The server to use, when not the configured one."
)
@click.option("--insecure/--secure", default=None, help="Speak to the endpoint without TLS (or with it).")
@click.option("--org", default="", help="The organisation, when not the configured one.")
@click.option("--auth-type", default="", help="How to log in to the endpoint, when not as configured.")
@click.option(
    "--image-builder",
    "--builder",
    type=click.Choice(["local", "remote"]),
    help="What builds images, when not as configured.",
)
@click.option(
    "--config", "-c", metavar="FILE", default="", help="The config file to read, instead of searching."
)
@click.option(
    "--output-format",
    "-of",
    "style",
    type=click.Choice(FORMATS),
    default="table",
    show_default=True,
    help="How to write data on stdout.",
)
@click.option(
    "--verbose",
    "-v",
    "verbosity",
    count=True,
    help="Say more; with it, errors show their traceback. Twice: debugging messages too.",
)
@click.option(
    "--log-format",
    type=click.Choice(["console", "json"]),
    help="How log messages are written, here and by the tasks of a run.",
)
@click.option(
    "--user-log-level",
    type=click.Choice(["debug", "info", "warning", "error", "critical"]),
    help="From which level flyte.logger writes in tasks.",
)
@click.option(
    "--reset-root-logger", is_flag=True, help="Take away the handlers that the root logger has in tasks."
)
@click.option("--no-progress", is_flag=True, help="No progress line, even on a terminal.")
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_print_version,
    help="Show the version and exit.",
)
@click.pass_context
def cli(
    ctx: click.Context,
    /,
    style: Format,
    no_progress: bool,
    **given: Any,
) -> None:
    """Runs and actions on this machine: run Python functions as tasks and look at what they did.

    Without a config file everything is kept in `~/.flyte` (or `$FLYTE_HOME`) and served by this
    machine's own server, which `flyte run` starts when it is needed.
    """
    ctx.obj = Settings(style=style, progress=not no_progress, **given)


def main(args: Sequence[str] | None = None) -> NoReturn:
    """The console script. Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted."""
    open_closed_streams()
    code = invoke(args)
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        mute_stdout()
    sys.exit(code)


def invoke(args: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code; every error has been said on stderr."""
    try:
        code = cli.main(
            args=None if args is None else list(args),
            prog_name="flyte",
            standalone_mode=False,
            color=forbid_colour(),
        )
        return code if isinstance(code, int) else 0
    except click.exceptions.Abort:
        return 130
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except BrokenPipeError:
        mute_stdout()
        return 1


if __name__ == "__main__":
    main()
