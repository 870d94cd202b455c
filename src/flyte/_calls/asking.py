"""The call that a condition is: its spec and its name."""

from typing import TYPE_CHECKING, Any

from flyteidl2.core import types_pb2
from flyteidl2.workflow import run_definition_pb2
from google.protobuf import struct_pb2

from flyte._calls.answers import SIMPLE
from flyte._context import TaskContext
from flyte._controller.protocol import Submission
from flyte._controller.spec import duration
from flyte_core import naming
from flyte_core.model import ActionKind
from flyte_core.wire import specs

if TYPE_CHECKING:
    from flyte._calls.condition import Condition

_PROMPTS = {
    "text": run_definition_pb2.CONDITION_PROMPT_TYPE_TEXT,
    "markdown": run_definition_pb2.CONDITION_PROMPT_TYPE_MARKDOWN,
}


def submission(context: TaskContext, condition: "Condition[Any]") -> Submission:
    """The call, named by the condition's name: a later attempt that asks again finds it."""
    identity = naming.task_identity(f"condition:{condition.name}", "", "")
    inputs = naming.inputs_hash([])
    repeat = context.repeat(identity, inputs, context.group)
    return Submission(
        name=naming.action_name(context.name, inputs, identity, repeat, context.group),
        kind=ActionKind.CONDITION,
        spec=specs.task_spec(_message(condition), ActionKind.CONDITION),
        inputs=b"",
        group=context.group,
    )


def _message(condition: "Condition[Any]") -> run_definition_pb2.ConditionAction:
    message = run_definition_pb2.ConditionAction(
        name=condition.name,
        type=types_pb2.LiteralType(simple=SIMPLE[condition.data_type]),
        prompt=condition.prompt,
        prompt_type=_PROMPTS[condition.prompt_type],
        description=condition.description,
        timeout=duration(condition.timeout),
    )
    if condition.webhook is not None:
        message.webhook.url = condition.webhook.url
        if condition.webhook.payload is not None:
            message.webhook.payload.CopyFrom(_struct(condition.webhook.payload))
    return message


def _struct(payload: dict[str, Any]) -> struct_pb2.Struct:
    found = struct_pb2.Struct()
    found.update(payload)
    return found
