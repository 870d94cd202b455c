"""Handles on runs."""

import contextlib
import json
from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from flyte import _failures
from flyte._remote import code
from flyte._remote.action import (
    ABORTED_HERE,
    Action,
    ActionDetails,
    Phases,
    ascending,
    log_lines,
    moment,
    phase_number,
    phases_of,
    read_report,
    show_line,
    wait_until,
)
from flyte._remote.code import CodeBundle
from flyte._remote.current import current_source
from flyte._remote.iterate import iterate, iterate_classmethod
from flyte._remote.source import Source
from flyte._remote.time_filter import TimeFilter, bounds
from flyte._remote.valued import Valued
from flyte._remote.values import Awaitable
from flyte._sync import syncify, syncify_classmethod
from flyte.errors import RuntimeUserError
from flyte_core import views
from flyte_core.dataflow.graph import Graph, Segment
from flyte_core.model import ROOT, ActionKey, ActionName, Divergence, Phase, RunKey, RunMode, RunView
from flyte_core.model import Action as Record
from flyte_core.store.ports import ActionQuery, RunQuery
from flyte_core.wire import literals

if TYPE_CHECKING:
    from flyteidl2.workflow.run_definition_pb2 import Run as RunMessage
    from flyteidl2.workflow.run_definition_pb2 import RunDetails as RunDetailsMessage

    from flyte._types.interface import InterfaceCodec

_PAGE = 200
_SHOWN = 500


class RecordedRun(Valued):
    """What there is to know of a run, as it stood when it was last looked at."""

    def __init__(self, view: RunView, source: Source, codec: "InterfaceCodec | None" = None) -> None:
        self._view = view
        self._source = source
        self._codec = codec
        """The converter of the task's own types, where the run was started in this process."""

    @classmethod
    async def _named(cls, name: str, project: str | None, domain: str | None) -> Self:
        source = current_source()
        return cls(await source.run(source.scope.run(name, project, domain)), source)

    @property
    def name(self) -> str:
        return self._view.record.key.name

    @property
    def project(self) -> str:
        return self._view.record.key.project

    @property
    def domain(self) -> str:
        return self._view.record.key.domain

    @property
    def task_name(self) -> str:
        """The task's full name, `<environment>.<function>`."""
        return self._view.record.task_name

    @property
    def mode(self) -> RunMode:
        """Who drives it: a server, or the process that called `flyte.run`."""
        return self._view.record.mode

    @property
    def labels(self) -> Mapping[str, str]:
        return dict(self._view.record.labels)

    @property
    def start_time(self) -> datetime:
        """When it was created, UTC."""
        return moment(self._view.record.created_at)

    @property
    def url(self) -> str:
        """The address of its page."""
        return views.run_url(self._view.record.key, self._source.url)

    @property
    def related_run(self) -> str | None:
        """The run that this one repeats."""
        return self._view.record.related_run or None

    @property
    def relation(self) -> str | None:
        """How it repeats it: `rerun`, or `recover`, which takes its succeeded actions over."""
        return self._view.record.relation or None

    @property
    def divergences(self) -> tuple[Divergence, ...]:
        """Which tasks were not called again when their caller ran again, of the whole run."""
        return self._view.root.divergences

    async def _latest(self) -> Record:
        if not self._view.root.phase.terminal:
            self._view = await self._source.run(self._view.record.key)
        return self._view.root

    def to_dict(self) -> dict[str, object]:
        """The run as plain data, as `flyte get run NAME -of json` prints it, without its values."""
        return views.run_view_dict(self._view, base_url=self._source.url)

    def to_json(self) -> str:
        return json.dumps(self.to_dict())


