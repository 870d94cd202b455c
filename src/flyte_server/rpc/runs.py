"""`flyteidl2.workflow.RunService`: create, look at, follow and abort runs and actions."""

import asyncio
import functools
from collections.abc import AsyncIterator

from flyteidl2.common import identifier_pb2, list_pb2
from flyteidl2.core import literals_pb2, types_pb2
from flyteidl2.task import common_pb2
from flyteidl2.workflow import run_definition_pb2, run_service_pb2

from flyte_core import links, naming
from flyte_core.engine import action as engine
from flyte_core.engine import run as runs
from flyte_core.engine.api import NewRun
from flyte_core.model import (
    ROOT,
    Action,
    ActionKey,
    ActionKind,
    FailedPrecondition,
    InvalidArgument,
    RunKey,
    RunRecord,
    RunView,
)
from flyte_core.store.ports import RunQuery
from flyte_core.wire import actions as wire
from flyte_core.wire import specs
from flyte_server.rpc import ids, queries
from flyte_server.rpc.endpoints import caller
from flyte_server.services import creation, watch
from flyte_server.services.command import runtime_of
from flyte_server.services.context import ServerContext
from flyte_server.services.tasks import TaskId
from flyte_server.services.values import INLINE_MAX

_Request = run_service_pb2


class RunService:
    def __init__(self, context: ServerContext) -> None:
        self._context = context

    async def create_run(self, request: _Request.CreateRunRequest) -> _Request.CreateRunResponse:
        if _is_quick(request):
            new = self._new(request)
        else:
            new = await asyncio.to_thread(self._new, request)
        create = functools.partial(runs.create_run, intact=self._context.values.intact)
        change = await self._context.transactor.change(create, new)
        root = change.actions[0]
        record = self._context.view(root.key.run).record
        return _Request.CreateRunResponse(run=wire.to_run(RunView(record, root)))

    async def get_run_details(self, request: _Request.GetRunDetailsRequest) -> _Request.GetRunDetailsResponse:
        view = self._context.view(ids.run_key(request.run_id))
        return _Request.GetRunDetailsResponse(details=self._run_details(view))

    async def watch_run_details(
        self, request: _Request.WatchRunDetailsRequest
    ) -> AsyncIterator[_Request.WatchRunDetailsResponse]:
        key = ActionKey(ids.run_key(request.run_id), ROOT)
        async for view, _ in watch.action(self._context, key):
            yield _Request.WatchRunDetailsResponse(details=self._run_details(view))

    async def get_action_details(
        self, request: _Request.GetActionDetailsRequest
    ) -> _Request.GetActionDetailsResponse:
        action = self._context.action(ids.action_key(request.action_id))
        record = self._context.view(action.key.run).record
        return _Request.GetActionDetailsResponse(details=self._details(action, record))

    async def watch_action_details(
        self, request: _Request.WatchActionDetailsRequest
    ) -> AsyncIterator[_Request.WatchActionDetailsResponse]:
        key = ids.action_key(request.action_id)
        async for view, action in watch.action(self._context, key):
            details = self._details(action, view.record)
            yield _Request.WatchActionDetailsResponse(details=details)

    async def list_runs(self, request: _Request.ListRunsRequest) -> _Request.ListRunsResponse:
        query = queries.run_query(request.request, _scope(request))
        page = await asyncio.to_thread(self._context.store.runs, query)
        found = [wire.to_run(view) for view in page.runs]
        return _Request.ListRunsResponse(runs=found, token=page.cursor)

    async def list_actions(self, request: _Request.ListActionsRequest) -> _Request.ListActionsResponse:
        run = ids.run_key(request.run_id)
        record = self._context.view(run).record
        query = queries.action_query(_in_call_order(request.request))
        page = await asyncio.to_thread(self._context.store.actions, run, query)
        found = [wire.to_action(action, record) for action in page.actions]
        return _Request.ListActionsResponse(actions=found, token=page.cursor)

    async def get_action_data(self, request: _Request.GetActionDataRequest) -> _Request.GetActionDataResponse:
        action = self._context.action(ids.action_key(request.action_id))
        inputs, outputs = await values_of(self._context, action)
        return _Request.GetActionDataResponse(inputs=inputs, outputs=outputs)

    async def get_action_data_uris(
        self, request: _Request.GetActionDataURIsRequest
    ) -> _Request.GetActionDataURIsResponse:
        action = self._context.action(ids.action_key(request.action_id))
        return _Request.GetActionDataURIsResponse(
            inputs_uri=inputs_uri(self._context, action), outputs_uri=outputs_uri(action)
        )

    async def abort_run(self, request: _Request.AbortRunRequest) -> _Request.AbortRunResponse:
        await self._context.abort(ids.run_key(request.run_id), None, request.reason)
        return _Request.AbortRunResponse()

    async def abort_action(self, request: _Request.AbortActionRequest) -> _Request.AbortActionResponse:
        await self._context.abort_action(ids.action_key(request.action_id), request.reason)
        return _Request.AbortActionResponse()

    async def signal_event(self, request: _Request.SignalEventRequest) -> _Request.SignalEventResponse:
        key = ids.action_key(request.action_id)
        answer = _answer(self._context.action(key), request.payload)
        outputs = common_pb2.Outputs(literals=[common_pb2.NamedLiteral(name="o0", value=answer)])
        data = outputs.SerializeToString(deterministic=True)
        await self._context.transactor.change(engine.signal, key, data, self._context.account)
        return _Request.SignalEventResponse()

    def _new(self, request: _Request.CreateRunRequest) -> NewRun:
        """What is to be created. Reads and writes files, unless `_is_quick`."""
        spec = self._spec(request)
        data = request.inputs.SerializeToString(deterministic=True)
        wanted = creation.Wanted(
            key=self._run_key(request),
            spec=spec,
            run_spec=request.run_spec,
            inputs=data,
            inputs_uri=request.offloaded_input_data.uri,
            inputs_hash=request.offloaded_input_data.inputs_hash,
        )
        return creation.prepare(self._context, wanted, caller.get().peer)

    def _run_key(self, request: _Request.CreateRunRequest) -> RunKey:
        if request.WhichOneof("id") == "run_id":
            key = ids.run_key(request.run_id)
            naming.check_run_name(key.name)
            return key
        project, domain = ids.project(request.project_id)
        return RunKey(project, domain, naming.new_run_name(self._context.random))

    def _spec(self, request: _Request.CreateRunRequest) -> bytes:
        match request.WhichOneof("task"):
            case "task_spec":
                return request.task_spec.SerializeToString(deterministic=True)
            case "task_id":
                return self._context.tasks.get(TaskId(*ids.task(request.task_id))).spec
            case "trigger_name":
                raise FailedPrecondition("This server has no triggers.", hint="Run the task itself.")
            case _:
                raise InvalidArgument("The request names no task: it has neither task_spec nor task_id.")

    def _run_details(self, view: RunView) -> run_definition_pb2.RunDetails:
        return wire.to_run_details(view, self._details(view.root, view.record))

    def _details(self, action: Action, record: RunRecord) -> run_definition_pb2.ActionDetails:
        answer = None
        if action.kind is ActionKind.CONDITION and action.phase.good:
            answer = condition_value(self._context, action)
        return wire.to_details(action, record, lambda number: self._files(action, number), answer)

    def _files(self, action: Action, number: int) -> wire.AttemptFiles:
        directory = self._context.layout.attempt(action.key, number)
        report = directory / "report.html"
        return wire.AttemptFiles(
            output_uri=str(directory),
            report_uri=str(report) if action.policy.report and report.exists() else "",
            logs_available=self._context.layout.log(action.key, number).exists(),
            links=links.read(directory),
        )


