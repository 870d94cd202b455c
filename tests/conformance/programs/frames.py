"""Data frames: of every library, converted between them, stored once, known by their content."""

from dataclasses import dataclass
from typing import Annotated, Any

import pandas as pd
import polars as pl
import pyarrow as pa

import flyte
from flyte.io import DataFrame, HashFunction
from programs.table import program

env = flyte.TaskEnvironment(name="frames")


def sales() -> pd.DataFrame:
    return pd.DataFrame({"name": ["a", "b", "c"], "price": [1.5, 2.0, 3.0], "n": [1, 2, 3]})


@env.task
def of_pandas() -> pd.DataFrame:
    return sales()


@env.task
def of_polars() -> pl.DataFrame:
    return pl.DataFrame({"n": [1, 2, 3]})


@env.task
def of_arrow() -> pa.Table:
    return pa.table({"n": [1, 2, 3]})


@env.task
def sum_pandas(frame: pd.DataFrame) -> int:
    return int(frame["n"].sum())


@env.task
def sum_polars(frame: pl.DataFrame) -> int:
    return int(frame["n"].sum())


@env.task
def sum_lazy(frame: pl.LazyFrame) -> int:
    return int(frame.collect()["n"].sum())


@env.task
def sum_arrow(frame: pa.Table) -> int:
    return sum(frame["n"].to_pylist())


@program([6] * 12)
@env.task
def any_to_any() -> list[int]:
    frames = of_pandas(), of_polars(), of_arrow()
    return [total(frame) for frame in frames for total in (sum_pandas, sum_polars, sum_lazy, sum_arrow)]


@env.task
async def total(frame: DataFrame) -> list[float]:
    whole = await frame.open(pd.DataFrame).all()
    parts = [len(part) async for part in frame.open(pa.Table).iter()]
    return [float(whole["price"].sum()), sum(parts)]


@program([6.5, 3.0], tree="opened_as_wanted(stored, total)")
@env.task
async def opened_as_wanted() -> list[float]:
    return await total(await stored())


@env.task
async def stored() -> DataFrame:
    return await DataFrame.from_local(sales())


@env.task
def wrapped() -> DataFrame:
    return DataFrame.from_df(sales())


@program(["arrow", "parquet", "csv"], tree="formats(wrapped, as_parquet, as_csv)")
@env.task
def formats() -> list[str]:
    frames = wrapped(), as_parquet(), as_csv()
    return [each.format or "" for each in frames if each.open(pd.DataFrame).all_sync().equals(sales())]


@env.task
def as_parquet() -> Annotated[DataFrame, "parquet"]:
    return DataFrame.from_df(sales())


@env.task
def as_csv() -> Annotated[DataFrame, "csv"]:
    return DataFrame.from_df(sales())


@program(["name"], tree="some_columns(of_pandas, columns)")
@env.task
def some_columns() -> list[str]:
    return columns(of_pandas())


@env.task
def columns(frame: Annotated[pd.DataFrame, {"name": str}]) -> list[str]:
    return list(frame.columns)


@env.task
def same(frame: pd.DataFrame) -> pd.DataFrame:
    return frame


@program([True, True, True], tree="index_and_types(3*same)")
@env.task
def index_and_types() -> list[bool]:
    frames = [
        sales().set_index("name"),
        pd.DataFrame({"c": pd.Categorical(["x", "y", "x"])}),
        pd.DataFrame({"t": pd.date_range("2020-01-01", periods=2, tz="Europe/Rome")}),
    ]
    return [same(each).equals(each) for each in frames]


@env.task(cache="auto")
def rows(frame: pd.DataFrame) -> int:
    print("counting")
    return len(frame)


@program([3, 3, 2], tree="by_content(rows, rows hit, rows)")
@env.task
def by_content() -> list[int]:
    return [rows(sales()), rows(sales()), rows(sales().head(2))]


SumHashed = Annotated[DataFrame, HashFunction.from_fn(lambda frame: str(frame["n"].sum()))]


@env.task
def with_sum(n: list[int]) -> SumHashed:
    return DataFrame.from_df(pd.DataFrame({"n": n}))


@env.task(cache="auto")
def known_by_sum(frame: pd.DataFrame) -> int:
    return len(frame)


@program(
    [2, 2, 3],
    tree="as_the_hash_says(with_sum, known_by_sum, with_sum, known_by_sum hit, with_sum, known_by_sum)",
)
@env.task
def as_the_hash_says() -> list[int]:
    return [known_by_sum(with_sum(n)) for n in ([1, 2], [2, 1], [4, 0, 0])]


@dataclass
class Part:
    frame: DataFrame
    title: str


@env.task
def titled(part: Part, more: list[pd.DataFrame]) -> list[Any]:
    return [part.title, len(part.frame.open(pd.DataFrame).all_sync()), *map(len, more)]


@program(["t", 3, 2, 1], tree="in_structures(wrapped, titled)")
@env.task
def in_structures() -> list[Any]:
    return titled(Part(wrapped(), "t"), [sales().head(2), sales().head(1)])


@program(
    fails="RuntimeDataValidationError", says="expected pandas.DataFrame, got list", tree="no_frame failed"
)
@env.task
def no_frame() -> int:
    return rows([1, 2])  # type: ignore[arg-type]


@program(fails="RuntimeUserError", says="mixed", tree="mixed_column failed")
@env.task
def mixed_column() -> int:
    return rows(pd.DataFrame({"mixed": [1, "a"]}))
