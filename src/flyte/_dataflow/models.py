"""What calls do to provenance: of our own functions, of builtins, of anything else."""

import contextlib
import functools
import itertools
import sys
import types
from collections.abc import Iterator
from dataclasses import is_dataclass
from types import BuiltinFunctionType, CellType, FunctionType, MethodType
from typing import Any, Final

from flyte._dataflow import aside, builtin, collecting, copying, implicit
from flyte._dataflow.calls import Call, here
from flyte._dataflow.prov import MANY, Promise, Prov, Stream, Yields, child, derive
from flyte._dataflow.seen import Seen, unique
from flyte._dataflow.twins import is_twin, is_users, twin_of

_METHODS: Final = (types.BuiltinMethodType, MethodType)
_LAZY: Final = (types.CoroutineType, types.GeneratorType, types.AsyncGeneratorType)


def prepare(seen: Seen, call: Call) -> Any:
    """Before the arguments are evaluated: what is to be called instead, if a twin is."""
    function = call.function
    kind = type(function)
    if kind is FunctionType:
        return _twin(seen, call, function)
    if kind is MethodType:
        inner = function.__func__
        if function.__name__ == "map" and aside.is_runner(function):
            return aside.pooled(seen, call, function)
        if type(inner) is not FunctionType:
            return function
        if aside.is_task(function.__self__):
            call.target = function.__self__
            return function
        twin = _twin(seen, call, inner)
        if call.target is not None:
            call.bound = (function.__self__,)
        if call.holder is None:
            call.holder = seen.of(function.__self__)
        return function if twin is inner else MethodType(twin, function.__self__)
    if aside.is_task(function):
        call.target = function
    elif kind is functools.partial:
        return _partial(seen, call, function)
    elif isinstance(function, type):
        return implicit.making(seen, call, function)
    elif kind is not BuiltinFunctionType:
        return _called(seen, call, function)
    return function


def _called(seen: Seen, call: Call, function: Any) -> Any:
    """An object of the user's class that is called."""
    bound = implicit.method(function, "__call__")
    if bound is None:
        return function
    call.target = bound.__func__.__code__
    call.bound = (function,)
    call.holder = seen.of(function)
    return bound


def _twin(seen: Seen, call: Call, function: FunctionType) -> FunctionType:
    code = function.__code__
    traced = aside.traced(function)
    if traced is not None:
        call.target = traced
        return function
    if is_twin(code):
        call.target = code
        call.defaults = seen.defaults(function)
        return function
    twin = twin_of(function)
    if twin is None:
        return _wrapper(function)
    call.target = twin.__code__
    return twin


def _wrapper(function: FunctionType) -> FunctionType:
    """What `contextlib` made of a generator of the user's, with its twin inside."""
    inner = getattr(function, "__wrapped__", None)
    if function.__module__ == "contextlib" or type(inner) is not FunctionType:
        return function
    if function.__code__.co_filename != contextlib.__file__:
        return function
    twin = twin_of(inner)
    if twin is None or not function.__closure__:
        return function
    cells = tuple([CellType(twin) if c.cell_contents is inner else c for c in function.__closure__])
    made = FunctionType(
        function.__code__, function.__globals__, function.__name__, function.__defaults__, cells
    )
    made.__wrapped__ = twin  # type: ignore[attr-defined]
    return made


def _partial(seen: Seen, call: Call, function: "functools.partial[Any]") -> Any:
    """A call of a partial is one of what it stands for, with more arguments."""
    inner = function.func
    known = seen.of(function)
    parts: dict[Any, Prov | None] = known.parts if known is not None and isinstance(known.parts, dict) else {}
    call.args = [(value, parts.get(index)) for index, value in enumerate(function.args)]
    call.named = {name: (value, parts.get(name)) for name, value in function.keywords.items()}
    if aside.is_task(inner):
        call.target = inner
    elif type(inner) is MethodType and aside.is_task(inner.__self__):
        call.target = inner.__self__
    elif type(inner) is FunctionType:
        twin = _twin(seen, call, inner)
        return functools.partial(twin, *function.args, **function.keywords)
    return function


