"""Handles on actions."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Collection, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from flyte._context import ctx
from flyte._remote import code
from flyte._remote.code import CodeBundle
from flyte._remote.current import current_source
from flyte._remote.iterate import iterate, iterate_classmethod
from flyte._remote.source import Source, no_report
from flyte._remote.time_filter import TimeFilter, within
from flyte._remote.valued import Valued
from flyte._remote.values import Awaitable
from flyte._sync import syncify, syncify_classmethod
from flyte.errors import LogsNotYetAvailableError, ReportNotFoundError
from flyte_core import views
from flyte_core.frozen import frozen
from flyte_core.links import LinkAddress
from flyte_core.logs import LogLine
from flyte_core.model import (
    ROOT,
    ActionKey,
    ActionName,
    Divergence,
    ErrorInfo,
    Micros,
    Phase,
    RunKey,
    RunRecord,
)
from flyte_core.model import Action as Record
from flyte_core.store.ports import ActionQuery

if TYPE_CHECKING:
    from flyteidl2.workflow.run_definition_pb2 import ActionDetails as ActionDetailsMessage
    from flyteidl2.workflow.run_definition_pb2 import ActionMetadata

    from flyte._types.interface import InterfaceCodec

ABORTED_HERE = "Aborted from Python"
_LOG_WAIT_S = 0.1

Phases = Phase | str | Collection[Phase | str]
"""One phase, or several."""


@frozen
class AbortInfo:
    """Why an action was aborted, and by whom."""

    reason: str
    aborted_by: str


@frozen
class PhaseTransition:
    """A phase that an attempt went through; `end_time` is None while it lasts."""

    phase: Phase
    start_time: datetime
    end_time: datetime | None

    @property
    def duration(self) -> timedelta:
        return (self.end_time or datetime.now(UTC)) - self.start_time


class Recorded(Valued, Awaitable):
    """What there is to know of an action, as it stood when it was last looked at."""

    def __init__(self, record: Record, source: Source, codec: "InterfaceCodec | None" = None) -> None:
        self._record = record
        self._source = source
        self._codec = codec

    @classmethod
    async def _named(cls, run_name: str, name: str, project: str | None, domain: str | None) -> Self:
        source = current_source()
        key = ActionKey(source.scope.run(run_name, project, domain), ActionName(name))
        return cls(await source.action(key), source)

    async def _latest(self) -> Record:
        if not self._record.phase.terminal:
            self._record = await self._source.action(self._record.key)
        return self._record

    @property
    def action_id(self) -> ActionKey:
        """What names it: its `name`, and its `run` with `name`, `project` and `domain`."""
        return self._record.key

    @property
    def name(self) -> str:
        return self._record.key.name

    @property
    def run_name(self) -> str:
        return self._record.key.run.name

    @property
    def task_name(self) -> str:
        """The task's full name, `<environment>.<function>`."""
        return self._record.spec.task_name

    @property
    def parent_name(self) -> str | None:
        """The action that called it; None for the root."""
        return self._record.parent

    @property
    def group(self) -> str | None:
        return self._record.group or None

    @property
    def kind(self) -> str:
        """`task`, `trace` or `condition`."""
        return self._record.kind.value

    @property
    def start_time(self) -> datetime:
        """When it was created, UTC."""
        return moment(self._record.created_at)

    @property
    def end_time(self) -> datetime | None:
        ended = self._record.ended_at
        return None if ended is None else moment(ended)

    @property
    def divergences(self) -> tuple[Divergence, ...]:
        """Which tasks an attempt did not call again that one before it had called; of a root, the whole run's."""
        return self._record.divergences

    @property
    def recovered_from(self) -> str | None:
        """`run/action` whose outcome was taken over: from a run that this one recovers, or from the cache."""
        return self._record.recovered_from or None

    @property
    def relation(self) -> str | None:
        """How its run repeats another one, if this is the root: `rerun` or `recover`; see `Run.related_run`."""
        if self._record.key.name != ROOT:
            return None
        return _record_of_run(self._source, self._record.key).relation or None

    @property
    def url(self) -> str:
        """The address of its page."""
        return action_url(self._source.url, self._record.key)

    @property
    def pb2(self) -> Any:
        """The API's own message: `flyteidl2.workflow.Action`, or `ActionDetails` for details."""
        from flyte_core.wire import actions

        return actions.to_action(self._record, _record_of_run(self._source, self._record.key))

    def to_dict(self) -> dict[str, object]:
        """The action as plain data, as `flyte get action -of json` prints it."""
        return views.action_dict(self._record)

    def to_json(self) -> str:
        return json.dumps(self.to_dict())


