"""What a person may fill in: a task's inputs as fields, a condition's question, with types in words."""

from typing import Any

from flyteidl2.core import literals_pb2, types_pb2
from flyteidl2.task import common_pb2, task_definition_pb2
from flyteidl2.workflow import run_definition_pb2
from google.protobuf.json_format import MessageToDict

from flyte_core.model import Action, ActionKind, FailedPrecondition
from flyte_core.wire import fill, specs
from flyte_core.wire.literals import named, to_json
from flyte_server.console.values import exact, type_name

MAX_DEPTH = 6

_SIMPLE = {
    types_pb2.INTEGER: "int",
    types_pb2.FLOAT: "float",
    types_pb2.STRING: "str",
    types_pb2.BOOLEAN: "bool",
    types_pb2.DATETIME: "datetime",
    types_pb2.DURATION: "duration",
    types_pb2.NONE: "none",
}
_SCHEMA = {"integer": "int", "number": "float", "string": "str", "boolean": "bool", "null": "none"}


def fields(action: Action, data: bytes) -> list[dict[str, object]]:
    """The inputs of a task's action as fields of a form, each with its value of that time."""
    task = specs.message_of(action.spec, ActionKind.TASK)
    assert isinstance(task, task_definition_pb2.TaskSpec)
    old = {each.name: to_json(each.value) for each in named(data, "inputs")}
    found: list[dict[str, object]] = []
    for each in task.task_template.interface.inputs.variables:
        field: dict[str, object] = {
            "name": each.key,
            "type": type_name(each.value.type),
            "description": each.value.description,
            "widget": widget(each.value.type),
            "given": each.key in old,
        }
        if each.key in old:
            field["value"] = exact(old[each.key])
        found.append(field)
    return found


def widget(kind: types_pb2.LiteralType, depth: int = 0) -> dict[str, Any]:
    """How a value of the type is asked for; `json` where nothing better is known."""
    if depth > MAX_DEPTH:
        return {"kind": "json"}
    match kind.WhichOneof("type"):
        case "simple" if kind.simple in _SIMPLE:
            return {"kind": _SIMPLE[kind.simple]}
        case "simple" if kind.simple == types_pb2.STRUCT and kind.HasField("metadata"):
            schema = MessageToDict(kind.metadata)
            return from_schema(schema, schema.get("$defs", {}), depth)
        case "enum_type":
            return {"kind": "enum", "options": list(kind.enum_type.values)}
        case "collection_type":
            return {"kind": "list", "items": widget(kind.collection_type, depth + 1)}
        case "union_type":
            return _optional([widget(each, depth + 1) for each in kind.union_type.variants])
        case "blob" | "structured_dataset_type":
            return {"kind": "uri"}
        case _:
            return {"kind": "json"}


def from_schema(schema: Any, definitions: Any, depth: int) -> dict[str, Any]:
    """A JSON schema as a widget."""
    if depth > MAX_DEPTH or not isinstance(schema, dict):
        return {"kind": "json"}
    reference = schema.get("$ref")
    if isinstance(reference, str):
        inner = definitions.get(reference.rpartition("/")[2]) if isinstance(definitions, dict) else None
        return from_schema(inner, definitions, depth + 1)
    if isinstance(schema.get("enum"), list) and all(isinstance(each, str) for each in schema["enum"]):
        return {"kind": "enum", "options": schema["enum"]}
    if isinstance(schema.get("anyOf"), list):
        return _optional([from_schema(each, definitions, depth + 1) for each in schema["anyOf"]])
    properties = schema.get("properties")
    if isinstance(properties, dict):
        inner = {name: from_schema(each, definitions, depth + 1) for name, each in properties.items()}
        return {"kind": "object", "fields": inner}
    if schema.get("type") == "array" and "items" in schema:
        return {"kind": "list", "items": from_schema(schema["items"], definitions, depth + 1)}
    return {"kind": _SCHEMA.get(str(schema.get("type")), "json")}


def _optional(variants: list[dict[str, Any]]) -> dict[str, Any]:
    others = [each for each in variants if each["kind"] != "none"]
    if len(others) == 1 and len(variants) == 2:
        return {"kind": "optional", "of": others[0]}
    return {"kind": "json"}


def question(action: Action) -> dict[str, object] | None:
    """What a condition asks."""
    if action.kind is not ActionKind.CONDITION or not action.spec.template:
        return None
    message = _asked(action)
    return {
        "name": message.name or action.spec.task_name,
        "prompt": message.prompt,
        "markdown": message.prompt_type == run_definition_pb2.CONDITION_PROMPT_TYPE_MARKDOWN,
        "description": message.description,
        "type": _SIMPLE.get(message.type.simple, "str"),
    }


def answer(action: Action, value: object) -> bytes:
    """An answer as serialized outputs.

    Raises:
        FailedPrecondition: the action is no condition.
        InvalidArgument: the answer is not of the type that was asked for.
    """
    if action.kind is not ActionKind.CONDITION:
        raise FailedPrecondition(
            f"{action.key.name} is a {action.kind}; only a condition can be answered.",
            hint=f"`flyte get condition {action.key.run.name}` lists what is asked.",
        )
    kind = _asked(action).type
    if kind.simple not in (types_pb2.INTEGER, types_pb2.FLOAT, types_pb2.BOOLEAN):
        kind = types_pb2.LiteralType(simple=types_pb2.STRING)
    literal: literals_pb2.Literal = fill.literal(kind, value, "The answer")
    outputs = common_pb2.Outputs(literals=[common_pb2.NamedLiteral(name="o0", value=literal)])
    return outputs.SerializeToString(deterministic=True)


def _asked(action: Action) -> run_definition_pb2.ConditionAction:
    message = specs.message_of(action.spec, ActionKind.CONDITION)
    assert isinstance(message, run_definition_pb2.ConditionAction)
    return message
