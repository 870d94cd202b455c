"""Programs with the exact edges of each: `one -> two.x` exact, `one ~> two.x` derived.

`me` is the program's own action; paths stand in braces: `me{x} -> one.x`, `order{items[0].price} -> one.x`.
Of several calls of a task the first is `one0`, the next `one1`. The file is run as a script, on the
server and in-process, by `test_flows.py`.
"""

import asyncio
import collections
import concurrent.futures
import contextlib
import contextvars
import copy
import functools
import heapq
import itertools
import operator
import queue
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import pydantic

import flyte

leaves = flyte.TaskEnvironment(name="leaves", reusable=flyte.ReusePolicy(replicas=1, concurrency=8))
env = flyte.TaskEnvironment(name="programs", reusable=flyte.ReusePolicy(replicas=1, concurrency=16))


@dataclass
class Item:
    price: int
    name: str = ""


@dataclass
class Order:
    items: list[Item] = field(default_factory=list)
    note: int = 0


class Model(pydantic.BaseModel):
    size: int
    parts: dict[str, list[int]] = {}


class Both(NamedTuple):
    left: int
    right: int


@leaves.task
def one(x: int) -> int:
    return x * 2


@leaves.task
def two(x: int) -> int:
    return x + 10


@leaves.task
def zero(x: int) -> int:
    return 0


@leaves.task
def add(x: int, y: int = 3) -> int:
    return x + y


@leaves.task
def yes(x: int) -> bool:
    return True


@leaves.task
def nothing(x: int) -> int | None:
    return None


@leaves.task
def maybe(x: int | None) -> int:
    return 1


@leaves.task
def flip(b: bool) -> bool:
    return not b


@leaves.task
def empty(x: int) -> str:
    return ""


@leaves.task
def word(x: int) -> str:
    return f"word {x}"


@leaves.task
def say(s: str) -> str:
    return s


@leaves.task
def ones(n: int) -> list[int]:
    return [1] * n


@leaves.task
def total(xs: list[int]) -> int:
    return sum(xs)


@leaves.task
def pair(x: int) -> tuple[int, int]:
    return x, x


@leaves.task
def both(x: int) -> Both:
    return Both(x, x)


@leaves.task
def table(x: int) -> dict[str, int]:
    return {"a": x, "b b": x}


@leaves.task
def summed(d: dict[str, int]) -> int:
    return sum(d.values())


@leaves.task
def order(x: int) -> Order:
    return Order([Item(x), Item(x)], x)


@leaves.task
def priced(order: Order) -> int:
    return sum(each.price for each in order.items)


@leaves.task
def model(x: int) -> Model:
    return Model(size=x, parts={"k": [x, x]})


@leaves.task
def sized(m: Model) -> int:
    return m.size


@leaves.task
def fails(x: int) -> int:
    raise ValueError("no")


@leaves.task
async def aone(x: int) -> int:
    return x * 2


@leaves.task
async def azero(x: int) -> int:
    return 0


@leaves.task
async def aadd(x: int, y: int) -> int:
    return x + y


@dataclass
class Case:
    task: Any
    edges: frozenset[str]
    inputs: dict[str, Any]


CASES: dict[str, Case] = {}


def case_of(cases: dict[str, Case]) -> Callable[..., Callable[[Any], Any]]:
    """What puts a program with its edges into a table."""

    def case(edges: str, **inputs: Any) -> Callable[[Any], Any]:
        lines = [line.strip() for line in edges.strip().splitlines() if line.strip()]

        def keep(task: Any) -> Any:
            assert task.func.__name__ not in cases
            cases[task.func.__name__] = Case(task, frozenset(lines), inputs)
            return task

        return keep

    return case


case = case_of(CASES)


# -- Straight lines --------------------------------------------------------------------------------


@case("me{x} -> one.x\none -> two.x\ntwo -> me.o0", x=5)
@env.task
def the_page(x: int) -> int:
    a = one(x)
    b = two(a)
    return b


