"""More programs with their exact edges, as strangers would write them; see `flows.py` for the spelling."""

import asyncio
import collections
import concurrent.futures
import contextlib
import copy
import functools
import itertools
import json
import operator
import queue
import string
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import asdict, astuple, dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any, NamedTuple, TypedDict

import flows
import numpy as np
import pandas as pd
import pydantic
from flows import (
    Case,
    Item,
    Model,
    Order,
    aadd,
    add,
    aone,
    azero,
    both,
    case_of,
    empty,
    env,
    fails,
    flip,
    leaves,
    maybe,
    model,
    nothing,
    one,
    ones,
    order,
    pair,
    priced,
    say,
    sized,
    summed,
    total,
    two,
    word,
    yes,
    zero,
)

import flyte
import flyte.io

CASES: dict[str, Case] = {}
case = case_of(CASES)


class Color(Enum):
    RED = "red"
    BLUE = "blue"


class Pay(TypedDict):
    amount: int
    tag: str


@leaves.task
def color(x: int) -> Color:
    return Color.RED


@leaves.task
def paint(c: Color) -> str:
    return c.value


@leaves.task
def grid(n: int) -> list[list[int]]:
    return [[0, 0], [0, 0]]


@leaves.task
def gridsum(xs: list[list[int]]) -> int:
    return 0


@leaves.task
def three(x: int) -> tuple[int, str, bool]:
    return x, "", True


@leaves.task
def records(n: int) -> list[dict[str, int]]:
    return [{"id": i, "v": 0} for i in range(n)]


@leaves.task
def words(n: int) -> list[str]:
    return ["a"] * n


@leaves.task
def texts(ws: list[str]) -> int:
    return len(ws)


@leaves.task
def frame(n: int) -> pd.DataFrame:
    return pd.DataFrame({"x": list(range(n)), "y": [0] * n})


@leaves.task
def rows(df: pd.DataFrame) -> int:
    return len(df)


@leaves.task
def vector(n: int) -> np.ndarray:
    return np.zeros(n)


@leaves.task
def norm(v: np.ndarray) -> float:
    return float(v.sum())


@leaves.task
async def written(x: int) -> flyte.io.File:
    path = Path(f"w{x}.txt")
    path.write_text("same")
    return await flyte.io.File.from_local(str(path))


@leaves.task
async def read(f: flyte.io.File) -> int:
    return 0


@leaves.task
async def read_all(fs: list[flyte.io.File]) -> int:
    return 0


@leaves.task
def ratio(x: int) -> float:
    return 0.5


@leaves.task
def halve(f: float) -> float:
    return f / 2


@leaves.task
def pay(p: Pay) -> int:
    return 0


@leaves.task
def orders(n: int) -> list[Order]:
    return [Order([Item(0)], 0) for _ in range(n)]


# -- Small values ----------------------------------------------------------------------------------


@case("yes0 -> flip0.b\nflip0 -> flip1.b\nyes1 -> me.o0")
@env.task
def booleans_in_turn() -> bool:
    a = yes(1)
    b = yes(2)
    flip(flip(a))
    return b


@case("nothing1 -> maybe.x")
@env.task
def none_of_the_second() -> None:
    nothing(1)
    b = nothing(2)
    maybe(b)


@case("nothing -> me.o0")
@env.task
def none_returned() -> int | None:
    return nothing(1)


@case("")
@env.task
def none_of_its_own() -> int | None:
    nothing(1)
    return None


@case("ratio0 -> halve1.f")
@env.task
def equal_floats() -> None:
    a = ratio(1)
    ratio(2)
    halve(0.5)
    halve_it = a
    halve(halve_it)


@case("color0 -> paint0.c\ncolor1 -> paint1.c")
@env.task
def members_of_an_enum() -> None:
    a, b = color(1), color(2)
    paint(a)
    paint(b)
    paint(Color.RED)


@case("color{value} -> say.s")
@env.task
def value_of_a_member() -> None:
    say(color(1).value)


@case("empty1 -> say0.s\nempty0 -> say1.s")
@env.task
def empty_texts_crossed() -> None:
    a, b = empty(1), empty(2)
    say(b)
    say(a)


@case("zero0 -> add0.x\nzero0 -> add0.y\nzero1 -> add1.x")
@env.task
def one_value_for_two_inputs() -> None:
    a = zero(1)
    add(a, a)
    add(zero(2), 0)


@case("me{x} -> one.x\nme{y} -> two.x", x=0, y=0)
@env.task
def equal_inputs(x: int, y: int) -> None:
    one(x)
    two(y)


@case("me{xs[0]} -> one.x\nme{xs} -> total.xs\nme{d.a} -> two.x", xs=[0, 0], d={"a": 0})
@env.task
def parts_of_inputs(xs: list[int], d: dict[str, int]) -> None:
    one(xs[0])
    total(xs)
    two(d["a"])


@case("me{order.items[0].price} -> one.x\nme{order} -> priced.order", order=Order([Item(1)], 0))
@env.task
def dataclass_inputs(order: Order) -> None:
    one(order.items[0].price)
    priced(order)


@case("")
@env.task
def an_input_is_no_result(x: int = 0) -> int:
    zero(1)
    return x


@case("one -> two.x\ntwo -> me.o0")
@env.task
def default_input(x: int = 5) -> int:
    return two(one(3))


# -- Names -----------------------------------------------------------------------------------------


@case("zero1 -> one.x\nzero2 -> two.x\nzero0 -> maybe.x")
@env.task
def rotated() -> None:
    a, b, c = zero(1), zero(2), zero(3)
    a, b, c = b, c, a
    one(a)
    two(b)
    maybe(c)


@case("zero -> one.x\npair{[0]} -> two.x\npair{[1]} -> maybe.x")
@env.task
def nested_unpacking() -> None:
    a, (b, c) = zero(1), pair(2)
    one(a)
    two(b)
    maybe(c)


@case("zero0 -> one.x\nzero3 -> two.x\nzero1 -> total.xs{[0]}\nzero2 -> total.xs{[1]}")
@env.task
def star_in_the_middle() -> None:
    first, *middle, last = [zero(1), zero(2), zero(3), zero(4)]
    one(first)
    two(last)
    total(middle)


@case("zero1 -> one.x")
@env.task
def star_of_a_tuple() -> None:
    _, *rest = (zero(1), zero(2))
    one(rest[0])


@case("zero0 -> one.x\nzero1 -> two.x")
@env.task
def unpacked_into_parts() -> None:
    xs = [0, 0]
    d: dict[str, int] = {}
    xs[1], d["k"] = zero(1), zero(2)
    one(xs[1])
    two(d["k"])


@case("zero0 -> one.x\nzero1 -> two.x")
@env.task
def swapped_in_a_list() -> None:
    xs = [zero(1), zero(2)]
    xs[0], xs[1] = xs[1], xs[0]
    one(xs[1])
    two(xs[0])


@case("one0 -> two.x")
@env.task
def deleted_and_bound_again() -> None:
    a = zero(1)
    del a
    a = one(2)
    two(a)
    one(0)


@case("three{[0]} -> one.x\nthree{[1]} -> say.s\nthree{[2]} -> flip.b")
@env.task
def three_outputs() -> None:
    a, b, c = three(1)
    one(a)
    say(b)
    flip(c)


@case("zero -> me.o0\npair{[1]} -> me.o1")
@env.task
def outputs_of_several() -> tuple[int, int]:
    a = zero(1)
    _, b = pair(2)
    return a, b


@case("pair{[0]} -> me.o0\npair{[1]} -> me.o1")
@env.task
def a_tuple_handed_on() -> tuple[int, int]:
    return pair(1)


@case("zero0 -> me.o0{a}\nzero1 -> me.o0{b}")
@env.task
def results_in_a_dict() -> dict[str, int]:
    return {"a": zero(1), "b": zero(2), "c": 0}


@case("zero0 -> me.o0{[0]}\nzero1 -> me.o0{[2]}")
@env.task
def results_in_a_list() -> list[int]:
    return [zero(1), 0, zero(2)]


@case("zero -> me.o0{note}\none -> me.o0{items[0].price}")
@env.task
def results_in_a_dataclass() -> Order:
    return Order(items=[Item(price=one(1))], note=zero(2))


# -- Computed --------------------------------------------------------------------------------------


@case("zero ~> one.x")
@env.task
def augmented_in_a_list() -> None:
    xs = [zero(1), 5]
    xs[0] += 1
    xs[1] += 1
    one(xs[0])
    two(xs[1])


@case("zero ~> one.x")
@env.task
def augmented_in_a_dict() -> None:
    d = {"k": 0}
    d["k"] += zero(1)
    one(d["k"])


@case("zero0 ~> one.x\nzero1 ~> one.x")
@env.task
def counted_in_a_default_dict() -> None:
    d: dict[str, int] = collections.defaultdict(int)
    d["k"] += zero(1)
    d["k"] += zero(2)
    d["l"] += 3
    one(d["k"])
    two(d["l"])


