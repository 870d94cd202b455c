"""Inputs and outputs as Python values, for people who ask a handle for them."""

import contextlib
import json
import pickle
from collections.abc import Callable, Generator, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Self

import msgpack
from flyteidl2.core.literals_pb2 import Literal, Scalar
from flyteidl2.core.types_pb2 import BlobType

from flyte.errors import RuntimeDataValidationError
from flyte_core.wire import literals

if TYPE_CHECKING:
    from flyte._authoring.task import Task
    from flyte._types.interface import InterfaceCodec


class Awaitable:
    """For what a blocking call has brought already: awaiting it gives itself.

    So `await details.outputs()` does what `await details.outputs.aio()` does, but for the loop,
    which stands still meanwhile.
    """

    def __await__(self) -> Generator[Any, None, Self]:
        yield from ()
        return self


class Values(dict[str, Any], Awaitable):
    """Inputs or outputs by name."""

    def to_dict(self) -> dict[str, Any]:
        return dict(self)

    def to_json(self) -> str:
        """As JSON; what JSON has no word for is its `str`."""
        return json.dumps(self, default=str)


class Struct(dict[str, Any]):
    """A structure whose class is not known here: a dict, whose fields can be read as attributes, too."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(
                f"there is no field {name!r}; there are {', '.join(map(str, self))}"
            ) from None


class ActionInputs(Values):
    """What an action was called with, by parameter name."""


class ActionOutputs(tuple[Any, ...], Awaitable):
    """What an action returned, in order: `outputs()[0]` is the first. `(None,)` when it returns nothing.

    Outputs without a name of their own are called `o0`, `o1`, ...; each is an attribute as well, by its
    name or its number: `outputs().o0`. A single one is also equal to its value, and may be passed to
    `flyte.run` as it is.
    """

    named_outputs: dict[str, Any]

    def __new__(cls, named: Iterable[tuple[str, Any]]) -> Self:
        pairs = dict(named)
        self = super().__new__(cls, tuple(pairs.values()) or (None,))
        self.named_outputs = pairs
        return self

    def __getattr__(self, name: str) -> Any:
        named = self.__dict__.get("named_outputs", {})
        numbered = {f"o{at}": value for at, value in enumerate(self)}
        try:
            return {**numbered, **named}[name]
        except KeyError:
            raise AttributeError(
                f"There is no output {name!r}; there are: {', '.join(named) or 'none'}."
            ) from None

    def __eq__(self, other: object) -> bool:
        if tuple.__eq__(self, other) is True:
            return True
        return bool(self[0] == other) if len(self) == 1 else False

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = tuple.__hash__

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (list(self.named_outputs.items()),)

    def to_dict(self) -> dict[str, Any]:
        return dict(self.named_outputs)

    def to_json(self) -> str:
        """As JSON; what JSON has no word for is its `str`."""
        return json.dumps(self.named_outputs, default=str)


def argument(task: "Task[..., Any]", name: str, value: Any) -> Any:
    """An argument of a run: of an action's only output the value, of a structure one of the declared class."""
    if isinstance(value, ActionOutputs) and len(value) == 1:
        value = value[0]
    if isinstance(value, Struct):
        from flyte._types.codec import Mismatch
        from flyte._types.interface import codec_of_task

        codec = dict(codec_of_task(task).inputs).get(name)
        with contextlib.suppress(Mismatch):
            return value if codec is None else codec.from_json(value)
    return value


def decode_inputs(data: bytes, codec: "InterfaceCodec | None") -> ActionInputs:
    """Serialized `flyteidl2.task.Inputs` as values.

    `codec` is the task's own, where it is at hand: then every value has its declared type. Without
    it the literals are taken for what they look like: structures are dicts with attributes, files and
    data frames references, enum members their names.

    Raises:
        RuntimeDataValidationError: a value cannot be read here.
    """
    if codec is not None:
        values, _ = codec.decode_inputs(data)
        return ActionInputs(values)
    return ActionInputs(
        (named.name, _guessed(named.name, named.value)) for named in literals.named(data, "inputs")
    )


def decode_outputs(data: bytes, codec: "InterfaceCodec | None") -> ActionOutputs:
    """The same for serialized `flyteidl2.task.Outputs`."""
    if codec is not None:
        values = codec.decode_each_output(data)
        return ActionOutputs(zip((name for name, _ in codec.outputs), values, strict=True))
    return ActionOutputs(
        (named.name, _guessed(named.name, named.value)) for named in literals.named(data, "outputs")
    )


