"""The one who kills, and the judge who looks at what is left."""

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos.program import expected

from flyte_core.layout import Layout
from flyte_core.model import ActionKey, AttemptState, Phase, RunKey
from flyte_core.store import doctor
from flyte_core.store.ports import ActionQuery
from flyte_core.store.sqlite import SqliteStore
from flyte_core.wire.literals import named_json

PROGRAM = Path(__file__).with_name("program.py")
BIN = Path(sys.executable).parent
TARGETS = ("server", "worker", "parent", "shim", "zygote", "all")


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@dataclass(slots=True)
class Findings:
    kills: Counter[str] = field(default_factory=Counter)
    runs: int = 0
    succeeded: int = 0
    budget_spent: int = 0
    attempts: int = 0
    lost_attempts: int = 0
    slowest_start_s: float = 0.0
    wrong: list[str] = field(default_factory=list)


class Monkey:
    """One data directory, one server that is killed and started again, runs that must come through."""

    def __init__(self, home: Path, seed: int) -> None:
        self.layout = Layout(home)
        self.traces = home / "traces"
        self.traces.mkdir(parents=True)
        self.random = random.Random(seed)
        self.port = free_port()
        self.env = os.environ | {
            "FLYTE_HOME": str(home),
            "FLYTE_PORT": str(self.port),
            "PYTHONPATH": "",
            "FLYTE_AUTOSTART": "1",
        }
        self.server: subprocess.Popen[bytes] | None = None
        self.accepted: dict[str, int] = {}
        self.findings = Findings()

    def start_server(self) -> None:
        begin = time.monotonic()
        log = (self.layout.home / "chaos-server.log").open("ab")
        self.server = subprocess.Popen(
            [sys.executable, "-m", "flyte_server", "--home", str(self.layout.home), "--port", str(self.port)],
            env=self.env,
            stdout=log,
            stderr=log,
        )
        log.close()
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                break
            except OSError:
                if self.server.poll() is not None:
                    raise RuntimeError(f"the server ended with {self.server.returncode}") from None
                if time.monotonic() - begin > 60:
                    raise RuntimeError("the server does not listen after 60 s") from None
                time.sleep(0.02)
        self.findings.slowest_start_s = max(self.findings.slowest_start_s, time.monotonic() - begin)

    def submit(self, n: int) -> None:
        """Start a run; it counts as accepted when the command printed its name."""
        done = subprocess.run(
            [
                str(BIN / "flyte"),
                "run",
                "--detach",
                str(PROGRAM),
                "main",
                "--n",
                str(n),
                "--folder",
                str(self.traces),
            ],
            env=self.env,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        if done.stdout.strip():
            self.accepted[done.stdout.split()[0]] = n

    def supervised(self, which: str) -> Iterator[int]:
        """Pids named by `worker.json` or `shim.json` of attempts that are under way."""
        for path in self.layout.home.glob(f"runs/*/*/*/*/*/{which}.json"):
            if (path.parent / "exit.json").exists():
                continue
            is_root = path.parent.parent.name == "a0"
            if which == "worker" and is_root:
                continue
            try:
                pid = int(json.loads(path.read_text())["pid"])
            except (OSError, ValueError, KeyError):
                continue
            if is_alive(pid):
                yield pid

    def parents(self) -> Iterator[int]:
        for path in self.layout.home.glob("runs/*/*/*/a0/*/worker.json"):
            if not (path.parent / "exit.json").exists():
                try:
                    pid = int(json.loads(path.read_text())["pid"])
                except (OSError, ValueError, KeyError):
                    continue
                if is_alive(pid):
                    yield pid

    def zygotes(self) -> Iterator[int]:
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    command = (entry / "cmdline").read_bytes()
                except OSError:
                    continue
                if b"flyte._runtime.zygote" in command and os.fsencode(self.layout.home) in command:
                    yield int(entry.name)

    def kill(self, target: str) -> bool:
        pids: list[int] = []
        if target in ("server", "all") and self.server is not None:
            self.server.kill()
            self.server.wait()
            self.findings.kills["server"] += 1
        everything = [*self.supervised("worker"), *self.parents(), *self.supervised("shim"), *self.zygotes()]
        match target:
            case "worker":
                pids = list(self.supervised("worker"))
            case "parent":
                pids = list(self.parents())
            case "shim":
                pids = list(self.supervised("shim"))
            case "zygote":
                pids = list(self.zygotes())
            case "all":
                pids = everything
        if target != "all":
            pids = [self.random.choice(pids)] if pids else []
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        if target in ("server", "all"):
            time.sleep(self.random.random() * 0.3)
            self.start_server()
            return True
        if pids:
            self.findings.kills[target] += 1
        return bool(pids)

    def open_runs(self, store: SqliteStore) -> list[str]:
        keys = [RunKey("flytesnacks", "development", name) for name in self.accepted]
        views = [(k, store.run(k)) for k in keys]
        return [k.name for k, v in views if v is None or not v.root.phase.terminal]

    def go(self, kills: int, *, say: bool = True) -> Findings:
        self.start_server()
        store = SqliteStore.open(self.layout.database, read_only=True)
        try:
            weights = (3, 6, 3, 2, 1, 0.5)
            while sum(self.findings.kills.values()) < kills:
                for _ in range(3 - len(self.open_runs(store))):
                    self.submit(self.random.randrange(4, 12))
                time.sleep(self.random.uniform(0.01, 0.5))
                self.kill(self.random.choices(TARGETS, weights)[0])
                if say and sys.stderr.isatty():
                    print(
                        f"\r{sum(self.findings.kills.values())}/{kills} kills, {len(self.accepted)} runs",
                        end="",
                        file=sys.stderr,
                    )
            limit = time.monotonic() + 180
            while self.open_runs(store):
                if time.monotonic() > limit:
                    self.findings.wrong += [f"run {r} never ended" for r in self.open_runs(store)]
                    break
                time.sleep(0.1)
            self.judge(store)
        finally:
            store.close()
            self.stop()
        return self.findings

    def stop(self) -> None:
        if self.server is not None:
            self.server.terminate()
            self.server.wait(30)
        for pid in self.zygotes():
            os.kill(pid, signal.SIGKILL)

    def judge(self, store: SqliteStore) -> None:
        found = self.findings
        found.wrong += [str(x) for x in doctor.examine(self.layout.database)]
        for name, n in self.accepted.items():
            found.runs += 1
            key = RunKey("flytesnacks", "development", name)
            view = store.run(key)
            if view is None:
                found.wrong.append(f"{name}: accepted, but not recorded")
                continue
            executions: dict[str, list[tuple[str, int]]] = defaultdict(list)
            trace = self.traces / name
            for line in trace.read_text().splitlines() if trace.exists() else ():
                _, action, token, at = line.split()
                executions[action].append((token, int(at)))
            for action in store.actions(key, ActionQuery()).actions:
                attempts = action.attempts
                found.attempts += len(attempts)
                found.lost_attempts += sum(a.state is AttemptState.LOST for a in attempts)
                ran = executions.get(action.key.name, [])
                if len({token for token, _ in ran}) != len(ran):
                    found.wrong.append(f"{name}/{action.key.name}: one attempt ran twice: {ran}")
                if action.phase is Phase.SUCCEEDED and any(at > (action.ended_at or 0) for _, at in ran):
                    found.wrong.append(f"{name}/{action.key.name}: ran again after it had succeeded")
            if view.root.phase is Phase.SUCCEEDED:
                found.succeeded += 1
                outputs = store.payload(ActionKey(key, view.root.key.name), "outputs") or b""
                got = named_json(outputs, "outputs").get("o0")
                if got != expected(n):
                    found.wrong.append(f"{name}: result {got}, not {expected(n)}")
            elif self.budget_was_spent(store, key):
                found.budget_spent += 1
            else:
                found.wrong.append(f"{name}: {view.root.phase}: {view.root.error}")

    def budget_was_spent(self, store: SqliteStore, key: RunKey) -> bool:
        """Whether some action failed honestly: four losses in a row, all by our hand."""
        return any(
            a.phase is Phase.FAILED and [t.state for t in a.attempts[-4:]] == [AttemptState.LOST] * 4
            for a in store.actions(key, ActionQuery()).actions
        )
