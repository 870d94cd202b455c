"""Files, directories and frames that go from task to task by ways that nobody sees."""

import json
import pickle
from dataclasses import dataclass
from pathlib import Path

import flyte
from flyte.io import Dir, File

env = flyte.TaskEnvironment(name="references_env")


@dataclass
class Box:
    file: File
    number: int


@env.task
async def write(text: str) -> File:
    path = Path("written.txt")
    path.write_text(text)
    return await File.from_local(path)


@env.task
async def fill(text: str) -> Dir:
    path = Path("filled")
    path.mkdir(exist_ok=True)
    (path / "a.txt").write_text(text)
    return await Dir.from_local(path)


@env.task
async def read(file: File) -> int:
    async with file.open("rb") as opened:
        return len(await opened.read())


@env.task
async def unpack(box: Box) -> int:
    return box.number


@env.task
async def search(directory: Dir) -> str:
    return directory.path


@env.task
async def stored() -> None:
    one, two = await write("same"), await write("same")
    note = Path("note.json")
    note.write_text(json.dumps({"file": two.path, "dir": (await fill("same")).path}))
    kept = Path("box.pickle")
    kept.write_bytes(pickle.dumps(Box(one, 7)))
    found = json.loads(note.read_text())
    await read(File.from_existing_remote(found["file"]))
    await search(Dir(path=found["dir"]))
    await unpack(pickle.loads(kept.read_bytes()))


@env.task
async def handed_on() -> None:
    """The same file from two actions."""
    first = await write("text")
    second = await same(first)
    assert second.path == first.path
    note = Path("note.txt")
    note.write_text(second.path)
    await read(File.from_existing_remote(note.read_text()))


@env.task
async def same(file: File) -> File:
    return file
