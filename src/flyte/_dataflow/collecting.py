"""What the methods of lists, dicts, sets and queues do to provenance."""

import asyncio
import queue
import threading
from collections import deque
from typing import Any, Final

from flyte._dataflow.calls import Call
from flyte._dataflow.copying import copied
from flyte._dataflow.iterating import Model, argument, permuted
from flyte._dataflow.parts import item, items_of, keyed, listed
from flyte._dataflow.prov import Bag, Later, Prov, Yields, child, derive, sequence
from flyte._dataflow.seen import Seen


def _self(call: Call) -> Any:
    return getattr(call.function, "__self__", None)


def _nothing(seen: Seen, call: Call, value: Any) -> Prov | None:
    return None


def _computed(seen: Seen, call: Call, value: Any) -> Prov | None:
    return derive(seen.whole(_self(call), call.holder), *call.provs())


# -- Sequences ---------------------------------------------------------------------------------------


def _insert(seen: Seen, call: Call, place: int, prov: Prov | None) -> None:
    me = _self(call)
    if prov is not None or seen.whole(me, call.holder) is not None:
        listed(seen, me, call.holder, len(me) - 1).insert(place, prov)


def _append(seen: Seen, call: Call, value: Any) -> Prov | None:
    _insert(seen, call, len(_self(call)), argument(call, 0)[1])
    return None


def _appendleft(seen: Seen, call: Call, value: Any) -> Prov | None:
    _insert(seen, call, 0, argument(call, 0)[1])
    return None


def _inserted(seen: Seen, call: Call, value: Any) -> Prov | None:
    _insert(seen, call, argument(call, 0)[0], argument(call, 1)[1])
    return None


def _extend(seen: Seen, call: Call, value: Any) -> Prov | None:
    me, (given, prov) = _self(call), argument(call, 0)
    whole = seen.whole(me, call.holder)
    added = _length(given, prov)
    if added < 0 and whole is not None and isinstance(whole.parts, list):
        added = len(me) - len(whole.parts)
    if added < 0 or (prov is None and whole is None):
        return None
    listed(seen, me, call.holder, len(me) - added).extend(items_of(seen, given, prov, added))
    return None


def _length(given: Any, prov: Prov | None) -> int:
    if isinstance(given, list | tuple | dict | set | frozenset | deque):
        return len(given)
    return len(prov.items) if isinstance(prov, Yields) else -1


def _pop(seen: Seen, call: Call, value: Any) -> Prov | None:
    me = _self(call)
    if seen.whole(me, call.holder) is None:
        return None
    place = argument(call, 0)[0] if call.positional() else -1
    return listed(seen, me, call.holder, len(me) + 1).pop(place)


def _popleft(seen: Seen, call: Call, value: Any) -> Prov | None:
    me = _self(call)
    if seen.whole(me, call.holder) is None:
        return None
    return listed(seen, me, call.holder, len(me) + 1).pop(0)


def _moved(seen: Seen, call: Call, value: Any) -> Prov | None:
    """`xs.sort()`, `xs.remove(x)`, `d.rotate()`: the same items, told by what there was before."""
    me = _self(call)
    whole = seen.whole(me, call.holder)
    if whole is None:
        return None
    items, provs = [v for v, _ in call.before], [p for _, p in call.before]
    removes = call.function.__name__ == "remove"
    if removes and any(provs[0] is not p for p in provs) and _ambiguous(items, provs, me):
        provs = [None] * len(items)
    found = permuted(items, provs, me)
    whole.parts = found.parts if found is not None else None
    whole.origins = ()
    whole.kids = None
    return None


def _ambiguous(items: list[Any], provs: "list[Prov | None]", left: list[Any]) -> bool:
    """Whether the one that went is one of several that are the same."""
    gone = next((i for i, each in enumerate(items) if i >= len(left) or left[i] is not each), len(items) - 1)
    return sum(each is items[gone] for each in items) > 1


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


# -- Mappings ----------------------------------------------------------------------------------------


