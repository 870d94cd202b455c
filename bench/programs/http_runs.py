"""Runs over HTTP: how long creating one takes, how many a second, how long the newest 50 take to list.

Usage: http_runs.py create N | list STORED
A server in a data directory of its own, in the directory it is started in; runs wait behind one that
holds every slot, so that nothing but creating is measured. Prints one JSON line.
"""

import asyncio
import http.client
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from flyteidl2.common import identifier_pb2, list_pb2
from flyteidl2.workflow import run_service_pb2

import flyte
from flyte._client import methods
from flyte._controller.spec import Place, task_message
from flyte._remote.submit import run_message
from flyte._run import RunOptions
from flyte_core.engine import action as actions
from flyte_core.engine import run as runs
from flyte_core.engine.api import NewAction, NewRun, Outcome
from flyte_core.model import (
    ROOT,
    ActionKey,
    ActionKind,
    CoreError,
    Digest,
    Micros,
    RunKey,
    RunMode,
    RunRecord,
    TaskSpec,
)
from flyte_core.store.ports import Tx
from flyte_core.store.sqlite import SqliteStore
from flyte_core.wire import actions as wire

PLACE = ("flytesnacks", "development")
AT_ONCE = 16
LISTS = 100

env = flyte.TaskEnvironment(name="bench")
whole = flyte.TaskEnvironment(name="bench_whole", resources=flyte.Resources(cpu=os.cpu_count() or 1))


@env.task
async def step(x: int = 1) -> int:
    return x + 1


@whole.task
async def hold() -> None:
    await asyncio.sleep(600)


class Line:
    """One connection that stays open."""

    def __init__(self) -> None:
        told = subprocess.run([FLYTE, "get", "server", "-of", "json"], capture_output=True, check=True)
        self._http = http.client.HTTPConnection(json.loads(told.stdout)["url"].removeprefix("http://"))

    def post(self, path: str, body: bytes) -> bytes:
        self._http.request("POST", path, body, {"Content-Type": "application/proto"})
        return self._answer()

    def get(self, path: str) -> bytes:
        self._http.request("GET", path)
        return self._answer()

    def _answer(self) -> bytes:
        answer = self._http.getresponse()
        body = answer.read()
        assert answer.status == 200, body
        return body


FLYTE = str(Path(sys.executable).with_name("flyte"))


def request(name: str) -> bytes:
    """A `CreateRunRequest` as the SDK makes it, without code."""
    key = RunKey(*PLACE, name)
    message = run_service_pb2.CreateRunRequest(
        run_id=wire.run_id(key),
        task_spec=task_message(step, Place(*PLACE, "v1", root_dir=Path(__file__).parent)),
        run_spec=run_message(RunOptions()),
    )
    return message.SerializeToString()


def timed(call: Callable[[], object]) -> float:
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


def create(count: int) -> dict[str, float]:
    """Latency with one caller, then runs a second with several."""
    flyte.init_from_config()
    blocker = flyte.run(hold)
    while blocker.status != "running":
        time.sleep(0.02)
        blocker = flyte.remote.Run.get(blocker.name)
    line = Line()
    path = methods.CREATE_RUN.path
    bodies = [request(f"one{i}") for i in range(count)]
    taken = sorted(timed(lambda body=body: line.post(path, body)) for body in bodies)  # type: ignore[misc]
    lines = [Line() for _ in range(AT_ONCE)]
    parts = [[request(f"many{n}x{i}") for i in range(count // AT_ONCE)] for n in range(AT_ONCE)]
    begin = time.perf_counter()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(lambda n: [lines[n].post(path, body) for body in parts[n]], range(AT_ONCE)))
    rate = AT_ONCE * (count // AT_ONCE) / (time.perf_counter() - begin)
    return {
        "p50_ms": statistics.median(taken) * 1000,
        "p99_ms": taken[int(len(taken) * 0.99)] * 1000,
        "per_second": rate,
        "seconds": sum(taken),
        "actions": count,
    }


def store_runs(count: int) -> None:
    """A history of runs that have ended, written by the engine."""
    home = Path(os.environ["FLYTE_HOME"])
    home.mkdir(parents=True, exist_ok=True)
    store = SqliteStore.open(home / "history.db", durability="normal")
    spec = TaskSpec(Digest("0" * 64), b"", "bench.step", "step", "bench")

    def some(tx: Tx, first: int) -> None:
        for number in range(first, min(first + 1_000, count)):
            key, now = RunKey(*PLACE, f"r{number}"), Micros(1_700_000_000_000_000 + number)
            record = RunRecord(key, RunMode.SERVER, now, spec.task_name)
            runs.create_run(tx, NewRun(record, NewAction(ROOT, ActionKind.TASK, spec, inputs=b"")), now)
            live = actions.claim(tx, ActionKey(key, ROOT), "bench", now).actions[0].live
            assert live is not None
            actions.report(tx, ActionKey(key, ROOT), Outcome(live.token, outputs=b""), now)

    try:
        for first in range(0, count, 1_000):
            store.transact(lambda tx, first=first: some(tx, first))  # type: ignore[misc]
    except CoreError as error:
        sys.exit(f"the history could not be written: {error}")
    store.close()


def listed(stored: int) -> dict[str, float]:
    """The newest 50 through the API and through the console."""
    store_runs(stored)
    subprocess.run([FLYTE, "start", "server"], check=True, capture_output=True)
    line = Line()
    message = run_service_pb2.ListRunsRequest(
        request=list_pb2.ListRequest(limit=50),
        project_id=identifier_pb2.ProjectIdentifier(organization=wire.ORG, domain=PLACE[1], name=PLACE[0]),
    )
    body = message.SerializeToString()
    answer = run_service_pb2.ListRunsResponse.FromString(line.post(methods.LIST_RUNS.path, body))
    assert len(answer.runs) == 50, len(answer.runs)
    path = f"/v2/api/runs?project={PLACE[0]}&domain={PLACE[1]}&limit=50"
    line.get(path)
    api = sorted(timed(lambda: line.post(methods.LIST_RUNS.path, body)) for _ in range(LISTS))
    console = sorted(timed(lambda: line.get(path)) for _ in range(LISTS))
    return {
        "api_p50_ms": statistics.median(api) * 1000,
        "console_p50_ms": statistics.median(console) * 1000,
        "seconds": sum(api),
        "actions": LISTS,
    }


if __name__ == "__main__":
    what, size = sys.argv[1], int(sys.argv[2])
    try:
        print(json.dumps({"answer": 0, **(create(size) if what == "create" else listed(size))}))
    finally:
        subprocess.run([FLYTE, "stop", "server"], check=False, capture_output=True)
