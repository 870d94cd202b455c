"""Arrays, frames, messages and references come back as they went: by themselves, and within structures."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple, NotRequired, TypedDict

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pydantic
import pytest
from flyteidl2.core.literals_pb2 import Literal as LiteralMessage
from flyteidl2.core.tasks_pb2 import Resources
from google.protobuf.duration_pb2 import Duration
from google.protobuf.struct_pb2 import Struct
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from flyte import _session
from flyte._types.codec import Mismatch
from flyte._types.engine import codec_of
from flyte.io import DataFrame, Dir, File
from flyte_core.wire import literals


@pytest.fixture(autouse=True)
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("FLYTE_HOME", str(tmp_path / "home"))
    _session.reset()
    yield tmp_path
    _session.reset()


class Point(NamedTuple):
    place: File[str]
    weight: float = 1.0


class Options(TypedDict):
    folder: Dir[str]
    limit: NotRequired[int]


@dataclass
class Sample:
    values: np.ndarray
    frame: pd.DataFrame
    source: File[str] | None
    message: Duration


class Model(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(arbitrary_types_allowed=True)

    file: File[str]
    folders: dict[str, Dir[str]]
    table: DataFrame
    values: np.ndarray


def there_and_back(hint: Any, value: Any) -> Any:
    """By way of a literal; and, to the same, as a part of a structure."""
    codec = codec_of(hint)
    literal = LiteralMessage()
    codec.fill(literal, value)
    arrived = LiteralMessage.FromString(literal.SerializeToString())
    literals.to_json(arrived)
    literals.canonical(arrived)
    packed = literals.pack(codec.pack(value))
    literals._canonical_msgpack(packed)
    codec.unpack(literals.unpack(packed))
    return codec.read(arrived)


def key(hint: Any, value: Any) -> bytes:
    literal = LiteralMessage()
    codec_of(hint).fill(literal, value)
    return literals.canonical(literal)


NUMBERS = npst.scalar_dtypes() | npst.nested_dtypes(
    npst.integer_dtypes() | npst.floating_dtypes() | npst.datetime64_dtypes(), max_itemsize=40
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(npst.arrays(NUMBERS, npst.array_shapes(min_dims=0, min_side=0, max_side=4)), st.booleans())
def test_an_array_comes_back_to_the_bit(value: np.ndarray, fortran: bool) -> None:
    value = np.asfortranarray(value) if fortran else value
    back = there_and_back(np.ndarray, value)
    assert type(back) is np.ndarray
    assert (back.dtype, back.shape) == (value.dtype, value.shape)
    assert back.tobytes() == value.tobytes()


@pytest.mark.parametrize(
    "dtype", ["f8", "<u2", ">i4", "M8[ns]", "c16", "S7", "U3", [("a", "i4"), ("b", "f8", 3)]]
)
def test_a_large_array_is_mapped_and_may_be_written_to(dtype: Any) -> None:
    value = np.frombuffer(
        bytes(range(256)) * 4200, np.dtype(dtype), count=8000 if np.dtype(dtype).itemsize > 16 else 40_000
    )
    value = value.reshape(-1, 8).T
    back = there_and_back(np.ndarray, value)
    assert (back.dtype, back.shape) == (value.dtype, value.shape)
    assert back.tobytes() == value.tobytes()
    back[0, 0] = back[1, 1]
    again = there_and_back(np.ndarray, value)
    assert again.tobytes() == value.tobytes(), "changes stay with who made them"


def test_arrays_hash_by_their_content() -> None:
    small, large = np.arange(10), np.arange(100_000)
    assert key(np.ndarray, small) == key(np.ndarray, small.copy())
    assert key(np.ndarray, large) == key(np.ndarray, large.copy())
    assert key(np.ndarray, small) != key(np.ndarray, small.astype("f8"))
    changed = large.copy()
    changed[5] = 0
    assert key(np.ndarray, large) != key(np.ndarray, changed)


FRAMES = {
    "plain": pd.DataFrame({"n": [1, 2], "x": [0.5, float("nan")], "t": ["a", None]}),
    "empty": pd.DataFrame({"n": pd.Series([], dtype="int32")}),
    "no columns": pd.DataFrame(index=[1, 2]),
    "index": pd.DataFrame({"n": [1, 2]}, index=pd.Index(["a", "b"], name="key")),
    "levels": pd.DataFrame({"n": [1, 2]}, index=pd.MultiIndex.from_tuples([(1, "a"), (2, "b")])),
    "kinds": pd.DataFrame(
        {
            "c": pd.Categorical(["x", "y"], categories=["y", "x"], ordered=True),
            "when": pd.to_datetime(["2020-01-01", "2021-06-01"]).tz_localize("Europe/Berlin"),
            "long": pd.to_timedelta([1, 2], unit="h"),
            "i": pd.array([1, None], dtype="Int64"),
            "b": [True, False],
            "raw": [b"\0", b"\xff"],
        }
    ),
}


@pytest.mark.parametrize("name", FRAMES)
def test_a_pandas_frame_comes_back_the_same(name: str) -> None:
    frame = FRAMES[name]
    back = there_and_back(pd.DataFrame, frame)
    pd.testing.assert_frame_equal(back, frame)
    assert key(pd.DataFrame, frame) == key(pd.DataFrame, frame.copy())


def test_a_frame_that_was_read_may_be_written_to() -> None:
    back = there_and_back(pd.DataFrame, pd.DataFrame({"x": np.arange(50_000, dtype="f8")}))
    back.loc[0, "x"] = 5.0
    back["x"].to_numpy()
    assert back["x"].sum() == 5.0 + sum(range(50_000))


def test_frames_of_polars_and_arrow_come_back_the_same() -> None:
    frame = pl.DataFrame(
        {
            "n": [1, None],
            "t": ["a", "é"],
            "l": [[1, 2], []],
            "when": [datetime(2020, 1, 1, tzinfo=UTC), None],
            "d": [timedelta(1), None],
            "e": pl.Series(["a", "b"], dtype=pl.Enum(["b", "a"])),
        }
    )
    back = there_and_back(pl.DataFrame, frame)
    assert back.schema == frame.schema and back.equals(frame)
    lazy = there_and_back(pl.LazyFrame, frame.lazy())
    assert isinstance(lazy, pl.LazyFrame) and lazy.collect().equals(frame)
    table = pa.table({"n": pa.array([1, None], pa.int8()), "s": pa.array([{"a": 1}, None])})
    assert there_and_back(pa.Table, table).equals(table)


def test_frames_are_taken_in_place_of_one_another() -> None:
    frame = pl.DataFrame({"n": [1, 2]})
    for hint in (pd.DataFrame, pa.Table, pl.DataFrame):
        assert type(there_and_back(hint, frame)) is hint
    held = there_and_back(DataFrame, DataFrame.wrap_df(frame))
    assert held.open(pl.DataFrame).all_sync().equals(frame)


def test_a_frame_with_a_mixed_column_says_which() -> None:
    with pytest.raises(Exception, match="column odd"):
        there_and_back(pd.DataFrame, pd.DataFrame({"odd": [1, "x", b"y"]}))


MESSAGES = [
    Duration(seconds=-3, nanos=-5),
    Struct(),
    Resources(requests=[Resources.ResourceEntry(name=Resources.CPU, value="2")]),
    Resources(),
]


@pytest.mark.parametrize("message", MESSAGES, ids=repr)
def test_a_message_comes_back_the_same(message: Any) -> None:
    back = there_and_back(type(message), message)
    assert back == message and type(back) is type(message)


def test_references_in_structures(data_dir: Path) -> None:
    (data_dir / "f").write_text("f")
    (data_dir / "d").mkdir()
    (data_dir / "d" / "x").write_text("x")
    file, folder = File.from_local_sync(data_dir / "f"), Dir.from_local_sync(data_dir / "d")
    point = there_and_back(Point, Point(file, 0.5))
    assert point == Point(file, 0.5)
    options = there_and_back(Options, {"folder": folder})
    assert options == {"folder": folder}
    frame = pd.DataFrame({"n": [1]})
    sample = there_and_back(Sample, Sample(np.arange(3), frame, None, Duration(seconds=1)))
    assert sample.source is None and sample.values.tolist() == [0, 1, 2]
    pd.testing.assert_frame_equal(sample.frame, frame)
    model = Model(file=file, folders={"a": folder}, table=DataFrame.wrap_df(frame), values=np.arange(100_000))
    back = there_and_back(Model, model)
    assert (back.file, back.folders) == (file, {"a": folder})
    assert back.table.open(pa.Table).all_sync().num_rows == 1
    assert back.values.sum() == model.values.sum()


def test_where_a_file_lies_does_not_count_but_its_content_does(data_dir: Path) -> None:
    for name in ("one", "two"):
        (data_dir / name).mkdir()
        (data_dir / name / "f").write_text("same")
    one, two = (
        File.from_local_sync(data_dir / name / "f", str(data_dir / f"{name}.copy")) for name in ("one", "two")
    )
    assert one.path != two.path
    assert key(File, one) == key(File, two)
    assert key(Point, Point(one)) == key(Point, Point(two))
    assert key(Dir, Dir.from_local_sync(data_dir / "one")) == key(Dir, Dir.from_local_sync(data_dir / "two"))
    (data_dir / "one" / "f").write_text("other")
    assert key(Dir, Dir.from_local_sync(data_dir / "one")) != key(Dir, Dir.from_local_sync(data_dir / "two"))


def test_a_reference_to_what_others_write_is_looked_at(data_dir: Path) -> None:
    path = data_dir / "log"
    path.write_text("a")
    file = File.from_existing_remote(str(path))
    before = key(File, file)
    assert before == key(File, file)
    path.write_text("ab")
    assert key(File, file) != before
    assert there_and_back(File, file).hash is None, "how it looks is not the task's business"
    assert there_and_back(File, File.from_existing_remote("s3://b/x", "mine")).hash == "mine"


def test_no_directory_is_a_directory_that_is_empty() -> None:
    back = there_and_back(Dir, Dir.empty())
    assert back.is_empty and list(back.walk_sync()) == []
    assert not back.exists_sync()
    with pytest.raises(FileNotFoundError):
        back.download_sync()


@pytest.mark.parametrize("hint", [File, Dir, DataFrame, pd.DataFrame, np.ndarray, Duration])
def test_what_is_none_is_refused(hint: Any) -> None:
    codec = codec_of(hint)
    for value in (5, "text", None, object()):
        with pytest.raises(Mismatch, match="expected"):
            codec.fill(LiteralMessage(), value)
        with pytest.raises(Mismatch, match="expected"):
            codec.pack(value)
    with pytest.raises(Mismatch, match="expected"):
        codec.read(LiteralMessage())
    with pytest.raises(Mismatch, match="expected"):
        codec.unpack(os.urandom(4))


def test_the_path_to_what_does_not_fit() -> None:
    with pytest.raises(Mismatch) as refused:
        codec_of(dict[str, list[Point]]).pack({"a": [Point(File(path="/x")), Point("/y")]})  # type: ignore[arg-type]
    assert str(refused.value).startswith("value @ ['a'][1].place: expected File, got str '/y'")
