"""Where a value came from, as the shadow of a variable holds it.

`None` stands for a value that came from nowhere we know: a literal, or what other code made.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

MANY: Final = 20_000
"""Containers with more items are followed as a whole, not item by item."""
_DEEP: Final = 12


class Origin(NamedTuple):
    """An action's output, or an input of the running action, or a part of one."""

    action: str
    path: str
    argument: bool
    exact: bool


class Prov:
    """Where a value came from as a whole, and, for containers that were put together, each part."""

    __slots__ = ("kids", "origins", "parts")

    def __init__(
        self,
        origins: tuple[Origin, ...] = (),
        parts: "list[Prov | None] | dict[Any, Prov | None] | None" = None,
    ) -> None:
        self.origins = origins
        self.parts = parts
        self.kids: dict[Any, Prov] | None = None
        """Parts that were asked for: what is done to one of them is done to the same."""


class Promise(Prov):
    """Of a coroutine, task or future: where its result comes from, once it has one."""

    __slots__ = ("_then", "done", "result")

    def __init__(self) -> None:
        super().__init__()
        self.done = False
        self.result: Prov | None = None
        self._then: list[Callable[[Prov | None], object]] | None = None

    def resolve(self, prov: "Prov | None") -> None:
        if not self.done:
            self.done, self.result = True, prov
            if self._then is not None:
                for each in self._then:
                    each(prov)
                self._then = None

    def then(self, told: "Callable[[Prov | None], object]") -> None:
        if self.done:
            told(self.result)
        elif self._then is None:
            self._then = [told]
        else:
            self._then.append(told)

    def outcome(self, value: Any = None) -> "Prov | None":
        """Of the result, which is `value` if that is known."""
        return self.result


class Later(Promise):
    """A result that is only worked out when somebody has it."""

    __slots__ = ("_find",)

    def __init__(self, find: "Callable[[Any], Prov | None]") -> None:
        super().__init__()
        self._find = find

    def outcome(self, value: Any = None) -> Prov | None:
        return self._find(value)


class Stream(Prov):
    """Of an iterator: where each of its items comes from, in turn."""

    __slots__ = ("_next", "sources")

    def __init__(
        self, following: "Callable[[Any], Prov | None]", sources: "Iterable[Prov | None]" = ()
    ) -> None:
        super().__init__()
        self._next = following
        self.sources: Sequence[Prov | None] = tuple(sources)

    def outcome(self, value: Any = None) -> "Prov | None":
        return self

    def take(self, value: Any = None) -> Prov | None:
        """Of the next item, which is `value` if that is known."""
        return self._next(value)


class Yields(Stream):
    """Of a generator that notes what it yields."""

    __slots__ = ("items", "sent", "values", "within")

    def __init__(self) -> None:
        super().__init__(self._of_next)
        self.items: list[Prov | None] = []
        self.values: list[Any] = []
        self.sent: Prov | None = None
        """What was sent into it and not received yet."""
        self.within: Stream | None = None
        """What it hands on at present (`yield from`)."""
        self.sources = (self._all(),)

    def note(self, value: Any, prov: Prov | None) -> None:
        self.within = None
        self.items.append(prov)
        if len(self.values) < MANY:
            self.values.append(value)

    def _all(self) -> Prov:
        return Prov((), self.items)

    def _of_next(self, value: Any) -> Prov | None:
        if self.within is not None:
            return self.within.take(value)
        return self.items[-1] if self.items else None


class Bag(Prov):
    """Of a set: equal items are one, the first that was put in."""

    __slots__ = ("known",)

    def __init__(self, known: "Iterable[tuple[Any, Prov | None]]" = ()) -> None:
        super().__init__()
        self.known: dict[Any, Prov | None] = {}
        for value, prov in known:
            self.add(value, prov)

    def add(self, value: Any, prov: Prov | None) -> None:
        try:
            self.known.setdefault(value, prov)
        except TypeError:
            return

    def of(self, value: Any) -> Prov | None:
        try:
            return self.known.get(value)
        except TypeError:
            return None


def step(path: str, key: Any) -> str:
    """The path of a part: `items[3].price`."""
    if isinstance(key, str):
        if key.isidentifier():
            return f"{path}.{key}" if path else key
        return f"{path}[{json.dumps(key)}]"
    return f"{path}[{key!r}]"


_KEYS: Final = (int, str, float, bool)


