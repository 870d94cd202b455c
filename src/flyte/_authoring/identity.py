"""What makes two versions of a function the same, and where a task is found again."""

import ast
import hashlib
import inspect
import sys
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any


def body_version(func: Callable[..., Any]) -> str:
    """A digest of the function's parameters and body as parsed: SHA-256, lower-case hex.

    Comments, layout, decorators, type hints of the result and the docstring do not count. Without
    source (an interactive prompt, `exec`) the compiled code counts instead.
    """
    function = inspect.unwrap(func)
    node = _definition(function) if isinstance(function, FunctionType) else None
    if node is not None:
        text = "".join(_dump(node.args)) + "".join(part for each in _body(node) for part in _dump(each))
    elif isinstance(function, FunctionType):
        text = "".join(_compiled(function.__code__))
    else:
        text = repr(function)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _definition(function: FunctionType) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
    code = function.__code__
    try:
        stat = Path(code.co_filename).stat()
        found = _definitions(code.co_filename, stat.st_mtime_ns, stat.st_size)
    except (OSError, SyntaxError, ValueError):
        return None
    return found.get((code.co_firstlineno, function.__name__))


@lru_cache(maxsize=256)
def _definitions(
    filename: str, _changed: int, _size: int
) -> dict[tuple[int, str], ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function of a file by its first line, decorators included, and its name."""
    tree = ast.parse(Path(filename).read_bytes())
    return {
        (min([node.lineno, *(each.lineno for each in node.decorator_list)]), node.name): node
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def _body(node: ast.FunctionDef | ast.AsyncFunctionDef) -> list[ast.stmt]:
    return node.body[1:] if ast.get_docstring(node, clean=False) is not None else node.body


def _dump(value: object) -> Iterator[str]:
    """The tree as text. Empty fields are left out, so that versions of Python agree on it."""
    if isinstance(value, ast.AST):
        yield f"{type(value).__name__}("
        for name, field in ast.iter_fields(value):
            if field is not None and field != [] and name not in ("type_comment", "kind", "ctx"):
                yield f"{name}="
                yield from _dump(field)
                yield ","
        yield ")"
    elif isinstance(value, list):
        yield "["
        for each in value:
            yield from _dump(each)
            yield ","
        yield "]"
    else:
        yield f"{type(value).__name__}:{value!r}"


def _compiled(code: CodeType) -> Iterator[str]:
    yield f"{code.co_name}{code.co_varnames}{code.co_names}{code.co_code.hex()}"
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _compiled(constant)
        else:
            yield f"{type(constant).__name__}:{constant!r}"


def module_name(func: Callable[..., Any], root: Path | None = None) -> str:
    """The module a worker must import to find the function.

    A script that was started directly is a module called `__main__` here only; elsewhere it goes
    by its path below `root` (by default its own folder). What was typed at a prompt or into a
    notebook has no file, and goes by no other name.
    """
    name = func.__module__
    if name != "__main__":
        return name
    main = sys.modules["__main__"]
    spec = getattr(main, "__spec__", None)
    if spec is not None:
        return str(spec.name)
    file = getattr(main, "__file__", None)
    if file is None:
        return name
    path = Path(file).resolve()
    try:
        return ".".join(path.relative_to((root or path.parent).resolve()).with_suffix("").parts)
    except ValueError:
        return path.stem


def instance_name(task: Any) -> str:
    """The name in its module under which a task is found; its qualified name when there is none."""
    module = sys.modules.get(task.func.__module__)
    names = vars(module) if module is not None else {}
    candidates = (task.func.__name__, *names)
    for name in candidates:
        if getattr(names.get(name), "func", None) is task.func:
            return str(name)
    return str(task.func.__qualname__)
