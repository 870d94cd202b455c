"""What a twin calls while it runs: the notes of one body.

Hooks that take a value return it as it is. None of them may ever raise: without a note there is an
arrow less, but the program must run as it would without us.
"""

import asyncio
import functools
import sys
from collections.abc import Callable
from inspect import CO_COROUTINE
from types import FunctionType
from typing import Any, Final, TypeVar

from flyte import _context
from flyte._dataflow import implicit, models, parts
from flyte._dataflow.calls import Call, Names, here
from flyte._dataflow.prov import (
    MANY,
    Bag,
    Later,
    Promise,
    Prov,
    Stream,
    Yields,
    attribute,
    child,
    derive,
    sequence,
)
from flyte._dataflow.seen import STRICT, Seen
from flyte._dataflow.twins import custom

F = TypeVar("F", bound=Callable[..., Any])


def careful(hook: F) -> F:
    """A hook whose failure is nobody's business: no note is taken."""

    @functools.wraps(hook)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        try:
            return hook(*args, **kwargs)
        except Exception:
            if STRICT:
                raise
            return None

    return guarded  # type: ignore[return-value]


def passing(hook: F) -> F:
    """A hook that takes a value by its second argument and gives it back, whatever happens to the note."""

    @functools.wraps(hook)
    def guarded(me: Any, key: Any, value: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return hook(me, key, value, *args, **kwargs)
        except Exception:
            if STRICT:
                raise
            return value

    return guarded  # type: ignore[return-value]


class Notes:
    """The notes of one call of one function."""

    __slots__ = ("_call", "_cells", "_given", "_globals", "_items", "_keys", "_promise", "_seen", "_yields")

    def __init__(self, seen: Seen, given: "dict[str, Prov | None]", names: dict[str, Any]) -> None:
        self._seen = seen
        self._given = given
        self._globals = names
        self._cells: dict[int, Any] = {}
        """What a place in the code noted last, by its number."""
        self._keys: dict[int, Any] = {}
        self._items: dict[int, Prov | None] = {}
        self._call: Call | None = None
        self._promise: Promise | None = None
        self._yields: Yields | None = None

    # -- The function itself -----------------------------------------------------------------------

    def param(self, name: str) -> Prov | None:
        return self._given.get(name)

    def leave(self, value: Any, prov: Prov | None) -> Any:
        if self._promise is not None:
            self._promise.resolve(prov)
        call = self._call
        if call is not None:
            call.result = prov
            if call.then is not None:
                call.then(prov)
        else:
            here.left = value, prov
        return value

    def yields(self, value: Any, prov: Prov | None) -> Any:
        if self._yields is not None:
            self._yields.note(value, prov)
        return value

    def delegates(self, value: Any, prov: Prov | None) -> Any:
        if self._yields is not None:
            self._yields.within = parts.stream(self._seen, value, prov)
        return value

    @careful
    def defaults(self, function: Any, provs: "dict[str, Prov | None]") -> None:
        if type(function) is FunctionType:
            self._seen.set_defaults(function, provs)

    def defaulted(self, function: Any, provs: "dict[str, Prov | None]") -> Any:
        self.defaults(function, provs)
        return function

    def sent(self) -> Prov | None:
        """Of what `yield` gives: what was sent."""
        if self._yields is None:
            return None
        found, self._yields.sent = self._yields.sent, None
        return found

    # -- Calls -------------------------------------------------------------------------------------

    def call(self, key: int, function: Any, holder: Prov | None, last: bool = False) -> Any:
        try:
            call = self._cells[key] = Call(function, holder)
            called = models.prepare(self._seen, call)
            if last:
                models.go(self._seen, call)
        except Exception:
            if STRICT:
                raise
            return function
        return called

    def positional_(self, key: int, value: Any, prov: Prov | None, last: bool = False) -> Any:
        try:
            call: Call = self._cells[key]
            call.args.append((value, prov))
            if type(value) is FunctionType:
                value = models.handed(call, value)
            if last:
                models.go(self._seen, call)
        except Exception:
            if STRICT:
                raise
        return value

    @passing
    def all_positional(self, key: int, value: Any, prov: Prov | None, last: bool = False) -> Any:
        call: Call = self._cells[key]
        call.spread(value, prov if prov is not None else self._seen.of(value))
        if last:
            models.go(self._seen, call)
        return value

    def named(self, key: int, name: str, value: Any, prov: Prov | None, last: bool = False) -> Any:
        try:
            call: Call = self._cells[key]
            call.named[name] = value, prov
            value = models.handed(call, value)
            if last:
                models.go(self._seen, call)
        except Exception:
            if STRICT:
                raise
        return value

    @passing
    def all_named(self, key: int, value: Any, prov: Prov | None, last: bool = False) -> Any:
        call: Call = self._cells[key]
        if isinstance(value, dict):
            call.named.update({name: (each, child(prov, name)) for name, each in value.items()})
        if last:
            models.go(self._seen, call)
        return value

    def returned(self, key: int, value: Any) -> Any:
        try:
            call: Call = self._cells.pop(key)
            if here.call is call:
                here.call = None
            if call.made is not None:
                self._items[key] = call.holder
                value = implicit.finished(call, value)
                return value
            self._items[key] = (
                self._taken(call, value) if call.done else models.outcome(self._seen, call, value)
            )
        except Exception:
            if STRICT:
                raise
            self._items.pop(key, None)
        return value

    def _taken(self, call: Call, value: Any) -> Prov | None:
        """Of the result of a call that was taken over."""
        prov = call.result
        if type(prov) is Later:
            return prov.outcome(value)
        if isinstance(prov, Promise | Stream):
            self._seen.attach(value, prov)
        return prov

    def result(self, key: int) -> Prov | None:
        return self._items.get(key)

    def coming(self, key: int, value: Any) -> Any:
        """A call has returned what is awaited at once."""
        call = self._cells.get(key)
        if type(call) is Call and call.done and type(call.result) is Promise:
            self._cells[key] = call.result
            return value
        value = self.returned(key, value)
        return self.awaiting(key, value, self._items.get(key))

    def awaiting(self, key: int, value: Any, prov: Prov | None) -> Any:
        if isinstance(prov, Promise):
            self._cells[key] = prov
            return value
        try:
            known = self._seen.of(value) or prov
            if known is None and isinstance(value, asyncio.Future):
                known = Promise()
                self._seen.attach(value, known)
            self._cells[key] = known
        except Exception:
            if STRICT:
                raise
        return value

    def awaited(self, key: int, value: Any) -> Any:
        try:
            prov: Prov | None = self._cells.pop(key, None)
            self._items[key] = prov.outcome(value) if isinstance(prov, Promise) else prov
        except Exception:
            if STRICT:
                raise
        return value

    # -- Names -------------------------------------------------------------------------------------

    @careful
    def global_(self, name: str) -> Prov | None:
        return self._seen.global_(self._globals, name)

    @careful
    def set_global(self, name: str, prov: Prov | None, value: Any) -> None:
        self._seen.set_global(self._globals, name, prov, value)

    @careful
    def thrown(self, value: Any, prov: Prov | None) -> Any:
        self._seen.throw(value, prov)
        return value

    @careful
    def caught(self, error: Any) -> Prov | None:
        return self._seen.catch(error)

    @passing
    def enters(self, key: int, value: Any, prov: Prov | None, suffix: str) -> Any:
        self._cells[key] = value, self._seen.whole(value, prov)
        special = implicit.entering(value, prov, suffix)
        if special is None:
            return value
        stand, here.call = special
        self._cells[key] = here.call
        return stand

    @careful
    def entered(self, key: int, value: Any) -> Prov | None:
        cell = self._cells.pop(key, None)
        if type(cell) is Call:
            found = self._taken(cell, value)
            return found.outcome() if isinstance(found, Promise) else found
        holder, prov = cell
        if isinstance(prov, Yields):
            return prov.items[-1] if prov.items else None
        return prov if value is holder else derive(prov)

    # -- Parts -------------------------------------------------------------------------------------

    def hold(self, key: int, value: Any) -> Any:
        self._cells[key] = value
        return value

    @passing
    def known(self, key: int, value: Any) -> Any:
        self._cells[key] = self._seen.of(value)
        return value

    def either(self, prov: Prov | None, key: int) -> Prov | None:
        other: Prov | None = self._cells.pop(key, None)
        return other if other is not None else prov

    def key(self, key: int, value: Any, prov: Prov | None) -> Any:
        self._keys[key] = value
        cell = self._cells.get(key)
        if type(cell) is Call:
            cell.args.insert(0, (value, prov))
            here.call = cell
        return value

    def slice(self, key: int, *limits: Any) -> Any:
        found = self._keys[key] = slice(*limits)
        cell = self._cells.get(key)
        if type(cell) is Call:
            cell.args.insert(0, (found, None))
            here.call = cell
        return found

    @passing
    def owner(self, key: int, value: Any, prov: Prov | None, name: str) -> Any:
        """What an attribute is taken of."""
        self._cells[key] = value, prov
        special = implicit.attribute(value, name, prov)
        if special is None:
            return value
        stand, here.call = special
        self._cells[key] = here.call
        return stand

    @careful
    def attribute(self, key: int, name: str) -> Prov | None:
        cell = self._cells.pop(key, None)
        if type(cell) is Call:
            return self._attribute_of_call(cell, name)
        return parts.attribute_of(self._seen, cell[0], cell[1], name)

    def _attribute_of_call(self, call: Call, name: str) -> Prov | None:
        """Of a property that has run as a twin."""
        found = call.result
        owner = call.bound[0] if call.bound is not None else None
        if found is not None and name in getattr(owner, "__dict__", {}):
            parts.set_part(self._seen, owner, call.holder, name, found)
        return found

    @passing
    def container(self, key: int, value: Any, prov: Prov | None) -> Any:
        """What an item is taken of."""
        self._cells[key] = value, prov
        if type(value) in parts.BUILT_IN:
            return value
        bound = implicit.method(value, "__getitem__")
        if bound is None:
            return value
        self._cells[key] = implicit.called(bound, prov)
        return implicit.stand_in(value, __getitem__=bound)

    @careful
    def subscript(self, key: int) -> Prov | None:
        cell = self._cells.pop(key, None)
        index = self._keys.pop(key, None)
        if type(cell) is Call:
            return cell.result
        return parts.item(self._seen, cell[1], cell[0], index)

    @passing
    def setter(self, key: int, value: Any, holder: Prov | None, name: str, prov: Prov | None) -> Any:
        """What an attribute is set of."""
        self._cells[key] = value, holder
        special = implicit.setting(value, name, holder)
        if special is None:
            return value
        stand, call = special
        call.args.append((None, prov))
        self._cells[key] = here.call = call
        return stand

    @passing
    def keeper(self, key: int, value: Any, holder: Prov | None, prov: Prov | None) -> Any:
        """What an item is set of."""
        self._cells[key] = value, holder
        if type(value) in parts.BUILT_IN:
            return value
        bound = implicit.method(value, "__setitem__")
        if bound is None:
            return value
        call = self._cells[key] = implicit.called(bound, holder)
        call.args.append((None, prov))
        return implicit.stand_in(value, __setitem__=bound)

    @careful
    def set_attribute(self, key: int, holder: Prov | None, name: str, prov: Prov | None) -> None:
        whole = self._cells.pop(key, None)
        if type(whole) is Call:
            return
        if type(whole) is tuple:
            whole, holder = whole
        if type(custom(type(whole), name)) is property:
            parts.lose(self._seen, whole, holder)
        else:
            parts.set_part(self._seen, whole, holder, name, prov)

    @careful
    def set_item(self, key: int, holder: Prov | None, prov: Prov | None) -> None:
        whole, index = self._cells.pop(key, None), self._keys.pop(key, None)
        if type(whole) is tuple:
            whole, holder = whole
        if type(whole) is not Call:
            parts.set_item(self._seen, whole, holder, index, prov)

    @careful
    def delete_item(self, key: int, holder: Prov | None) -> None:
        parts.delete_item(self._seen, self._cells.pop(key, None), holder, self._keys.pop(key, None))

    @careful
    def forget_items(self, key: int, holder: Prov | None) -> None:
        parts.forget(self._seen, self._cells.pop(key, None), holder)

    @careful
    def augment(self, before: Prov | None, prov: Prov | None, op: str, value: Any) -> Prov | None:
        return parts.augment(self._seen, before, prov, op, value)

    @careful
    def augment_attribute(self, key: int, holder: Prov | None, name: str, prov: Prov | None, op: str) -> None:
        whole = self._cells.pop(key, None)
        before = attribute(self._seen.whole(whole, holder), name)
        after = parts.augment(self._seen, before, prov, op, getattr(whole, "__dict__", {}).get(name))
        parts.set_part(self._seen, whole, holder, name, after)

    @careful
    def augment_item(self, key: int, holder: Prov | None, prov: Prov | None, op: str) -> None:
        whole, index = self._cells.pop(key, None), self._keys.pop(key, None)
        before = parts.item(self._seen, holder, whole, index)
        value = whole[index] if type(whole) in (list, dict) else None
        after = parts.augment(self._seen, before, prov, op, value)
        parts.set_item(self._seen, whole, holder, index, after)

    @careful
    def part(self, prov: Prov | None, key: Any) -> Prov | None:
        return child(prov, key)

    @careful
    def rest(self, prov: Prov | None, start: int, length: int) -> Prov | None:
        return None if prov is None else Prov((), [child(prov, start + i) for i in range(length)])

    @careful
    def positional(self, prov: Prov | None, cls: Any, index: int) -> Prov | None:
        names = getattr(cls, "__match_args__", ())
        return attribute(prov, names[index]) if index < len(names) else prov

    @careful
    def length(self, value: Any) -> int:
        return len(value) if isinstance(value, list | tuple | dict | set) else -1

    def unpack(self, prov: Prov | None, before: int, after: int, length: int) -> "list[Prov | None]":
        count = before + after + (length != -1)
        try:
            return parts.unpacked(self._seen, prov, before, after, length)
        except Exception:
            if STRICT:
                raise
            return [None] * count

    # -- Values put together -----------------------------------------------------------------------

    @careful
    def derive(self, *provs: Prov | None) -> Prov | None:
        return derive(*provs)

    def operates(self, key: int, left: Any, one: Prov | None, right: Any, two: Prov | None, op: str) -> bool:
        """Whether an operator is a method of the user's class."""
        self._cells[key] = left, one, right, two, op
        if type(left) in parts.BUILT_IN:
            return False
        try:
            bound = implicit.method(left, implicit.OPERATORS.get(op, ""))
            if bound is None:
                return False
            call = implicit.called(bound, one)
            call.args.append((right, two))
            self._cells[key] = call
        except Exception:
            if STRICT:
                raise
            return False
        return True

    def left(self, key: int) -> Any:
        return self._cells[key][0]

    def right(self, key: int) -> Any:
        cell = self._cells[key]
        return cell.positional()[0][0] if type(cell) is Call else cell[2]

    def operated(self, key: int, value: Any) -> Any:
        call: Call = self._cells[key]
        if value is NotImplemented:
            left, right = call.function.__self__, call.positional()[0][0]
            return implicit.operate(call.function.__name__, left, right)
        return value

    @careful
    def outcome(self, key: int) -> Prov | None:
        cell = self._cells.pop(key, None)
        if type(cell) is Call:
            return cell.result
        left, one, right, two, op = cell
        if op == "Mult":
            return parts.repeated(left, one, right, two)
        return parts.combine(op, one, two)

    @careful
    def combine(self, op: str, left: Prov | None, right: Prov | None) -> Prov | None:
        return parts.combine(op, left, right)

    def choose(self, key: int, index: int, value: Any) -> Any:
        self._cells[key] = index
        return value

    def chose(self, key: int, index: int) -> bool:
        return bool(self._cells.get(key) == index)

    def items(self, *provs: Prov | None) -> Prov:
        return Prov((), list(provs))

    def blank(self, length: int) -> Prov:
        return Prov((), [None] * length)

    @careful
    def spread(self, elements: "list[tuple[int, Prov | None, int | None]]") -> Prov | None:
        made: list[Prov | None] = []
        for starred, prov, length in elements:
            if not starred:
                made.append(prov)
            elif isinstance(prov, Yields):
                made += prov.items
            elif length is not None and length >= 0:
                made += sequence(prov, length)
            elif prov is not None and isinstance(prov.parts, list):
                made += prov.parts
            else:
                return derive(*[each for _, each, _ in elements])
        return Prov((), made)

    def member(self, key: int, value: Any, prov: Prov | None, first: bool) -> Any:
        if first:
            self._cells[key] = Bag()
        self._cells[key].add(value, prov)
        return value

    def collected(self, key: int) -> Prov | None:
        found: Prov | None = self._cells.pop(key, None)
        return found

    def entry(self, key: int, value: Any, first: bool = False) -> Any:
        if first or not isinstance(self._cells.get(key), dict):
            self._cells[key] = {}
        self._keys[key] = value
        return value

    @passing
    def value(self, key: int, value: Any, prov: Prov | None) -> Any:
        self._cells[key][self._keys.pop(key)] = prov
        return value

    @passing
    def merge(self, key: int, value: Any, prov: Prov | None, first: bool) -> Any:
        if first:
            self._cells[key] = {}
        if isinstance(value, dict):
            whole = self._seen.whole(value, prov)
            self._cells[key].update({name: child(whole, name) for name in value})
        return value

    def mapping(self, key: int) -> Prov:
        found = self._cells.pop(key, None)
        return Prov((), found if isinstance(found, dict) else {})

    # -- Iteration ---------------------------------------------------------------------------------

    def iterates(
        self, key: int, value: Any, prov: Prov | None, suffix: str, whole: int | None = None
    ) -> bool:
        """Whether what is iterated over has an `__iter__` of the user's."""
        if whole is not None:
            self._cells[whole] = None
        self._cells[key] = value, prov, suffix
        try:
            if type(value) in parts.BUILT_IN:
                return False
            if custom(type(value), f"__{suffix}next__") is not None:
                return False
            bound = implicit.method(value, f"__{suffix}iter__")
        except Exception:
            if STRICT:
                raise
            return False
        if bound is None:
            return False
        call = self._cells[key] = implicit.called(bound, prov)
        call.handed = suffix, None
        return True

    def begin(self, key: int) -> Any:
        """The twin to call; its call is about to be made."""
        call = here.call = self._cells[key]
        return call.function

    def iterated(self, key: int, value: Any) -> Any:
        call: Call = self._cells[key]
        try:
            begun = models.begins(self._seen, call, value)
            prov = begun if begun is not None else call.result
            made = self._source(key, value, prov, "a" if call.handed == ("a", None) else "")
            self._items[key] = self._cells[key]
            return made
        except Exception:
            if STRICT:
                raise
            return value

    def source(self, key: int) -> Any:
        value, prov, suffix = self._cells[key]
        try:
            return self._source(key, value, prov, suffix)
        except Exception:
            if STRICT:
                raise
            return value

    def _source(self, key: int, value: Any, prov: Prov | None, suffix: str) -> Any:
        if type(value) not in parts.BUILT_IN:
            stand = implicit.iterating(value, suffix)
            if stand is not None:
                self._cells[key] = Stream(here.taken)
                return stand
        self._cells[key] = parts.stream(self._seen, value, prov)
        self._items[key] = prov
        return value

    @careful
    def opened(self, key: int) -> Prov | None:
        """Of what is about to be unpacked."""
        self._cells.pop(key, None)
        found: Prov | None = self._items.pop(key, None)
        return found

    def item(self, key: int, value: Any) -> Prov | None:
        try:
            found: Prov | None = self._cells[key].take(value)
            return found if found is not None else self._seen.of(value)
        except Exception:
            if STRICT:
                raise
            return None

    def advance(self, key: int, value: Any) -> bool:
        self._items[key] = self.item(key, value)
        return True

    def current(self, key: int, path: tuple[int, ...]) -> Prov | None:
        found = self._items.get(key)
        return found if not path else self._within(found, path)

    @careful
    def _within(self, found: Prov | None, path: tuple[int, ...]) -> Prov | None:
        for index in path:
            found = child(found, index)
        return found

    def listcomp_item(self, key: int, value: Any, prov: Prov | None) -> Any:
        if self._cells.get(key) is None:
            self._cells[key] = []
        self._cells[key].append(prov)
        return value

    def setcomp_item(self, key: int, value: Any, prov: Prov | None) -> Any:
        if self._cells.get(key) is None:
            self._cells[key] = Bag()
        self._cells[key].add(value, prov)
        return value

    def generatorexp_item(self, key: int, value: Any, prov: Prov | None) -> Any:
        if self._cells.get(key) is None:
            self._cells[key] = Yields()
        self._cells[key].note(value, prov)
        return value

    def comprehended(self, key: int, kind: str) -> Prov | None:
        found = self._cells.get(key)
        if kind == "generatorexp":
            if found is None:
                found = self._cells[key] = Yields()
            return found
        self._cells.pop(key, None)
        if kind == "setcomp":
            return found if found is not None else Bag()
        return (
            Prov((), found if found is not None and len(found) <= MANY else None) if found else Prov((), [])
        )


class Quiet:
    """Stands for `Notes` where nobody takes any: outside of runs, or when it is switched off."""

    __slots__ = ("_kept",)

    def __init__(self) -> None:
        self._kept: dict[int, Any] = {}

    def __getattr__(self, name: str) -> Any:
        return _QUIET.get(name, _none)

    def unpack(self, prov: Any, before: int, after: int, length: int) -> list[None]:
        return [None] * (before + after + (length != -1))

    def iterates(self, key: int, value: Any, *_: Any) -> bool:
        self._kept[key] = value
        return False

    def source(self, key: int) -> Any:
        return self._kept.pop(key)

    def operates(self, key: int, left: Any, one: Any, right: Any, *_: Any) -> bool:
        self._kept[key] = left, right
        return False

    def left(self, key: int) -> Any:
        return self._kept[key][0]

    def right(self, key: int) -> Any:
        return self._kept.pop(key)[1]

    def slice(self, key: int, *limits: Any) -> Any:
        return slice(*limits)


def _none(*args: Any, **kwargs: Any) -> None:
    return None


def _first(value: Any, *args: Any, **kwargs: Any) -> Any:
    return value


def _second(key: Any, value: Any, *args: Any, **kwargs: Any) -> Any:
    return value


def _third(key: Any, name: Any, value: Any, *args: Any, **kwargs: Any) -> Any:
    return value


_FIRST: Final = ("leave", "yields", "delegates", "thrown", "defaulted")
_SECOND: Final = (
    *(
        "all_named",
        "coming",
        "all_positional",
        "awaited",
        "awaiting",
        "call",
        "container",
        "enters",
        "entry",
        "generatorexp_item",
    ),
    *("hold", "keeper", "key", "known", "listcomp_item", "member", "merge", "owner", "positional_"),
    *("returned", "setcomp_item", "setter", "value"),
)
_QUIET: Final[dict[str, Callable[..., Any]]] = {
    **dict.fromkeys(_FIRST, _first),
    **dict.fromkeys(_SECOND, _second),
    **dict.fromkeys(("named", "choose"), _third),
    "advance": lambda *_: True,
    "chose": lambda *_: False,
}


class Hooks:
    """What the code of twins refers to."""

    def enter(self, names: Names, lazy: bool) -> "Notes | Quiet":
        """Begin the notes of a call; its body is about to run."""
        context = _context.current()
        seen = None if context is None else context.seen
        if seen is None:
            return Quiet()
        frame = sys._getframe(1)
        try:
            return _enter(seen, frame, names, lazy)
        except Exception:
            if STRICT:
                raise
            return Quiet()

    def __reduce__(self) -> str:
        return "hooks"


hooks: Final = Hooks()


def _enter(seen: Seen, frame: Any, names: Names, lazy: bool) -> Notes:
    call: Call | None = None
    entry = seen.begun(frame) if lazy else None
    if entry is not None:
        call = entry.call
    elif here.call is not None and here.call.target is frame.f_code:
        call, here.call = here.call, None
        if call.post:
            implicit.begun(call)
    else:
        call = seen.expected(frame.f_code)
    given = call.bind(names) if call is not None else {}
    notes = Notes(seen, given, frame.f_globals)
    if entry is not None:
        notes._promise, notes._yields = entry.promise, entry.yields
    elif call is not None and not lazy:
        call.done = True
        notes._call = call
    elif call is not None and call.yields is not None:
        notes._yields = call.yields
    elif call is not None and frame.f_code.co_flags & CO_COROUTINE:
        notes._call = call
    return notes
