"""Value classes: what `@dataclass(frozen=True, slots=True)` makes, in a sixth of the time.

Every command makes more than a hundred of them before it does anything else, so what one costs is
felt at each start. The standard library compiles every method of every class by itself; here those
that must be fast are compiled together, and all classes share the others.
"""

from dataclasses import MISSING, Field, FrozenInstanceError, dataclass, field, fields
from typing import Any, TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def frozen(cls: type[T]) -> type[T]:
    """Make a class of annotated fields one of values that never change. Its own methods stay as they are."""
    own = cls.__dict__.keys()
    if not cls.__doc__:
        cls.__doc__ = cls.__name__  # else a signature would be worked out
    made: Any = dataclass(init=False, repr=False, eq=False, slots=True)(cls)
    for name, method in {**_compiled(made), **_SHARED}.items():
        if name not in own:
            setattr(made, name, method)
    result: type[T] = made
    return result


def _compiled(made: Any) -> dict[str, Any]:
    parameters, steps = [], []
    scope: dict[str, Any] = {"__name__": made.__module__, "_keep": object.__setattr__}
    for each in fields(made):
        name, value = each.name, each.name
        default = each.default if each.default is not MISSING else each.default_factory
        if default is not MISSING:
            scope[f"_{name}"] = default
            if each.default is MISSING:
                value = f"_{name}() if {name} is _{name} else {name}"
        parameters.append(name if default is MISSING else f"{name}=_{name}")
        steps.append(f"_keep(self, {name!r}, {value})")
    if hasattr(made, "__post_init__"):
        steps.append("self.__post_init__()")
    exec(
        f"def __init__(self, {', '.join(parameters)}):\n {'; '.join(steps) or 'pass'}\n"
        f"def __eq__(self, other):\n"
        f" if other.__class__ is not self.__class__: return NotImplemented\n"
        f" return {_all('self', fields(made))} == {_all('other', fields(made))}\n"
        f"def __hash__(self):\n return hash({_all('self', fields(made))})\n",
        scope,
    )
    return {name: scope[name] for name in ("__init__", "__eq__", "__hash__")}


def _all(of: str, known: tuple[Field[Any], ...]) -> str:
    return f"({''.join(f'{of}.{each.name}, ' for each in known if each.compare)})"


def _repr(self: Any) -> str:
    shown = [f"{each.name}={getattr(self, each.name)!r}" for each in fields(self) if each.repr]
    return f"{type(self).__qualname__}({', '.join(shown)})"


def _refuse_to_set(self: Any, name: str, value: Any) -> None:
    raise FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_to_delete(self: Any, name: str) -> None:
    raise FrozenInstanceError(f"cannot delete field {name!r}")


def _state(self: Any) -> list[Any]:
    return [getattr(self, each.name) for each in fields(self)]


def _restore(self: Any, state: list[Any]) -> None:
    for each, value in zip(fields(self), state, strict=True):
        object.__setattr__(self, each.name, value)


_SHARED = {
    "__repr__": _repr,
    "__setattr__": _refuse_to_set,
    "__delattr__": _refuse_to_delete,
    "__getstate__": _state,
    "__setstate__": _restore,
}
