"""Transformers: how users and plugins teach the type system a class of their own.

`TypeEngine` is also how a transformer asks for the literals of the values that its own are made of.
"""

import asyncio
import contextvars
import os
import threading
import typing
from abc import ABC, abstractmethod
from collections.abc import Coroutine, KeysView, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from html import escape
from typing import Annotated, Any, Generic, Protocol, TypeVar, runtime_checkable

from flyteidl2.core.interface_pb2 import Variable, VariableEntry
from flyteidl2.core.literals_pb2 import Literal, LiteralMap
from flyteidl2.core.types_pb2 import LiteralType, SimpleType

from flyte._types import engine, families
from flyte._types.codec import Codec, LiteralCodec, Mismatch
from flyte.errors import RestrictedTypeError

T = TypeVar("T")
R = TypeVar("R")


class TypeTransformerFailedError(TypeError, AssertionError, ValueError):
    """A value is not of its type, or cannot be converted."""


@runtime_checkable
class Renderable(Protocol):
    """Shows values as HTML; stands in `Annotated[T, renderer]`."""

    def to_html(self, python_value: Any) -> str: ...


class TypeTransformer(ABC, Generic[T]):
    """Converts the values of one class. Inherit from it, then `TypeEngine.register(MyTransformer())`.

    Args:
        name: What unions call the class on the wire.
        t: The class.
        enable_type_assertions: Refuse values that are no instances of it before they are converted.
    """

    def __init__(self, name: str, t: type[T], enable_type_assertions: bool = True) -> None:
        self._name = name
        self._t = t
        self._assertions = enable_type_assertions

    @property
    def name(self) -> str:
        return self._name

    @property
    def python_type(self) -> type[T]:
        return self._t

    @property
    def type_assertions_enabled(self) -> bool:
        return self._assertions

    def assert_type(self, t: Any, v: Any) -> None:
        """Refuse a value that is not of the class.

        Raises:
            TypeTransformerFailedError: it is not.
        """
        if not isinstance(v, self._t):
            raise TypeTransformerFailedError(f"expected {self._t.__name__}, got {type(v).__name__}")

    @abstractmethod
    def get_literal_type(self, t: type[T]) -> LiteralType:
        """The class on the wire."""

    @abstractmethod
    async def to_literal(self, python_val: T, python_type: type[T], expected: LiteralType) -> Literal:
        """A value on the wire."""

    @abstractmethod
    async def to_python_value(self, lv: Literal, expected_python_type: type[T]) -> T | None:
        """The value that `to_literal` was given."""

    def guess_python_type(self, literal_type: LiteralType) -> type[T]:
        """The class that a type on the wire stands for.

        Raises:
            ValueError: it stands for none of this transformer's.
        """
        raise ValueError(f"{self._name} does not know what this type on the wire is.")

    def to_html(self, python_val: T, expected_python_type: type[T]) -> str:
        """The value for people."""
        return escape(str(python_val))


class TransformerCodec(LiteralCodec[Any]):
    """A transformer in the place of a codec."""

    def __init__(self, transformer: TypeTransformer[Any], hint: Any) -> None:
        self._transformer = transformer
        self._hint = hint
        self.label = transformer.name

    def literal_type(self) -> LiteralType:
        return self._transformer.get_literal_type(self._hint)

    def matches(self, value: Any) -> bool:
        return isinstance(value, self._transformer.python_type)

    def fill(self, literal: Literal, value: Any) -> None:
        try:
            if self._transformer.type_assertions_enabled:
                self._transformer.assert_type(self._hint, value)
            made = self._transformer.to_literal(value, self._hint, self.literal_type())
            literal.CopyFrom(wait(made))
        except (TypeError, ValueError, AssertionError) as error:
            self.refuse(value, str(error))

    def read(self, literal: Literal) -> Any:
        try:
            return wait(self._transformer.to_python_value(literal, self._hint))
        except (TypeError, ValueError, AssertionError) as error:
            raise Mismatch(self.label, literal, str(error)) from error


