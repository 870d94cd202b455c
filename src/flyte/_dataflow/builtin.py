"""What builtins do to provenance. What is not here counts as computed from its arguments."""

import builtins
import collections
import functools
import heapq
import random
from collections import deque
from typing import Any, Final

from flyte._dataflow import collecting, copying, iterating
from flyte._dataflow.calls import Call
from flyte._dataflow.iterating import Model, argument
from flyte._dataflow.parts import attribute_of, items_of, set_part
from flyte._dataflow.prov import Bag, Prov, Yields, child, derive, sequence
from flyte._dataflow.seen import Seen


def _nothing(seen: Seen, call: Call, value: Any) -> Prov | None:
    return None


def _listing(seen: Seen, call: Call, value: Any) -> Prov | None:
    """`list(xs)`, `tuple(xs)`."""
    given, prov = argument(call, 0)
    if prov is None and seen.of(given) is None:
        return Prov((), [None] * len(value)) if isinstance(value, list) else None
    if isinstance(given, tuple) and isinstance(value, tuple) and given is value:
        return prov
    if isinstance(prov, Bag):
        return Prov((), [prov.of(each) for each in value])
    return Prov((), items_of(seen, given, prov, len(value)))


def _bag(seen: Seen, call: Call, value: Any) -> Prov | None:
    given, prov = argument(call, 0)
    if given is None:
        return Bag()
    if isinstance(given, list | tuple):
        return Bag(zip(given, sequence(seen.whole(given, prov), len(given)), strict=True))
    if isinstance(prov, Yields):
        return Bag(zip(prov.values, prov.items, strict=False))
    return Bag(prov.known.items()) if isinstance(prov, Bag) else derive(prov)


def _dict(seen: Seen, call: Call, value: Any) -> Prov | None:
    given, prov = argument(call, 0)
    parts: dict[Any, Prov | None] = {}
    whole = seen.whole(given, prov)
    if isinstance(given, dict):
        parts = {key: child(whole, key) for key in given}
    elif whole is not None:
        pairs = items_of(seen, given, prov, len(value) - len(set(call.named) - _names(given)))
        if len(pairs) == len(value):
            parts = {key: child(pair, 1) for key, pair in zip(value, pairs, strict=True)}
    parts.update({name: p for name, (_, p) in call.named.items()})
    return Prov((), parts)


def _names(given: Any) -> set[Any]:
    return {each[0] for each in given} if isinstance(given, list | tuple) else set()


def _defaultdict(seen: Seen, call: Call, value: Any) -> Prov | None:
    given, prov = argument(call, 1)
    whole = seen.whole(given, prov)
    parts = {key: child(whole, key) for key in given} if isinstance(given, dict) else {}
    return Prov((), parts)


def _counter(seen: Seen, call: Call, value: Any) -> Prov | None:
    """Its counts are computed from the items."""
    if isinstance(argument(call, 0)[0], dict):
        return _dict(seen, call, value)
    known = derive(*call.provs())
    return Prov((), {}) if known is None else known


def _range(seen: Seen, call: Call, value: Any) -> Prov | None:
    args = call.positional()
    if len(args) < 2:
        return None
    return derive(args[0][1], *[p for _, p in args[2:]])


def _getattr(seen: Seen, call: Call, value: Any) -> Prov | None:
    (given, prov), (name, _) = argument(call, 0), argument(call, 1)
    return attribute_of(seen, given, prov, name) if isinstance(name, str) else None


def _setattr(seen: Seen, call: Call, value: Any) -> Prov | None:
    (given, prov), (name, _), (_, new) = argument(call, 0), argument(call, 1), argument(call, 2)
    set_part(seen, given, prov, str(name), new)
    return None


def _partial(seen: Seen, call: Call, value: Any) -> Prov | None:
    """What a partial holds: by place and by name."""
    parts: dict[Any, Prov | None] = dict(enumerate([p for _, p in call.positional()[1:]]))
    parts.update({name: p for name, (_, p) in call.named.items()})
    made = Prov((), parts)
    seen.attach(value, made)
    return made


def _selected(seen: Seen, call: Call, value: Any) -> Prov | None:
    """One of the items that were given, or nothing: told by identity, if that is certain."""
    same = [p for v, p in [*call.before, *call.positional()] if v is value]
    return same[0] if len(same) == 1 else derive(*same)


def _from_keys(seen: Seen, call: Call, value: Any) -> Prov | None:
    """`dict.fromkeys(names, x)`"""
    return Prov((), dict.fromkeys(value, argument(call, 1)[1]))


def _entered(seen: Seen, call: Call, value: Any) -> Prov | None:
    """`stack.enter_context(...)`: what a generator of the user's has given; nothing is known of others."""
    given, prov = argument(call, 0)
    known = seen.whole(given, prov)
    if isinstance(known, Yields):
        return known.items[-1] if known.items else None
    return prov if given is value else None


_FUNCTIONS: Final[dict[Any, Model]] = {
    **iterating.FUNCTIONS,
    **copying.COPIES,
    **dict.fromkeys((heapq.nlargest, heapq.nsmallest), iterating.CHOOSING),
    **dict.fromkeys((heapq.heappush, heapq.heapify, random.shuffle), _nothing),
    **dict.fromkeys((heapq.heappop, heapq.heappushpop, heapq.heapreplace, random.choice), _selected),
    **dict.fromkeys(
        (builtins.print, isinstance, issubclass, hasattr, callable, builtins.id),
        _nothing,
    ),
    builtins.getattr: _getattr,
    builtins.setattr: _setattr,
    object.__setattr__: _setattr,
}
TYPES: Final[dict[Any, Model]] = {
    **iterating.ITERATORS,
    list: _listing,
    tuple: _listing,
    deque: _listing,
    set: _bag,
    frozenset: _bag,
    dict: _dict,
    collections.OrderedDict: _dict,
    collections.defaultdict: _defaultdict,
    collections.Counter: _counter,
    range: _range,
    type: _nothing,
    object: _nothing,
    functools.partial: _partial,
}


_BASES: Final = (list, tuple, dict, set, frozenset, deque)


def of_type(cls: Any, value: Any) -> Model | None:
    """What making an object of a builtin type does; a `TypedDict` makes a dict."""
    found = TYPES.get(cls)
    if found is not None:
        return found
    if type(value) is dict and hasattr(cls, "__total__"):
        return _dict
    base = next((each for each in cls.__mro__ if each in _BASES), None)
    own = base is not None and cls.__init__ is base.__init__ and cls.__new__ is base.__new__
    return TYPES[base] if own and not hasattr(cls, "_fields") else None


def model_of(function: Any) -> Model | None:
    """What a builtin does; None for one that is as any other."""
    try:
        found = _FUNCTIONS.get(function)
    except TypeError:
        return None
    if found is not None:
        return found
    if isinstance(function, iterating.GETTERS):
        return iterating.getter
    me = getattr(function, "__self__", None)
    name = getattr(function, "__name__", "")
    if me is None:
        return None
    if name == "fromkeys" and me is dict:
        return _from_keys
    if name == "enter_context":
        return _entered
    collection, model = collecting.of_method(me, name)
    if collection and model is not None:
        return model
    return copying.of_method(me, name)
