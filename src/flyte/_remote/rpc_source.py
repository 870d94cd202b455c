"""History of a server somewhere, over its API."""

import asyncio
import contextlib
import itertools
from collections import Counter, defaultdict
from collections.abc import AsyncGenerator, Iterator
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from flyteidl2.common import identifier_pb2, list_pb2
from flyteidl2.dataproxy import dataproxy_service_pb2 as data
from flyteidl2.logs.dataplane import payload_pb2
from flyteidl2.project import project_service_pb2 as projects
from flyteidl2.workflow import run_definition_pb2 as definitions
from flyteidl2.workflow import run_service_pb2 as runs

from flyte._client import methods
from flyte._client.connect import Connect
from flyte._client.endpoint import parse_endpoint
from flyte._client.errors import RpcError, for_user
from flyte._client.http import Http, TransportError
from flyte._client.retry import Patience, follow
from flyte._remote.source import Scope, no_action, no_code, no_report, no_run
from flyte.errors import RuntimeSystemError
from flyte_core.dataflow.graph import Graph
from flyte_core.links import LinkAddress
from flyte_core.logs import LogLine
from flyte_core.model import (
    ROOT,
    Action,
    ActionKey,
    InvalidArgument,
    Micros,
    RunKey,
    RunView,
)
from flyte_core.store.ports import ActionPage, ActionQuery, PhaseCounts, Role, RunPage, RunQuery
from flyte_core.views import iso
from flyte_core.wire import actions, phases

if TYPE_CHECKING:
    from flyte._calls.answers import Answer

_WATCH: Final = Patience(total_s=3600.0, cap_s=5.0)
"""How long a wait for a run rides through an absence of its server."""
_REOPEN_S: Final = 0.2
_PAGE: Final = 1000
_AT_ONCE: Final = 16
_MOST_PROJECTS: Final = 1000

_PAYLOADS: Final = {bool: "bool_value", int: "int_value", float: "float_value", str: "string_value"}

_Filter = list_pb2.Filter


