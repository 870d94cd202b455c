"""Tasks whose bodies are programs."""

from pathlib import Path
from typing import NamedTuple

import flyte
from flyte.extras import ContainerTask, shell
from flyte.io import Dir, File

count = shell.create(
    "count",
    image="debian:12-slim",
    inputs={"text": File, "word": str, "loud": bool, "most": int | None},
    outputs={"lines": int, "said": shell.Stdout(str)},
    defaults={"loud": True},
    script="""
        echo looking for {inputs.word} {flags.loud} {flags.most}
        grep -c {inputs.word} {inputs.text} > {outputs.lines}
        echo "beside it" >&2
    """,
)

options = shell.create(
    "options",
    inputs={
        "files": list[File],
        "names": list[str],
        "more": dict[str, str],
        "pairs": dict[str, str],
        "joined": list[int],
    },
    outputs={"words": list[str], "folder": Dir, "parts": shell.Glob("*.txt"), "err": shell.Stderr()},
    flag_aliases={
        "files": ("-f", "repeat"),
        "names": ("--names", "comma"),
        "pairs": shell.FlagSpec("", dict_mode="equals"),
        "joined": shell.FlagSpec("--ints", separator=":"),
    },
    script="""
        python3 -c 'import json, sys; print(json.dumps(sys.argv[1:]))' \\
            {flags.names} {flags.more} {flags.pairs} {flags.joined} > {outputs.words}
        for f in {inputs.files}; do cp "$f" {outputs.folder}/; done
        echo ${#HOME} > {outputs.parts}/b.txt; echo 1 > {outputs.parts}/a.txt; echo 1 > {outputs.parts}/a.log
        echo careful >&2
    """,
)

fails = shell.create("fails", script="echo before; false | cat; exit 3")
silent = shell.create("silent", outputs={"x": int}, script="true")
words = shell.create("words", outputs={"x": int}, script="echo many > {outputs.x}")
waits = shell.create("waits", inputs={"mark": str}, script="echo $$ > {inputs.mark}; sleep 600 & wait")

greeting = ContainerTask(
    name="greeting",
    image=flyte.Image.from_base("alpine:3.18"),
    inputs={"name": str, "data.txt": File},
    outputs={"greeting": str, "size": int},
    command=["/bin/sh", "-c", "echo 'Hello, {{.inputs.name}}.' > /var/outputs/greeting"],
    arguments=["; wc -c < /var/inputs/data.txt > /var/outputs/size"],
)
containers = flyte.TaskEnvironment.from_task("containers", greeting)

env = flyte.TaskEnvironment("programs", depends_on=[containers, count.env])


class Counted(NamedTuple):
    lines: int
    said: str


@env.task
async def counts(folder: str) -> Counted:
    path = Path(folder, "text")
    path.write_text("it's\nnot\nit's\n")
    found = await count(text=await File.from_local(str(path)), word="it's", most=3)
    assert isinstance(found, tuple) and found.lines == found[0]
    quiet = await count.override(short_name="quiet")(
        text=await File.from_local(str(path)), word="not", loud=False
    )
    assert quiet == (1, "looking for not")
    return Counted(*found)


@env.task
async def all_options(folder: str) -> list[str]:
    files = []
    for name in ("one", "two"):
        path = Path(folder, name)
        path.write_text(name)
        files.append(await File.from_local(str(path)))
    found = await options(
        files=files, names=["a b", "c"], more={"--x": "1 2"}, pairs={"k": "v w"}, joined=[1, 2]
    )
    assert [Path(each.path).name for each in found.parts] == ["a.txt", "b.txt"]
    assert [each.name for each in await found.folder.list_files()] == ["one", "two"]
    async with found.err.open("rb") as file:
        assert await file.read() == b"careful\n"
    return list(found.words)


@env.task
async def made_here(x: int) -> int:
    double = shell.create(
        "double", inputs={"x": int}, outputs={"y": int}, script="echo $(({inputs.x} * 2)) > {outputs.y}"
    )
    return int(await double(x=x))


@env.task
async def greets(folder: str) -> list[str]:
    path = Path(folder, "data")
    path.write_text("12345")
    text, size = await greeting(**{"name": "Ada", "data.txt": await File.from_local(str(path))})
    return [text, str(size)]
