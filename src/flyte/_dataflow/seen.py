"""What is known in one attempt: whose outputs are about, and the edges that follow from it."""

import itertools
import os
import types
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import Enum
from typing import Any, Final, NamedTuple

from flyte._dataflow.calls import Call
from flyte._dataflow.prov import MANY, Origin, Promise, Prov, Yields, child, flow
from flyte_core.dataflow import Confidence, Edge, Relation
from flyte_core.model import ActionName
from flyte_core.supervision import DATAFLOW

STRICT: Final = os.environ.get(DATAFLOW) == "strict"

_KEPT: Final = 2_048
"""So many things that cannot be referred to weakly are remembered; older ones are forgotten."""
_LARGE: Final = 64 * 1024
_WALKED: Final = 2_000
_DEEP: Final = 6
_UNKNOWN: Final = object()
_SMALL_INTS: Final = range(-5, 1025)
_ATOMS: Final = (int, float, str, bytes, bool, type(None))
_NEVER: Final = (type, types.FunctionType, types.ModuleType, types.BuiltinFunctionType, Enum)


class _Reference(weakref.ref[Any]):
    """A weak reference that tells what it was to, when that is gone."""

    __slots__ = ("key",)
    key: int


class Begun(NamedTuple):
    """A coroutine or generator of a twin that has been made and not begun."""

    frame: Any
    call: Call
    promise: Promise | None
    yields: Yields | None


class Expected:
    """Calls that other code will make of something of ours: `map`, executors, `functools.reduce`."""

    __slots__ = ("next", "once")

    def __init__(self, following: "Callable[[], Call | None]", *, once: bool = False) -> None:
        self.next = following
        self.once = once


