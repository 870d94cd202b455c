"""A real process executor in a directory of its own, and shorthands to run things in it."""

import asyncio
import itertools
import os
import signal
import sys
import textwrap
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flyteidl2.task import common_pb2

from flyte_core import logs, process, supervision
from flyte_core.blobs import archive
from flyte_core.layout import Layout
from flyte_core.model import ActionKey, ActionName, ResourceRequest, RunKey, Token
from flyte_server.executors.process import ProcessExecutor
from flyte_server.ports.executor import Ended, Launch

PATIENCE_S = 30.0
_tokens = itertools.count(1)


async def until(condition: Callable[[], Any], patience_s: float = PATIENCE_S) -> Any:
    """Wait for something to become true; its value."""
    deadline = time.monotonic() + patience_s
    while not (found := condition()):
        assert time.monotonic() < deadline, "it never became true"
        await asyncio.sleep(0.01)
    return found


class Bench:
    """One executor at a time over one data directory, as a server would use it."""

    def __init__(self, layout: Layout, *, zygotes: bool = True) -> None:
        self.layout = layout
        self.zygotes = zygotes
        self.started: dict[Token, str] = {}
        self.ended: dict[Token, Ended] = {}
        self.told = 0
        self.run = RunKey("p", "d", f"r{os.getpid()}x{next(_tokens)}")

    async def open(self) -> None:
        self.executor = ProcessExecutor(self.layout, zygotes=self.zygotes)
        await self.executor.start(self._on_started, self._on_ended)

    async def restart(self) -> None:
        """What a new server finds: an executor that knows nothing."""
        await self.executor.stop()
        self.ended.clear()
        await self.open()

    def _on_started(self, key: ActionKey, attempt: int, token: Token, worker: str) -> None:
        self.started[token] = worker

    def _on_ended(self, ended: Ended) -> None:
        self.told += 1
        assert ended.token not in self.ended, "an end is told once"
        self.ended[ended.token] = ended

    def raw(self, *argv: str, **options: Any) -> Launch:
        """A launch of any command."""
        token = Token(next(_tokens))
        key = ActionKey(self.run, ActionName(f"a{token}"))
        env = {
            "FLYTE_ATTEMPT_TOKEN": str(token),
            "FLYTE_HOME": str(self.layout.home),
            "ACTION_NAME": key.name,
            "RUN_NAME": self.run.name,
            "_U_RUN_BASE": str(self.layout.run(self.run)),
            "FLYTE_INTERNAL_EXECUTION_PROJECT": self.run.project,
            "FLYTE_INTERNAL_EXECUTION_DOMAIN": self.run.domain,
            "PYTHONUNBUFFERED": "1",
        }
        launch = Launch(key, 1, token, argv, env, self.layout.attempt(key, 1), "", runtime="raw")
        return replace(launch, **options)

    def script(self, code: str, **options: Any) -> Launch:
        """A launch of a piece of Python in a process of its own."""
        return self.raw(sys.executable, "-c", textwrap.dedent(code), **options)

    def task(self, module: str, task: str, bundle: Path, **options: Any) -> Launch:
        """A launch of a task of ours, out of a code bundle."""
        launch = self.raw("a0", **options)
        argv = f"a0 --outputs-path {launch.dir} --run-name {self.run.name} --name {launch.key.name} --tgz {bundle}"
        resolver = f"--resolver flyte._runtime.resolver mod {module} instance {task}"
        fields: dict[str, Any] = {"runtime": "godwit", "code": str(bundle), "inputs": b"", **options}
        return replace(launch, argv=tuple(f"{argv} {resolver}".split()), **fields)

    async def submit(self, launch: Launch) -> Launch:
        await self.executor.submit(launch)
        return launch

    async def running(self, launch: Launch, line: str = "ready") -> Launch:
        """Submit, and wait until the program has printed a line."""
        await self.submit(launch)
        await until(lambda: line in self.text(launch) or launch.token in self.ended)
        assert launch.token not in self.ended, f"{self.ended[launch.token]}: {self.text(launch)}"
        return launch

    async def end(self, launch: Launch) -> Ended:
        await until(lambda: launch.token in self.ended)
        return self.ended[launch.token]

    async def finish(self, launch: Launch) -> Ended:
        await self.submit(launch)
        return await self.end(launch)

    async def cancel(self, launch: Launch, grace_s: float = 5.0) -> None:
        await self.executor.cancel(launch.key, launch.attempt, launch.token, grace_s)

    def lines(self, launch: Launch) -> list[tuple[str, str]]:
        return [(line.stream, line.text) for line, _ in logs.read(launch.dir / supervision.LOG)]

    def text(self, launch: Launch) -> list[str]:
        return [text for _, text in self.lines(launch)]

    def outputs(self, launch: Launch) -> dict[str, Any]:
        found = common_pb2.Outputs.FromString((launch.dir / "outputs.pb").read_bytes())
        return {each.name: each.value.scalar.primitive.integer for each in found.literals}

    def pids(self, launch: Launch) -> tuple[int, int]:
        """The shim's pid and the worker's."""
        shim = supervision.read_claim(launch.dir)
        worker = supervision.read_owner(launch.dir / supervision.WORKER)
        assert shim is not None and worker is not None
        return shim.pid, worker.pid


def gone(pid: int) -> bool:
    return process.identity(pid) is None


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Shared by the tests so that they share a zygote, as the runs of a server do."""
    path = tmp_path_factory.mktemp("home")
    yield path
    for socket in (path / "zygotes").glob("*.sock"):
        socket.unlink()  # a zygote ends when its socket is gone
    for zygote in zygotes_of(path):
        os.kill(zygote, signal.SIGTERM)


def zygotes_of(home: Path) -> list[int]:
    """Pids of the zygotes of this data directory, the nests below them not counted."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0") if entry.name.isdigit() else []
        except OSError:
            continue
        if b"flyte._runtime.zygote" in words and any(word.startswith(os.fsencode(home)) for word in words):
            found.append(int(entry.name))
    return [pid for pid in found if _parent(pid) not in found]


def _parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
    except OSError:
        return 0


@pytest.fixture
async def bench(home: Path) -> AsyncIterator[Bench]:
    made = Bench(Layout(home))
    await made.open()
    yield made
    await made.executor.stop()


@pytest.fixture
async def cold(home: Path) -> AsyncIterator[Bench]:
    """The same without zygotes: every shim is a process of its own."""
    made = Bench(Layout(home), zygotes=False)
    await made.open()
    yield made
    await made.executor.stop()


@pytest.fixture
def bundle(home: Path) -> Callable[..., Path]:
    """Packs modules into a code bundle: `bundle(name="source")`."""

    def pack(**modules: str) -> Path:
        data = archive.pack({f"{name}.py": textwrap.dedent(code).encode() for name, code in modules.items()})
        path = home / "blobs" / f"fast{abs(hash(data)):020x}.tar.gz"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
        return path

    return pack


def request(**resources: Any) -> ResourceRequest:
    return ResourceRequest(**resources)
