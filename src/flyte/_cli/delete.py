"""`flyte delete local-cache`: forget the outcomes that later calls would take."""

import click

from flyte._cli import words
from flyte._cli.configured import load_config
from flyte._cli.problem import say
from flyte_core.layout import Layout


@click.group()
def delete() -> None:
    """Delete what the cache keeps. Runs are not touched.

    \b
    Examples:
      flyte delete local-cache
    """


@delete.command("local-cache")
def local_cache() -> None:
    """Forget the cached outcomes of this machine's history: every task is executed again.

    Runs, their values and their logs stay.

    \b
    Examples:
      flyte delete local-cache
      FLYTE_HOME=~/other flyte delete local-cache
    """
    from flyte_core.store.sqlite import SqliteStore

    database = Layout(load_config().home).database
    if not database.exists():
        say(f"Nothing is cached: there is no history at {database}.")
        return
    store = SqliteStore.open(database)
    try:
        count = store.transact(lambda tx: tx.clear_cache())
    finally:
        store.close()
    say(f"Forgot {words.plural(count, 'cached outcome')}.")
