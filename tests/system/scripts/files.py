"""Tasks that take files, and need nothing else."""

from dataclasses import dataclass, field

import flyte
from flyte.io import File

env = flyte.TaskEnvironment(name="files")


@dataclass
class Job:
    file: File
    extra: list[File] = field(default_factory=list)


@env.task
def within(job: Job) -> str:
    with job.file.open_sync("r") as opened:
        return f"{1 + len(job.extra)} {opened.read()}"


@env.task
def keep(file: File, other: File) -> tuple[File, File]:
    return file, other


@env.task(cache="auto")
def produce(text: str) -> list[Job]:
    print("producing")
    file = File.new_remote("made.txt")
    with file.open_sync("w") as out:
        out.write(text)
    return [Job(file)]


@env.task(cache="auto")
def count(file: File) -> int:
    print("counting")
    with file.open_sync("rb") as opened:
        return len(opened.read())
