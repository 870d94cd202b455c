"""What changes, as server-sent events: one connection carries any number of topics.

A topic is `run:<project>/<domain>/<name>` or `runs:<project>/<domain>`, its parts percent-encoded,
with `@<cursor>` behind it to continue from there. Each event's `id` is the list of all topics with
their present cursors, so that a client resumes by sending it back as it is.
"""

import asyncio
import base64
import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from urllib.parse import quote, unquote

from flyte_core.frozen import frozen
from flyte_core.model import Action, InvalidArgument, Phase, RunKey, RunView
from flyte_core.store.ports import RunQuery
from flyte_server.console.context import ConsoleContext
from flyte_server.console.details import run_row
from flyte_server.console.snapshots import changed
from flyte_server.console.table import delta
from flyte_server.services.wake import Watch, run_topic, runs_topic

MAX_TOPICS = 16
BEAT_S = 10.0
PACE_S = 0.25
"""At most one batch of a topic in this time."""

_PATIENCE_S = 0.5
"""How long a topic sleeps without news before it looks for itself."""
_MAX_ROWS = 1_000
_MAX_OPEN = 100
OPEN_PHASES = tuple(phase for phase in Phase if not phase.terminal)


@frozen
class Topic:
    """What is watched, and the cursor of what the client has already; `None`: only what comes."""

    kind: str
    parts: tuple[str, ...]
    cursor: int | None = None

    @property
    def name(self) -> str:
        return f"{self.kind}:{'/'.join(quote(part, safe='') for part in self.parts)}"

    def at(self, cursor: int | None) -> str:
        return self.name if cursor is None else f"{self.name}@{cursor}"


def parse(text: str) -> list[Topic]:
    """The topics of a query string or of a `Last-Event-ID`. Raises `InvalidArgument`."""
    topics = []
    for item in filter(None, text.split(",")):
        body, _, cursor = item.partition("@")
        kind, _, path = body.partition(":")
        parts = tuple(unquote(part) for part in path.split("/"))
        if {"run": 3, "runs": 2}.get(kind) != len(parts) or not all(parts):
            raise InvalidArgument(
                f"{item!r} is not a topic.",
                hint="Use run:<project>/<domain>/<name> or runs:<project>/<domain>.",
            )
        if cursor and not cursor.isdecimal():
            raise InvalidArgument(f"The cursor of {item!r} is not a number.")
        topics.append(Topic(kind, parts, int(cursor) if cursor else None))
    if len(topics) > MAX_TOPICS:
        raise InvalidArgument(f"A stream carries up to {MAX_TOPICS} topics, not {len(topics)}.")
    return topics


@frozen
class _News:
    topic: Topic
    event: str
    data: Mapping[str, object]
    cursor: int | None


async def events(context: ConsoleContext, topics: list[Topic]) -> AsyncIterator[bytes]:
    """The stream itself: heartbeats and news, until the client leaves or the server stops.

    A topic that has ended says so and is silent from then on. Without topics there are heartbeats only:
    they tell a page that its server is there, and the server that somebody looks.
    """
    cursors = {topic: topic.cursor for topic in topics}
    queue: asyncio.Queue[_News | Exception] = asyncio.Queue(maxsize=4)

    async def follow(topic: Topic) -> None:
        source = _run(context, topic) if topic.kind == "run" else _runs(context, topic)
        try:
            async with aclosing(source):
                async for news in source:
                    await queue.put(news)
        except Exception as error:
            await queue.put(error)

    tasks = [asyncio.create_task(follow(topic)) for topic in topics]
    quiet = 0.0
    try:
        yield _sse("hello", {"now_ms": context.clock.now() / 1000}, "")
        while not context.stopping:
            try:
                news = await asyncio.wait_for(queue.get(), _PATIENCE_S)
            except TimeoutError:
                quiet += _PATIENCE_S
                if quiet >= BEAT_S:
                    quiet = 0.0
                    yield _sse("beat", {"now_ms": context.clock.now() / 1000}, "")
                continue
            if isinstance(news, Exception):
                raise news
            quiet = 0.0
            cursors[news.topic] = news.cursor
            position = ",".join(topic.at(cursor) for topic, cursor in cursors.items())
            yield _sse(news.event, {"topic": news.topic.name, "cursor": news.cursor, **news.data}, position)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _sse(event: str, data: Mapping[str, object], position: str) -> bytes:
    head = f"id: {position}\n" if position else ""
    return f"{head}event: {event}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n".encode()