class Seen:
    """The notes of one attempt that its bodies, helpers and calls share."""

    def __init__(self, action: ActionName, inputs: Mapping[str, Any]) -> None:
        self.action = action
        self.produced_count = 0
        self.late: dict[str, list[Edge]] = {}
        """Edges from actions that are not recorded yet, by their source."""
        self._defaults: dict[int, tuple[Any, dict[str, Prov | None]]] = {}
        self._known: dict[int, tuple[Any, Prov]] = {}
        self._kept: dict[int, tuple[Any, Prov | None]] = {}
        self._globals: dict[tuple[int, str], tuple[Any, Prov | None]] = {}
        self._thrown: deque[tuple[Any, Prov | None]] = deque(maxlen=64)
        self._begun: dict[int, Begun] = {}
        self._expected: dict[int, tuple[Any, list[Expected]]] = {}
        self._values: dict[tuple[str, str, bool], Any] = {}
        self._unwalked: list[tuple[Any, Prov]] = []
        self.inputs: dict[str, Prov | None] = {
            name: self._arrived(Origin(action, name, True, True), value) for name, value in inputs.items()
        }

    # -- Producers ---------------------------------------------------------------------------------

    def produced(self, action: ActionName, value: Any, size: int = 0) -> Prov:
        """An action has returned this."""
        self.produced_count += 1
        return self._arrived(Origin(action, "", False, True), value, size)

    def _arrived(self, origin: Origin, value: Any, size: int = 0) -> Prov:
        prov = Prov((origin,))
        if isinstance(value, _ATOMS):
            if size <= _LARGE:
                self._remember(origin, value)
                if unique(value):
                    self.keep(value, prov)
        elif not isinstance(value, _NEVER):
            if size <= _LARGE or _is_weak(value):
                self.attach(value, prov)
            if size <= _LARGE and isinstance(value, list | tuple | dict):
                self._unwalked.append((value, prov))
                del self._unwalked[:-_KEPT]
        return prov

    def _remember(self, origin: Origin, value: Any) -> None:
        self._values[origin.action, origin.path, origin.argument] = value
        if len(self._values) > _KEPT:
            del self._values[next(iter(self._values))]

    # -- Things by what they are -------------------------------------------------------------------

    def attach(self, value: Any, prov: Prov) -> None:
        """Remember where a thing came from by its identity, for as long as it lives."""
        try:
            reference = _Reference(value, self._forget)
        except TypeError:
            self.keep(value, prov)
            return
        reference.key = id(value)
        self._known[reference.key] = reference, prov

    def _forget(self, reference: Any) -> None:
        self._known.pop(reference.key, None)

    def keep(self, value: Any, prov: Prov) -> None:
        """The same for things without weak references, as long as there are not too many."""
        before = self._kept.get(id(value))
        if (
            before is not None
            and before[1] is not None
            and before[1].origins != prov.origins
            and not prov.parts
        ):
            # The same object twice: nobody can tell which of the two it is.
            self._kept[id(value)] = value, None
            return
        self._kept[id(value)] = value, prov
        if len(self._kept) > _KEPT:
            del self._kept[next(iter(self._kept))]

    def of(self, value: Any) -> Prov | None:
        """Where a thing came from, told by its identity."""
        if value is None or isinstance(value, _NEVER):
            return None
        if isinstance(value, _ATOMS):
            return self._by_identity(value) if unique(value) else None
        found = self._known.get(id(value))
        if found is not None and found[0]() is value:
            return found[1]
        return self._by_identity(value)

    def _by_identity(self, value: Any) -> Prov | None:
        found = self._kept.get(id(value))
        if found is None and self._unwalked:
            self._walk()
            found = self._kept.get(id(value))
        return found[1] if found is not None and found[0] is value else None

    def whole(self, value: Any, prov: Prov | None) -> Prov | None:
        """What is attached to a thing, else what the code says."""
        if prov is not None or value is None:
            return prov
        return self.of(value)

    def _walk(self) -> None:
        """Look into the containers that have arrived since."""
        waiting, self._unwalked = self._unwalked, []
        for top, prov in waiting:
            budget = _WALKED
            ahead: deque[tuple[Any, Prov | None]] = deque(((top, prov),))
            while ahead and budget > 0:
                value, origin = ahead.popleft()
                for key, each in _items(value):
                    budget -= 1
                    part = child(origin, key)
                    if part is None:
                        continue
                    if isinstance(each, list | tuple | dict):
                        ahead.append((each, part))
                    if not isinstance(each, _NEVER) and (not isinstance(each, _ATOMS) or unique(each)):
                        self.attach(each, part)

    # -- Names -------------------------------------------------------------------------------------

    def global_(self, names: dict[str, Any], name: str) -> Prov | None:
        value = names.get(name)
        if value is None and name not in names:
            return None
        if isinstance(value, _NEVER):
            return None
        found = self._globals.get((id(names), name))
        if found is not None and found[0] is value:
            return found[1]
        return self.of(value)

    def set_global(self, names: dict[str, Any], name: str, prov: Prov | None, value: Any) -> None:
        self._globals[id(names), name] = value, prov

    def static(self, holder: Any, name: str) -> Prov | None:
        """Of what a class or a module has."""
        names = holder.__dict__
        value = names.get(name)
        if isinstance(holder, type):
            found = self._globals.get((id(holder), name))
            return found[1] if found is not None and found[0] is value else self.of(value)
        return self.global_(names, name)

    def set_static(self, holder: Any, name: str, prov: Prov | None) -> None:
        names = holder.__dict__
        value = names.get(name)
        if isinstance(holder, type):
            self._globals[id(holder), name] = value, prov
        else:
            self.set_global(names, name, prov, value)

    def throw(self, error: Any, prov: Prov | None) -> None:
        if isinstance(error, BaseException):
            self._thrown.append((error, prov))

    def catch(self, error: Any) -> Prov | None:
        found = next((prov for each, prov in reversed(self._thrown) if each is error), None)
        return found if found is not None else self.of(error)

    def set_defaults(self, function: Any, provs: "dict[str, Prov | None]") -> None:
        """Where the defaults of a function's parameters came from."""
        key = id(function)
        self._defaults[key] = weakref.ref(function, lambda _: self._defaults.pop(key, None)), provs

    def defaults(self, function: Any) -> "dict[str, Prov | None] | None":
        found = self._defaults.get(id(function))
        return found[1] if found is not None and found[0]() is function else None

    # -- Bodies that begin later -------------------------------------------------------------------

    def begins(self, frame: Any, call: Call, promise: Promise | None, yields: Yields | None) -> None:
        """A coroutine or generator was made by a call."""
        self._begun[id(frame)] = Begun(frame, call, promise, yields)

    def begun(self, frame: Any) -> Begun | None:
        found = self._begun.pop(id(frame), None)
        return found if found is not None and found.frame is frame else None

    def expect(self, target: Any, expected: Expected) -> None:
        self._expected.setdefault(id(target), (target, []))[1].append(expected)

    def expected(self, target: Any) -> Call | None:
        """The call that other code makes of `target` now, if it was to be expected."""
        known = self._expected.get(id(target)) if self._expected else None
        if known is None:
            return None
        waiting = known[1]
        while waiting:
            found = waiting[0].next()
            if found is None or waiting[0].once:
                waiting.pop(0)
            if found is not None:
                return found
        return None

    # -- Edges -------------------------------------------------------------------------------------

    def given(
        self, target: ActionName, values: Mapping[str, Any], provs: Mapping[str, Prov | None]
    ) -> tuple[Edge, ...]:
        """The edges into the inputs of a child."""
        made: dict[tuple[str, ...], Edge] = {}
        for param, value in values.items():
            prov = provs.get(param)
            if prov is None and isinstance(value, _ATOMS) and not unique(value):
                continue
            for path, origin in self._flow(value, prov):
                relation: Relation = "argument" if origin.argument else "data"
                _add(made, origin, target, param, path, relation)
        if self.late:
            for edge in made.values():
                if edge.source in self.late:
                    self.late[edge.source].append(edge)
        return tuple(made.values())

    def returned(self, names: "list[str]", single: bool, value: Any, prov: Prov | None) -> list[Edge]:
        """The edges from children into what this action returns."""
        made: dict[tuple[str, ...], Edge] = {}
        parts = [(names[0], value, prov)] if single and names else []
        if not single and isinstance(value, tuple):
            whole = self.whole(value, prov)
            keys = list(range(len(names)))
            parts = [(name, value[i], _output(whole, i, name)) for name, i in zip(names, keys, strict=True)]
        for name, each, origin_of in parts:
            for path, origin in self._flow(each, origin_of):
                if not origin.argument:
                    _add(made, origin, self.action, name, path, "result")
        return list(made.values())

    def _flow(self, value: Any, prov: Prov | None) -> "Iterable[tuple[str, Origin]]":
        if type(prov) is Prov and prov.parts is None and prov.kids is None:
            return [("", o) for o in prov.origins if not o.exact or self._fits(o, value)]
        return self._flow_of_parts(value, prov)

    def _flow_of_parts(self, value: Any, prov: Prov | None) -> Iterator[tuple[str, Origin]]:
        known = self._completed(value, prov)
        for path, origin in itertools.islice(flow(known), MANY):
            if not path and origin.exact and not self._fits(origin, value):
                continue
            yield path, origin

    def _completed(self, value: Any, prov: Prov | None) -> Prov | None:
        """What the code says, and what identity adds for the parts it says nothing about."""
        if not self._known and not self._kept and not self._unwalked:
            return prov
        return _Completion(self).of(value, prov, _DEEP)

    def _fits(self, origin: Origin, value: Any) -> bool:
        """Whether it can be the very value."""
        if not isinstance(value, _ATOMS):
            return True
        there = self._values.get((origin.action, origin.path, origin.argument), _UNKNOWN)
        if there is _UNKNOWN:
            return True
        return type(there) is type(value) and bool(there == value or there != there)


