"""A class of one's own in the type system: by hand, and by a package that is installed."""

import asyncio
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import pytest
from flyteidl2.core.literals_pb2 import Literal, Primitive, Scalar
from flyteidl2.core.types_pb2 import INTEGER, STRING, LiteralType

import flyte
from flyte._types import engine, families
from flyte.errors import RestrictedTypeError, RuntimeDataValidationError
from flyte.types import Renderable, TypeEngine, TypeTransformer, TypeTransformerFailedError


class Celsius:
    """A value that no library knows."""

    def __init__(self, degrees: float) -> None:
        self.degrees = degrees


class Kelvin(Celsius):
    pass


class Pair:
    def __init__(self, cold: Celsius, warm: Celsius) -> None:
        self.cold, self.warm = cold, warm


@dataclass
class Weather:
    place: str
    now: Celsius
    later: list[Celsius] | None = None


class CelsiusTransformer(TypeTransformer[Celsius]):
    def __init__(self) -> None:
        super().__init__("Celsius", Celsius)

    def get_literal_type(self, t: type[Celsius]) -> LiteralType:
        return LiteralType(simple=STRING)

    async def to_literal(self, python_val: Celsius, python_type: Any, expected: LiteralType) -> Literal:
        await asyncio.sleep(0)
        if python_val.degrees < -273.15:
            raise TypeTransformerFailedError("colder than cold")
        return Literal(scalar=Scalar(primitive=Primitive(string_value=f"{python_val.degrees} C")))

    async def to_python_value(self, lv: Literal, expected_python_type: Any) -> Celsius:
        await asyncio.sleep(0)
        made: Celsius = expected_python_type(float(lv.scalar.primitive.string_value.removesuffix(" C")))
        return made

    def to_html(self, python_val: Celsius, expected_python_type: Any) -> str:
        return f"<b>{python_val.degrees}°</b>"


class PairTransformer(TypeTransformer[Pair]):
    """Made of values that have a transformer, too."""

    def __init__(self) -> None:
        super().__init__("Pair", Pair)

    def get_literal_type(self, t: type[Pair]) -> LiteralType:
        return TypeEngine.to_literal_type(list[Celsius])

    async def to_literal(self, python_val: Pair, python_type: Any, expected: LiteralType) -> Literal:
        both = [python_val.cold, python_val.warm]
        return await TypeEngine.to_literal(both, list[Celsius], expected)

    async def to_python_value(self, lv: Literal, expected_python_type: Any) -> Pair:
        return Pair(*await TypeEngine.to_python_value(lv, list[Celsius]))


@pytest.fixture(autouse=True)
def registered() -> Iterator[None]:
    before = dict(families._registered)
    TypeEngine.register(CelsiusTransformer())
    TypeEngine.register(PairTransformer())
    yield
    families._registered.clear()
    families._registered.update(before)
    engine.forget()


async def test_a_value_of_ones_own_goes_through_tasks() -> None:
    env = flyte.TaskEnvironment(name="weather")

    @env.task
    def warmer(now: Weather, by: Celsius) -> Weather:
        assert type(now.now) is Celsius
        return Weather(now.place, Celsius(now.now.degrees + by.degrees), [now.now, by])

    @env.task
    async def main(pair: Pair, maybe: Celsius | None, kelvin: Kelvin) -> dict[str, Celsius]:
        found = await warmer.aio(Weather("here", pair.cold), pair.warm)
        assert found.later is not None and maybe is None and type(kelvin) is Kelvin
        return {"now": found.now, "before": found.later[0]}

    run = await flyte.run.aio(main, pair=Pair(Celsius(1), Celsius(2)), maybe=None, kelvin=Kelvin(3))
    outputs = run.outputs()[0]
    assert {name: each.degrees for name, each in outputs.items()} == {"now": 3.0, "before": 1.0}


def test_what_does_not_fit_is_told_with_its_place() -> None:
    env = flyte.TaskEnvironment(name="weather")

    @env.task
    def many(days: list[Weather]) -> int:
        return len(days)

    with pytest.raises(RuntimeDataValidationError) as refused:
        flyte.run(many, days=[Weather("a", Celsius(1)), Weather("b", Celsius(-300))])
    assert "value @ days[1].now: expected Celsius" in str(refused.value)
    assert "colder than cold" in str(refused.value)