@case("zero ~> say0.s\nzero ~> say1.s\nzero ~> say2.s\nzero ~> say3.s")
@env.task
def formatted() -> None:
    a = zero(1)
    say(f"{a}")
    say(f"{a}")
    say("%d" % a)
    say(format(a, "03"))


@case("word0 ~> say0.s\nword1 ~> say0.s\nword0 ~> say1.s\nword1 ~> say1.s")
@env.task
def joined_texts() -> None:
    a, b = word(1), word(2)
    say(", ".join([a, b]))
    say(f"{a}{b}")


@case("word0 ~> say0.s\nword0 ~> say1.s\nword1 ~> say1.s")
@env.task
def replaced_in_a_text() -> None:
    a, b = word(1), word(2)
    say(a.replace("w", "v"))
    say(a.replace("w", b))


@case("word ~> say0.s\nword ~> say1.s")
@env.task
def split_texts() -> None:
    first, *rest = word(1).split()
    say(first)
    say(rest[0])


@case("zero ~> say.s")
@env.task
def a_template() -> None:
    say(string.Template("$x").substitute(x=zero(1)))


@case("zero ~> one.x")
@env.task
def int_of_str() -> None:
    one(int(str(zero(1))))


@case("zero0 ~> one.x\nzero1 ~> one.x")
@env.task
def rounded_and_divided() -> None:
    a, b = zero(1), zero(2)
    one(round((a + 4) / (b + 2)))


@case("zero ~> flip0.b\nzero ~> flip1.b")
@env.task
def negated() -> None:
    a = zero(1)
    flip(not a)
    flip(bool(a))


@case("zero0 ~> one.x\nzero1 ~> one.x")
@env.task
def chained_arithmetic() -> None:
    a = zero(1)
    b = a + 2
    c = b * zero(2)
    one(c - 1)


@case("zero -> one.x")
@env.task
def abs_through_a_helper() -> None:
    def keep(v: int) -> int:
        if v < 0:
            return -v
        return v

    one(keep(zero(1)))


@case("ones ~> one.x")
@env.task
def computed_index() -> None:
    xs = ones(3)
    one(xs.index(1))


@case("zero -> one0.x\nones{[0]} -> one1.x")
@env.task
def index_is_no_value() -> None:
    i = zero(1)
    xs = ones(3)
    one(i)
    one(xs[i])


@case("grid{[1][0]} -> one.x\ngrid{[0]} -> total.xs\ngrid -> gridsum.xs")
@env.task
def nested_lists() -> None:
    g = grid(2)
    one(g[1][0])
    total(g[0])
    gridsum(g)


@case("records{[1].v} -> one0.x\nrecords{[0].v} -> one1.x\nrecords{[1].v} -> one2.x")
@env.task
def lists_of_dicts() -> None:
    rs = records(2)
    one(rs[1]["v"])
    for r in rs:
        one(r["v"])


@case("orders{[1].items[0].price} -> one.x\norders{[0]} -> priced.order")
@env.task
def lists_of_dataclasses() -> None:
    found = orders(2)
    one(found[1].items[0].price)
    priced(found[0])


@case("ones{[0]} -> total.xs{[0]}\nones{[2]} -> total.xs{[1]}")
@env.task
def stepped_slice() -> None:
    total(ones(3)[::2])


@case("ones{[2]} -> total.xs{[0]}\nones{[1]} -> total.xs{[1]}\nones{[0]} -> total.xs{[2]}")
@env.task
def reversed_slice() -> None:
    xs = ones(3)
    total(xs[::-1])


@case("ones{[0]} -> total0.xs{[0]}\nones{[1]} -> total0.xs{[1]}\nones{[2]} -> total1.xs{[0]}")
@env.task
def chunks() -> None:
    xs = ones(3)
    for i in range(0, len(xs), 2):
        total(xs[i : i + 2])


# -- Comprehensions --------------------------------------------------------------------------------


@case("zero2 -> one.x")
@env.task
def nested_comprehension() -> None:
    rows_ = [[zero(i * 2 + j) for j in range(2)] for i in range(2)]
    one(rows_[1][0])


@case("zero0 -> total.xs{[0]}\nzero1 -> total.xs{[1]}\nzero2 -> total.xs{[2]}\nzero3 -> total.xs{[3]}")
@env.task
def flattened() -> None:
    rows_ = [[zero(i * 2 + j) for j in range(2)] for i in range(2)]
    total([x for row in rows_ for x in row])


@case("one1 -> total.xs{[0]}\none2 -> total.xs{[1]}")
@env.task
def filtered_comprehension() -> None:
    xs = [one(i) for i in range(3)]
    total([x for x in xs if x])


@case("zero1 -> summed.d{b}")
@env.task
def filtered_dict() -> None:
    d = {"a": zero(1), "b": zero(2)}
    summed({k: v for k, v in d.items() if k != "a"})


@case("zero0 -> summed.d{a}\nzero1 -> summed.d{b}")
@env.task
def dict_of_a_zip() -> None:
    xs = [zero(1), zero(2)]
    summed(dict(zip("ab", xs, strict=True)))


@case("add0 -> total.xs{[0]}\nadd1 -> total.xs{[1]}\nzero0 -> add0.x\nzero1 -> add1.x")
@env.task
def calls_in_comprehensions() -> None:
    xs = [zero(1), zero(2)]
    total([add(x, y) for x, y in zip(xs, [7, 8], strict=True)])


@case("zero0 -> total.xs{[0]}\nzero1 -> total.xs{[1]}")
@env.task
def walrus_in_a_comprehension() -> None:
    total([y for i in range(2) if (y := zero(i)) == 0])


@case("zero0 -> one0.x\nzero1 -> one1.x")
@env.task
def lambdas_in_a_comprehension() -> None:
    fs = [lambda v=zero(i): one(v) for i in range(2)]
    for f in fs:
        f()


@case("zero0 -> one0.x\nzero1 -> one1.x")
@env.task
def a_generator_with_yield_from() -> None:
    def inner() -> Iterator[int]:
        yield zero(1)
        yield zero(2)

    def outer() -> Iterator[int]:
        yield from inner()

    for x in outer():
        one(x)


@case("zero0 -> zero1.x\nzero1 -> one.x")
@env.task
def a_generator_that_is_sent_to() -> None:
    def worker() -> Any:
        got = yield
        while True:
            got = yield zero(got)

    w = worker()
    next(w)
    a = w.send(zero(7))
    one(a)


@case("zero0 -> one.x\nzero1 -> two.x")
@env.task
def next_with_default() -> None:
    it = (zero(i) for i in range(2))
    one(next(it, 5))
    two(next(it, 5))
    maybe(next(it, 5))


@case("one2 -> two.x")
@env.task
def first_that_fits() -> None:
    xs = [one(i) for i in range(4)]
    two(next(x for x in xs if x > 3))


@case("zero0 -> one0.x\nzero1 -> one1.x")
@env.task
def lazy_generator_pipeline() -> None:
    made = (zero(i) for i in range(2))
    kept = (x for x in made if x == 0)
    for x in kept:
        one(x)


# -- Loops and branches ----------------------------------------------------------------------------


@case("zero0 -> add0.x\nzero1 -> add0.y\nzero1 -> add1.x\nadd0 -> add1.y\nadd1 -> me.o0")
@env.task
def fibonacci() -> int:
    a, b = zero(1), zero(2)
    for _ in range(2):
        a, b = b, add(a, b)
    return b


@case("zero -> one.x")
@env.task
def for_else() -> None:
    a = zero(1)
    for _ in range(2):
        pass
    else:
        one(a)


@case("zero1 -> one.x")
@env.task
def found_in_a_loop() -> None:
    found = None
    for i in range(5):
        x = zero(i)
        if i == 1:
            found = x
            break
    if found is not None:
        one(found)


@case("one2 -> two.x")
@env.task
def best_in_a_loop() -> None:
    best = None
    for i in (1, 0, 2, 1):
        x = one(i)
        if best is None or x > best:
            best = x
    two(best)


@case("zero -> one.x")
@env.task
def while_else() -> None:
    n = 0
    while n < 2:
        n += 1
    else:
        a = zero(1)
    one(a)


@case("word -> say.s")
@env.task
def a_ternary_and_or() -> None:
    a = empty(1)
    b = word(2)
    say(a or b or "x")


@case("nothing -> maybe0.x")
@env.task
def or_default() -> None:
    a = nothing(1)
    maybe(a)
    maybe(a or 5)


@case("zero -> one.x")
@env.task
def is_none() -> None:
    a = nothing(1)
    b = zero(2)
    c = b if a is None else a
    one(c)


@case("zero -> one.x\npair{[0]} -> two.x\nmodel{size} -> maybe.x")
@env.task
def matched_with_guards() -> None:
    match zero(1):
        case int() as a if a == 0:
            one(a)
        case _:
            pass
    match pair(4):
        case [a, b] if a == b:
            two(a)
    match model(3):
        case Model(size=s):
            maybe(s)


