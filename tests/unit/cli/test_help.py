"""Every command says what it does, by example."""

from collections.abc import Iterator

import click
import pytest

from flyte._cli.main import cli


def commands(
    command: click.Command, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        ctx = click.Context(command, info_name="flyte", **cli.context_settings)
        for name in command.list_commands(ctx):
            child = command.get_command(ctx, name)
            assert child is not None
            yield from commands(child, (*path, name))


FOUND = dict(commands(cli))


@pytest.mark.parametrize("path", FOUND, ids=lambda path: "-".join(path) or "flyte")
def test_help_shows_examples(path: tuple[str, ...]) -> None:
    command = FOUND[path]
    ctx = click.Context(command, info_name=" ".join(("flyte", *path)), **cli.context_settings)
    text = command.get_help(ctx)
    assert "Examples:\n" in text
    assert any(line.strip().startswith(("flyte ", "FLYTE_HOME=")) for line in text.splitlines())


@pytest.mark.parametrize("path", FOUND, ids=lambda path: "-".join(path) or "flyte")
def test_every_option_is_explained(path: tuple[str, ...]) -> None:
    for param in FOUND[path].params:
        if isinstance(param, click.Option):
            assert param.help, f"{path}: {param.name}"
