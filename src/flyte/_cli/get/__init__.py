"""`flyte get NOUN`: everything that only looks."""

import click

from flyte._cli.lazy import Entry, LazyGroup

NOUNS = {
    "run": Entry("flyte._cli.get.run:run", "Runs, newest first; or one run.", "Runs"),
    "action": Entry("flyte._cli.get.action:action", "The actions of a run; or one action.", "Runs"),
    "io": Entry("flyte._cli.get.io:io", "Named inputs and outputs.", "Runs"),
    "logs": Entry("flyte._cli.get.logs:logs", "What an action printed and logged.", "Runs"),
    "graph": Entry("flyte._cli.get.graph:graph", "How data flowed between the actions of a run.", "Runs"),
    "bottlenecks": Entry(
        "flyte._cli.get.bottlenecks:bottlenecks", "Where the time of a run went, and what to improve.", "Runs"
    ),
    "condition": Entry("flyte._cli.get.condition:condition", "Questions that a run has asked.", "Runs"),
    "task": Entry("flyte._cli.get.task:task", "Tasks that runs have been started of.", "Runs"),
    "server": Entry("flyte._cli.get.server:server", "This machine's server.", "This machine"),
    "config": Entry("flyte._cli.get.config:config", "Each setting, and where it comes from.", "This machine"),
}


@click.group(cls=LazyGroup, entries=NOUNS)
def get() -> None:
    """Look at runs, actions, their values and logs; at the server and the settings.

    History needs no server: these commands work when none runs, and while runs are in progress.
    Data goes to stdout, words go to stderr.

    \b
    Examples:
      flyte get run --limit 5
      flyte get action RUN --tree
      flyte get io RUN
      flyte get logs RUN --follow
    """
