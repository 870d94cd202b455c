"""This machine's history, read straight from its database: no server needs to run."""

import asyncio
import hashlib
import shutil
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from flyte import _failures, _server
from flyte._account import account
from flyte._remote.source import Scope, no_action, no_code, no_report, no_run
from flyte.errors import RuntimeSystemError, RuntimeUserError
from flyte_core import links, logs, process
from flyte_core.dataflow.graph import Graph
from flyte_core.engine import action as action_engine
from flyte_core.engine import run as run_engine
from flyte_core.layout import Layout
from flyte_core.links import LinkAddress
from flyte_core.logs import LogLine
from flyte_core.model import (
    Action,
    ActionKey,
    CoreError,
    Micros,
    RunKey,
    RunMode,
    RunRecord,
    RunView,
)
from flyte_core.store.ports import ActionPage, ActionQuery, PhaseCounts, Role, RunPage, RunQuery, Tx
from flyte_core.store.sqlite import SqliteStore

if TYPE_CHECKING:
    from flyte._calls.answers import Answer
    from flyte._remote.rpc_source import RpcSource

T = TypeVar("T")

_SHORTEST_S: Final = 0.001
_LONGEST_S: Final = 0.05
"""Bounds of the pause between two looks at whether anything was committed."""
_SHARE: Final = 0.1
"""A pause in relation to the wait so far: how much later than it happened a change is seen."""
_UNPROMPTED_S: Final = 1.0
"""So long after the last look at an action it is looked at again: a process dies without a commit."""
"""So many of the newest runs tell which projects there are."""
_STARTS: Final = 5
"""So often in a row a server that was killed is started again before those who wait give up."""


