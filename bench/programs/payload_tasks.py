"""A large value from one task to the next, for every implementation of the `flyte` package.

Usage: payload_tasks.py KIND MODE MEGABYTES   (KIND: bytes | array | frame; MODE: local | server)
Prints one JSON line: the answer, the number of actions, and the seconds inside `flyte.run`.
"""

import json
import os
import sys
import time
from typing import Any

import flyte

kind = os.environ.get("BENCH_KIND") or sys.argv[1]
"""Workers on a server find it among the variables of the run."""
env = flyte.TaskEnvironment(name="bench")
ROOM = 1_000_000_000

if kind == "array":
    import numpy as np

    Value = np.ndarray
elif kind == "frame":
    import numpy as np
    import pandas as pd

    Value = pd.DataFrame
else:
    Value = bytes


def make(size: int) -> Any:
    if kind == "array":
        return np.arange(size * 1_000_000 // 8, dtype=np.float64)
    if kind == "frame":
        rows = size * 1_000_000 // 16
        return pd.DataFrame({"a": np.arange(rows, dtype=np.int64), "b": np.arange(rows, dtype=np.float64)})
    return bytes(size * 1_000_000)


@env.task(max_inline_io_bytes=ROOM)
async def produce(size: int) -> Value:
    return make(size)


@env.task(max_inline_io_bytes=ROOM)
async def consume(data: Value) -> int:
    return len(data)


@env.task(max_inline_io_bytes=ROOM)
async def payload(size: int) -> int:
    return await consume(await produce(size))


if __name__ == "__main__":
    mode, size = sys.argv[2], int(sys.argv[3])
    if mode == "server":
        flyte.init_from_config()
    else:
        flyte.init()
    begin = time.perf_counter()
    run = flyte.with_runcontext(env_vars={"BENCH_KIND": kind}).run(payload, size)
    run.wait()
    answer = run.outputs()[0]
    seconds = time.perf_counter() - begin
    assert answer == len(make(size)), answer
    print(json.dumps({"answer": answer, "actions": 2, "seconds": seconds}))
