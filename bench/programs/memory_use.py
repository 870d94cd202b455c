"""What a server holds in memory. Usage: memory_use.py N

Idle, then after its console has shown a run of N actions, then what a warm worker has of its own.
Prints one JSON line.
"""

import json
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

FLYTE = str(Path(sys.executable).with_name("flyte"))
TASKS = str(Path(__file__).with_name("flyte_tasks.py"))
size = sys.argv[1]


def shell(*words: str) -> str:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(words)}: {done.stderr[-800:]}")
    return done.stdout


def field(pid: int, file: str, name: str) -> float:
    lines = Path(f"/proc/{pid}/{file}").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith(name)) / 1000


def main() -> None:
    shell(sys.executable, TASKS, "fan_out", "local", size)
    run = json.loads(shell(FLYTE, "get", "run", "-of", "json"))[0]
    shell(FLYTE, "start", "server")
    server = json.loads(shell(FLYTE, "get", "server", "-of", "json"))
    time.sleep(1)
    idle = field(server["pid"], "status", "VmRSS")
    place = f"{run['project']}/{run['domain']}/{run['name']}"
    begin = time.perf_counter()
    urllib.request.urlopen(f"{server['url']}/v2/api/runs/{place}/snapshot").read()
    snapshot = time.perf_counter() - begin
    shown = field(server["pid"], "status", "VmHWM")
    shell(sys.executable, TASKS, "fan_out", "warm", "10")
    home = Path(json.loads(shell(FLYTE, "get", "server", "-of", "json"))["data_dir"])
    workers = [
        field(json.loads(path.read_text())["pid"], "smaps_rollup", "Private_")
        for path in home.glob("workers/*/worker.json")
    ]
    told = {"idle_mb": idle, "shown_mb": shown, "worker_mb": max(workers), "snapshot_s": snapshot}
    print(json.dumps({"answer": 0, "actions": int(size), "seconds": snapshot, **told}))


try:
    main()
finally:
    subprocess.run([FLYTE, "stop", "server"], check=False, capture_output=True)
