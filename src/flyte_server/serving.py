"""Runs one server as a process: lock, port, store, listening, stopping."""

import asyncio
import contextlib
import fcntl
import gc
import json
import logging
import os
import signal
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import uvicorn
import uvloop
from starlette.types import ASGIApp

from flyte_core import files
from flyte_core.layout import DEFAULT_PORT, Layout
from flyte_core.model import Micros, ResourceRequest
from flyte_core.store.ports import Reader, RunQuery
from flyte_core.store.sqlite import SqliteStore
from flyte_server.app import Server
from flyte_server.config import Settings
from flyte_server.executors.process import ProcessExecutor
from flyte_server.http.peers import PeerProtocol
from flyte_server.services import peers
from flyte_server.services.clock import SteadyClock

log = logging.getLogger("flyte_server")

_STREAMS_END_S = 2
_KEEP_ALIVE_S = 120
_RECENT = 20


class CannotServe(Exception):
    """This server cannot run; the message says why and what to do."""


def run(settings: Settings) -> None:
    """Serve until told to stop or nobody needs the server.

    Raises:
        CannotServe: another server has the directory, the port is taken, the directory is unusable.
        CoreError: the history cannot be opened.
    """
    layout = Layout(settings.home)
    if settings.same_user and not peers.supported():
        raise CannotServe(
            "This machine does not tell which account a connection comes from, so other accounts "
            "cannot be kept out. Add --no-auth to serve all of them."
        )
    with _locked(layout), _listening(settings, layout) as listener:
        store = SqliteStore.open(layout.database)
        try:
            port = int(listener.getsockname()[1])
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(_serve(replace(settings, port=port), layout, store, listener))
        finally:
            store.close()


async def _serve(settings: Settings, layout: Layout, store: SqliteStore, listener: socket.socket) -> None:
    given = ResourceRequest(cpu=settings.slots) if settings.slots else None
    executor = ProcessExecutor(layout)
    if given is not None:
        executor = ProcessExecutor(layout, given=replace(executor.slots(), cpu=given.cpu))
    stopping = asyncio.Event()

    def stop(why: str) -> None:
        if not stopping.is_set():
            log.info("stopping", extra={"why": why})
            server.drain()
            stopping.set()

    server = Server(settings, store, executor, SteadyClock(_last_instant(store)), stop)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop, signal.Signals(number).name)
    await server.start()
    health = server.health()

    def listening() -> None:
        files.write(layout.server_info, json.dumps(health, indent=1).encode())
        log.info("listening", extra={"url": settings.url, "data_dir": str(settings.home)})
        gc.collect()
        gc.freeze()

    try:
        await _Http(server.asgi(), stopping, listening).serve([listener])
    finally:
        await server.stop()
        _forget(layout)
        log.info("stopped")


class _Http(uvicorn.Server):
    """uvicorn without its own signal handling and ticking: it waits for one event."""

    def __init__(self, app: ASGIApp, stopping: asyncio.Event, on_listening: Callable[[], None]) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=PeerProtocol,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                date_header=False,
                proxy_headers=False,
                timeout_keep_alive=_KEEP_ALIVE_S,
                timeout_graceful_shutdown=_STREAMS_END_S,
            )
        )
        self._stopping = stopping
        self._on_listening = on_listening

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_listening()

    async def main_loop(self) -> None:
        await self._stopping.wait()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextlib.contextmanager
def _locked(layout: Layout) -> Iterator[None]:
    """Be the one server of the data directory."""
    try:
        layout.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        fd = os.open(layout.server_lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise CannotServe(
            f"The data directory {layout.home} cannot be written: {error.strerror}. "
            "Give yourself the right to write there, or set FLYTE_HOME to a directory of yours."
        ) from error
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CannotServe(_who_serves(layout)) from None
        yield
    finally:
        os.close(fd)


def _who_serves(layout: Layout) -> str:
    where = ""
    with contextlib.suppress(OSError, ValueError, KeyError):
        found = json.loads(layout.server_info.read_bytes())
        where = f": pid {found['pid']} at {found['url']}"
    return (
        f"A server already runs for {layout.home}{where}. "
        "Use it, stop it with `flyte stop server`, or set FLYTE_HOME to another directory."
    )


@contextlib.contextmanager
def _listening(settings: Settings, layout: Layout) -> Iterator[socket.socket]:
    """The socket to accept on, and its port remembered: printed addresses keep answering."""
    listener = _bind_fixed(settings) if settings.port_fixed else _bind_usual(settings, layout)
    with listener:
        if settings.port_fixed and settings.port == 0:
            yield listener
            return
        port = str(listener.getsockname()[1]).encode()
        with contextlib.suppress(FileNotFoundError):
            if layout.port.read_bytes() == port:
                yield listener
                return
        files.write(layout.port, port)
        yield listener


def _bind_fixed(settings: Settings) -> socket.socket:
    try:
        return _bind(settings.host, settings.port)
    except OSError as error:
        raise CannotServe(
            f"Port {settings.port} of {settings.host} cannot be used: {error.strerror}. "
            "Choose another (`flyte start server --port`, FLYTE_PORT or server.port of the config file), "
            "or name none and get a free one."
        ) from error


def _bind_usual(settings: Settings, layout: Layout) -> socket.socket:
    """The port of last time, else the usual one, else any free one."""
    remembered: list[int] = []
    with contextlib.suppress(OSError, ValueError):
        remembered = [int(layout.port.read_text())]
    for port in (*remembered, DEFAULT_PORT):
        with contextlib.suppress(OSError, OverflowError):
            return _bind(settings.host, port)
    return _bind_fixed(replace(settings, port=0))


def _bind(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        # Two sockets may be bound with SO_REUSEADDR; only one can listen.
        listener.listen(2048)
    except BaseException:
        listener.close()
        raise
    return listener


def _forget(layout: Layout) -> None:
    """Remove what says that we serve, if it still speaks of us."""
    with contextlib.suppress(OSError, ValueError, KeyError):
        if json.loads(layout.server_info.read_bytes())["pid"] == os.getpid():
            Path(layout.server_info).unlink()


def _last_instant(store: Reader) -> Micros:
    """The latest instant among the newest runs: the clock starts no earlier."""
    latest = 0
    for view in store.runs(RunQuery(limit=_RECENT)).runs:
        moments = (view.record.created_at, view.root.started_at, view.root.ended_at)
        latest = max(latest, *(at for at in moments if at is not None))
    return Micros(latest)