def go(seen: Seen, call: Call) -> None:
    """The arguments are there; the call is about to be made."""
    call.produced = seen.produced_count
    if call.made is not None:
        implicit.begin(call)
        if call.later is not None:
            return
    if call.target is not None:
        here.call = call
        return
    here.call = None
    if type(call.function) in _METHODS:
        collecting.before(seen, call)
    special = aside.before(seen, call)
    if special is not None:
        here.call = special
    elif not call.done and not isinstance(call.function, type):
        _look_at_lists(seen, call)


def _tracked(seen: Seen, call: Call) -> "Iterator[tuple[list[Any], Prov]]":
    """Lists among the arguments whose items are followed one by one."""
    for value, prov in call.args if not call.before else call.positional():  # type: ignore[misc]
        if type(value) is list:
            whole = seen.whole(value, prov)
            if whole is not None and isinstance(whole.parts, list) and len(whole.parts) <= MANY:
                yield value, whole


def _look_at_lists(seen: Seen, call: Call) -> None:
    if not any(type(each) is tuple and type(each[0]) is list for each in call.args):
        return
    for value, whole in _tracked(seen, call):
        assert isinstance(whole.parts, list)
        if len(value) == len(whole.parts):
            call.before = [*call.before, *zip(value, whole.parts, strict=True)]


def _follow_lists(seen: Seen, call: Call) -> None:
    """Something has had the lists: where it moved their items, identity tells which went where."""
    pool: dict[int, list[Prov | None]] = {}
    for value, prov in (*call.before, *call.positional()):
        pool.setdefault(id(value), []).append(prov)
    certain = {key: provs[0] for key, provs in pool.items() if len({id(p) for p in provs}) == 1}
    for value, whole in _tracked(seen, call):
        parts = whole.parts
        assert isinstance(parts, list)
        still = len(parts) == len(value) and all(
            v is b for v, (b, _) in zip(value, call.before, strict=False)
        )
        if not still:
            whole.parts = [certain.get(id(each)) for each in value]


def handed(call: Call, value: Any) -> Any:
    """An argument; a function that is handed to something that only calls it becomes its twin."""
    if call.handed is not None or not aside.is_runner(call.function):
        return value
    replaced = aside.hand_over(call, value)
    if replaced is not value:
        call.handed = value, replaced
    return replaced


def outcome(seen: Seen, call: Call, value: Any) -> Prov | None:
    """Where the result of a call came from that nobody took over."""
    if call.before:
        _follow_lists(seen, call)
    found = _outcome(seen, call, value)
    return found if found is not None else seen.of(value)


def _outcome(seen: Seen, call: Call, value: Any) -> Prov | None:
    if isinstance(value, _LAZY):
        begun = begins(seen, call, value)
        if begun is not None:
            return begun
    if isinstance(value, contextlib.AbstractContextManager | contextlib.AbstractAsyncContextManager):
        inner = getattr(value, "gen", None)
        if isinstance(inner, _LAZY) and is_twin(_frame(inner).f_code):
            begun = begins(seen, call, inner)
            if begun is not None:
                seen.attach(value, begun)
            return begun
    special = aside.after(seen, call, value)
    if special is not None:
        return special
    function = call.function
    if isinstance(function, type):
        found = builtin.of_type(function, value)
        if found is not None:
            return found(seen, call, value)
        return _constructed(seen, call, value)
    model = builtin.model_of(function)
    if model is not None:
        return model(seen, call, value)
    made = getattr(function, "__origin__", None)
    if isinstance(made, type) and type(value) is made:
        return _constructed(seen, call, value)
    return _unknown(seen, call, value)


def begins(seen: Seen, call: Call, value: Any) -> Prov | None:
    """A coroutine or generator of a twin: its body begins later."""
    if not isinstance(value, _LAZY):
        return None
    frame = _frame(value)
    if frame is None:
        return seen.of(value)
    if isinstance(value, types.CoroutineType):
        ours = is_twin(frame.f_code)
        known = call.result if isinstance(call.result, Promise) else None
        if not ours and call.target is None:
            return None
        promise = known or Promise()
        seen.begins(frame, call, promise, None)
        seen.attach(value, promise)
        return promise
    if not is_twin(frame.f_code):
        return None if call.target is None else _traced_items(seen, call, frame, value)
    yields = Yields()
    seen.begins(frame, call, None, yields)
    seen.attach(value, yields)
    return yields


