"""Files and directories by reference: written where the run keeps its data, read as they are needed.

    flyte run 10_files.py main --days 3

What travels between tasks is the address and a hash, however large the file is. Try your own:
`flyte run 10_files.py words --text README.md`. The result is {'day-0.txt': 2, 'day-1.txt': 4, 'day-2.txt': 6}.
"""

import flyte
from flyte.io import Dir, File

env = flyte.TaskEnvironment(name="files")


@env.task
async def write(day: int) -> File:
    file = File.new_remote(f"day-{day}.txt")
    async with file.open("w") as out:
        await out.write("good day\n" * (day + 1))
    return file


@env.task
def collect(files: list[File]) -> Dir:
    with_all = Dir.new_remote("days")
    for file in files:
        file.download_sync(f"{with_all.path}/{file.name}")
    return with_all


@env.task(cache="auto")
def words(text: File) -> int:
    with text.open_sync("r") as file:
        return len(file.read().split())


@env.task
def main(days: int) -> dict[str, int]:
    folder = collect(list(flyte.map(write, range(days))))
    return {file.name: words(file) for file in folder.walk_sync()}
