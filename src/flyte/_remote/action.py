"""Handles on actions."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal, Self

from flyte import _failures
from flyte._remote import values
from flyte._remote.current import current_source
from flyte._remote.iterate import iterate
from flyte._remote.source import Source, no_report
from flyte._remote.values import ActionInputs, ActionOutputs
from flyte._sync import syncify
from flyte.errors import LogsNotYetAvailableError, ReportNotFoundError, RuntimeUserError
from flyte_core import views
from flyte_core.links import LinkAddress
from flyte_core.logs import LogLine
from flyte_core.model import Action as Record
from flyte_core.model import (
    ActionKey,
    ActionName,
    Divergence,
    ErrorInfo,
    Micros,
    Phase,
)
from flyte_core.store.ports import ActionQuery

if TYPE_CHECKING:
    from flyte._types.interface import InterfaceCodec

ABORTED_HERE = "Aborted from Python"
_LOG_WAIT_S = 0.1


@dataclass(frozen=True, slots=True)
class AbortInfo:
    """Why an action was aborted, and by whom."""

    reason: str
    aborted_by: str


@dataclass(frozen=True, slots=True)
class PhaseTransition:
    """A phase that an attempt went through; `end_time` is None while it lasts."""

    phase: Phase
    start_time: datetime
    end_time: datetime | None

    @property
    def duration(self) -> timedelta:
        return (self.end_time or datetime.now(UTC)) - self.start_time


class Recorded:
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
    def url(self) -> str:
        """The address of its page."""
        return action_url(self._source.url, self._record.key)

    def to_dict(self) -> dict[str, object]:
        """The action as plain data, as `flyte get action -of json` prints it."""
        return views.action_dict(self._record)

    def to_json(self) -> str:
        return json.dumps(self.to_dict())

    @syncify
    async def inputs(self) -> ActionInputs:
        """What it was called with, by parameter name."""
        data = await self._source.payload(self._record, "inputs")
        return values.decode_inputs(data or b"", self._codec if data is not None else None)

    @syncify
    async def outputs(self) -> ActionOutputs:
        """What it returned: a tuple, with the names in `.named_outputs`.

        Raises:
            flyte.errors.RuntimeUserError and its kin: it did not succeed; the error is the action's own.
        """
        if not self._record.phase.terminal:
            self._record = await self._source.action(self._record.key)
        return await read_outputs(self._record, self._source, self._codec)


class Action(Recorded):
    """One action of a run. `status` and `phase` are looked up at every access; the rest is as of `sync()`."""

    @iterate
    @classmethod
    async def listall(
        cls,
        for_run_name: str,
        in_phase: tuple[Phase | str, ...] | None = None,
        *,
        project: str | None = None,
        domain: str | None = None,
        limit: int | None = None,
    ) -> AsyncIterator["Action"]:
        """The actions of a run, in the order they were created.

        Args:
            for_run_name: The run's name.
            in_phase: Only actions in one of these phases.
            project: The run's project, when not the session's.
            domain: The run's domain, when not the session's.
            limit: At most so many.
        """
        source = current_source()
        run = source.scope.run(for_run_name, project, domain)
        query = ActionQuery(phases=tuple(Phase(each) for each in in_phase or ()), limit=limit)
        page = await source.actions(run, query)
        for record in page.actions:
            yield cls(record, source)

    @syncify
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
        await self._refresh()
        return self

    @syncify
    async def done(self) -> bool:
        """Whether it has ended."""
        await self._refresh()
        return self._record.phase.terminal

    @syncify
    async def wait(self, quiet: bool = False, wait_for: Literal["terminal", "running"] = "terminal") -> None:
        """Wait until it has ended, however it ends, or until it has begun to run.

        `quiet` is there for scripts that pass it: nothing is printed either way.
        """
        self._record = await wait_until(self._source, self._record, wait_for)

    @iterate
    async def watch(self) -> AsyncIterator["ActionDetails"]:
        """How it stands now, and after each change, until it has ended."""
        async for record in self._source.watch(self._record.key):
            self._record = record
            yield ActionDetails(record, self._source, self._codec)

    @syncify
    async def details(self) -> "ActionDetails":
        """Attempts, phases, times and errors, as of now."""
        await self._refresh()
        return ActionDetails(self._record, self._source, self._codec)

    @syncify
    async def abort(self, reason: str = ABORTED_HERE) -> None:
        """Abort it and everything it called. What has ended stays as it is."""
        await self._source.abort_action(self._record.key, reason)

    @iterate
    async def get_logs(
        self,
        attempt: int | None = None,
        *,
        follow: bool = False,
        filter_system: bool = False,
        show_ts: bool = False,
    ) -> AsyncIterator[str]:
        """The lines of its log.

        Args:
            attempt: Of this attempt, counted from 1; by default the latest.
            follow: Go on until the action has ended.
            filter_system: Leave out lines that the system wrote.
            show_ts: Begin each line with its instant.
        """
        async for line in log_lines(self._source, self._record.key, attempt, follow=follow):
            if not (filter_system and line.stream == "s"):
                yield show_line(line, show_ts)

    @syncify
    async def show_logs(
        self,
        attempt: int | None = None,
        *,
        follow: bool = True,
        filter_system: bool = False,
        show_ts: bool = False,
    ) -> None:
        """Print its log; by default until the action has ended. Options as in `get_logs`."""
        lines = self.get_logs.aio(attempt, follow=follow, filter_system=filter_system, show_ts=show_ts)
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
        await self._refresh()
        return await read_report(self._source, self._record, attempt)

    @syncify
    async def get_links(self, attempt: int | None = None) -> tuple[LinkAddress, ...]:
        """The addresses that its task's `links` made, each with `name` and `url`.

        Args:
            attempt: Of this attempt, counted from 1; by default the latest.
        """
        await self._refresh()
        return await self._source.links(self._record.key, attempt or max(1, len(self._record.attempts)))

    async def _refresh(self) -> None:
        if not self._record.phase.terminal:
            self._record = await self._source.action(self._record.key)

    def __repr__(self) -> str:
        return f"<Action {self.name} of {self.run_name} ({self.task_name}): {self._record.phase.value}>"


class ActionDetails(Recorded):
    """All about an action, as it stood at one moment."""

    @syncify
    @classmethod
    async def get(
        cls, run_name: str, name: str, *, project: str | None = None, domain: str | None = None
    ) -> "ActionDetails":
        """The action of that name, as of now.

        Raises:
            RunNotFoundError, ActionNotFoundError: there is none.
        """
        return await cls._named(run_name, name, project, domain)

    @property
    def phase(self) -> Phase:
        return self._record.phase

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
        """How long the latest attempt was in each phase."""
        found: dict[Phase, timedelta] = {}
        for each in self.get_phase_transitions():
            found[each.phase] = found.get(each.phase, timedelta()) + each.duration
        return found

    @property
    def queued_time(self) -> timedelta:
        return self.phase_durations.get(Phase.QUEUED, timedelta())

    @property
    def waiting_for_resources_time(self) -> timedelta:
        return self.phase_durations.get(Phase.WAITING_FOR_RESOURCES, timedelta())

    @property
    def initializing_time(self) -> timedelta:
        return self.phase_durations.get(Phase.INITIALIZING, timedelta())

    @property
    def running_time(self) -> timedelta:
        return self.phase_durations.get(Phase.RUNNING, timedelta())

    @iterate
    async def watch_updates(self) -> AsyncIterator["ActionDetails"]:
        """How it stands now, and after each change, until it has ended."""
        async for record in self._source.watch(self._record.key):
            yield ActionDetails(record, self._source, self._codec)

    def __repr__(self) -> str:
        return f"<ActionDetails {self.name} of {self.run_name} ({self.task_name}): {self.status}>"


async def read_outputs(record: Record, source: Source, codec: "InterfaceCodec | None") -> ActionOutputs:
    """The outputs of an action that has succeeded.

    Raises:
        RuntimeUserError: it has not ended.
        BaseRuntimeError: its own failure.
    """
    if not record.phase.terminal:
        name = f"{record.key.run.name}/{record.key.name}"
        raise RuntimeUserError(
            f"{name} has no outputs yet: it {views.phase_sentence(record)}.",
            hint="Wait for it first: run.wait()",
        )
    if not record.phase.good:
        raise _failures.of_action(record)
    data = await source.payload(record, "outputs")
    return values.decode_outputs(data, codec) if data else ActionOutputs(())


async def wait_until(source: Source, record: Record, wait_for: str) -> Record:
    """Wait for the end of an action, or for its beginning."""
    if wait_for not in ("terminal", "running"):
        raise ValueError(f"wait_for={wait_for!r}: wait for 'terminal' or 'running'")
    if record.phase.terminal:
        return record
    async with contextlib.aclosing(source.watch(record.key)) as changes:
        async for change in changes:
            record = change
            if record.phase.terminal or (wait_for == "running" and record.phase is Phase.RUNNING):
                break
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