class Action(Recorded):
    """One action of a run. `status` and `phase` are looked up at every access; the rest is as of `sync()`."""

    @iterate_classmethod
    @classmethod
    async def listall(
        cls,
        for_run_name: str,
        in_phase: Phases | None = None,
        parent_name: str | None = None,
        sort_by: tuple[str, Literal["asc", "desc"]] | None = None,
        created_at: TimeFilter | None = None,
        updated_at: TimeFilter | None = None,
        *,
        project: str | None = None,
        domain: str | None = None,
        limit: int | None = None,
    ) -> AsyncIterator["Action"]:
        """The actions of a run, in the order they were created.

        Args:
            for_run_name: The run's name.
            in_phase: Only actions in this phase, or one of these.
            parent_name: Only those that this action called.
            sort_by: `("created_at", "desc")` for the newest first.
            created_at: Only actions created within these bounds.
            updated_at: Only actions that last changed within these bounds.
            project: The run's project, when not the session's.
            domain: The run's domain, when not the session's.
            limit: At most so many.
        """
        source = current_source()
        run = source.scope.run(for_run_name, project, domain)
        query = ActionQuery(
            parent=None if parent_name is None else ActionName(parent_name),
            phases=phases_of(in_phase),
            ascending=ascending(sort_by, default=True),
            limit=limit if created_at is None and updated_at is None else None,
        )
        page = await source.actions(run, query)
        found = [
            each
            for each in page.actions
            if within(created_at, each.created_at) and within(updated_at, _changed_at(each))
        ]
        for record in found[:limit]:
            yield cls(record, source)

    @syncify_classmethod
    @classmethod
    async def get(
        cls, run_name: str, name: str, *, project: str | None = None, domain: str | None = None
    ) -> "Action":
        """The action of that name, as of now.

        Raises:
            RunNotFoundError, ActionNotFoundError: there is none.
        """
        return await cls._named(run_name, name, project, domain)

    @property
    def phase(self) -> Phase:
        """Where it stands now."""
        self.sync()
        return self._record.phase

    @property
    def status(self) -> str:
        """Where it stands now, in a word: queued, running, succeeded, failed, aborted, timed_out..."""
        return self.phase.value

    @property
    def raw_phase(self) -> int:
        """Where it stands now, as the number of `flyteidl2.common.ActionPhase`."""
        return phase_number(self.phase)

    @syncify
    async def sync(self) -> "Action":
        """Look it up again."""
        await self._latest()
        return self

    @syncify
    async def done(self) -> bool:
        """Whether it has ended."""
        await self._latest()
        return self._record.phase.terminal

    @syncify
    async def wait(
        self, quiet: bool = False, wait_for: Literal["terminal", "running"] = "terminal"
    ) -> "Action":
        """Wait until it has ended, however it ends, or until it has begun to run.

        `quiet` is there for scripts that pass it: nothing is printed either way.
        """
        self._record = await wait_until(self._source, self._record, wait_for)
        return self

    @iterate
    async def watch(
        self, cache_data_on_done: bool = False, wait_for: Literal["terminal", "running"] = "terminal"
    ) -> AsyncIterator["ActionDetails"]:
        """How it stands now, and after each change, until it has ended, or has begun to run.

        `cache_data_on_done` is there for scripts that pass it: nothing needs to be asked for before.
        """
        async for record in watched(self._source, self._record.key, wait_for):
            self._record = record
            yield ActionDetails(record, self._source, self._codec)

    @syncify
    async def details(self) -> "ActionDetails":
        """Attempts, phases, times and errors, as of now."""
        await self._latest()
        return ActionDetails(self._record, self._source, self._codec)

    @syncify
    async def abort(self, reason: str = ABORTED_HERE) -> None:
        """Abort it and everything it called. What has ended stays as it is."""
        await self._source.abort_action(self._record.key, reason)

    @iterate
    async def get_logs(
        self,
        attempt: int | None = None,
        filter_system: bool = False,
        show_ts: bool = False,
        *,
        follow: bool = False,
    ) -> AsyncIterator[str]:
        """The lines of its log.

        Args:
            attempt: Of this attempt, counted from 1; by default the latest.
            filter_system: Leave out lines that the system wrote.
            show_ts: Begin each line with its instant.
            follow: Go on until the action has ended.
        """
        async for line in log_lines(self._source, self._record.key, attempt, follow=follow):
            if not (filter_system and line.stream == "s"):
                yield show_line(line, show_ts)

    @syncify
    async def show_logs(
        self,
        attempt: int | None = None,
        max_lines: int = 30,
        show_ts: bool = False,
        raw: bool = False,
        filter_system: bool = False,
        *,
        follow: bool = True,
    ) -> None:
        """Print its log; by default until the action has ended. Options as in `get_logs`.

        `max_lines` and `raw` are there for scripts that pass them: every line is printed as it is.
        """
        lines = self.get_logs.aio(attempt, filter_system, show_ts, follow=follow)
        async for line in lines:
            print(line)

    @syncify
    async def get_report(self, attempt: int | None = None) -> str:
        """The page that it reported, as HTML.

        Args:
            attempt: Of this attempt, counted from 1; by default the latest that has one.

        Raises:
            ReportNotFoundError: there is none.
        """
        await self._latest()
        return await read_report(self._source, self._record, attempt)

    @syncify
    async def get_links(self, attempt: int | None = None) -> tuple[LinkAddress, ...]:
        """The addresses that its task's `links` made, each with `name` and `url`.

        Args:
            attempt: Of this attempt, counted from 1; by default the latest.
        """
        await self._latest()
        return await self._source.links(self._record.key, attempt or max(1, len(self._record.attempts)))

    @syncify
    async def download_code(
        self, dest: str | Path | None = None, extract: bool = True, attempt: int | None = None
    ) -> Path:
        """The code it ran with, as it was bundled when the run was started: the directory it is in now.

        Args:
            dest: The directory to put it into, instead of one in the working directory that has the
                run's name.
            extract: False: the bundle as it is; the path of the file. So are pickled tasks always.
            attempt: Of this attempt: every one has the same.

        Raises:
            CodeBundleError: it ran without a bundle, or the bundle is gone.
        """
        return await code.download(self._source, self._record, dest, extract)

    def __repr__(self) -> str:
        return f"<Action {self.name} of {self.run_name} ({self.task_name}): {self._record.phase.value}>"


