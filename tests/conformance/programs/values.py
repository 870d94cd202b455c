"""Values as they go in and come out: type for type."""

import math
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, timezone
from enum import Enum
from typing import Annotated, Any, Literal, NamedTuple, TypedDict

import pydantic

import flyte
import flyte.types
from programs.table import program

env = flyte.TaskEnvironment(name="values")


class Colour(Enum):
    RED = "r"
    GREEN = "g"


@dataclass
class Item:
    name: str
    price: float = 1.0


@dataclass
class Order:
    items: list[Item]
    colour: Colour = Colour.RED
    notes: dict[str, int] = field(default_factory=dict)
    parent: "Order | None" = None


class Model(pydantic.BaseModel):
    name: str
    size: int = 3
    tags: list[str] = []


class Pair(NamedTuple):
    left: int
    right: str


class Settings(TypedDict):
    depth: int
    name: str


@env.task
def same_int(x: int) -> int:
    return x


@program([0, -1, 2**31, 2**62], tree="ints(4*same_int)")
@env.task
def ints() -> list[int]:
    return [same_int(x) for x in (0, -1, 2**31, 2**62)]


@program("nan inf -inf -0.0", tree="floats(4*same_float)")
@env.task
def floats() -> str:
    return " ".join(str(same_float(x)) for x in (math.nan, math.inf, -math.inf, -0.0))


@env.task
def same_float(x: float) -> float:
    return x


@program(["", " a ", "漢字 ✓", "line\nline", "null"], tree="texts(5*same_text)")
@env.task
def texts() -> list[str]:
    return [same_text(x) for x in ("", " a ", "漢字 ✓", "line\nline", "null")]


@env.task
def same_text(x: str) -> str:
    return x


@program([True, False], tree="bools(2*same_bool)")
@env.task
def bools() -> list[bool]:
    return [same_bool(True), same_bool(False)]


@env.task
def same_bool(x: bool) -> bool:
    assert type(x) is bool
    return x


@program(b"\x00\xff", tree="raw_bytes(same_bytes)")
@env.task
def raw_bytes() -> bytes:
    return same_bytes(b"\x00\xff")


@env.task
def same_bytes(x: bytes) -> bytes:
    return x


@program(datetime(2026, 1, 31, 12, 30, 15, 123456, tzinfo=UTC), tree="instants(same_instant)")
@env.task
def instants() -> datetime:
    return same_instant(datetime(2026, 1, 31, 12, 30, 15, 123456, tzinfo=UTC))


@env.task
def same_instant(x: datetime) -> datetime:
    return x


@program("2026-01-31T12:00:00+05:30", tree="zones(same_instant)")
@env.task
def zones() -> str:
    zone = timezone(timedelta(hours=5, minutes=30))
    return same_instant(datetime(2026, 1, 31, 12, tzinfo=zone)).isoformat()


@program(date(2024, 2, 29))
@env.task
def a_date() -> date:
    return date(2024, 2, 29)


@program(timedelta(days=-1, microseconds=1), tree="lengths_of_time(same_length)")
@env.task
def lengths_of_time() -> timedelta:
    return same_length(timedelta(days=-1, microseconds=1))


@env.task
def same_length(x: timedelta) -> timedelta:
    return x


@program(Colour.GREEN, tree="members(same_colour)")
@env.task
def members() -> Colour:
    found = same_colour(Colour.GREEN)
    assert found is Colour.GREEN
    return found


@env.task
def same_colour(x: Colour) -> Colour:
    return x


@program(Order([Item("tea", 2.5)], Colour.GREEN, {"a": 1}, Order([])), tree="data_classes(same_order)")
@env.task
def data_classes() -> Order:
    return same_order(Order([Item("tea", 2.5)], Colour.GREEN, {"a": 1}, Order([])))


@env.task
def same_order(x: Order) -> Order:
    assert isinstance(x.items[0], Item)
    return x


@program(Model(name="m", tags=["a"]), tree="models(same_model)")
@env.task
def models() -> Model:
    return same_model(Model(name="m", tags=["a"]))


@env.task
def same_model(x: Model) -> Model:
    assert isinstance(x, Model)
    return x


@program(
    (Order([Item("tea"), Item("jam", 2.0)], Colour.GREEN, parent=Order([])), Model(name="m"), [Item("a")]),
    tree="made_of_dicts(same_order, same_model)",
)
@env.task
def made_of_dicts() -> tuple[Order, Model | None, list[Item]]:
    order = same_order({"items": [{"name": "tea"}], "colour": "g", "parent": Order([])})
    order.items.append(Item("jam", 2.0))
    return order, same_model({"name": "m"}), [{"name": "a"}]


@program({"name": "m", "else": 1}, tree="dicts_that_are_wanted(same_either)")
@env.task
def dicts_that_are_wanted() -> dict[str, Any]:
    return same_either({"name": "m", "else": 1})


@env.task
def same_either(x: Model | dict[str, Any]) -> Model | dict[str, Any]:
    assert isinstance(x, dict)
    return x


@program(
    fails="RuntimeDataValidationError",
    says="value @ x.items[0]: expected Item, got dict",
    tree="wrong_dict failed",
)
@env.task
def wrong_dict() -> Order:
    return same_order({"items": [{"price": 1.0}]})


@program((3, "a"), tree="pickles(same_pickle)")
@env.task
def pickles() -> flyte.types.FlytePickle:
    return same_pickle((3, "a"))


@env.task
def same_pickle(x: flyte.types.FlytePickle[tuple[int, str]]) -> flyte.types.FlytePickle[tuple[int, str]]:
    return x