class RpcSource:
    """Implements `Source` on a server's API: works with every Flyte 2 server."""

    def __init__(self, client: Connect, scope: Scope) -> None:
        self.client = client
        self.scope = scope

    @property
    def url(self) -> str:
        return self.client.endpoint.url

    async def run(self, key: RunKey) -> RunView:
        with _explained(key):
            answer = await self.client.unary(
                methods.GET_RUN_DETAILS, runs.GetRunDetailsRequest(run_id=actions.run_id(key))
            )
        return actions.from_run_details(answer.details)

    async def runs(self, query: RunQuery) -> RunPage:
        if query.mode is not None or query.search:
            raise InvalidArgument("A server's API cannot filter runs by mode or by a part of their name.")
        request = runs.ListRunsRequest(
            request=list_pb2.ListRequest(
                limit=query.limit,
                token=query.cursor,
                sort_by=_by_creation(query.ascending),
                filters=list(_run_filters(query)),
            ),
            project_id=identifier_pb2.ProjectIdentifier(
                organization=actions.ORG,
                domain=query.domain or self.scope.domain,
                name=query.project or self.scope.project,
            ),
            paused_actions_only=query.paused_only,
        )
        with _explained(None):
            answer = await self.client.unary(methods.LIST_RUNS, request)
        return RunPage(tuple(actions.from_run(each) for each in answer.runs), answer.token)

    async def scopes(self) -> list[Scope]:
        with _explained(None):
            answer = await self.client.unary(
                methods.LIST_PROJECTS, projects.ListProjectsRequest(org=actions.ORG, limit=_MOST_PROJECTS)
            )
        found = {Scope(each.id, domain.id) for each in answer.projects.projects for domain in each.domains}
        return sorted({*found, self.scope}, key=lambda each: (each.project, each.domain))

    async def action(self, key: ActionKey) -> Action:
        details = await self._details(key)
        return actions.from_details(details, await self._seq(details))

    async def actions(self, run: RunKey, query: ActionQuery) -> ActionPage:
        """All on one page. The lists of the API tell neither attempts nor errors, so each is asked for."""
        seqs: defaultdict[str, Iterator[int]] = defaultdict(itertools.count)
        numbered = [(each, next(seqs[each.metadata.parent])) async for each in self._listed(run)]
        wanted = [(actions.action_key(each.id), seq) for each, seq in numbered if _is_wanted(each, query)]
        if not query.ascending:
            wanted.reverse()
        slots = asyncio.Semaphore(_AT_ONCE)

        async def whole(key: ActionKey, seq: int) -> Action:
            async with slots:
                return actions.from_details(await self._details(key), seq)

        found = await asyncio.gather(*(whole(key, seq) for key, seq in wanted[: query.limit]))
        return ActionPage(tuple(found))

    async def graph(self, run: RunKey) -> Graph:
        from flyte._client import graph_methods
        from flyte_core.wire import graphs
        from flyte_core.wire.godwit.v1 import graph_pb2

        request = graph_pb2.GetGraphRequest(
            run=graph_pb2.RunRef(project=run.project, domain=run.domain, run=run.name)
        )
        with _explained(run):
            return graphs.from_graph(await self.client.unary(graph_methods.GET_GRAPH, request))

    async def bottlenecks(self, run: RunKey) -> dict[str, Any]:
        from flyte._client import graph_methods
        from flyte_core.wire import graphs
        from flyte_core.wire.godwit.v1 import graph_pb2

        request = graph_pb2.GetBottlenecksRequest(
            run=graph_pb2.RunRef(project=run.project, domain=run.domain, run=run.name)
        )
        with _explained(run):
            return graphs.from_bottlenecks(await self.client.unary(graph_methods.GET_BOTTLENECKS, request))

    async def counts(self, run: RunKey) -> PhaseCounts:
        found = Counter([phases.phase_from(each.status.phase) async for each in self._listed(run)])
        return PhaseCounts(found.total(), dict(found))

    async def payload(self, action: Action, role: Role) -> bytes | None:
        key = action.key
        with _explained(key.run, key):
            answer = await self.client.unary(
                methods.GET_ACTION_DATA, data.GetActionDataRequest(action_id=actions.action_id(key))
            )
        if role == "inputs":
            return answer.inputs.SerializeToString()
        return answer.outputs.SerializeToString() if action.phase.good else None

    async def watch(self, key: ActionKey) -> AsyncGenerator[Action, None]:
        request = runs.WatchActionDetailsRequest(action_id=actions.action_id(key))
        seq: int | None = None

        def again() -> AsyncGenerator[runs.WatchActionDetailsResponse, None]:
            return self.client.stream(methods.WATCH_ACTION_DETAILS, request)

        with _explained(key.run, key):
            while True:
                async with contextlib.aclosing(follow(again, _WATCH)) as messages:
                    async for message in messages:
                        if seq is None:
                            seq = await self._seq(message.details)
                        action = actions.from_details(message.details, seq)
                        yield action
                        if action.phase.terminal:
                            return
                # A server that drains ends its streams well, before the action has ended.
                await asyncio.sleep(_REOPEN_S)

    async def logs(self, key: ActionKey, attempt: int, *, follow: bool) -> AsyncGenerator[LogLine, None]:
        request = data.TailLogsRequest(action_id=actions.action_id(key), attempt=attempt)
        number = 0
        with _explained(key.run, key):
            async with contextlib.aclosing(self.client.stream(methods.TAIL_LOGS, request)) as messages:
                async for message in messages:
                    for line in itertools.chain.from_iterable(each.lines for each in message.logs):
                        yield _line(line, number)
                        number += 1

    async def report(self, key: ActionKey, attempt: int) -> str:
        found = await self._linked(key, attempt, data.ARTIFACT_TYPE_REPORT)
        if found is None:
            raise no_report(key, attempt)
        return found.decode()

    async def code(self, key: ActionKey, uri: str) -> bytes:
        found = await self._linked(key, 1, data.ARTIFACT_TYPE_CODE_BUNDLE)
        if found is None:
            raise no_code(key, uri)
        return found

    async def links(self, key: ActionKey, attempt: int) -> tuple[LinkAddress, ...]:
        found = [each for each in (await self._details(key)).attempts if each.attempt == attempt]
        return tuple(LinkAddress(log.name, log.uri) for each in found for log in each.log_info)

    async def signal(self, key: ActionKey, answer: "Answer") -> None:
        payload = runs.EventPayload()
        setattr(payload, _PAYLOADS[type(answer)], answer)
        request = runs.SignalEventRequest(action_id=actions.action_id(key), payload=payload)
        with _explained(key.run, key):
            await self.client.unary(methods.SIGNAL_EVENT, request)

    async def abort_run(self, key: RunKey, reason: str) -> None:
        with _explained(key):
            await self.client.unary(
                methods.ABORT_RUN, runs.AbortRunRequest(run_id=actions.run_id(key), reason=reason)
            )

    async def abort_action(self, key: ActionKey, reason: str) -> None:
        with _explained(key.run, key):
            await self.client.unary(
                methods.ABORT_ACTION, runs.AbortActionRequest(action_id=actions.action_id(key), reason=reason)
            )

    async def _linked(self, key: ActionKey, attempt: int, kind: "data.ArtifactType") -> bytes | None:
        """A file of an attempt; None when there is none."""
        request = data.CreateDownloadLinkRequest(
            artifact_type=kind,
            action_attempt_id=identifier_pb2.ActionAttemptIdentifier(
                action_id=actions.action_id(key), attempt=attempt
            ),
        )
        try:
            answer = await self.client.unary(methods.CREATE_DOWNLOAD_LINK, request)
        except RpcError as error:
            if error.code == "not_found":
                return None
            raise for_user(error) from error
        return await self._download(answer.pre_signed_urls.signed_url[0])

    async def _download(self, url: str) -> bytes:
        parts = urlsplit(url)
        endpoint = parse_endpoint(f"{parts.scheme}://{parts.netloc}")
        http = self.client.http if endpoint == self.client.endpoint else Http(endpoint)
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        try:
            answer, body = await http.request("GET", target, {}, b"")
        except TransportError as error:
            raise RuntimeSystemError(f"{endpoint.url} cannot be reached: {error}") from error
        if answer.status >= 300:
            raise RuntimeSystemError(f"{endpoint.url} did not give the file: HTTP {answer.status}.")
        return body

    async def _details(self, key: ActionKey) -> definitions.ActionDetails:
        with _explained(key.run, key):
            answer = await self.client.unary(
                methods.GET_ACTION_DETAILS,
                runs.GetActionDetailsRequest(action_id=actions.action_id(key)),
            )
        return answer.details

    async def _seq(self, details: definitions.ActionDetails) -> int:
        """The position among its siblings, which the API tells only by the order of its lists."""
        parent, key = details.metadata.parent, actions.action_key(details.id)
        if not parent:
            return 0
        siblings = (each async for each in self._listed(key.run) if each.metadata.parent == parent)
        number = 0
        async for each in siblings:
            if each.id.name == key.name:
                break
            number += 1
        return number

    async def _listed(self, run: RunKey) -> AsyncGenerator[definitions.Action, None]:
        """Every action of a run in its short form, in the order they were recorded."""
        request = runs.ListActionsRequest(
            request=list_pb2.ListRequest(limit=_PAGE, sort_by=_by_creation(True)), run_id=actions.run_id(run)
        )
        while True:
            with _explained(run):
                answer = await self.client.unary(methods.LIST_ACTIONS, request)
            for each in answer.actions:
                yield each
            if not answer.token:
                return
            request.request.token = answer.token


