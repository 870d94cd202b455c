"""From the source of functions to the source of their twins.

A twin does what the function does, in the same order, on the same lines. Beside it runs a shadow:
after each binding of a name `x` the hidden name `.x` is bound to where the value came from. No frame
of ours is ever on the stack while user code runs: hooks are called before and after, never around.

Every expression is rewritten into a pair: what takes its place, and an expression of its provenance,
to be evaluated at any time after it and before its names are bound again. `None` instead of the
latter: it comes from nowhere.
"""

import ast
from typing import Any, Final, TypeVar

from flyte._dataflow.scopes import (
    Function,
    Names,
    Scope,
    Shadow,
    is_builtin,
    parameters,
    shadow_name,
    shadow_of,
    target_names,
)

N = TypeVar("N", bound=ast.AST)

HOOKS: Final = "\0flyte._dataflow.shadow"
"""Stands in the compiled code for the object that `enter`s a body."""
ME: Final = ".."
"""The hidden name of a body's notes."""

_TELLS_NOTHING: Final = frozenset({"print", "isinstance", "issubclass", "callable", "hasattr", "id", "type"})
_PURE: Final = _TELLS_NOTHING | frozenset(
    {"abs", "all", "any", "bool", "chr", "divmod", "float", "format", "hash", "int", "len", "ord", "pow"}
    | {"range", "repr", "round", "str", "sum"}
)
"""Builtins that need no note of their own: they call nothing of the user's but operators."""

_WALKING: Final = frozenset(
    {"list", "tuple", "set", "frozenset", "sorted", "min", "max", "enumerate", "iter"}
)
"""Builtins that ask a single argument for its items only."""

Pair = tuple[ast.expr, ast.expr | None]


