"""`flyte get logs RUN [ACTION]`: what an action printed and logged, live and afterwards."""

import sys
from collections import deque
from collections.abc import Iterable, Iterator

import click

from flyte._cli import completion, words
from flyte._cli.history import Log, open_history
from flyte._cli.problem import say
from flyte._cli.render import emit_json, is_json
from flyte._cli.state import Format, data_command, settings
from flyte_core.logs import LogLine

PRETTY_LINES = 30


@click.command()
@click.argument("run", shell_complete=completion.runs)
@click.argument("action", required=False, default="a0", shell_complete=completion.actions)
@click.option("--attempt", "-a", type=click.IntRange(min=1), help="Of this attempt, instead of the latest.")
@click.option("--follow", "-f", is_flag=True, help="Go on until the action has ended.")
@click.option("--lines", "-l", type=click.IntRange(min=0), help="Only the last so many lines.")
@click.option(
    "--pretty", is_flag=True, help="On a terminal: a box with the last lines (30, or --lines), until the end."
)
@click.option("--show-ts", is_flag=True, help="Begin each line with its instant (UTC).")
@click.option("--filter-system", is_flag=True, help="Leave out lines that the system wrote.")
@data_command
def logs(
    run: str,
    action: str,
    attempt: int | None,
    follow: bool,
    lines: int | None,
    pretty: bool,
    show_ts: bool,
    filter_system: bool,
) -> None:
    """The log of an ACTION of a RUN; without ACTION, of the root.

    \b
    Examples:
      flyte get logs RUN
      flyte get logs RUN ACTION --follow
      flyte get logs RUN ACTION --attempt 1 --show-ts
      flyte get logs RUN -l 30 -of json-raw
    """
    if follow and lines is not None:
        raise click.UsageError("--follow and --lines exclude each other.")
    log = open_history().logs(run, action, attempt)
    style = settings().style
    if pretty and sys.stdout.isatty() and not is_json(style):
        _box(_wanted(log.follow(), filter_system), f"{action} of {run}", lines or PRETTY_LINES, show_ts)
        return
    if follow:
        lines_to_come = log.follow() if attempt is None else log.lines(follow=True)
        _print(_wanted(lines_to_come, filter_system), log, style, show_ts)
        return
    found: Iterable[LogLine] = _wanted(log.lines(follow=False), filter_system)
    if lines is not None:
        found = deque(found, maxlen=lines)
    if style == "json":
        emit_json([_as_dict(line, log.attempt) for line in found], style)
        return
    if not _print(found, log, style, show_ts):
        say(f"{action} of {run} has written nothing (attempt {log.attempt}).")
        if action == "a0":
            say(f"Other actions: flyte get action {run}    then: flyte get logs {run} ACTION")


def _box(lines: Iterator[LogLine], title: str, room: int, show_ts: bool) -> None:
    """The last lines in a frame, drawn anew as they come."""
    from rich.live import Live
    from rich.panel import Panel
    from rich.text import Text

    last: deque[str] = deque(maxlen=room)
    with Live(auto_refresh=True) as live:
        for line in lines:
            last.append(show(line, show_ts=show_ts))
            live.update(Panel(Text.from_ansi("\n".join(last)), title=title, title_align="left"))


def _wanted(lines: Iterator[LogLine], filter_system: bool) -> Iterator[LogLine]:
    return (line for line in lines if line.stream != "s") if filter_system else lines


def _print(lines: Iterable[LogLine], log: Log, style: Format, show_ts: bool) -> int:
    count = 0
    for line in lines:
        if is_json(style):
            emit_json(_as_dict(line, log.attempt), "json-raw")
        else:
            click.echo(show(line, show_ts=show_ts))
        count += 1
    return count


def show(line: LogLine, *, show_ts: bool = False) -> str:
    """A line as people read it: the system's own are marked."""
    text = click.style(f"[system] {line.text}", dim=True) if line.stream == "s" else line.text
    return f"{words.stamp(line.at)}  {text}" if show_ts else text


def _as_dict(line: LogLine, attempt: int) -> dict[str, object]:
    return {
        "time": words.stamp(line.at),
        "stream": {"o": "stdout", "e": "stderr", "s": "system"}[line.stream],
        "text": line.text,
        "number": line.number,
        "attempt": attempt,
    }
