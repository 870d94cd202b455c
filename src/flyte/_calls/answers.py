"""Answers to conditions: which types they may have, how people write them, and their wire form."""

from typing import Final

from flyteidl2.core import literals_pb2, types_pb2
from flyteidl2.task import common_pb2
from flyteidl2.workflow import run_definition_pb2

from flyte.errors import RuntimeDataValidationError
from flyte_core.model import ActionKind, TaskSpec
from flyte_core.wire import specs

Answer = bool | int | float | str

SIMPLE: Final[dict[type, types_pb2.SimpleType]] = {
    bool: types_pb2.BOOLEAN,
    int: types_pb2.INTEGER,
    float: types_pb2.FLOAT,
    str: types_pb2.STRING,
}
_TYPES: Final = {number: kind for kind, number in SIMPLE.items()}
_FIELDS: Final = {bool: "boolean", int: "integer", float: "float_value", str: "string_value"}
_BOOLS: Final = {
    **dict.fromkeys(("y", "yes", "true", "t", "1"), True),
    **dict.fromkeys(("n", "no", "false", "f", "0"), False),
}
_FORMS: Final = {bool: "yes or no", int: "a whole number", float: "a number", str: "a text"}


def question(spec: TaskSpec) -> run_definition_pb2.ConditionAction:
    """What a condition's action was made of."""
    message = specs.message_of(spec, ActionKind.CONDITION)
    assert isinstance(message, run_definition_pb2.ConditionAction)
    return message


def type_of(asked: run_definition_pb2.ConditionAction) -> type:
    """Which type an answer must have; a text where the condition does not say."""
    return _TYPES.get(asked.type.simple, str)


def form(kind: type) -> str:
    """What an answer looks like, in words."""
    return _FORMS[kind]


def parse(text: str, kind: type, name: str) -> Answer:
    """What somebody wrote, as an answer.

    Raises:
        RuntimeDataValidationError: it is none of that type.
    """
    try:
        if kind is bool:
            return _BOOLS[text.strip().lower()]
        if kind is int:
            return int(text.strip())
        if kind is float:
            return float(text.strip())
        return text
    except (KeyError, ValueError):
        raise _misfit(repr(text), kind, name) from None


def check(value: object, kind: type, name: str) -> Answer:
    """A value as an answer; a whole number is a number, too.

    Raises:
        RuntimeDataValidationError: it is of another type.
    """
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, bool | int | float | str) or type(value) is not kind:
        raise _misfit(f"{type(value).__name__} {value!r}", kind, name)
    if kind is int and not -(2**63) <= value < 2**63:  # type: ignore[operator]
        raise _misfit(f"{value}, which does not fit 64 bits", kind, name)
    return value


def encode(value: Answer) -> bytes:
    """An answer as serialized `flyteidl2.task.Outputs`."""
    primitive = literals_pb2.Primitive()
    setattr(primitive, _FIELDS[type(value)], value)
    literal = literals_pb2.Literal(scalar=literals_pb2.Scalar(primitive=primitive))
    outputs = common_pb2.Outputs(literals=[common_pb2.NamedLiteral(name="o0", value=literal)])
    return outputs.SerializeToString(deterministic=True)


def decode(data: bytes) -> Answer:
    """The answer in serialized outputs."""
    primitive = common_pb2.Outputs.FromString(data).literals[0].value.scalar.primitive
    value: Answer = getattr(primitive, primitive.WhichOneof("value"))
    return value


def _misfit(what: str, kind: type, name: str) -> RuntimeDataValidationError:
    return RuntimeDataValidationError(
        f"The condition {name} asks for {form(kind)} ({kind.__name__}); it was given {what}.",
        hint=f"Answer with {form(kind)}.",
    )