def _frame(value: Any) -> Any:
    return (
        getattr(value, "cr_frame", None)
        or getattr(value, "gi_frame", None)
        or getattr(value, "ag_frame", None)
    )


def _traced_items(seen: Seen, call: Call, frame: Any, value: Any) -> Prov:
    """What a traced generator gives: the items of the list that is recorded."""
    promise = Promise()
    seen.begins(frame, call, promise, None)
    places = itertools.count()
    items = Stream(lambda _: child(promise.result, next(places)))
    seen.attach(value, items)
    return items


def _constructed(seen: Seen, call: Call, value: Any) -> Prov | None:
    """An object that no code of the user's has filled in: which of its attributes are which arguments."""
    args, named = call.positional(), call.named
    if not any(p is not None for _, p in (*args, *named.values())):
        return None
    if isinstance(value, BaseException):
        prov = Prov((), {"args": Prov((), [p for _, p in args])})
        _match_attributes(prov, value, [*args, *named.values()])
        return prov
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        fields: dict[Any, Prov | None] = dict(zip(value._fields, [p for _, p in args], strict=False))
        fields.update({name: p for name, (_, p) in named.items()})
        return Prov((), [fields.get(name) for name in value._fields])
    fields = _fields(call, value)
    if not fields:
        return _filled(seen, call, value)
    prov = Prov((), fields)
    seen.attach(value, prov)
    return prov


def _fields(call: Call, value: Any) -> dict[Any, Prov | None]:
    """Of a dataclass or a model: each field, unless something has made another value of it."""
    cls = type(value)
    if not is_dataclass(value) and not hasattr(cls, "model_fields"):
        return {}
    code = getattr(cls.__init__, "__code__", None)
    names = [] if code is None else code.co_varnames[1 : code.co_argcount]
    given = {**dict(zip(names, call.positional(), strict=False)), **call.named}
    found: dict[Any, Prov | None] = {}
    for name, (before, prov) in given.items():
        held = getattr(value, "__dict__", {}).get(name, before)
        found[name] = prov if copying.same(before, held) else derive(prov)
    return found


def _filled(seen: Seen, call: Call, value: Any) -> Prov | None:
    """Of any other object: what it holds of its arguments, told by identity; else computed from them."""
    given = [*call.positional(), *call.named.values()]
    if not is_users_class(type(value)):
        return derive(*call.provs())
    prov = Prov((), {})
    _match_attributes(prov, value, given)
    if not prov.parts:
        return None
    seen.attach(value, prov)
    return prov


def is_users_class(cls: type) -> bool:
    """Whether a class was made by the user's program."""
    file = getattr(sys.modules.get(cls.__module__), "__file__", None)
    return file is None or is_users(file)


def _match_attributes(prov: Prov, value: Any, given: "list[tuple[Any, Prov | None]]") -> None:
    """Attributes that hold an argument: told by identity, if that is certain."""
    parts = prov.parts
    assert isinstance(parts, dict)
    for name, held in list(getattr(value, "__dict__", {}).items()):
        if name not in parts and unique(held):
            same = {id(p): p for v, p in given if v is held and p is not None}
            if len(same) == 1:
                parts[name] = next(iter(same.values()))


def _unknown(seen: Seen, call: Call, value: Any) -> Prov | None:
    """Anything else: computed from what it was given, unless it is the very thing."""
    known = seen.of(value)
    if known is not None:
        return known
    if value is None or value is NotImplemented:
        return None
    if seen.produced_count != call.produced:
        # It has called tasks: what it returns may be theirs.
        return derive(*[p for p in call.provs() if isinstance(p, Stream)])
    for given, prov in (*call.positional(), *call.named.values()):
        if prov is not None and given is value and not isinstance(value, bool | int | str | None):
            return prov
    return derive(*call.provs())
