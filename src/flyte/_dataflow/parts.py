"""Parts of values: taken, set, iterated over."""

from collections import deque
from enum import Enum
from types import MemberDescriptorType, ModuleType
from typing import Any, Final

from flyte._dataflow.prov import MANY, Bag, Promise, Prov, Stream, Yields, child, derive, sequence
from flyte._dataflow.seen import Seen
from flyte._dataflow.twins import custom

PLAIN: Final = (int, float, str, bytes, complex)
"""Values whose attributes are computed."""
BUILT_IN: Final = frozenset({list, tuple, dict, set, int, float, str, bool, bytes, range, type(None)})
"""Kinds of values that are not of the user's making."""
_ORDERED: Final = (list, tuple, deque)
_EMPTY: Final = Stream(lambda _: None)


def item(seen: Seen, prov: Prov | None, holder: Any, key: Any) -> Prov | None:
    """Of `holder[key]`."""
    whole = seen.whole(holder, prov)
    if whole is None or isinstance(whole, Promise | Stream | Bag):
        return None
    if isinstance(holder, deque) and isinstance(key, int) and key < 0:
        key += len(holder)
    if isinstance(holder, range) or (
        holder is not None and not isinstance(holder, (*_ORDERED, dict, str, bytes))
    ):
        if isinstance(whole.parts, dict) and _hashable(key) and key in whole.parts:
            return whole.parts[key]
        return derive(whole)
    if isinstance(key, int) and key < 0 and holder is None and not isinstance(whole.parts, list):
        return derive(whole)
    return child(whole, key, holder)


def attribute_of(seen: Seen, holder: Any, prov: Prov | None, name: str) -> Prov | None:
    """Of `holder.name`, which runs no code of the user's."""
    if isinstance(holder, type | ModuleType):
        return seen.static(holder, name)
    whole = seen.whole(holder, prov)
    if whole is None:
        return None
    if isinstance(whole.parts, list):
        fields = getattr(holder, "_fields", ())
        return child(whole, fields.index(name)) if name in fields else None
    if whole.parts is not None and name in whole.parts:
        return whole.parts[name]
    return child(whole, name) if _holds(holder, name) else derive(whole)


def _holds(holder: Any, name: str) -> bool:
    """Whether it is a part of the value, and nothing that is computed from it."""
    if isinstance(holder, PLAIN):
        return False
    private = name.startswith("__") and not name.endswith("__")
    fields = getattr(holder, "_fields", ())
    return (
        private
        or name in getattr(holder, "__dict__", ())
        or name in fields
        or isinstance(holder, Enum)
        or isinstance(getattr(type(holder), name, None), MemberDescriptorType)
    )


def _hashable(key: Any) -> bool:
    try:
        hash(key)
    except TypeError:
        return False
    return True


def _whole(seen: Seen, value: Any, prov: Prov | None) -> Prov:
    """The provenance of a thing that is about to be changed; attached to it if it had none."""
    found = seen.whole(value, prov)
    if found is None:
        found = Prov((), [None] * len(value) if isinstance(value, _ORDERED) else {})
        seen.attach(value, found)
    return found


def listed(seen: Seen, value: Any, prov: Prov | None, length: int) -> "list[Prov | None]":
    """The parts of a sequence that is changed in place; `length` it had before."""
    whole = _whole(seen, value, prov)
    if not isinstance(whole.parts, list) or len(whole.parts) != length:
        whole.parts = list(sequence(whole, length))
        whole.origins = ()
    return whole.parts


def keyed(seen: Seen, value: Any, prov: Prov | None) -> "dict[Any, Prov | None]":
    """The parts of a mapping or an object that is changed in place."""
    whole = _whole(seen, value, prov)
    if not isinstance(whole.parts, dict):
        whole.parts = {}
    return whole.parts


def set_part(seen: Seen, value: Any, prov: Prov | None, name: str, new: Prov | None) -> None:
    """`value.name = ...`"""
    if isinstance(value, type | ModuleType):
        seen.set_static(value, name, new)
        return
    if value is None or (new is None and seen.whole(value, prov) is None):
        return
    keyed(seen, value, prov)[name] = new
    if prov is not None and isinstance(prov, Prov) and not isinstance(value, PLAIN):
        seen.attach(value, prov)


def set_item(seen: Seen, value: Any, prov: Prov | None, key: Any, new: Prov | None) -> None:
    """`value[key] = ...`"""
    if value is None or (new is None and seen.whole(value, prov) is None):
        return
    if isinstance(value, list | deque):
        parts = listed(seen, value, prov, len(value))
        if isinstance(key, int) and -len(parts) <= key < len(parts):
            parts[key] = new
    elif isinstance(value, dict):
        if _hashable(key):
            keyed(seen, value, prov)[key] = new
    else:
        whole = seen.whole(value, prov)
        both = derive(whole, new)
        if whole is not None and both is not None:
            whole.origins = both.origins
        elif both is not None:
            seen.attach(value, both)


def delete_item(seen: Seen, value: Any, prov: Prov | None, key: Any) -> None:
    whole = seen.whole(value, prov)
    if whole is None:
        return
    if isinstance(value, list | deque):
        parts = listed(seen, value, whole, len(value) + 1)
        if isinstance(key, int) and -len(parts) <= key < len(parts):
            del parts[key]
    elif isinstance(value, dict):
        if not isinstance(whole.parts, dict):
            whole.parts = {name: child(whole, name) for name in value}
            whole.origins = ()
        whole.parts.pop(key, None)


