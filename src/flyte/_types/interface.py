"""All inputs, or all outputs, of a task at once."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from flyteidl2.core.interface_pb2 import TypedInterface, Variable, VariableMap
from flyteidl2.task.common_pb2 import Inputs, Outputs
from google.protobuf.message import DecodeError

from flyte._authoring.interface import NativeInterface, Shape
from flyte._types.codec import Codec, Mismatch
from flyte._types.engine import codec_of
from flyte.errors import RuntimeDataValidationError
from flyte_core.wire.literals import canonical


class Encoded(NamedTuple):
    """Inputs as bytes, and what each of them hashes as."""

    data: bytes
    canonical: list[tuple[str, bytes]]


class InterfaceCodec:
    """Converts what a task takes and returns; made once for each task."""

    def __init__(self, interface: NativeInterface) -> None:
        self.task_name = interface.task_name
        self.inputs: tuple[tuple[str, Codec[Any]], ...] = tuple(
            (each.name, codec_of(each.type)) for each in interface.inputs
        )
        self.outputs: tuple[tuple[str, Codec[Any]], ...] = tuple(
            (each.name, codec_of(each.type)) for each in interface.outputs
        )
        self._by_name = dict(self.inputs)
        self._defaults = {each.name: each.default for each in interface.inputs if not each.required}
        self._shape = interface.shape
        self._returns = interface.returns

    def encode_inputs(self, values: Mapping[str, Any], context: Mapping[str, str]) -> Encoded:
        """Serialized `flyteidl2.task.Inputs`.

        Raises:
            RuntimeDataValidationError: a value is not of its input's type.
        """
        message = Inputs()
        add = message.literals.add
        hashed: list[tuple[str, bytes]] = []
        name = ""
        try:
            for name, codec in self.inputs:
                named = add()
                named.name = name
                literal = named.value
                codec.fill(literal, values[name])
                hashed.append((name, canonical(literal)))
        except Mismatch as error:
            raise self._refusal(error.at(name)) from None
        for key, value in context.items():
            message.context.add(key=key, value=value)
        return Encoded(message.SerializeToString(), hashed)

    def decode_inputs(self, data: bytes) -> tuple[dict[str, Any], dict[str, str]]:
        """Inputs by name, and the custom context that came with them.

        An input that is not there has its default; one that is unknown is refused.

        Raises:
            RuntimeDataValidationError: the bytes do not fit the task.
        """
        message = self._parsed(Inputs, data)
        values: dict[str, Any] = {}
        name = ""
        try:
            for named in message.literals:
                name = named.name
                codec = self._by_name.get(name)
                if codec is None:
                    raise self._problem(f"it has no input {name!r}")
                values[name] = codec.read(named.value)
        except Mismatch as error:
            raise self._refusal(error.at(name)) from None
        if len(values) != len(self.inputs):
            values = {**self._defaults, **values}
            missing = [name for name, _ in self.inputs if name not in values]
            if missing:
                raise self._problem(f"no value came for {', '.join(missing)}")
        context = {each.key: each.value for each in message.context} if message.context else {}
        return values, context

    def inputs_from_json(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Inputs by name, for JSON that a person or another program wrote; defaults are left out.

        Raises:
            RuntimeDataValidationError: a name is unknown, or a value stands for none of its type.
        """
        values = {}
        for name, each in data.items():
            codec = self._by_name.get(name)
            if codec is None:
                raise self._problem(
                    f"it has no input {name!r}; its inputs: {', '.join(self._by_name) or 'none'}"
                )
            try:
                values[name] = codec.from_json(each)
            except Mismatch as error:
                raise self._refusal(error.at(name)) from None
        return values

    def encode_outputs(self, result: Any) -> bytes:
        """Serialized `flyteidl2.task.Outputs` of what the body returned.

        Raises:
            RuntimeDataValidationError: it is not what the task is declared to return.
        """
        message = Outputs()
        values = self._spread(result)
        name = ""
        try:
            for (name, codec), value in zip(self.outputs, values, strict=True):
                named = message.literals.add()
                named.name = name
                codec.fill(named.value, value)
        except Mismatch as error:
            raise self._refusal(error.at(name), "returned") from None
        return message.SerializeToString()

    def decode_outputs(self, data: bytes) -> Any:
        """What the body returned.

        Raises:
            RuntimeDataValidationError: the bytes do not fit the task.
        """
        values = self.decode_each_output(data)
        if self._shape is Shape.SINGLE:
            return values[0]
        if self._shape is Shape.NOTHING:
            return None
        return tuple(values) if self._shape is Shape.TUPLE else self._returns(*values)

    def decode_each_output(self, data: bytes) -> list[Any]:
        """The outputs one by one, in order.

        Raises:
            RuntimeDataValidationError: the bytes do not fit the task.
        """
        found = self._parsed(Outputs, data).literals
        if len(found) != len(self.outputs):
            raise self._problem(f"{len(found)} outputs came instead of {len(self.outputs)}")
        values: list[Any] = []
        try:
            for (_, codec), named in zip(self.outputs, found, strict=True):
                values.append(codec.read(named.value))
        except Mismatch as error:
            raise self._refusal(error.at(self.outputs[len(values)][0]), "returned") from None
        return values

    def typed(self) -> TypedInterface:
        """The interface on the wire."""
        return TypedInterface(inputs=_variables(self.inputs), outputs=_variables(self.outputs))

    def _spread(self, result: Any) -> tuple[Any, ...]:
        if self._shape is Shape.SINGLE:
            return (result,)
        if self._shape is Shape.NOTHING:
            if result is not None:
                raise self._refusal(Mismatch("None", result), "returned")
            return ()
        if not isinstance(result, tuple) or len(result) != len(self.outputs):
            expected = ", ".join(codec.label for _, codec in self.outputs)
            raise self._refusal(Mismatch(f"tuple[{expected}]", result), "returned")
        return result

    def _parsed(self, kind: Any, data: bytes) -> Any:
        try:
            return kind.FromString(data)
        except DecodeError as error:
            raise self._problem(f"the bytes are no {kind.DESCRIPTOR.full_name}") from error

    def _refusal(self, error: Mismatch, verb: str = "") -> RuntimeDataValidationError:
        return self._problem(f"{verb} {error}".strip())

    def _problem(self, what: str) -> RuntimeDataValidationError:
        return RuntimeDataValidationError(f"{self.task_name}: {what}")


def codec_of_task(task: Any) -> InterfaceCodec:
    """The converter of a task's inputs and outputs. Kept with the task."""
    found: InterfaceCodec | None = task.derived.get(InterfaceCodec)
    if found is None:
        found = task.derived[InterfaceCodec] = InterfaceCodec(task.interface)
    return found


def _variables(codecs: tuple[tuple[str, Codec[Any]], ...]) -> VariableMap:
    found = VariableMap()
    for name, codec in codecs:
        found.variables.add(key=name, value=Variable(type=codec.literal_type()))
    return found
