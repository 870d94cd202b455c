"""Calls that are made beside the code that asks for them: tasks, loops, threads, maps."""

import asyncio
import concurrent.futures
import functools
import itertools
import threading
import types
from collections.abc import Callable
from typing import Any, Final

from flyte._authoring.task import Task
from flyte._dataflow.calls import Call, here
from flyte._dataflow.parts import stream
from flyte._dataflow.prov import Later, Origin, Promise, Prov, Stream, Yields, sequence
from flyte._dataflow.seen import Expected, Seen
from flyte._dataflow.twins import clone, is_twin


def is_task(value: Any) -> bool:
    return isinstance(value, Task)


def traced(function: Any) -> Any:
    """The function that a call of a traced one is recorded for; None for others."""
    if function.__globals__.get("__name__") != "flyte._calls.trace":
        return None
    return getattr(function, "__wrapped__", None)


def is_runner(function: Any) -> bool:
    """Whether it only calls the functions it is given: then their twins do as well."""
    if isinstance(function, type | types.FunctionType | types.BuiltinFunctionType):
        return function in _RUNNERS or _is_run(function)
    if not isinstance(function, types.MethodType):
        return False
    me, name = function.__self__, function.__name__
    return (name in ("submit", "map") and isinstance(me, concurrent.futures.ThreadPoolExecutor)) or (
        name in ("run_in_executor", "call_soon", "call_soon_threadsafe")
        and isinstance(me, asyncio.AbstractEventLoop)
    )


_RUNNERS: Final = (map, filter, functools.reduce, asyncio.to_thread, threading.Thread)
_AT_ONCE: Final = (map, filter, functools.reduce)
"""Those that call what they are given again and again, on the thread that asks for it."""


class Delivery:
    """A task that something of others' is to call, and the call it stands for."""

    __slots__ = ("_task", "call")

    def __init__(self, task: Any) -> None:
        self._task = task
        self.call: Call | None = None

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        here.call, self.call = self.call, None
        return self._task(*args, **kwargs)


def hand_over(call: Call, value: Any) -> Any:
    """What is handed on in place of a function: its twin, or for one call made elsewhere one of its own."""
    function = call.function
    pooled = isinstance(function, types.MethodType) and function.__name__ == "map"
    if function in _AT_ONCE or pooled:
        return _handed(value)
    if is_task(value):
        return Delivery(value)
    if type(value) is types.FunctionType:
        return one_call_of(_handed(value))
    return value


def one_call_of(value: Any) -> Any:
    """A twin with a code of its own, or a delivery of a task: who runs it is known."""
    if is_task(value):
        return Delivery(value)
    if type(value) is types.FunctionType and is_twin(value.__code__):
        return clone(value)
    return value


# -- Before ------------------------------------------------------------------------------------------


def before(seen: Seen, call: Call) -> Call | None:
    """Get ready for calls of ours that others will make; the call to hand over at once, if any."""
    function = call.function
    if function is map:
        _expect_map(seen, call)
    elif function is functools.reduce:
        _expect_reduce(seen, call)
    elif _is_map(function):
        call.target = function if not hasattr(function, "__self__") else function.__self__
        return call
    elif call.bound is not None and isinstance(call.bound[0], Pool):
        call.bound[0].begin()
    elif _settles(function):
        known = seen.of(function.__self__)
        args = call.positional()
        if not isinstance(known, Promise):
            known = Promise()
            seen.attach(function.__self__, known)
        known.resolve(args[0][1] if args else None)
    elif isinstance(function, types.BuiltinMethodType) and function.__name__ == "send":
        yields = seen.whole(function.__self__, call.holder)
        if isinstance(yields, Yields):
            yields.sent = call.positional()[0][1]
    else:
        _expect_one(seen, call)
    return None


def _settles(function: Any) -> bool:
    """Whether it gives a future its result."""
    return getattr(function, "__name__", "") == "set_result" and isinstance(
        getattr(function, "__self__", None), asyncio.Future | concurrent.futures.Future
    )


def _is_map(function: Any) -> bool:
    kind = type(getattr(function, "__self__", function))
    return kind.__module__ == "flyte._calls.map" and kind.__name__ == "_Map"


def target_of(value: Any) -> Any:
    """Who will take a call of this over; None: nobody."""
    if is_task(value):
        return value
    if isinstance(value, types.MethodType) and is_task(value.__self__):
        return value.__self__
    if isinstance(value, types.FunctionType):
        if traced(value) is not None:
            return traced(value)
        return value.__code__ if is_twin(value.__code__) else None
    return None


