"""The workloads on DBOS with SQLite. Usage: dbos_tasks.py WORKLOAD DATABASE N."""

import asyncio
import json
import sys
import time

from dbos import DBOS, DBOSConfig

workload, database, size = sys.argv[1], sys.argv[2], int(sys.argv[3])


@DBOS.step()
async def step(x: int) -> int:
    return x + 1


@DBOS.workflow()
async def chain(n: int) -> int:
    x = 0
    for _ in range(n):
        x = await step(x)
    return x


@DBOS.workflow()
async def fan_out(n: int) -> int:
    return sum(await asyncio.gather(*(step(i) for i in range(n))))


async def main() -> None:
    DBOS(config=DBOSConfig(name="bench", system_database_url=f"sqlite:///{database}", log_level="ERROR"))
    DBOS.launch()
    begin = time.perf_counter()
    answer = await {"chain": chain, "fan_out": fan_out}[workload](size)
    seconds = time.perf_counter() - begin
    assert answer == (size if workload == "chain" else size * (size + 1) // 2)
    print(json.dumps({"answer": answer, "actions": size, "seconds": seconds}), flush=True)
    DBOS.destroy()


asyncio.run(main())