async def _run(context: ConsoleContext, topic: Topic) -> AsyncGenerator[_News, None]:
    run = RunKey(*topic.parts)
    cursor = topic.cursor or 0

    def news(after: int) -> tuple[RunView | None, list[Action], int]:
        view = context.store.run(run)
        actions: list[Action] = []
        if view is not None:
            for page, moved in changed(context.store, run, after):
                actions += page
                after = moved
        return view, actions, after

    with context.wake.watch(run_topic(run), foreign=True) as watch:
        turns = _Turns(context, watch)
        while await turns.next():
            view, actions, cursor = await asyncio.to_thread(news, cursor)
            if view is None:
                yield _News(topic, "gone", {}, None)
                return
            if actions:
                packed = await asyncio.to_thread(delta, run, view.record.created_at, actions, cursor)
                yield _News(topic, "delta", {"delta": base64.b64encode(packed).decode()}, cursor)
            if view.root.phase.terminal and cursor >= view.record.last_seq:
                yield _News(topic, "end", {}, cursor)
                return


async def _runs(context: ConsoleContext, topic: Topic) -> AsyncGenerator[_News, None]:
    project, domain = topic.parts
    cursor = topic.cursor
    open_runs: dict[str, int] = {}
    """Runs under way, with the sequence number last told, -1 for none: counts change while roots do not."""

    def find_open() -> None:
        query = RunQuery(project=project, domain=domain, phases=OPEN_PHASES, limit=_MAX_OPEN)
        for view in context.store.runs(query).runs:
            open_runs[view.record.key.name] = -1

    def news(after: int | None) -> tuple[list[dict[str, object]], int]:
        if after is None:
            return [], context.store.last_change()
        views, after = context.store.runs_changed(after, limit=_MAX_ROWS)
        rows = {}
        for view in views:
            key = view.record.key
            if (key.project, key.domain) == (project, domain):
                rows[key.name] = view
        for name in open_runs.keys() - rows.keys():
            view_now = context.store.run(RunKey(project, domain, name))
            if view_now is not None and view_now.record.last_seq != open_runs[name]:
                rows[name] = view_now
        result = []
        for name, view in rows.items():
            if view.root.phase.terminal:
                open_runs.pop(name, None)
            else:
                open_runs[name] = view.record.last_seq
            result.append(run_row(view, context.store.counts(view.record.key)))
        return result, after

    with context.wake.watch(runs_topic(project, domain), foreign=True) as watch:
        turns = _Turns(context, watch)
        await asyncio.to_thread(find_open)
        while await turns.next():
            rows, moved = await asyncio.to_thread(news, cursor)
            changed_cursor, cursor = moved != cursor, moved
            if rows or changed_cursor:
                yield _News(topic, "runs", {"runs": rows}, cursor)


class _Turns:
    """Lets a topic look at once, then after each commit of anybody, not faster than the pace."""

    def __init__(self, context: ConsoleContext, watch: Watch) -> None:
        self._context = context
        self._watch = watch
        self._seen: int | None = None

    async def next(self) -> bool:
        """Wait for the next turn; False when there is none because the server stops."""
        while not self._context.stopping:
            if self._seen is not None:
                await asyncio.sleep(PACE_S)
                await self._watch.wait(_PATIENCE_S)
            version = await asyncio.to_thread(self._context.store.data_version)
            if version != self._seen:
                self._seen = version
                return True
        return False