def child(prov: Prov | None, key: Any, holder: Any = None) -> Prov | None:
    """Of a part of a value; `holder` is the value, if it is at hand."""
    if prov is None or isinstance(prov, Promise | Stream):
        return None
    if isinstance(holder, str | bytes | bytearray | set | frozenset):
        return derive(prov)
    if isinstance(key, int) and key < 0 and isinstance(holder, list | tuple):
        key += len(holder)
    parts = prov.parts
    if isinstance(parts, list):
        return _item(parts, key)
    if parts is not None:
        try:
            if key in parts:
                return parts[key]
        except TypeError:
            return None
    if isinstance(key, slice):
        return _slice(prov, key, holder)
    if not prov.origins:
        return None
    return _kid(prov, key)


def _kid(prov: Prov, key: Any) -> Prov | None:
    if not isinstance(key, _KEYS):
        return derive(prov)
    if prov.kids is None:
        prov.kids = {}
    found = prov.kids.get(key)
    if found is None:
        parts = [
            o._replace(path=step(o.path, key)) if o.exact else o._replace(exact=False) for o in prov.origins
        ]
        found = prov.kids[key] = Prov(tuple(parts))
    return found


def _item(parts: "list[Prov | None]", key: Any) -> Prov | None:
    if isinstance(key, slice):
        return Prov((), parts[key])
    if isinstance(key, int) and -len(parts) <= key < len(parts):
        return parts[key]
    return None


def _slice(prov: Prov, key: slice, holder: Any) -> Prov | None:
    if isinstance(holder, list | tuple) and len(holder) <= MANY:
        return Prov((), [child(prov, index) for index in range(*key.indices(len(holder)))])
    return derive(prov)


def attribute(prov: Prov | None, name: str) -> Prov | None:
    """Of an attribute of a value."""
    if prov is not None and isinstance(prov.parts, list):
        return None
    return child(prov, name)


def origins(prov: Prov | None, deep: int = _DEEP) -> Iterator[Origin]:
    """Everything a value depends on."""
    if prov is None or deep < 0:
        return
    if isinstance(prov, Promise):
        yield from origins(prov.result, deep - 1)
        return
    yield from prov.origins
    if isinstance(prov, Stream):
        for each in prov.sources:
            yield from origins(each, deep - 1)
    if isinstance(prov, Bag):
        for each in prov.known.values():
            yield from origins(each, deep - 1)
    for each in _parts(prov):
        yield from origins(each, deep - 1)


def _parts(prov: Prov) -> "list[Prov | None]":
    if prov.parts is None:
        return []
    return prov.parts if isinstance(prov.parts, list) else list(prov.parts.values())


def derive(*provs: Prov | None) -> Prov | None:
    """Of something computed from values."""
    if len(provs) == 1 and provs[0] is None:
        return None
    found = dict.fromkeys([Origin(o[0], o[1], o[2], False) if o[3] else o for p in provs for o in origins(p)])
    return Prov(tuple(found)) if found else None


def flow(prov: Prov | None, path: str = "", deep: int = _DEEP) -> Iterator[tuple[str, Origin]]:
    """Where each part of a value came from: the part's path, and its origin."""
    if prov is None or deep < 0:
        return
    if isinstance(prov, Promise | Stream | Bag):
        for origin in origins(prov, deep):
            yield path, origin._replace(exact=False)
        return
    whole = not _changed(prov)
    for origin in prov.origins:
        yield path, origin if whole else origin._replace(exact=False)
    if isinstance(prov.parts, list):
        for index, each in enumerate(prov.parts):
            if each is not None:
                yield from flow(each, f"{path}[{index}]", deep - 1)
    elif prov.parts is not None:
        for key, each in prov.parts.items():
            if each is not None:
                yield from flow(each, step(path, key), deep - 1)

    if prov.parts is None and not whole and prov.kids is not None:
        for key, each in prov.kids.items():
            if _changed(each):
                yield from flow(each, step(path, key), deep - 1)


def _changed(prov: Prov, deep: int = 4) -> bool:
    """Whether parts of it have been replaced: then it is no longer the very value."""
    if prov.parts is not None:
        return True
    return deep > 0 and prov.kids is not None and any(_changed(each, deep - 1) for each in prov.kids.values())


def sequence(prov: Prov | None, length: int) -> "list[Prov | None]":
    """Of each item of a sequence."""
    if prov is not None and isinstance(prov.parts, list):
        return prov.parts if len(prov.parts) == length else [None] * length
    if prov is None or not prov.origins or length > MANY:
        return [None] * length
    return [child(prov, index) for index in range(length)]
