"""Values that are texts to people, and sets: they come back exactly, and caches know them."""

from dataclasses import dataclass
from datetime import UTC, time
from decimal import Decimal
from fractions import Fraction
from pathlib import Path, PurePosixPath
from uuid import UUID

import flyte
from programs.table import program

env = flyte.TaskEnvironment(name="texts")


@dataclass
class Entry:
    path: Path
    id: UUID
    amount: Decimal
    at: time
    tags: frozenset[str] = frozenset()


@env.task
def shown(x: Path | UUID | Decimal | complex | Fraction | time | str) -> str:
    return repr(x)


VALUES = (Path("/a/b"), UUID(int=7), Decimal("1.10"), 1 - 2j, Fraction(1, 3), time(9, 30), "1.10")


@program([repr(each) for each in VALUES], tree="each_stays_what_it_is(7*shown)")
@env.task
def each_stays_what_it_is() -> list[str]:
    return [shown(each) for each in VALUES]


@env.task
def same_entry(x: Entry) -> Entry:
    return x


@program(Entry(Path("x"), UUID(int=1), Decimal("-0.0"), time(1, tzinfo=UTC), frozenset({"b", "a"})))
@env.task
def in_a_data_class() -> Entry:
    return same_entry(Entry(Path("x"), UUID(int=1), Decimal("-0.0"), time(1, tzinfo=UTC), frozenset("ab")))


@env.task
def pure(x: PurePosixPath) -> PurePosixPath:
    return x


@program("a/b", tree="pure_paths(pure)")
@env.task
def pure_paths() -> str:
    return str(pure(PurePosixPath("a//b/")))


@env.task(cache="auto")
def joined(words: set[str]) -> str:
    print("joining")
    return "".join(sorted(words))


@program(["abc", "abc"], tree="equal_sets_are_known(joined, joined hit)")
@env.task
def equal_sets_are_known() -> list[str]:
    return [joined({"a", "b", "c"}), joined({"c", "a", "b"})]


@program("abcdefgh", times=2, tree="in_another_process(joined hit)")
@env.task
def in_another_process() -> str:
    return joined(set("hgfedcba"))


@program(
    fails="RuntimeDataValidationError",
    says="value @ words{}: expected str, got int 3",
    tree="items_are_checked failed",
)
@env.task
def items_are_checked() -> str:
    return joined({"a", 3})  # type: ignore[arg-type]


@program(fails="RuntimeDataValidationError", says="expected Path | UUID", tree="none_of_them failed")
@env.task
def none_of_them() -> str:
    return shown([1])  # type: ignore[arg-type]


@program("(PosixPath('a'), Decimal('1.5'), {1, 2})", path=Path("a"), amount=Decimal("1.5"), numbers={2, 1})
@env.task
def as_root_inputs(path: Path, amount: Decimal, numbers: set[int]) -> str:
    return repr((path, amount, numbers))
