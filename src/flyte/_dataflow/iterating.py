"""What functions that give the items of others, in turn or in another order, do to provenance."""

import itertools
import operator
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from flyte._dataflow.calls import Call, Given
from flyte._dataflow.parts import attribute_of, item, stream
from flyte._dataflow.prov import MANY, Prov, Stream, Yields, derive, sequence
from flyte._dataflow.seen import Seen

Model = Callable[[Seen, Call, Any], "Prov | None"]

_MISSING: Final[Given] = (None, None)
VIEWS: Final[tuple[Any, ...]] = (type({}.keys()), type({}.values()), type({}.items()))
_AGAIN: Final = (list, tuple, deque, set, frozenset, dict, *VIEWS)
"""What can be iterated over again."""
_PAIRS: Final = VIEWS[2]


def argument(call: Call, index: int) -> Given:
    args = call.positional()
    return args[index] if index < len(args) else _MISSING


def values(seen: Seen, given: Any, prov: Prov | None) -> "tuple[list[Any], list[Prov | None]]":
    """The items of a value that can be iterated over again, and where each came from."""
    if isinstance(given, list | tuple | deque):
        return list(given), list(sequence(seen.whole(given, prov), len(given)))
    if isinstance(given, VIEWS):
        found = list(given)
        return found, list(sequence(prov, len(found)))
    if isinstance(given, set | frozenset | dict):
        source = stream(seen, given, prov)
        return list(given), [source.take(each) for each in given]
    if isinstance(prov, Yields) and len(prov.values) == len(prov.items):
        return prov.values, prov.items
    return [], []


def _sorted(seen: Seen, call: Call, value: Any) -> Prov | None:
    """Equal items stay in their order, so it is known which is which."""
    given, prov = argument(call, 0)
    return permuted(*values(seen, given, prov), value, pairs=isinstance(given, _PAIRS))


def _chosen(seen: Seen, call: Call, value: Any) -> Prov | None:
    """`heapq.nlargest(n, xs)`"""
    given, prov = argument(call, 1)
    return permuted(*values(seen, given, prov), value, pairs=isinstance(given, _PAIRS))


def permuted(
    items: list[Any], provs: "list[Prov | None]", result: Any, *, pairs: bool = False
) -> Prov | None:
    """Of the same items in another order. The pairs of a mapping are told by their keys."""

    def name(item: Any) -> Any:
        return item[0] if pairs else id(item)

    waiting: dict[Any, deque[Prov | None]] = {}
    for each, prov in zip(items, provs, strict=True):
        waiting.setdefault(name(each), deque()).append(prov)
    found: list[Prov | None] = []
    for each in result:
        same = waiting.get(name(each))
        found.append(same.popleft() if same else None)
    return Prov((), found)


def _extreme(seen: Seen, call: Call, value: Any) -> Prov | None:
    """`min`, `max`: the first of those that are the result."""
    args = call.positional()
    if len(args) == 1:
        given, prov = args[0]
        items, provs = values(seen, given, prov)
        if isinstance(given, _PAIRS) and isinstance(value, tuple):
            items, value = [each[0] for each in items], value[0]
    else:
        items, provs = [v for v, _ in args], [p for _, p in args]
    for each, known in zip(items, provs, strict=True):
        if each is value:
            return known
    default = call.named.get("default", _MISSING)
    if default[0] is value and not items:
        return default[1]
    return derive(*provs, *[p for _, p in args])


def _enumerate(seen: Seen, call: Call, value: Any) -> Prov | None:
    inner = stream(seen, *argument(call, 0))
    return Stream(lambda pair: Prov((), [None, inner.take(_second(pair))]), inner.sources)


def _second(pair: Any) -> Any:
    return pair[1] if isinstance(pair, tuple) and len(pair) > 1 else None


def _zip(seen: Seen, call: Call, value: Any) -> Prov | None:
    args = call.positional()
    inner = [stream(seen, *each) for each in args]
    sources = [p for each in inner for p in each.sources]
    yields = [each for each in inner if isinstance(each, Yields)]
    if len({id(each) for each in yields}) < len(yields):
        return derive(*inner)
    return Stream(lambda _: Prov((), [each.take() for each in inner]), sources)


def _iter(seen: Seen, call: Call, value: Any) -> Prov | None:
    return stream(seen, *argument(call, 0))


def _next(seen: Seen, call: Call, value: Any) -> Prov | None:
    given, prov = argument(call, 0)
    known = prov if prov is not None else seen.of(given)
    if isinstance(known, Stream):
        if len(call.positional()) > 1 and isinstance(known, Yields):
            ended = getattr(given, "gi_frame", True) is None
            return argument(call, 1)[1] if ended else known.take(value)
        return known.take(value)
    return seen.of(value) or derive(known)


def _reversed(seen: Seen, call: Call, value: Any) -> Prov | None:
    given, prov = argument(call, 0)
    items, provs = values(seen, given, prov)
    if not items:
        return derive(prov)
    backwards = iter(provs[::-1])
    return Stream(lambda _: next(backwards, None), (prov,))


def _kept(place: int) -> Model:
    """`filter`, `takewhile` and the like: some of the items, in their order."""

    def model(seen: Seen, call: Call, value: Any) -> Prov | None:
        given, prov = argument(call, place)
        whole = seen.whole(given, prov)
        if isinstance(whole, Yields):
            return Stream(lambda item: _latest(whole, item), (whole,))
        items, provs = values(seen, given, prov)
        at = 0

        def following(item: Any) -> Prov | None:
            nonlocal at
            while at < len(items):
                at += 1
                if items[at - 1] is item:
                    return provs[at - 1]
            return None

        return Stream(following, (prov,))

    return model


