"""Inputs and outputs of a function, as its signature and type hints tell them."""

import inspect
import types
import typing
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, Final

from flyte.errors import DeclarationError
from flyte_core.frozen import frozen

REQUIRED: Final = inspect.Parameter.empty
"""Stands for the default of an input that has none."""


class Shape(Enum):
    """How the outputs of a task stand in what its function returns."""

    NOTHING = "nothing"
    SINGLE = "single"
    TUPLE = "tuple"
    NAMED = "named"


@frozen
class Input:
    """One parameter. `type` is its evaluated hint; `Any` when it has none."""

    name: str
    type: Any
    default: Any = REQUIRED
    hinted: bool = True
    positional_only: bool = False
    keyword_only: bool = False

    @property
    def required(self) -> bool:
        return self.default is REQUIRED


@frozen
class Output:
    name: str
    type: Any


class NativeInterface:
    """What a task takes and returns, in Python's own types.

    Outputs are called `o0`, `o1`, ... or, for a NamedTuple, as its fields. A function without a
    return hint has one output of any type; one that is declared to return `None` has none.
    """

    __slots__ = (
        "_defaults",
        "_known",
        "_names",
        "_passed_by_position",
        "_signature",
        "by_name",
        "inputs",
        "outputs",
        "positional",
        "returns",
        "shape",
        "task_name",
    )

    def __init__(self, task_name: str, func: Callable[..., Any], *, as_list: bool = False) -> None:
        """Read a function. With `as_list` it is a generator, whose items are returned as one list."""
        self.task_name = task_name
        self._signature = signature = inspect.signature(func)
        hints = _hints(task_name, func)
        self.inputs = tuple(_input(each, hints) for each in signature.parameters.values())
        returns = hints.get("return", Any)
        self.returns: Any = list[(typing.get_args(returns) or (Any,))[0]] if as_list else returns  # type: ignore[misc]
        self.shape, self.outputs = _outputs(self.returns)
        self._names = tuple(each.name for each in self.inputs)
        self._known = frozenset(self._names)
        self.positional = tuple(each.name for each in self.inputs if not each.keyword_only)
        self.by_name = tuple(each.name for each in self.inputs if each.keyword_only)
        self._defaults = {each.name: each.default for each in self.inputs if not each.required}
        self._passed_by_position = tuple(each.name for each in self.inputs if each.positional_only)

    def bind(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """Every input by name, defaults filled in, in no particular order.

        Raises:
            TypeError: an argument is missing, unknown or given twice, as a call of the function would.
        """
        if len(args) > len(self.positional):
            self._refuse(args, kwargs)
        values = dict(zip(self.positional, args, strict=False))
        if kwargs:
            if self._passed_by_position or not (
                self._known >= kwargs.keys() and values.keys().isdisjoint(kwargs)
            ):
                return self._bind_slowly(args, kwargs)
            values.update(kwargs)
        if len(values) != len(self._names):
            values = {**self._defaults, **values}
            if len(values) != len(self._names):
                self._refuse(args, kwargs)
        return values

    def arguments(self, values: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """What to call the function with, for inputs by name. Takes `values` over."""
        if not self._passed_by_position:
            return (), values
        return tuple(values.pop(name) for name in self._passed_by_position), values

    def _bind_slowly(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        try:
            bound = self._signature.bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(f"{self.task_name}(): {error}") from None
        bound.apply_defaults()
        return dict(bound.arguments)

    def _refuse(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> typing.NoReturn:
        self._bind_slowly(args, kwargs)
        raise TypeError(f"{self.task_name}(): the arguments do not fit its signature {self._signature}")


class DeclaredInterface(NativeInterface):
    """What a task takes and returns that is no function: types by name. Names need not be Python's."""

    __slots__ = ()

    def __init__(
        self, task_name: str, inputs: Mapping[str, Any], defaults: Mapping[str, Any], returns: Any
    ) -> None:
        self.task_name = task_name
        self.inputs = tuple(
            Input(name, hint, defaults.get(name, REQUIRED), keyword_only=True)
            for name, hint in inputs.items()
        )
        self.returns = returns
        self.shape, self.outputs = _outputs(returns)
        self._names = self.by_name = tuple(inputs)
        self._known = frozenset(inputs)
        self.positional = self._passed_by_position = ()
        self._defaults = {each.name: each.default for each in self.inputs if not each.required}

    def _bind_slowly(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        missing = [each.name for each in self.inputs if each.required and each.name not in kwargs]
        told = ", ".join(map(repr, kwargs.keys() - self._known or missing))
        if args:
            raise TypeError(f"{self.task_name}() takes its inputs by name: {', '.join(self._names)}")
        what = "has no input" if kwargs.keys() - self._known else "lacks its input"
        raise TypeError(f"{self.task_name}() {what} {told}")


def check(name: str, func: Callable[..., Any]) -> None:
    """Refuse what cannot be a task.

    Raises:
        DeclarationError: no function, a generator, or with parameters that have no name of their own.
    """
    if not inspect.isroutine(func) and not inspect.isfunction(func):
        raise DeclarationError(
            f"{name} is declared a task, but {func!r} is no function.", hint="Decorate a def or an async def."
        )
    if inspect.isgeneratorfunction(func) or inspect.isasyncgenfunction(func):
        raise DeclarationError(
            f"Task {name} is a generator; a task returns its result as a whole.",
            hint="Return a list instead.",
        )
    for parameter in inspect.signature(func).parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise DeclarationError(
                f"Task {name} takes {parameter}; every input of a task needs a name of its own.",
                hint=f"Declare `{parameter.name}: list[...]` or `dict[str, ...]` instead.",
            )


def _hints(task_name: str, func: Callable[..., Any]) -> dict[str, Any]:
    try:
        hints = typing.get_type_hints(func, include_extras=True)
    except NameError as error:
        raise DeclarationError(
            f"A type hint of task {task_name} cannot be evaluated: {error}.",
            hint="Import the name at the top of the module, not under `if TYPE_CHECKING`.",
        ) from error
    except TypeError as error:
        raise DeclarationError(f"A type hint of task {task_name} is none: {error}.") from error
    return hints


def _input(parameter: inspect.Parameter, hints: dict[str, Any]) -> Input:
    hint = hints.get(parameter.name, Any)
    if parameter.default is None and not _takes_none(hint):
        hint = hint | None if isinstance(hint, type | types.UnionType) else typing.Optional[hint]  # noqa: UP045
    return Input(
        name=parameter.name,
        type=hint,
        default=parameter.default,
        hinted=parameter.name in hints,
        positional_only=parameter.kind is parameter.POSITIONAL_ONLY,
        keyword_only=parameter.kind is parameter.KEYWORD_ONLY,
    )


def _takes_none(hint: Any) -> bool:
    """Whether None is a value of the hint. `x: int = None` is meant to take it, and says not so."""
    if hint is None or hint is Any or hint is object or hint is types.NoneType:
        return True
    return any(map(_takes_none, typing.get_args(hint))) and typing.get_origin(hint) in (
        typing.Union,
        types.UnionType,
        typing.Annotated,
    )


def _outputs(returns: Any) -> tuple[Shape, tuple[Output, ...]]:
    if returns is None or returns is types.NoneType:
        return Shape.NOTHING, ()
    bare = typing.get_args(returns)[0] if typing.get_origin(returns) is typing.Annotated else returns
    if isinstance(bare, type) and issubclass(bare, tuple) and hasattr(bare, "_fields"):
        hints = typing.get_type_hints(bare, include_extras=True)
        names: tuple[str, ...] = bare._fields
        return Shape.NAMED, tuple(Output(name, hints.get(name, Any)) for name in names)
    if typing.get_origin(bare) is tuple:
        items = typing.get_args(bare)
        if items and Ellipsis not in items and items != ((),):
            return Shape.TUPLE, tuple(Output(f"o{index}", each) for index, each in enumerate(items))
    return Shape.SINGLE, (Output("o0", returns),)