class Run(RecordedRun):
    """A run. `status` and `phase` are looked up at every access, until it has ended."""

    @iterate_classmethod
    @classmethod
    async def listall(
        cls,
        in_phase: Phases | None = None,
        task_name: str | None = None,
        task_version: str | None = None,
        created_by_subject: str | None = None,
        sort_by: tuple[str, Literal["asc", "desc"]] | None = None,
        limit: int = 100,
        project: str | None = None,
        domain: str | None = None,
        created_at: TimeFilter | None = None,
        updated_at: TimeFilter | None = None,
        with_labels: Mapping[str, str] | None = None,
        with_label_keys: tuple[str, ...] | None = None,
        paused_actions_only: bool = False,
    ) -> AsyncIterator["Run"]:
        """The runs, newest first.

        Args:
            in_phase: Only runs in this phase, or one of these.
            task_name: Only runs of this task, by its full name.
            task_version: Only runs of this version of the task.
            created_by_subject: Only runs that this account started.
            sort_by: `("created_at", "asc")` for oldest first.
            limit: At most so many.
            project: The project, when not the session's.
            domain: The domain, when not the session's.
            created_at: Only runs created within these bounds.
            updated_at: Only runs that last changed within these bounds.
            with_labels: Only runs with all of these labels.
            with_label_keys: Only runs that have labels of these keys.
            paused_actions_only: Only runs with an action that waits for an answer.
        """
        source = current_source()
        created_after, created_before = bounds(created_at)
        updated_after, updated_before = bounds(updated_at)
        cursor = ""
        left = limit
        while left > 0:
            page = await source.runs(
                RunQuery(
                    project=project or source.scope.project,
                    domain=domain or source.scope.domain,
                    phases=phases_of(in_phase),
                    task_name=task_name,
                    task_version=task_version,
                    created_by=created_by_subject,
                    labels=tuple((with_labels or {}).items()),
                    label_keys=tuple(with_label_keys or ()),
                    created_after=created_after,
                    created_before=created_before,
                    updated_after=updated_after,
                    updated_before=updated_before,
                    paused_only=paused_actions_only,
                    ascending=ascending(sort_by, default=False),
                    limit=min(left, _PAGE),
                    cursor=cursor,
                )
            )
            for view in page.runs:
                yield cls(view, source)
            left -= len(page.runs)
            cursor = page.cursor
            if not cursor:
                return

    @syncify_classmethod
    @classmethod
    async def get(cls, name: str, *, project: str | None = None, domain: str | None = None) -> "Run":
        """The run of that name, as of now.

        Raises:
            RunNotFoundError: there is none.
        """
        return await cls._named(name, project, domain)

    @property
    def phase(self) -> Phase:
        """Where it stands now."""
        self.sync()
        return self._view.root.phase

    @property
    def status(self) -> str:
        """Where it stands now, in a word: queued, running, succeeded, failed, aborted, timed_out..."""
        return self.phase.value

    @property
    def pb2(self) -> "RunMessage":
        """The API's own message."""
        from flyte_core.wire import actions

        return actions.to_run(self._view)

    @property
    def raw_phase(self) -> int:
        """Where it stands now, as the number of `flyteidl2.common.ActionPhase`."""
        return phase_number(self.phase)

    @property
    def action(self) -> Action:
        """Its root action, `a0`."""
        return Action(self._view.root, self._source, self._codec)

    @syncify
    async def sync(self) -> "Run":
        """Look it up again."""
        await self._latest()
        return self

    @syncify
    async def done(self) -> bool:
        """Whether it has ended."""
        await self._latest()
        return self._view.root.phase.terminal

    @syncify
    async def wait(self, quiet: bool = False, wait_for: Literal["terminal", "running"] = "terminal") -> None:
        """Wait until it has ended, however it ends, or until it has begun to run.

        `quiet` is there for scripts that pass it: nothing is printed either way.
        """
        root = await wait_until(self._source, self._view.root, wait_for)
        self._view = RunView(self._view.record, root)

    async def _returned(self) -> bytes:
        """Serialized outputs; a run that was started in this process is waited for."""
        if self._codec is not None:
            await self.wait.aio()
        return await super()._returned()

    @iterate
    async def watch(self, cache_data_on_done: bool = False) -> AsyncIterator[ActionDetails]:
        """How its root stands now, and after each change, until it has ended.

        `cache_data_on_done` is there for scripts that pass it: nothing needs to be asked for before.
        """
        async for root in self._source.watch(self._root_key()):
            self._view = RunView(self._view.record, root)
            yield ActionDetails(root, self._source, self._codec)

    @syncify
    async def details(self) -> "RunDetails":
        """All about it, as of now."""
        await self._latest()
        return RunDetails(self._view, self._source, self._codec)

    @syncify
    async def graph(self) -> Graph:
        """Its execution graph as of now: the actions, how data flowed between them, the critical path."""
        return await self._source.graph(self._view.record.key)

    @syncify
    async def critical_path(self) -> tuple[Segment, ...]:
        """The chain of actions that decided how long it took: segments that tile its time, oldest first."""
        return (await self.graph.aio()).critical_path

    @syncify
    async def raise_for_status(self) -> None:
        """Raise what a task that awaits this one would be raised; nothing when it has succeeded.

        Raises:
            RuntimeUserError: it has not ended (code `RunNotDoneError`).
            flyte.errors.BaseRuntimeError: its own failure.
        """
        root = await self._latest()
        if not root.phase.terminal:
            raise RuntimeUserError(
                f"{self.name} has not ended: it {views.phase_sentence(root)}.",
                code="RunNotDoneError",
                hint="Wait for it first: run.wait()",
            )
        if not root.phase.good:
            raise _failures.of_action(root)

    @syncify
    async def first_failure(self) -> ActionDetails | None:
        """The action that failed first, one that the root called rather than the root; None: none has failed."""
        query = ActionQuery(phases=(Phase.FAILED, Phase.TIMED_OUT))
        failed = (await self._source.actions(self._view.record.key, query)).actions
        found = next((each for each in failed if each.key.name != ROOT), next(iter(failed), None))
        return None if found is None else ActionDetails(found, self._source)

    @syncify
    async def get_debug_url(self) -> str | None:
        """Where a debugger can be attached to its root: None, there is none here."""
        return None

    @syncify
    async def code_bundle(self) -> CodeBundle | None:
        """Where the code is that it ran with; None: it lies where the run was started."""
        return await code.find(self._source, self._view.root)

    @syncify
    async def download_code(
        self, dest: str | Path | None = None, extract: bool = True, attempt: int | None = None
    ) -> Path:
        """The code it ran with; see `Action.download_code`."""
        return await code.download(self._source, self._view.root, dest, extract)

    @iterate
    async def get_logs(
        self,
        attempt: int | None = None,
        filter_system: bool = False,
        show_ts: bool = False,
        *,
        action_name: str | None = None,
        follow: bool = False,
    ) -> AsyncIterator[str]:
        """The lines of an action's log.

        Args:
            attempt: Of this attempt, counted from 1; by default the latest.
            filter_system: Leave out lines that the system wrote.
            show_ts: Begin each line with its instant.
            action_name: Whose; by default the root's.
            follow: Go on until the action has ended.
        """
        key = ActionKey(self._view.record.key, ActionName(action_name or ROOT))
        async for line in log_lines(self._source, key, attempt, follow=follow):
            if not (filter_system and line.stream == "s"):
                yield show_line(line, show_ts)

    @syncify
    async def show_logs(
        self,
        attempt: int | None = None,
        max_lines: int = 100,
        show_ts: bool = False,
        raw: bool = False,
        filter_system: bool = False,
        *,
        action_name: str | None = None,
        follow: bool = True,
    ) -> None:
        """Print an action's log; by default until it has ended. Options as in `get_logs`.

        `max_lines` and `raw` are there for scripts that pass them: every line is printed as it is.
        """
        lines = self.get_logs.aio(attempt, filter_system, show_ts, action_name=action_name, follow=follow)
        async for line in lines:
            print(line)

    @syncify
    async def get_report(self, attempt: int | None = None) -> str:
        """The page that its root task reported, as HTML; see `Action.get_report`."""
        await self._latest()
        return await read_report(self._source, self._view.root, attempt)

    @syncify
    async def abort(self, reason: str = ABORTED_HERE) -> None:
        """Abort it: its root and everything below. A run that has ended stays as it is."""
        await self._source.abort_run(self._view.record.key, reason)

    def __repr__(self) -> str:
        return f"<Run {self._summary()}>"

    def __str__(self) -> str:
        return f"Run {self._summary()}"

    def _summary(self) -> str:
        """Name, status, and what came of it. Says what was last known when it cannot ask."""
        with contextlib.suppress(Exception):
            self.sync()
        root = self._view.root
        text = f"{self.name} ({self.task_name}): {root.phase.value}"
        if root.phase.good:
            with contextlib.suppress(Exception):
                text += f", outputs {_shown(self._output_values())}"
        elif root.error is not None:
            text += f", {root.error.code}: {root.error.message.splitlines()[0] if root.error.message else ''}"
        return text

    def _output_values(self) -> tuple[Any, ...]:
        try:
            return tuple(self.outputs())
        except Exception:
            data = _payload(self._source, self._view)
            return tuple(literals.named_json(data, "outputs").values())

    def _root_key(self) -> ActionKey:
        return ActionKey(self._view.record.key, ROOT)