@case("me{x} -> one.x\none -> two.x\ntwo -> me.o0", x=5)
@env.task
def nested_calls(x: int) -> int:
    return two(one(x))


@case("me{x} -> one0.x\nme{x} -> one1.x\none0 -> two.x", x=5)
@env.task
def the_same_call_twice(x: int) -> None:
    a = one(x)
    b = one(x)
    two(a)
    assert a == b


@case("zero0 -> one0.x\nzero1 -> one1.x")
@env.task
def equal_values_of_two(x: int = 0) -> None:
    a = zero(1)
    b = zero(2)
    one(a)
    one(b)


@case("zero0 -> one1.x\nzero1 -> one0.x")
@env.task
def equal_values_crossed() -> None:
    a = zero(1)
    b = zero(2)
    one(b)
    one(a)


@case("")
@env.task
def a_literal_equal_to_a_value() -> int:
    zero(1)
    one(0)
    return 0


@case("zero0 -> one.x")
@env.task
def rebound_to_another() -> None:
    a = zero(1)
    b = a
    a = zero(2)
    one(b)


@case("")
@env.task
def rebound_to_a_literal() -> None:
    a = zero(1)
    a = 0
    one(a)


@case("zero1 -> add.x\nzero0 -> add.y")
@env.task
def swapped() -> None:
    a, b = zero(1), zero(2)
    a, b = b, a
    add(a, b)


@case("zero0 -> add.x\nzero1 -> add.y\nadd -> me.o0")
@env.task
def by_name_and_place() -> int:
    a = zero(1)
    b = zero(2)
    return add(y=b, x=a)


@case("zero -> one.x")
@env.task
def a_default_argument() -> None:
    add(1)
    one(zero(1))


@case("zero -> one0.x\nzero -> one1.x")
@env.task
def used_twice() -> None:
    a = zero(1)
    one(a)
    one(a)


@case("one -> me.o0")
@env.task
def ignored_result() -> int:
    zero(1)
    return one(3)


@case("zero -> me.o0")
@env.task
def several_targets() -> int:
    a = b = zero(1)
    del a
    return b


@case("yes0 -> flip.b\nflip -> me.o0")
@env.task
def booleans() -> bool:
    a = yes(1)
    yes(2)
    return flip(a)


@case("nothing0 -> maybe0.x")
@env.task
def nones() -> None:
    a = nothing(1)
    nothing(2)
    maybe(a)
    maybe(None)


@case("empty0 -> say0.s\nempty1 -> say1.s")
@env.task
def empty_texts() -> None:
    a = empty(1)
    b = empty(2)
    say(a)
    say(b)
    say("")


@case("word0 -> say0.s\nword1 -> say1.s")
@env.task
def equal_texts() -> None:
    a = word(7)
    b = word(7)
    say(a)
    say(b)
    say("word 7")


# -- Computed --------------------------------------------------------------------------------------


@case("zero ~> one.x")
@env.task
def arithmetic() -> None:
    a = zero(1)
    one(a + 1)


@case("zero0 ~> one.x\nzero1 ~> one.x")
@env.task
def arithmetic_of_two() -> None:
    one(zero(1) * 3 - zero(2))


@case("zero ~> say.s")
@env.task
def f_string() -> None:
    a = zero(1)
    say(f"<{a:>3}>")


@case("word ~> say0.s\nword ~> say1.s\nword ~> say2.s")
@env.task
def of_a_text() -> None:
    a = word(1)
    say(a[1:3])
    say(a.upper())
    say(a + "!")


@case("zero ~> one.x\none ~> me.o0")
@env.task
def augmented() -> int:
    a = 5
    a += zero(1)
    b = one(a)
    b *= 2
    return b


@case("zero ~> flip.b")
@env.task
def compared() -> None:
    flip(zero(1) > 3)


@case("ones ~> one0.x\nones ~> one1.x")
@env.task
def length_and_sum() -> None:
    xs = ones(3)
    one(len(xs))
    one(sum(xs))


@case("me{x} ~> one.x", x=1)
@env.task
def computed_from_an_input(x: int) -> None:
    one(x + 1)