class CodecTransformer(TypeTransformer[Any]):
    """A codec in the place of a transformer, for those who ask the engine for one."""

    def __init__(self, codec: Codec[Any], kind: Any) -> None:
        super().__init__(codec.label, kind)
        self._codec = codec

    def assert_type(self, t: Any, v: Any) -> None:
        if not self._codec.matches(v):
            raise TypeTransformerFailedError(f"expected {self.name}, got {type(v).__name__}")

    def get_literal_type(self, t: Any) -> LiteralType:
        return self._codec.literal_type()

    async def to_literal(self, python_val: Any, python_type: Any, expected: LiteralType) -> Literal:
        return await TypeEngine.to_literal(python_val, python_type, expected)

    async def to_python_value(self, lv: Literal, expected_python_type: Any) -> Any:
        return await TypeEngine.to_python_value(lv, expected_python_type)


class TypeEngine:
    """Chooses what converts a type. All of it is on the class."""

    @classmethod
    def register(
        cls, transformer: TypeTransformer[Any], additional_types: Sequence[type] | None = None
    ) -> None:
        """Use the transformer for its class, for classes that inherit from it, and for these others.

        What was registered before for the same class is replaced.
        """
        for each in (transformer.python_type, *(additional_types or ())):
            cls.register_additional_type(transformer, each, override=True)

    @classmethod
    def register_additional_type(
        cls, transformer: TypeTransformer[Any], additional_type: type, override: bool = False
    ) -> None:
        """Use the transformer for another class, unless that has one; with `override`, in any case."""
        if not override and families.find(additional_type) is not None:
            return
        _transformers[additional_type] = transformer
        families.register(additional_type, lambda kind, hint: TransformerCodec(transformer, hint))
        engine.forget()

    @classmethod
    def register_restricted_type(cls, name: str, type: type) -> None:
        """Refuse a class in the signatures of tasks."""

        def refuse(kind: Any, hint: Any) -> Codec[Any]:
            raise RestrictedTypeError(
                f"The type {name} cannot be an input or output of a task.", hint="Use another type."
            )

        families.register(type, refuse)
        engine.forget()

    @classmethod
    def get_transformer(cls, python_type: Any) -> TypeTransformer[Any]:
        """What converts a type."""
        codec = engine.codec_of(python_type)
        if isinstance(codec, TransformerCodec):
            return codec._transformer
        return CodecTransformer(codec, python_type)

    @classmethod
    def get_available_transformers(cls) -> KeysView[type]:
        """The classes that transformers were registered for."""
        families.load_plugins()
        return _transformers.keys()

    @classmethod
    def lazy_import_transformers(cls) -> None:
        """Let plugins register theirs now; otherwise that is when the first unknown class is met."""
        families.load_plugins()

    @classmethod
    def to_literal_type(cls, python_type: Any) -> LiteralType:
        """A type on the wire."""
        return engine.codec_of(python_type).literal_type()

    @classmethod
    async def to_literal(
        cls, python_val: Any, python_type: Any, expected: LiteralType | None = None
    ) -> Literal:
        """A value on the wire.

        Raises:
            TypeTransformerFailedError: it is not of the type.
        """
        literal = Literal()
        try:
            engine.codec_of(python_type).fill(literal, python_val)
        except Mismatch as error:
            raise TypeTransformerFailedError(str(error)) from None
        return literal

    @classmethod
    async def to_python_value(cls, lv: Literal, expected_python_type: Any) -> Any:
        """The value that a literal is.

        Raises:
            TypeTransformerFailedError: it holds something else.
        """
        try:
            return engine.codec_of(expected_python_type).read(lv)
        except Mismatch as error:
            raise TypeTransformerFailedError(str(error)) from None

    @classmethod
    def to_html(cls, python_val: Any, expected_python_type: Any) -> str:
        """A value for people: as the renderer in `Annotated[T, renderer]` shows it, or its transformer."""
        if typing.get_origin(expected_python_type) is Annotated:
            for note in typing.get_args(expected_python_type)[1:]:
                renderer = note() if isinstance(note, type) and hasattr(note, "to_html") else note
                if isinstance(renderer, Renderable):
                    return renderer.to_html(python_val)
        return cls.get_transformer(expected_python_type).to_html(python_val, expected_python_type)

    @classmethod
    async def dict_to_literal_map(
        cls, d: Mapping[str, Any], type_hints: Mapping[str, Any] | None = None
    ) -> LiteralMap:
        """Values by name on the wire; those without a hint by the types they have."""
        hints = type_hints or {}
        return LiteralMap(
            literals={
                name: await cls.to_literal(value, hints.get(name, type(value))) for name, value in d.items()
            }
        )

    @classmethod
    async def literal_map_to_kwargs(
        cls,
        lm: LiteralMap,
        python_types: Mapping[str, Any] | None = None,
        literal_types: Mapping[str, Variable] | None = None,
    ) -> dict[str, Any]:
        """The values of a map, as the given types, or those that the types on the wire stand for."""
        types = dict(python_types or {})
        for name, variable in (literal_types or {}).items():
            types.setdefault(name, cls.guess_python_type(variable.type))
        return {
            name: await cls.to_python_value(literal, types.get(name, Any))
            for name, literal in lm.literals.items()
        }

    @classmethod
    def guess_python_types(cls, flyte_variable_list: Sequence[VariableEntry]) -> dict[str, Any]:
        """The types that the variables of an interface stand for."""
        return {each.key: cls.guess_python_type(each.value.type) for each in flyte_variable_list}

    @classmethod
    def guess_python_type(cls, flyte_type: LiteralType) -> Any:
        """The type that a type on the wire stands for.

        Raises:
            ValueError: it stands for none.
        """
        which = flyte_type.WhichOneof("type")
        if which == "simple":
            return _simple(flyte_type.simple)
        if which == "collection_type":
            return list[cls.guess_python_type(flyte_type.collection_type)]  # type: ignore[misc]
        if which == "map_value_type":
            return dict[str, cls.guess_python_type(flyte_type.map_value_type)]  # type: ignore[misc]
        if which == "union_type":
            return typing.Union[tuple(map(cls.guess_python_type, flyte_type.union_type.variants))]  # noqa: UP007
        if which == "blob":
            from flyte.io import Dir, File

            return Dir if flyte_type.blob.dimensionality else File
        if which == "structured_dataset_type":
            from flyte.io import DataFrame

            return DataFrame
        if which == "enum_type":
            return typing.Literal[tuple(flyte_type.enum_type.values)]
        for transformer in _transformers.values():
            try:
                return transformer.guess_python_type(flyte_type)
            except ValueError:
                continue
        raise ValueError(f"No type is known for {which}.")


