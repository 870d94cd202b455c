"""`flyte whoami`: who you are here, and which history commands use."""

import click

from flyte import _server
from flyte._account import account
from flyte._cli.configured import load_config
from flyte._cli.render import emit_json, emit_sheet, is_json
from flyte._cli.state import data_command, settings


@click.command()
@data_command
def whoami() -> None:
    """Who you are to the server, where it is, and the project and domain in force.

    \b
    Examples:
      flyte whoami
      flyte whoami -of json
    """
    config = load_config()
    running = None if config.endpoint else _server.status(config.home)
    found = {
        "user": account(),
        "endpoint": config.endpoint or _server.base_url(config.home, config.port),
        "server": "configured" if config.endpoint else "running" if running else "not running",
        "project": config.project,
        "domain": config.domain,
        "data_dir": str(config.home),
        "config": str(config.file) if config.file else None,
    }
    style = settings().style
    if is_json(style):
        emit_json(found, style)
        return
    words = {
        "running": "this machine's, running",
        "not running": "this machine's, not running; 'flyte run' starts it",
        "configured": "as configured",
    }
    emit_sheet(
        [
            ("User", str(found["user"])),
            ("Endpoint", f"{found['endpoint']} ({words[str(found['server'])]})"),
            ("Project", str(found["project"])),
            ("Domain", str(found["domain"])),
            ("Data", str(found["data_dir"])),
            ("Config", str(found["config"] or "none")),
        ]
    )
