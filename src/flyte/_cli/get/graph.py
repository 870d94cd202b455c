"""`flyte get graph RUN`: the actions of a run, and how data flowed between them."""

import click

from flyte._cli import completion, words
from flyte._cli.history import open_history
from flyte._cli.problem import say
from flyte._cli.render import emit_json, is_json
from flyte._cli.state import FORMATS, scope_options, settings

DRAWINGS = ("dot", "mermaid")

_FOLD_FROM = 60
"""More actions than these are folded by call path, unless somebody asks for all."""


@click.command()
@click.argument("run", shell_complete=completion.runs)
@click.option(
    "--fold/--all",
    default=None,
    help=f"One box for all calls of one place, or one for every action; by default folded from {_FOLD_FROM} actions.",
)
@click.option(
    "--output-format",
    "-of",
    "style",
    type=click.Choice((*FORMATS, *DRAWINGS)),
    help="How to write the graph: as a tree (table), json, json-raw, dot (Graphviz) or mermaid.",
)
@scope_options
def graph(run: str, fold: bool | None, style: str | None) -> None:
    """The execution graph of a RUN: who called whom, and under each action what flowed into it.

    An arrow says where a parameter's value came from: from the value itself, or computed from it
    (derived), or as its content suggests (inferred). A dot marks the critical path.

    \b
    Examples:
      flyte get graph RUN
      flyte get graph RUN -of json
      flyte get graph RUN -of dot | dot -Tsvg > run.svg
      flyte get graph RUN -of mermaid --all
    """
    from flyte_core.dataflow import draw

    found = open_history().graph(run)
    given = settings().style
    if style is None or style in FORMATS:
        wanted = next((each for each in FORMATS if each == style), given)
        if is_json(wanted):
            emit_json(found.to_dict(), wanted)
            return
    folded = len(found.nodes) > _FOLD_FROM if fold is None else fold
    drawn = (draw.folded if folded else draw.boxes)(found, words.duration)
    lines = {"dot": draw.dot, "mermaid": draw.mermaid}.get(style or "", draw.tree)
    for line in lines(drawn):
        click.echo(line)
    if style not in DRAWINGS:
        _explain(len(found.nodes), len(drawn), folded)


def _explain(actions: int, boxes: int, folded: bool) -> None:
    from flyte_core.dataflow import draw

    text = f"{draw.ON_PATH} on the critical path."
    if folded and actions > boxes:
        text += f" {words.plural(actions, 'action')} folded by call path; --all shows each."
    say(text)