@case("zero ~> one.x")
@env.task
def computed_by_a_library() -> None:
    one(operator.add(zero(1), 1))


@case("")
@env.task
def branches_carry_no_value() -> int:
    a = zero(1)
    one(3 if a else 4)
    return 7 if a else 8


# -- Choices ---------------------------------------------------------------------------------------


@case("zero1 -> one.x")
@env.task
def branches() -> None:
    a = zero(1)
    b = zero(2)
    c = a
    if b == 0:
        c = b
    one(c)


@case("")
@env.task
def a_branch_with_a_literal() -> None:
    a = zero(1)
    if a == 0:
        a = 0
    one(a)


@case("zero1 -> one.x")
@env.task
def conditional_expression() -> None:
    a, b = zero(1), zero(2)
    one(a if a == 1 else b)


@case("zero1 -> one0.x\nzero0 -> one1.x")
@env.task
def and_or() -> None:
    a, b = zero(1), zero(2)
    one(a or b)
    one(a and b)


@case("zero -> one.x")
@env.task
def walrus() -> None:
    zero_ = 0
    if (a := zero(1)) == zero_:
        one(a)


@case("zero1 -> one.x")
@env.task
def tried() -> None:
    a = zero(1)
    try:
        a = zero(2)
        fails(1)
        a = 0
    except flyte.errors.RuntimeUserError:
        one(a)


@case("zero -> one.x")
@env.task
def tried_and_finally() -> None:
    a = 0
    try:
        a = zero(1)
    finally:
        one(a)


class Carrier(Exception):
    def __init__(self, value: int) -> None:
        super().__init__("carried")
        self.value = value


@case("zero0 -> one0.x\nzero1 -> one1.x")
@env.task
def exceptions_carry_values() -> None:
    a, b = zero(1), zero(2)
    try:
        raise Carrier(a)
    except Carrier as error:
        one(error.value)
    try:
        raise ValueError("no", b)
    except ValueError as error:
        one(error.args[1])


@case("zero0 -> one.x\none -> me.o0")
@env.task
def early_return() -> int:
    a, b = zero(1), zero(2)
    if b == 0:
        return one(a)
    return b


@case("zero1 -> one0.x\npair{[1]} -> one1.x")
@env.task
def matched() -> None:
    a, b = zero(1), zero(2)
    match (a, b):
        case (0, second):
            one(second)
    match pair(1):
        case (_, last):
            one(last)


@case("table{a} -> one0.x\norder{note} -> one1.x")
@env.task
def matched_by_name() -> None:
    match table(1):
        case {"a": found}:
            one(found)
    match order(1):
        case Order(note=note):
            one(note)


# -- Loops -----------------------------------------------------------------------------------------


@case("zero0 -> zero1.x\nzero1 -> zero2.x\nzero2 -> me.o0")
@env.task
def carried_through_a_loop() -> int:
    a = 0
    for _ in range(3):
        a = zero(a)
    return a


@case("one0 ~> me.o0\none1 ~> me.o0")
@env.task
def accumulated() -> int:
    sum_ = 0
    i = 0
    while i < 2:
        sum_ += one(i)
        i += 1
    return sum_


@case("zero0 -> one0.x\nzero1 -> one1.x\nzero2 -> one2.x")
@env.task
def a_list_and_a_loop() -> None:
    xs = []
    for i in range(3):
        xs.append(zero(i))
    for x in xs:
        one(x)


@case("zero0 -> one0.x\nzero2 -> one1.x")
@env.task
def a_loop_that_skips() -> None:
    xs = [zero(i) for i in range(3)]
    for i, x in enumerate(xs):
        if i == 1:
            continue
        one(x)


@case("zero0 -> add0.x\nzero2 -> add0.y\nzero1 -> add1.x\nzero3 -> add1.y")
@env.task
def zipped() -> None:
    xs = [zero(i) for i in range(2)]
    ys = [zero(i) for i in range(2, 4)]
    for x, y in zip(xs, ys, strict=True):
        add(x, y)


