"""Twins of functions: found, checked and kept.

A twin is made of a function's source, and only when that is certain: compiled as it is, the source
must give the very code that the function has. A file that was changed since, a prompt, `exec`, or
code that something else has rewritten gives no twin.
"""

import ast
import functools
import linecache
import sys
import sysconfig
import threading
import warnings
import weakref
from pathlib import Path
from types import CellType, CodeType, FunctionType
from typing import Any, Final

from flyte._dataflow.rewrite import HOOKS, Rewriter
from flyte._dataflow.scopes import module_names, shadow_name

_LIMIT: Final = 2 << 20
"""Larger sources are nobody's orchestration."""

_codes: dict[int, tuple[CodeType, CodeType | None]] = {}
"""By the id of a code: the code itself, so that the id stays its own, and its twin."""
_files: dict[str, dict[tuple[str, int], tuple[CodeType, CodeType] | None]] = {}
_ours: set[int] = set()
"""Ids of the codes of twins, and of functions inside them."""
_clones: dict[int, "weakref.ref[CodeType]"] = {}
_lock: Final = threading.Lock()
_lines: dict[str, bool] = {}


def is_twin(code: CodeType) -> bool:
    return id(code) in _ours


def twin_of(function: FunctionType) -> FunctionType | None:
    """The twin of a function, bound to the same names; None when there is none."""
    code = function.__code__
    if id(code) in _ours:
        return function
    found = _codes.get(id(code))
    if found is None:
        with _lock:
            found = _codes[id(code)] = code, _twin_code(code)
    twin = found[1]
    if twin is None:
        return None
    made = FunctionType(
        twin, function.__globals__, function.__name__, function.__defaults__, _closure(function, twin)
    )
    made.__kwdefaults__ = function.__kwdefaults__
    made.__qualname__ = function.__qualname__
    return made


def clone(twin: FunctionType) -> FunctionType:
    """A twin with a code of its own, so that its one call can be told from all others."""
    code = twin.__code__.replace()
    key = id(code)
    _ours.add(key)
    _clones[key] = weakref.ref(code, functools.partial(_forget, key))
    made = FunctionType(code, twin.__globals__, twin.__name__, twin.__defaults__, twin.__closure__)
    made.__kwdefaults__ = twin.__kwdefaults__
    made.__qualname__ = twin.__qualname__
    return made


def _forget(key: int, _: object) -> None:
    _ours.discard(key)
    _clones.pop(key, None)


def _closure(function: FunctionType, twin: CodeType) -> tuple[CellType, ...] | None:
    """The function's own cells; shadows of names from outside are not known."""
    if not twin.co_freevars:
        return None
    cells = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))
    return tuple([cells[name] if name in cells else CellType(None) for name in twin.co_freevars])


def is_users(filename: str) -> bool:
    """Whether a file belongs to the user's program, not to Python or a library."""
    found = _lines.get(filename)
    if found is None:
        found = _lines[filename] = bool(filename) and not filename.startswith((*_LIBRARIES, "<frozen"))
    return found


_custom: dict[tuple[int, str], "tuple[weakref.ref[type], Any]"] = {}


def custom(cls: type, name: str) -> Any:
    """The function, property or the like that the user's program defines for a class under a name."""
    key = id(cls), name
    found = _custom.get(key)
    if found is None or found[0]() is not cls:
        found = _custom[key] = weakref.ref(cls), _defined(cls, name)
    return found[1]


def _defined(cls: type, name: str) -> Any:
    for kind in cls.__mro__:
        if name in kind.__dict__:
            function = kind.__dict__[name]
            inner = getattr(function, "fget", None) or getattr(function, "func", function)
            users = type(inner) is FunctionType and is_users(inner.__code__.co_filename)
            return function if users else None
    return None


def _libraries() -> tuple[str, ...]:
    paths = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    paths |= {str(Path(__file__).resolve().parents[1]), str(Path(__file__).parents[1])}
    paths |= {f"{sys.prefix}/lib", f"{sys.base_prefix}/lib"}
    return tuple([f"{path}/" for path in paths if path])


_LIBRARIES: Final = _libraries()


def _twin_code(code: CodeType) -> CodeType | None:
    filename = code.co_filename
    if not is_users(filename) or id(code) in _ours:
        return None
    codes = _files.get(filename)
    if codes is None:
        codes = _files[filename] = _compile(filename)
    pair = codes.get((code.co_qualname, code.co_firstlineno))
    if pair is None or pair[0] != code:
        return None
    if not set(code.co_freevars) <= set(pair[1].co_freevars):
        return None
    return pair[1]


def _compile(filename: str) -> dict[tuple[str, int], tuple[CodeType, CodeType] | None]:
    """Every function of a file with its twin."""
    source = "".join(linecache.getlines(filename))
    if not source or len(source) > _LIMIT:
        return {}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            plain = compile(source, filename, "exec", dont_inherit=True)
            tree = ast.parse(source, filename)
            Rewriter(module_names(tree)).module(tree)
            noted: Any = compile(tree, filename, "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, TypeError):
        return {}
    twins = _by_place(_with_hooks(noted))
    return {
        place: None if code is None or twins.get(place) is None else (code, twins[place])  # type: ignore[misc]
        for place, code in _by_place(plain).items()
    }


def _by_place(module: CodeType) -> dict[tuple[str, int], CodeType | None]:
    """The codes of functions by name and first line; None where there are several."""
    found: dict[tuple[str, int], CodeType | None] = {}
    waiting = [module]
    while waiting:
        for each in waiting.pop().co_consts:
            if isinstance(each, CodeType):
                waiting.append(each)
                place = (each.co_qualname, each.co_firstlineno)
                found[place] = None if place in found else each
    return found


def _with_hooks(code: CodeType) -> CodeType:
    """The code with the hooks in their place."""
    from flyte._dataflow.shadow import hooks

    constants = tuple(
        [
            _with_hooks(each)
            if isinstance(each, CodeType)
            else hooks
            if isinstance(each, str) and each == HOOKS
            else each
            for each in code.co_consts
        ]
    )
    made = code.replace(co_consts=constants)
    if shadow_name(".") in code.co_varnames + code.co_cellvars + code.co_freevars:
        _ours.add(id(made))
        _keep.append(made)
    return made


_keep: list[CodeType] = []
"""Codes of twins live for ever, so that their ids stay their own."""