class StoreSource:
    """Implements `Source` on a data directory. Reads only, but for two things it may write:

    that a local run was aborted, and that a local run's process is gone.
    """

    def __init__(self, home: Path, scope: Scope, *, port: int | None = None, autostart: bool = True) -> None:
        self.home = home
        self.scope = scope
        self._port = port
        self._autostart = autostart
        self._layout = Layout(home)
        self._store = SqliteStore.open(self._layout.database, read_only=True)

    @property
    def url(self) -> str:
        return _server.base_url(self.home, self._port)

    async def run(self, key: RunKey) -> RunView:
        view = self._store.run(key)
        if view is None:
            raise no_run(key)
        if self._is_lost(view):
            self._lose(key)
            view = self._store.run(key) or view
        return view

    async def runs(self, query: RunQuery) -> RunPage:
        page = self._store.runs(query)
        lost = [view.record.key for view in page.runs if self._is_lost(view)]
        if not lost:
            return page
        for key in lost:
            self._lose(key)
        return self._store.runs(query)

    async def scopes(self) -> list[Scope]:
        here = (self.scope.project, self.scope.domain)
        return [Scope(*each) for each in sorted({*self._store.scopes(), here})]

    async def action(self, key: ActionKey) -> Action:
        await self.run(key.run)
        action = self._store.action(key)
        if action is None:
            raise no_action(key)
        return action

    async def actions(self, run: RunKey, query: ActionQuery) -> ActionPage:
        await self.run(run)
        return self._store.actions(run, query)

    async def graph(self, run: RunKey) -> Graph:
        from flyte_core.graphs import read_graph

        await self.run(run)
        return read_graph(self._store, run, _now())

    async def bottlenecks(self, run: RunKey) -> dict[str, Any]:
        from flyte_core.graphs import read_bottlenecks

        await self.run(run)
        return read_bottlenecks(self._store, run, _now())

    async def counts(self, run: RunKey) -> PhaseCounts:
        await self.run(run)
        return self._store.counts(run)

    async def payload(self, action: Action, role: Role) -> bytes | None:
        ref = action.inputs if role == "inputs" else action.outputs
        if ref is None:
            return None
        if not ref.uri:
            return self._store.payload(action.key, role)
        what = f"The {role} of {action.spec.task_name} ({action.key.name})"
        try:
            data = Path(ref.uri.removeprefix("file://")).read_bytes()
        except OSError as error:
            raise RuntimeSystemError(
                f"{what} cannot be read from {ref.uri}: {error.strerror}.",
                hint="The file was removed from the data directory; run the task again.",
            ) from error
        if hashlib.sha256(data).hexdigest() != ref.sha256:
            raise RuntimeSystemError(
                f"{what} are damaged: {ref.uri} is not what was recorded.",
                code="OutputCorrupted",
                hint="The file was changed after the action ended; run the task again.",
            )
        return data

    async def watch(self, key: ActionKey) -> AsyncGenerator[Action, None]:
        served = (await self.run(key.run)).record.mode is RunMode.SERVER
        failures = 0
        seen, version, looked_at = -1, -1, time.monotonic()
        async for _ in _looks():
            before, version = version, self._store.data_version()
            if version == before:
                if time.monotonic() - looked_at < _UNPROMPTED_S:
                    continue
                try:
                    if served:
                        await self._revive_server()
                    failures = 0
                except _server.ServerStartError:
                    failures += 1
                    if failures == _STARTS:
                        raise
            looked_at = time.monotonic()
            action = await self.action(key)
            if action.version != seen:
                seen = action.version
                yield action
                if action.phase.terminal:
                    return

    async def logs(self, key: ActionKey, attempt: int, *, follow: bool) -> AsyncGenerator[LogLine, None]:
        path = self._layout.log(key, attempt)
        offset = number = 0
        async for _ in _looks():
            # Ended before it was read means: what is read now is all there will be.
            ended = not follow or _is_over(await self.action(key), attempt)
            for line, after in logs.read(path, offset, number):
                offset, number = after, line.number + 1
                yield line
            if ended:
                return

    async def report(self, key: ActionKey, attempt: int) -> str:
        await self.action(key)
        try:
            path = self._layout.attempt(key, attempt) / "report.html"
            return await asyncio.to_thread(path.read_text, encoding="utf-8")
        except OSError as error:
            raise no_report(key, attempt) from error

    async def links(self, key: ActionKey, attempt: int) -> tuple[LinkAddress, ...]:
        return await asyncio.to_thread(links.read, self._layout.attempt(key, attempt))

    async def code(self, key: ActionKey, uri: str) -> bytes:
        try:
            return await asyncio.to_thread(Path(uri.removeprefix("file://")).read_bytes)
        except OSError as error:
            raise no_code(key, uri) from error

    async def signal(self, key: ActionKey, answer: "Answer") -> None:
        from flyte._calls.answers import encode

        if (await self.run(key.run)).record.mode is RunMode.SERVER:
            await self._ask_server().signal(key, answer)
            return
        data = encode(answer)
        try:
            self._write(lambda tx, now: action_engine.signal(tx, key, data, account(), now))
        except CoreError as error:
            raise _failures.of_core(error) from error

    async def abort_run(self, key: RunKey, reason: str) -> None:
        view = await self.run(key)
        if view.root.phase.terminal:
            return
        if view.record.mode is RunMode.SERVER:
            await self._ask_server().abort_run(key, reason)
        else:
            self._write(lambda tx, now: run_engine.abort_run(tx, key, reason, account(), now))

    async def delete_run(self, key: RunKey) -> None:
        """Remove a run that has ended, with its values and logs. What the cache has of it stays.

        Raises:
            RuntimeUserError: it has not ended.
        """
        view = await self.run(key)
        if not view.root.phase.terminal:
            raise RuntimeUserError(
                f"Run {key.name} has not ended; it cannot be deleted.", hint=f"flyte abort run {key.name}"
            )
        self._write(lambda tx, now: tx.delete_run(key))
        await asyncio.to_thread(shutil.rmtree, self._layout.run(key), ignore_errors=True)

    async def abort_action(self, key: ActionKey, reason: str) -> None:
        view, action = await self.run(key.run), await self.action(key)
        if action.phase.terminal:
            return
        if view.record.mode is RunMode.SERVER:
            await self._ask_server().abort_action(key, reason)
        else:
            self._write(lambda tx, now: action_engine.abort_action(tx, key, reason, account(), now))

    def close(self) -> None:
        self._store.close()

    async def _revive_server(self) -> None:
        """Start a server that was killed again: its runs stand still without it. One that was stopped stays so."""
        dead = _server.recorded(self.home) is not None and _server.there(self.home) is None
        if dead and self._autostart:
            ensure = partial(_server.ensure_server, self.home, port=self._port)
            await asyncio.to_thread(ensure)

    def _is_lost(self, view: RunView) -> bool:
        return not view.root.phase.terminal and _orphaned(view.record)

    def _lose(self, key: RunKey) -> None:
        self._write(lambda tx, now: run_engine.lose_local_run(tx, key, now))

    def _write(self, work: Callable[[Tx, Micros], T]) -> T:
        store = SqliteStore.open(self._layout.database)
        try:
            now = _now()
            return store.transact(lambda tx: work(tx, now))
        finally:
            store.close()

    def _ask_server(self) -> "RpcSource":
        """Only aborting needs this, and what it loads costs more than reading a history."""
        from flyte._client.connect import Connect
        from flyte._client.endpoint import parse_endpoint
        from flyte._remote.rpc_source import RpcSource

        info = _server.ensure_server(self.home, port=self._port, autostart=self._autostart)
        return RpcSource(Connect(parse_endpoint(info.url)), self.scope)


def _now() -> Micros:
    return Micros(time.time_ns() // 1_000)


async def _looks() -> AsyncIterator[None]:
    """Now, then after pauses that grow with the wait."""
    began = time.monotonic()
    while True:
        yield
        waited_s = time.monotonic() - began
        await asyncio.sleep(min(max(waited_s * _SHARE, _SHORTEST_S), _LONGEST_S))


def _is_over(action: Action, attempt: int) -> bool:
    """Whether that attempt writes no more: it has ended, or the action has."""
    if action.phase.terminal:
        return True
    return any(each.number == attempt and each.ended_at is not None for each in action.attempts)


def _orphaned(record: RunRecord) -> bool:
    """Whether a local run's process is gone."""
    return record.mode is RunMode.LOCAL and record.owner is not None and not process.alive(record.owner)
