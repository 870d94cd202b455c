"""`flyte completion SHELL`: the script that makes a shell complete our commands, files, tasks and runs."""

from typing import Any

import click

_INSTALL = {
    "bash": "~/.bashrc",
    "zsh": "~/.zshrc",
    "fish": "~/.config/fish/completions/flyte.fish",
}
_OFFERED = 30


@click.command()
@click.argument("shell", type=click.Choice(sorted(_INSTALL)))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the completion script of a SHELL: bash, zsh or fish.

    It completes commands and options; after `flyte run` the files, after `flyte run FILE` the tasks of
    that file; and where a run is asked for, the newest ones.

    \b
    Examples:
      flyte completion bash >> ~/.bashrc
      flyte completion zsh >> ~/.zshrc
      flyte completion fish > ~/.config/fish/completions/flyte.fish
    """
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    assert kind is not None, "every shell on offer is one that click knows"
    click.echo(kind(ctx.find_root().command, {}, "flyte", "_FLYTE_COMPLETE").source())


def runs(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[Any]:
    """The newest runs whose name begins so."""
    from click.shell_completion import CompletionItem

    from flyte._cli.history import open_history
    from flyte_core.store.ports import RunQuery

    try:
        with ctx.scope(cleanup=False):
            opened = open_history()
        query = RunQuery(project=opened.scope.project, domain=opened.scope.domain, limit=500)
        found = opened.runs(query)
    except Exception:
        # A half-typed line is no place for errors.
        return []
    return [
        CompletionItem(run["name"], help=f"{run['task_name']}, {run['phase']}")
        for run in found
        if run["name"].startswith(incomplete)
    ][:_OFFERED]


def actions(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[Any]:
    """The actions of the run that stands before."""
    from click.shell_completion import CompletionItem

    from flyte._cli.history import open_history

    try:
        with ctx.scope(cleanup=False):
            found = open_history().actions(str(ctx.params["run"]))
    except Exception:
        return []
    return [
        CompletionItem(action["name"], help=f"{action['short_name']}, {action['phase']}")
        for action in found
        if action["name"].startswith(incomplete)
    ][:_OFFERED]