@program(Pair(1, "a"), tree="named_tuples(same_pair)")
@env.task
def named_tuples() -> Pair:
    return same_pair(Pair(1, "a"))


@env.task
def same_pair(x: Pair) -> Pair:
    assert isinstance(x, Pair)
    return x


@program({"depth": 2, "name": "n"}, tree="typed_dicts(same_settings)")
@env.task
def typed_dicts() -> Settings:
    return same_settings({"depth": 2, "name": "n"})


@env.task
def same_settings(x: Settings) -> Settings:
    return x


@program((1, "a", 2.5), tree="tuples(same_tuple)")
@env.task
def tuples() -> tuple[int, str, float]:
    return same_tuple((1, "a", 2.5))


@env.task
def same_tuple(x: tuple[int, str, float]) -> tuple[int, str, float]:
    assert isinstance(x, tuple)
    return x


@program((1, 2, 3), tree="long_tuples(any_length)")
@env.task
def long_tuples() -> tuple[int, ...]:
    return any_length((1, 2, 3))


@env.task
def any_length(x: tuple[int, ...]) -> tuple[int, ...]:
    return x


@program({"a": [1, 2], "b": []}, tree="dicts_of_lists(same_dict)")
@env.task
def dicts_of_lists() -> dict[str, list[int]]:
    return same_dict({"a": [1, 2], "b": []})


@env.task
def same_dict(x: dict[str, list[int]]) -> dict[str, list[int]]:
    return x


@program({1: "a", 2: "b"}, tree="dicts_by_int(int_keys)")
@env.task
def dicts_by_int() -> dict[int, str]:
    return int_keys({1: "a", 2: "b"})


@env.task
def int_keys(x: dict[int, str]) -> dict[int, str]:
    return x


@program(["z", "a", "m"], tree="order_of_keys(ordered)")
@env.task
def order_of_keys() -> list[str]:
    return list(ordered({"z": 1, "a": 2, "m": 3}))


@env.task
def ordered(x: dict[str, int]) -> dict[str, int]:
    return x


@program([[[1]], [[], [2, 3]]], tree="lists_of_lists(nested)")
@env.task
def lists_of_lists() -> list[list[list[int]]]:
    return nested([[[1]], [[], [2, 3]]])


@env.task
def nested(x: list[list[list[int]]]) -> list[list[list[int]]]:
    return x


@program([3, None], tree="optionals(2*maybe)")
@env.task
def optionals() -> list[int | None]:
    return [maybe(3), maybe(None)]


@env.task
def maybe(x: int | None = None) -> int | None:
    return x


@program([1, "1", 1.5, True, None], tree="unions(5*either)")
@env.task
def unions() -> list[int | str | float | bool | None]:
    found = [either(x) for x in (1, "1", 1.5, True, None)]
    assert [type(x) for x in found] == [int, str, float, bool, type(None)]
    return found


@env.task
def either(x: int | str | float | bool | None) -> int | str | float | bool | None:
    return x


@program("fast", tree="choices(choose)")
@env.task
def choices() -> str:
    return choose("fast")


@env.task
def choose(x: Literal["fast", "slow"]) -> str:
    return x


@program({1, 2, 3}, tree="sets(same_set)")
@env.task
def sets() -> set[int]:
    return same_set({1, 2, 3})


@env.task
def same_set(x: set[int]) -> set[int]:
    return x


@program({"a": 1, "b": [1, "x", None]}, tree="anything(same_any)")
@env.task
def anything() -> Any:
    return same_any({"a": 1, "b": [1, "x", None]})


@env.task
def same_any(x: Any) -> Any:
    return x


@program(5, tree="annotated(noted)")
@env.task
def annotated() -> int:
    return noted(5)


@env.task
def noted(x: Annotated[int, "a number"]) -> Annotated[int, "another"]:
    return x


class Plain:
    def __init__(self, x: int) -> None:
        self.x = x

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Plain) and other.x == self.x

    def __repr__(self) -> str:
        return f"Plain({self.x})"


@program(Plain(4), tree="pickled(same_plain)")
@env.task
def pickled() -> Plain:
    return same_plain(Plain(4))


@env.task
def same_plain(x: Plain) -> Plain:
    return x


@program([{"a": Item("x", 1.0)}, {"b": Item("y", 2.0)}], tree="structures_in_structures(deep)")
@env.task
def structures_in_structures() -> list[dict[str, Item]]:
    return deep([{"a": Item("x")}, {"b": Item("y", 2.0)}])


@env.task
def deep(x: list[dict[str, Item]]) -> list[dict[str, Item]]:
    return x


@program(300_000, tree="a_large_value(long_text)")
@env.task
def a_large_value() -> int:
    return len(long_text(300_000))


@env.task
def long_text(n: int) -> str:
    return "ü" * n


@program("OrderedDict", tree="what_is_not_declared(untyped)")
@env.task
def what_is_not_declared() -> str:
    return type(untyped(OrderedDict(a=1))).__name__


@env.task
def untyped(x):  # type: ignore[no-untyped-def]
    return x


@program(12, tree="given_an_int_for_a_float(halved)")
@env.task
def given_an_int_for_a_float() -> float:
    return halved(24)


@env.task
def halved(x: float) -> float:
    return x / 2


@program("tea 2.5", order=Order([Item("tea", 2.5)]))
@env.task
def structure_as_root_input(order: Order) -> str:
    return f"{order.items[0].name} {order.items[0].price}"


@program("2026-02-01", when=datetime(2026, 1, 31, tzinfo=UTC), more=timedelta(days=1))
@env.task
def times_as_root_input(when: datetime, more: timedelta) -> str:
    return (when + more).date().isoformat()
