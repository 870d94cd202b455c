"""A user's terminal: an empty directory, a data directory and port of its own, and the `flyte` command."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FLYTE = str(Path(sys.executable).parent / "flyte")
SCRIPTS = Path(__file__).parents[1] / "system" / "scripts"
EXAMPLES = Path(__file__).parents[2] / "examples"


@dataclass(frozen=True)
class Said:
    """What a command printed, and how it ended."""

    stdout: str
    stderr: str
    code: int

    @property
    def lines(self) -> list[str]:
        return self.stdout.splitlines()

    def json(self) -> Any:
        return json.loads(self.stdout)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def until(wanted: Callable[[], Any], *, seconds: float = 30.0) -> Any:
    """What `wanted` returns, as soon as it is true."""
    deadline = time.monotonic() + seconds
    while True:
        found = wanted()
        if found:
            return found
        assert time.monotonic() < deadline, f"not so within {seconds:g} s"
        time.sleep(0.05)


@dataclass
class Terminal:
    """Types commands in `cwd`; several terminals may share a `home`."""

    cwd: Path
    home: Path
    port: int = field(default_factory=free_port)
    env: dict[str, str] = field(default_factory=dict)

    def environment(self, **more: str) -> dict[str, str]:
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("FLYTE", "UCTL", "_U_", "_F_", "NO_COLOR", "COVERAGE"))
        }
        own = {"FLYTE_HOME": str(self.home), "FLYTE_PORT": str(self.port), "HOME": str(self.cwd)}
        return {**kept, **own, **self.env, **more}

    def popen(self, *words: str, **more: str) -> "subprocess.Popen[str]":
        """The command, running."""
        return subprocess.Popen(
            [FLYTE, *words],
            cwd=self.cwd,
            env=self.environment(**more),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def flyte(self, *words: str, code: int | None = 0, seconds: float = 60.0, **more: str) -> Said:
        """The command, ended; it must end with `code` unless that is None."""
        process = self.popen(*words, **more)
        try:
            out, err = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            raise AssertionError(
                f"flyte {' '.join(words)}: no end within {seconds:g} s\n{out}\n{err}"
            ) from None
        said = Said(out, err, process.returncode)
        assert code is None or said.code == code, f"flyte {' '.join(words)}: exit {said.code}\n{out}\n{err}"
        return said

    def run(self, *words: str, **more: str) -> Said:
        return self.flyte("run", *words, **more)

    def get(self, *words: str) -> Any:
        """`flyte get ... -of json`, read."""
        return self.flyte("get", *words, "-of", "json").json()

    def python(self, *words: str) -> list[str]:
        """The lines that a program of the working directory prints."""
        ended = subprocess.run(
            [sys.executable, *words],
            cwd=self.cwd,
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr
        return ended.stdout.splitlines()

    def wait_for_run(self, name: str) -> Any:
        """The run, once it has ended."""
        return until(lambda: (found := self.get("run", name))["end_time"] and found)

    def write(self, name: str, text: str) -> Path:
        path = self.cwd / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def stop(self) -> None:
        """End the server, and what it leaves: only processes that name this data directory."""
        self.flyte("stop", "server", code=None)
        for pid in self._own_processes():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue

    def _own_processes(self) -> Iterator[int]:
        mark = os.fsencode(self.home)
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit() or int(entry.name) == os.getpid():
                continue
            try:
                if mark in (entry / "cmdline").read_bytes():
                    yield int(entry.name)
            except OSError:
                continue


@contextmanager
def terminal(directory: Path) -> Iterator[Terminal]:
    """A terminal in an empty directory; its server is stopped at the end."""
    cwd, home = directory / "work", directory / "home"
    cwd.mkdir(parents=True)
    opened = Terminal(cwd, home)
    try:
        yield opened
    finally:
        opened.stop()
