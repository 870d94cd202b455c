"""Typed options out of a task's inputs, for click."""

from collections.abc import Sequence
from typing import Any

import click

from flyte._cli.params import HintType, Input, forms, show_default


class InputOption(click.Option):
    """`--x` for one input. A bool takes a value or stands alone."""

    def __init__(self, given: Input) -> None:
        self.given = given
        flag: dict[str, Any] = {"is_flag": False, "flag_value": "true"} if given.flag else {}
        super().__init__(
            [*_spellings(given.name), given.name],
            type=HintType(given.hint),
            required=given.required,
            help=_help(given),
            **flag,
        )

    def get_help_record(self, ctx: click.Context) -> tuple[str, str]:
        name = f"--{self.given.name}"
        usage = f"{name} / --no-{self.given.name}" if self.given.flag else f"{name} {self.type.name}"
        return usage, self.help or ""

    def get_error_hint(self, ctx: click.Context | None) -> str:
        return f"'--{self.given.name}'"


def options_for(inputs: Sequence[Input]) -> list[click.Parameter]:
    """One option an input, in the order of the task's parameters."""
    return [InputOption(given) for given in inputs]


def spell_out(args: Sequence[str], inputs: Sequence[Input]) -> list[str]:
    """The arguments with each `--no-x` of a bool input `x` written as `--x=false`."""
    taken = {spelling for given in inputs for spelling in _spellings(given.name)}
    negations = {
        f"--no-{spelling[2:]}": f"{spelling}=false"
        for given in inputs
        if given.flag
        for spelling in _spellings(given.name)
    }
    return [arg if arg in taken else negations.get(arg, arg) for arg in args]


def collect(ctx: click.Context, inputs: Sequence[Input]) -> dict[str, Any]:
    """The values that were typed, by input; those left out keep the task's default."""
    typed = click.core.ParameterSource.COMMANDLINE
    return {
        given.name: ctx.params[given.name]
        for given in inputs
        if ctx.get_parameter_source(given.name) is typed
    }


def _spellings(name: str) -> list[str]:
    """`--x_list` as the parameter is called, and `--x-list` as a shell user would."""
    return list(dict.fromkeys((f"--{name}", f"--{name.replace('_', '-')}", f"--{name.replace('-', '_')}")))


def _help(given: Input) -> str:
    note = forms(given.hint)
    parts = [f"Write {note}."] if note else []
    parts.append("[required]" if given.required else f"[default: {show_default(given.default)}]")
    return "  ".join(parts)
