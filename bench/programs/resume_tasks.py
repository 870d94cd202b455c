"""A chain that is killed half way and finished afterwards. Usage: resume_tasks.py MODE N  (MODE: local | server)

Everything dies by SIGKILL in step N/2: the process, and on the server that and the server too. Prints
one JSON line: the seconds from then on to the result, and how many steps ran more than once.
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import flyte

env = flyte.TaskEnvironment(name="bench")
HERE = Path(__file__)
FLYTE = str(Path(sys.executable).with_name("flyte"))
TRACE = Path(os.environ.get("BENCH_TRACE", "trace"))


def leave_trace(x: int) -> None:
    with Path(os.environ.get("BENCH_TRACE", "trace")).open("a") as file:
        file.write(f"{x}\n")


@env.task
async def step(x: int) -> int:
    leave_trace(x)
    if x == int(os.environ.get("BENCH_KILL_AT", "-1")):
        os.kill(os.getpid(), signal.SIGKILL)
    return x + 1


@env.task
async def chain(n: int) -> int:
    x = 0
    for _ in range(n):
        x = await step(x)
    return x


def shell(*words: str, check: bool = True, **more: str) -> str:
    done = subprocess.run(words, env={**os.environ, **more}, capture_output=True, text=True, check=False)
    if check and done.returncode:
        sys.exit(f"{' '.join(words)}: {done.stderr[-800:]}")
    return done.stdout


def newest() -> str:
    return str(json.loads(shell(FLYTE, "get", "run", "-of", "json"))[0]["name"])


def ran() -> list[str]:
    return TRACE.read_text().split() if TRACE.exists() else []


def local(n: int) -> float:
    """The process dies; the run is recovered by another one."""
    command = (FLYTE, "run", "--local", str(HERE), "chain", "--n", str(n))
    shell(*command, check=False, BENCH_KILL_AT=str(n // 2))
    assert len(ran()) == n // 2 + 1, len(ran())
    name = newest()
    begin = time.perf_counter()
    shell(FLYTE, "rerun", name, "--recover")
    return time.perf_counter() - begin


def server(n: int) -> float:
    """Server, parent and step die; a new server goes on."""
    home = Path(os.environ["FLYTE_HOME"])
    shell(FLYTE, "start", "server")
    name = shell(
        FLYTE, "run", "--detach", "--env", f"BENCH_TRACE={TRACE}", str(HERE), "chain", "--n", str(n)
    ).split()[0]
    while len(ran()) < n // 2:
        time.sleep(0.02)
    os.kill(json.loads(shell(FLYTE, "get", "server", "-of", "json"))["pid"], signal.SIGKILL)
    for path in home.glob("runs/*/*/*/*/*/worker.json"):
        if not path.with_name("exit.json").exists():
            try:
                os.kill(int(json.loads(path.read_text())["pid"]), signal.SIGKILL)
            except ProcessLookupError:
                continue
    begin = time.perf_counter()
    shell(FLYTE, "start", "server")
    flyte.init_from_config()
    flyte.remote.Run.get(name).wait()
    taken = time.perf_counter() - begin
    assert flyte.remote.Run.get(name).status == "succeeded"
    shell(FLYTE, "stop", "server")
    return taken


if __name__ == "__main__":
    mode, size = sys.argv[1], int(sys.argv[2])
    os.environ["BENCH_TRACE"] = str(TRACE.absolute())
    TRACE = TRACE.absolute()
    try:
        seconds = local(size) if mode == "local" else server(size)
    finally:
        shell(FLYTE, "stop", "server", check=False)
    assert len(set(ran())) == size, len(set(ran()))
    told = {"answer": size, "actions": size, "seconds": seconds, "again": len(ran()) - size}
    print(json.dumps(told))