def literals_of(data: bytes, role: literals.Kind) -> Values:
    """Serialized inputs or outputs as literals, by name."""
    return Values((named.name, named.value) for named in literals.named(data, role))


def typed(
    data: bytes,
    role: literals.Kind,
    types: Mapping[str, Any],
    deserializers: Mapping[type, Callable[[Any], Any]],
) -> Values:
    """Those of serialized inputs or outputs whose types are given. The others are not looked at.

    Raises:
        RuntimeDataValidationError: a value is not of its type.
    """
    from flyte._types.codec import Mismatch
    from flyte._types.engine import codec_of

    found = Values()
    for name, literal in literals_of(data, role).items():
        if name not in types:
            continue
        kind = types[name]
        if isinstance(kind, type) and kind in deserializers:
            found[name] = deserializers[kind](_guessed(name, literal))
            continue
        try:
            found[name] = codec_of(kind).read(literal)
        except Mismatch as error:
            raise RuntimeDataValidationError(f"{role}: {error.at(name)}") from None
    return found


def _guessed(name: str, literal: Literal) -> Any:
    try:
        return guess(literal)
    except Exception as error:
        raise RuntimeDataValidationError(
            f"The value of {name} cannot be read here: {type(error).__name__}: {error}",
            hint="It may be of a class that this process cannot import. As text: flyte get io RUN ACTION",
        ) from error


def guess(literal: Literal) -> Any:
    """The value a literal looks like, without knowing its type."""
    kind = literal.WhichOneof("value")
    if kind == "scalar":
        return _scalar(literal, literal.scalar)
    if kind == "collection":
        return [guess(each) for each in literal.collection.literals]
    if kind == "map":
        found = literal.map.literals
        return {key: guess(found[key]) for key in literals.ordered_keys(literal)}
    return None if kind is None else literals.to_json(literal)


def _scalar(literal: Literal, scalar: Scalar) -> Any:
    kind = scalar.WhichOneof("value")
    if kind == "primitive":
        return _primitive(literal, scalar.primitive.WhichOneof("value"))
    if kind == "union":
        return guess(scalar.union.value)
    if kind == "binary":
        binary = scalar.binary
        if binary.tag == "msgpack":
            return _unpacked(literals.unpack(binary.value))
        return binary.value if binary.tag == "bytes" else pickle.loads(binary.value)
    if kind in ("blob", "structured_dataset"):
        return _reference(literal, scalar)
    return literals.to_json(literal)


def _reference(literal: Literal, scalar: Scalar) -> Any:
    """A file, a directory, a data frame; or a pickle in a file."""
    from flyte._types import pickles
    from flyte._types.engine import codec_of
    from flyte.io import DataFrame, Dir, File

    if scalar.HasField("structured_dataset"):
        return codec_of(DataFrame).read(literal)
    kind = scalar.blob.metadata.type
    if kind.format == pickles.FORMAT:
        return codec_of(Any).read(literal)
    return codec_of(Dir if kind.dimensionality == BlobType.MULTIPART else File).read(literal)


def _primitive(literal: Literal, kind: str | None) -> Any:
    if kind == "datetime":
        from flyte._types.times import DateCodec, DatetimeCodec

        day = literal.metadata.get(literals.TIME_ZONE, "") == "date"
        return DateCodec().read(literal) if day else DatetimeCodec().read(literal)
    if kind == "duration":
        from flyte._types.times import TimedeltaCodec

        return TimedeltaCodec().read(literal)
    return None if kind is None else getattr(literal.scalar.primitive, kind)


def _unpacked(value: Any) -> Any:
    if isinstance(value, dict):
        return Struct(
            (key, _unpacked(each))
            for key, each in value.items()
            if not (isinstance(key, str) and key.startswith(literals.HIDDEN))
        )
    if isinstance(value, list):
        return [_unpacked(each) for each in value]
    if isinstance(value, msgpack.ExtType):
        if value.code == literals.LITERAL:
            return guess(Literal.FromString(value.data))
        from flyte._types.engine import codec_of

        return codec_of(Any).unpack(value)
    return value
