"""The workloads on a local Ray. Usage: ray_tasks.py WORKLOAD - N."""

import json
import os
import sys
import time

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
import ray

workload, size = sys.argv[1], int(sys.argv[3])
ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")


@ray.remote
def step(x: int) -> int:
    return x + 1


@ray.remote
def burn(seconds: float) -> int:
    end = time.process_time() + seconds
    n = 0
    while time.process_time() < end:
        n += 1
    return n


ray.get(step.remote(0))
begin = time.perf_counter()
if workload == "chain":
    answer = 0
    for _ in range(size):
        answer = ray.get(step.remote(answer))
    assert answer == size
elif workload == "cpu":
    answer = len(ray.get([burn.remote(0.05) for _ in range(size)]))
else:
    answer = sum(ray.get([step.remote(i) for i in range(size)]))
    assert answer == size * (size + 1) // 2
seconds = time.perf_counter() - begin
print(json.dumps({"answer": answer, "actions": size, "seconds": seconds}))
