"""One call that a twin makes: what is called, with which values, and where those came from."""

import threading
from collections.abc import Callable, Sequence
from typing import Any, Final

from flyte._dataflow.prov import Prov, Yields, sequence

Given = tuple[Any, "Prov | None"]
Names = tuple[tuple[str, ...], tuple[str, ...], str, str]
"""Parameters: plain ones, those by name only, and what takes the rest (empty: nothing)."""


_SIZED: Final[tuple[Any, ...]] = (
    list,
    tuple,
    dict,
    set,
    frozenset,
    range,
    type({}.keys()),
    type({}.values()),
    type({}.items()),
)
_UNKNOWN: Final = Yields()
"""Stands for starred arguments nobody knows the number of: those after them cannot be told apart."""


class Call:
    """From before its arguments are evaluated until it has returned."""

    # What most calls never have stands in the class.
    before: "Sequence[Given]" = ()
    """The items of the lists among the arguments, as they were before the call."""
    bound: "tuple[Any] | None" = None
    """What a method is bound to, if its twin is called."""
    defaults: "dict[str, Prov | None] | None" = None
    open = False
    """Some arguments come out of a generator."""
    done = False
    """It was taken over: `result` counts."""
    result: Prov | None = None
    then: "Callable[[Prov | None], object] | None" = None
    made: Any = None
    """The object that the call fills in, for the call of a class."""
    later: Any = None
    """The code of its `__post_init__`, which its generated `__init__` calls."""
    post = False
    """It is the call of such a one."""
    yields: Yields | None = None
    """Of the generator that the call makes, when it begins unseen."""
    was_there = False
    """For `setdefault`: there was something under the key."""
    handed: "tuple[Any, Any] | None" = None
    """A function among the arguments, and what was handed on in its place."""
    produced = 0
    """So many values had been produced when the call was made."""

    def __init__(self, function: Any = None, holder: Prov | None = None, target: Any = None) -> None:
        self.function = function
        self.holder = holder
        """Of what the called method belongs to."""
        self.target = target
        """Who takes the call over, if it is one of ours: a task, a traced function, a twin's code."""
        self.args: list[Given | Yields] = []
        self.named: dict[str, Given] = {}

    def positional(self) -> list[Given]:
        """The arguments by position, those that came out of a generator included."""
        if not self.open:
            return self.args  # type: ignore[return-value]
        flat: list[Given] = []
        for each in self.args:
            if each is _UNKNOWN:
                break
            if isinstance(each, Yields):
                values = each.values if len(each.values) == len(each.items) else [None] * len(each.items)
                flat += zip(values, each.items, strict=True)
            else:
                flat.append(each)
        return flat

    def spread(self, value: Any, prov: Prov | None) -> None:
        """Add the arguments that a starred one stands for."""
        if isinstance(value, _SIZED):
            found = list(value)
            self.args += zip(found, sequence(prov, len(found)), strict=True)
        else:
            self.args.append(prov if isinstance(prov, Yields) else _UNKNOWN)
            self.open = True

    def bind(self, names: Names) -> dict[str, Prov | None]:
        """Where the value of each parameter came from."""
        plain, by_name, rest, others = names
        args = self.positional()
        if self.bound is not None:
            args = [(self.bound[0], self.holder), *args]
        found: dict[str, Prov | None] = dict(self.defaults) if self.defaults else {}
        for name, given in zip(plain, args, strict=False):
            found[name] = given[1]
        if rest:
            found[rest] = Prov((), [prov for _, prov in args[len(plain) :]])
        left: dict[Any, Prov | None] = {}
        if self.named:
            for name, (_, prov) in self.named.items():
                (found if name in plain or name in by_name else left)[name] = prov
        if others:
            found[others] = Prov((), left)
        return found

    def provs(self) -> "list[Prov | None]":
        """Of all arguments, and of what a method belongs to."""
        return [self.holder, *[p for _, p in self.positional()], *[p for _, p in self.named.values()]]


class _Here(threading.local):
    call: Call | None = None
    left: "tuple[Any, Prov | None]" = (None, None)
    """What the twin that nobody was seen to call has just returned."""

    def taken(self, value: Any) -> Prov | None:
        left, prov = self.left
        self.left = None, None
        return prov if left is value else None


here: Final = _Here()
"""The call that this thread is about to make."""


def take(target: Any) -> Call | None:
    """The call that is being made, if it is one of `target`."""
    call = here.call
    if call is None or call.target is not target:
        return None
    here.call = None
    call.done = True
    return call