class ActionDetails(Recorded):
    """All about an action, as it stood at one moment."""

    @syncify_classmethod
    @classmethod
    async def get(
        cls, run_name: str, name: str, *, project: str | None = None, domain: str | None = None
    ) -> "ActionDetails":
        """The action of that name, as of now.

        Raises:
            RunNotFoundError, ActionNotFoundError: there is none.
        """
        return await cls._named(run_name, name, project, domain)

    @syncify_classmethod
    @classmethod
    async def get_details(cls, action_id: ActionKey) -> "ActionDetails":
        """The action that an `action_id` names, as of now."""
        source = current_source()
        return cls(await source.action(key_of(action_id)), source)

    @iterate_classmethod
    @classmethod
    async def watch(cls, action_id: ActionKey) -> AsyncIterator["ActionDetails"]:
        """How the action that an `action_id` names stands now, and after each change, until it has ended."""
        source = current_source()
        async for record in source.watch(key_of(action_id)):
            yield cls(record, source)

    @property
    def phase(self) -> Phase:
        return self._record.phase

    @property
    def is_running(self) -> bool:
        return self._record.phase is Phase.RUNNING

    @property
    def status(self) -> str:
        return self._record.phase.value

    @property
    def raw_phase(self) -> int:
        return phase_number(self._record.phase)

    def done(self) -> bool:
        return self._record.phase.terminal

    @property
    def attempts(self) -> int:
        """How often its body was begun."""
        return len(self._record.attempts)

    @property
    def error_info(self) -> ErrorInfo | None:
        """Why it did not succeed: code, message, kind, traceback."""
        return self._record.error

    @property
    def pb2(self) -> "ActionDetailsMessage":
        from flyte_core.wire import actions

        run = _record_of_run(self._source, self._record.key)
        return actions.to_details(self._record, run, lambda number: actions.AttemptFiles())

    @property
    def metadata(self) -> "ActionMetadata":
        """What is said of it in the API's own words, a message of `flyteidl2`."""
        return self.pb2.metadata

    @property
    def error_message(self) -> str:
        """Why it did not succeed, in words; empty when nothing is wrong."""
        return self._record.error.message if self._record.error is not None else ""

    @property
    def code_bundle(self) -> CodeBundle | None:
        """Where the code is that it ran with; None: it lies where the run was started."""
        return code.bundle_of(self._record)

    @property
    def abort_info(self) -> AbortInfo | None:
        """Set when it was aborted."""
        record = self._record
        if record.phase is not Phase.ABORTED:
            return None
        return AbortInfo(record.abort_reason or "", record.aborted_by)

    @property
    def runtime(self) -> timedelta:
        """From its creation to its end, or to now."""
        return timedelta(milliseconds=views.duration_ms(self._record))

    @property
    def cache_status(self) -> str:
        """`disabled`, `miss`, `hit`, `populated` or `skipped`."""
        return self._record.cache_status.value

    def logs_available(self, attempt: int | None = None) -> bool:
        """Whether an attempt (by default the latest) has begun, and so may have written something."""
        return 1 <= (attempt or max(1, self.attempts)) <= self.attempts

    def get_phase_transitions(self, attempt: int | None = None) -> list[PhaseTransition]:
        """The phases of an attempt (by default the latest), in order. Empty when it has none."""
        found = [each for each in self._record.attempts if attempt in (None, each.number)]
        if not found:
            return []
        steps, ended = found[-1].transitions, found[-1].ended_at
        ends = [*(at for _, at in steps[1:]), ended]
        return [
            PhaseTransition(phase, moment(at), None if end is None else moment(end))
            for (phase, at), end in zip(steps, ends, strict=True)
        ]

    @property
    def phase_durations(self) -> Mapping[Phase, timedelta]:
        """How long the latest attempt was in each phase; `queued_time` and the like are None for one it skipped."""
        found: dict[Phase, timedelta] = {}
        for each in self.get_phase_transitions():
            found[each.phase] = found.get(each.phase, timedelta()) + each.duration
        return found

    @property
    def queued_time(self) -> timedelta | None:
        return self.phase_durations.get(Phase.QUEUED)

    @property
    def waiting_for_resources_time(self) -> timedelta | None:
        return self.phase_durations.get(Phase.WAITING_FOR_RESOURCES)

    @property
    def initializing_time(self) -> timedelta | None:
        return self.phase_durations.get(Phase.INITIALIZING)

    @property
    def running_time(self) -> timedelta | None:
        return self.phase_durations.get(Phase.RUNNING)

    @iterate
    async def watch_updates(self, cache_data_on_done: bool = False) -> AsyncIterator["ActionDetails"]:
        """How it stands now, and after each change, until it has ended.

        `cache_data_on_done` is there for scripts that pass it: nothing needs to be asked for before.
        """
        async for record in self._source.watch(self._record.key):
            yield ActionDetails(record, self._source, self._codec)

    def __repr__(self) -> str:
        return f"<ActionDetails {self.name} of {self.run_name} ({self.task_name}): {self.status}>"