async def test_the_engine_answers_for_every_type() -> None:
    literal = await TypeEngine.to_literal(5, int, TypeEngine.to_literal_type(int))
    assert literal.scalar.primitive.integer == 5
    assert await TypeEngine.to_python_value(literal, int) == 5
    with pytest.raises(TypeTransformerFailedError, match="expected int, got str 'x'"):
        await TypeEngine.to_literal("x", int)
    transformer = TypeEngine.get_transformer(Celsius)
    assert isinstance(transformer, CelsiusTransformer)
    assert TypeEngine.get_transformer(int).get_literal_type(int) == LiteralType(simple=INTEGER)
    for hint in (int, str, bool, float, None, list[int], dict[str, float], int | None):
        guessed = TypeEngine.guess_python_type(TypeEngine.to_literal_type(hint))
        assert TypeEngine.to_literal_type(guessed) == TypeEngine.to_literal_type(hint)
    given = {"a": 1, "b": [Celsius(2)]}
    literals = await TypeEngine.dict_to_literal_map(given, {"b": list[Celsius]})
    back = await TypeEngine.literal_map_to_kwargs(literals, {"a": int, "b": list[Celsius]})
    assert (back["a"], back["b"][0].degrees) == (1, 2.0)


def test_values_are_shown_as_html() -> None:
    class Loud:
        def to_html(self, python_value: Any) -> str:
            return f"<i>{python_value}!</i>"

    assert isinstance(Loud(), Renderable)
    assert TypeEngine.to_html(5, Annotated[int, Loud()]) == "<i>5!</i>"
    assert TypeEngine.to_html(Celsius(5), Celsius) == "<b>5°</b>"
    assert TypeEngine.to_html("<x>", str) == "&lt;x&gt;"


def test_a_class_may_be_refused() -> None:
    class Handle:
        pass

    TypeEngine.register_restricted_type("Handle", Handle)
    with pytest.raises(RestrictedTypeError, match="Handle cannot be an input"):
        TypeEngine.to_literal_type(Handle)


def test_an_installed_package_registers_its_own(tmp_path: Path) -> None:
    site = tmp_path / "site"
    info = site / "grid_types-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: grid-types\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[flyte.plugins.types]\ngrid = grid_types:register\n")
    (site / "grid.py").write_text("class Grid:\n    def __init__(self, n): self.n = n\n")
    (site / "grid_types.py").write_text(
        textwrap.dedent("""
        import grid
        from flyteidl2.core.literals_pb2 import Literal, Primitive, Scalar
        from flyteidl2.core.types_pb2 import INTEGER, LiteralType
        from flyte.types import TypeEngine, TypeTransformer

        class GridTransformer(TypeTransformer):
            def __init__(self):
                super().__init__("Grid", grid.Grid)
            def get_literal_type(self, t):
                return LiteralType(simple=INTEGER)
            async def to_literal(self, python_val, python_type, expected):
                return Literal(scalar=Scalar(primitive=Primitive(integer=python_val.n)))
            async def to_python_value(self, lv, expected_python_type):
                return grid.Grid(lv.scalar.primitive.integer)

        def register():
            TypeEngine.register(GridTransformer())
        """)
    )
    script = textwrap.dedent("""
        import sys, grid, flyte
        env = flyte.TaskEnvironment(name="plugged")

        @env.task
        def grow(g: grid.Grid) -> grid.Grid:
            return grid.Grid(g.n + 1)

        run = flyte.run(grow, g=grid.Grid(1))
        print(run.outputs()[0].n, "grid_types" in sys.modules)
    """)
    (tmp_path / "plugged.py").write_text(script)
    done = subprocess.run(
        [sys.executable, str(tmp_path / "plugged.py")],
        env={"PYTHONPATH": str(site), "FLYTE_HOME": str(tmp_path / "home"), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout.split() == ["2", "True"], done.stderr
