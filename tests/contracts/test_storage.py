"""Files, directories and data frames by reference: the same on this machine and on a real S3 server."""

import hashlib
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Annotated

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import s3

import flyte
import flyte.storage
from flyte import _session
from flyte._storage.cloud import connect
from flyte.errors import RuntimeSystemError, RuntimeUserError
from flyte.io import DataFrame, Dir, File, HashFunction

BIG = os.urandom(1 << 20) * 24


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[s3.Bucket]:
    with s3.bucket(tmp_path_factory.mktemp("s3")) as made:
        yield made


@pytest.fixture(params=["local", "s3"])
def base(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An address that the data of one test lie below."""
    monkeypatch.setenv("FLYTE_HOME", str(tmp_path / "home"))
    _session.reset()
    if request.param == "local":
        yield str(tmp_path / "store")
    else:
        bucket: s3.Bucket = request.getfixturevalue("server")
        for name, value in bucket.env.items():
            monkeypatch.setenv(name, value)
        yield f"{bucket.uri}/{tmp_path.name}"
    _session.reset()


def sha(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


async def test_what_is_written_is_read(base: str) -> None:
    file: File[str] = File(path=f"{base}/deep/down/greeting.txt")
    assert not await file.exists()
    async with file.open("wb") as out:
        await out.write(b"good ")
        await out.write(b"day\nsir\n")
    assert file.hash == sha(b"good day\nsir\n")
    assert await file.exists()
    async with file.open() as lines:
        assert [line async for line in lines] == [b"good day\n", b"sir\n"]
    with file.open_sync("r") as text:
        assert text.readlines() == ["good day\n", "sir\n"]
    with file.open_sync("rb") as whole:
        whole.seek(5)
        assert whole.read(3) == b"day"
        assert whole.seek(0, os.SEEK_END) == 13
    async with file.open("w", compression="gzip") as out:
        await out.write("smaller")
    async with file.open("r", compression="gzip") as back:
        assert await back.read() == "smaller"


async def test_a_large_file_goes_in_parts(base: str, tmp_path: Path) -> None:
    source = tmp_path / "big"
    source.write_bytes(BIG)
    file: File[bytes] = await File.from_local(source, f"{base}/big", chunk_size=5 << 20, max_concurrency=3)
    assert file.hash == sha(BIG)
    fetched = await file.download(tmp_path / "back" / "big")
    assert Path(fetched).read_bytes() == BIG
    seen = 0
    async for chunk in flyte.storage.get_stream(file.path, chunk_size=1 << 20):
        assert chunk == BIG[seen : seen + len(chunk)]
        seen += len(chunk)
    assert seen == len(BIG)


async def test_what_was_changed_is_refused(base: str, tmp_path: Path) -> None:
    file: File[bytes] = File(path=f"{base}/x")
    async with file.open("wb") as out:
        await out.write(b"one")
    async with File(path=file.path).open("wb") as out:
        await out.write(b"two")
    for read in (file.download(tmp_path / "copy"), _whole(file)):
        with pytest.raises(RuntimeSystemError, match="is damaged") as refused:
            await read
        assert refused.value.code == "DataCorrupted"
    assert not (tmp_path / "copy").exists()


async def _whole(file: "File[bytes]") -> bytes:
    async with file.open() as opened:
        data: bytes = await opened.read()
    return data


async def test_what_was_not_finished_is_not_there(base: str) -> None:
    file: File[bytes] = File(path=f"{base}/half")
    with pytest.raises(ZeroDivisionError):
        async with file.open("wb") as out:
            await out.write(b"half")
            raise ZeroDivisionError
    assert not await file.exists()
    assert file.hash is None


async def test_what_is_missing_says_so(base: str, tmp_path: Path) -> None:
    file: File[bytes] = File(path=f"{base}/nothing")
    for read in (file.download(tmp_path / "copy"), _whole(file)):
        with pytest.raises(FileNotFoundError):
            await read
    with pytest.raises(FileNotFoundError):
        await DataFrame.from_existing_remote(f"{base}/nothing.parquet").open(pd.DataFrame).all()
    assert not await Dir(path=f"{base}/nowhere").exists()


async def test_hashes_of_ones_own(base: str, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"abc")
    method = HashFunction.from_fn(lambda data: f"{len(data)} bytes")
    assert (await File.from_local(source, f"{base}/a", method)).hash == "3 bytes"
    assert File.from_local_sync(source, f"{base}/b", "given").hash == "given"
    file: File[bytes] = File(path=f"{base}/c", hash_method=method)
    with file.open_sync("wb") as out:
        out.write(b"ab")
        out.write(b"cd")
    assert file.hash == "4 bytes"


async def test_a_directory(base: str, tmp_path: Path) -> None:
    source = tmp_path / "tree"
    for name in ("a.txt", "b.csv", "sub/c.txt", "sub/deeper/d e.txt"):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(name)
    made: Dir[str] = await Dir.from_local(source, f"{base}/tree")
    assert made.hash is not None and made.hash.startswith("sha256:")
    assert await made.exists()
    assert [each.name async for each in made.walk()] == ["a.txt", "b.csv", "c.txt", "d e.txt"]
    assert [each.name async for each in made.walk(max_depth=2)] == ["a.txt", "b.csv", "c.txt"]
    assert [each.name async for each in made.walk(recursive=False)] == ["a.txt", "b.csv"]
    assert [each.name for each in made.walk_sync(file_pattern="*.txt")] == ["a.txt", "c.txt", "d e.txt"]
    assert [each.name for each in await made.list_files()] == ["a.txt", "b.csv"]
    assert await made.get_file("nope") is None
    found = await made.get_file("sub/c.txt")
    assert found is not None
    assert await _whole(found) == b"sub/c.txt"
    back = Path(await made.download(tmp_path / "back"))
    assert (back / "sub" / "deeper" / "d e.txt").read_text() == "sub/deeper/d e.txt"
    async with found.open("w") as out:
        await out.write("changed")
    with pytest.raises(RuntimeSystemError, match="is damaged"):
        await made.download(tmp_path / "again")


@pytest.mark.parametrize("form", ["arrow", "parquet", "csv"])
async def test_a_frame_of_one_library_is_read_by_another(base: str, form: str) -> None:
    frame = pd.DataFrame({"n": [1, 2, 3], "text": ["a", "é", ""], "x": [0.5, -0.0, float("inf")]})
    stored = await DataFrame.from_local(frame, remote_destination=f"{base}/frame.{form}")
    assert stored.format == form
    if form != "csv":
        pd.testing.assert_frame_equal(await stored.open(pd.DataFrame).all(), frame)
    table = await stored.open(pa.Table).all()
    assert table.column("n").to_pylist() == [1, 2, 3]
    other = await stored.open(pl.DataFrame).all()
    assert other["x"].to_list() == [0.5, -0.0, float("inf")]
    lazy = stored.open(pl.LazyFrame).all_sync()
    assert lazy.filter(pl.col("n") > 1).select("n").collect()["n"].to_list() == [2, 3]
    narrow = await stored.open(Annotated[pd.DataFrame, {"x": float}]).all()
    assert list(narrow.columns) == ["x"]
    parts = [part async for part in stored.open(pa.Table).iter()]
    assert sum(part.num_rows for part in parts) == 3
    again = await DataFrame.from_local(other, remote_destination=f"{base}/other.{form}")
    assert (await again.open(pd.DataFrame).all())["n"].to_list() == [1, 2, 3]


async def test_a_directory_of_parts_is_one_frame(base: str) -> None:
    for index in range(3):
        part = pl.DataFrame({"n": [index]})
        await DataFrame.from_local(part, remote_destination=f"{base}/many/{index}.parquet")
    whole = DataFrame.from_existing_remote(f"{base}/many", format="parquet")
    for kind in (pd.DataFrame, pl.DataFrame):
        assert list((await whole.open(kind).all())["n"]) == [0, 1, 2]
    assert (await whole.open(pa.Table).all()).column("n").to_pylist() == [0, 1, 2]


async def test_plain_addresses(base: str, tmp_path: Path) -> None:
    source = tmp_path / "one"
    source.write_bytes(b"1")
    uri = await flyte.storage.put(source, f"{base}/one")
    assert await flyte.storage.exists(uri)
    assert not flyte.storage.exists_sync(f"{base}/two")
    assert Path(await flyte.storage.get(uri)).read_bytes() == b"1"
    stream = await flyte.storage.put_stream(_chunks(), to_path=f"{base}/stream")
    async with flyte.storage.open(stream) as opened:
        assert await opened.read() == b"abcd"


async def _chunks() -> AsyncIterator[bytes]:
    for each in (b"ab", b"cd"):
        yield each


async def test_a_run_keeps_its_data_where_it_is_told(base: str, tmp_path: Path) -> None:
    env = flyte.TaskEnvironment(name="placed")

    @env.task
    async def make(n: int) -> tuple[File[str], Dir[str], pd.DataFrame, File[str]]:
        file: File[str] = File.new_remote("made.txt")
        async with file.open("w") as out:
            await out.write("made")
        tree = tmp_path / "tree"
        tree.mkdir(exist_ok=True)
        (tree / "leaf").write_text("leaf")
        named: File[str] = File.named_remote("same.txt")
        async with named.open("w") as out:
            await out.write("x")
        return file, await Dir.from_local(tree), pd.DataFrame({"n": range(n)}), named

    @env.task
    async def main(n: int) -> tuple[list[str], int]:
        file, tree, frame, named = await make(n)
        leaf = await tree.get_file("leaf")
        assert leaf is not None
        async with file.open("r") as one, leaf.open("r") as other:
            said = [await one.read(), await other.read()]
        return [file.path, tree.path, named.path, *said], int(frame["n"].sum())

    run = await flyte.with_runcontext(mode="local", raw_data_path=base).run.aio(main, n=5)
    places, total = run.outputs()
    assert total == 10
    assert places[3:] == ["made", "leaf"]
    for place in places[:3]:
        assert place.startswith(f"{base}/{run.name}/")
    assert places[2].endswith("/named/same.txt")


def test_each_cloud_has_its_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith(("AWS_", "AZURE_", "GOOGLE_", "FLYTE_AWS_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "acct")
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", "a2V5")
    azure = connect(flyte.storage.ABFS.auto(), "box")
    assert azure.config["account_name"] == "acct"
    assert (
        connect(flyte.storage.ABFS.auto(), "box@other.dfs.core.windows.net").config["account_name"] == "other"
    )
    assert connect(flyte.storage.GCS.auto(), "bucket").config["bucket"] == "bucket"
    given = flyte.storage.S3(
        endpoint="http://here:1", access_key_id="a", secret_access_key="b", region="eu-x"
    )
    assert connect(given, "b").config["region"] == "eu-x"
    assert flyte.storage.S3.auto(region="eu-y").region == "eu-y"


def test_an_address_nobody_knows() -> None:
    with pytest.raises(RuntimeUserError, match="no storage for ftp://"):
        File(path="ftp://host/x").exists_sync()
