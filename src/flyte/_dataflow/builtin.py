"""What builtins do to provenance. What is not here counts as computed from its arguments."""

import builtins
import collections
import copy
import dataclasses
import functools
import heapq
import itertools
import queue
import random
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from flyte._dataflow.calls import Call, Given
from flyte._dataflow.parts import item, items_of, keyed, listed, stream
from flyte._dataflow.prov import Bag, Later, Prov, Stream, Yields, child, derive, sequence
from flyte._dataflow.seen import Seen

Model = Callable[[Seen, Call, Any], "Prov | None"]

_MISSING: Final[Given] = (None, None)


def _arg(call: Call, index: int) -> Given:
    args = call.positional()
    return args[index] if index < len(args) else _MISSING


def _nothing(seen: Seen, call: Call, value: Any) -> Prov | None:
    return None


# -- Functions ---------------------------------------------------------------------------------------


def _listing(seen: Seen, call: Call, value: Any) -> Prov | None:
    """`list(xs)`, `tuple(xs)`."""
    given, prov = _arg(call, 0)
    if prov is None and seen.of(given) is None:
        return Prov((), [None] * len(value)) if isinstance(value, list) else None
    if isinstance(given, tuple) and isinstance(value, tuple) and given is value:
        return prov
    if isinstance(prov, Bag):
        return Prov((), [prov.of(each) for each in value])
    return Prov((), items_of(seen, given, prov, len(value)))


def _bag(seen: Seen, call: Call, value: Any) -> Prov | None:
    given, prov = _arg(call, 0)
    if isinstance(given, list | tuple):
        return Bag(zip(given, sequence(seen.whole(given, prov), len(given)), strict=True))
    if isinstance(prov, Yields):
        return Bag(zip(prov.values, prov.items, strict=False))
    return prov if isinstance(prov, Bag) else derive(prov)


def _dict(seen: Seen, call: Call, value: Any) -> Prov | None:
    given, prov = _arg(call, 0)
    parts: dict[Any, Prov | None] = {}
    whole = seen.whole(given, prov)
    if isinstance(given, dict):
        parts = {key: child(whole, key) for key in given}
    elif whole is not None:
        pairs = items_of(seen, given, prov, len(value))
        parts = {key: child(pair, 1) for key, pair in zip(value, pairs, strict=True)}
    parts.update({name: p for name, (_, p) in call.named.items()})
    return Prov((), parts)


def _enumerate(seen: Seen, call: Call, value: Any) -> Prov | None:
    inner = stream(seen, *_arg(call, 0))
    return Stream(lambda pair: Prov((), [None, inner.take(_second(pair))]), inner.sources)


def _second(pair: Any) -> Any:
    return pair[1] if isinstance(pair, tuple) and len(pair) > 1 else None


def _zip(seen: Seen, call: Call, value: Any) -> Prov | None:
    inner = [stream(seen, *each) for each in call.positional()]
    return Stream(
        lambda _: Prov((), [each.take() for each in inner]), [p for each in inner for p in each.sources]
    )


def _iter(seen: Seen, call: Call, value: Any) -> Prov | None:
    return stream(seen, *_arg(call, 0))


def _next(seen: Seen, call: Call, value: Any) -> Prov | None:
    _, prov = _arg(call, 0)
    given = _arg(call, 0)[0]
    known = prov if prov is not None else seen.of(given)
    if isinstance(known, Stream):
        return known.take(value)
    return seen.of(value) or derive(known)


def _reversed(seen: Seen, call: Call, value: Any) -> Prov | None:
    given, prov = _arg(call, 0)
    if not isinstance(given, list | tuple):
        return derive(prov)
    backwards = iter(list(sequence(seen.whole(given, prov), len(given)))[::-1])
    return Stream(lambda _: next(backwards, None), (prov,))


def _sorted(seen: Seen, call: Call, value: Any) -> Prov | None:
    """Equal items stay in their order, so it is known which is which."""
    given, prov = _arg(call, 0)
    return _permuted(*_values(seen, given, prov), value)


def _values(seen: Seen, given: Any, prov: Prov | None) -> "tuple[list[Any], list[Prov | None]]":
    if isinstance(given, list | tuple):
        return list(given), list(sequence(seen.whole(given, prov), len(given)))
    if isinstance(prov, Yields) and len(prov.values) == len(prov.items):
        return prov.values, prov.items
    if isinstance(prov, Bag):
        return list(prov.known), list(prov.known.values())
    return [], []


def _permuted(values: list[Any], provs: "list[Prov | None]", result: Any) -> Prov | None:
    waiting: dict[int, deque[Prov | None]] = {}
    for each, prov in zip(values, provs, strict=True):
        waiting.setdefault(id(each), deque()).append(prov)
    found: list[Prov | None] = []
    for each in result:
        same = waiting.get(id(each))
        found.append(same.popleft() if same else None)
    return Prov((), found)


