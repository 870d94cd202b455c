"""Calls that nobody spells: operators, items, properties, `for`, `with` and the making of objects.

Python makes them of the user's classes, and their methods are to run as twins, too. Where the source can
spell the call, it is spelled (see `rewrite`); elsewhere a *stand-in* takes the object's place for that
one operation. Its class has the method as a slot, and there lies the twin, bound to the object itself:
the method sees the object, and no frame of ours is in between.
"""

import functools
import operator
from types import FunctionType, MethodType
from typing import Any, Final

from flyte._dataflow.calls import Call, here
from flyte._dataflow.prov import Prov
from flyte._dataflow.seen import Seen
from flyte._dataflow.twins import custom, twin_of

_ABSTRACT: Final = 1 << 20
"""`Py_TPFLAGS_IS_ABSTRACT`: such a class makes no objects."""
OPERATORS: Final = {
    "Add": "__add__",
    "Sub": "__sub__",
    "Mult": "__mul__",
    "MatMult": "__matmul__",
    "Div": "__truediv__",
    "FloorDiv": "__floordiv__",
    "Mod": "__mod__",
    "Pow": "__pow__",
    "LShift": "__lshift__",
    "RShift": "__rshift__",
    "BitAnd": "__and__",
    "BitOr": "__or__",
    "BitXor": "__xor__",
}
_RUN: Final = operator.methodcaller("run")

_stands: dict[tuple[str, tuple[str, ...]], type] = {}


def method(value: Any, name: str) -> MethodType | None:
    """The twin of a method of the user's class, bound to the value."""
    function = custom(type(value), name)
    if type(function) is not FunctionType:
        return None
    twin = twin_of(function)
    return None if twin is None else MethodType(twin, value)


def called(bound: MethodType, prov: Prov | None) -> Call:
    """The call of a bound twin."""
    call = Call(bound, prov, bound.__func__.__code__)
    call.bound = (bound.__self__,)
    return call


def stand_in(value: Any, **methods: Any) -> Any:
    """What has these methods in place of the value's own."""
    made = _class(type(value).__name__, tuple(methods))()
    for name, each in methods.items():
        setattr(made, name, each)
    return made


def _class(name: str, slots: tuple[str, ...]) -> type:
    found = _stands.get((name, slots))
    if found is None:
        found = _stands[name, slots] = type(name, (), {"__slots__": slots})
    return found


def operate(name: str, left: Any, right: Any) -> Any:
    """The operator as it is, where the method has refused."""
    return getattr(operator, name)(left, right)


def attribute(value: Any, name: str, prov: Prov | None) -> "tuple[Any, Call] | None":
    """What to take the attribute of instead, if that runs code of the user's program."""
    cls = type(value)
    found = custom(cls, name)
    if found is None or type(found) is FunctionType or custom(cls, "__getattribute__") is not None:
        return None
    if type(found) is functools.cached_property:
        if name in getattr(value, "__dict__", {}) or type(found.func) is not FunctionType:
            return None
        twin = twin_of(found.func)
        if twin is None:
            return None
        noted: Any = functools.cached_property(twin)
        noted.attrname = found.attrname
        run: Any = MethodType(noted.__get__, value)
    elif type(found) is property and type(found.fget) is FunctionType and not hasattr(cls, "__getattr__"):
        twin = twin_of(found.fget)
        if twin is None:
            return None
        run = MethodType(twin, value)
    else:
        return None
    call = Call(run, prov, twin.__code__)
    call.bound = (value,)
    kind = _stands.get((name, ("run",)))
    if kind is None:
        kind = type("object", (), {"__slots__": ("run",), name: property(_RUN)})
        _stands[name, ("run",)] = kind
    made = kind()
    made.run = run
    return made, call


def setting(value: Any, name: str, prov: Prov | None) -> "tuple[Any, Call] | None":
    """What to set the attribute of instead, if that runs code of the user's program."""
    found = custom(type(value), name)
    if type(found) is not property or type(found.fset) is not FunctionType:
        return None
    twin = twin_of(found.fset)
    if twin is None:
        return None
    bound = MethodType(twin, value)
    kind = _stands.get((name, ("__call__",)))
    if kind is None:
        kind = type("object", (), {"__slots__": ("__call__",), name: property(None, operator.call)})
        _stands[name, ("__call__",)] = kind
    made = kind()
    made.__call__ = bound
    return made, called(bound, prov)


