"""`flyte start server`, `flyte stop server`: this machine's own server."""

import os
import sys
from dataclasses import replace

import click

from flyte import _server
from flyte._cli.configured import load_config
from flyte._cli.problem import Problem, say
from flyte._cli.render import emit_json, emit_sheet, is_json
from flyte._cli.state import format_option, scope_options, settings


@click.group()
def start() -> None:
    """Start this machine's server (rarely needed: `flyte run` does so), or the terminal's console.

    \b
    Examples:
      flyte start server
      flyte start tui
    """


@click.group()
def stop() -> None:
    """Stop this machine's server. Runs go on when the next one starts.

    \b
    Examples:
      flyte stop server
    """


@start.command("server")
@click.option(
    "--port", type=click.IntRange(1, 65535), help="The port to listen on. Default: as configured, else 4290."
)
@click.option("--host", metavar="ADDRESS", help="The address to listen on. Default: this machine only.")
@click.option(
    "--idle-timeout",
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    help="Stop by itself after so long with nothing to do; 0: never. Default: half an hour.",
)
@click.option(
    "--runtime-python",
    multiple=True,
    metavar="PATH",
    help="A Python that has the published client, for its runs; repeatable.",
)
@click.option("--insecure-i-know", is_flag=True, help="Listen beyond this machine, without any login.")
@click.option("--foreground", is_flag=True, help="Stay in this terminal; Ctrl-C stops it.")
@format_option
def start_server(
    port: int | None,
    host: str | None,
    idle_timeout: float | None,
    runtime_python: tuple[str, ...],
    insecure_i_know: bool,
    foreground: bool,
) -> None:
    """Start the server of this machine's data directory, if it does not run yet, and show where it is.

    \b
    Examples:
      flyte start server
      flyte start server --port 4300 --idle-timeout 0
      FLYTE_HOME=~/other flyte start server --port 4301
    """
    config = load_config()
    options: list[str] = []
    if host is not None:
        options += ["--host", host]
    if idle_timeout is not None:
        options += ["--idle-timeout", f"{idle_timeout:g}"]
    for python in runtime_python:
        options += ["--runtime-python", python]
    if insecure_i_know:
        options.append("--insecure-i-know")
    running = _server.status(config.home)
    if running is not None:
        _found_running(running, port, options)
        return
    wanted = port if port is not None else config.port
    if foreground:
        words = [sys.executable, "-m", "flyte_server", "--home", str(config.home)]
        os.execv(sys.executable, [*words, *(["--port", str(wanted)] if wanted else []), *options])
    show(_server.start_server(config.home, port=wanted, options=tuple(options), say=say))


def _found_running(running: _server.ServerInfo, port: int | None, options: list[str]) -> None:
    """It runs already: fine, unless something else was asked for, or it is another version."""
    if port is not None and not running.url.endswith(f":{port}"):
        raise Problem(
            f"the server of {running.data_dir} already runs, at {running.url}.",
            hint="Stop it first: flyte stop server. Or give the second one its own data: FLYTE_HOME=DIR flyte start server",
        )
    _server.require_version(running)
    say("It runs already." + (" Options count when it starts: flyte stop server" if options else ""))
    show(running)


@start.command("tui")
@click.option(
    "--config",
    "-c",
    "file",
    metavar="FILE",
    default="",
    help="The config file to read, instead of searching.",
)
@click.option(
    "--poll-interval",
    type=click.FloatRange(min=0.1),
    default=2.0,
    show_default=True,
    metavar="SECONDS",
    help="So often what is shown is looked up again.",
)
@scope_options
@click.pass_context
def start_tui(ctx: click.Context, /, file: str, poll_interval: float) -> None:
    """The terminal's console: runs, a run's live tree, details and logs.

    It shows the configured server's history, or this machine's. Needs godwit-flyte[tui].

    \b
    Keys, in the table: Enter opens a run, / filters, p chooses the project, s sorts, a aborts, r refreshes, q ends.
    In a run: d details, l log, [ and ] attempts, j and k move, a aborts, q goes back.

    \b
    Examples:
      flyte start tui
      flyte start tui --poll-interval 0.5
    """
    from flyte._cli.tui import require_tui

    require_tui()
    from flyte._cli.tui.app import Console
    from flyte._remote.current import source_of

    if file:
        ctx.obj = replace(settings(), config=file)
    Console(source_of(load_config()), poll_s=poll_interval).run()


@stop.command("server")
def stop_server() -> None:
    """Stop the server of this machine's data directory, and wait until it has ended.

    Attempts that run go on; the next server takes them over.

    \b
    Examples:
      flyte stop server
    """
    home = load_config().home
    stopped = _server.stop_server(home)
    if stopped is None:
        say(f"No server was running for {home}.")
    else:
        say(f"Stopped the server at {stopped.url} (pid {stopped.pid}).")


def show(info: _server.ServerInfo) -> None:
    """Where a server is, as the output format says."""
    style = settings().style
    if is_json(style):
        found = {"pid": info.pid, "url": info.url, "data_dir": info.data_dir, "version": info.version}
        given = {"cpu": info.cpu, "memory_bytes": info.memory_bytes}
        emit_json({**found, "started_at": info.started_at, **given}, style)
        return
    emit_sheet(
        [
            ("URL", info.url),
            ("Process", str(info.pid)),
            ("Data", info.data_dir),
            ("Version", info.version),
        ]
    )