class Rewriter:
    """Rewrites the functions of one module in place."""

    def __init__(self, bound: set[str]) -> None:
        self._bound = bound
        self._count = 0
        self._iterable = 0
        """In so many things that comprehensions iterate over: nothing may be bound there."""

    # -- Functions ---------------------------------------------------------------------------------

    def module(self, tree: ast.Module) -> None:
        """Rewrite every function that stands in no other."""
        waiting: list[ast.AST] = [tree]
        while waiting:
            node = waiting.pop()
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                self.function(node, None)
                ast.fix_missing_locations(node)
            elif isinstance(node, ast.Lambda):
                self._of_lambda(node, Scope(None, {}))
                ast.fix_missing_locations(node)
            elif not isinstance(node, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
                waiting += ast.iter_child_nodes(node)

    def function(self, node: Function, outer: Scope | None) -> None:
        names = Names(node.body)
        if names.reveals:
            return
        given = parameters(node.args)
        scope = Scope(outer, {name: shadow_of(name) for name in (*given, *names.bound)}, names.globals)
        body = self._body(node.body, scope)
        start = 1 if ast.get_docstring(node, clean=False) is not None else 0
        lazy = names.yields or isinstance(node, ast.AsyncFunctionDef)
        node.body = [*body[:start], *self._prologue(node, given, names, scope, lazy), *body[start:]]

    def _prologue(
        self, node: Function, given: list[str], names: Names, scope: Scope, lazy: bool
    ) -> list[ast.stmt]:
        made: list[ast.stmt] = [ast.Assign([_store(ME)], _enter(node.args, lazy))]
        made += [_assign(shadow_name(name), _me("param", ast.Constant(name))) for name in given]
        others = sorted(names.bound - set(given))
        if others:
            targets: list[ast.expr] = [_store(shadow_name(name)) for name in others]
            made.append(ast.Assign(targets, ast.Constant(None)))
        outside = [shadow_name(n) for n in sorted(names.nonlocals) if scope.find(n)[1] is not None]
        if outside:
            made.insert(0, ast.Nonlocal(outside))
        first = node.body[0]
        return [_located(ast.copy_location(each, first)) for each in made]

    # -- Statements --------------------------------------------------------------------------------

    def _body(self, body: list[ast.stmt], scope: Scope) -> list[ast.stmt]:
        made: list[ast.stmt] = []
        for each in body:
            for one in self._statement(each, scope):
                ast.copy_location(one, each)
                made.append(_located(one))
        return made

    def _statement(self, node: ast.stmt, scope: Scope) -> list[ast.stmt]:
        method = getattr(self, f"_on_{type(node).__name__.lower()}", None)
        if method is not None:
            made: list[ast.stmt] = method(node, scope)
            return made
        for name, value in ast.iter_fields(node):
            if isinstance(value, ast.expr):
                setattr(node, name, self.expr(value, scope)[0])
            elif isinstance(value, list) and value and isinstance(value[0], ast.stmt):
                setattr(node, name, self._body(value, scope))
        return [node]

    def _on_functiondef(self, node: Any, scope: Scope) -> list[ast.stmt]:
        defaults = self._defaults(node.args, scope)
        node.decorator_list = [self.expr(each, scope)[0] for each in node.decorator_list]
        self.function(node, scope)
        after = self._note_defaults(node.name, node.args, defaults, scope)
        return [node, *after, *self._forget([node.name], scope)]

    _on_asyncfunctiondef = _on_functiondef

    def _defaults(self, a: ast.arguments, scope: Scope) -> dict[str, ast.expr]:
        """Rewrite the defaults of parameters; where those that come from somewhere do."""
        found: dict[str, ast.expr] = {}
        names = [each.arg for each in (*a.posonlyargs, *a.args)]
        first = len(names) - len(a.defaults)
        for index, default in enumerate(a.defaults):
            a.defaults[index], prov = self.expr(default, scope)
            if prov is not None:
                found[names[first + index]] = prov
        for index, (parameter, each) in enumerate(zip(a.kwonlyargs, a.kw_defaults, strict=True)):
            if each is not None:
                a.kw_defaults[index], prov = self.expr(each, scope)
                if prov is not None:
                    found[parameter.arg] = prov
        return found

    def _note_defaults(
        self, name: str, a: ast.arguments, found: dict[str, ast.expr], scope: Scope
    ) -> list[ast.stmt]:
        if not found or not scope.find(name)[0]:
            return []
        keys: list[ast.expr | None] = [ast.Constant(each) for each in found]
        note = _me("defaults", _load(name), ast.Dict(keys, list(found.values())))
        return [ast.Expr(note)]

    def _on_classdef(self, node: ast.ClassDef, scope: Scope) -> list[ast.stmt]:
        for each in node.body:
            if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef):
                self.function(each, scope)
        return [node, *self._forget([node.name], scope)]

    def _on_import(self, node: Any, scope: Scope) -> list[ast.stmt]:
        names = [(each.asname or each.name).partition(".")[0] for each in node.names]
        return [node, *self._forget(names, scope)]

    _on_importfrom = _on_import

    def _forget(self, names: list[str], scope: Scope) -> list[ast.stmt]:
        known = [name for name in names if scope.find(name)[1] is not None]
        return [_assign(shadow_name(name), ast.Constant(None)) for name in known]

    def _on_return(self, node: ast.Return, scope: Scope) -> list[ast.stmt]:
        if node.value is not None:
            value, prov = self.expr(node.value, scope)
            node.value = _at(node.value, _me("leave", value, _or_none(prov)))
        return [node]

    def _on_raise(self, node: ast.Raise, scope: Scope) -> list[ast.stmt]:
        if node.exc is not None:
            value, prov = self.expr(node.exc, scope)
            node.exc = value if prov is None else _at(node.exc, _me("thrown", value, prov))
        if node.cause is not None:
            node.cause = self.expr(node.cause, scope)[0]
        return [node]

    def _on_assign(self, node: ast.Assign, scope: Scope) -> list[ast.stmt]:
        value, prov = self.expr(node.value, scope)
        target = node.targets[0]
        single = len(node.targets) == 1
        if single and prov is not None and isinstance(target, ast.Tuple | ast.List):
            key = self._next()
            value = self._iterated(node.value, key, value, prov, False)
            prov = _me("opened", key)
        elif single and prov is not None and isinstance(target, ast.Subscript | ast.Attribute):
            name = self._temporary()
            both = ast.Tuple([value, ast.NamedExpr(_store(name), prov)], ast.Load())
            node.value = _at(node.value, ast.Subscript(both, ast.Constant(0), ast.Load()))
            prov = _load(name)
            if isinstance(target, ast.Subscript):
                made = self._bind_item(target, prov, scope, prov)
            else:
                made = self._bind_attribute(target, prov, scope, prov)
            return [node, *made, _assign(name, ast.Constant(None))]
        node.value = value
        return [node, *self._bind_all(node.targets, prov, scope)]

    def _on_annassign(self, node: ast.AnnAssign, scope: Scope) -> list[ast.stmt]:
        if node.value is None:
            return [node]
        value, prov = self.expr(node.value, scope)
        node.value = value
        return [node, *self._bind_all([node.target], prov, scope)]

    def _bind_all(self, targets: list[ast.expr], prov: ast.expr | None, scope: Scope) -> list[ast.stmt]:
        """Shadows of what has just been bound. Rewrites targets that are parts of values."""
        if len(targets) == 1 and isinstance(targets[0], ast.Name):
            return self._bind(targets[0], prov, scope)
        if prov is None:
            return [each for target in targets for each in self._bind(target, None, scope)]
        name = self._temporary()
        made: list[ast.stmt] = [_assign(name, prov)]
        for target in targets:
            made += self._bind(target, _load(name), scope)
        return [*made, _assign(name, ast.Constant(None))]

    def _bind(self, target: ast.expr, prov: ast.expr | None, scope: Scope) -> list[ast.stmt]:
        if isinstance(target, ast.Name):
            return self._bind_name(target.id, prov, scope)
        if isinstance(target, ast.Starred):
            return self._bind(target.value, prov, scope)
        if isinstance(target, ast.Tuple | ast.List):
            return self._bind_items(target.elts, prov, scope)
        if isinstance(target, ast.Attribute):
            return self._bind_attribute(target, prov, scope, None)
        assert isinstance(target, ast.Subscript)
        return self._bind_item(target, prov, scope, None)

    def _bind_attribute(
        self, target: ast.Attribute, prov: ast.expr | None, scope: Scope, given: ast.expr | None
    ) -> list[ast.stmt]:
        key, name = self._next(), ast.Constant(target.attr)
        if given is None:
            target.value, holder = self._held(target.value, key, scope)
        else:
            new, prov_of = self.expr(target.value, scope)
            target.value = _at(target.value, _me("setter", key, new, _or_none(prov_of), name, given))
            holder = ast.Constant(None)
        return [ast.Expr(_me("set_attribute", key, holder, name, _or_none(prov)))]

    def _bind_item(
        self, target: ast.Subscript, prov: ast.expr | None, scope: Scope, given: ast.expr | None
    ) -> list[ast.stmt]:
        """`given` is the provenance where it is known before the item is set."""
        key = self._next()
        old = target.value
        if _has_slice(target.slice) or given is None:
            target.value, holder = self._held(old, key, scope)
        else:
            new, prov_of = self.expr(old, scope)
            target.value = _at(old, _me("keeper", key, new, _or_none(prov_of), given))
            holder = ast.Constant(None)
        if _has_slice(target.slice):
            self._mixed(target.slice, scope)
            return [ast.Expr(_me("forget_items", key, holder))]
        target.slice = self._index(target.slice, key, scope)
        return [ast.Expr(_me("set_item", key, holder, _or_none(prov)))]

    def _held(self, value: ast.expr, key: ast.expr, scope: Scope) -> tuple[ast.expr, ast.expr]:
        """The holder of a part, remembered until the part is set; and its provenance."""
        new, prov = self.expr(value, scope)
        return _at(value, _me("hold", key, new)), _or_none(prov)

    def _bind_name(self, name: str, prov: ast.expr | None, scope: Scope) -> list[ast.stmt]:
        local, shadow = scope.find(name)
        if not local:
            return [ast.Expr(_me("set_global", ast.Constant(name), _or_none(prov), _load(name)))]
        if shadow is None:
            return []
        return [_assign(shadow_name(name), _or_none(prov))]

    def _bind_items(self, targets: list[ast.expr], prov: ast.expr | None, scope: Scope) -> list[ast.stmt]:
        star = next((i for i, each in enumerate(targets) if isinstance(each, ast.Starred)), -1)
        if prov is None:
            return [each for target in targets for each in self._bind(target, None, scope)]
        before = len(targets) if star < 0 else star
        after = 0 if star < 0 else len(targets) - star - 1
        length: ast.expr = ast.Constant(-1)
        if star >= 0:
            starred = targets[star]
            inner = starred.value if isinstance(starred, ast.Starred) else starred
            known = isinstance(inner, ast.Name)
            length = _me("length", _load(inner.id)) if known else ast.Constant(-2)  # type: ignore[attr-defined]
        names = [self._temporary() for _ in targets]
        taken = ast.Assign(
            [ast.Tuple([_store(name) for name in names], ast.Store())],
            _me("unpack", prov, ast.Constant(before), ast.Constant(after), length),
        )
        made: list[ast.stmt] = [taken]
        for target, name in zip(targets, names, strict=True):
            made += self._bind(target, _load(name), scope)
        return made

    def _on_delete(self, node: ast.Delete, scope: Scope) -> list[ast.stmt]:
        made: list[ast.stmt] = [node]
        for target in node.targets:
            if isinstance(target, ast.Subscript):
                key = self._next()
                target.value, holder = self._held(target.value, key, scope)
                if _has_slice(target.slice):
                    made.append(ast.Expr(_me("forget_items", key, holder)))
                else:
                    target.slice = self._index(target.slice, key, scope)
                    made.append(ast.Expr(_me("delete_item", key, holder)))
        return made

    def _on_typealias(self, node: ast.stmt, scope: Scope) -> list[ast.stmt]:
        return [node]

    def _on_augassign(self, node: ast.AugAssign, scope: Scope) -> list[ast.stmt]:
        value, prov = self.expr(node.value, scope)
        node.value = value
        target = node.target
        op = ast.Constant(type(node.op).__name__)
        if isinstance(target, ast.Name):
            before = self._name(target.id, scope)
            if before is None and prov is None:
                return [node]
            after = _me("augment", _or_none(before), _or_none(prov), op, _load(target.id))
            return [node, *self._bind_name(target.id, after, scope)]
        key = self._next()
        held, holder = self._held(target.value, key, scope)
        target.value = held
        if isinstance(target, ast.Attribute):
            part: ast.expr = ast.Constant(target.attr)
            return [node, ast.Expr(_me("augment_attribute", key, holder, part, _or_none(prov), op))]
        if _has_slice(target.slice):
            self._mixed(target.slice, scope)
            return [node, ast.Expr(_me("forget_items", key, holder))]
        target.slice = self._index(target.slice, key, scope)
        return [node, ast.Expr(_me("augment_item", key, holder, _or_none(prov), op))]

    def _on_for(self, node: Any, scope: Scope) -> list[ast.stmt]:
        key = self._next()
        iterable, prov = self.expr(node.iter, scope)
        if prov is None:
            first = self._bind_all([node.target], None, scope)
        else:
            iterable = self._iterated(node.iter, key, iterable, prov, isinstance(node, ast.AsyncFor))
            first = self._bind_all([node.target], _me("item", key, self._seen(node.target)), scope)
        node.iter = iterable
        located = [_located(ast.copy_location(each, node.target)) for each in first]
        node.body = [*located, *self._body(node.body, scope)]
        node.orelse = self._body(node.orelse, scope)
        return [node]

    def _iterated(
        self,
        old: ast.expr,
        key: ast.expr,
        value: ast.expr,
        prov: ast.expr | None,
        later: bool,
        *more: ast.expr,
    ) -> ast.expr:
        """What is iterated over. `__iter__` of the user's classes is called here, as a twin."""
        test = _me("iterates", key, value, _or_none(prov), ast.Constant("a" if later else ""), *more)
        spelled = _me("iterated", key, ast.Call(_me("begin", key), [], []))
        return _at(old, ast.IfExp(test, spelled, _me("source", key)))

    _on_asyncfor = _on_for

    def _seen(self, target: ast.expr) -> ast.expr:
        """The item itself, where a name has it."""
        return _load(target.id) if isinstance(target, ast.Name) else ast.Constant(None)

    def _on_while(self, node: Any, scope: Scope) -> list[ast.stmt]:
        node.test = self.expr(node.test, scope)[0]
        node.body = self._body(node.body, scope)
        node.orelse = self._body(node.orelse, scope)
        return [node]

    _on_if = _on_while

    def _on_with(self, node: Any, scope: Scope) -> list[ast.stmt]:
        first: list[ast.stmt] = []
        suffix = ast.Constant("a" if isinstance(node, ast.AsyncWith) else "")
        for item in node.items:
            value, prov = self.expr(item.context_expr, scope)
            key = self._next()
            target = item.optional_vars
            if prov is not None:
                value = _at(item.context_expr, _me("enters", key, value, prov, suffix))
            item.context_expr = value
            if target is not None:
                entered = None if prov is None else _me("entered", key, self._seen(target))
                first += self._bind_all([target], entered, scope)
        located = [_located(ast.copy_location(each, node.body[0])) for each in first]
        node.body = [*located, *self._body(node.body, scope)]
        return [node]

    _on_asyncwith = _on_with

    def _on_try(self, node: Any, scope: Scope) -> list[ast.stmt]:
        node.body = self._body(node.body, scope)
        for handler in node.handlers:
            first: list[ast.stmt] = []
            if handler.name:
                first = self._bind_name(handler.name, _me("caught", _load(handler.name)), scope)
            located = [_located(ast.copy_location(each, handler)) for each in first]
            handler.body = [*located, *self._body(handler.body, scope)]
        node.orelse = self._body(node.orelse, scope)
        node.finalbody = self._body(node.finalbody, scope)
        return [node]

    _on_trystar = _on_try

    def _on_match(self, node: ast.Match, scope: Scope) -> list[ast.stmt]:
        subject, prov = self.expr(node.subject, scope)
        node.subject = subject
        name = self._temporary()
        for case in node.cases:
            first = self._captures(case.pattern, _load(name) if prov is not None else None, scope)
            if case.guard is not None:
                case.guard = self.expr(case.guard, scope)[0]
            located = [_located(ast.copy_location(e, case.body[0])) for e in first]
            case.body = [*located, *self._body(case.body, scope)]
        if prov is not None:
            key = _assign(name, ast.Constant(None))
            node.subject = _at(
                node.subject,
                ast.Subscript(
                    ast.Tuple([subject, ast.NamedExpr(_store(name), prov)], ast.Load()),
                    ast.Constant(0),
                    ast.Load(),
                ),
            )
            return [key, node]
        return [node]

    def _captures(self, pattern: Any, prov: ast.expr | None, scope: Scope) -> list[ast.stmt]:
        """Shadows of the names that a pattern captures."""
        method = getattr(self, f"_in_{type(pattern).__name__.lower()}", None)
        if method is None:
            return []
        made: list[ast.stmt] = method(pattern, prov, scope)
        return made

    def _in_matchas(self, pattern: ast.MatchAs, prov: ast.expr | None, scope: Scope) -> list[ast.stmt]:
        made = [] if pattern.name is None else self._bind_name(pattern.name, prov, scope)
        return made if pattern.pattern is None else [*made, *self._captures(pattern.pattern, prov, scope)]

    def _in_matchor(self, pattern: ast.MatchOr, prov: ast.expr | None, scope: Scope) -> list[ast.stmt]:
        """Which of the patterns has matched is not known."""
        names = {getattr(each, "name", None) for each in ast.walk(pattern)} - {None}
        derived = None if prov is None else _me("derive", prov)
        return [each for name in sorted(map(str, names)) for each in self._bind_name(name, derived, scope)]

    def _in_matchsequence(
        self, pattern: ast.MatchSequence, prov: ast.expr | None, scope: Scope
    ) -> list[ast.stmt]:
        every = pattern.patterns
        star = next((i for i, each in enumerate(every) if isinstance(each, ast.MatchStar)), len(every))
        made: list[ast.stmt] = []
        for index, each in enumerate(every):
            if not isinstance(each, ast.MatchStar):
                place = ast.Constant(index if index < star else index - len(every))
                made += self._captures(each, _part(prov, place), scope)
            elif each.name is not None:
                length = _me("length", _load(each.name))
                rest = None if prov is None else _me("rest", prov, ast.Constant(star), length)
                made += self._bind_name(each.name, rest, scope)
        return made

    def _in_matchmapping(
        self, pattern: ast.MatchMapping, prov: ast.expr | None, scope: Scope
    ) -> list[ast.stmt]:
        made: list[ast.stmt] = []
        for key, each in zip(pattern.keys, pattern.patterns, strict=True):
            part = _part(prov, ast.Constant(key.value)) if isinstance(key, ast.Constant) else None
            made += self._captures(each, part, scope)
        if pattern.rest is not None:
            made += self._bind_name(pattern.rest, None if prov is None else _me("derive", prov), scope)
        return made

    def _in_matchclass(self, pattern: ast.MatchClass, prov: ast.expr | None, scope: Scope) -> list[ast.stmt]:
        made: list[ast.stmt] = []
        for index, each in enumerate(pattern.patterns):
            known = prov is not None and isinstance(pattern.cls, ast.Name)
            cls = _load(pattern.cls.id) if isinstance(pattern.cls, ast.Name) else ast.Constant(None)
            field = _me("positional", _or_none(prov), cls, ast.Constant(index)) if known else None
            made += self._captures(each, field, scope)
        for name, each in zip(pattern.kwd_attrs, pattern.kwd_patterns, strict=True):
            made += self._captures(each, _part(prov, ast.Constant(name)), scope)
        return made

    # -- Expressions -------------------------------------------------------------------------------

    def expr(self, node: ast.expr, scope: Scope) -> Pair:
        """What takes the place of an expression, and its provenance."""
        method = getattr(self, f"_of_{type(node).__name__.lower()}", None)
        if method is None:
            return node, None
        pair: Pair = method(node, scope)
        return pair

    def _of_name(self, node: ast.Name, scope: Scope) -> Pair:
        return node, self._name(node.id, scope)

    def _name(self, name: str, scope: Scope) -> ast.expr | None:
        local, shadow = scope.find(name)
        if local:
            return None if shadow is None else shadow()
        if is_builtin(name, self._bound):
            return None
        return _me("global_", ast.Constant(name))

    def _mixed(self, node: ast.expr, scope: Scope) -> Pair:
        """Computed from all of its parts."""
        provs: list[ast.expr] = []
        for name, value in ast.iter_fields(node):
            if isinstance(value, ast.expr):
                new, prov = self.expr(value, scope)
                setattr(node, name, new)
                provs += [prov] if prov is not None else []
            elif isinstance(value, list):
                for index, each in enumerate(value):
                    if isinstance(each, ast.expr):
                        value[index], prov = self.expr(each, scope)
                        provs += [prov] if prov is not None else []
        return node, _me("derive", *provs) if provs else None

    def _of_compare(self, node: ast.Compare, scope: Scope) -> Pair:
        node.left, prov = self.expr(node.left, scope)
        pairs = [self.expr(each, scope) for each in node.comparators]
        node.comparators = [value for value, _ in pairs]
        # What comes after the second may not have been evaluated.
        provs = [each for each in (prov, pairs[0][1]) if each is not None]
        return node, _me("derive", *provs) if provs else None

    _of_unaryop = _of_joinedstr = _of_formattedvalue = _of_slice = _mixed
    _of_templatestr = _of_interpolation = _mixed

    def _of_binop(self, node: ast.BinOp, scope: Scope) -> Pair:
        left, one = self.expr(node.left, scope)
        right, two = self.expr(node.right, scope)
        node.left, node.right = left, right
        if one is None and two is None:
            return node, None
        op = ast.Constant(type(node.op).__name__)
        known = one is not None and two is not None and not isinstance(node.left, ast.JoinedStr)
        if not known and not isinstance(node.op, ast.Mult):
            return node, _me("combine", op, _or_none(one), _or_none(two))
        key = self._next()
        test = _me("operates", key, left, _or_none(one), right, _or_none(two), op)
        node.left, node.right = _at(left, _me("left", key)), _at(right, _me("right", key))
        spelled = _me("operated", key, ast.Call(_me("begin", key), [_me("right", key)], []))
        return _at(node, ast.IfExp(test, _at(node, spelled), node)), _me("outcome", key)

    def _of_boolop(self, node: ast.BoolOp, scope: Scope) -> Pair:
        pairs = [self.expr(each, scope) for each in node.values]
        if all(prov is None for _, prov in pairs):
            node.values = [value for value, _ in pairs]
            return node, None
        key = self._next()
        node.values = [
            _at(old, _me("choose", key, ast.Constant(index), value))
            for index, (old, (value, _)) in enumerate(zip(node.values, pairs, strict=True))
        ]
        return node, self._chosen(key, [prov for _, prov in pairs])

    def _chosen(self, key: ast.expr, provs: list[ast.expr | None]) -> ast.expr:
        made = _or_none(provs[-1])
        for index in range(len(provs) - 2, -1, -1):
            made = ast.IfExp(_me("chose", key, ast.Constant(index)), _or_none(provs[index]), made)
        return made

    def _of_ifexp(self, node: ast.IfExp, scope: Scope) -> Pair:
        node.test = self.expr(node.test, scope)[0]
        body, first = self.expr(node.body, scope)
        other, second = self.expr(node.orelse, scope)
        if first is None and second is None:
            node.body, node.orelse = body, other
            return node, None
        key = self._next()
        node.body = _at(node.body, _me("choose", key, ast.Constant(0), body))
        node.orelse = _at(node.orelse, _me("choose", key, ast.Constant(1), other))
        return node, self._chosen(key, [first, second])

    def _of_namedexpr(self, node: ast.NamedExpr, scope: Scope) -> Pair:
        value, prov = self.expr(node.value, scope)
        node.value = value
        local, shadow = scope.find(node.target.id)
        if not local or shadow is None:
            return node, prov
        name = shadow_name(node.target.id)
        both = ast.Tuple([node, ast.NamedExpr(_store(name), _or_none(prov))], ast.Load())
        return _at(node, ast.Subscript(both, ast.Constant(0), ast.Load())), shadow()

    def _of_starred(self, node: ast.Starred, scope: Scope) -> Pair:
        node.value, prov = self.expr(node.value, scope)
        return node, prov

    def _of_attribute(self, node: ast.Attribute, scope: Scope) -> Pair:
        outside = isinstance(node.value, ast.Name) and is_builtin(node.value.id, self._bound)
        value, prov = self._base(node.value, scope)
        if outside or (prov is None and not isinstance(node.value, ast.Name)):
            node.value = value
            return node, None
        key, name = self._next(), ast.Constant(node.attr)
        node.value = _at(node.value, _me("owner", key, value, _or_none(prov), name))
        return node, _me("attribute", key, name)

    def _base(self, node: ast.expr, scope: Scope) -> Pair:
        """What a part is taken of. A part of a part may be known by its identity alone."""
        value, prov = self.expr(node, scope)
        if not isinstance(node, ast.Attribute | ast.Subscript):
            return value, prov
        key = self._next()
        return _at(node, _me("known", key, value)), _me("either", _or_none(prov), key)

    def _of_subscript(self, node: ast.Subscript, scope: Scope) -> Pair:
        value, prov = self._base(node.value, scope)
        if prov is None and not isinstance(node.value, ast.Name):
            node.value = value
            node.slice = self.expr(node.slice, scope)[0]
            return node, None
        key = self._next()
        node.value = _at(node.value, _me("container", key, value, _or_none(prov)))
        node.slice = self._index(node.slice, key, scope)
        return node, _me("subscript", key)

    def _index(self, index: ast.expr, key: ast.expr, scope: Scope) -> ast.expr:
        """What stands in brackets, remembered until the part has been taken or set."""
        if isinstance(index, ast.Slice):
            limits = [index.lower, index.upper, index.step]
            parts = [ast.Constant(None) if each is None else self.expr(each, scope)[0] for each in limits]
            return _at(index, _me("slice", key, *parts))
        if _has_slice(index):
            self._mixed(index, scope)
            return index
        new, prov = self.expr(index, scope)
        return _at(index, _me("key", key, new, _or_none(prov)))

    def _of_await(self, node: ast.Await, scope: Scope) -> Pair:
        value, prov = self.expr(node.value, scope)
        if isinstance(node.value, ast.Call) and isinstance(value, ast.Call) and _is_hook(value, "returned"):
            # One hook instead of two: most of what is awaited is a call.
            key = value.args[0]
            value.func = _me("coming").func
            node.value = _at(value, value)
        else:
            key = self._next()
            node.value = _at(node.value, _me("awaiting", key, value, _or_none(prov)))
        return _at(node, _me("awaited", key, node)), _me("result", key)

    def _of_yield(self, node: ast.Yield, scope: Scope) -> Pair:
        value: ast.expr = ast.Constant(None)
        prov: ast.expr | None = None
        if node.value is not None:
            value, prov = self.expr(node.value, scope)
        node.value = _at(node.value or node, _me("yields", value, _or_none(prov)))
        return node, _me("sent")

    def _of_yieldfrom(self, node: ast.YieldFrom, scope: Scope) -> Pair:
        value, prov = self.expr(node.value, scope)
        node.value = _at(node.value, _me("delegates", value, _or_none(prov)))
        return node, None

    def _of_list(self, node: Any, scope: Scope) -> Pair:
        pairs = [self.expr(each, scope) for each in node.elts]
        node.elts = [value for value, _ in pairs]
        starred = any(isinstance(each, ast.Starred) for each in node.elts)
        if all(prov is None for _, prov in pairs):
            blank = isinstance(node, ast.List) and not starred
            return node, _me("blank", ast.Constant(len(pairs))) if blank else None
        if starred:
            return node, _me("spread", ast.List([self._spread(v, p) for v, p in pairs], ast.Load()))
        return node, _me("items", *[_or_none(prov) for _, prov in pairs])

    _of_tuple = _of_list

    def _spread(self, value: ast.expr, prov: ast.expr | None) -> ast.expr:
        if not isinstance(value, ast.Starred):
            return ast.Tuple([ast.Constant(0), _or_none(prov), ast.Constant(None)], ast.Load())
        name = value.value.id if isinstance(value.value, ast.Name) else ""
        length: ast.expr = _me("length", _load(name)) if name else ast.Constant(-1)
        return ast.Tuple([ast.Constant(1), _or_none(prov), length], ast.Load())

    def _of_set(self, node: ast.Set, scope: Scope) -> Pair:
        pairs = [self.expr(each, scope) for each in node.elts]
        if all(p is None for _, p in pairs) or any(isinstance(v, ast.Starred) for v, _ in pairs):
            node.elts = [value for value, _ in pairs]
            provs = [p for _, p in pairs if p is not None]
            return node, _me("derive", *provs) if provs else None
        key = self._next()
        node.elts = [
            _at(old, _me("member", key, value, _or_none(prov), ast.Constant(index == 0)))
            for index, (old, (value, prov)) in enumerate(zip(node.elts, pairs, strict=True))
        ]
        return node, _me("collected", key)

    def _of_dict(self, node: ast.Dict, scope: Scope) -> Pair:
        key = self._next()
        for index, (name, value) in enumerate(zip(node.keys, node.values, strict=True)):
            first = ast.Constant(index == 0)
            if name is not None:
                node.keys[index] = _at(name, _me("entry", key, self.expr(name, scope)[0], first))
            new, prov = self.expr(value, scope)
            hook = _me("merge", key, new, _or_none(prov), first) if name is None else None
            node.values[index] = _at(value, hook or _me("value", key, new, _or_none(prov)))
        if not node.keys:
            return node, _me("mapping", ast.Constant(0))
        return node, _me("mapping", key)

    def _of_lambda(self, node: ast.Lambda, scope: Scope) -> Pair:
        names = Names([node.body])
        if self._iterable or names.yields or names.reveals:
            return node, None

        def shadow(name: str) -> Shadow:
            return lambda: _me("param", ast.Constant(name))

        defaults = self._defaults(node.args, scope)
        own: dict[str, Shadow | None] = {name: shadow_of(name) for name in names.bound}
        inner = Scope(scope, {**own, **{name: shadow(name) for name in parameters(node.args)}})
        body, prov = self.expr(node.body, inner)
        begin: list[ast.expr] = [ast.NamedExpr(_store(ME), _enter(node.args, False))]
        begin += [
            ast.NamedExpr(_store(shadow_name(name)), ast.Constant(None)) for name in sorted(names.bound)
        ]
        both = ast.Tuple([*begin, _me("leave", body, _or_none(prov))], ast.Load())
        node.body = _at(node.body, ast.Subscript(both, ast.Constant(-1), ast.Load()))
        if not defaults:
            return node, None
        keys: list[ast.expr | None] = [ast.Constant(each) for each in defaults]
        return _at(node, _me("defaulted", node, ast.Dict(keys, list(defaults.values())))), None

    # -- Comprehensions ----------------------------------------------------------------------------

    def _of_listcomp(self, node: Any, scope: Scope) -> Pair:
        key = self._next()
        inner = self._generators(node.generators, key, scope)
        value, prov = self.expr(node.elt, inner)
        kind = type(node).__name__.lower()
        node.elt = _at(node.elt, _me(f"{kind}_item", key, value, _or_none(prov)))
        return node, _me("comprehended", key, ast.Constant(kind))

    _of_setcomp = _of_generatorexp = _of_listcomp

    def _of_dictcomp(self, node: ast.DictComp, scope: Scope) -> Pair:
        key = self._next()
        inner = self._generators(node.generators, key, scope)
        node.key = _at(node.key, _me("entry", key, self.expr(node.key, inner)[0]))
        value, prov = self.expr(node.value, inner)
        node.value = _at(node.value, _me("value", key, value, _or_none(prov)))
        return node, _me("mapping", key)

    def _generators(self, generators: list[ast.comprehension], whole: ast.expr, scope: Scope) -> Scope:
        """Rewrite the `for` and `if` parts; the scope of what they bind."""
        inner = scope
        for index, generator in enumerate(generators):
            self._iterable += 1
            iterable, prov = self.expr(generator.iter, inner)
            self._iterable -= 1
            key = self._next()
            start = whole if index == 0 else ast.Constant(None)
            if index == 0 or prov is not None:
                iterable = self._iterated(
                    generator.iter, key, iterable, prov, bool(generator.is_async), start
                )
            generator.iter = iterable
            inner = Scope(inner, self._element(generator.target, key, prov))
            tests = [self.expr(test, inner)[0] for test in generator.ifs]
            if prov is not None:
                advance = _me("advance", key, self._seen(generator.target))
                tests.insert(0, _at(generator.target, advance))
            generator.ifs = tests
        return inner

    def _element(self, target: ast.expr, key: ast.expr, prov: ast.expr | None) -> dict[str, Shadow | None]:
        if prov is None:
            return dict.fromkeys(target_names(target))
        found: dict[str, Shadow | None] = {}

        def visit(part: ast.expr, path: tuple[int, ...]) -> None:
            if isinstance(part, ast.Name):
                place: Any = ast.Constant(path)  # type: ignore[arg-type]
                found[part.id] = lambda: _me("current", key, place)
            elif isinstance(part, ast.Tuple | ast.List):
                if any(isinstance(each, ast.Starred) for each in part.elts):
                    found.update(dict.fromkeys(target_names(part)))
                    return
                for index, each in enumerate(part.elts):
                    visit(each, (*path, index))

        visit(target, ())
        return found

    # -- Calls -------------------------------------------------------------------------------------

    def _of_call(self, node: ast.Call, scope: Scope) -> Pair:
        if (
            isinstance(node.func, ast.Name)
            and node.func.id in _PURE
            and self._is_builtin(node.func.id, scope)
        ):
            return self._pure(node, scope)
        key = self._next()
        function, prov = self._callee(node.func, scope)
        name = (
            node.func.id if isinstance(node.func, ast.Name) and self._is_builtin(node.func.id, scope) else ""
        )
        walks = name in _WALKING and len(node.args) == 1
        node.args = [self.expr_of_argument(each, key, scope, walks=walks) for each in node.args]
        for keyword in node.keywords:
            new, p = self.expr(keyword.value, scope)
            hook = "named" if keyword.arg is not None else "all_named"
            about = [ast.Constant(keyword.arg)] if keyword.arg is not None else []
            keyword.value = _at(keyword.value, _me(hook, key, *about, new, _or_none(p)))
        node.func = _at(node.func, _me("call", key, function, _or_none(prov)))
        self._mark_last(node)
        return _at(node, _me("returned", key, node)), _me("result", key)

    def _is_builtin(self, name: str, scope: Scope) -> bool:
        return not scope.find(name)[0] and is_builtin(name, self._bound)

    def _pure(self, node: ast.Call, scope: Scope) -> Pair:
        """A builtin whose result is computed from its arguments, or tells nothing of them."""
        assert isinstance(node.func, ast.Name)
        provs: list[ast.expr | None] = []
        for index, each in enumerate(node.args):
            node.args[index], prov = self.expr(each, scope)
            provs.append(prov)
        for keyword in node.keywords:
            keyword.value, prov = self.expr(keyword.value, scope)
            provs.append(prov)
        if node.func.id == "range":
            provs = [] if len(provs) < 2 else [provs[0], *provs[2:]]
        known = [prov for prov in provs if prov is not None]
        if node.func.id in _TELLS_NOTHING or not known:
            return node, None
        return node, _me("derive", *known)

    def expr_of_argument(
        self, node: ast.expr, key: ast.expr, scope: Scope, *, walks: bool = False
    ) -> ast.expr:
        """`walks`: nothing but its items matters."""
        if isinstance(node, ast.Starred):
            new, prov = self._walked(node.value, scope)
            node.value = _at(node.value, _me("all_positional", key, new, _or_none(prov)))
            return node
        new, prov = self._walked(node, scope) if walks else self.expr(node, scope)
        return _at(node, _me("positional_", key, new, _or_none(prov)))

    def _walked(self, node: ast.expr, scope: Scope) -> Pair:
        """Something whose items are wanted; an object of the user's class gives them here."""
        new, prov = self.expr(node, scope)
        if prov is None or not isinstance(node, ast.Name | ast.Attribute | ast.Call):
            return new, prov
        key = self._next()
        return self._iterated(node, key, new, prov, False), _me("opened", key)

    def _callee(self, node: ast.expr, scope: Scope) -> Pair:
        """What is called; and the provenance of what a method belongs to."""
        if isinstance(node, ast.Attribute):
            node.value, prov = self._base(node.value, scope)
            return node, prov
        value, prov = self.expr(node, scope)
        outside = isinstance(node, ast.Name) and not scope.find(node.id)[0]
        return value, None if outside else prov

    def _mark_last(self, node: ast.Call) -> None:
        """The last argument to be evaluated also says that the call is about to be made."""
        values: list[ast.expr] = [*node.args, *[each.value for each in node.keywords]]
        if not values:
            first = node.func
            assert isinstance(first, ast.Call)
            first.keywords.append(ast.keyword("last", ast.Constant(True)))
            return
        last = values[-1]  # Keywords are evaluated after all others.
        hook = last.value if isinstance(last, ast.Starred) else last
        assert isinstance(hook, ast.Call)
        hook.keywords.append(ast.keyword("last", ast.Constant(True)))

    # -- Small things ------------------------------------------------------------------------------

    def _next(self) -> ast.expr:
        self._count += 1
        return ast.Constant(self._count)

    def _temporary(self) -> str:
        self._count += 1
        return f"..{self._count}"


