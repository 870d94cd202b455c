"""Data frames of each library, to files and back. Each library is imported when a frame of it is met.

All of them write Arrow IPC files, Parquet and CSV, so that what one has written another can read. Arrow
files are mapped into memory, not read, by those who can work on them as they lie.
"""

import mmap
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, Protocol

from flyte.errors import RuntimeUserError

Columns = list[str] | None
"""Which columns are wanted; None: all."""

FORMATS: Final = ("arrow", "parquet", "csv")
SUFFIXES: Final = {
    ".arrow": "arrow",
    ".feather": "arrow",
    ".ipc": "arrow",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".csv": "csv",
}


class Engine(Protocol):
    """One library's frames."""

    def write(self, frame: Any, path: Path, form: str) -> None:
        """Write a frame to a new file."""

    def read(self, files: Sequence[Path], form: str, columns: Columns) -> Any:
        """The frame in some files, one after the other."""

    def batches(self, files: Sequence[Path], form: str, columns: Columns) -> Iterator[Any]:
        """The same in parts that fit into memory."""


class ArrowEngine:
    """`pyarrow.Table`."""

    def write(self, frame: Any, path: Path, form: str) -> None:
        import pyarrow as pa

        if form == "arrow":
            with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, frame.schema) as writer:
                writer.write_table(frame)
        elif form == "parquet":
            import pyarrow.parquet as pq

            pq.write_table(frame, path)
        else:
            import pyarrow.csv as csv

            csv.write_csv(frame, path)

    def read(self, files: Sequence[Path], form: str, columns: Columns) -> Any:
        import pyarrow as pa

        tables = [self._read(each, form, columns) for each in files]
        return tables[0] if len(tables) == 1 else pa.concat_tables(tables, promote_options="default")

    def batches(self, files: Sequence[Path], form: str, columns: Columns) -> Iterator[Any]:
        import pyarrow as pa

        for each in files:
            if form == "parquet":
                import pyarrow.parquet as pq

                for batch in pq.ParquetFile(each).iter_batches(columns=columns):
                    yield pa.Table.from_batches([batch])
            else:
                for batch in self._read(each, form, columns).to_batches():
                    yield pa.Table.from_batches([batch])

    def _read(self, path: Path, form: str, columns: Columns) -> Any:
        import pyarrow as pa

        if form == "parquet":
            import pyarrow.parquet as pq

            return pq.read_table(path, columns=columns)
        if form == "csv":
            import pyarrow.csv as csv

            table = csv.read_csv(path)
        else:
            table = pa.ipc.open_file(pa.memory_map(str(path))).read_all()
        return table if columns is None else table.select(columns)


class PandasEngine:
    """`pandas.DataFrame`, index, categories and time zones included. What is read may be written to."""

    def write(self, frame: Any, path: Path, form: str) -> None:
        if form == "csv":
            frame.to_csv(path, index=False)
            return
        import pyarrow as pa

        try:
            table = pa.Table.from_pandas(frame)
        except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
            raise RuntimeUserError(
                f"A data frame cannot be stored: {error}",
                hint="A column holds values of several types; give it one, or pass the frame as `typing.Any`.",
            ) from error
        ARROW.write(table, path, form)

    def read(self, files: Sequence[Path], form: str, columns: Columns) -> Any:
        if form == "csv":
            import pandas as pd

            return pd.concat([pd.read_csv(each, usecols=columns) for each in files], ignore_index=True)
        if form == "arrow" and len(files) == 1:
            return _mapped_frame(files[0], columns)
        return ARROW.read(files, form, columns).to_pandas()

    def batches(self, files: Sequence[Path], form: str, columns: Columns) -> Iterator[Any]:
        for table in ARROW.batches(files, form, columns):
            yield table.to_pandas()


