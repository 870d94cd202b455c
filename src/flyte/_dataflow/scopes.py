"""Which names a function has for itself."""

import ast
import builtins
from collections.abc import Callable, Iterator, Sequence
from typing import Final

Function = ast.FunctionDef | ast.AsyncFunctionDef
Shadow = Callable[[], ast.expr]
"""Makes the expression that says where a name's value came from."""

REVEALING: Final = frozenset({"locals", "vars", "dir", "eval", "exec", "breakpoint"})
"""A function that uses one of these could see its own shadows: it gets no twin."""

_NESTED: Final = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
_COMPREHENSIONS: Final = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


class Scope:
    """Names of a function, a lambda or a comprehension, inside those around it."""

    def __init__(
        self, parent: "Scope | None", names: dict[str, Shadow | None], outside: set[str] | None = None
    ) -> None:
        self.parent = parent
        self.names = names
        self.globals = outside or set()

    def find(self, name: str) -> tuple[bool, Shadow | None]:
        """Whether the name belongs to a function; and its shadow."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.globals:
                return False, None
            if name in scope.names:
                return True, scope.names[name]
            scope = scope.parent
        return False, None


def shadow_name(name: str) -> str:
    """The variable that holds the shadow. No Python program can spell it."""
    return f".{name}"


def shadow_of(name: str) -> Shadow:
    return lambda: ast.Name(shadow_name(name), ast.Load())


def parameters(arguments: ast.arguments) -> list[str]:
    """Names of all parameters."""
    plain = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    return [each.arg for each in (*plain, arguments.vararg, arguments.kwarg) if each is not None]


def own_nodes(body: Sequence[ast.AST]) -> Iterator[ast.AST]:
    """Every node of a body that belongs to its own scope, comprehensions included."""
    waiting: list[ast.AST] = list(body)
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            waiting += [*node.decorator_list, *node.args.defaults, *filter(None, node.args.kw_defaults)]
        elif not isinstance(node, _NESTED):
            waiting += ast.iter_child_nodes(node)


class Names:
    """What a function binds."""

    def __init__(self, body: Sequence[ast.AST]) -> None:
        self.bound: set[str] = set()
        self.globals: set[str] = set()
        self.nonlocals: set[str] = set()
        self.yields = False
        self.reveals = False
        inner = _comprehension_targets(body)
        for node in own_nodes(body):
            self._look(node, inner)
        self.bound -= self.globals | self.nonlocals

    def _look(self, node: ast.AST, inner: set[int]) -> None:
        match node:
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()) if id(node) not in inner:
                self.bound.add(name)
            case ast.Name(id=name) if name in REVEALING:
                self.reveals = True
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                self.bound.add(name)
            case (
                ast.ExceptHandler(name=str(name))
                | ast.MatchAs(name=str(name))
                | ast.MatchStar(name=str(name))
            ):
                self.bound.add(name)
            case ast.MatchMapping(rest=str(name)):
                self.bound.add(name)
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                if names[0].name == "*":
                    self.bound |= set(dir(builtins))
                self.bound |= {(each.asname or each.name).partition(".")[0] for each in names}
            case ast.Global(names=names):
                self.globals |= set(names)
            case ast.Nonlocal(names=names):
                self.nonlocals |= set(names)
            case ast.Yield() | ast.YieldFrom():
                self.yields = True


def _comprehension_targets(body: Sequence[ast.AST]) -> set[int]:
    """Targets of comprehensions, which are their own; what `:=` binds inside is not."""
    found: set[int] = set()
    for node in own_nodes(body):
        if isinstance(node, _COMPREHENSIONS):
            for generator in node.generators:
                found |= {id(each) for each in ast.walk(generator.target)}
    return found


def target_names(target: ast.expr) -> list[str]:
    """The names a target binds."""
    return [n.id for n in ast.walk(target) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]


def module_names(tree: ast.Module) -> set[str]:
    """The names that a module binds at its top."""
    return Names(tree.body).bound


def is_builtin(name: str, bound: set[str]) -> bool:
    """Whether a name that no function has is a builtin."""
    return name not in bound and hasattr(builtins, name)
