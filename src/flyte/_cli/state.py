"""What the global options say, and the options that several commands share."""

import logging
import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal, TypeVar

import click

from flyte._log import LogChoice
from flyte_core.frozen import frozen

Format = Literal["table", "table-simple", "json", "json-raw"]
FORMATS: tuple[Format, ...] = ("table", "table-simple", "json", "json-raw")

F = TypeVar("F", bound=Callable[..., Any])


@frozen
class Settings:
    """The command line's own settings; `None` and empty strings mean: as configured."""

    style: Format = "table"
    endpoint: str = ""
    insecure: bool | None = None
    config: str = ""
    project: str = ""
    domain: str = ""
    org: str = ""
    auth_type: str = ""
    image_builder: str | None = None
    verbosity: int = 0
    progress: bool = True
    log_format: str | None = None
    user_log_level: str | None = None
    reset_root_logger: bool = False

    def logs(self) -> LogChoice:
        """What is to be logged, by this command and by the tasks of a run that it starts."""
        level = {0: None, 1: logging.INFO}.get(self.verbosity, logging.DEBUG)
        user = logging.getLevelNamesMapping()[self.user_log_level.upper()] if self.user_log_level else None
        return LogChoice(level, user, self.log_format, self.reset_root_logger)


def settings() -> Settings:
    """Those of the running command."""
    found = click.get_current_context().find_object(Settings)
    return found if found is not None else Settings()


def forbid_colour() -> bool | None:
    """click's colour switch: False under `NO_COLOR`, else None (colours on terminals only)."""
    return False if os.environ.get("NO_COLOR") else None


def _override(name: str) -> Callable[[click.Context, click.Parameter, Any], Any]:
    """A callback that writes the option's value, when given, into the settings of this command."""

    def write(ctx: click.Context, param: click.Parameter, value: Any) -> Any:
        if value is not None:
            present = ctx.find_object(Settings) or Settings()
            ctx.obj = replace(present, **{name: value})
        return value

    return write


def format_option(command: F) -> F:
    """`-of`: accepted by every command that writes data, after it as well as before."""
    return click.option(
        "--output-format",
        "-of",
        type=click.Choice(FORMATS),
        expose_value=False,
        callback=_override("style"),
        help="How to write the data: table, table-simple, json or json-raw.",
    )(command)


def scope_options(command: F) -> F:
    """`-p` and `-d`: the project and domain, where other than configured."""
    domain = click.option(
        "--domain",
        "-d",
        expose_value=False,
        callback=_override("domain"),
        help="The domain, when not the configured one.",
    )
    project = click.option(
        "--project",
        "-p",
        expose_value=False,
        callback=_override("project"),
        help="The project, when not the configured one.",
    )
    return project(domain(command))


def data_command(command: F) -> F:
    """The options of every command that reads history."""
    return scope_options(format_option(command))