def _expect_map(seen: Seen, call: Call) -> None:
    args = call.positional()
    target = target_of(_handed(args[0][0])) if args else None
    if target is None:
        return
    sources = [stream(seen, *each) for each in args[1:]]
    yields = Yields()

    def following() -> Call:
        made = Call(target=target)
        made.args = [(None, source.take()) for source in sources]
        made.then = lambda prov: yields.note(None, prov)
        return made

    seen.expect(target, Expected(following))
    call.result = yields
    call.done = True


def _handed(value: Any) -> Any:
    from flyte._dataflow.twins import twin_of

    if isinstance(value, types.FunctionType) and not is_twin(value.__code__) and traced(value) is None:
        return twin_of(value) or value
    return value


def _expect_reduce(seen: Seen, call: Call) -> None:
    args = call.positional()
    target = target_of(_handed(args[0][0])) if len(args) > 1 else None
    if target is None:
        return
    source = stream(seen, *args[1])
    so_far = [args[2][1] if len(args) > 2 else source.take()]

    def following() -> Call:
        made = Call(target=target)
        made.args = [(None, so_far[0]), (None, source.take())]
        made.then = lambda prov: so_far.__setitem__(0, prov)
        return made

    expected = Expected(following)
    seen.expect(target, expected)
    call.result = Later(lambda _: so_far[0])
    call.done = True


def _expect_one(seen: Seen, call: Call) -> None:
    """`submit(step, a, b)`, `to_thread(step, a)`, `Thread(target=step, args=(a, b))`, `context.run(step, a)`."""
    if not is_runner(call.function):
        return
    args = call.positional()
    place = next((i for i, (value, _) in enumerate(args) if target_of(_handed(value)) is not None), -1)
    named = dict(call.named)
    if place >= 0:
        function = args[place][0]
        rest, names = args[place + 1 :], named
    elif "target" in named:
        function = named["target"][0]
        given, prov = named.get("args", ((), None))
        rest = (
            list(zip(given, sequence(prov, len(given)), strict=True))
            if isinstance(given, list | tuple)
            else []
        )
        names = {}
    else:
        return
    replaced = call.handed[1] if call.handed is not None and call.handed[0] is function else function
    call.result = expect(seen, replaced, rest, names)


def expect(seen: Seen, function: Any, rest: list[Any], names: dict[str, Any]) -> Promise | None:
    """Get ready for one call that is made elsewhere; what it will return."""
    promise = Promise()
    if isinstance(function, Delivery):
        made = function.call = Call(target=function._task)
    else:
        target = target_of(_handed(function))
        if target is None:
            return None
        made = Call(target=target)
        seen.expect(target, Expected(lambda: made, once=True))
    made.args = list(rest)
    made.named = names
    made.then = promise.resolve
    return promise


class Pool:
    """Stands for a pool in its own `map`: each call that it submits is told from the others."""

    def __init__(self, seen: Seen, call: Call, pool: Any) -> None:
        self._seen = seen
        self._call = call
        self._pool = pool
        self._sources: list[Stream] = []
        self._results: list[Promise | None] = []

    def begin(self) -> None:
        args = self._call.positional()[1:]
        self._sources = [stream(self._seen, *each) for each in args]
        taken = itertools.count()
        self._call.result = Stream(lambda _: self._result(next(taken)))
        self._call.result.sources = self._results

    def _result(self, index: int) -> Prov | None:
        found = self._results[index] if index < len(self._results) else None
        return None if found is None else found.outcome()

    def submit(self, function: Any, *args: Any) -> Any:
        rest = [(value, source.take(value)) for value, source in zip(args, self._sources, strict=False)]
        one = one_call_of(function)
        self._results.append(expect(self._seen, one, rest, {}))
        return self._pool.submit(one, *args)


def pooled(seen: Seen, call: Call, function: Any) -> Any:
    """`pool.map` of threads, with each of its calls told from the others."""
    pool = function.__self__
    if type(pool).map is not concurrent.futures.Executor.map:
        return function
    call.handed = None
    stands = Pool(seen, call, pool)
    call.bound = (stands,)
    return functools.partial(concurrent.futures.Executor.map, stands)


def _is_run(function: Any) -> bool:
    name = getattr(function, "__name__", "")
    return name == "run" and type(getattr(function, "__self__", None)).__name__ == "Context"


# -- After -------------------------------------------------------------------------------------------


