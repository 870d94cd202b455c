"""Value classes behave as the standard library's frozen ones do."""

import copy
import dataclasses
import pickle

import pytest

from flyte_core.frozen import frozen


@frozen
class Point:
    x: int
    y: int = 0
    tags: list[str] = dataclasses.field(default_factory=list)
    secret: str = dataclasses.field(default="s", repr=False, compare=False)


@dataclasses.dataclass(frozen=True, slots=True)
class Same:
    x: int
    y: int = 0
    tags: list[str] = dataclasses.field(default_factory=list)
    secret: str = dataclasses.field(default="s", repr=False, compare=False)


@frozen
class Positive:
    value: int

    def __post_init__(self) -> None:
        if self.value < 0:
            raise ValueError("negative")

    def __repr__(self) -> str:
        return f"+{self.value}"


@frozen
class Nothing: ...


def test_its_fields_are_those_of_the_standard_one() -> None:
    for given in ((1,), (1, 2), (1, 2, ["a"])):
        ours, theirs = Point(*given), Same(*given)
        assert dataclasses.asdict(ours) == dataclasses.asdict(theirs)
        assert repr(ours) == repr(theirs).replace("Same", "Point")
    assert [each.name for each in dataclasses.fields(Point)] == ["x", "y", "tags", "secret"]
    assert Point.__match_args__ == ("x", "y", "tags", "secret")
    for wrong in ((), (1, 2, [], "", 5)):
        with pytest.raises(TypeError):
            Point(*wrong)


def test_it_never_changes() -> None:
    point = Point(1)
    with pytest.raises(dataclasses.FrozenInstanceError):
        point.x = 2  # type: ignore[misc]
    with pytest.raises(dataclasses.FrozenInstanceError):
        del point.x
    with pytest.raises((AttributeError, TypeError)):
        point.other = 1  # type: ignore[attr-defined]
    assert dataclasses.replace(point, y=5) == Point(1, 5)
    assert point == Point(1)


def test_what_counts_decides_equality_and_hash() -> None:
    assert Point(1, secret="a") == Point(1, secret="b")
    assert Point(1) != Point(2)
    assert Point(1) != Same(1)
    assert hash(Positive(1)) == hash(Positive(1))
    assert {Positive(1), Positive(1), Positive(2)} == {Positive(2), Positive(1)}
    assert Nothing() == Nothing() and hash(Nothing()) == hash(Nothing())
    with pytest.raises(TypeError):
        hash(Point(1))  # as a list has no hash


def test_defaults_are_made_anew() -> None:
    assert Point(1).tags is not Point(1).tags


def test_its_own_methods_stay() -> None:
    assert repr(Positive(3)) == "+3"
    with pytest.raises(ValueError, match="negative"):
        Positive(-1)


def test_it_is_copied_and_pickled() -> None:
    point = Point(1, 2, ["a"], "x")
    for other in (copy.copy(point), copy.deepcopy(point), pickle.loads(pickle.dumps(point))):
        assert other == point
        assert other.secret == "x"
    assert pickle.loads(pickle.dumps(Nothing())) == Nothing()
