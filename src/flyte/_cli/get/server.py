"""`flyte get server`: this machine's server, if one runs."""

import click

from flyte import _server
from flyte._cli.configured import load_config
from flyte._cli.problem import Problem
from flyte._cli.server import show
from flyte._cli.state import format_option


@click.command()
@format_option
def server() -> None:
    """This machine's server: pid, URL, data directory and version. Exit code 1 when none runs.

    \b
    Examples:
      flyte get server
      flyte get server -of json
    """
    home = load_config().home
    info = _server.status(home)
    if info is None:
        raise Problem(
            f"no server is running for {home}.",
            hint="'flyte start server' starts one; 'flyte run' does so by itself.",
        )
    show(info)
