"""Tasks that take and make frames and arrays, too."""

import numpy as np
import pandas as pd

import flyte
from flyte.io import DataFrame, Dir, File

env = flyte.TaskEnvironment(name="data")


@env.task
def look(file: File, tree: Dir, frame: DataFrame, native: pd.DataFrame) -> list[str]:
    with file.open_sync("r") as opened:
        text = opened.read()
    names = " ".join(sorted(each.name for each in tree.walk_sync()))
    numbers = frame.open(pd.DataFrame).all_sync()["n"].to_list()
    return [text, names, str(numbers), str(native["word"].to_list())]


@env.task
async def rows_of(rows: int) -> tuple[pd.DataFrame, np.ndarray]:
    return pd.DataFrame({"n": range(rows)}), np.arange(rows, dtype="f8")


@env.task
async def total(frame: pd.DataFrame, array: np.ndarray, file: File) -> float:
    async with file.open("r") as opened:
        assert await opened.read() == "made"
    return float(frame["n"].sum() + array.sum())


@env.task
async def make(rows: int) -> tuple[File, DataFrame, float]:
    file = File.new_remote("made.txt")
    async with file.open("w") as out:
        await out.write("made")
    frame, array = await rows_of(rows)
    stored = await DataFrame.from_local(frame)
    return file, stored, await total(frame, array, file)
