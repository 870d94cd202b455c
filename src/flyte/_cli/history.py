"""What the commands read: the configured history, as the dictionaries they print."""

import asyncio
import atexit
import contextlib
import hashlib
from collections.abc import AsyncGenerator, Coroutine, Iterator, Mapping
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

import click

from flyte._cli import words
from flyte._cli.configured import load_config
from flyte._cli.problem import Problem
from flyte._remote.current import source_of
from flyte._remote.source import Scope, Source
from flyte.errors import BaseRuntimeError, RuntimeSystemError
from flyte_core import views
from flyte_core.dataflow.graph import Graph
from flyte_core.logs import LogLine
from flyte_core.model import (
    Action,
    ActionKey,
    ActionName,
    Digest,
    PayloadRef,
    Phase,
    RunKey,
    RunRecord,
    RunView,
)
from flyte_core.store.ports import ActionQuery, PhaseCounts, Role, RunQuery

if TYPE_CHECKING:
    from flyte._calls.answers import Answer
    from flyte._remote.condition import Condition

T = TypeVar("T")

_PAGE = 500
_AT_ONCE = 32
_ROLES: tuple[Role, Role] = ("inputs", "outputs")

Data = dict[str, Any]


def open_history(project: str = "", domain: str = "", *, local: bool = False) -> "History":
    """The history that is configured: a server's, or this machine's, which needs none.

    `local`: this machine's, whatever is configured. `project` and `domain`: instead of those in force.
    """
    found = load_config().override("the command line", project=project or None, domain=domain or None)
    history = History(source_of(found, local=local))
    command = click.get_current_context(silent=True)
    if command is None:
        atexit.register(history.close)
    else:
        command.call_on_close(history.close)
    return history


