"""`flyte abort run|action`: end what is not wanted any more."""

import click

from flyte._cli import completion
from flyte._cli.history import open_history
from flyte._cli.problem import say
from flyte._cli.state import scope_options

DEFAULT_REASON = "Manually aborted from the CLI"

reason_option = click.option(
    "--reason", default=DEFAULT_REASON, show_default=True, help="Why; kept with what was aborted."
)


@click.group()
def abort() -> None:
    """Abort a run, or one action of it.

    What has ended stays as it ended; aborting it changes nothing.

    \b
    Examples:
      flyte abort run RUN
      flyte abort action RUN ACTION --reason "not needed"
    """


@abort.command("run")
@click.argument("run", shell_complete=completion.runs)
@reason_option
@scope_options
def abort_run(run: str, reason: str) -> None:
    """Abort a RUN: its root and everything below it.

    \b
    Examples:
      flyte abort run r3kd82nfa0s9dk2m4xq7
      flyte abort run r3kd82nfa0s9dk2m4xq7 --reason "wrong inputs"
    """
    opened = open_history()
    found = opened.run(run)
    if found["end_time"]:
        say(f"Run {run} has already ended ({found['phase']}); nothing was changed.")
        return
    opened.abort_run(run, reason)
    say(f"Run {run} is being aborted. Its end: flyte get run {run}")


@abort.command("action")
@click.argument("run", shell_complete=completion.runs)
@click.argument("action", shell_complete=completion.actions)
@reason_option
@scope_options
def abort_action(run: str, action: str, reason: str) -> None:
    """Abort one ACTION of a RUN and everything that it called; its caller goes on.

    \b
    Examples:
      flyte get action RUN --in-phase running
      flyte abort action RUN ACTION
    """
    opened = open_history()
    found = opened.action(run, action)
    if found["end_time"]:
        say(f"Action {action} of {run} has already ended ({found['phase']}); nothing was changed.")
        return
    opened.abort_action(run, action, reason)
    say(f"Action {action} of {run} is being aborted. Its end: flyte get action {run} {action}")