def _extreme(seen: Seen, call: Call, value: Any) -> Prov | None:
    """`min`, `max`: the first of those that are the result."""
    args = call.positional()
    if len(args) == 1:
        values, provs = _values(seen, *args[0])
    else:
        values, provs = [v for v, _ in args], [p for _, p in args]
    for each, prov in zip(values, provs, strict=True):
        if each is value:
            return prov
    return derive(*provs, *[p for _, p in args])


def _filter(seen: Seen, call: Call, value: Any) -> Prov | None:
    given, prov = _arg(call, 1)
    values, provs = _values(seen, given, prov)
    if not values:
        return Stream(lambda _: None, (prov,))
    place = 0

    def following(item: Any) -> Prov | None:
        nonlocal place
        while place < len(values):
            place += 1
            if values[place - 1] is item:
                return provs[place - 1]
        return None

    return Stream(following, (prov,))


def _range(seen: Seen, call: Call, value: Any) -> Prov | None:
    args = call.positional()
    if len(args) < 2:
        return None
    return derive(args[0][1], *[p for _, p in args[2:]])


def _getattr(seen: Seen, call: Call, value: Any) -> Prov | None:
    (given, prov), (name, _) = _arg(call, 0), _arg(call, 1)
    whole = seen.whole(given, prov)
    if isinstance(name, str) and whole is not None and not isinstance(whole.parts, list):
        return child(whole, name)
    return None


def _setattr(seen: Seen, call: Call, value: Any) -> Prov | None:
    from flyte._dataflow.parts import set_part

    (given, prov), (name, _), (_, new) = _arg(call, 0), _arg(call, 1), _arg(call, 2)
    set_part(seen, given, prov, str(name), new)
    return None


def _copy(seen: Seen, call: Call, value: Any) -> Prov | None:
    given, prov = _arg(call, 0) if call.positional() else (None, call.holder)
    whole = seen.whole(given, prov)
    return _copied(whole, value)


def _copied(whole: Prov | None, value: Any) -> Prov | None:
    if whole is None or type(whole) is not Prov:
        return whole
    parts = whole.parts
    if parts is None and isinstance(value, list | dict) and whole.origins:
        return Prov(whole.origins)
    return Prov(
        whole.origins, list(parts) if isinstance(parts, list) else dict(parts) if parts is not None else None
    )


def _chain(seen: Seen, call: Call, value: Any) -> Prov | None:
    provs: list[Prov | None] = []
    for given, prov in call.positional():
        if not isinstance(given, list | tuple):
            return derive(*call.provs())
        provs += sequence(seen.whole(given, prov), len(given))
    following = iter(provs)
    return Stream(lambda _: next(following, None), [Prov((), provs)])


def _accumulated(seen: Seen, call: Call, value: Any) -> Prov | None:
    inner = stream(seen, *_arg(call, 0))
    so_far: list[Prov | None] = []

    def following(_: Any) -> Prov | None:
        so_far.append(inner.take())
        return so_far[0] if len(so_far) == 1 else derive(*so_far)

    return Stream(following, inner.sources)


def _map(seen: Seen, call: Call, value: Any) -> Prov | None:
    """A map of something that is not ours: each item is computed from those it was given."""
    inner = [stream(seen, *each) for each in call.positional()[1:]]
    return Stream(
        lambda _: derive(*[each.take() for each in inner]), [p for each in inner for p in each.sources]
    )


def _partial(seen: Seen, call: Call, value: Any) -> Prov | None:
    """What a partial holds: by place and by name."""
    parts: dict[Any, Prov | None] = dict(enumerate([p for _, p in call.positional()[1:]]))
    parts.update({name: p for name, (_, p) in call.named.items()})
    made = Prov((), parts)
    seen.attach(value, made)
    return made


def _replaced(seen: Seen, call: Call, value: Any) -> Prov | None:
    """`dataclasses.replace(given, name=...)`."""
    whole = seen.whole(*_arg(call, 0))
    names = getattr(value, "__dataclass_fields__", {})
    made = Prov((), {name: child(whole, name) for name in names})
    made.parts.update({name: p for name, (_, p) in call.named.items()})  # type: ignore[union-attr]
    seen.attach(value, made)
    return made


def _selected(seen: Seen, call: Call, value: Any) -> Prov | None:
    """One of the items that were given, or nothing: told by identity, if that is certain."""
    same = [p for v, p in [*call.before, *call.positional()] if v is value]
    return same[0] if len(same) == 1 else derive(*same)


