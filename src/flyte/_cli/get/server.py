"""`flyte get server`: this machine's server, if one runs."""

import click

from flyte._cli import server as machine
from flyte._cli.problem import Problem
from flyte._cli.render import emit_json, emit_sheet, is_json
from flyte._cli.state import format_option, settings


@click.command()
@format_option
def server() -> None:
    """This machine's server: pid, URL, data directory and version. Exit code 1 when none runs.

    \b
    Examples:
      flyte get server
      flyte get server -of json
    """
    info = machine.running()
    if info is None:
        raise Problem(
            f"no server is running for {machine.home()}.",
            hint="'flyte start server' starts one; 'flyte run' does so by itself.",
        )
    style = settings().style
    if is_json(style):
        emit_json(info, style)
        return
    emit_sheet(
        [
            ("URL", str(info["url"])),
            ("Process", str(info["pid"])),
            ("Data", str(info["data_dir"])),
            ("Version", str(info["version"])),
        ]
    )
