"""The same scripts for every implementation of the `flyte` package: ours and the published one.

Usage: flyte_tasks.py WORKLOAD MODE N   (MODE: local | persistent | server | warm)
Prints one JSON line: the answer, the number of actions, and the seconds inside `flyte.run`.
"""

import asyncio
import json
import sys
import time

import flyte

env = flyte.TaskEnvironment(name="bench")
pool = flyte.TaskEnvironment(name="bench_pool", reusable=flyte.ReusePolicy(replicas=2, concurrency=64))
driver = flyte.TaskEnvironment(name="bench_driver", depends_on=[env, pool])


@env.task
async def step(x: int) -> int:
    return x + 1


@pool.task
async def warm_step(x: int) -> int:
    return x + 1


@env.task(cache=flyte.Cache(behavior="override", version_override="1"))
async def cached(x: int) -> int:
    return x + 1


def spin(seconds: float) -> int:
    end = time.thread_time() + seconds
    n = 0
    while time.thread_time() < end:
        n += 1
    return n


@env.task
async def burn(seconds: float) -> int:
    return spin(seconds)


@pool.task
async def warm_burn(seconds: float) -> int:
    return spin(seconds)


@env.task
async def produce(megabytes: int) -> bytes:
    return bytes(megabytes * 1_000_000)


@env.task
async def consume(data: bytes) -> int:
    return len(data)


@driver.task
async def chain(n: int, warm: bool = False) -> int:
    x = 0
    for _ in range(n):
        x = await (warm_step(x) if warm else step(x))
    return x


@driver.task
async def fan_out(n: int, warm: bool = False) -> int:
    child = warm_step if warm else step
    return sum(await asyncio.gather(*(child(i) for i in range(n))))


@driver.task
async def tree(depth: int) -> int:
    if depth == 0:
        return 1
    return 1 + sum(await asyncio.gather(*(tree(depth - 1) for _ in range(10))))


@driver.task
async def payload(megabytes: int) -> int:
    return await consume(await produce(megabytes))


@driver.task
async def cpu(n: int, warm: bool = False) -> int:
    child = warm_burn if warm else burn
    return len(await asyncio.gather(*(child(0.05) for _ in range(n))))


@driver.task
async def hits(n: int) -> int:
    return sum(await asyncio.gather(*(cached(i) for i in range(n))))


EXPECT = {
    "chain": lambda n: n,
    "fan_out": lambda n: n * (n + 1) // 2,
    "tree": lambda n: (10 ** (n + 1) - 1) // 9,
    "payload": lambda n: n * 1_000_000,
    "cpu": lambda n: n,
    "hits": lambda n: n * (n + 1) // 2,
}
ACTIONS = {
    "chain": lambda n: n,
    "fan_out": lambda n: n,
    "tree": EXPECT["tree"],
    "payload": lambda n: 2,
    "cpu": lambda n: n,
    "hits": lambda n: n,
}

if __name__ == "__main__":
    workload, mode, size = sys.argv[1], sys.argv[2], int(sys.argv[3])
    if mode in ("server", "warm"):
        flyte.init_from_config()
    elif mode == "persistent":
        flyte.init(local_persistence=True)
    else:
        flyte.init()
    begin = time.perf_counter()
    run = flyte.run(globals()[workload], size, *([True] if mode == "warm" else []))
    run.wait()
    answer = run.outputs()[0]
    seconds = time.perf_counter() - begin
    assert answer == EXPECT[workload](size), answer
    print(json.dumps({"answer": answer, "actions": ACTIONS[workload](size), "seconds": seconds}))
