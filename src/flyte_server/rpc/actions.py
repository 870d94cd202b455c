"""`flyteidl2.actions.ActionsService`: what the published task runtime says while a parent runs."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from flyteidl2.actions import actions_service_pb2
from flyteidl2.workflow import state_service_pb2

from flyte_core.engine import action as engine
from flyte_core.engine.api import NewAction, TraceResult
from flyte_core.model import (
    Action,
    ActionKey,
    ActionKind,
    InvalidArgument,
    NotFound,
    PayloadRef,
    Phase,
    TaskSpec,
)
from flyte_core.wire import actions as wire
from flyte_core.wire import errors, phases, specs
from flyte_server.rpc import ids
from flyte_server.rpc.runs import condition_value
from flyte_server.services import creation, watch
from flyte_server.services.context import ServerContext
from flyte_server.services.values import INLINE_MAX, digest, sync_file

_Request = actions_service_pb2


class ActionsService:
    def __init__(self, context: ServerContext) -> None:
        self._context = context

    async def enqueue(self, request: _Request.EnqueueRequest) -> _Request.EnqueueResponse:
        message = request.action
        key = ids.action_key(message.action_id)
        parent = ids.action_name(message.parent_action_name)
        child = await asyncio.to_thread(self._child, message, key)
        await self._context.transactor.change(engine.enqueue, key.run, parent, None, [child])
        return _Request.EnqueueResponse()

    async def watch_for_updates(
        self, request: _Request.WatchForUpdatesRequest
    ) -> AsyncIterator[_Request.WatchForUpdatesResponse]:
        parent = ids.action_key(request.parent_action_id)
        self._context.action(parent)
        current = False
        async for changes, whole in watch.children(self._context, parent):
            for update in await asyncio.to_thread(self._updates, changes.actions):
                yield _Request.WatchForUpdatesResponse(action_update=update)
            if whole and not current:
                current = True
                sentinel = state_service_pb2.ControlMessage(sentinel=True)
                yield _Request.WatchForUpdatesResponse(control_message=sentinel)

    async def abort(self, request: _Request.AbortRequest) -> _Request.AbortResponse:
        reason = request.reason or "Its caller stopped waiting for it."
        await self._context.abort_action(ids.action_key(request.action_id), reason)
        return _Request.AbortResponse()

    def _child(self, message: _Request.Action, key: ActionKey) -> NewAction:
        """The call. Its inputs, and the result of a trace, are files that the parent has written."""
        match message.WhichOneof("spec"):
            case "task":
                return self._task(message, key)
            case "trace":
                return self._trace(message, key)
            case "condition":
                spec = specs.task_spec(message.condition, ActionKind.CONDITION)
                return NewAction(key.name, ActionKind.CONDITION, spec, group=message.group)
            case _:
                raise InvalidArgument(f"Action {key.name} is no task, trace or condition.")

    def _task(self, message: _Request.Action, key: ActionKey) -> NewAction:
        spec = specs.task_spec(message.task.spec)
        inputs, ref, data = self._inputs(message.input_uri)
        return NewAction(
            name=key.name,
            kind=ActionKind.TASK,
            spec=spec,
            group=message.group,
            inputs=inputs,
            inputs_ref=ref,
            cache_key=message.task.cache_key.value if spec.policy.cache.enabled else "",
            loose_inputs=creation.loose(spec, data),
        )

    def _inputs(self, uri: str) -> tuple[bytes | None, PayloadRef | None, bytes]:
        if not uri:
            return b"", None, b""
        data, path = self._context.values.from_uri(uri)
        creation.check_inputs(data)
        if len(data) <= INLINE_MAX or path is None:
            return data, None, data
        sync_file(path)
        return None, PayloadRef(digest(data), len(data), str(path)), data

    def _trace(self, message: _Request.Action, key: ActionKey) -> NewAction:
        trace = message.trace
        spec: TaskSpec = specs.task_spec(trace, ActionKind.TRACE)
        uri = trace.outputs.output_uri
        inputs, ref, _ = self._inputs(message.input_uri) if message.input_uri else (b"", None, b"")
        began = wire.micros(trace.start_time)
        ended = wire.micros(trace.end_time) if trace.HasField("end_time") else self._context.clock.now()
        failed = phases.phase_from(trace.phase) is Phase.FAILED
        result = TraceResult(began, max(began, ended), output_uri=uri)
        if failed:
            error = errors.from_document(self._read(self._beside(message, key, uri, "error.pb")))
            result = TraceResult(began, max(began, ended), output_uri=uri, error=error)
        elif uri:
            path = self._context.values.inside(uri)
            data = self._read(path)
            small = len(data) <= INLINE_MAX
            if not small:
                sync_file(path)
            result = TraceResult(
                began,
                max(began, ended),
                outputs=data if small else None,
                outputs_ref=None if small else PayloadRef(digest(data), len(data), str(path)),
                output_uri=uri,
            )
        return NewAction(
            key.name, ActionKind.TRACE, spec, message.group, inputs=inputs, inputs_ref=ref, trace=result
        )

    def _beside(self, message: _Request.Action, key: ActionKey, uri: str, name: str) -> Path:
        base = uri.rpartition("/")[0] or f"{message.run_output_base.rstrip('/')}/{key.name}"
        return self._context.values.inside(f"{base}/{name}")

    def _read(self, path: Path) -> bytes:
        try:
            return path.read_bytes()
        except OSError as cause:
            raise NotFound(f"What the traced call left is not at {path}: {cause.strerror}.") from cause

    def _updates(self, actions: Sequence[Action]) -> list[state_service_pb2.ActionUpdate]:
        return [self._update(action) for action in actions]

    def _update(self, action: Action) -> state_service_pb2.ActionUpdate:
        uri = action.output_uri or str(self._context.layout.attempt(action.key, max(1, len(action.attempts))))
        update = state_service_pb2.ActionUpdate(
            action_id=wire.action_id(action.key), phase=phases.phase_number(action.phase), output_uri=uri
        )
        if action.error is not None and action.phase in (Phase.FAILED, Phase.TIMED_OUT):
            update.error.CopyFrom(errors.to_execution(action.error))
        if action.phase.good:
            if action.kind is ActionKind.CONDITION:
                value = condition_value(self._context, action)
                if value is not None:
                    update.value.CopyFrom(value)
            elif action.outputs is not None:
                # Parents read files; an outcome out of the cache may be kept in the store alone.
                path = Path(uri) if action.kind is ActionKind.TRACE else Path(uri) / "outputs.pb"
                self._context.values.put_file(action, "outputs", path)
        return update
