"""`flyte gen docs`: the reference of the command line, made of the commands themselves."""

from collections.abc import Iterator

import click

HEAD = """\
# The command line

Made of the commands' own help by `flyte gen docs`.

Data goes to stdout, words go to stderr. Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted. Colours and
progress appear on terminals only; `NO_COLOR` and `--no-progress` switch them off.
"""


@click.group()
def gen() -> None:
    """Generate documentation.

    \b
    Examples:
      flyte gen docs > cli.md
    """


@gen.command("docs")
@click.pass_context
def docs(ctx: click.Context) -> None:
    """Print the reference of every command as Markdown.

    \b
    Examples:
      flyte gen docs > cli.md
    """
    root = ctx.find_root().command
    click.echo(HEAD)
    for path, text in _walk(root, click.Context(root, info_name="flyte", **root.context_settings)):
        click.echo(f"## {path}\n\n```text\n{text}\n```\n")


def _walk(command: click.Command, ctx: click.Context) -> Iterator[tuple[str, str]]:
    """Each command's path and help, in the order of the help."""
    ctx.max_content_width = ctx.terminal_width = 100
    yield ctx.command_path, command.get_help(ctx)
    if isinstance(command, click.Group):
        for name in command.list_commands(ctx):
            child = command.get_command(ctx, name)
            if child is not None and not child.hidden:
                yield from _walk(child, click.Context(child, info_name=name, parent=ctx))