def _part(prov: ast.expr | None, key: ast.expr) -> ast.expr | None:
    return None if prov is None else _me("part", prov, key)


def _enter(a: ast.arguments, lazy: bool) -> ast.expr:
    """Begins the notes of a call; tells the names of the parameters."""
    plain = tuple(each.arg for each in (*a.posonlyargs, *a.args))
    rest = (a.vararg.arg if a.vararg else "", a.kwarg.arg if a.kwarg else "")
    shape: Any = (plain, tuple(each.arg for each in a.kwonlyargs), *rest)
    hook = ast.Attribute(ast.Constant(HOOKS), "enter", ast.Load())
    return ast.Call(hook, [ast.Constant(shape), ast.Constant(lazy)], [])


def _has_slice(index: ast.expr) -> bool:
    """Whether it is a slice or has one: such a thing can stand in brackets only."""
    return isinstance(index, ast.Slice) or (
        isinstance(index, ast.Tuple) and any(isinstance(each, ast.Slice | ast.Starred) for each in index.elts)
    )


def _load(name: str) -> ast.Name:
    return ast.Name(name, ast.Load())


def _store(name: str) -> ast.Name:
    return ast.Name(name, ast.Store())


def _assign(name: str, value: ast.expr) -> ast.stmt:
    return ast.Assign([_store(name)], value)


def _me(method: str, *args: ast.expr) -> ast.Call:
    """A call of one of the hooks."""
    return ast.Call(ast.Attribute(_load(ME), method, ast.Load()), list(args), [])


def _is_hook(node: ast.Call, method: str) -> bool:
    function = node.func
    return (
        isinstance(function, ast.Attribute)
        and isinstance(function.value, ast.Name)
        and function.value.id == ME
        and function.attr == method
    )


def _or_none(prov: ast.expr | None) -> ast.expr:
    return ast.Constant(None) if prov is None else prov


def _at(old: ast.AST, new: ast.expr) -> ast.expr:
    """The new expression on the lines of the old one."""
    return _located(ast.copy_location(new, old))


def _located(top: N) -> N:
    """Put what is new below a node on the lines of what it stands in. What has a place is whole: it is passed by."""
    waiting: list[tuple[ast.AST, ast.AST]] = [(top, top)]
    for node, place in waiting:
        for child in ast.iter_child_nodes(node):
            if not child._attributes:
                waiting.append((child, place))
            elif not hasattr(child, "lineno"):
                ast.copy_location(child, place)
                waiting.append((child, child))
    return top