async def values_of(context: ServerContext, action: Action) -> tuple[common_pb2.Inputs, common_pb2.Outputs]:
    """An action's inputs and outputs; empty where it has none.

    Raises:
        FailedPrecondition: a file is gone, or is not what was recorded.
    """
    inputs = await asyncio.to_thread(context.values.load, action, "inputs")
    outputs = await asyncio.to_thread(context.values.load, action, "outputs")
    return common_pb2.Inputs.FromString(inputs), common_pb2.Outputs.FromString(outputs)


def inputs_uri(context: ServerContext, action: Action) -> str:
    """A path that names an action's inputs, also when there is no file there."""
    if action.inputs is not None and action.inputs.uri:
        return action.inputs.uri
    return str(context.values.file_of(action.key))


def outputs_uri(action: Action) -> str:
    """The path of an action's outputs; empty while there are none."""
    if not action.phase.good or not action.output_uri:
        return ""
    return action.output_uri if action.kind is ActionKind.TRACE else f"{action.output_uri}/outputs.pb"


def condition_value(context: ServerContext, action: Action) -> literals_pb2.Literal | None:
    """What somebody answered."""
    literals = common_pb2.Outputs.FromString(context.values.load(action, "outputs")).literals
    return literals[0].value if literals else None


def _is_quick(request: _Request.CreateRunRequest) -> bool:
    """Whether all of a new run is in the request: no file must be read or written, no process looked at."""
    return (
        request.WhichOneof("task") == "task_spec"
        and runtime_of(request.task_spec.task_template) == "godwit"
        and not request.offloaded_input_data.uri
        and request.ByteSize() <= INLINE_MAX
    )