def forget(seen: Seen, value: Any, prov: Prov | None) -> None:
    """Something has been done to it that we do not follow: only what it depends on is known."""
    whole = seen.whole(value, prov)
    if whole is None:
        return
    known = derive(whole)
    whole.origins = () if known is None else known.origins
    whole.parts = None
    whole.kids = None


def lose(seen: Seen, value: Any, prov: Prov | None) -> None:
    """Code that we do not follow has changed it: nothing is known of its parts."""
    whole = seen.whole(value, prov)
    if whole is not None:
        whole.origins, whole.parts, whole.kids = (), {}, None


def repeated(left: Any, one: Prov | None, right: Any, two: Prov | None) -> Prov | None:
    """Of `left * right`."""
    if isinstance(left, list | tuple) and isinstance(right, int) and len(left) * right <= MANY:
        return None if one is None else Prov((), [*sequence(one, len(left))] * right)
    if isinstance(right, list | tuple) and isinstance(left, int):
        return repeated(right, two, left, one)
    return derive(one, two)


def augment(seen: Seen, before: Prov | None, prov: Prov | None, op: str, value: Any) -> Prov | None:
    """Of `x += ...`, where `value` is what `x` is now."""
    if isinstance(value, list) and op == "Add":
        whole = seen.whole(value, before)
        if whole is None and prov is None:
            return None
        added = len(prov.parts) if prov is not None and isinstance(prov.parts, list) else -1
        old = len(whole.parts) if whole is not None and isinstance(whole.parts, list) else -1
        if added < 0 and old < 0:
            return derive(before, prov)
        added = added if added >= 0 else len(value) - old
        parts = listed(seen, value, before, len(value) - added)
        parts.extend(sequence(prov, added))
        return seen.whole(value, before)
    if isinstance(value, dict) and op == "BitOr" and prov is not None:
        keyed(seen, value, before).update(prov.parts if isinstance(prov.parts, dict) else {})
        return seen.whole(value, before)
    if isinstance(before, Bag) and isinstance(prov, Bag) and op == "BitOr":
        for each, known in prov.known.items():
            before.add(each, known)
        return before
    return combine(op, before, prov)


def combine(op: str, left: Prov | None, right: Prov | None) -> Prov | None:
    """Of `left + right`, `left * right`, `left | right`."""
    if left is None or right is None:
        return derive(left, right)
    if op == "Add" and isinstance(left.parts, list) and isinstance(right.parts, list):
        return Prov((), left.parts + right.parts)
    if op == "BitOr":
        if isinstance(left.parts, dict) and isinstance(right.parts, dict):
            return Prov((), {**left.parts, **right.parts})
        if isinstance(left, Bag) and isinstance(right, Bag):
            return Bag([*left.known.items(), *right.known.items()])
    return derive(left, right)


def stream(seen: Seen, value: Any, prov: Prov | None) -> Stream:
    """Of the items that iterating over a value gives, in turn."""
    whole = seen.whole(value, prov)
    if isinstance(whole, Stream):
        return whole
    if isinstance(whole, Bag):
        return Stream(whole.of, (whole,))
    if whole is None or isinstance(whole, Promise):
        return _EMPTY
    if type(value) not in BUILT_IN and not isinstance(value, _ORDERED) and custom(type(value), "__iter__"):
        return _EMPTY
    if isinstance(value, dict):
        keys = derive(Prov(whole.origins))
        return Stream(lambda _: keys, (whole,))
    if isinstance(whole.parts, list) or (isinstance(value, list | tuple) and whole.parts is None):
        place = -1

        def following(_: Any) -> Prov | None:
            nonlocal place
            place += 1
            return child(whole, place, value)

        return Stream(following, (whole,))
    known = derive(whole)
    return Stream(lambda _: known, (whole,))


def items_of(seen: Seen, value: Any, prov: Prov | None, length: int) -> "list[Prov | None]":
    """Of all items at once, when there were `length` of them."""
    if isinstance(prov, Stream) and type(prov) is not Stream:
        items: list[Prov | None] = getattr(prov, "items", [])
        if len(items) == length:
            return list(items)
    if isinstance(value, list | tuple):
        return list(sequence(seen.whole(value, prov), length))
    source = stream(seen, value, prov)
    return [source.take() for _ in range(length)]


def unpacked(seen: Seen, prov: Prov | None, before: int, after: int, length: int) -> "list[Prov | None]":
    """Of `a, *b, c = ...`: `before` targets, then a starred one of `length` items (-1: none), then `after`."""
    if isinstance(prov, Yields):
        prov = Prov((), prov.items)
    elif isinstance(prov, Stream):
        taken = [prov.take() for _ in range(before + max(length, 0) + after)]
        prov = Prov((), taken)
    if length == -1:
        return [child(prov, i) for i in range(before)]
    if length < 0:
        return [child(prov, i) for i in range(before)] + [derive(prov)] * (after + 1)
    every = sequence(prov, before + length + after)
    middle = Prov((), list(every[before : before + length]))
    return [*every[:before], middle, *every[before + length :]]
