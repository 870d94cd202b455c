"""`flyte get io RUN [ACTION]`: named inputs and outputs."""

from typing import Any

import click

from flyte._cli import completion, values
from flyte._cli.history import open_history
from flyte._cli.problem import UsageProblem, say
from flyte._cli.render import emit_json, emit_sheet, is_json
from flyte._cli.state import data_command, settings


@click.command()
@click.argument("run", shell_complete=completion.runs)
@click.argument("action", required=False, default="a0", shell_complete=completion.actions)
@click.option("--inputs-only", "-i", is_flag=True, help="Only the inputs.")
@click.option("--outputs-only", "-o", is_flag=True, help="Only the outputs.")
@data_command
def io(run: str, action: str, inputs_only: bool, outputs_only: bool) -> None:
    """The named inputs and outputs of an ACTION of a RUN; without ACTION, of the run itself.

    \b
    Examples:
      flyte get io RUN
      flyte get io RUN ACTION --outputs-only
      flyte get io RUN a0 -of json
    """
    if inputs_only and outputs_only:
        raise UsageProblem("--inputs-only and --outputs-only exclude each other; give neither for both.")
    found: dict[str, Any] = dict(open_history().io(run, action))
    if inputs_only:
        found.pop("outputs", None)
    if outputs_only:
        found.pop("inputs", None)
    style = settings().style
    if is_json(style):
        emit_json(found, style)
        return
    fields = [*values.named("Inputs", found.get("inputs")), *values.named("Outputs", found.get("outputs"))]
    if fields:
        emit_sheet(fields)
    else:
        say(f"{action} of {run} has no {' and no '.join(found)} (yet).")
