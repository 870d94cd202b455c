"""The workloads on a local Dask cluster. Usage: dask_tasks.py WORKLOAD - N."""

import json
import sys
import time


def step(x: int) -> int:
    return x + 1


def main() -> None:
    from distributed import Client

    workload, size = sys.argv[1], int(sys.argv[3])
    with Client(n_workers=2, threads_per_worker=1, dashboard_address=None) as client:
        client.submit(step, 0, pure=False).result()
        begin = time.perf_counter()
        if workload == "chain":
            answer = 0
            for _ in range(size):
                answer = client.submit(step, answer, pure=False).result()
            assert answer == size
        else:
            answer = sum(client.gather(client.map(step, range(size), pure=False)))
            assert answer == size * (size + 1) // 2
        seconds = time.perf_counter() - begin
        print(json.dumps({"answer": answer, "actions": size, "seconds": seconds}))


if __name__ == "__main__":
    main()
