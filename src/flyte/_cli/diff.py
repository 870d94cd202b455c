"""`flyte diff RUN_A RUN_B`: two runs side by side, and where they first went apart."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import click

from flyte._cli import words
from flyte._cli.history import open_history
from flyte._cli.render import Column, emit_json, emit_table, is_json
from flyte._cli.state import data_command, settings

_SHOWN = 20
_VALUE_CHARS = 70

_SHAPES = (
    Column("Call path", lambda shape: " › ".join(shape["path"]), shrink=True),
    Column("A", lambda shape: _side(shape["a"]), right=True),
    Column("B", lambda shape: _side(shape["b"]), right=True),
    Column("Change", lambda shape: _change(shape), right=True),
    Column("Failed", lambda shape: _failed(shape), right=True),
)


@click.command()
@click.argument("run_a")
@click.argument("run_b")
@data_command
def diff(run_a: str, run_b: str) -> None:
    """Compare RUN_A with RUN_B: inputs, code and environment, outputs, time, and their first difference.

    Actions are aligned by call path, so that runs of the same code can be compared whatever their
    actions are called.

    \b
    Examples:
      flyte diff RUN_A RUN_B
      flyte diff RUN_A RUN_B -of json
    """
    found = open_history().compare(run_a, run_b)
    style = settings().style
    if is_json(style):
        emit_json(found, style)
        return
    for side in ("a", "b"):
        run = found[side]
        took = words.duration(run["duration_ms"])
        click.echo(f"{side.upper()}  {run['name']}  {run['task_name']}  {words.phase(run['phase'])}  {took}")
    _first(found["first_difference"])
    for heading, name in (
        ("Inputs", "inputs"),
        ("Outputs", "outputs"),
        ("Code and environment", "environment"),
    ):
        _changes(heading, found[name])
    shapes: Sequence[Mapping[str, Any]] = found["shapes"]
    click.echo(f"\n{click.style('Time', bold=True)}, in all actions of a call path")
    emit_table(_SHAPES, shapes[:_SHOWN], style)
    if len(shapes) > _SHOWN:
        click.echo(f"{len(shapes) - _SHOWN} more changed less; -of json has them all.")


def _first(apart: Mapping[str, Any] | None) -> None:
    heading = click.style("First difference", bold=True)
    if apart is None:
        click.echo(f"\n{heading}: none; every call got the same inputs and gave the same outputs.")
        return
    click.echo(f"\n{heading}: {apart['message']}")
    click.echo(f"  at {' › '.join(apart['path'])}")
    for label in ("versions", "phases"):
        if label in apart:
            click.echo(f"  A {apart[label][0]}\n  B {apart[label][1]}")
    for change in apart.get("changes", ()):
        _change_lines(change)


def _changes(heading: str, changes: Sequence[Mapping[str, Any]]) -> None:
    title = click.style(heading, bold=True)
    if not changes:
        click.echo(f"\n{title}: the same")
        return
    click.echo(f"\n{title}")
    for change in changes:
        _change_lines(change)


def _change_lines(change: Mapping[str, Any]) -> None:
    click.echo(f"  {change['name']}")
    for side in ("a", "b"):
        click.echo(f"    {side.upper()} {_value(change[side]) if side in change else '(none)'}")


def _value(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _VALUE_CHARS else f"{text[: _VALUE_CHARS - 1]}…"


def _side(stats: Mapping[str, Any] | None) -> str:
    if stats is None:
        return "-"
    total = words.duration(stats["total_ms"])
    return (
        total if stats["count"] == 1 else f"{stats['count']} × {words.duration(stats['median_ms'])} = {total}"
    )


def _change(shape: Mapping[str, Any]) -> str:
    if shape["a"] is None or shape["b"] is None:
        return "only in A" if shape["b"] is None else "only in B"
    sign = "+" if shape["change_ms"] >= 0 else "-"
    return f"{sign}{words.duration(abs(shape['change_ms']))}"


def _failed(shape: Mapping[str, Any]) -> str:
    a, b = (shape[side]["failed"] if shape[side] else 0 for side in ("a", "b"))
    return f"{a} → {b}" if a or b else ""