@case("records{[0].v} -> one.x\nrecords{[1]} -> summed.d")
@env.task
def matched_deep() -> None:
    match records(2):
        case [{"v": v}, other]:
            one(v)
            summed(other)


@case("zero1 -> one.x")
@env.task
def finally_binds() -> None:
    a = zero(1)
    try:
        pass
    finally:
        a = zero(2)
    one(a)


@case("zero -> one.x")
@env.task
def else_of_a_try() -> None:
    try:
        a = zero(1)
    except ValueError:
        a = 0
    else:
        one(a)


@case("")
@env.task
def fallback_is_a_literal() -> None:
    try:
        a = fails(1)
    except Exception:
        a = 0
    one(a)


@case("zero -> me.o0")
@env.task
def returned_in_finally() -> int:
    def inner() -> int:
        try:
            return zero(1)
        finally:
            zero_ = 0
            del zero_

    return inner()


@case("zero1 -> one0.x\nzero0 -> one1.x")
@env.task
def a_stack_of_calls() -> None:
    todo = [zero(1), zero(2)]
    while todo:
        one(todo.pop())


@case("zero0 -> one0.x\nzero1 -> one1.x")
@env.task
def a_queue_of_calls() -> None:
    todo = collections.deque([zero(1)])
    todo.append(zero(2))
    while todo:
        one(todo.popleft())


# -- Functions and classes -------------------------------------------------------------------------


@case("zero0 -> add.y\nzero1 -> add.x")
@env.task
def helper_with_rest() -> None:
    def call(*args: int, **kwargs: int) -> int:
        return add(*args, **kwargs)

    call(y=zero(1), x=zero(2))


@case("zero1 -> one.x\nzero0 -> two.x")
@env.task
def helper_returns_a_tuple() -> None:
    def crossed(a: int, b: int) -> tuple[int, int]:
        return b, a

    a, b = crossed(zero(1), zero(2))
    one(a)
    two(b)


@case("zero0 -> one.x\nzero1 -> two.x")
@env.task
def helper_returns_a_dict() -> None:
    def packed(a: int, b: int) -> dict[str, Any]:
        return {"first": a, "rest": {"second": b}}

    d = packed(zero(1), zero(2))
    one(d["first"])
    two(d["rest"]["second"])


@case("zero -> one0.x\none0 -> one1.x\none1 -> me.o0")
@env.task
def applied_twice() -> int:
    def apply(f: Callable[[int], int], n: int, x: int) -> int:
        for _ in range(n):
            x = f(x)
        return x

    return apply(one, 2, zero(1))


@case("zero -> one.x\none -> two.x")
@env.task
def composed() -> None:
    def compose(f: Callable[[int], int], g: Callable[[int], int]) -> Callable[[int], int]:
        return lambda x: g(f(x))

    compose(one, two)(zero(1))


@case("zero0 -> one0.x\nzero1 -> one1.x")
@env.task
def a_counter_closure() -> None:
    def make(start: int) -> Callable[[], int]:
        def get() -> int:
            return start

        return get

    f, g = make(zero(1)), make(zero(2))
    one(f())
    one(g())


def retrying(times: int) -> Callable[[Callable[..., int]], Callable[..., int]]:
    def decorate(function: Callable[..., int]) -> Callable[..., int]:
        @functools.wraps(function)
        def inner(*args: int, **kwargs: int) -> int:
            for _ in range(times):
                result = function(*args, **kwargs)
                if result == 0:
                    return result
            raise ValueError("no")

        return inner

    return decorate


@retrying(3)
def checked(value: int) -> int:
    return zero(value)


@case("zero0 -> zero1.x\nzero1 -> one.x")
@env.task
def decorated_with_arguments() -> None:
    one(checked(zero(1)))


@functools.lru_cache
def cached(n: int) -> int:
    return zero(n)


@functools.lru_cache
def cached_pure(n: int) -> int:
    return n + 1


class Vec:
    def __init__(self, x: int, y: int) -> None:
        self.x = x
        self.y = y

    def __add__(self, other: "Vec") -> "Vec":
        return Vec(self.x + other.x, self.y + other.y)

    def __getitem__(self, i: int) -> int:
        return self.x if i == 0 else self.y

    def __iter__(self) -> Iterator[int]:
        yield self.x
        yield self.y

    def __len__(self) -> int:
        return 2

    def __call__(self, n: int) -> int:
        return self.x + n

    @property
    def first(self) -> int:
        return self.x

    @property
    def swapped(self) -> "Vec":
        return Vec(self.y, self.x)

    @classmethod
    def of(cls, both_: int) -> "Vec":
        return cls(both_, 7)

    @staticmethod
    def pick(a: int, b: int) -> int:
        return b


@case("zero0 -> one.x\nzero1 -> two.x")
@env.task
def an_object() -> None:
    v = Vec(zero(1), zero(2))
    one(v.x)
    two(v.y)


@case("zero0 ~> one.x\nzero2 ~> one.x")
@env.task
def added_objects() -> None:
    v = Vec(zero(1), zero(2)) + Vec(zero(3), zero(4))
    one(v.x)


@case("zero1 -> one.x\nzero0 -> two.x")
@env.task
def indexed_objects() -> None:
    v = Vec(zero(1), zero(2))
    one(v[1])
    two(v[0])


@case("zero0 -> one0.x\nzero1 -> one1.x\nzero0 -> two0.x\nzero1 -> two1.x")
@env.task
def iterated_objects() -> None:
    v = Vec(zero(1), zero(2))
    for x in v:
        one(x)
    a, b = v
    two(a)
    two(b)


@case("zero0 ~> one.x")
@env.task
def called_objects() -> None:
    v = Vec(zero(1), zero(2))
    one(v(3))


@case("zero0 -> one.x\nzero1 -> two.x")
@env.task
def properties() -> None:
    v = Vec(zero(1), zero(2))
    one(v.first)
    two(v.swapped.x)


@case("zero0 -> one.x\nzero2 -> maybe.x")
@env.task
def class_and_static_methods() -> None:
    v = Vec.of(zero(1))
    one(v.x)
    two(v.y)
    maybe(Vec.pick(zero(2), zero(3)))


class Base:
    def __init__(self, seed: int) -> None:
        self.seed = seed

    def step(self) -> int:
        return one(self.seed)

    def run(self) -> int:
        return self.step()


class Child(Base):
    def __init__(self, seed: int, extra: int) -> None:
        super().__init__(extra)
        self.other = seed

    def step(self) -> int:
        return two(self.other)


@case("zero0 -> two.x\ntwo -> me.o0\nzero1 -> one.x")
@env.task
def inherited() -> int:
    c = Child(zero(1), zero(2))
    one(c.seed)
    return c.run()


class Changed:
    def __init__(self, value: int, other: int) -> None:
        self.value = 0
        self.twice = value * 2
        self.kept = {"k": [other]}


@case("zero0 ~> two.x\nzero1 -> maybe.x")
@env.task
def an_init_that_computes() -> None:
    c = Changed(zero(1), zero(2))
    one(c.value)
    two(c.twice)
    maybe(c.kept["k"][0])


@dataclass
class Post:
    a: int
    b: int = 3
    total: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        self.total = self.a + 1


@case("zero0 -> one.x\nzero1 -> two.x\nzero0 ~> maybe.x")
@env.task
def post_init() -> None:
    p = Post(zero(1), b=zero(2))
    one(p.a)
    two(p.b)
    maybe(p.total)


@dataclass(frozen=True, slots=True)
class Frozen:
    a: int
    b: int


@case("zero0 -> one.x\nzero1 -> two.x")
@env.task
def frozen_with_slots() -> None:
    f = Frozen(zero(1), zero(2))
    one(f.a)
    two(f.b)


class Point(NamedTuple):
    x: int
    y: int


@case("zero0 -> one.x\nzero2 -> two.x\nzero0 -> maybe.x")
@env.task
def named_tuples() -> None:
    p = Point(zero(1), zero(2))
    q = p._replace(y=zero(3))
    one(q.x)
    two(q.y)
    x, _ = p
    maybe(x)


@case("zero -> one.x\nzero -> pay.p{amount}")
@env.task
def typed_dicts() -> None:
    p = Pay(amount=zero(1), tag="")
    one(p["amount"])
    pay(p)


@case("order{note} -> one.x\norder{items[0].price} -> two.x")
@env.task
def as_dict() -> None:
    d = asdict(order(1))
    one(d["note"])
    two(d["items"][0]["price"])


@case("zero0 -> one.x\nzero1 -> two.x")
@env.task
def as_tuple() -> None:
    a, b = astuple(Frozen(zero(1), zero(2)))
    one(a)
    two(b)


@case("zero -> one.x\nmodel{parts.k[0]} -> two.x")
@env.task
def model_copied() -> None:
    m = model(1).model_copy(update={"size": zero(2)})
    one(m.size)
    two(m.parts["k"][0])