@case("zero1 -> one0.x\nzero0 -> one1.x")
@env.task
def reversed_list() -> None:
    for x in reversed([zero(1), zero(2)]):
        one(x)


@case("one1 -> two0.x\none0 -> two1.x")
@env.task
def sorted_list() -> None:
    xs = [one(5), one(2)]
    for x in sorted(xs):
        two(x)


@case("zero0 -> one0.x\nzero1 -> one1.x")
@env.task
def sorted_equals() -> None:
    for x in sorted([zero(1), zero(2)]):
        one(x)


@case("one1 -> two0.x\none0 -> two1.x")
@env.task
def least_and_largest() -> None:
    xs = [one(5), one(2)]
    two(min(xs))
    two(max(*xs))


@case("zero0 -> zero1.x\nzero1 -> zero2.x\nzero2 -> one.x")
@env.task
def a_while_loop_with_break() -> None:
    a = 1
    n = 0
    while True:
        a = zero(a)
        n += 1
        if n == 3:
            break
    one(a)


# -- Containers ------------------------------------------------------------------------------------


@case("zero0 -> total.xs{[0]}\nzero1 -> total.xs{[1]}")
@env.task
def a_list_display() -> None:
    a, b = zero(1), zero(2)
    total([a, b, 0])


@case("zero0 -> total.xs{[0]}\nzero1 -> total.xs{[1]}\nzero2 -> total.xs{[2]}\ntotal -> me.o0")
@env.task
def a_comprehension() -> int:
    return total([zero(i) for i in range(3)])


@case("zero0 ~> total.xs{[0]}\nzero1 ~> total.xs{[1]}")
@env.task
def a_computing_comprehension() -> None:
    xs = [zero(i) for i in range(2)]
    total([x + 1 for x in xs])


@case("zero0 -> summed.d{a}\nzero1 -> summed.d{b}")
@env.task
def a_dict_display() -> None:
    summed({"a": zero(1), "b": zero(2), "c": 0})


@case("zero0 -> one.x\nzero0 -> summed.d{k0}\nzero1 -> summed.d{k1}")
@env.task
def a_dict_comprehension() -> None:
    d = {f"k{i}": zero(i) for i in range(2)}
    one(d["k0"])
    summed(d)


@case("one0 -> two.x")
@env.task
def a_set() -> None:
    found = {one(i) for i in range(2)}
    for each in found:
        if each == 0:
            two(each)


@case("ones{[1]} -> one.x\nones -> total.xs")
@env.task
def an_item_of_a_result() -> None:
    xs = ones(3)
    one(xs[1])
    total(xs)


@case("ones{[0]} -> one0.x\nones{[1]} -> one1.x")
@env.task
def items_of_a_result() -> None:
    for x in ones(2):
        one(x)


@case("ones{[1]} -> total.xs{[0]}\nones{[2]} -> total.xs{[1]}")
@env.task
def a_slice_of_a_result() -> None:
    xs = ones(3)
    total(xs[1:])


@case("ones{[2]} -> one.x")
@env.task
def an_item_from_the_end() -> None:
    xs = ones(3)
    one(xs[-1])


@case("pair{[0]} -> one0.x\npair{[1]} -> one1.x")
@env.task
def unpacked() -> None:
    a, b = pair(1)
    one(a)
    one(b)


@case("pair{[1]} -> one.x")
@env.task
def several_outputs_by_place() -> None:
    r = pair(1)
    one(r[1])


@case("both{right} -> one0.x\nboth{[0]} -> one1.x")
@env.task
def several_outputs_by_name() -> None:
    r = both(1)
    one(r.right)
    one(r[0])


@case("ones{[0]} -> one.x\nones{[1]} -> total.xs{[0]}\nones{[2]} -> total.xs{[1]}")
@env.task
def unpacked_with_a_star() -> None:
    first, *rest = ones(3)
    one(first)
    total(rest)


@case("zero0 -> add.x\nzero1 -> add.y")
@env.task
def starred_arguments() -> None:
    args = [zero(1), zero(2)]
    add(*args)


