"""Submits a run once more, from what a server has of it: the task with its code, the inputs, the options."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from flyteidl2.common import identifier_pb2, run_pb2
from flyteidl2.core.literals_pb2 import KeyValuePair
from flyteidl2.task import common_pb2, task_definition_pb2
from flyteidl2.task import run_pb2 as task_run_pb2
from flyteidl2.workflow import run_service_pb2 as runs

from flyte import _session
from flyte._client import methods
from flyte._client.connect import Connect
from flyte._client.errors import RpcError, for_user
from flyte._remote.current import source_of
from flyte._remote.run import Run
from flyte._remote.submit import connected, name_of
from flyte._types import stored
from flyte._types.codec import Mismatch
from flyte.errors import DeclarationError, RuntimeDataValidationError
from flyte_core.model import Action, ActionKind, RunKey
from flyte_core.wire import actions, specs

if TYPE_CHECKING:
    from flyte._rerun import Repeat
    from flyte._run import RunOptions


async def submit_again(found: "Repeat") -> Run:
    """Create the new run; returns when the server has it on its disk.

    Raises:
        flyte.errors.BaseRuntimeError: an input does not fit, the name is taken, the server refuses.
    """
    options = found.options
    task = task_spec(found.action)
    old = found.view.record.key
    key = RunKey(old.project, old.domain, name_of(options))
    request = runs.CreateRunRequest(
        run_id=actions.run_id(key),
        task_spec=task,
        run_spec=_run_spec(found.view.record.run_spec, options, key),
    )
    config = _session.current().config
    client = await connected(config)
    try:
        if found.data is None and not found.inputs:
            request.offloaded_input_data.uri = await _address(client, found.action)
        else:
            request.inputs.CopyFrom(_inputs(task, found.data or b"", found.inputs, options))
        answer = await client.unary(methods.CREATE_RUN, request)
    except RpcError as error:
        raise for_user(error) from error
    return Run(actions.from_run(answer.run), source_of(config))


def task_spec(action: Action) -> task_definition_pb2.TaskSpec:
    """The task of an action, as it was submitted.

    Raises:
        DeclarationError: it is none.
    """
    if action.kind is not ActionKind.TASK:
        raise DeclarationError(
            f"{action.key.name} is a {action.kind}; only the call of a task can be run by itself.",
            hint=f"List the actions: flyte get action {action.key.run.name}",
        )
    message = specs.message_of(action.spec, ActionKind.TASK)
    assert isinstance(message, task_definition_pb2.TaskSpec)
    return message


async def _address(client: Connect, action: Action) -> str:
    answer = await client.unary(
        methods.GET_ACTION_DATA_URIS,
        runs.GetActionDataURIsRequest(action_id=actions.action_id(action.key)),
    )
    return answer.inputs_uri


def _inputs(
    task: task_definition_pb2.TaskSpec, data: bytes, new: Mapping[str, Any], options: "RunOptions"
) -> common_pb2.Inputs:
    """The old inputs with new values in their places, in the order of the interface."""
    message = common_pb2.Inputs.FromString(data)
    kinds = {each.key: each.value.type for each in task.task_template.interface.inputs.variables}
    unknown = [name for name in new if name not in kinds]
    if unknown:
        raise DeclarationError(
            f"Task {task.task_template.id.name} has no input {unknown[0]!r}.",
            hint=f"Its inputs: {', '.join(kinds) or 'none'}.",
        )
    literals = {each.name: each.value for each in message.literals}
    for name, value in new.items():
        literals[name] = _literal(name, kinds[name], value)
    del message.literals[:]
    for name in [*kinds, *(name for name in literals if name not in kinds)]:
        if name in literals:
            message.literals.add(name=name, value=literals[name])
    context = {pair.key: pair.value for pair in message.context} | dict(options.custom_context)
    del message.context[:]
    message.context.extend(KeyValuePair(key=key, value=value) for key, value in context.items())
    return message


def _literal(name: str, kind: Any, value: Any) -> Any:
    try:
        return stored.literal(kind, value)
    except Mismatch as error:
        raise RuntimeDataValidationError(
            f"Input {name}: {error.at(name)}", hint="Give a value of the input's type."
        ) from error


def _run_spec(data: bytes, options: "RunOptions", key: RunKey) -> task_run_pb2.RunSpec:
    """The old run's options with the new ones on top, and where the new run comes from."""
    message = task_run_pb2.RunSpec.FromString(data)
    for field in ("relation", "recover", "related_to", "run_start_time"):
        message.ClearField(field)
    message.labels.values.update(options.labels)
    message.annotations.values.update(options.annotations)
    env = {pair.key: pair.value for pair in message.envs.values} | dict(options.env_vars)
    del message.envs.values[:]
    message.envs.values.extend(KeyValuePair(key=name, value=value) for name, value in env.items())
    if options.overwrite_cache:
        message.overwrite_cache = True
    if options.max_action_concurrency:
        message.max_action_concurrency = options.max_action_concurrency
    related = identifier_pb2.RunIdentifier(
        org=actions.ORG, project=key.project, domain=key.domain, name=options.related_run
    )
    relation = actions.relation_number(options.relation)
    message.relation.CopyFrom(run_pb2.Relation(related_to=related, relation_type=relation))
    message.recover.force_rerun_actions.extend(options.force_rerun)
    return message
