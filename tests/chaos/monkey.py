"""The one who kills."""

import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.chaos import judge, victims
from tests.chaos.judge import Findings

from flyte_core.layout import Layout
from flyte_core.model import RunKey
from flyte_core.store.sqlite import SqliteStore

PROGRAM = Path(__file__).with_name("program.py")
BIN = Path(sys.executable).parent
TARGETS = ("server", "worker", "parent", "shim", "warm", "zygote", "all")


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


class Monkey:
    """One data directory, one server that is killed and started again, runs that must come through."""

    def __init__(self, home: Path, seed: int, *, say: bool = False) -> None:
        self.say = say
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

    def kill(self, target: str) -> bool:
        """Kill one of that kind, or everything; False when there was none to be killed."""
        if target in ("server", "all") and self.server is not None:
            self.server.kill()
            self.server.wait()
        pids = victims.of(self.layout, target)
        if target != "all":
            pids = [self.random.choice(pids)] if pids else []
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if target in ("server", "all"):
            time.sleep(self.random.random() * 0.3)
            self.start_server()
        elif not pids:
            return False
        self.findings.kills[target] += 1
        return True

    def open_runs(self, store: SqliteStore) -> list[str]:
        keys = [RunKey("flytesnacks", "development", name) for name in self.accepted]
        views = [(k, store.run(k)) for k in keys]
        return [k.name for k, v in views if v is None or not v.root.phase.terminal]

    def go(self, kills: int) -> Findings:
        """So many kills of any kind, drawn by lot, under three runs at a time."""
        weights = (3, 6, 3, 2, 2, 1, 0.5)
        return self._go(lambda: None if self._killed() >= kills else self.random.choices(TARGETS, weights)[0])

    def go_through(self, targets: Sequence[str]) -> Findings:
        """One kill after the other, of just these kinds."""
        return self._go(lambda: None if self._killed() >= len(targets) else targets[self._killed()])

    def _killed(self) -> int:
        return sum(self.findings.kills.values())

    def _go(self, choose: Callable[[], str | None]) -> Findings:
        self.start_server()
        store = SqliteStore.open(self.layout.database, read_only=True)
        try:
            while (target := choose()) is not None:
                for _ in range(3 - len(self.open_runs(store))):
                    self.submit(self.random.randrange(4, 12))
                time.sleep(self.random.uniform(0.01, 0.5))
                if self.kill(target) and self.say:
                    print(f"{self._killed()} kills, {len(self.accepted)} runs", file=sys.stderr, flush=True)
            limit = time.monotonic() + 180
            while (left := self.open_runs(store)) and time.monotonic() < limit:
                time.sleep(0.1)
            self.findings.wrong += [f"run {name} never ended" for name in left]
            judge.examine(self.layout, store, self.traces, self.accepted, self.findings)
        finally:
            store.close()
            self.stop()
        return self.findings

    def stop(self) -> None:
        if self.server is not None:
            self.server.terminate()
            self.server.wait(30)
        for pid in (*victims.of(self.layout, "warm"), *victims.of(self.layout, "zygote")):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