class RunDetails(RecordedRun, Awaitable):
    """All about a run, as it stood at one moment."""

    @syncify_classmethod
    @classmethod
    async def get(cls, name: str, *, project: str | None = None, domain: str | None = None) -> "RunDetails":
        """The run of that name, as of now.

        Raises:
            RunNotFoundError: there is none.
        """
        return await cls._named(name, project, domain)

    @syncify_classmethod
    @classmethod
    async def get_details(cls, run_id: RunKey) -> "RunDetails":
        """The run that a `run_id` names, as of now."""
        source = current_source()
        return cls(await source.run(RunKey(run_id.project, run_id.domain, run_id.name)), source)

    @property
    def action_id(self) -> ActionKey:
        """What names its root."""
        return self._view.root.key

    @property
    def pb2(self) -> "RunDetailsMessage":
        """The API's own message."""
        from flyte_core.wire import actions

        return actions.to_run_details(self._view, self.action_details.pb2)

    @property
    def action_details(self) -> ActionDetails:
        """All about its root."""
        return ActionDetails(self._view.root, self._source, self._codec)

    def done(self) -> bool:
        return self._view.root.phase.terminal

    def __repr__(self) -> str:
        return f"<RunDetails {self.name} ({self.task_name}): {self._view.root.phase.value}>"


@syncify
async def _payload(source: Source, view: RunView) -> bytes:
    return await source.payload(view.root, "outputs") or b""


def _shown(outputs: tuple[Any, ...]) -> str:
    text = repr(outputs)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
