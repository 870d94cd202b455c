"""`flyte get config`: each setting, and where it comes from."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from flyte._cli.configured import load_config
from flyte._cli.problem import say
from flyte._cli.render import Column, emit_json, emit_table, is_json
from flyte._cli.state import data_command, settings

COLUMNS = (
    Column("Setting", lambda row: row["name"]),
    Column("Value", lambda row: _shown(row["value"]), shrink=True),
    Column("Source", lambda row: row["source"], shrink=True),
)


@click.command()
@data_command
def config() -> None:
    """Each setting with its value and its source: a file, a variable, the command line, or the default.

    \b
    Examples:
      flyte get config
      flyte -c other.yaml get config -of json
    """
    found = load_config()
    rows: list[Mapping[str, Any]] = [
        {"name": name, "value": _plain(value), "source": source} for name, value, source in found.rows()
    ]
    style = settings().style
    if is_json(style):
        emit_json(rows, style)
        return
    emit_table(COLUMNS, rows, style)
    say(f"Config file: {found.file}" if found.file else "No config file: flyte create config writes one.")


def _plain(value: object) -> object:
    """A value as JSON has it."""
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, tuple):
        return list(value)
    return dict(value) if isinstance(value, Mapping) else value


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return " ".join(value) or "-"
    if isinstance(value, dict):
        return " ".join(f"{key}={each}" for key, each in value.items()) or "-"
    return "-" if value in ("", None) else str(value)
