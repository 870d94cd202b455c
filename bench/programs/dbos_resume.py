"""A DBOS workflow that is killed half way and finished by another process. Usage: dbos_resume.py DATABASE N."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from dbos import DBOS, DBOSConfig, SetWorkflowID

database, size = sys.argv[1], int(sys.argv[2])
role = os.environ.get("BENCH_ROLE", "")
TRACE = Path(f"{database}.trace")


def leave_trace(x: int) -> None:
    with TRACE.open("a") as file:
        file.write(f"{x}\n")


@DBOS.step()
async def step(x: int) -> int:
    leave_trace(x)
    if role == "first" and x == size // 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return x + 1


@DBOS.workflow()
async def chain(n: int) -> int:
    x = 0
    for _ in range(n):
        x = await step(x)
    return x


async def main() -> None:
    DBOS(config=DBOSConfig(name="bench", system_database_url=f"sqlite:///{database}", log_level="ERROR"))
    DBOS.launch()
    if role == "first":
        with SetWorkflowID("chain"):
            await chain(size)
    handle = await DBOS.retrieve_workflow_async("chain")
    assert await handle.get_result() == size
    DBOS.destroy()


if role:
    asyncio.run(main())
else:
    command = [sys.executable, __file__, database, str(size)]
    subprocess.run(command, env={**os.environ, "BENCH_ROLE": "first"}, check=False, capture_output=True)
    begin = time.perf_counter()
    subprocess.run(command, env={**os.environ, "BENCH_ROLE": "second"}, check=True, capture_output=True)
    seconds = time.perf_counter() - begin
    ran = TRACE.read_text().split()
    assert len(set(ran)) == size
    print(json.dumps({"answer": size, "actions": size, "seconds": seconds, "again": len(ran) - size}))
