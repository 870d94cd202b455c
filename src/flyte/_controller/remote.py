"""Hands the calls of a worker's tasks to the server that runs it."""

import asyncio
import os
import threading
from collections.abc import Collection, Coroutine
from contextlib import AbstractAsyncContextManager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from flyte._client.connect import Connect
from flyte._client.endpoint import Endpoint, parse_endpoint
from flyte._controller.children import Children
from flyte._controller.protocol import ParentRef, Submission
from flyte._controller.rest import resting
from flyte._server import recorded
from flyte_core.model import ActionName

if TYPE_CHECKING:
    from flyte._runtime.context import AttemptContext

T = TypeVar("T")


class RemoteController:
    """Implements `Controller` over `godwit.v1.WorkerService`.

    One stream and one batch in flight for each parent and loop that calls. A loop has its own, since
    another may stand still meanwhile: a sync traced function called on it waits on the portal's.

    Args:
        endpoint: The server, as the attempt was told.
        run_base: The run's directory on this machine; empty: large inputs go inline.
        home: The server's data directory, if it is on this machine: a server that comes back at
            another address is found again.
    """

    def __init__(self, endpoint: Endpoint, run_base: str = "", home: Path | None = None) -> None:
        self._link = _Link(endpoint, home)
        self._base = Path(run_base.removeprefix("file://")) if run_base.startswith(("/", "file://")) else None
        self._families: dict[tuple[ParentRef, asyncio.AbstractEventLoop], Children] = {}
        self._lock = threading.Lock()

    async def run_child(self, parent: ParentRef, call: Submission) -> bytes:
        return await self._family(parent).outcome(call)

    async def record_trace(self, parent: ParentRef, call: Submission) -> None:
        await self._family(parent).record(call)

    async def find(self, parent: ParentRef, call: Submission) -> bytes | None:
        return await self._family(parent).find(call)

    async def recall(self, parent: ParentRef, call: Submission) -> bytes | None:
        family = self._family(parent)
        return await _on(family, family.recall(call))

    async def replayed(self, parent: ParentRef, asked: Collection[ActionName]) -> str:
        family = self._family(parent)
        return await _on(family, family.replayed(asked))

    def resting(self, parent: ParentRef) -> AbstractAsyncContextManager[None]:
        return resting(parent, self._link)

    async def close(self, parent: ParentRef) -> None:
        with self._lock:
            keys = [key for key in self._families if key[0] == parent]
            families = [self._families.pop(key) for key in keys]
        for family in families:
            if _runs(family.loop):
                await _on(family, family.close())

    def _family(self, parent: ParentRef) -> Children:
        """The children of an attempt, for calls on the running loop."""
        key = (parent, asyncio.get_running_loop())
        with self._lock:
            family = self._families.get(key)
            if family is None:
                family = self._families[key] = Children(parent, self._link, self._base)
            return family


class _Link:
    """The way to the server; one that has come back at another address is found by its data directory."""

    def __init__(self, endpoint: Endpoint, home: Path | None) -> None:
        self._endpoint = endpoint
        self._home = home if endpoint.local else None

    def client(self) -> Connect:
        return _connect(self._endpoint)

    def lost(self) -> None:
        info = recorded(self._home) if self._home is not None else None
        if info is not None:
            self._endpoint = parse_endpoint(info.url)


def connect(attempt: "AttemptContext") -> RemoteController:
    """The controller of an attempt's children. Nothing is sent before the first call.

    Raises:
        ValueError: the endpoint the attempt was told is none.
    """
    insecure = os.environ.get("_U_INSECURE", "").strip().lower()
    verify = os.environ.get("_U_INSECURE_SKIP_VERIFY", "").strip().lower() not in ("1", "true")
    endpoint = parse_endpoint(
        attempt.endpoint, insecure=insecure in ("1", "true") if insecure else None, verify=verify
    )
    home = os.environ.get("FLYTE_HOME", "")
    return _controller(endpoint, attempt.run_base, Path(home) if home else None)


@lru_cache(maxsize=64)
def _controller(endpoint: Endpoint, run_base: str, home: Path | None) -> RemoteController:
    """Attempts that run side by side in one process share connections."""
    return RemoteController(endpoint, run_base, home)


@lru_cache(maxsize=8)
def _connect(endpoint: Endpoint) -> Connect:
    return Connect(endpoint)


def _runs(loop: asyncio.AbstractEventLoop) -> bool:
    return loop.is_running() and not loop.is_closed()


async def _on(family: Children, work: Coroutine[Any, Any, T]) -> T:
    """Await the work on the family's own loop."""
    if asyncio.get_running_loop() is family.loop:
        return await work
    return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, family.loop))
