"""A real HTTP server with the console's routes over a store that tests write through the engine."""

import asyncio
import contextlib
import http.client
import json
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib.resources.abc import Traversable
from pathlib import Path

import uvicorn
from console_history import History
from starlette.applications import Starlette

from flyte_core.engine import action, run
from flyte_core.layout import Layout
from flyte_core.model import ActionKey, ActionName, FailedPrecondition, Micros, RunKey
from flyte_core.store.memory import MemoryStore
from flyte_server.http import console, console_api
from flyte_server.services.wake import Wake


class WallClock:
    def now(self) -> Micros:
        return Micros(time.time_ns() // 1000)


@dataclass
class Context:
    store: MemoryStore
    layout: Layout
    wake: Wake = field(default_factory=Wake)
    clock: WallClock = field(default_factory=WallClock)
    stopping: bool = False
    reasons: list[str] = field(default_factory=list)

    async def abort(self, run_key: RunKey, name: ActionName | None, reason: str) -> None:
        self.reasons.append(reason)
        now = self.clock.now()
        if name is None:
            self.store.transact(lambda tx: run.abort_run(tx, run_key, reason, "me", now))
        else:
            self.store.transact(
                lambda tx: action.abort_action(tx, ActionKey(run_key, name), reason, "me", now)
            )

    async def signal(self, key: ActionKey, outputs: bytes) -> None:
        now = self.clock.now()
        self.store.transact(lambda tx: action.signal(tx, key, outputs, "me", now))


async def no_rerun(key: ActionKey, changed: Mapping[str, object]) -> RunKey:
    raise FailedPrecondition("This server starts nothing.")


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> dict:
        return json.loads(self.body)


class Events:
    """Server-sent events as they arrive."""

    def __init__(self, connection: http.client.HTTPConnection, path: str, headers: dict[str, str]) -> None:
        self._connection = connection
        connection.request("GET", path, headers=headers)
        self._response = connection.getresponse()
        self.status = self._response.status

    def next(self) -> tuple[str, dict, str]:
        event = {"event": "", "data": "", "id": ""}
        while True:
            line = self._response.readline().decode().rstrip("\n")
            if not line and event["event"]:
                return event["event"], json.loads(event["data"]), event["id"]
            if not line and self._response.isclosed():
                raise EOFError
            name, _, value = line.partition(": ")
            if name in event:
                event[name] = value

    def until(self, wanted: str) -> tuple[list[str], dict, str]:
        """Events up to the wanted one: the names of those before, its data and its id."""
        before = []
        while True:
            event, data, position = self.next()
            if event == wanted:
                return before, data, position
            before.append(event)

    def close(self) -> None:
        self._connection.close()


@dataclass
class Console:
    """The server under test and the history that it shows."""

    history: History
    context: Context
    port: int
    _streams: list[Events] = field(default_factory=list)

    def call(self, method: str, path: str, body: str | None = None, **headers: str) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, sent)
        response = connection.getresponse()
        answer = Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        connection.close()
        return answer

    def get(self, path: str, **headers: str) -> Answer:
        return self.call("GET", path, **headers)

    def events(self, path: str, **headers: str) -> Events:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        stream = Events(connection, path, {k.replace("_", "-"): v for k, v in headers.items()})
        self._streams.append(stream)
        return stream


@contextlib.contextmanager
def serving(home: Path, pages: Traversable | None = None, port: int = 0) -> Iterator[Console]:
    """The console over an empty history; without `pages` the built ones are served."""
    context = Context(MemoryStore(), Layout(home))
    with listening(context, pages, port) as number:
        started = Console(History(context.store, context.layout), context, number)
        yield started
        for stream in started._streams:
            stream.close()


@contextlib.contextmanager
def listening(context: Context, pages: Traversable | None = None, port: int = 0) -> Iterator[int]:
    """A server on a port, in a thread of its own, until the block ends."""
    app = Starlette(routes=[*console_api.routes(context, no_rerun), *console.routes(pages)])
    config = uvicorn.Config(
        app, host="127.0.0.1", port=port, log_level="critical", timeout_graceful_shutdown=1, lifespan="off"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()), daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the server did not start"
        time.sleep(0.005)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    thread.join(10)
