"""Files and directories: written, passed on, read, and known by their content."""

import asyncio
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel

import flyte
from flyte.io import Dir, File
from programs.table import program

env = flyte.TaskEnvironment(name="files")


@env.task
async def written(text: str) -> File:
    file = File.new_remote("made.txt")
    async with file.open("wb") as out:
        await out.write(text.encode())
    return file


@env.task
async def content(file: File) -> str:
    async with file.open() as source:
        return bytes(await source.read()).decode()


@program("hello", tree="there_and_back(written, content)")
@env.task
async def there_and_back() -> str:
    return await content(await written("hello"))


@program(["one", "two"], tree="text_mode")
@env.task
def text_mode() -> list[str]:
    file: File[str] = File.new_remote("lines.txt")
    with file.open_sync("w") as out:
        out.write("one\ntwo\n")
    with file.open_sync("r") as source:
        return [line.strip() for line in source]


@program((True, "hello hello"), tree="compressed")
@env.task
def compressed() -> tuple[bool, str]:
    file: File[str] = File.new_remote("a.gz")
    with file.open_sync("wb", compression="gzip") as out:
        out.write(b"hello hello")
    packed = Path(file.download_sync()).read_bytes()
    with file.open_sync("rb", compression="infer") as source:
        return packed[:2] == b"\x1f\x8b", source.read().decode()


@program("from a path", tree="of_a_path(content)")
@env.task
async def of_a_path() -> str:
    path = Path(tempfile.mkdtemp(), "local.txt")
    path.write_text("from a path")
    file: File[str] = await File.from_local(path)
    path.write_text("changed later")
    return await content(file)


@env.task
async def of_one_path(text: str) -> File:
    path = Path(tempfile.gettempdir(), f"{flyte.current_project()}-same.txt")
    path.write_text(text)
    return await File.from_local(path)


@program(3, tree="copied_as_it_was(3*of_one_path, 3*content)")
@env.task
async def copied_as_it_was() -> int:
    files = await asyncio.gather(*[of_one_path(each) for each in "abc"])
    return len([await content(file) for file in files])


@program((False, "FileNotFoundError"), tree="what_is_not_there")
@env.task
async def what_is_not_there() -> tuple[bool, str]:
    file: File[str] = File.from_existing_remote("/nowhere/at/all.txt")
    try:
        await file.download()
    except FileNotFoundError as error:
        return await file.exists(), type(error).__name__
    return await file.exists(), ""


@program(False, tree="half_written")
@env.task
def half_written() -> bool:
    file: File[str] = File.new_remote("half.txt")
    try:
        with file.open_sync("wb") as out:
            out.write(b"some")
            raise ValueError("no more")
    except ValueError:
        return file.exists_sync()


@env.task
async def tree(names: list[str]) -> Dir:
    folder = Path(tempfile.mkdtemp(), "made")
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name.upper())
    return await Dir.from_local(folder)


@env.task
async def listing(folder: Dir) -> list[str]:
    found = [each.name or "" async for each in folder.walk()]
    flat = [each.name or "" for each in await folder.list_files()]
    inner = await folder.get_file("sub/c.txt")
    there = await content.aio(inner) if inner is not None else "none"
    return [*found, "|", *flat, "|", there, str(await folder.get_file("d.txt"))]


@program(
    ["a.txt", "b.txt", "c.txt", "|", "a.txt", "b.txt", "|", "SUB/C.TXT", "None"],
    tree="a_directory(tree, listing(content))",
)
@env.task
async def a_directory() -> list[str]:
    return await listing(await tree(["b.txt", "a.txt", "sub/c.txt"]))


@program(["a.txt", "sub"], tree="downloaded(tree)")
@env.task
async def downloaded() -> list[str]:
    folder = await tree(["a.txt", "sub/c.txt"])
    path = await folder.download(Path(tempfile.mkdtemp(), "copy"))
    return sorted(each.name for each in Path(path).iterdir())


@program((True, False, False), tree="no_directory(maybe_empty)")
@env.task
async def no_directory() -> tuple[bool, bool, bool]:
    found = await maybe_empty()
    return found.is_empty, await found.exists(), Dir(path="/tmp").is_empty


@env.task
async def maybe_empty() -> Dir:
    return Dir.empty()


@dataclass
class Report:
    title: str
    body: File
    extras: list[File]
    folder: Dir | None = None


class Model(BaseModel):
    weights: File
    sizes: dict[str, int] = {}


class Pair(NamedTuple):
    left: File
    right: File | None


@env.task
async def parts(report: Report, model: Model, pair: Pair) -> list[str]:
    assert pair.right is None
    return [await content.aio(each) for each in (report.body, *report.extras, model.weights, pair.left)]


@program(["a", "b", "c", "d"], tree="in_structures(4*written, parts(4*content))")
@env.task
async def in_structures() -> list[str]:
    a, b, c, d = [await written(each) for each in "abcd"]
    return await parts(Report("t", a, [b]), Model(weights=c, sizes={"x": 1}), Pair(d, None))


@env.task
async def several(n: int) -> dict[str, File]:
    return {str(number): await written(str(number)) for number in range(n)}


@program({"0": "0", "1": "1"}, tree="in_a_dict(several(2*written), 2*content)")
@env.task
async def in_a_dict() -> dict[str, str]:
    return {name: await content(file) for name, file in (await several(2)).items()}


@env.task(cache="auto")
async def length(file: File) -> int:
    print("measuring")
    return len(await content(file))


@program(
    [5, 5, 3], tree="by_content(written, length(content), written, length hit, written, length(content))"
)
@env.task
async def by_content() -> list[int]:
    return [await length(await written(text)) for text in ("hello", "hello", "bye")]


@env.task(cache="auto")
async def names(folder: Dir) -> list[str]:
    return [each.name or "" async for each in folder.walk()]


@program(
    [["a"], ["a"], ["a", "b"]],
    tree="directories_by_content(tree, names, tree, names hit, tree, names)",
)
@env.task
async def directories_by_content() -> list[list[str]]:
    return [await names(await tree(each)) for each in (["a"], ["a"], ["a", "b"])]


@env.task
async def looked_into(file: File) -> str:
    try:
        async with file.open() as source:
            await source.read()
    except flyte.errors.RuntimeSystemError as error:
        return error.code
    return "whole"


@program(["whole", "DataCorrupted"], tree="changed_since(written, 2*looked_into)")
@env.task
async def changed_since() -> list[str]:
    file = await written("as it was")
    before = await looked_into(file)
    Path(file.path).write_text("not as it was")
    return [before, await looked_into(file)]


@env.task(retries=1)
async def resumed() -> str:
    file: File[str] = File.named_remote("state")
    if not await file.exists():
        async with file.open("wb") as out:
            await out.write(b"half way")
        raise ValueError("once more")
    return await content.aio(file)


@program("half way", tree="a_name_in_each_attempt(resumed x2(content))")
@env.task
async def a_name_in_each_attempt() -> str:
    return await resumed()


@program(
    fails="RuntimeDataValidationError",
    says="value @ file: expected File, got str 'a.txt'",
    tree="a_text_is_no_file failed",
)
@env.task
async def a_text_is_no_file() -> str:
    return await content("a.txt")  # type: ignore[arg-type]


@program(("made.txt", "txt", "renamed"), tree="what_is_known_of_it(known)")
@env.task
async def what_is_known_of_it() -> tuple[str, str, str]:
    file = await known()
    return Path(file.path).name, file.format, file.name or ""


@env.task
async def known() -> File:
    file = await written.forward("x")
    return File(path=file.path, name="renamed", format="txt", hash=file.hash)