class _Completion:
    """Looks into a value for parts that are known by their identity."""

    def __init__(self, seen: Seen) -> None:
        self._seen = seen
        self._budget = _WALKED

    def of(self, value: Any, prov: Prov | None, deep: int) -> Prov | None:
        known = self._seen.whole(value, prov)
        if isinstance(value, _ATOMS) or deep < 0 or (known is not None and type(known) is not Prov):
            return known
        if known is not None and known.parts is None:
            return known
        items = _parts(value)
        self._budget -= len(items)
        if self._budget < 0:
            return known
        parts = known.parts if known is not None else None
        if isinstance(parts, list) and len(parts) != len(items):
            return known
        found = {
            key: self.of(
                each, parts[i] if isinstance(parts, list) else parts.get(key) if parts else None, deep - 1
            )
            for i, (key, each) in enumerate(items)
        }
        if known is None and not any(found.values()):
            return None
        origins = known.origins if known is not None else ()
        if isinstance(parts, list):
            return Prov(origins, list(found.values()))
        return Prov(origins, {**(parts or {}), **found})


def _parts(value: Any) -> list[tuple[Any, Any]]:
    if isinstance(value, dict):
        return list(value.items())
    if isinstance(value, list | tuple):
        return list(enumerate(value))
    names = getattr(type(value), "__dataclass_fields__", None) or getattr(type(value), "model_fields", None)
    if names is None:
        return []
    state = getattr(value, "__dict__", {})
    return [(name, state[name]) for name in names if name in state]


def _output(whole: Prov | None, index: int, name: str) -> Prov | None:
    if whole is not None and isinstance(whole.parts, dict) and name in whole.parts:
        return whole.parts[name]
    return child(whole, index)


def _add(
    made: dict[tuple[str, ...], Edge],
    origin: Origin,
    target: ActionName,
    param: str,
    path: str,
    relation: Relation,
) -> None:
    confidence: Confidence = "exact" if origin.exact else "derived"
    key = (origin.action, origin.path, param, path)
    if key not in made or (confidence == "exact" and made[key].confidence == "derived"):
        made[key] = Edge(ActionName(origin.action), origin.path, target, param, path, relation, confidence)


def _items(value: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(value, dict):
        return iter(list(value.items()))
    return iter(list(enumerate(value)))


def unique(value: Any) -> bool:
    """Whether an equal value made elsewhere is another object."""
    if isinstance(value, bool):
        return False
    if isinstance(value, int):
        return value not in _SMALL_INTS
    if isinstance(value, str | bytes):
        return len(value) > 1
    return value is not None


def _is_weak(value: Any) -> bool:
    """Whether it can be referred to weakly."""
    try:
        weakref.ref(value)
    except TypeError:
        return False
    return True
