"""Values of the published client by our server: files, directories, frames and structures, to tasks and back."""

import dataclasses
import json
import os
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flyteidl2.core.literals_pb2 import Literal
from published import PATIENCE_S, Site

from flyte._types.engine import codec_of
from flyte.io import DataFrame, Dir, File
from flyte_core.wire import literals

pytestmark = [pytest.mark.interop, pytest.mark.timeout(600)]

SCRIPT = """
import dataclasses
import os
import typing
from datetime import datetime, timedelta, timezone

import flyte
from flyte.io import DataFrame, Dir, File

env = flyte.TaskEnvironment(name="kinds")


@dataclasses.dataclass
class Part:
    source: File
    sizes: typing.Dict[str, int]
    at: datetime
    note: typing.Optional[str] = None


class Found(typing.NamedTuple):
    total: int
    part: Part


@env.task
async def write(text: str) -> File:
    file = File.new_remote("greeting.txt")
    async with file.open("wb") as out:
        await out.write(text.encode())
    return file


@env.task
async def folder(file: File) -> Dir:
    os.makedirs("tree/deep", exist_ok=True)
    async with file.open("rb") as source:
        data = bytes(await source.read())
    for name in ("tree/a", "tree/deep/b"):
        with open(name, "wb") as out:
            out.write(data)
    return await Dir.from_local("tree")


@env.task
async def gather(tree: Dir, file: File) -> Found:
    size = 0
    async for each in tree.walk():
        async with each.open("rb") as source:
            size += len(bytes(await source.read()))
    return Found(size, Part(file, {"a": 1}, datetime(2020, 1, 2, tzinfo=timezone.utc)))


@env.task
async def look(part: Part, frame: DataFrame, wait: timedelta) -> typing.Tuple[str, DataFrame]:
    async with part.source.open("rb") as source:
        text = bytes(await source.read()).decode()
    return f"{text} {part.sizes} {part.at.year} {part.note} {wait}", frame


@env.task
async def main(text: str) -> typing.Tuple[File, Dir, int, str]:
    file = await write(text)
    tree = await folder(file)
    total, part = await gather(tree, file)
    frame = DataFrame.from_existing_remote("s3://bucket/frame.parquet", format="parquet")
    said, same = await look(part, frame, timedelta(hours=1))
    return file, tree, total, f"{said} {same.uri} {same.format}"
"""


@dataclasses.dataclass
class Part:
    """The script's own, as our type system reads it."""

    source: File[str]
    sizes: dict[str, int]
    at: datetime
    note: str | None = None


def ours(site: Site, *words: str) -> Any:
    """What our own command line says of the same history."""
    done = subprocess.run(
        [Path(sys.executable).parent / "flyte", "-of", "json", *words],
        env={"FLYTE_HOME": str(site.home), "FLYTE_AUTOSTART": "0", "PATH": os.defpath},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def output(site: Site, run: str, action: str, index: int = 0) -> Literal:
    """What an action's worker wrote."""
    written = site.home / "runs" / "flytesnacks" / "development" / run / action / "1" / "outputs.pb"
    return literals.named(written.read_bytes(), "outputs")[index].value


def test_every_kind_goes_through_our_server(site: Site) -> None:
    (site.cwd / "kinds.py").write_text(SCRIPT)
    said = site.flyte("run", "--follow", "kinds.py", "main", "--text", "hé")
    found = re.search(r"Created Run: (\S+)", said)
    assert found, said
    run = found[1]
    outputs = ours(site, "get", "io", run)["outputs"]
    file, tree, size, text = outputs.values()
    assert Path(file).read_text() == "hé"
    assert sorted(each.name for each in Path(tree).rglob("*")) == ["a", "b", "deep"]
    assert size == 6
    assert text == "hé {'a': 1} 2020 None 1:00:00 s3://bucket/frame.parquet parquet"
    assert "greeting.txt" in site.flyte("get", "io", run, "a0")

    actions = {each["short_name"]: each["name"] for each in ours(site, "get", "action", run)}
    read = codec_of(File).read(output(site, run, actions["write"]))
    with read.open_sync("r") as opened:
        assert opened.read() == "hé"
    folder = codec_of(Dir).read(output(site, run, actions["folder"]))
    assert [each.name for each in folder.walk_sync()] == ["a", "b"]
    part = codec_of(Part).read(output(site, run, actions["gather"], 1))
    assert part == Part(read, {"a": 1}, datetime(2020, 1, 2, tzinfo=UTC))
    frame = codec_of(DataFrame).read(output(site, run, actions["look"], 1))
    assert (frame.uri, frame.format) == ("s3://bucket/frame.parquet", "parquet")