@case("model{size} -> one.x\nzero -> two.x")
@env.task
def model_dumped() -> None:
    d = model(1).model_dump()
    one(d["size"])
    e = Model(size=zero(2)).model_dump()
    two(e["size"])


@case("zero -> one.x")
@env.task
def model_validated() -> None:
    m = Model.model_validate({"size": zero(1)})
    one(m.size)


@case("zero -> sized.m{size}")
@env.task
def model_from_a_dict() -> None:
    d = {"size": zero(1)}
    sized(Model(**d))


@case("order{items[0].price} -> one.x")
@env.task
def deeply_copied() -> None:
    one(copy.deepcopy(order(1)).items[0].price)


@case("zero0 -> one.x")
@env.task
def copies_are_apart() -> None:
    xs = [zero(1)]
    ys = copy.deepcopy(xs)
    xs[0] = zero(2)
    one(ys[0])


@case("zero ~> one.x")
@env.task
def json_round_trip() -> None:
    d = json.loads(json.dumps({"a": zero(1)}))
    one(d["a"])


@contextlib.contextmanager
def opened(value: int) -> Iterator[int]:
    yield value


class Held:
    def __init__(self, value: int) -> None:
        self.value = value

    def __enter__(self) -> "Held":
        return self

    def __exit__(self, *args: object) -> None:
        self.value = 0


class Given:
    def __init__(self, value: int, other: int) -> None:
        self.value = value
        self.other = other

    async def __aenter__(self) -> int:
        return self.value

    async def __aexit__(self, *args: object) -> None:
        return None

    def __enter__(self) -> int:
        return self.value

    def __exit__(self, *args: object) -> None:
        return None


@case("zero0 -> one.x\nzero1 -> two.x\nzero2 -> maybe.x")
@env.task
def context_managers() -> None:
    with opened(zero(1)) as a:
        one(a)
    with Held(zero(2)) as h:
        two(h.value)
    with Given(zero(3), zero(4)) as g:
        maybe(g)


@case("azero0 -> aone.x")
@env.task
async def async_context_managers() -> None:
    async with Given(await azero(1), await azero(2)) as g:
        await aone(g)


class Items:
    def __init__(self, xs: list[int]) -> None:
        self.xs = xs
        self.i = 0

    def __iter__(self) -> "Items":
        return self

    def __next__(self) -> int:
        if self.i == len(self.xs):
            raise StopIteration
        self.i += 1
        return self.xs[self.i - 1]

    def __aiter__(self) -> "Items":
        return self

    async def __anext__(self) -> int:
        if self.i == len(self.xs):
            raise StopAsyncIteration
        self.i += 1
        return self.xs[self.i - 1]


@case("zero0 -> one0.x\nzero1 -> one1.x")
@env.task
def an_iterator_class() -> None:
    for x in Items([zero(1), zero(2)]):
        one(x)


@case("azero0 -> aone0.x\nazero1 -> aone1.x")
@env.task
async def an_async_iterator_class() -> None:
    async for x in Items([await azero(1), await azero(2)]):
        await aone(x)


class Lazy:
    def __init__(self, n: int) -> None:
        self.n = n

    @functools.cached_property
    def made(self) -> int:
        return zero(self.n)

    @property
    def fresh(self) -> int:
        return zero(self.n)


@case("zero0 -> one0.x\nzero0 -> one1.x\nzero1 -> one2.x")
@env.task
def properties_that_call() -> None:
    box = Lazy(3)
    one(box.made)
    one(box.made)
    one(box.fresh)


@case("zero -> one.x")
@env.task
def a_module_of_its_own() -> None:
    one(flows.same(zero(1)))


# -- Libraries -------------------------------------------------------------------------------------


@case("one0 -> two.x")
@env.task
def sorted_by_a_key() -> None:
    xs = sorted([one(5), one(7)], key=lambda v: v)
    two(xs[0])


@case("one1 -> two0.x\none0 -> two1.x")
@env.task
def sorted_in_place() -> None:
    xs = [one(5), one(2)]
    xs.sort()
    for x in xs:
        two(x)


@case("zero0 -> two0.x\nzero1 -> two1.x")
@env.task
def sorted_in_place_equals() -> None:
    xs = [zero(5), zero(2)]
    xs.sort()
    two(xs[0])
    two(xs[1])


@case("one1 -> two.x")
@env.task
def sorted_pairs() -> None:
    scored = [("a", one(5)), ("b", one(2))]
    best = sorted(scored, key=lambda p: p[1])[0]
    two(best[1])


@case("one1 -> two0.x\none0 -> two1.x")
@env.task
def least_of_a_dict() -> None:
    d = {"a": one(5), "b": one(2)}
    best = min(d, key=lambda k: d[k])
    two(d[best])
    two(max(d.values()))


@case("zero1 -> one.x")
@env.task
def max_with_a_key() -> None:
    pairs = [(1, zero(1)), (2, zero(2))]
    one(max(pairs, key=operator.itemgetter(0))[1])


@case("one0 -> two0.x\none2 -> two1.x")
@env.task
def filtered() -> None:
    xs = [one(1), one(0), one(2)]
    for x in filter(None, xs):
        two(x)


@case("zero0 ~> one0.x\nzero1 ~> one1.x")
@env.task
def mapped_lambda() -> None:
    for x in map(lambda v: v + 1, [zero(1), zero(2)]):
        one(x)


@case("zero0 ~> one.x\nzero1 ~> one.x")
@env.task
def reduced_by_an_operator() -> None:
    one(functools.reduce(operator.add, [zero(1), zero(2)]))


@case("zero0 ~> one.x\nzero1 ~> one.x")
@env.task
def summed_generator() -> None:
    xs = [zero(1), zero(2)]
    one(sum(x * 2 for x in xs))


@case("zero0 -> one.x\nzero1 -> two.x")
@env.task
def extended() -> None:
    xs = [0]
    xs.extend([zero(1), zero(2)])
    one(xs[1])
    two(xs[-1])
    maybe(xs[0])


@case("zero0 -> one.x\nzero1 -> two.x\nzero2 -> maybe.x")
@env.task
def inserted() -> None:
    xs = [zero(1)]
    xs.insert(0, zero(2))
    xs += [zero(3)]
    one(xs[1])
    two(xs[0])
    maybe(xs[2])


@case("zero0 -> one.x\nzero1 -> two.x\nzero2 -> maybe.x")
@env.task
def updated_dicts() -> None:
    d = {"a": 0}
    d.update({"a": zero(1)})
    d.update(b=zero(2))
    d |= {"c": zero(3)}
    one(d["a"])
    two(d["b"])
    maybe(d["c"])


@case("zero0 -> one.x\nzero0 -> two.x\nzero2 -> maybe.x")
@env.task
def dict_methods() -> None:
    d: dict[str, int] = {}
    d.setdefault("a", zero(1))
    d.setdefault("a", zero(2))
    one(d["a"])
    two(d.pop("a"))
    maybe(d.get("z", zero(3)))


@case("zero0 -> one.x\nzero1 -> two.x")
@env.task
def merged_dicts() -> None:
    d = {**{"a": zero(1)}, "b": 0} | {"b": zero(2)}
    one(d["a"])
    two(d["b"])


@case("zero1 -> one.x")
@env.task
def popitem() -> None:
    d = {"a": zero(1), "b": zero(2)}
    _, v = d.popitem()
    one(v)


@case("one0 -> total.xs{[0]}\none1 -> total.xs{[1]}")
@env.task
def sets_of_results() -> None:
    s = {one(1)}
    s.add(one(2))
    total(sorted(s))


@case("zero0 -> one0.x\nzero1 -> one1.x\nzero2 -> one2.x")
@env.task
def chained_iterables() -> None:
    for x in itertools.chain.from_iterable([[zero(1)], [zero(2), zero(3)]]):
        one(x)


@case("zero0 -> add0.x\nzero1 -> add0.y\nzero1 -> add1.x\nzero2 -> add1.y")
@env.task
def pairwise() -> None:
    for a, b in itertools.pairwise([zero(1), zero(2), zero(3)]):
        add(a, b)


@case("zero0 -> one0.x\nzero1 -> one1.x")
@env.task
def islice() -> None:
    for x in itertools.islice([zero(1), zero(2), zero(3)], 2):
        one(x)


@case("zero0 -> add0.x\nzero2 -> add0.y\nzero1 -> add1.x\nzero2 -> add1.y")
@env.task
def product() -> None:
    for a, b in itertools.product([zero(1), zero(2)], [zero(3)]):
        add(a, b)


@case("zero0 -> add.x\nzero1 -> add.y")
@env.task
def combinations() -> None:
    for a, b in itertools.combinations([zero(1), zero(2)], 2):
        add(a, b)


@case("one0 -> total0.xs{[0]}\none2 -> total0.xs{[1]}\none1 -> total1.xs{[0]}")
@env.task
def grouped() -> None:
    by: dict[int, list[int]] = collections.defaultdict(list)
    for i in range(3):
        by[i % 2].append(one(i))
    for xs in by.values():
        total(xs)