async def watched(source: Source, key: ActionKey, wait_for: str) -> AsyncIterator[Record]:
    """An action now and after each change, until it has ended, or has begun to run."""
    if wait_for not in ("terminal", "running"):
        raise ValueError(f"wait_for={wait_for!r}: wait for 'terminal' or 'running'")
    async with contextlib.aclosing(source.watch(key)) as changes:
        async for change in changes:
            yield change
            if wait_for == "running" and change.phase is Phase.RUNNING:
                return


async def wait_until(source: Source, record: Record, wait_for: str) -> Record:
    """Wait for the end of an action, or for its beginning."""
    if record.phase.terminal:
        return record
    context = ctx()
    async with contextlib.nullcontext() if context is None else context.calls.resting(context):
        async for change in watched(source, record.key, wait_for):
            record = change
    return record


async def log_lines(
    source: Source, key: ActionKey, attempt: int | None, *, follow: bool
) -> AsyncIterator[LogLine]:
    """The log of one attempt; of the latest, and with `follow` of those that come after it.

    Raises:
        LogsNotYetAvailableError: it has not begun, and is not followed.
    """
    record = await source.action(key)
    number = attempt or max(1, len(record.attempts))
    while True:
        while follow and not record.phase.terminal and len(record.attempts) < number:
            await asyncio.sleep(_LOG_WAIT_S)
            record = await source.action(key)
        if not record.attempts and not record.phase.terminal:
            raise LogsNotYetAvailableError(
                f"{record.spec.task_name} ({key.name}) has not started: it {views.phase_sentence(record)}."
            )
        async for line in source.logs(key, number, follow=follow):
            yield line
        record = await source.action(key)
        if not follow or attempt is not None or (record.phase.terminal and len(record.attempts) <= number):
            return
        number += 1


