"""The workloads on Prefect with its ephemeral server. Usage: prefect_tasks.py WORKLOAD - N."""

import asyncio
import json
import sys
import time

from prefect import flow, task

workload, size = sys.argv[1], int(sys.argv[3])


@task
async def step(x: int) -> int:
    return x + 1


@flow
async def chain(n: int) -> int:
    x = 0
    for _ in range(n):
        x = await step(x)
    return x


@flow
async def fan_out(n: int) -> int:
    return sum(await asyncio.gather(*(step(i) for i in range(n))))


begin = time.perf_counter()
answer = asyncio.run({"chain": chain, "fan_out": fan_out}[workload](size))
seconds = time.perf_counter() - begin
assert answer == (size if workload == "chain" else size * (size + 1) // 2)
print(json.dumps({"answer": answer, "actions": size, "seconds": seconds}))
