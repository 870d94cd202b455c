"""`flyte signal condition RUN NAME [VALUE]`: answer a question that a task has asked."""

import sys

import click

from flyte._calls import answers
from flyte._cli import completion
from flyte._cli.history import History, open_history
from flyte._cli.problem import Problem, UsageProblem, say
from flyte._cli.state import scope_options
from flyte._remote.condition import Condition, choose
from flyte.errors import RuntimeDataValidationError
from flyte_core.model import Phase


@click.group()
def signal() -> None:
    """Answer what a run waits for.

    \b
    Examples:
      flyte get condition RUN
      flyte signal condition RUN approve yes
    """


@signal.command("condition", context_settings={"ignore_unknown_options": True})
@click.argument("run", shell_complete=completion.runs)
@click.argument("name")
@click.argument("value", required=False)
@scope_options
def condition(run: str, name: str, value: str | None) -> None:
    """Answer the condition NAME of a RUN with a VALUE; without one you are asked for it.

    A VALUE is what the condition asks for: yes or no, a number, or a text.

    \b
    Examples:
      flyte get condition RUN
      flyte signal condition RUN approve yes
      flyte signal condition RUN threshold 0.75
    """
    history = open_history()
    found = _waiting(history, run, name)
    answer = _ask(found) if value is None else _parse(value, found)
    history.signal(found, answer)
    say(f"Condition {found.name} of {run} is answered.")


def _waiting(history: History, run: str, name: str) -> Condition:
    there = history.conditions(run)
    found = choose(there, name)
    if found is None:
        names = ", ".join(dict.fromkeys(each.name for each in there))
        raise Problem(
            f"Run {run} has no condition {name}" + (f"; it has {names}." if names else "."),
            hint=f"List them: flyte get condition {run}",
        )
    if found.phase is not Phase.PAUSED:
        raise Problem(
            f"The condition {name} of {run} has ended ({found.phase.value}); it cannot be answered any more.",
            hint=f"See what it brought: flyte get io {run} {found.action_name}",
        )
    return found


def _parse(value: str, found: Condition) -> answers.Answer:
    try:
        return answers.parse(value, found.expected_type, found.name)
    except RuntimeDataValidationError as error:
        raise UsageProblem(f"{error.message} {error.hint}") from None


def _ask(found: Condition) -> answers.Answer:
    """Ask on the terminal until the answer is one."""
    if not sys.stdin.isatty():
        raise UsageProblem(
            f"The answer is missing: flyte signal condition {found.run_name} {found.name} VALUE"
        )
    if found.description:
        say(found.description)
    while True:
        typed = click.prompt(f"{found.prompt} ({answers.form(found.expected_type)})", err=True)
        try:
            return answers.parse(typed, found.expected_type, found.name)
        except RuntimeDataValidationError as error:
            say(error.hint)