@case("zero0 -> add.y\nzero1 -> add.x")
@env.task
def starred_names() -> None:
    names = {"y": zero(1), "x": zero(2)}
    add(**names)


@case("zero0 -> total.xs{[0]}\nzero1 -> total.xs{[1]}\nzero2 -> total.xs{[2]}")
@env.task
def spread_and_joined() -> None:
    xs = [zero(1), zero(2)]
    total([*xs] + [zero(3)])


@case("zero1 -> one.x\nzero0 -> two.x")
@env.task
def popped() -> None:
    stack = []
    stack.append(zero(1))
    stack.append(zero(2))
    one(stack.pop())
    two(stack.pop())


@case("zero0 -> one.x\nzero1 -> two.x")
@env.task
def a_queue() -> None:
    waiting: queue.Queue[int] = queue.Queue()
    waiting.put(zero(1))
    waiting.put(zero(2))
    one(waiting.get())
    two(waiting.get())


@case("zero0 -> one.x")
@env.task
def aliased() -> None:
    xs: list[int] = []
    ys = xs
    ys.append(zero(1))
    zero(2)
    one(xs[0])


@case("")
@env.task
def overwritten_in_a_list() -> None:
    xs = [zero(1)]
    xs[0] = 0
    one(xs[0])


@case("zero1 -> one.x")
@env.task
def overwritten_in_a_dict() -> None:
    d = {"k": zero(1)}
    d["k"] = zero(2)
    one(d["k"])


@case('table{a} -> one.x\ntable{["b b"]} -> two.x')
@env.task
def keys_of_a_result() -> None:
    d = table(3)
    one(d["a"])
    two(d["b b"])


@case("zero0 -> one0.x\nzero1 -> one1.x")
@env.task
def items_of_a_dict() -> None:
    d = {"a": zero(1), "b": zero(2)}
    for _, value in d.items():
        one(value)


@case("zero0 -> one.x\nzero1 -> two.x")
@env.task
def a_default_dict() -> None:
    d = collections.defaultdict(list)
    d["k"].append(zero(1))
    d["l"].append(zero(2))
    one(d["k"][0])
    two(d.get("l", [1])[0])


@case("one0 -> two.x")
@env.task
def a_heap() -> None:
    heap: list[tuple[int, int]] = [(1, one(500)), (2, one(600))]
    heapq.heapify(heap)
    two(heapq.heappop(heap)[1])


# -- Objects ---------------------------------------------------------------------------------------


@case("order{items[1].price} -> one.x\norder{note} -> two.x\norder -> priced.order")
@env.task
def inside_a_dataclass() -> None:
    found = order(3)
    one(found.items[1].price)
    two(found.note)
    priced(found)


@case("zero0 -> priced.order{items[0].price}\nzero1 -> priced.order{note}")
@env.task
def a_dataclass_put_together() -> None:
    a, b = zero(1), zero(2)
    priced(Order([Item(a)], note=b))


@case("model{size} -> one.x\nmodel{parts.k[1]} -> two.x\nmodel -> sized.m")
@env.task
def inside_a_model() -> None:
    found = model(3)
    one(found.size)
    two(found.parts["k"][1])
    sized(found)


@case("zero -> sized.m{size}")
@env.task
def a_model_put_together() -> None:
    sized(Model(size=zero(1)))


@case("order ~> priced.order\nzero -> priced.order{note}\nzero -> one.x")
@env.task
def a_changed_dataclass() -> None:
    found = order(3)
    found.note = zero(1)
    priced(found)
    one(found.note)


class Box:
    def __init__(self, value: int) -> None:
        self.value = value
        self.more: list[int] = []

    def kept(self) -> int:
        return self.value

    def run(self) -> int:
        self.more.append(zero(1))
        self.value = zero(2)
        return one(self.value)


@case("zero -> one0.x\nzero -> one1.x")
@env.task
def stored_on_an_object() -> None:
    box = Box(zero(1))
    one(box.value)
    one(box.kept())