_FUNCTIONS: Final[dict[Any, Model]] = {
    builtins.sorted: _sorted,
    builtins.min: _extreme,
    builtins.max: _extreme,
    builtins.iter: _iter,
    builtins.next: _next,
    builtins.getattr: _getattr,
    builtins.setattr: _setattr,
    builtins.print: _nothing,
    builtins.isinstance: _nothing,
    builtins.issubclass: _nothing,
    builtins.hasattr: _nothing,
    builtins.callable: _nothing,
    builtins.id: _nothing,
    copy.copy: _copy,
    copy.deepcopy: _copy,
    dataclasses.replace: _replaced,
    heapq.heappush: _nothing,
    heapq.heappop: _selected,
    heapq.heapify: _nothing,
    heapq.heappushpop: _selected,
    heapq.heapreplace: _selected,
    random.choice: _selected,
    random.shuffle: _nothing,
}
TYPES: Final[dict[Any, Model]] = {
    list: _listing,
    tuple: _listing,
    deque: _listing,
    set: _bag,
    frozenset: _bag,
    dict: _dict,
    collections.OrderedDict: _dict,
    collections.defaultdict: lambda seen, call, value: Prov((), {}),
    enumerate: _enumerate,
    zip: _zip,
    reversed: _reversed,
    filter: _filter,
    map: _map,
    range: _range,
    type: _nothing,
    object: _nothing,
    itertools.chain: _chain,
    itertools.accumulate: _accumulated,
    functools.partial: _partial,
}


# -- Methods -----------------------------------------------------------------------------------------


def _self(call: Call) -> Any:
    return getattr(call.function, "__self__", None)


def _append(seen: Seen, call: Call, value: Any) -> Prov | None:
    me, (_, prov) = _self(call), _arg(call, 0)
    if prov is not None or seen.whole(me, call.holder) is not None:
        listed(seen, me, call.holder, len(me) - 1).append(prov)
    return None


def _appendleft(seen: Seen, call: Call, value: Any) -> Prov | None:
    me, (_, prov) = _self(call), _arg(call, 0)
    if prov is not None or seen.whole(me, call.holder) is not None:
        listed(seen, me, call.holder, len(me) - 1).insert(0, prov)
    return None


def _insert(seen: Seen, call: Call, value: Any) -> Prov | None:
    me, (place, _), (_, prov) = _self(call), _arg(call, 0), _arg(call, 1)
    if prov is not None or seen.whole(me, call.holder) is not None:
        listed(seen, me, call.holder, len(me) - 1).insert(place, prov)
    return None


def _extend(seen: Seen, call: Call, value: Any) -> Prov | None:
    me, (given, prov) = _self(call), _arg(call, 0)
    whole = seen.whole(me, call.holder)
    added = _length(given, prov)
    if added < 0 and whole is not None and isinstance(whole.parts, list):
        added = len(me) - len(whole.parts)
    if added < 0 or (prov is None and whole is None):
        return None
    listed(seen, me, call.holder, len(me) - added).extend(items_of(seen, given, prov, added))
    return None


def _length(given: Any, prov: Prov | None) -> int:
    if isinstance(given, list | tuple | dict | set | frozenset):
        return len(given)
    return len(prov.items) if isinstance(prov, Yields) else -1


def _pop(seen: Seen, call: Call, value: Any) -> Prov | None:
    me = _self(call)
    whole = seen.whole(me, call.holder)
    if whole is None:
        return None
    if isinstance(me, dict):
        key, default = _arg(call, 0)[0], _arg(call, 1)[1]
        found = child(whole, key) or default
        if not isinstance(whole.parts, dict):
            whole.parts = {name: child(whole, name) for name in me}
            whole.origins = ()
        whole.parts.pop(key, None)
        return found
    place = _arg(call, 0)[0] if call.positional() else -1
    return listed(seen, me, call.holder, len(me) + 1).pop(place)


def _popleft(seen: Seen, call: Call, value: Any) -> Prov | None:
    me = _self(call)
    if seen.whole(me, call.holder) is None:
        return None
    return listed(seen, me, call.holder, len(me) + 1).pop(0)


def _remove(seen: Seen, call: Call, value: Any) -> Prov | None:
    """Which of several equal ones went is not known by now."""
    me = _self(call)
    whole = seen.whole(me, call.holder)
    if whole is not None:
        known = derive(whole)
        whole.parts = [None] * len(me)
        whole.origins = ()
        if known is not None and len(known.origins) == 1:
            whole.parts = None
            whole.origins = known.origins
    return None


def _clear(seen: Seen, call: Call, value: Any) -> Prov | None:
    whole = seen.whole(_self(call), call.holder)
    if whole is not None:
        whole.parts = [] if isinstance(_self(call), list | deque) else {}
        whole.origins = ()
    return None


def _reverse(seen: Seen, call: Call, value: Any) -> Prov | None:
    me = _self(call)
    if seen.whole(me, call.holder) is not None:
        listed(seen, me, call.holder, len(me)).reverse()
    return None


