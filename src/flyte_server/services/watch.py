"""Following what changes: a snapshot first, then everything after it, as fast as the reader takes it.

A slow reader misses nothing but stages in between: each step reads what stands now.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import TypeVar

from flyte_core.model import Action, ActionKey, RunKey, RunMode, RunView, Unavailable
from flyte_core.store.ports import Changes
from flyte_server.services.context import ServerContext
from flyte_server.services.wake import Topic, action_topic, children_topic, outcomes_topic

T = TypeVar("T")

PAGE = 1_000


def children(context: ServerContext, parent: ActionKey) -> AsyncIterator[tuple[Changes, bool]]:
    """Children of an action each time they change, for ever; with each whether that is all for now.

    The first comes at once even when it is empty.

    Raises:
        Unavailable: the server stops.
    """
    return _children(context, parent, children_topic(parent), 0, None)


def outcomes(
    context: ServerContext, parent: ActionKey, after_seq: int, beat_s: float
) -> AsyncIterator[tuple[Changes, bool]]:
    """As `children`, from a cursor on; once all is told, woken by ends only, or every `beat_s`, and told no more."""
    return _children(context, parent, outcomes_topic(parent), after_seq, beat_s)


async def _children(
    context: ServerContext, parent: ActionKey, topic: Topic, after_seq: int, beat_s: float | None
) -> AsyncIterator[tuple[Changes, bool]]:
    cursor = after_seq
    with context.wake.watch(topic) as watch:
        tell = True
        current = False
        while True:
            _go_on(context)
            ended = current and beat_s is not None
            changes = context.store.changes(parent.run, cursor, parent.name, PAGE, ended=ended)
            whole = len(changes.actions) < PAGE
            cursor = changes.seq
            if changes.actions or tell:
                tell = False
                yield changes, whole
            if whole:
                current = True
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


async def until_stopping(context: ServerContext, source: AsyncIterator[T]) -> AsyncGenerator[T, None]:
    """The items of a source that knows nothing of the server's end; ends well when the server stops."""
    ending = asyncio.ensure_future(context.ending.wait())
    following: asyncio.Future[T] | None = None
    try:
        while not context.stopping:
            following = asyncio.ensure_future(anext(source))
            await asyncio.wait((following, ending), return_when=asyncio.FIRST_COMPLETED)
            if not following.done():
                return
            try:
                yield following.result()
            except StopAsyncIteration:
                return
    finally:
        pending = [each for each in (ending, following) if each is not None and not each.done()]
        for each in pending:
            each.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
        close = getattr(source, "aclose", None)
        if close is not None:
            await close()


def is_local(context: ServerContext, run: RunKey) -> bool:
    """Whether another process writes this run's history."""
    return context.view(run).record.mode is RunMode.LOCAL


def _go_on(context: ServerContext) -> None:
    if context.stopping:
        raise Unavailable("The server stops.", hint="Call again: the next server goes on from here.")
