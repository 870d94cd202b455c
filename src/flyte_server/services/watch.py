"""Following what changes: a snapshot first, then everything after it, as fast as the reader takes it.

A slow reader misses nothing but stages in between: each step reads what stands now.
"""

from collections.abc import AsyncIterator

from flyte_core.model import Action, ActionKey, RunKey, RunMode, RunView, Unavailable
from flyte_core.store.ports import Changes
from flyte_server.services.context import ServerContext
from flyte_server.services.wake import action_topic, children_topic

PAGE = 1_000


async def children(
    context: ServerContext, parent: ActionKey, after_seq: int = 0, beat_s: float | None = None
) -> AsyncIterator[tuple[Changes, bool]]:
    """Children of an action that changed after a cursor, for ever; with each whether that is all for now.

    The first comes at once even when it is empty, and an empty one follows every `beat_s` without news.

    Raises:
        Unavailable: the server stops.
    """
    cursor = after_seq
    with context.wake.watch(children_topic(parent)) as watch:
        tell = True
        while True:
            _go_on(context)
            changes = context.store.changes(parent.run, cursor, parent.name, PAGE)
            whole = len(changes.actions) < PAGE
            cursor = changes.seq
            if changes.actions or tell:
                tell = False
                yield changes, whole
            if whole:
                tell = not await watch.wait(beat_s)


async def action(context: ServerContext, key: ActionKey) -> AsyncIterator[tuple[RunView, Action]]:
    """An action each time it has changed, until it has ended.

    Raises:
        NotFound: there is none.
        Unavailable: the server stops.
    """
    local = is_local(context, key.run)
    with context.wake.watch(action_topic(key), foreign=local) as watch:
        seen = -1
        while True:
            found = context.action(key)
            if found.version != seen:
                seen = found.version
                yield context.view(key.run), found
            if found.phase.terminal:
                return
            _go_on(context)
            await watch.wait()


def is_local(context: ServerContext, run: RunKey) -> bool:
    """Whether another process writes this run's history."""
    return context.view(run).record.mode is RunMode.LOCAL


def _go_on(context: ServerContext) -> None:
    if context.stopping:
        raise Unavailable("The server stops.", hint="Call again: the next server goes on from here.")