@case("zero1 -> one.x\none -> me.o0\nzero0 -> two.x")
@env.task
def methods_that_call() -> int:
    box = Box(0)
    found = box.run()
    two(box.more[0])
    return found


STATE: dict[str, int] = {}
LATEST = 0


@case("zero0 -> one.x\nzero1 -> two.x")
@env.task
def stored_in_globals() -> None:
    global LATEST
    LATEST = zero(1)
    STATE["last"] = zero(2)
    one(LATEST)
    two(STATE["last"])


# -- Functions -------------------------------------------------------------------------------------


def same(value: int) -> int:
    return value


def seven(value: int) -> int:
    return 7


def doubled(value: int) -> int:
    return value * 2


def second(first: int, other: int) -> int:
    return other


def helper(value: int) -> int:
    found = zero(value)
    zero(9)
    return found


@case("zero -> one0.x\nzero ~> one2.x")
@env.task
def helpers_between() -> None:
    a = zero(1)
    one(same(a))
    one(seven(a))
    one(doubled(a))


@case("zero1 -> one.x")
@env.task
def one_of_two_arguments() -> None:
    a, b = zero(5), zero(6)
    one(second(a, other=b))


@case("me{x} -> zero0.x\nzero0 -> one.x", x=4)
@env.task
def helpers_that_call(x: int) -> None:
    one(helper(x))


@case("zero0 -> one.x")
@env.task
def closures() -> None:
    a = zero(1)
    zero(2)

    def inner() -> int:
        return one(a)

    inner()


@case("zero1 -> one.x")
@env.task
def closures_that_bind() -> None:
    a = 0

    def inner(n: int) -> None:
        nonlocal a
        a = zero(n)

    inner(1)
    inner(2)
    one(a)


@case("zero0 -> one0.x\nzero1 -> one1.x")
@env.task
def lambdas() -> None:
    f = lambda v: one(v)
    f(zero(1))
    (lambda v, w: one(w))(5, zero(2))


twice: Callable[[int], int] = lambda v: one(v)


@case("zero -> one.x")
@env.task
def a_lambda_of_the_module() -> None:
    twice(zero(1))


def noisy(function: Callable[..., int]) -> Callable[..., int]:
    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> int:
        return function(*args, **kwargs)

    return wrapper


@noisy
def decorated(value: int, *, other: int) -> int:
    return other


@case("zero1 -> one.x")
@env.task
def decorators() -> None:
    a, b = zero(1), zero(2)
    one(decorated(a, other=b))


@case("zero0 -> add.x\nzero1 -> add.y")
@env.task
def partials() -> None:
    f = functools.partial(add, zero(1))
    f(zero(2))


@case("zero0 -> add.y\nzero1 -> add.x")
@env.task
def partials_by_name() -> None:
    f = functools.partial(add, y=zero(1))
    f(zero(2))


def count_down(n: int, value: int) -> int:
    if n == 0:
        return value
    return count_down(n - 1, zero(value))


@case("zero0 -> zero1.x\nzero1 -> zero2.x\nzero2 -> me.o0")
@env.task
def recursion() -> int:
    return count_down(3, 1)


@case("me{n} ~> recursive.n\nme{n} -> one.x\nrecursive ~> me.o0\none ~> me.o0", n=1)
@env.task
def recursive(n: int) -> int:
    if n == 0:
        return 0
    return one(n) + recursive(n - 1)


def produce(n: int) -> Iterator[int]:
    for i in range(n):
        yield zero(i)


@case("zero0 -> one0.x\nzero1 -> one1.x")
@env.task
def generators() -> None:
    for each in produce(2):
        one(each)


@case("zero0 -> total.xs{[0]}\nzero1 -> total.xs{[1]}")
@env.task
def a_generator_in_a_list() -> None:
    total(list(produce(2)))


@case("zero0 -> total.xs{[0]}\nzero1 -> total.xs{[1]}\nzero2 ~> one.x\nzero3 ~> one.x")
@env.task
def generator_expressions() -> None:
    total(list(zero(i) for i in range(2)))
    one(sum(zero(i) for i in range(2, 4)))