@case("zero -> one.x")
@env.task
def a_counter_object() -> None:
    c = collections.Counter()
    c["a"] = zero(1)
    one(c["a"])


@case("zero0 -> one.x\nzero1 -> two.x")
@env.task
def item_and_attr_getters() -> None:
    get = operator.itemgetter("a")
    one(get({"a": zero(1), "b": 3}))
    two(operator.attrgetter("x")(Vec(zero(2), 0)))


@case("ones{[0]} -> one0.x\nones{[1]} -> one1.x\nones{[0]} -> two.x")
@env.task
def enumerated_with_a_start() -> None:
    kept = {}
    for i, x in enumerate(ones(2), start=1):
        one(x)
        kept[i] = x
    two(kept[1])


@case("ones{[1]} -> one0.x\nones{[0]} -> one1.x")
@env.task
def reversed_result() -> None:
    for x in reversed(ones(2)):
        one(x)


@case("ones ~> total.xs")
@env.task
def numpy_of_a_list() -> None:
    total(np.cumsum(ones(3)).tolist())


@case("zero0 ~> one.x\nzero1 ~> one.x")
@env.task
def numpy_sum() -> None:
    a, b = zero(1), zero(2)
    one(int(np.array([a, b]).sum()))


@case("vector0 -> norm0.v\nvector0 ~> norm1.v\nvector0 ~> norm2.v\nvector1 ~> norm2.v")
@env.task
def arrays() -> None:
    v, w = vector(3), vector(3)
    norm(v)
    norm(v * 2)
    norm(v + w)


@case("frame0 -> rows0.df\nframe0 ~> rows1.df\nframe0 ~> rows2.df\nframe1 ~> rows2.df\nframe0 ~> one.x")
@env.task
def frames() -> None:
    df, other = frame(3), frame(3)
    rows(df)
    rows(df[df["x"] > 0])
    rows(pd.concat([df, other]))
    one(int(df["x"].sum()))


@case("frame ~> rows.df\nzero ~> rows.df")
@env.task
def a_frame_with_a_column() -> None:
    df = frame(2)
    df["z"] = zero(1)
    rows(df)


@case("zero0 ~> rows.df\nzero1 ~> rows.df")
@env.task
def a_frame_put_together() -> None:
    rows(pd.DataFrame({"x": [zero(1), zero(2)]}))


@case("written0 -> read0.f\nwritten1 -> read1.f\nwritten0 -> read_all.fs{[0]}\nwritten1 -> read_all.fs{[1]}")
@env.task
async def files() -> None:
    a, b = await written(1), await written(2)
    await read(a)
    await read(b)
    await read_all([a, b])


@case("written -> read.f")
@env.task
async def a_file_in_an_object() -> None:
    d = {"file": await written(1)}
    await read(d["file"])


# -- Concurrency -----------------------------------------------------------------------------------


@case("azero0 -> total.xs{[0]}\nazero1 -> total.xs{[1]}")
@env.task
async def a_group_of_many() -> None:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(azero(i)) for i in range(2)]
    await total.aio([t.result() for t in tasks])


@case("aone0 -> two.x")
@env.task
async def waited_for_all() -> None:
    tasks = {asyncio.create_task(aone(i)) for i in range(2)}
    done, _ = await asyncio.wait(tasks)
    for t in done:
        if t.result() == 0:
            await two.aio(t.result())


@case("azero -> aone.x")
@env.task
async def waited_for_the_first() -> None:
    task = asyncio.create_task(azero(1))
    done, pending = await asyncio.wait([task], return_when=asyncio.FIRST_COMPLETED)
    assert not pending
    await aone(done.pop().result())


@case("azero0 -> aone0.x\nazero1 -> aone1.x")
@env.task
async def an_async_queue() -> None:
    waiting: asyncio.Queue[int | None] = asyncio.Queue()

    async def produce_() -> None:
        await waiting.put(await azero(1))
        await waiting.put(await azero(2))
        await waiting.put(None)

    async def consume() -> None:
        while (x := await waiting.get()) is not None:
            await aone(x)

    await asyncio.gather(produce_(), consume())


@case("azero0 -> summed.d{a}\nazero1 -> summed.d{b}")
@env.task
async def gathered_by_name() -> None:
    coros = {"a": azero(1), "b": azero(2)}
    found = dict(zip(coros, await asyncio.gather(*coros.values()), strict=True))
    await summed.aio(found)


@case("azero0 -> aone0.x\nazero1 -> aone1.x")
@env.task
async def gathered_with_errors() -> None:
    found = await asyncio.gather(azero(1), fails.aio(2), azero(3), return_exceptions=True)
    for each in found:
        if not isinstance(each, BaseException):
            await aone(each)


@case("azero0 -> aone0.x\naone0 -> aadd.x\nazero1 -> aone1.x\naone1 -> aadd.y")
@env.task
async def gathered_pipelines() -> None:
    async def pipeline(i: int) -> int:
        return await aone(await azero(i))

    a, b = await asyncio.gather(pipeline(1), pipeline(2))
    await aadd(a, b)


@case("azero -> aone.x")
@env.task
async def with_a_timeout() -> None:
    async with asyncio.timeout(60):
        a = await azero(1)
    await aone(a)


@case("azero0 -> total.xs{[0]}\nazero1 -> total.xs{[1]}")
@env.task
async def a_semaphore() -> None:
    slots = asyncio.Semaphore(1)

    async def limited(i: int) -> int:
        async with slots:
            return await azero(i)

    await total.aio(list(await asyncio.gather(*[limited(i) for i in range(2)])))


@case("azero -> aone.x")
@env.task
async def a_future() -> None:
    future: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def work() -> None:
        future.set_result(await azero(1))

    task = asyncio.create_task(work())
    a = await future
    await task
    await aone(a)


@case("azero0 -> aone0.x\nazero1 -> aone1.x")
@env.task
async def awaited_in_a_comprehension() -> None:
    xs = [await azero(i) for i in range(2)]
    [await aone(x) for x in xs]


@case("zero0 -> one0.x\nzero1 -> one1.x")
@env.task
def an_executor() -> None:
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        futures = [pool.submit(zero, i) for i in range(2)]
        for f in futures:
            one(f.result())


@case("zero0 -> total.xs{[0]}\nzero1 -> total.xs{[1]}")
@env.task
def an_executor_map() -> None:
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        xs = list(pool.map(zero, [1, 2]))
    total(xs)


@case("one0 -> two.x")
@env.task
def an_executor_as_completed() -> None:
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        futures = {pool.submit(one, i): i for i in range(2)}
        for f in concurrent.futures.as_completed(futures):
            if futures[f] == 0:
                two(f.result())


@case("zero -> one.x")
@env.task
def a_thread_with_a_queue() -> None:
    waiting: queue.Queue[int] = queue.Queue()

    def work() -> None:
        waiting.put(zero(1))

    t = threading.Thread(target=work)
    t.start()
    t.join()
    one(waiting.get())


@case("zero0 -> one.x\nzero1 -> two.x")
@env.task
def threads_that_fill_a_dict() -> None:
    found: dict[str, int] = {}

    def work(name: str, n: int) -> None:
        found[name] = zero(n)

    for name, n in (("a", 1), ("b", 2)):
        t = threading.Thread(target=work, args=(name, n))
        t.start()
        t.join()
    one(found["a"])
    two(found["b"])


@case("zero -> one.x")
@env.task
async def run_in_an_executor() -> None:
    a = await asyncio.get_running_loop().run_in_executor(None, zero, 1)
    await one.aio(a)


@case("azero -> one.x\none -> me.o0")
@env.task
def sync_parent_of_async() -> int:
    return one(asyncio.run(azero(1)))


@case("zero0 -> total.xs{[0]}\nzero1 -> total.xs{[1]}\nzero0 -> one.x")
@env.task
def map_results_by_place() -> None:
    found = list(flyte.map(zero, [1, 2]))
    total(found)
    one(found[0])


@case("azero -> aone.x\naone -> total.xs{[0]}")
@env.task
async def results_appended() -> None:
    found: list[int] = []

    async def go(i: int) -> None:
        found.append(await aone(await azero(i)))

    await asyncio.gather(go(1))
    await total.aio(found)


# -- State -----------------------------------------------------------------------------------------

REGISTRY: dict[str, list[int]] = {}


def register(name: str, value: int) -> None:
    REGISTRY.setdefault(name, []).append(value)


@case("zero0 -> one.x\nzero1 -> two.x")
@env.task
def a_registry() -> None:
    REGISTRY.clear()
    register("a", zero(1))
    register("a", zero(2))
    one(REGISTRY["a"][0])
    two(REGISTRY["a"][-1])


class Shared:
    latest = 0
    log: list[int] = []


@case("zero -> one.x")
@env.task
def class_attributes() -> None:
    Shared.latest = zero(1)
    one(Shared.latest)
    Shared.latest = 0
    two(Shared.latest)


