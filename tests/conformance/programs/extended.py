"""Data frames of a library that nobody knows, by encoders and decoders of one's own."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
from flyteidl2.core.literals_pb2 import StructuredDataset, StructuredDatasetMetadata
from flyteidl2.core.types_pb2 import StructuredDatasetType

import flyte
from flyte.io import DataFrame
from flyte.io.extend import DataFrameDecoder, DataFrameEncoder, DataFrameTransformerEngine
from programs.table import program

env = flyte.TaskEnvironment(name="extended")


class Rows:
    """A data frame as a list of dicts."""

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        self.rows = rows


class ToLines(DataFrameEncoder[Rows]):
    async def encode(
        self, dataframe: DataFrame, structured_dataset_type: StructuredDatasetType
    ) -> StructuredDataset:
        assert dataframe.uri
        Path(dataframe.uri).write_text("\n".join(map(json.dumps, dataframe.val.rows)))
        structured_dataset_type.format = self.supported_format
        metadata = StructuredDatasetMetadata(structured_dataset_type=structured_dataset_type)
        return StructuredDataset(uri=dataframe.uri, metadata=metadata)


class OfLines(DataFrameDecoder[Rows]):
    async def decode(
        self, flyte_value: StructuredDataset, current_task_metadata: StructuredDatasetMetadata
    ) -> Rows | Iterator[Rows]:
        wanted = [each.name for each in flyte_value.metadata.structured_dataset_type.columns]
        rows = [json.loads(line) for line in Path(flyte_value.uri).read_text().splitlines()]
        return Rows([{key: row[key] for key in wanted or row} for row in rows])


class OfParquet(DataFrameDecoder[Rows]):
    async def decode(
        self, flyte_value: StructuredDataset, current_task_metadata: StructuredDatasetMetadata
    ) -> Rows | Iterator[Rows]:
        return Rows(pd.read_parquet(flyte_value.uri).to_dict("records"))


DataFrameTransformerEngine.register(ToLines(Rows, supported_format="lines"), default_format_for_type=True)
DataFrameTransformerEngine.register(OfLines(Rows, supported_format="lines"))
DataFrameTransformerEngine.register(OfParquet(Rows, protocol="file://", supported_format="parquet"))


@env.task
def made(n: int) -> Rows:
    return Rows([{"n": each, "name": str(each)} for each in range(n)])


@env.task
def total(rows: Rows) -> int:
    return sum(row["n"] for row in rows.rows)


@program(3, tree="there_and_back(made, total)")
@env.task
def there_and_back() -> int:
    return total(made(3))


@env.task
async def opened(frame: DataFrame) -> list[Any]:
    rows = await frame.open(Rows).all()
    parts = [len(part.rows) async for part in frame.open(Rows).iter()]
    return [frame.format, len(rows.rows), parts]


@program(["lines", 2, [2]], tree="by_reference(wrapped, opened)")
@env.task
async def by_reference() -> list[Any]:
    return await opened(await wrapped())


@env.task
async def wrapped() -> DataFrame:
    return DataFrame.from_df(Rows([{"n": 1}, {"n": 2}]))


@env.task
def reference_of_pandas() -> Annotated[DataFrame, "parquet"]:
    return DataFrame.from_df(pd.DataFrame({"n": [4, 5]}))


@program(9, tree="of_another_library(reference_of_pandas, total)")
@env.task
def of_another_library() -> int:
    return total(reference_of_pandas())  # type: ignore[arg-type]


@env.task
def names(rows: Annotated[Rows, {"name": str}]) -> list[dict[str, str]]:
    return rows.rows


@program([{"name": "0"}], tree="some_columns(made, names)")
@env.task
def some_columns() -> list[dict[str, str]]:
    return names(made(1))


@env.task(cache="auto")
def counted(rows: Rows) -> int:
    return len(rows.rows)


@program([2, 2, 3], tree="by_content(made, counted, made, counted hit, made, counted)")
@env.task
def by_content() -> list[int]:
    return [counted(made(n)) for n in (2, 2, 3)]


@program(
    fails="RuntimeUserError",
    says="There is a ToLines already for Rows as 'lines'",
    tree="registered_twice failed",
)
@env.task
def registered_twice() -> None:
    DataFrameTransformerEngine.register(ToLines(Rows, supported_format="lines"))