def ascending(sort_by: tuple[str, str] | None, *, default: bool) -> bool:
    """Whether a list begins with the oldest."""
    if sort_by is None:
        return default
    field, direction = sort_by
    if field != "created_at" or direction not in ("asc", "desc"):
        raise ValueError(f"sort_by={sort_by!r}: use ('created_at', 'asc') or ('created_at', 'desc')")
    return direction == "asc"


def phases_of(given: Phases | None) -> tuple[Phase, ...]:
    """The phases that a list is to hold; none: all."""
    return tuple(Phase(each) for each in ([given] if isinstance(given, str) else given or ()))


def key_of(action_id: Any) -> ActionKey:
    """What an `action_id` names: ours, or the message of the API."""
    run = action_id.run
    return ActionKey(RunKey(run.project, run.domain, run.name), ActionName(action_id.name))


def _changed_at(record: Record) -> Micros:
    """When it last went from one phase to another."""
    if record.ended_at is not None:
        return record.ended_at
    return record.attempts[-1].transitions[-1][1] if record.attempts else record.queued_at


@syncify
async def _record_of_run(source: Source, key: ActionKey) -> RunRecord:
    return (await source.run(key.run)).record


def show_line(line: LogLine, show_ts: bool) -> str:
    """A line of a log as text."""
    return f"{views.iso(line.at)} {line.text}" if show_ts else line.text


def action_url(base: str, key: ActionKey) -> str:
    """The address of an action on its run's page."""
    return f"{views.run_url(key.run, base)}?i={key.name}"


def moment(at: Micros) -> datetime:
    """An instant as a datetime, UTC."""
    return datetime.fromtimestamp(at / 1_000_000, UTC)


def phase_number(phase: Phase) -> int:
    from flyte_core.wire import phases

    return int(phases.phase_number(phase))


async def read_report(source: Source, record: Record, attempt: int | None) -> str:
    """The report of an attempt, or of the latest that has one."""
    last = attempt or max(1, len(record.attempts))
    for number in range(last, (attempt or 1) - 1, -1):
        try:
            return await source.report(record.key, number)
        except ReportNotFoundError:
            continue
    raise no_report(record.key, last)