def _get(seen: Seen, call: Call, value: Any) -> Prov | None:
    me, (key, _), (_, default) = _self(call), _arg(call, 0), _arg(call, 1)
    return item(seen, call.holder, me, key) if key in me else default


def _setdefault(seen: Seen, call: Call, value: Any) -> Prov | None:
    me, (key, _), (given, default) = _self(call), _arg(call, 0), _arg(call, 1)
    whole = seen.whole(me, call.holder)
    known = child(whole, key) if whole is not None else None
    if known is not None:
        return known
    if given is value and default is not None:
        keyed(seen, me, call.holder)[key] = default
        return default
    return seen.of(value)


def _update(seen: Seen, call: Call, value: Any) -> Prov | None:
    me, (given, prov) = _self(call), _arg(call, 0)
    whole = seen.whole(given, prov)
    if isinstance(given, dict) and whole is not None:
        keyed(seen, me, call.holder).update({key: child(whole, key) for key in given})
    elif whole is None and isinstance(given, dict) and seen.whole(me, call.holder) is not None:
        keyed(seen, me, call.holder).update(dict.fromkeys(given))
    if call.named:
        keyed(seen, me, call.holder).update({name: p for name, (_, p) in call.named.items()})
    return None


def _of_items(seen: Seen, call: Call, value: Any) -> Prov | None:
    me = _self(call)
    whole = seen.whole(me, call.holder)
    if whole is None:
        return None
    return Prov((), [Prov((), [None, child(whole, key)]) for key in me])


def _of_values(seen: Seen, call: Call, value: Any) -> Prov | None:
    me = _self(call)
    whole = seen.whole(me, call.holder)
    return None if whole is None else Prov((), [child(whole, key) for key in me])


def _of_keys(seen: Seen, call: Call, value: Any) -> Prov | None:
    whole = seen.whole(_self(call), call.holder)
    return None if whole is None else derive(Prov(whole.origins))


def _add(seen: Seen, call: Call, value: Any) -> Prov | None:
    me, (given, prov) = _self(call), _arg(call, 0)
    whole = seen.whole(me, call.holder)
    if whole is None and prov is not None:
        whole = Bag()
        seen.attach(me, whole)
    if isinstance(whole, Bag):
        whole.add(given, prov)
    return None


def _put(seen: Seen, call: Call, value: Any) -> Prov | None:
    """A queue: first in, first out."""
    me = _self(call)
    whole = seen.of(me)
    if whole is None:
        whole = Prov((), [])
        seen.attach(me, whole)
    if isinstance(whole.parts, list):
        whole.parts.append(_arg(call, 0)[1])
    return None


def _take(seen: Seen, call: Call, value: Any) -> Prov | None:
    whole = seen.of(_self(call))

    def first() -> Prov | None:
        parts = whole.parts if whole is not None else None
        return parts.pop(0) if isinstance(parts, list) and parts else None

    return Later(first) if hasattr(value, "cr_frame") else first()


def _join(seen: Seen, call: Call, value: Any) -> Prov | None:
    given, prov = _arg(call, 0)
    return derive(call.holder, seen.whole(given, prov))


_SEQUENCE: Final[dict[str, Model]] = {
    "append": _append,
    "appendleft": _appendleft,
    "insert": _insert,
    "extend": _extend,
    "pop": _pop,
    "popleft": _popleft,
    "remove": _remove,
    "clear": _clear,
    "reverse": _reverse,
    "sort": _remove,
    "copy": _copy,
    "index": _nothing,
    "count": _nothing,
}
_MAPPING: Final[dict[str, Model]] = {
    "get": _get,
    "pop": _pop,
    "setdefault": _setdefault,
    "update": _update,
    "items": _of_items,
    "values": _of_values,
    "keys": _of_keys,
    "copy": _copy,
    "clear": _clear,
}
_METHODS: Final[tuple[tuple[type, dict[str, Model]], ...]] = (
    (list, _SEQUENCE),
    (deque, _SEQUENCE),
    (dict, _MAPPING),
    (set, {"add": _add}),
    (str, {"join": _join}),
    (queue.Queue, {"put": _put, "put_nowait": _put, "get": _take, "get_nowait": _take}),
)


def model_of(function: Any) -> Model | None:
    """What a builtin does; None for one that is as any other."""
    try:
        found = _FUNCTIONS.get(function)
    except TypeError:
        return None
    if found is not None:
        return found
    me = getattr(function, "__self__", None)
    name = getattr(function, "__name__", "")
    if me is itertools.chain:
        return None
    for kind, methods in _METHODS:
        if isinstance(me, kind):
            return methods.get(name)
    if type(me).__module__.startswith("asyncio") and type(me).__name__ == "Queue":
        return {"put": _put, "put_nowait": _put, "get": _take, "get_nowait": _take}.get(name)
    return None