@contextlib.contextmanager
def _explained(run: RunKey | None, action: ActionKey | None = None) -> Iterator[None]:
    """Turn a failed call into the exception that users get."""
    try:
        yield
    except RpcError as error:
        if error.code == "not_found" and run is not None:
            raise (no_run(run) if action is None or action.name == ROOT else no_action(action)) from error
        raise for_user(error) from error


def _by_creation(ascending: bool) -> list_pb2.Sort:
    return list_pb2.Sort(
        key="created_at", direction=list_pb2.Sort.ASCENDING if ascending else list_pb2.Sort.DESCENDING
    )


def _run_filters(query: RunQuery) -> Iterator[list_pb2.Filter]:
    if query.phases:
        yield _one_of("phase", [str(int(phases.phase_number(each))) for each in query.phases])
    for field, value in (
        ("name", query.name),
        ("task_name", query.task_name),
        ("task_version", query.task_version),
        ("created_by", query.created_by),
    ):
        if value is not None:
            yield _Filter(function=_Filter.EQUAL, field=field, values=[value])
    for field, after, before in (
        ("created_at", query.created_after, query.created_before),
        ("updated_at", query.updated_after, query.updated_before),
    ):
        if after is not None:
            yield _Filter(function=_Filter.GREATER_THAN_OR_EQUAL, field=field, values=[_moment(after)])
        if before is not None:
            yield _Filter(function=_Filter.LESS_THAN, field=field, values=[_moment(before)])
    for key, value in query.labels:
        yield _Filter(function=_Filter.EQUAL, field=f"labels.{key}", values=[value])
    for key in query.label_keys:
        yield _Filter(function=_Filter.EXISTS, field=f"labels.{key}")


def _is_wanted(action: definitions.Action, query: ActionQuery) -> bool:
    meta = action.metadata
    return (
        (not query.phases or phases.phase_from(action.status.phase) in query.phases)
        and (not query.kinds or phases.kind_from(meta.action_type) in query.kinds)
        and query.parent in (None, meta.parent)
        and query.name in (None, action.id.name)
    )


def _one_of(field: str, values: list[str]) -> list_pb2.Filter:
    return _Filter(function=_Filter.VALUE_IN, field=field, values=values)


def _moment(at: Micros) -> str:
    return iso(at) or ""


def _line(line: payload_pb2.LogLine, number: int) -> LogLine:
    system = line.originator == payload_pb2.LogLineOriginator.SYSTEM
    return LogLine(actions.micros(line.timestamp), "s" if system else "o", line.message.rstrip("\n"), number)