@case("zero0 -> one.x\nzero1 -> two.x")
@env.task
def set_by_name() -> None:
    v = Vec(0, 0)
    v.x = zero(1)
    v.__dict__["y"] = 0
    one(v.x)
    v.y = zero(2)
    two(v.y)


@case("zero0 -> priced.order{items[0].price}\nzero1 -> one.x")
@env.task
def nested_state() -> None:
    o = Order()
    o.items.append(Item(0))
    o.items[0].price = zero(1)
    priced(o)
    o.items[0].price = zero(2)
    one(o.items[0].price)


# -- Groups, traces ---------------------------------------------------------------------------------


@flyte.trace
def traced_pair(x: int) -> tuple[int, int]:
    return 0, 0


@flyte.trace
def traced_items(n: int) -> Iterator[int]:
    for _ in range(n):
        yield 0


@flyte.trace
async def atraced_items(n: int) -> AsyncIterator[int]:
    for _ in range(n):
        yield 0


@case("traced_pair{[1]} -> one.x\nzero -> traced_pair.x")
@env.task
def a_trace_of_two() -> None:
    _, b = traced_pair(zero(1))
    one(b)


@case("traced_items{[0]} -> one0.x\ntraced_items{[1]} -> one1.x\nzero1 ~> traced_items.n")
@env.task
def a_traced_generator() -> None:
    zero(1)
    n = zero(1)
    for x in traced_items(2 + n):
        one(x)


@case("traced_items{[0]} -> total.xs{[0]}\ntraced_items{[1]} -> total.xs{[1]}")
@env.task
def a_traced_generator_in_a_list() -> None:
    total(list(traced_items(2)))


@case("atraced_items{[0]} -> aone0.x\natraced_items{[1]} -> aone1.x")
@env.task
async def an_async_traced_generator() -> None:
    async for x in atraced_items(2):
        await aone(x)


@case("")
@env.task
def cached_helpers() -> None:
    cached.cache_clear()
    a = cached(1)
    b = cached(1)
    one(a)
    one(b)


@case("first -> one0.x\nsecond -> one1.x")
@env.task
def short_names() -> None:
    a = one.override(short_name="first")(1)
    b = one.override(short_name="second")(2)
    one(a)
    one(b)


@case("zero0 -> one.x")
@env.task
async def nested_groups() -> None:
    with flyte.group("a"), flyte.group("b"):
        x = await zero.aio(1)
    await zero.aio(1)
    with flyte.group("c"):
        await one.aio(x)


# -- Stranger things --------------------------------------------------------------------------------


@case("zero0 -> one.x\nzero1 -> two.x")
@env.task
def unzipped() -> None:
    pairs = [("a", zero(1)), ("b", zero(2))]
    _, xs = zip(*pairs, strict=True)
    one(xs[0])
    two(xs[1])


@case("zero0 -> one0.x\nzero1 -> one1.x")
@env.task
def a_list_of_an_iterable_object() -> None:
    v = Vec(zero(1), zero(2))
    for x in list(v):
        one(x)


@case("zero0 -> add.x\nzero1 -> add.y")
@env.task
def a_starred_object() -> None:
    add(*Vec(zero(1), zero(2)))


@case("zero0 ~> one.x\nzero1 ~> one.x")
@env.task
def the_sum_of_an_object() -> None:
    one(sum(Vec(zero(1), zero(2))))


class Stack(list[int]):
    def top(self) -> int:
        return self[-1]


class Settings(dict[str, int]):
    def __getattr__(self, name: str) -> int:
        return self[name]


@case("zero0 -> one.x\nzero1 -> two.x\nzero1 -> maybe.x")
@env.task
def a_list_of_ones_own() -> None:
    s = Stack()
    s.append(zero(1))
    s.append(zero(2))
    one(s[0])
    two(s.top())
    maybe(s.pop())


@case("zero0 -> one.x\nzero1 -> two.x")
@env.task
def a_dict_of_ones_own() -> None:
    s = Settings(a=zero(1))
    s["b"] = zero(2)
    one(s["a"])
    two(s["b"])


class Store:
    def __init__(self) -> None:
        self._kept: dict[str, int] = {}

    def __setitem__(self, name: str, value: int) -> None:
        self._kept[name] = value

    def __getitem__(self, name: str) -> int:
        return self._kept[name]

    def __contains__(self, name: str) -> bool:
        return name in self._kept


@case("zero0 -> one.x\nzero1 -> two.x")
@env.task
def a_store_of_ones_own() -> None:
    s = Store()
    s["a"] = zero(1)
    s["b"] = zero(2)
    if "a" in s:
        one(s["a"])
    two(s["b"])


class Temperature:
    def __init__(self, value: int) -> None:
        self._value = value

    @property
    def value(self) -> int:
        return self._value

    @value.setter
    def value(self, new: int) -> None:
        self._value = new


@case("zero0 -> one.x\nzero1 -> two.x")
@env.task
def a_property_that_is_set() -> None:
    t = Temperature(zero(1))
    one(t.value)
    t.value = zero(2)
    two(t.value)


class Private:
    def __init__(self, a: int, b: int) -> None:
        self.__a = a
        self.__b = b

    def get(self) -> int:
        return self.__b


@case("zero1 -> one.x")
@env.task
def private_names() -> None:
    one(Private(zero(1), zero(2)).get())


class Slotted:
    __slots__ = ("a", "b")

    def __init__(self, a: int, b: int) -> None:
        self.a, self.b = b, a


@case("zero1 -> one.x\nzero0 -> two.x")
@env.task
def slots() -> None:
    s = Slotted(zero(1), zero(2))
    one(s.a)
    two(s.b)


@dataclass(kw_only=True)
class Parent:
    a: int
    b: int = 0


@dataclass
class Grown(Parent):
    c: int = 0

    def total(self) -> int:
        return self.a + self.c

    @property
    def second(self) -> int:
        return self.b


@case("zero1 -> one.x\nzero2 -> two.x\nzero0 ~> maybe.x\nzero2 ~> maybe.x")
@env.task
def dataclasses_that_inherit() -> None:
    g = Grown(zero(3), a=zero(1), b=zero(2)) if 0 else Grown(a=zero(1), b=zero(2), c=zero(3))
    one(g.second)
    two(g.c)
    maybe(g.total())


class Rect(pydantic.BaseModel):
    w: int
    h: int

    @property
    def area(self) -> int:
        return self.w * self.h

    @pydantic.field_validator("h")
    @classmethod
    def double(cls, v: int) -> int:
        return v + 1

    def wide(self) -> int:
        return self.w


@case("zero0 -> one.x\nzero1 ~> two.x\nzero0 -> maybe.x")
@env.task
def models_that_validate() -> None:
    r = Rect(w=zero(1), h=zero(2))
    one(r.w)
    two(r.h)
    maybe(r.wide())


@case("zero0 ~> one.x\nzero1 ~> one.x")
@env.task
def a_property_of_a_model() -> None:
    one(Rect(w=zero(1), h=zero(2)).area)


class Problem(Exception):
    def __init__(self, code: int, other: int) -> None:
        super().__init__("problem")
        self.code = other
        self.twice = code + 1


@case("zero1 -> one.x\nzero0 ~> two.x")
@env.task
def errors_of_ones_own() -> None:
    try:
        raise Problem(zero(1), zero(2))
    except Problem as error:
        one(error.code)
        two(error.twice)


@case("")
@env.task
def an_error_through_helpers() -> None:
    def inner(v: int) -> None:
        raise KeyError(v)

    def outer(v: int) -> None:
        try:
            inner(v)
        except KeyError as error:
            raise RuntimeError("outer") from error

    try:
        outer(zero(1))
    except RuntimeError as error:
        assert error.__cause__ is not None
        one(error.__cause__.args[0])


@case("")
@env.task
def an_exit_stack() -> None:
    with contextlib.ExitStack() as stack:
        stack.enter_context(opened(zero(1)))
        b = stack.enter_context(Given(zero(2), zero(3)))
        one(b)


@case("")
@env.task
def suppressed() -> None:
    a = 0
    with contextlib.suppress(ZeroDivisionError):
        a = 1 // zero(1)
    one(a)


@contextlib.asynccontextmanager
async def aopened(value: int) -> AsyncIterator[int]:
    yield await azero(value)


@case("azero0 -> azero1.x\nazero1 -> aone.x")
@env.task
async def an_async_manager_that_calls() -> None:
    async with aopened(await azero(1)) as v:
        await aone(v)


@functools.singledispatch
def shown(value: Any) -> int:
    return 0


@shown.register
def _(value: int) -> int:
    return value


@case("zero ~> one.x")
@env.task
def dispatched() -> None:
    one(shown(zero(1)))


def memo(function: Callable[[int], int]) -> Callable[[int], int]:
    known: dict[int, int] = {}

    def inner(n: int) -> int:
        if n not in known:
            known[n] = function(n)
        return known[n]

    return inner