def _without(seen: Seen, me: Any, whole: Prov, key: Any) -> None:
    if not isinstance(whole.parts, dict):
        whole.parts = {name: child(whole, name) for name in me}
        whole.origins = ()
    whole.parts.pop(key, None)


def _pop_key(seen: Seen, call: Call, value: Any) -> Prov | None:
    me = _self(call)
    key, default = argument(call, 0)[0], argument(call, 1)[1]
    whole = seen.whole(me, call.holder)
    if whole is None:
        return seen.of(value) or default
    found = child(whole, key) or default
    _without(seen, me, whole, key)
    return found


def _popitem(seen: Seen, call: Call, value: Any) -> Prov | None:
    me = _self(call)
    whole = seen.whole(me, call.holder)
    if whole is None:
        return None
    found = child(whole, value[0])
    _without(seen, me, whole, value[0])
    return Prov((), [None, found])


def _get(seen: Seen, call: Call, value: Any) -> Prov | None:
    me, (key, _), (_, default) = _self(call), argument(call, 0), argument(call, 1)
    return item(seen, call.holder, me, key) if key in me else default


def _setdefault(seen: Seen, call: Call, value: Any) -> Prov | None:
    me, (key, _), (_, default) = _self(call), argument(call, 0), argument(call, 1)
    whole = seen.whole(me, call.holder)
    if not call.was_there:
        if default is not None or whole is not None:
            keyed(seen, me, call.holder)[key] = default
        return default if default is not None else seen.of(value)
    return item(seen, call.holder, me, key) or seen.of(value)


def _update(seen: Seen, call: Call, value: Any) -> Prov | None:
    me, (given, prov) = _self(call), argument(call, 0)
    whole = seen.whole(given, prov)
    mine = seen.whole(me, call.holder)
    if isinstance(given, dict) and (whole is not None or mine is not None):
        keyed(seen, me, call.holder).update({key: child(whole, key) for key in given})
    elif isinstance(given, list | tuple) and (whole is not None or mine is not None):
        pairs = sequence(whole, len(given))
        keyed(seen, me, call.holder).update(
            {pair[0]: child(known, 1) for pair, known in zip(given, pairs, strict=True)}
        )
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


# -- Sets --------------------------------------------------------------------------------------------


def _add(seen: Seen, call: Call, value: Any) -> Prov | None:
    me, (given, prov) = _self(call), argument(call, 0)
    whole = seen.whole(me, call.holder)
    if whole is None and prov is not None:
        whole = Bag([(each, None) for each in me if each is not given])
        seen.attach(me, whole)
    if isinstance(whole, Bag):
        whole.add(given, prov)
    return None


def _discard(seen: Seen, call: Call, value: Any) -> Prov | None:
    whole = seen.whole(_self(call), call.holder)
    if isinstance(whole, Bag):
        whole.known.pop(argument(call, 0)[0], None)
    return None


def _pop_any(seen: Seen, call: Call, value: Any) -> Prov | None:
    whole = seen.whole(_self(call), call.holder)
    return whole.known.pop(value, None) if isinstance(whole, Bag) else seen.of(value)


def _joined(seen: Seen, call: Call, value: Any) -> Prov | None:
    """`s.union(t)`, `s.update(t)`: of equal items the first stays."""
    me = _self(call)
    whole = seen.whole(me, call.holder)
    known: list[tuple[Any, Prov | None]] = list(whole.known.items()) if isinstance(whole, Bag) else []
    for given, prov in call.positional():
        other = seen.whole(given, prov)
        if isinstance(other, Bag):
            known += other.known.items()
        elif isinstance(given, list | tuple):
            known += zip(given, sequence(other, len(given)), strict=True)
    if value is not None:
        return Bag(known)
    if isinstance(whole, Bag):
        for each, prov in known:
            whole.add(each, prov)
    elif known:
        seen.attach(me, Bag(known))
    return None


def _remaining(seen: Seen, call: Call, value: Any) -> Prov | None:
    """`s.intersection(t)`, `s.difference(t)`"""
    whole = seen.whole(_self(call), call.holder)
    return Bag([(each, whole.of(each)) for each in value]) if isinstance(whole, Bag) else None


