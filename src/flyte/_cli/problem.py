"""What goes wrong on the command line, and how it is said: the thing, the reason, the next step."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO, Any

import click


class Problem(click.ClickException):
    """Something could not be done: exit code 1. `hint` is what to type or do next."""

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "", detail: str = "") -> None:
        super().__init__(message)
        self.hint = hint
        self.detail = detail

    def show(self, file: IO[Any] | None = None) -> None:
        """Write `Error: ...`, the detail (a traceback) and the next step to stderr."""
        say_error(self.message, hint=self.hint, detail=self.detail)


class UsageProblem(Problem):
    """The command line itself is wrong: exit code 2."""

    exit_code = 2


def say_error(message: str, *, hint: str = "", detail: str = "") -> None:
    """One error on stderr."""
    click.echo(click.style("Error:", fg="red", bold=True) + f" {message}", err=True)
    if detail:
        click.echo(detail.rstrip("\n"), err=True)
    if hint:
        click.echo(f"  {hint}", err=True)


def say(message: str) -> None:
    """One line of words on stderr, where it cannot be mistaken for data."""
    click.echo(message, err=True)


def open_closed_streams() -> None:
    """Where stdout or stderr was closed (`2>&-`), write to nowhere: else its number goes to the next file opened."""
    for number, name in ((1, "stdout"), (2, "stderr")):
        if getattr(sys, name) is None:
            os.dup2(os.open(os.devnull, os.O_WRONLY), number)
            setattr(sys, name, os.fdopen(number, "w"))


@contextmanager
def words_only() -> Iterator[None]:
    """In this block what anybody writes to stdout arrives on stderr, child processes and native code included."""
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        with suppress(OSError):
            sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)


def mute_stdout() -> None:
    """The reader of our output has gone (`| head`): say nothing more, not even at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def nearest(word: str, known: list[str]) -> str:
    """`Did you mean 'x'?`, or nothing when no known word is near."""
    from difflib import get_close_matches

    near = get_close_matches(word, known, n=1, cutoff=0.6)
    return f"Did you mean '{near[0]}'?" if near else ""