@case("zero0 -> one0.x\nzero0 -> one1.x\nzero1 -> one2.x")
@env.task
def memoized() -> None:
    get = memo(lambda n: zero(n))
    one(get(1))
    one(get(1))
    one(get(2))


class Counted:
    def __init__(self, function: Callable[..., int]) -> None:
        self.function = function
        self.calls = 0

    def __call__(self, *args: int) -> int:
        self.calls += 1
        return self.function(*args)


@Counted
def counted(a: int, b: int) -> int:
    return zero(b)


@case("zero1 -> zero2.x\nzero2 -> one.x")
@env.task
def a_class_that_decorates() -> None:
    one(counted(zero(1), zero(2)))


@case("one0 ~> two.x\none1 ~> two.x\none2 ~> two.x")
@env.task
def a_tree_of_calls() -> None:
    def fib(n: int) -> int:
        return one(n) if n < 2 else fib(n - 1) + fib(n - 2)

    two(fib(3))


@case("zero0 -> zero1.x\nzero1 -> zero2.x\nzero2 -> me.o0")
@env.task
def mutual_recursion() -> int:
    def even(n: int, v: int) -> int:
        return v if n == 0 else odd(n - 1, zero(v))

    def odd(n: int, v: int) -> int:
        return v if n == 0 else even(n - 1, zero(v))

    return even(3, 1)


@case("zero0 -> one.x\nzero1 -> two.x")
@env.task
def dict_from_keys() -> None:
    d = dict.fromkeys(["a", "b"], zero(1))
    one(d["b"])
    d["b"] = zero(2)
    two(d["b"])


@case("zero0 -> one.x\nzero1 -> two.x")
@env.task
def a_chain_map() -> None:
    first = {"a": zero(1)}
    second_ = {"b": zero(2)}
    merged = {**second_, **first}
    one(merged["a"])
    two(merged["b"])


@case("zero0 -> total.xs{[0]}\nzero1 -> total.xs{[1]}\nzero0 -> one.x")
@env.task
def tuples_joined() -> None:
    t = (zero(1),) + (zero(2),)
    total(list(t))
    one(t[0])


@case("zero -> total.xs{[0]}\nzero -> total.xs{[1]}\nzero -> total.xs{[2]}")
@env.task
def a_list_repeated() -> None:
    total([zero(1)] * 3)


@case("zero0 -> add0.x\nzero1 -> add0.y\nzero2 -> add1.x\nzero3 -> add1.y")
@env.task
def chunked_by_one_iterator() -> None:
    it = iter([zero(i) for i in range(4)])
    for a, b in zip(it, it, strict=True):
        add(a, b)


@case("one1 -> two.x")
@env.task
def the_best_pair() -> None:
    scored = {"a": one(1), "b": one(2)}
    name, score = max(scored.items(), key=lambda pair: pair[1])
    assert name == "b"
    two(score)


@case("one1 -> two0.x\none0 -> two1.x")
@env.task
def items_sorted() -> None:
    scored = {"a": one(2), "b": one(1)}
    for _, score in sorted(scored.items(), key=lambda pair: pair[1]):
        two(score)


@case("")
@env.task
def zipped_and_sorted() -> None:
    xs = [one(2), one(1)]
    for x, _ in sorted(zip(xs, ["a", "b"], strict=True)):
        two(x)


@case("")
@env.task
def a_function_with_attributes() -> None:
    def f() -> int:
        return f.kept  # type: ignore[attr-defined]

    f.kept = zero(1)  # type: ignore[attr-defined]
    zero(2)
    one(f())


@case("word ~> one.x\nword ~> say.s")
@env.task
def a_regular_expression() -> None:
    import re

    m = re.match(r"(\w+) (\d+)", word(3))
    assert m is not None
    say(m.group(1))
    one(int(m.group(2)))


@case("zero ~> one.x")
@env.task
def pickled() -> None:
    import pickle

    one(pickle.loads(pickle.dumps(zero(1))))


@case("zero0 -> one.x\nzero1 -> two.x")
@env.task
def a_local_class() -> None:
    class Local:
        def __init__(self, a: int) -> None:
            self.a = a

        def more(self) -> int:
            return zero(self.a)

    one(Local(zero(1)).a)
    two(Local(3).more())


@case("zero0 -> one.x\nzero0 -> zero1.x\nzero1 -> two.x")
@env.task
def a_bound_method_kept() -> None:
    v = Lazy(zero(1))
    one(v.n)
    get = v.__class__.fresh.fget
    assert get is not None
    two(get(v))


@case("zero0 -> add.x\nzero1 -> add.y")
@env.task
def partials_of_helpers() -> None:
    def call(a: int, b: int) -> int:
        return add(a, b)

    f = functools.partial(call, zero(1))
    f(b=zero(2))


@case("zero0 -> one.x\nzero1 -> two.x")
@env.task
def methods_in_a_dict() -> None:
    handlers = {"a": lambda v: one(v), "b": lambda v: two(v)}
    for name, value in (("a", zero(1)), ("b", zero(2))):
        handlers[name](value)


@case("zero2 -> one.x")
@env.task
def retried_by_hand() -> None:
    result = None
    for attempt in range(3):
        try:
            zero(attempt)
            if attempt == 0:
                fails(7)
            result = zero(attempt + 10)
            break
        except flyte.errors.RuntimeUserError:
            continue
    one(result)


@case("zero0 -> one0.x\nzero1 -> one1.x\nzero2 -> one2.x")
@env.task
def a_tree_walked() -> None:
    tree = {"v": zero(1), "kids": [{"v": zero(2), "kids": []}, {"v": zero(3), "kids": []}]}

    def walk(node: dict[str, Any]) -> None:
        one(node["v"])
        for kid in node["kids"]:
            walk(kid)

    walk(tree)


@case("one0 -> two0.x\none1 -> two1.x\none2 -> two2.x")
@env.task
def a_matrix_turned() -> None:
    rows_ = [[one(1), one(2)], [one(3), 0]]
    turned = [list(col) for col in zip(*rows_, strict=True)]
    two(turned[0][0])
    two(turned[1][0])
    two(turned[0][1])


@case("zero0 ~> one.x\nzero1 ~> one.x\nzero0 -> two.x")
@env.task
def running_totals() -> None:
    xs = list(itertools.accumulate([zero(1), zero(2)]))
    one(xs[1])
    two(xs[0])


@case("zero0 -> total0.xs{[0]}\nzero1 -> total0.xs{[1]}\nzero0 -> total1.xs{[0]}")
@env.task
def a_list_that_grows() -> None:
    xs: list[int] = []
    xs.append(zero(1))
    ys = list(xs)
    xs.append(zero(2))
    total(xs)
    total(ys)


@case("zero0 -> one.x")
@env.task
def a_default_that_is_kept() -> None:
    def add_to(value: int, to: list[int] = []) -> list[int]:
        to.append(value)
        return to

    add_to(zero(1))
    kept = add_to(zero(2))
    one(kept[0])


@case("zero0 -> one0.x\nzero1 -> one1.x")
@env.task
def functions_with_defaults_in_a_loop() -> None:
    fs = []
    for i in range(2):

        def f(v: int = zero(i)) -> None:
            one(v)

        fs.append(f)
    for f in fs:
        f()


@case("zero0 -> one.x\nzero1 ~> say.s")
@env.task
def conditional_text() -> None:
    a, b = zero(1), zero(2)
    one(a) if b == 0 else two(a)
    say("yes" if a else f"{b}")


@case("zero1 -> one.x\nzero0 -> two.x")
@env.task
def bags_of_arguments() -> None:
    def call(first: int, *rest: int, last: int = 0, **more: int) -> None:
        one(more["z"])
        two(rest[0])

    call(9, zero(1), last=3, z=zero(2))


@case("")
@env.task
def an_unknown_star_before() -> None:
    args = iter([zero(1)])
    add(*args, zero(2))


@case("zero0 -> one.x\nzero1 -> two.x")
@env.task
def a_generator_kept_on_an_object() -> None:
    class Source:
        def __init__(self) -> None:
            self.it = self.items()

        def items(self) -> Iterator[int]:
            while True:
                yield zero(1)

    s = Source()
    one(next(s.it))
    s2 = s
    two(next(s2.it))


@case("zero0 -> one0.x\nzero0 -> one1.x\nzero1 -> one2.x")
@env.task
def a_generator_in_two_loops() -> None:
    def numbers() -> Iterator[int]:
        a = zero(1)
        yield a
        yield a
        yield zero(2)

    it = numbers()
    for x in it:
        one(x)
        break
    for x in it:
        one(x)


@case("zero0 ~> one0.x\nzero1 ~> one1.x")
@env.task
def a_pipeline_of_generators() -> None:
    def numbers() -> Iterator[int]:
        for i in range(2):
            yield zero(i)

    def plus(xs: Iterator[int]) -> Iterator[int]:
        for x in xs:
            yield x + 1

    for x in plus(numbers()):
        one(x)


@case("one0 -> two.x\none1 -> maybe.x")
@env.task
def sets_walked() -> None:
    s = {one(1), one(2)}
    for x in s:
        if x == 2:
            two(x)
        else:
            maybe(x)


