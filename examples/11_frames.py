"""Data frames: each task takes them in the library it wants, and columns it does not need are not read.

    flyte run 11_frames.py main --rows 1000

Needs pandas, polars and pyarrow: `pip install 'godwit-flyte[frames]'`. Frames travel as Arrow files, which the next task
maps into memory. Your own: `flyte run 11_frames.py biggest --frame sales.csv`. The result is 'a: 334 rows'.
"""

from typing import Annotated

import pandas as pd
import polars as pl

import flyte
from flyte.io import DataFrame

env = flyte.TaskEnvironment(name="frames")


@env.task
def make(rows: int) -> pd.DataFrame:
    kinds = ["a", "b", "c"]
    return pd.DataFrame({"kind": [kinds[at % 3] for at in range(rows)], "price": range(rows), "note": "..."})


@env.task
def sums(frame: Annotated[pl.DataFrame, {"kind": str, "price": int}]) -> DataFrame:
    assert frame.columns == ["kind", "price"]
    found = frame.group_by("kind").agg(pl.col("price").sum(), pl.len().alias("count")).sort("price")
    return DataFrame.wrap_df(found)


@env.task
def biggest(frame: DataFrame) -> str:
    last = frame.open(pd.DataFrame).all_sync().iloc[-1]
    return f"{last['kind']}: {last['count']} rows"


@env.task
def main(rows: int) -> str:
    return biggest(sums(make(rows)))
