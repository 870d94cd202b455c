"""Names: pinned for ever, and never shared by two different things."""

import json
import re
from random import Random

import pytest
from names_corpus import PLACE, calls, from_json

from flyte_core import naming
from flyte_core.model import InvalidArgument

CORPUS = json.loads(PLACE.read_text())


def test_every_recorded_value_still_has_its_digest() -> None:
    assert len(CORPUS["frames"]) + len(CORPUS["calls"]) >= 500
    changed = [e for e in CORPUS["frames"] if naming.digest(from_json(e["value"])) != e["digest"]]
    assert changed == []


def test_every_recorded_call_still_has_its_name() -> None:
    assert CORPUS["algorithm"] == naming.ALGORITHM
    assert calls() == CORPUS["calls"]


def test_recorded_values_all_differ() -> None:
    different = {json.dumps(entry["value"]) for entry in CORPUS["frames"]}
    assert len({entry["digest"] for entry in CORPUS["frames"]}) == len(different)


def test_a_name_is_26_letters_and_digits_beginning_with_a_letter() -> None:
    names = {naming.action_name("a0", str(i), "task", 1) for i in range(1_000)}
    assert len(names) == 1_000
    assert all(re.fullmatch(r"[a-z][a-z0-9]{25}", name) for name in names)


def test_each_part_of_a_call_counts() -> None:
    base = ("a0", "inputs", "task", 1, "")
    others = [("a1", *base[1:]), ("a0", "x", "task", 1, ""), ("a0", "inputs", "x", 1, "")]
    others += [("a0", "inputs", "task", 2, ""), ("a0", "inputs", "task", 1, "g")]
    assert len({naming.action_name(*call) for call in [base, *others]}) == 6


def test_the_order_in_which_inputs_are_given_does_not_count() -> None:
    assert naming.inputs_hash([("a", b"1"), ("b", b"2")]) == naming.inputs_hash([("b", b"2"), ("a", b"1")])
    assert naming.inputs_hash([("a", b"1"), ("b", b"2")]) != naming.inputs_hash([("a", b"2"), ("b", b"1")])
    assert naming.inputs_hash([]) != naming.inputs_hash([("", b"")])


def test_any_depth_of_nesting() -> None:
    deep: naming.Framable = []
    for _ in range(200_000):
        deep = [deep]
    deeper: naming.Framable = [deep]
    assert naming.digest(deep) != naming.digest(deeper)
    while deep:  # freed step by step: the interpreter frees nested lists recursively
        assert isinstance(deep, list)
        deep = deep.pop()


def test_numbers_of_any_size() -> None:
    assert naming.digest(10**10_000) != naming.digest(10**10_000 + 1)


def test_subclasses_count_as_what_they_extend() -> None:
    class Text(str):
        __slots__ = ()

    class Data(bytes):
        pass

    class Number(int):
        pass

    assert naming.frame([Text("a"), Data(b"b"), Number(3)]) == naming.frame(["a", b"b", 3])


@pytest.mark.parametrize("value", [object(), {1}, [1, {2}], {1: "a"}, {"a": 1j}])
def test_what_has_no_frame_is_named(value: object) -> None:
    with pytest.raises(TypeError, match="has no canonical frame"):
        naming.frame(value)  # type: ignore[arg-type]


def test_run_names() -> None:
    names = {naming.new_run_name(Random(seed)) for seed in range(100)}
    assert len(names) == 100
    assert all(re.fullmatch(r"r[a-z0-9]{19}", naming.check_run_name(name)) for name in names)


@pytest.mark.parametrize("name", ["a", "nightly-2", "0", "a" * 30])
def test_a_name_a_run_may_have(name: str) -> None:
    assert naming.check_run_name(name) == name


@pytest.mark.parametrize("name", ["", "A", "-a", "a-", "a" * 31, "a_b", "a/b", "..", "a\n", "é"])
def test_a_name_a_run_may_not_have(name: str) -> None:
    with pytest.raises(InvalidArgument, match="cannot be called"):
        naming.check_run_name(name)
