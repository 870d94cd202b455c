"""Running again what a run or an action of it ran: same code, inputs changed or not."""

import asyncio
from collections.abc import Mapping
from dataclasses import field
from typing import Any

from flyteidl2.common import identifier_pb2, run_pb2
from flyteidl2.task import common_pb2, task_definition_pb2
from flyteidl2.task import run_pb2 as task_run_pb2

from flyte_core import naming
from flyte_core.engine import run as runs
from flyte_core.frozen import frozen
from flyte_core.model import (
    ROOT,
    Action,
    ActionKey,
    ActionKind,
    FailedPrecondition,
    RunKey,
    RunMode,
    RunRecord,
)
from flyte_core.wire import actions, fill, specs
from flyte_core.wire.literals import named
from flyte_server.services import creation
from flyte_server.services.context import ServerContext


@frozen
class Again:
    """What is to be different: inputs by name as JSON; the rest stays as it was."""

    inputs: Mapping[str, Any] = field(default_factory=dict)
    recover: bool = False
    """Take over what succeeded and run only the rest."""
    overwrite_cache: bool = False
    labels: Mapping[str, str] | None = None
    """Instead of the old run's; None: those."""
    env: Mapping[str, str] = field(default_factory=dict)
    """Environment variables on top of the old run's."""


async def rerun(context: ServerContext, key: ActionKey, again: Again) -> RunKey:
    """A new run of what `key` ran; of the root: of the whole run.

    Raises:
        NotFound: there is no such action, or its inputs are gone.
        FailedPrecondition: it is no task, or belongs to a local run, or cannot be recovered.
        InvalidArgument: an input does not fit.
    """
    wanted = await asyncio.to_thread(_wanted, context, key, again)
    new = await asyncio.to_thread(creation.prepare, context, wanted, None)
    change = await context.transactor.change(runs.create_run, new)
    return change.actions[0].key.run


def _wanted(context: ServerContext, key: ActionKey, again: Again) -> creation.Wanted:
    action, record = context.action(key), context.view(key.run).record
    _check(action, record, again)
    task = task_of(action)
    kinds = {each.key: each.value.type for each in task.task_template.interface.inputs.variables}
    message = common_pb2.Inputs.FromString(context.values.load(action, "inputs"))
    old = {each.name: each.value for each in named(message.SerializeToString(), "inputs")}
    literals = fill.values(kinds, old, again.inputs)
    del message.literals[:]
    message.literals.extend(
        common_pb2.NamedLiteral(name=name, value=value) for name, value in literals.items()
    )
    return creation.Wanted(
        key=RunKey(key.run.project, key.run.domain, naming.new_run_name(context.random)),
        spec=action.spec.template,
        run_spec=_run_spec(record, again),
        inputs=message.SerializeToString(deterministic=True),
        interpreter=record.interpreter,
    )


def task_of(action: Action) -> task_definition_pb2.TaskSpec:
    """The task as it was submitted."""
    message = specs.message_of(action.spec, ActionKind.TASK)
    assert isinstance(message, task_definition_pb2.TaskSpec)
    return message


def _check(action: Action, record: RunRecord, again: Again) -> None:
    name = record.key.name
    if action.kind is not ActionKind.TASK:
        raise FailedPrecondition(
            f"{action.key.name} is a {action.kind}; only the call of a task can be run by itself.",
            hint="Rerun the action that made it.",
        )
    if record.mode is RunMode.LOCAL:
        raise FailedPrecondition(
            f"Run {name} was run by a process of its own; the server does not have its code.",
            hint="Start it again where its file is: `flyte run --local FILE TASK`.",
        )
    if again.recover and action.key.name != ROOT:
        raise FailedPrecondition(
            "Only a whole run can be recovered: what succeeded is found by its name, and names begin at the root.",
            hint="Recover the run, or rerun this action.",
        )


def _run_spec(record: RunRecord, again: Again) -> task_run_pb2.RunSpec:
    message = task_run_pb2.RunSpec.FromString(record.run_spec)
    for field_name in ("relation", "recover", "related_to", "run_start_time"):
        message.ClearField(field_name)
    if again.labels is not None:
        message.labels.values.clear()
        message.labels.values.update(again.labels)
    env = {pair.key: pair.value for pair in message.envs.values} | dict(again.env)
    del message.envs.values[:]
    for name, value in env.items():
        message.envs.values.add(key=name, value=value)
    if again.overwrite_cache:
        message.overwrite_cache = True
    key = record.key
    related = identifier_pb2.RunIdentifier(
        org=actions.ORG, project=key.project, domain=key.domain, name=key.name
    )
    kind = actions.relation_number("recover" if again.recover else "rerun")
    message.relation.CopyFrom(run_pb2.Relation(related_to=related, relation_type=kind))
    return message
