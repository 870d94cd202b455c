"""One call that a twin makes: what is called, with which values, and where those came from."""

import threading
from collections.abc import Callable
from typing import Any, Final

from flyte._dataflow.prov import Prov, Yields, sequence

Given = tuple[Any, "Prov | None"]
Names = tuple[tuple[str, ...], tuple[str, ...], str, str]
"""Parameters: plain ones, those by name only, and what takes the rest (empty: nothing)."""


class Call:
    """From before its arguments are evaluated until it has returned."""

    __slots__ = (
        "args",
        "before",
        "bound",
        "defaults",
        "done",
        "function",
        "holder",
        "named",
        "open",
        "result",
        "target",
        "then",
    )

    def __init__(self, function: Any = None, holder: Prov | None = None, target: Any = None) -> None:
        self.function = function
        self.holder = holder
        """Of what the called method belongs to."""
        self.target = target
        """Who takes the call over, if it is one of ours: a task, a traced function, a twin's code."""
        self.args: list[Given | Yields] = []
        self.named: dict[str, Given] = {}
        self.before: list[Given] = []
        """The items of the lists among the arguments, as they were before the call."""
        self.bound: tuple[Any] | None = None
        """What a method is bound to, if its twin is called."""
        self.defaults: dict[str, Prov | None] | None = None
        self.open = False
        """Some arguments come out of a generator."""
        self.done = False
        """It was taken over: `result` counts."""
        self.result: Prov | None = None
        self.then: Callable[[Prov | None], object] | None = None

    def positional(self) -> list[Given]:
        """The arguments by position, those that came out of a generator included."""
        if not self.open:
            return self.args  # type: ignore[return-value]
        flat: list[Given] = []
        for each in self.args:
            if isinstance(each, Yields):
                values = each.values if len(each.values) == len(each.items) else [None] * len(each.items)
                flat += zip(values, each.items, strict=True)
            else:
                flat.append(each)
        return flat

    def spread(self, value: Any, prov: Prov | None) -> None:
        """Add the arguments that a starred one stands for."""
        if isinstance(value, list | tuple):
            self.args += zip(value, sequence(prov, len(value)), strict=True)
        elif isinstance(prov, Yields):
            self.args.append(prov)
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

    def light(self) -> "Call":
        """The same without values: for what begins later."""
        other = Call(None, self.holder, self.target)
        other.args = [(None, prov) for _, prov in self.positional()]
        other.named = {name: (None, prov) for name, (_, prov) in self.named.items()}
        other.bound = None if self.bound is None else (None,)
        other.defaults = self.defaults
        return other

    def provs(self) -> "list[Prov | None]":
        """Of all arguments, and of what a method belongs to."""
        return [self.holder, *[p for _, p in self.positional()], *[p for _, p in self.named.values()]]


class _Here(threading.local):
    call: Call | None = None


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