_transformers: dict[type, TypeTransformer[Any]] = {}


def _simple(number: int) -> Any:
    from datetime import datetime, timedelta

    known: dict[int, Any] = {
        SimpleType.NONE: type(None),
        SimpleType.INTEGER: int,
        SimpleType.FLOAT: float,
        SimpleType.STRING: str,
        SimpleType.BOOLEAN: bool,
        SimpleType.DATETIME: datetime,
        SimpleType.DURATION: timedelta,
        SimpleType.BINARY: Any,
        SimpleType.STRUCT: dict,
    }
    if number not in known:
        raise ValueError(f"No type is known for {number}.")
    return known[number]


_pool: tuple[int, ThreadPoolExecutor] | None = None
_guard = threading.Lock()
_inside = threading.local()


def wait(coroutine: Coroutine[Any, Any, R]) -> R:
    """Run a transformer's coroutine to its end, whatever loop the caller may be on.

    It gets a thread; a transformer that asks for values that have transformers, too, one more.
    """
    if getattr(_inside, "busy", False):
        with ThreadPoolExecutor(1) as another:
            return another.submit(contextvars.copy_context().run, _run, coroutine).result()
    return _threads().submit(contextvars.copy_context().run, _run, coroutine).result()


def _run(coroutine: Coroutine[Any, Any, R]) -> R:
    _inside.busy = True
    try:
        return asyncio.run(coroutine)
    finally:
        _inside.busy = False


def _threads() -> ThreadPoolExecutor:
    global _pool
    with _guard:
        if _pool is None or _pool[0] != os.getpid():
            _pool = (os.getpid(), ThreadPoolExecutor(thread_name_prefix="flyte-types"))
        return _pool[1]