def _scope(request: _Request.ListRunsRequest) -> RunQuery:
    paused = request.paused_actions_only
    match request.WhichOneof("scope_by"):
        case "project_id":
            project, domain = _project(request.project_id)
            return RunQuery(project=project, domain=domain, paused_only=paused)
        case "task_name":
            task = request.task_name
            return RunQuery(
                project=task.project or None,
                domain=task.domain or None,
                task_name=task.name,
                paused_only=paused,
            )
        case "task_id":
            named = request.task_id
            return RunQuery(
                project=named.project or None,
                domain=named.domain or None,
                task_name=named.name,
                task_version=named.version or None,
                paused_only=paused,
            )
        case "trigger_name":
            raise FailedPrecondition("This server has no triggers.", hint="List by task or project.")
        case _:
            return RunQuery(paused_only=paused)


def _project(message: identifier_pb2.ProjectIdentifier) -> tuple[str | None, str | None]:
    return message.name or None, message.domain or None


def _in_call_order(request: list_pb2.ListRequest) -> list_pb2.ListRequest:
    """Actions come in the order of their creation unless the other one is asked for by name."""
    if request.HasField("sort_by") or request.sort_by_fields:
        return request
    ordered = list_pb2.ListRequest()
    ordered.CopyFrom(request)
    ordered.sort_by.CopyFrom(list_pb2.Sort(key="created_at", direction=list_pb2.Sort.ASCENDING))
    return ordered


def _answer(action: Action, payload: run_service_pb2.EventPayload) -> literals_pb2.Literal:
    """The answer to a condition as a literal of the declared type."""
    if action.kind is not ActionKind.CONDITION:
        raise FailedPrecondition(
            f"{action.key.name} is a {action.kind}; only a condition can be answered.",
            hint=f"`flyte get action {action.key.run.name}` lists the actions with their kinds.",
        )
    given = payload.WhichOneof("value")
    message = specs.message_of(action.spec, ActionKind.CONDITION)
    assert isinstance(message, run_definition_pb2.ConditionAction)
    expected, word = _ANSWERS.get(message.type.simple, (given, "any type"))
    if given is None or given != expected:
        raise InvalidArgument(
            f"The condition {action.spec.task_name} asks for {word}, not for "
            f"{'nothing' if given is None else given.removesuffix('_value')}."
        )
    value = getattr(payload, given)
    field = _PRIMITIVES[given]
    primitive = literals_pb2.Primitive(**{field: value})
    return literals_pb2.Literal(scalar=literals_pb2.Scalar(primitive=primitive))


_PRIMITIVES = {
    "bool_value": "boolean",
    "int_value": "integer",
    "float_value": "float_value",
    "string_value": "string_value",
}
_ANSWERS: dict[int, tuple[str, str]] = {
    types_pb2.BOOLEAN: ("bool_value", "yes or no (bool)"),
    types_pb2.INTEGER: ("int_value", "a whole number (int)"),
    types_pb2.FLOAT: ("float_value", "a number (float)"),
    types_pb2.STRING: ("string_value", "a text (str)"),
}