# -- Queues ------------------------------------------------------------------------------------------


class Queued(Prov):
    """Of a queue: what was put in and not taken yet, and by which thread."""

    __slots__ = ("entries",)

    def __init__(self) -> None:
        super().__init__()
        self.entries: deque[tuple[Any, Prov | None, int]] = deque()

    def take(self, value: Any) -> Prov | None:
        """Told by identity; of several that are the same, the first, if one thread has put them all."""
        same = [each for each in self.entries if each[0] is value]
        if not same:
            return None
        self.entries.remove(same[0])
        return same[0][1] if len({each[2] for each in same}) == 1 else None


_QUEUES: Final = (queue.Queue, queue.SimpleQueue, asyncio.Queue)


def put(seen: Seen, call: Call) -> None:
    """Something is about to be put into a queue."""
    me = _self(call)
    if not isinstance(me, _QUEUES) or call.function.__name__ not in ("put", "put_nowait"):
        return
    given, prov = argument(call, 0)
    _queued(seen, me).entries.append((given, prov, threading.get_ident()))


def _queued(seen: Seen, me: Any) -> Queued:
    whole = seen.of(me)
    if not isinstance(whole, Queued):
        whole = Queued()
        seen.attach(me, whole)
    return whole


def _take(seen: Seen, call: Call, value: Any) -> Prov | None:
    whole = _queued(seen, _self(call))
    if hasattr(value, "cr_frame"):
        return Later(whole.take)
    return whole.take(value)


# -- All of them -------------------------------------------------------------------------------------


def _join(seen: Seen, call: Call, value: Any) -> Prov | None:
    given, prov = argument(call, 0)
    return derive(call.holder, seen.whole(given, prov))


_SEQUENCE: Final[dict[str, Model]] = {
    "append": _append,
    "appendleft": _appendleft,
    "insert": _inserted,
    "extend": _extend,
    "pop": _pop,
    "popleft": _popleft,
    "remove": _moved,
    "clear": _clear,
    "reverse": _reverse,
    "sort": _moved,
    "rotate": _moved,
    "copy": copied,
    "index": _computed,
    "count": _computed,
}
MOVING: Final = frozenset({"remove", "sort", "rotate"})
_MAPPING: Final[dict[str, Model]] = {
    "get": _get,
    "pop": _pop_key,
    "popitem": _popitem,
    "setdefault": _setdefault,
    "update": _update,
    "items": _of_items,
    "values": _of_values,
    "keys": _of_keys,
    "copy": copied,
    "clear": _clear,
}
_SET: Final[dict[str, Model]] = {
    "add": _add,
    "discard": _discard,
    "remove": _discard,
    "pop": _pop_any,
    "union": _joined,
    "update": _joined,
    "intersection": _remaining,
    "difference": _remaining,
}
_QUEUE: Final[dict[str, Model]] = {
    "put": _nothing,
    "put_nowait": _nothing,
    "get": _take,
    "get_nowait": _take,
}
_METHODS: Final[tuple[tuple[type, dict[str, Model]], ...]] = (
    (list, _SEQUENCE),
    (deque, _SEQUENCE),
    (dict, _MAPPING),
    (set, _SET),
    (frozenset, _SET),
    (str, {"join": _join}),
    *[(each, _QUEUE) for each in _QUEUES],
)


def before(seen: Seen, call: Call) -> None:
    """A method is about to be called: what will not be known afterwards."""
    me = _self(call)
    name = getattr(call.function, "__name__", "")
    if isinstance(me, _QUEUES):
        put(seen, call)
    elif isinstance(me, list | deque) and name in MOVING:
        whole = seen.whole(me, call.holder)
        if whole is not None:
            call.before = list(zip(me, sequence(whole, len(me)), strict=True))
    elif isinstance(me, dict) and name == "setdefault":
        call.was_there = argument(call, 0)[0] in me


def of_method(me: Any, name: str) -> "tuple[bool, Model | None]":
    """Whether a thing is a collection; and what the method does."""
    for kind, methods in _METHODS:
        if isinstance(me, kind):
            return True, methods.get(name)
    return False, None