def _mapped_frame(path: Path, columns: Columns) -> Any:
    """The frame in an Arrow file. Plain numbers stay where they are in the file, privately to this process:
    a page is read when it is touched, and copied when it is written to."""
    import pandas as pd
    import pyarrow as pa

    with path.open("rb") as file:
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    whole = pa.py_buffer(mapped)
    table = pa.ipc.open_file(whole).read_all()
    table = table if columns is None else table.select(columns)
    seen = table.to_pandas(split_blocks=True)
    values: dict[int, Any] = {}
    for at in range(seen.shape[1]):
        column = seen.iloc[:, at]
        values[at] = _in_place(mapped, whole.address, table.column(at), column.dtype)
        if values[at] is None:
            values[at] = column.copy()
    made = pd.DataFrame(values, index=seen.index, copy=False)
    made.columns = seen.columns
    made.attrs = seen.attrs
    return made


def _in_place(mapped: mmap.mmap, start: int, column: Any, dtype: Any) -> Any:
    """A column of plain numbers as an array over the mapped file; None for any other."""
    import numpy as np

    if (
        column.num_chunks != 1
        or column.null_count
        or not isinstance(dtype, np.dtype)
        or dtype.kind not in "iuf"
    ):
        return None
    chunk = column.chunk(0)
    _, data = chunk.buffers()
    if dtype != chunk.type.to_pandas_dtype() or not len(chunk):
        return None
    return np.frombuffer(mapped, dtype, len(chunk), data.address - start + chunk.offset * dtype.itemsize)


class PolarsEngine:
    """`polars.DataFrame`, and `polars.LazyFrame`."""

    def __init__(self, *, lazy: bool) -> None:
        self._lazy = lazy

    def write(self, frame: Any, path: Path, form: str) -> None:
        whole = frame.collect() if self._lazy else frame
        if form == "arrow":
            import polars as pl

            whole.write_ipc(path, compression="uncompressed", compat_level=pl.CompatLevel.oldest())
        elif form == "parquet":
            whole.write_parquet(path)
        else:
            whole.write_csv(path)

    def read(self, files: Sequence[Path], form: str, columns: Columns) -> Any:
        import polars as pl

        readers = {"arrow": pl.scan_ipc, "parquet": pl.scan_parquet, "csv": pl.scan_csv}
        lazy = pl.concat([readers[form](each) for each in files])
        lazy = lazy if columns is None else lazy.select(columns)
        return lazy if self._lazy else lazy.collect()

    def batches(self, files: Sequence[Path], form: str, columns: Columns) -> Iterator[Any]:
        for each in files:
            whole = self.read([each], form, columns)
            yield from [whole] if self._lazy else whole.iter_slices()


ARROW: Final = ArrowEngine()
_ENGINES: Final[dict[str, Engine]] = {
    "pandas": PandasEngine(),
    "polars": PolarsEngine(lazy=False),
    "polars.lazy": PolarsEngine(lazy=True),
    "pyarrow": ARROW,
}


def engine_of(kind: type) -> Engine:
    """What handles frames of a class.

    Raises:
        RuntimeUserError: nobody knows the class, or what it needs is not installed.
    """
    for each in kind.__mro__:
        root = each.__module__.partition(".")[0]
        name = "polars.lazy" if root == "polars" and each.__name__ == "LazyFrame" else root
        if name in _ENGINES and each.__name__ in ("DataFrame", "LazyFrame", "Table"):
            if name in ("pandas", "pyarrow"):
                _need_pyarrow(kind)
            return _ENGINES[name]
    raise RuntimeUserError(
        f"{kind.__module__}.{kind.__qualname__} is no data frame that is known here.",
        hint="Use a pandas.DataFrame, polars.DataFrame, polars.LazyFrame or pyarrow.Table.",
    )


def format_of(uri: str) -> str:
    """The format that the end of an address tells; empty if it tells none."""
    return SUFFIXES.get(Path(uri).suffix.lower(), "")


def _need_pyarrow(kind: type) -> None:
    if "pyarrow" not in sys.modules:
        try:
            import pyarrow  # noqa: F401
        except ImportError as error:
            raise RuntimeUserError(
                f"{kind.__module__}.{kind.__qualname__} is stored by way of Arrow, and pyarrow is not installed.",
                hint="pip install pyarrow, or godwit-flyte[frames].",
            ) from error