def after(seen: Seen, call: Call, value: Any) -> Prov | None:
    """Of what loops, futures and executors give back."""
    function = call.function
    if isinstance(call.result, Promise):
        _attach(seen, value, call.result)
        return call.result.outcome() if _is_run(function) else call.result
    answered = _answer(function)
    if answered is not None:
        return Later(lambda _: answered) if isinstance(value, types.CoroutineType) else answered
    model = _LOOP.get(function) if isinstance(function, types.FunctionType | type) else None
    if model is not None:
        return model(seen, call, value)
    me, name = getattr(function, "__self__", None), getattr(function, "__name__", "")
    if isinstance(call.result, Stream):
        return call.result
    if name in ("send", "__next__") and isinstance(known := seen.whole(me, call.holder), Yields):
        return known.take(value)
    if name == "result" and isinstance(me, asyncio.Future | concurrent.futures.Future):
        promise = seen.of(me)
        return promise.outcome() if isinstance(promise, Promise) else None
    if name == "create_task" or (
        name in ("run_until_complete", "run") and isinstance(me, asyncio.AbstractEventLoop | asyncio.Runner)
    ):
        return _passed(seen, call, value) if name == "create_task" else _run(seen, call, value)
    return None


def _answer(function: Any) -> Prov | None:
    """Of the answer to a condition: `condition.wait()`."""
    waits = getattr(function, "_blocking", function)
    condition = getattr(waits, "__self__", None)
    if (
        condition is None
        or type(condition).__module__ != "flyte._calls.condition"
        or type(condition).__name__ != "Condition"
    ):
        return None
    call = condition._call
    return None if call is None else Prov((Origin(call.name, "", False, True),))


def _attach(seen: Seen, value: Any, prov: Prov) -> None:
    if isinstance(value, asyncio.Future | concurrent.futures.Future | types.CoroutineType):
        seen.attach(value, prov)


def _promised(seen: Seen, given: Any, prov: Prov | None) -> Promise | None:
    known = prov if isinstance(prov, Promise) else seen.of(given)
    return known if isinstance(known, Promise) else None


def _passed(seen: Seen, call: Call, value: Any) -> Promise | None:
    """What is awaited in the end is the first argument."""
    args = call.positional() or list(call.named.values())
    promise = _promised(seen, *args[0]) if args else None
    if promise is not None:
        _attach(seen, value, promise)
    return promise


def _run(seen: Seen, call: Call, value: Any) -> Prov | None:
    promise = _passed(seen, call, None)
    return promise.outcome() if promise is not None else None


def _gather(seen: Seen, call: Call, value: Any) -> Prov | None:
    promises = [_promised(seen, *each) for each in call.positional()]
    found = Later(lambda _: Prov((), [p.outcome() if p is not None else None for p in promises]))
    _attach(seen, value, found)
    return found


def _as_completed(seen: Seen, call: Call, value: Any) -> Prov | None:
    """In the order in which they end."""
    given, prov = call.positional()[0]
    ended: list[Prov | None] = []
    for promise in _promises(seen, given, prov):
        if promise is not None:
            promise.then(ended.append)
    return Stream(lambda _: Later(lambda _: ended.pop(0) if ended else None))


def _promises(seen: Seen, given: Any, prov: Prov | None) -> "list[Promise | None]":
    if isinstance(given, list | tuple):
        provs = sequence(prov, len(given))
        return [_promised(seen, v, p) for v, p in zip(given, provs, strict=True)]
    if isinstance(given, set | frozenset | dict):
        return [_promised(seen, each, None) for each in given]
    if isinstance(prov, Yields):
        return [p if isinstance(p, Promise) else None for p in prov.items]
    return []


def _completed_futures(seen: Seen, call: Call, value: Any) -> Prov | None:
    """`concurrent.futures.as_completed` gives the very futures."""
    return None


def _to_nothing(seen: Seen, call: Call, value: Any) -> Prov | None:
    return None


_LOOP: Final[dict[Any, Callable[[Seen, Call, Any], Prov | None]]] = {
    asyncio.gather: _gather,
    asyncio.create_task: _passed,
    asyncio.ensure_future: _passed,
    asyncio.wait_for: _passed,
    asyncio.shield: _passed,
    asyncio.run: _run,
    asyncio.as_completed: _as_completed,
    asyncio.wait: _to_nothing,
    asyncio.sleep: _to_nothing,
    concurrent.futures.as_completed: _completed_futures,
    concurrent.futures.wait: _to_nothing,
}