def entering(value: Any, prov: Prov | None, suffix: str) -> "tuple[Any, Call] | None":
    """The same for `with`; `suffix` is `a` for the async one."""
    enter, leave = f"__{suffix}enter__", f"__{suffix}exit__"
    first = method(value, enter)
    if first is None:
        return None
    last = method(value, leave) or getattr(value, leave, None)
    if last is None:
        return None
    return stand_in(value, **{enter: first, leave: last}), called(first, prov)


def iterating(value: Any, suffix: str) -> Any:
    """The same for an iterator of the user's class: its `__next__` runs as a twin."""
    following = method(value, f"__{suffix}next__")
    if following is None:
        return None
    made = stand_in(value, **{f"__{suffix}iter__": None, f"__{suffix}next__": following})
    setattr(made, f"__{suffix}iter__", functools.partial(operator.getitem, [made], 0))
    return made


# -- Objects -----------------------------------------------------------------------------------------


def making(seen: Seen, call: Call, cls: type) -> Any:
    """What is to be called in place of a class: its `__init__` as a twin, for an object that is there."""
    if type(cls).__call__ is not type.__call__ or cls.__flags__ & _ABSTRACT:
        return cls
    error = issubclass(cls, BaseException)
    if cls.__new__ is not (_plain_new(cls) if error else object.__new__):
        return cls
    init: Any = getattr(cls, "__init__")  # noqa: B009
    if type(init) is not FunctionType:
        return cls
    made = _made(call, cls, init)
    if made is None:
        return cls
    call.made = made
    call.holder = Prov((), {})
    seen.attach(made, call.holder)
    return call.function


def _plain_new(cls: type) -> Any:
    plain = (Exception, ValueError, RuntimeError, TypeError, KeyError, LookupError, BaseException)
    base = next(each for each in cls.__mro__ if each.__module__ == "builtins")
    return base.__new__ if base in plain else None


def _made(call: Call, cls: Any, init: FunctionType) -> Any:
    twin = twin_of(init)
    if twin is not None:
        made = cls.__new__(cls)
        call.function = MethodType(twin, made)
        call.target = twin.__code__
        call.bound = (made,)
        return made
    after = custom(cls, "__post_init__") if hasattr(cls, "__dataclass_fields__") else None
    if type(after) is not FunctionType or init.__code__.co_filename != "<string>":
        return None
    twin = twin_of(after)
    made = cls.__new__(cls)
    if twin is None or not hasattr(made, "__dict__"):
        return None
    made.__dict__["__post_init__"] = MethodType(twin, made)
    call.function = MethodType(init, made)
    call.later = twin.__code__
    return made


def begin(call: Call) -> None:
    """The arguments of what makes an object are there."""
    made = call.made
    if isinstance(made, BaseException):
        made.args = tuple([value for value, _ in call.positional()])
    if call.later is None:
        return
    parts: Any = call.holder.parts if call.holder is not None else {}
    code = call.function.__func__.__code__
    names = code.co_varnames[1 : code.co_argcount]
    parts.update(zip(names, [prov for _, prov in call.positional()], strict=False))
    parts.update({name: prov for name, (_, prov) in call.named.items()})
    after = Call(None, call.holder, call.later)
    after.bound = (made,)
    after.post = True
    here.call = after


def begun(call: Call) -> None:
    """`__post_init__` runs now: nobody shall see how it came to."""
    assert call.bound is not None
    call.bound[0].__dict__.pop("__post_init__", None)


def finished(call: Call, value: Any) -> Any:
    """The object that a call was to make."""
    if value is not None:
        raise TypeError(f"__init__() should return None, not '{type(value).__name__}'")
    return call.made


def is_generator(bound: MethodType) -> bool:
    return bool(bound.__func__.__code__.co_flags & (0x20 | 0x200))
