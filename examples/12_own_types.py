"""A class of your own as an input and output: a transformer says how it travels.

    flyte run 12_own_types.py main

Without one it would be pickled, which shows nothing to people and is read by the same versions only.
The result is '7/4'.
"""

from fractions import Fraction
from typing import Any

from flyteidl2.core.literals_pb2 import Literal, Primitive, Scalar
from flyteidl2.core.types_pb2 import STRING, LiteralType

import flyte
from flyte.types import TypeEngine, TypeTransformer

env = flyte.TaskEnvironment(name="own_types")


class FractionTransformer(TypeTransformer[Fraction]):
    """Fractions as text: `3/4`."""

    def __init__(self) -> None:
        super().__init__("Fraction", Fraction)

    def get_literal_type(self, t: type[Fraction]) -> LiteralType:
        return LiteralType(simple=STRING)

    async def to_literal(self, python_val: Fraction, python_type: Any, expected: LiteralType) -> Literal:
        return Literal(scalar=Scalar(primitive=Primitive(string_value=str(python_val))))

    async def to_python_value(self, lv: Literal, expected_python_type: Any) -> Fraction:
        return Fraction(lv.scalar.primitive.string_value)


TypeEngine.register(FractionTransformer())


@env.task
def add(parts: list[Fraction]) -> Fraction:
    return sum(parts, Fraction(0))


@env.task
def main() -> Fraction:
    return add([Fraction(1), Fraction(1, 2), Fraction(1, 4)])