@case("yes1 -> flip.b")
@env.task
def bool_or_int() -> None:
    a = yes(1)
    b = yes(2)
    flip(a and b)


@case("zero0 -> one.x")
@env.task
def is_the_same_after_asserts() -> None:
    a = zero(1)
    b = zero(2)
    assert a == b and type(a) is int
    a, b = (a, b) if a <= b else (b, a)
    one(a)


@case("word -> say0.s\nword -> say1.s")
@env.task
def stripped() -> None:
    w = word(1)
    say(w.strip())
    say(w)


@case("nothing -> maybe0.x\nzero -> maybe1.x")
@env.task
def optional_values() -> None:
    found: dict[str, int | None] = {"a": nothing(1), "b": zero(1)}
    for v in found.values():
        maybe(v)


@case("color1 -> paint.c")
@env.task
def an_enum_in_a_dict() -> None:
    d = {"a": color(1), "b": color(2)}
    paint(d["b"])


@case("frame0 -> rows0.df\nframe1 -> rows1.df")
@env.task
def frames_in_a_list() -> None:
    for df in [frame(1), frame(2)]:
        rows(df)


@case("frame ~> rows0.df\nframe ~> rows1.df\nframe ~> total.xs")
@env.task
def frames_computed() -> None:
    df = frame(3)
    rows(df.assign(z=1))
    rows(df.groupby("y").sum())
    total(df["x"].tolist())


@case("frame0 ~> rows.df\nframe1 ~> rows.df")
@env.task
def frames_merged() -> None:
    a, b = frame(2), frame(3)
    rows(a.merge(b, on="x"))


@case("frame -> rows0.df\nframe ~> rows1.df")
@env.task
def a_frame_through_a_helper() -> None:
    def clean(df: pd.DataFrame) -> pd.DataFrame:
        out = df.copy()
        out["w"] = 1
        return out

    df = frame(2)
    rows(df)
    rows(clean(df))


@case("vector ~> halve.f\nvector ~> one.x")
@env.task
def an_array_taken_apart() -> None:
    v = vector(3)
    halve(float(v[0]))
    one(int(v.shape[0]))


@case("written -> read.f\nwritten{path} ~> say.s")
@env.task
async def a_file_through_a_helper() -> None:
    async def through(f: flyte.io.File) -> flyte.io.File:
        return f

    f = await through(await written(7))
    await read(f)
    await say.aio(f"{f.path}"[:0])


@case("written -> me.o0")
@env.task
async def a_file_returned() -> flyte.io.File:
    return await written(8)


@case("azero0 -> aone0.x\nazero1 -> aone1.x")
@env.task
async def gathers_in_gathers() -> None:
    (a,), (b,) = await asyncio.gather(asyncio.gather(azero(1)), asyncio.gather(azero(2)))
    await aone(a)
    await aone(b)


@case("azero0 -> aone0.x\nazero1 -> aone1.x")
@env.task
async def tasks_in_a_dict_comprehension() -> None:
    tasks = {i: asyncio.create_task(azero(i)) for i in range(2)}
    found = {i: await t for i, t in tasks.items()}
    for i in found:
        await aone(found[i])


@case("aone0 -> two0.x\naone1 -> two1.x")
@env.task
async def as_completed_in_a_list() -> None:
    coros = [asyncio.create_task(aone(i)) for i in range(2)]
    found = [await c for c in asyncio.as_completed(coros)]
    for x in sorted(found):
        await two.aio(x)


@case("aone0 -> two.x")
@env.task
async def wait_in_a_loop() -> None:
    pending = {asyncio.create_task(aone(i)) for i in range(3)}
    found = []
    while pending:
        done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
        for t in done:
            found.append(t.result())
    for x in found:
        if x == 0:
            await two.aio(x)


@case("azero -> aone.x")
@env.task
async def an_event() -> None:
    ready = asyncio.Event()
    box: dict[str, int] = {}

    async def produce_() -> None:
        box["v"] = await azero(1)
        ready.set()

    task = asyncio.create_task(produce_())
    await ready.wait()
    await aone(box["v"])
    await task


@case("azero -> aone.x")
@env.task
async def an_async_method() -> None:
    class Client:
        def __init__(self, n: int) -> None:
            self.n = n

        async def fetch(self) -> int:
            return await azero(self.n)

        async def __call__(self) -> int:
            return await self.fetch()

    await aone(await Client(1)())


@case("azero0 -> aone.x\nazero1 -> two.x")
@env.task
def run_in_a_loop_of_ones_own() -> None:
    async def both_() -> tuple[int, int]:
        a, b = await asyncio.gather(azero(1), azero(2))
        return a, b

    a, b = asyncio.run(both_())
    asyncio.run(aone(a))  # type: ignore[arg-type]
    two(b)


@case("")
@env.task
async def an_awaitable_class() -> None:
    class Job:
        def __init__(self, i: int) -> None:
            self.i = i

        def __await__(self) -> Any:
            return azero(self.i).__await__()

    for i in range(2):
        await aone(await Job(i))  # type: ignore[misc]


@case("zero0 -> one0.x\nzero1 -> one1.x")
@env.task
def threads_with_equal_values() -> None:
    a, b = zero(1), zero(2)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        list(pool.map(one, [a, b]))


@case("zero0 -> one0.x\nzero1 -> one1.x\none0 -> add.x\none1 -> add.y")
@env.task
def submitted_with_equal_values() -> None:
    a, b = zero(1), zero(2)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        f, g = pool.submit(one, a), pool.submit(one, b)
    add(f.result(), g.result())


@case("zero0 -> one0.x\nzero1 -> one1.x\none0 -> add.x\none1 -> add.y")
@env.task
def helpers_in_threads() -> None:
    def work(v: int) -> int:
        return one(v)

    a, b = zero(1), zero(2)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        xs = list(pool.map(work, (a, b)))
        f = pool.submit(work, 9)
        f.result()
    add(*xs)


class Worker(threading.Thread):
    def __init__(self, n: int) -> None:
        super().__init__()
        self.n = n
        self.found = -1

    def run(self) -> None:
        self.found = zero(self.n)


@case("")
@env.task
def a_thread_class() -> None:
    w = Worker(1)
    w.start()
    w.join()
    one(w.found)


@case("")
@env.task
def a_context_variable() -> None:
    import contextvars

    var: contextvars.ContextVar[int] = contextvars.ContextVar("var")
    var.set(zero(1))
    zero(2)
    one(var.get())


@case("zero0 -> add0.x\nzero1 -> add1.x\nzero2 -> add0.y\nzero3 -> add1.y\nadd1 -> one.x")
@env.task
def mapped_over_two() -> None:
    xs = [zero(i) for i in range(2)]
    ys = [zero(i) for i in range(2, 4)]
    found = list(flyte.map(add, xs, ys))
    one(found[1])


@case("ones{[0]} -> one0.x\nones{[1]} -> one1.x\none0 ~> two.x\none1 ~> two.x")
@env.task
def mapped_over_a_result() -> None:
    two(sum(flyte.map(one, ones(2))))


@case("zero0 -> one0.x\nzero1 -> one1.x\none1 -> two.x")
@env.task
def mapped_and_indexed() -> None:
    found = {i: r for i, r in enumerate(flyte.map(one, [zero(1), zero(2)]))}
    two(found[1])


@case("me{xs[0]} -> one0.x\nme{xs[1]} -> one1.x\none0 -> me.o0{[0]}\none1 -> me.o0{[1]}", xs=[0, 0])
@env.task
def an_input_mapped(xs: list[int]) -> list[int]:
    return [one(x) for x in xs]


@case("me{a} -> add.y\nme{b} -> add.x", a=0, b=0)
@env.task
def inputs_crossed(a: int, b: int) -> None:
    add(b, a)


@case("me{m.size} -> one.x\nme{m.parts.k[0]} -> two.x\nme{m} -> sized.m", m=Model(size=0, parts={"k": [0]}))
@env.task
def a_model_as_input(m: Model) -> None:
    one(m.size)
    two(m.parts["k"][0])
    sized(m)


@case("two -> me.o0\nzero -> me.o1")
@env.task
def named_outputs() -> tuple[int, int]:
    r = two(1), zero(2)
    return r


@case("both{[0]} -> add.x\nboth{[1]} -> add.y")
@env.task
def a_named_tuple_taken_apart() -> None:
    left, right = both(1)
    add(left, right)


@case("zero -> add.x\nzero -> add.y")
@env.task
def assigned_in_a_chain() -> None:
    a = b = zero(1)
    add(a, b)


@case("zero0 -> one.x")
@env.task
def a_global_through_functions() -> None:
    global KEPT
    KEPT = zero(1)
    zero(2)
    one(kept())


KEPT = 0


def kept() -> int:
    return KEPT


# -- All of them -----------------------------------------------------------------------------------


@env.task
async def suite() -> None:
    await flows.run_all(CASES)