@case("zero0 -> one0.x\nzero1 -> one1.x")
@env.task
def iterators_by_hand() -> None:
    it = iter([zero(1), zero(2)])
    one(next(it))
    one(next(it))


@case("zero0 -> zero1.x\nzero1 -> zero2.x\nzero2 -> me.o0")
@env.task
def reduced() -> int:
    return functools.reduce(lambda so_far, _: zero(so_far), range(3), 1)


@case("zero0 -> one0.x\nzero1 -> one1.x\none0 -> total.xs{[0]}\none1 -> total.xs{[1]}")
@env.task
def builtin_map() -> None:
    xs = [zero(1), zero(2)]
    total(list(map(one, xs)))


@case("zero -> one.x")
@env.task
def tasks_in_a_dict() -> None:
    steps = {"zero": zero, "one": one}
    a = steps["zero"](1)
    steps["one"](a)


@case("zero -> one.x")
@env.task
def a_task_with_other_options() -> None:
    one.override(retries=2)(zero(1))


@contextlib.contextmanager
def opened(value: int) -> Iterator[int]:
    yield value


@case("zero0 -> one.x")
@env.task
def in_groups() -> None:
    with flyte.group("first"):
        a = zero(1)
    with flyte.group("second"):
        zero(1)
        one(a)


@case("zero0 -> one0.x\nzero1 -> one1.x")
@env.task
def shadowed_names() -> None:
    x = zero(1)
    [x for x in range(2)]
    one(x)

    def inner(x: int) -> None:
        one(x)

    inner(zero(2))


@case("zero0 -> one.x")
@env.task
def defaults_of_functions() -> None:
    def inner(value: int = zero(1)) -> None:
        one(value)

    zero(2)
    inner()


@case("order{note} -> one.x")
@env.task
def copied() -> None:
    found = copy.copy(order(1))
    one(found.note)


@case("zero -> priced.order{note}")
@env.task
def replaced() -> None:
    first = Order([], 1)
    priced(replace(first, note=zero(1)))


@case("zero0 -> one0.x\nzero1 -> one1.x")
@env.task
def chained() -> None:
    for each in itertools.chain([zero(1)], [zero(2)]):
        one(each)


# -- Loops of events -------------------------------------------------------------------------------


@case("me{x} -> aone0.x\naone0 -> aone1.x\naone1 -> me.o0", x=5)
@env.task
async def awaited(x: int) -> int:
    a = await aone(x)
    return await aone(a)


@case("azero0 -> aadd.x\nazero1 -> aadd.y")
@env.task
async def gathered() -> None:
    a, b = await asyncio.gather(azero(1), azero(2))
    await aadd(a, b)


@case("azero0 -> aone0.x\nazero1 -> aone1.x\nazero2 -> aone2.x")
@env.task
async def gathered_list() -> None:
    xs = await asyncio.gather(*[azero(i) for i in range(3)])
    for x in xs:
        await aone(x)


@case("azero0 -> total.xs{[0]}\nazero1 -> total.xs{[1]}\ntotal -> me.o0")
@env.task
async def gathered_whole() -> int:
    return await total.aio(await asyncio.gather(*(azero(i) for i in range(2))))


@case("azero0 -> aadd.x\nazero1 -> aadd.y")
@env.task
async def task_group() -> None:
    async with asyncio.TaskGroup() as group:
        a = group.create_task(azero(1))
        b = group.create_task(azero(2))
    await aadd(a.result(), b.result())


@case("azero0 -> aadd.x\nazero1 -> aadd.y")
@env.task
async def created_tasks() -> None:
    a = asyncio.create_task(azero(1))
    b = asyncio.create_task(azero(2))
    second_ = await b
    await aadd(await a, second_)


@case("aone0 -> two.x")
@env.task
async def completed_in_any_order() -> None:
    running = [asyncio.create_task(aone(i)) for i in range(2)]
    for each in asyncio.as_completed(running):
        found = await each
        if found == 0:
            await two.aio(found)


