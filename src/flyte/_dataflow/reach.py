"""Whether a body may call tasks: only then is it worth taking notes."""

import functools
import types
from typing import Any, Final

from flyte._authoring.task import NAMES, Task
from flyte._dataflow.twins import is_users

_DEEP: Final = 12
_MANY: Final = 200
_OURS: Final = frozenset({"aio", "map", "trace"})
"""Attributes that may make calls: `step.aio`, `flyte.map`."""


def may_call(task: "Task[..., Any]") -> bool:
    """Whether the body of a task, or what it calls, names a task or a traced function. Kept with the task."""
    found = task.derived.get(may_call)
    if found is None:
        found = task.derived[may_call] = _Reach().function(task.func)
    return bool(found)


class _Reach:
    def __init__(self) -> None:
        self._seen: set[int] = set()

    def function(self, function: Any, deep: int = _DEEP) -> bool:
        """Whether a function names one, itself or in what it names."""
        if deep < 0 or id(function) in self._seen:
            return False
        self._seen.add(id(function))
        cells = [_content(cell) for cell in function.__closure__ or ()]
        defaults = [*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()]
        return self._code(function.__code__, function.__globals__, deep) or any(
            self._value(each, deep - 1) for each in (*cells, *defaults)
        )

    def _code(self, code: types.CodeType, names: dict[str, Any], deep: int) -> bool:
        for name in code.co_names:
            if name in names:
                if self._value(names[name], deep - 1):
                    return True
            elif name in NAMES or name in _OURS:
                return True
        return any(
            self._code(each, names, deep) for each in code.co_consts if isinstance(each, types.CodeType)
        )

    def _value(self, value: Any, deep: int) -> bool:
        if isinstance(value, Task):
            return True
        if isinstance(value, types.ModuleType):
            return value.__name__ == "flyte"
        if isinstance(value, types.FunctionType):
            if value.__globals__.get("__name__") == "flyte._calls.trace":
                return True
            if not is_users(value.__code__.co_filename):
                wrapped = getattr(value, "__wrapped__", None)
                return isinstance(wrapped, types.FunctionType) and self.function(wrapped, deep)
            return self.function(value, deep)
        if isinstance(value, types.MethodType):
            return self._value(value.__func__, deep) or self._value(value.__self__, deep)
        if isinstance(value, functools.partial):
            return self._value(value.func, deep)
        if isinstance(value, list | tuple | set | frozenset):
            return (
                len(value) <= _MANY and deep > 0 and any(self._value(each, deep - 1) for each in list(value))
            )
        if isinstance(value, dict):
            return (
                len(value) <= _MANY
                and deep > 0
                and any(self._value(e, deep - 1) for e in list(value.values()))
            )
        return self._class(value if isinstance(value, type) else type(value), deep)

    def _class(self, cls: type, deep: int) -> bool:
        if deep < 0 or id(cls) in self._seen or cls.__module__ == "builtins":
            return False
        self._seen.add(id(cls))
        methods = [each for kind in cls.__mro__ for each in vars(kind).values()]
        plain = [getattr(each, "__func__", getattr(each, "fget", each)) for each in methods]
        return any(
            self.function(each, deep)
            for each in plain
            if isinstance(each, types.FunctionType) and is_users(each.__code__.co_filename)
        )


def _content(cell: types.CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return None