def _latest(yields: Yields, item: Any) -> Prov | None:
    return yields.items[-1] if yields.values and yields.values[-1] is item else None


def _accumulated(seen: Seen, call: Call, value: Any) -> Prov | None:
    inner = stream(seen, *argument(call, 0))
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


def _starmap(seen: Seen, call: Call, value: Any) -> Prov | None:
    inner = stream(seen, *argument(call, 1))
    return Stream(lambda _: derive(inner.take()), inner.sources)


def _repeat(seen: Seen, call: Call, value: Any) -> Prov | None:
    prov = argument(call, 0)[1]
    return None if prov is None else Stream(lambda _: prov, (prov,))


# -- The same, done with the provenance of the items ---------------------------------------------------


def _provs(seen: Seen, given: Any, prov: Prov | None, *, whole: bool) -> "Iterable[Prov | None] | None":
    """Where the items come from, one by one; `whole`: all of them at once."""
    if isinstance(given, _AGAIN):
        return values(seen, given, prov)[1] if len(given) <= MANY else None
    if isinstance(given, range | str):
        return [derive(prov)] * len(given) if len(given) <= MANY else None
    if whole:
        return None
    return _reader(stream(seen, given, prov))


def _reader(source: Stream) -> "Iterator[Prov | None]":
    if not isinstance(source, Yields):
        while True:
            yield source.take()
    for index in itertools.count():
        yield source.items[index] if index < len(source.items) else None


def _mirrored(function: Callable[..., Any], count: int, *, whole: bool) -> Model:
    """Of what a function does with the items of its first `count` arguments (-1: of all)."""

    def model(seen: Seen, call: Call, value: Any) -> Prov | None:
        args = call.positional()
        places = len(args) if count < 0 else count
        inner = [_provs(seen, *each, whole=whole or index > 0) for index, each in enumerate(args[:places])]
        if any(each is None for each in inner):
            return None
        options = {name: given for name, (given, _) in call.named.items() if name != "fillvalue"}
        made = iter(function(*inner, *[given for given, _ in args[places:]], **options))
        return Stream(lambda _: _bundled(next(made, None)), [p for _, p in args[:places]])

    return model


def _bundled(found: Any) -> Prov | None:
    if found is None or isinstance(found, Prov):
        return found
    return Prov((), list(found))


def _flattened(seen: Seen, call: Call, value: Any) -> Prov | None:
    """`itertools.chain.from_iterable(xss)`"""
    items, provs = values(seen, *argument(call, 0))
    found: list[Prov | None] = []
    for given, prov in zip(items, provs, strict=True):
        inner = _provs(seen, given, prov, whole=True)
        if inner is None:
            return None
        found += inner
    following = iter(found)
    return Stream(lambda _: next(following, None), provs) if items else None


def _chain(seen: Seen, call: Call, value: Any) -> Prov | None:
    found: list[Prov | None] = []
    for given, prov in call.positional():
        inner = _provs(seen, given, prov, whole=True)
        if inner is None:
            return None
        found += inner
    following = iter(found)
    return Stream(lambda _: next(following, None), [Prov((), found)])


def getter(seen: Seen, call: Call, value: Any) -> Prov | None:
    """`operator.itemgetter(...)(x)`, `operator.attrgetter(...)(x)`"""
    given, prov = argument(call, 0)
    made, names = call.function.__reduce__()
    found: list[Prov | None] = []
    for name in names:
        if made is operator.itemgetter:
            found.append(item(seen, prov, given, name))
        else:
            found.append(attribute_of(seen, given, prov, name) if "." not in name else derive(prov))
    return found[0] if len(found) == 1 else Prov((), found)


ITERATORS: Final[dict[Any, Model]] = {
    enumerate: _enumerate,
    zip: _zip,
    reversed: _reversed,
    filter: _kept(1),
    map: _map,
    itertools.chain: _chain,
    itertools.accumulate: _accumulated,
    itertools.starmap: _starmap,
    itertools.repeat: _repeat,
    itertools.takewhile: _kept(1),
    itertools.dropwhile: _kept(1),
    itertools.filterfalse: _kept(1),
    itertools.groupby: lambda seen, call, value: None,
    itertools.islice: _mirrored(itertools.islice, 1, whole=False),
    itertools.pairwise: _mirrored(itertools.pairwise, 1, whole=False),
    itertools.zip_longest: _mirrored(itertools.zip_longest, -1, whole=True),
    itertools.compress: _mirrored(itertools.compress, 1, whole=False),
    itertools.cycle: _mirrored(itertools.cycle, 1, whole=True),
    itertools.product: _mirrored(itertools.product, -1, whole=True),
    itertools.combinations: _mirrored(itertools.combinations, 1, whole=True),
    itertools.permutations: _mirrored(itertools.permutations, 1, whole=True),
    itertools.combinations_with_replacement: _mirrored(
        itertools.combinations_with_replacement, 1, whole=True
    ),
}
FUNCTIONS: Final[dict[Any, Model]] = {
    sorted: _sorted,
    min: _extreme,
    max: _extreme,
    iter: _iter,
    next: _next,
    itertools.tee: lambda seen, call, value: None,
    itertools.chain.from_iterable: _flattened,
}
CHOOSING: Final = _chosen
GETTERS: Final = (operator.itemgetter, operator.attrgetter)