class History:
    """Reads of one history, for commands that print and end; and the two ways to abort."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._loop = asyncio.Runner()

    @property
    def scope(self) -> Scope:
        """The project and domain that names are looked up in."""
        return self._source.scope

    def runs(self, query: RunQuery) -> list[Data]:
        """The runs of a query, at most its limit."""
        return self._wait(self._runs(query))

    def views(self, query: RunQuery) -> list[RunView]:
        """The same as they are recorded."""
        return self._wait(self._views(query))

    def run(self, name: str) -> Data:
        """All about a run, its inputs and outputs too."""
        return self._wait(self._run(name))

    def actions(self, run: str, phases: tuple[Phase, ...] = ()) -> list[Data]:
        """The actions of a run in creation order."""
        return self._wait(self._actions(run, phases))

    def action(self, run: str, name: str) -> Data:
        return self._wait(self._action(run, name))

    def counts(self, run: str) -> PhaseCounts:
        """How many actions of a run stand in each phase."""
        return self._wait(self._source.counts(self.scope.run(run)))

    def record(self, run: str, name: str) -> Action:
        """An action as it is recorded."""
        return self._wait(self._source.action(self._key(run, name)))

    def run_record(self, name: str) -> RunRecord:
        """What belongs to a run as a whole."""
        return self._wait(self._source.run(self.scope.run(name))).record

    def values_of(self, action: Action) -> Mapping[str, Any]:
        """The inputs of an action as Python values; none of them when they cannot be read here."""
        from flyte._remote.values import decode_inputs

        with contextlib.suppress(BaseRuntimeError):
            return decode_inputs(self._wait(self._source.payload(action, "inputs")) or b"", None)
        return {}

    def io(self, run: str, action: str) -> Data:
        """`inputs` and `outputs` by name."""
        return self._wait(self._io(run, action))

    def logs(self, run: str, action: str, attempt: int | None) -> "Log":
        """The log of an attempt; of the latest when none is named.

        Raises:
            Problem: the action has ended without such an attempt.
        """
        record = self._wait(self._source.action(self._key(run, action)))
        number = attempt or max(1, len(record.attempts))
        if record.phase.terminal and attempt is not None and attempt > len(record.attempts):
            there_are = words.plural(len(record.attempts), "attempt")
            raise Problem(
                f"{action} of {run} has no attempt {attempt}: it had {there_are}.",
                hint=f"The latest: flyte get logs {run} {action}",
            )
        return Log(self, record, number)

    def graph(self, run: str) -> Graph:
        return self._wait(self._source.graph(self.scope.run(run)))

    def bottlenecks(self, run: str) -> Data:
        return self._wait(self._source.bottlenecks(self.scope.run(run)))

    def abort_run(self, run: str, reason: str) -> None:
        self._wait(self._source.abort_run(self.scope.run(run), reason))

    def abort_action(self, run: str, action: str, reason: str) -> None:
        self._wait(self._source.abort_action(self._key(run, action), reason))

    def conditions(self, run: str) -> "list[Condition]":
        """The questions that a run's tasks have asked."""
        from flyte._remote.condition import conditions

        return self._wait(conditions(self._source, run, None))

    def signal(self, condition: "Condition", answer: "Answer") -> None:
        """Answer one."""
        self._wait(condition.signal.aio(answer))

    def compare(self, run_a: str, run_b: str) -> Data:
        """Two runs side by side; see `flyte_core.dataflow.compare`."""
        return self._wait(self._compare(run_a, run_b))

    def _key(self, run: str, action: str) -> ActionKey:
        return ActionKey(self.scope.run(run), ActionName(action))

    def close(self) -> None:
        """Let go of its event loop. One that is left to the garbage collector may lose its sockets before its turn."""
        self._loop.close()

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        return self._loop.run(work)

    async def _runs(self, query: RunQuery) -> list[Data]:
        return [views.run_view_dict(view, base_url=self._source.url) for view in await self._views(query)]

    async def _views(self, query: RunQuery) -> list[RunView]:
        found: list[RunView] = []
        cursor = ""
        while len(found) < query.limit:
            want = min(_PAGE, query.limit - len(found))
            page = await self._source.runs(replace(query, limit=want, cursor=cursor))
            found += page.runs
            cursor = page.cursor
            if not cursor:
                break
        return found

    async def _run(self, name: str) -> Data:
        view = await self._source.run(self.scope.run(name))
        return {**views.run_view_dict(view, base_url=self._source.url), **await self._values(view.root)}

    async def _actions(self, run: str, phases: tuple[Phase, ...]) -> list[Data]:
        key = self.scope.run(run)
        found: list[Data] = []
        cursor = ""
        while True:
            query = ActionQuery(phases=phases, limit=_PAGE, cursor=cursor)
            page = await self._source.actions(key, query)
            found += [views.action_dict(action) for action in page.actions]
            cursor = page.cursor
            if not cursor:
                return found

    async def _compare(self, run_a: str, run_b: str) -> Data:
        from flyte_core.dataflow.compare import compare
        from flyte_core.wire.comparison import comparison_dict

        a, b = [await self._source.run(self.scope.run(name)) for name in (run_a, run_b)]
        found = compare(a, b, await self._records(a.record.key), await self._records(b.record.key))
        payloads = {
            (action.key, role): await self._payload(action, role)
            for action in found.of_interest()
            for role in _ROLES
        }
        return comparison_dict(found, lambda action, role: payloads.get((action.key, role)))

    async def _records(self, run: RunKey) -> list[Action]:
        """Every action of a run, with what its inputs and outputs hash to."""
        found: list[Action] = []
        cursor = ""
        while True:
            page = await self._source.actions(run, ActionQuery(limit=_PAGE, cursor=cursor))
            found += page.actions
            cursor = page.cursor
            if not cursor:
                break
        if any(action.inputs is not None for action in found):
            return found
        # A server tells other servers' clients no hashes: what the values are must be asked one by one.
        turns = asyncio.Semaphore(_AT_ONCE)

        async def hashed(action: Action) -> Action:
            async with turns:
                refs = {role: _ref(await self._payload(action, role)) for role in _ROLES}
            return action.evolve(**refs)

        return list(await asyncio.gather(*map(hashed, found)))

    async def _payload(self, action: Action, role: Role) -> bytes | None:
        try:
            return await self._source.payload(action, role)
        except RuntimeSystemError:
            return None

    async def _action(self, run: str, name: str) -> Data:
        action = await self._source.action(self._key(run, name))
        links = await self._source.links(action.key, max(1, len(action.attempts)))
        return {**views.action_dict(action), "links": [each._asdict() for each in links]}

    async def _io(self, run: str, action: str) -> Data:
        return await self._values(await self._source.action(self._key(run, action)))

    async def _values(self, action: Action) -> Data:
        from flyte_core.wire.literals import named_json

        inputs = await self._source.payload(action, "inputs")
        outputs = await self._source.payload(action, "outputs")
        return {
            "inputs": named_json(inputs, "inputs") if inputs else {},
            "outputs": named_json(outputs, "outputs") if outputs else {},
        }

    def iterate(self, items: AsyncGenerator[T, None]) -> Iterator[T]:
        """The items as they come."""

        async def following() -> T:
            return await anext(items)

        async def close() -> None:
            async with aclosing(items):
                pass

        try:
            while True:
                try:
                    yield self._wait(following())
                except StopAsyncIteration:
                    return
        finally:
            self._wait(close())

    def lines(self, action: Action, attempt: int, *, follow: bool) -> Iterator[LogLine]:
        """Lines of an attempt's log; with `follow`, until the attempt or its action has ended."""
        return self.iterate(self._source.logs(action.key, attempt, follow=follow))

    def refreshed(self, action: Action) -> Action:
        """The action as it stands now."""
        return self._wait(self._source.action(action.key))


def _ref(data: bytes | None) -> PayloadRef | None:
    return None if data is None else PayloadRef(Digest(hashlib.sha256(data).hexdigest()), len(data))


class Log:
    """The log of one action, from one attempt on."""

    def __init__(self, history: History, action: Action, attempt: int) -> None:
        self._history = history
        self._action = action
        self.attempt = attempt

    def lines(self, *, follow: bool) -> Iterator[LogLine]:
        """The attempt's lines; with `follow`, as they come until the attempt has ended."""
        return self._history.lines(self._action, self.attempt, follow=follow)

    def follow(self) -> Iterator[LogLine]:
        """The lines of this attempt and of those that come after it, until the action has ended."""
        while True:
            yield from self.lines(follow=True)
            if not self.next_attempt():
                return

    def next_attempt(self) -> bool:
        """Turn to the attempt after this one, if there is one or may still be one; else False."""
        self._action = self._history.refreshed(self._action)
        if self._action.phase.terminal and len(self._action.attempts) <= self.attempt:
            return False
        self.attempt += 1
        return True