@case("azero0 -> aone0.x\nazero1 -> aone1.x")
@env.task
async def async_helpers() -> None:
    async def through(n: int) -> int:
        return await azero(n)

    a = await through(1)
    b = await through(2)
    await aone(a)
    await aone(b)


@case("azero0 -> aone0.x\nazero1 -> aone1.x")
@env.task
async def pipelines_side_by_side() -> None:
    async def pipeline(n: int) -> None:
        await aone(await azero(n))

    await pipeline(1)
    await pipeline(2)


async def aproduce(n: int) -> AsyncIterator[int]:
    for i in range(n):
        yield await azero(i)


@case("azero0 -> aone0.x\nazero1 -> aone1.x\nazero2 -> total.xs{[0]}\nazero3 -> total.xs{[1]}")
@env.task
async def async_generators() -> None:
    async for each in aproduce(2):
        await aone(each)
    await total.aio([each async for each in aproduce(2)])


@case("zero -> one.x")
@env.task
async def sync_tasks_awaited() -> None:
    a = await zero.aio(1)
    await one.aio(a)


@case("azero0 -> aone.x")
@env.task
async def waited_for() -> None:
    a = await asyncio.wait_for(azero(1), 60)
    await azero(2)
    await aone(a)


@case("zero0 -> one0.x\nzero1 -> one1.x")
@env.task
async def mapped() -> None:
    xs = [await zero.aio(1), await zero.aio(2)]
    async for each in flyte.map.aio(one, xs):
        assert each == 0


@case("zero0 -> one0.x\nzero1 -> one1.x\none0 -> total.xs{[0]}\none1 -> total.xs{[1]}")
@env.task
def mapped_in_sync() -> None:
    xs = [zero(1), zero(2)]
    total(list(flyte.map(one, xs)))


@case("zero0 -> add0.y\nzero0 -> add1.y\nzero1 -> add0.x\nzero2 -> add1.x")
@env.task
def mapped_partially() -> None:
    f = functools.partial(add, y=zero(1))
    list(flyte.map(f, [zero(2), zero(3)]))


# -- Threads ---------------------------------------------------------------------------------------


@case("zero0 -> one0.x\nzero1 -> one1.x")
@env.task
def threads() -> None:
    with concurrent.futures.ThreadPoolExecutor(1) as executor:
        found = []
        for i in (1, 2):
            context = contextvars.copy_context()
            found.append(executor.submit(context.run, zero, i))
        a, b = (each.result() for each in found)
    one(a)
    one(b)


@case("zero -> one.x")
@env.task
def a_thread_that_keeps() -> None:
    found: list[int] = []

    def work() -> None:
        found.append(zero(1))

    thread = threading.Thread(target=contextvars.copy_context().run, args=(work,))
    thread.start()
    thread.join()
    one(found[0])


@case("zero -> one.x")
@env.task
async def to_a_thread() -> None:
    a = await asyncio.to_thread(zero, 1)
    await one.aio(a)


# -- Traces ----------------------------------------------------------------------------------------


@flyte.trace
def looked_up(x: int) -> int:
    return 0


@flyte.trace
async def alooked_up(x: int) -> int:
    return 0


@case("zero -> looked_up.x\nlooked_up -> one.x")
@env.task
def traces() -> None:
    a = zero(1)
    b = looked_up(a)
    one(b)


@case("azero -> alooked_up.x\nalooked_up -> aone.x")
@env.task
async def async_traces() -> None:
    await aone(await alooked_up(await azero(1)))


# -- All of them -----------------------------------------------------------------------------------


async def run_all(cases: dict[str, Case]) -> None:
    """Runs every program, a few at a time."""
    slots = asyncio.Semaphore(16)

    async def run(each: Case) -> None:
        async with slots:
            await each.task.aio(**each.inputs)

    await asyncio.gather(*[run(each) for each in cases.values()])


@env.task
async def suite() -> None:
    await run_all(CASES)
