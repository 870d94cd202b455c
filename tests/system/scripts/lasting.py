"""What a task writes by reference, and which of it was forced to the disk when the task has passed it on."""

import os
from pathlib import Path

import numpy as np
import pandas as pd

import flyte
from flyte.io import DataFrame, Dir, File

env = flyte.TaskEnvironment(name="lasting_env")


@env.task
async def take(file: File, folder: Dir, frame: DataFrame, array: np.ndarray, data: bytes) -> int:
    return len(data)


def unforced(forced: set[int]) -> list[str]:
    """The files below this attempt's data that are not among the forced ones."""
    files = [each for each in Path(flyte.ctx().raw_data_path).rglob("*") if each.is_file()]
    assert len(files) == 6, files
    return [each.name for each in files if each.stat().st_ino not in forced]


@env.task
async def writes() -> list[str]:
    forced = set()
    fsync = os.fsync

    def noted(fd: int) -> None:
        forced.add(os.fstat(fd).st_ino)
        fsync(fd)

    os.fsync = noted
    try:
        Path("one.txt").write_text("one")
        Path("many").mkdir()
        for name in ("a", "b"):
            (Path("many") / name).write_text(name)
        frame = DataFrame.from_df(pd.DataFrame({"n": [1, 2]}))
        file, folder = await File.from_local("one.txt"), await Dir.from_local("many")
        await take(file, folder, frame, np.zeros(100_000), bytes(100_000))
    finally:
        os.fsync = fsync
    return unforced(forced)
