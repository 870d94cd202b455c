"""What a twin calls while it runs: the notes of one body.

Hooks that take a value return it as it is. None of them may ever raise: without a note there is an
arrow less, but the program must run as it would without us.
"""

import functools
import sys
from collections.abc import Callable
from types import FunctionType
from typing import Any, Final, TypeVar

from flyte import _context
from flyte._dataflow import models, parts
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

F = TypeVar("F", bound=Callable[..., Any])

_NOTHING: Final = Stream(lambda _: None)


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
        self._seen.defaults[id(function.__code__)] = provs

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
            return prov.outcome()
        if isinstance(prov, Promise | Stream):
            self._seen.attach(value, prov)
        return prov

    def result(self, key: int) -> Prov | None:
        return self._items.get(key)

    @passing
    def awaiting(self, key: int, value: Any, prov: Prov | None) -> Any:
        self._cells[key] = prov if isinstance(prov, Promise) else self._seen.of(value) or prov
        return value

    @careful
    def awaited(self, key: int) -> Prov | None:
        prov: Prov | None = self._cells.pop(key, None)
        return prov.outcome() if isinstance(prov, Promise) else prov

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

    @careful
    def entered(self, prov: Prov | None) -> Prov | None:
        return derive(prov)

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

    def key(self, key: int, value: Any) -> Any:
        self._keys[key] = value
        return value

    @careful
    def attribute(self, prov: Prov | None, holder: Any, name: str) -> Prov | None:
        found = self._seen.whole(holder, prov)
        if isinstance(holder, parts.PLAIN):
            return derive(found)
        return attribute(found, name)

    @careful
    def subscript(self, prov: Prov | None, holder: Any, key: Any) -> Prov | None:
        return parts.item(self._seen, prov, holder, key)

    @careful
    def subscript_at(self, key: int, prov: Prov | None, holder: Any) -> Prov | None:
        return parts.item(self._seen, prov, holder, self._keys.pop(key, None))

    @careful
    def sliced(self, prov: Prov | None, holder: Any, *limits: Any) -> Prov | None:
        return parts.item(self._seen, prov, holder, slice(*limits))

    @careful
    def set_attribute(self, key: int, holder: Prov | None, name: str, prov: Prov | None) -> None:
        parts.set_part(self._seen, self._cells.pop(key, None), holder, name, prov)

    @careful
    def set_item(self, key: int, holder: Prov | None, prov: Prov | None) -> None:
        parts.set_item(self._seen, self._cells.pop(key, None), holder, self._keys.pop(key, None), prov)

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

    @passing
    def source(self, key: int, value: Any, prov: Prov | None, whole: int | None = None) -> Any:
        if whole is not None:
            self._cells[whole] = None
        self._cells[key] = parts.stream(self._seen, value, prov)
        return value

    source_async = source

    @careful
    def item(self, key: int, value: Any) -> Prov | None:
        found: Prov | None = self._cells.get(key, _NOTHING).take(value)
        return found if found is not None else self._seen.of(value)

    def advance(self, key: int, value: Any) -> bool:
        self._items[key] = self.item(key, value)
        return True

    @careful
    def current(self, key: int, path: tuple[int, ...]) -> Prov | None:
        found = self._items.get(key)
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

    def __getattr__(self, name: str) -> Any:
        return _QUIET.get(name, _none)

    def unpack(self, prov: Any, before: int, after: int, length: int) -> list[None]:
        return [None] * (before + after + (length != -1))


def _none(*args: Any, **kwargs: Any) -> None:
    return None


def _first(value: Any, *args: Any, **kwargs: Any) -> Any:
    return value


def _second(key: Any, value: Any, *args: Any, **kwargs: Any) -> Any:
    return value


def _third(key: Any, name: Any, value: Any, *args: Any, **kwargs: Any) -> Any:
    return value


_QUIET: Final[dict[str, Callable[..., Any]]] = {
    **dict.fromkeys(("leave", "yields", "delegates", "thrown"), _first),
    **dict.fromkeys(("named", "choose"), _third),
    **dict.fromkeys(
        (
            "all_named",
            "all_positional",
            "awaiting",
            "call",
            "entry",
            "generatorexp_item",
            "hold",
            "key",
            "known",
            "listcomp_item",
            "member",
            "merge",
            "positional_",
            "returned",
            "setcomp_item",
            "source",
            "source_async",
            "value",
        ),
        _second,
    ),
    "advance": lambda *_: True,
    "chose": lambda *_: False,
}
_quiet: Final = Quiet()


class Hooks:
    """What the code of twins refers to."""

    def enter(self, names: Names, lazy: bool) -> "Notes | Quiet":
        """Begin the notes of a call; its body is about to run."""
        context = _context.current()
        seen = None if context is None else context.seen
        if seen is None:
            return _quiet
        frame = sys._getframe(1)
        try:
            return _enter(seen, frame, names, lazy)
        except Exception:
            if STRICT:
                raise
            return _quiet

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
    else:
        call = seen.expected(frame.f_code)
    given = call.bind(names) if call is not None else {}
    notes = Notes(seen, given, frame.f_globals)
    if entry is not None:
        notes._promise, notes._yields = entry.promise, entry.yields
    elif call is not None and not lazy:
        call.done = True
        notes._call = call
    return notes
