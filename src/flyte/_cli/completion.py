"""`flyte completion SHELL`: the script that makes a shell complete our commands, files and tasks."""

import click

_INSTALL = {
    "bash": "~/.bashrc",
    "zsh": "~/.zshrc",
    "fish": "~/.config/fish/completions/flyte.fish",
}


@click.command()
@click.argument("shell", type=click.Choice(sorted(_INSTALL)))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the completion script of a SHELL: bash, zsh or fish.

    It completes commands and options, and after `flyte run FILE` the tasks of that file.

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
