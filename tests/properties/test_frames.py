"""No two different values share a frame, however alike they look."""

import math
import os
import struct
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from flyte_core import naming

SOAK = bool(os.environ.get("GODWIT_SOAK"))
SETTINGS = settings(max_examples=200_000 if SOAK else 400, derandomize=not SOAK, deadline=None)

PLAIN = st.sampled_from(
    [None, True, False, 0, 1, -1, 0.0, -0.0, 1.0, math.nan, -math.nan, math.inf, "", [], (), {}]
)
MARKS = st.sampled_from(["0", "1", "n", "None", "\x00", "l0:", "s0:", "u0:", "m0:", "s1:a"])
TRICKY = PLAIN | MARKS | MARKS.map(str.encode)
SCALARS = TRICKY | st.integers() | st.floats() | st.text() | st.binary()
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(st.text(max_size=3), inner, max_size=4)
    ),
    max_leaves=12,
)


def same(a: Any, b: Any) -> bool:
    """Whether two values are the same to the bit and the type: what a frame must tell apart."""
    if type(a) is not type(b):
        return False
    if isinstance(a, float):
        return struct.pack(">d", a) == struct.pack(">d", b)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[name], b[name]) for name in a)
    return bool(a == b)


@SETTINGS
@given(VALUES, VALUES)
@example([["a"], ["b"]], [["a", "b"]])
@example([[1, 2], [3]], [[1], [2, 3]])
@example([[]], [[], []])
@example("", None)
@example([""], [])
@example([None], [])
@example(1, True)
@example(1, 1.0)
@example(0.0, -0.0)
@example(math.nan, None)
@example("a", b"a")
@example([], ())
@example({}, [])
@example({"a": 1, "b": 2}, {"a": 2, "b": 1})
@example(["ab", "c"], ["a", "bc"])
@example(["s1:a"], "l1:s1:a")
@example("é", "e\u0301")
def test_equal_frames_mean_equal_values(a: Any, b: Any) -> None:
    assert (naming.frame(a) == naming.frame(b)) == same(a, b)


@SETTINGS
@given(VALUES, st.data())
def test_a_small_change_anywhere_changes_the_frame(value: Any, data: st.DataObject) -> None:
    changed = _changed(value, data)
    assert (naming.frame(value) == naming.frame(changed)) == same(value, changed)


@SETTINGS
@given(st.dictionaries(st.text(), SCALARS, max_size=8), st.randoms())
def test_the_order_of_a_map_does_not_count(value: dict[str, Any], random: Any) -> None:
    items = list(value.items())
    random.shuffle(items)
    assert naming.frame(dict(items)) == naming.frame(value)


@SETTINGS
@given(st.lists(VALUES, max_size=3), st.data())
def test_frames_in_a_row_cannot_be_mistaken(value: list[Any], data: st.DataObject) -> None:
    """No frame is the beginning of another, least of all of one much like it: what follows is never read as part of it."""
    a, b = naming.frame(value), naming.frame(_changed(value, data))
    if a != b:
        assert not a.startswith(b)
        assert not b.startswith(a)


NAMED = st.dictionaries(st.text(max_size=4), st.binary(max_size=6), max_size=4)


@SETTINGS
@given(NAMED, NAMED)
@example({"x": b"", "y": b""}, {"xy": b""})
@example({"a": b"b:c"}, {"a": b"b", "c": b""})
def test_different_inputs_have_different_hashes(a: dict[str, bytes], b: dict[str, bytes]) -> None:
    assert (naming.inputs_hash(a.items()) == naming.inputs_hash(b.items())) == (a == b)


CALL = st.tuples(
    st.text(max_size=4), st.text(max_size=4), st.text(max_size=4), st.integers(1, 9), st.text(max_size=4)
)


@SETTINGS
@given(CALL, CALL)
@example(("a", "b", "c", 1, ""), ("a", "bc", "", 1, ""))
@example(("a", "b-c", "d", 1, ""), ("a", "b", "c-d", 1, ""))
@example(("a", "b", "c", 1, "1"), ("a", "b", "c", 11, ""))
def test_different_calls_have_different_names(
    a: tuple[str, str, str, int, str], b: tuple[str, str, str, int, str]
) -> None:
    assert (naming.action_name(*a) == naming.action_name(*b)) == (a == b)


def _changed(value: Any, data: st.DataObject) -> Any:
    """The value with one spot replaced, wrapped, removed or swapped."""
    if isinstance(value, list | tuple) and value:
        spot = data.draw(st.integers(0, len(value) - 1))
        items = list(value)
        match data.draw(st.sampled_from(["inside", "remove", "repeat", "swap", "flatten"])):
            case "inside":
                items[spot] = _changed(items[spot], data)
            case "remove":
                del items[spot]
            case "repeat":
                items.insert(spot, items[spot])
            case "swap":
                items.reverse()
            case "flatten":
                inner = items[spot]
                items[spot : spot + 1] = inner if isinstance(inner, list | tuple) else [[inner]]
        return type(value)(items)
    if isinstance(value, dict) and value:
        name = data.draw(st.sampled_from(sorted(value)))
        return {**value, name: _changed(value[name], data)}
    return data.draw(SCALARS | st.just([value]) | st.just((value,)) | st.just({"": value}))
