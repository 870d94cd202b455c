"""Edges told by content: what is found, and, as important, what is not."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from store_history import create, key

from flyte_core.dataflow.content import Reference, content_of
from flyte_core.dataflow.edges import Edge
from flyte_core.dataflow.infer import Known, Named, infer
from flyte_core.graphs import read_graph
from flyte_core.model import ActionName, Micros
from flyte_core.store.memory import MemoryStore

FILE = Reference("file:///data/1/part.csv", "sha256:aa")
TWIN = Reference("file:///data/2/part.csv", "sha256:aa")
TEXT = "a text of some length"


def named(values: dict[str, Any]) -> Named:
    return tuple((name, content_of(value)) for name, value in values.items())


@dataclass
class Run:
    """A run whose root calls others. Without `at`, each call is made when all before have ended."""

    inputs: dict[str, Any] = field(default_factory=dict)
    actions: list[Known] = field(default_factory=list)
    now: int = 10

    def call(
        self,
        task: str,
        returned: Any = None,
        *,
        at: tuple[int, int | None] | None = None,
        within: str = "a0",
        outputs: dict[str, Any] | None = None,
        **inputs: Any,
    ) -> str:
        began, ended = at or (self.now, self.now + 10)
        self.now = max(self.now, ended or began)
        name = f"{task}{sum(each.task == task for each in self.actions)}"
        seq = sum(each.parent == within for each in self.actions)
        gives = named({"o0": returned} if outputs is None else outputs) if ended is not None else ()
        self.actions.append(
            Known(
                ActionName(name),
                ActionName(within),
                task,
                seq,
                began,
                ended,
                named(inputs),
                gives,
                silent=True,
            )
        )
        return name

    def edges(self, returned: Any = None, *, silent: bool = True, told: Sequence[Edge] = ()) -> set[str]:
        root = Known(
            ActionName("a0"),
            None,
            "main",
            0,
            0,
            self.now + 10,
            named(self.inputs),
            named({"o0": returned}),
            silent,
        )
        found = infer([root, *self.actions], told)
        assert {edge.confidence for edge in found} <= {"inferred"}
        arrows = {"data": "->", "argument": "=>", "result": "=>"}
        return {
            f"{edge.source}{_path(edge.source_path)} {arrows[edge.relation]} "
            f"{edge.target}.{edge.target_param}{_path(edge.target_path)}"
            for edge in found
        }


def _path(path: str) -> str:
    return f"{{{path}}}" if path else ""


def test_the_first_page() -> None:
    run = Run({"x": 5})
    run.call("one", 10, x=5)
    run.call("two", 20, x=10)
    assert run.edges(20) == {"a0{x} => one0.x", "one0 -> two0.x", "two0 => a0.o0"}


def test_a_diamond_and_a_list_that_was_gathered() -> None:
    run = Run()
    for end, value in ((40, 21), (30, 22), (20, 23)):
        run.call("load", value, at=(10, end))
    run.call("merge", 66, a=21, b=22, c=23)
    run.call("best", 23, xs=[21, 22, 23])
    assert run.edges(66) == {
        "load0 -> merge0.a",
        "load1 -> merge0.b",
        "load2 -> merge0.c",
        "load0 -> best0.xs{[0]}",
        "load1 -> best0.xs{[1]}",
        "load2 -> best0.xs{[2]}",
        "merge0 => a0.o0",
    }


def test_parts_of_values_on_either_side() -> None:
    run = Run({"config": {"name": "winter", "depth": 7}})
    run.call("order", {"items": [{"price": 12.5}, {"price": 99.0}], "no key": "x-17"})
    run.call("pay", price=99, code="x-17", depth=7)
    run.call("pair", outputs={"o0": 31, "o1": "thirty"})
    run.call("show", what={"deep": ["thirty", 31]})
    assert run.edges() == {
        "order0{items[1].price} -> pay0.price",
        'order0{["no key"]} -> pay0.code',
        "a0{config.depth} => pay0.depth",
        "pair0{[1]} -> show0.what{deep[0]}",
        "pair0{[0]} -> show0.what{deep[1]}",
    }


def test_a_loop_carries_its_state() -> None:
    run = Run()
    state = 17
    for _ in range(4):
        run.call("grow", state * 2, n=state)
        state *= 2
    assert run.edges(state) == {
        "grow0 -> grow1.n",
        "grow1 -> grow2.n",
        "grow2 -> grow3.n",
        "grow3 => a0.o0",
    }


@pytest.mark.parametrize(
    "value", [None, True, False, 0, 1, -1, 0.0, 1.0, "", [], {}, b"", [0, None], {"a": 1}]
)
def test_what_is_met_everywhere_says_nothing(value: object) -> None:
    run = Run({"x": value})
    run.call("give", value, x=value)
    run.call("take", value, x=value)
    assert run.edges(value) == set()


@pytest.mark.parametrize("value", [5, 2.5, "ab", TEXT, b"xy", [5, 6], {"a": "b"}, FILE])
def test_two_producers_of_equal_values_have_no_edge(value: object) -> None:
    run = Run()
    run.call("one", value)
    run.call("two", value)
    run.call("take", x=value)
    assert run.edges(value) == set()


def test_a_part_of_another_value_is_a_second_producer() -> None:
    run = Run()
    run.call("one", 37)
    run.call("two", {"n": [36, 37]})
    run.call("take", x=37)
    assert run.edges() == set()


def test_an_input_that_equals_a_result_is_a_second_producer() -> None:
    run = Run({"x": 37})
    run.call("one", 37)
    run.call("take", x=37)
    assert run.edges(37) == set()


def test_references_are_told_by_where_they_are_not_by_what_they_hold() -> None:
    run = Run()
    run.call("write", FILE, at=(10, 30))
    run.call("write", TWIN, at=(10, 20))
    run.call("read", {"files": [TWIN]}, file=FILE)
    run.call("read", file=TWIN)
    assert run.edges() == {"write0 -> read0.file"}  # TWIN is in what `read0` returned, too
    other = Run()
    other.call("write", FILE)
    other.call("read", file=Reference(FILE.uri, "sha256:bb"))
    assert other.edges() == set()


def test_only_what_had_ended_can_have_been_passed_on() -> None:
    run = Run()
    run.call("early", TEXT, at=(10, 30))
    run.call("late", TEXT * 2, at=(10, 31))
    run.call("open", TEXT * 3, at=(10, None))
    run.call("take", x=TEXT, at=(30, 40))
    run.call("take", x=TEXT * 2, at=(30, 40))
    run.call("take", x=TEXT * 3, at=(30, 40))
    assert run.edges() == {"early0 -> take0.x"}


def test_nothing_goes_from_body_to_body_but_through_inputs_and_results() -> None:
    run = Run({"text": TEXT})
    run.call("outer", TEXT * 2, text=TEXT)
    run.call("inner", TEXT * 3, within="outer0", text=TEXT)
    run.call("other", text=TEXT * 3)
    assert run.edges() == {"a0{text} => outer0.text", "outer0{text} => inner0.text"}


def test_short_values_of_a_fan_out_over_a_range_are_chance() -> None:
    run = Run({"n": 12})
    for i in range(12):
        run.call("square", i * i, i=i)
    assert run.edges() == set()


def test_short_values_in_a_literal_are_chance_unless_all_of_it_is_explained() -> None:
    run = Run()
    run.call("four", 4)
    run.call("take", xs=[2, 3, 4, 5])
    assert run.edges() == set()


def test_long_values_need_no_second_witness() -> None:
    run = Run()
    run.call("write", TEXT)
    for text in ("something else", "other words", TEXT):
        run.call("read", text=text)
    assert run.edges() == {"write0 -> read2.text"}


def test_several_parts_that_fit_are_named_by_what_holds_them() -> None:
    run = Run({"xs": [7, 7], "y": 55, "z": 55})
    run.call("take", x=7)
    run.call("give", {"a": [83, 83], "b": 2})
    run.call("have", x=83)
    run.call("either", x=55)
    assert run.edges() == {"a0{xs} => take0.x", "give0{a} -> have0.x"}


def test_what_was_told_is_believed() -> None:
    run = Run({"x": 5})
    run.call("one", 10, x=5)
    run.call("two", x=10)
    assert run.edges(silent=False) == set()


def test_references_are_looked_for_even_where_notes_were_taken() -> None:
    run = Run({"x": 5, "table": Reference("file:///table")})
    run.call("write", FILE, x=5)
    run.call("write", [TWIN, 5])
    run.call("read", {"n": 7}, box={"file": FILE, "n": 5})
    run.call("read", file=TWIN, table=Reference("file:///table"))
    told = Edge(ActionName("write0"), "", ActionName("read1"), "file", "", "data", "derived")
    assert run.edges([FILE, 7], silent=False, told=[told]) == {
        "write0 -> read0.box{file}",
        "a0{table} => read1.table",
        "write0 => a0.o0{[0]}",
    }


def test_a_number_is_the_same_as_an_integer_and_as_a_float_but_no_text() -> None:
    run = Run()
    run.call("give", 42)
    run.call("asfloat", x=42.0)
    run.call("astext", x="42")
    assert run.edges() == {"give0 -> asfloat0.x"}


def test_long_containers_count_as_a_whole() -> None:
    run = Run()
    long = list(range(5_000))
    run.call("give", long)
    run.call("take", xs=long)
    run.call("one", x=4_321)
    assert run.edges() == {"give0 -> take0.xs"}


def test_a_run_whose_template_is_damaged_has_a_graph() -> None:
    store = MemoryStore()
    create(store, key())
    assert [node.action for node in read_graph(store, key(), Micros(0)).nodes] == ["a0"]
