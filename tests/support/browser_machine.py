"""A data directory with its server and a script, as a user of the console has them."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FLYTE = [sys.executable, "-c", "from flyte._cli.main import main; main()"]
TREE = "[data-testid=tree] [role=row]"
DETAILS = "[data-testid=details]"


@dataclass
class Machine:
    """A data directory with its server, and a directory with a script."""

    directory: Path
    env: dict[str, str]
    port: int

    def flyte(self, *args: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*FLYTE, *args], cwd=self.directory, env=self.env, capture_output=True, text=True, timeout=90
        )

    def detached(self, *args: str) -> tuple[str, str]:
        """Start a run and return its name and address."""
        done = self.flyte("run", "--detach", "script.py", *args)
        assert done.returncode == 0, done.stderr
        name, url = done.stdout.split()[:2]
        return name, url

    def api(self, path: str) -> Any:
        base = f"http://localhost:{self.port}/v2/api/runs/flytesnacks/development/{path}"
        with urllib.request.urlopen(base, timeout=20) as answer:
            return json.load(answer)


@contextlib.contextmanager
def machine_with(script: str, directory: Path, home: Path) -> Iterator[Machine]:
    """A server of its own for `script.py` in a directory, until the block ends."""
    (directory / "script.py").write_text(script)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    env = {**os.environ, "FLYTE_HOME": str(home), "HOME": str(directory)}
    server = subprocess.Popen(
        [sys.executable, "-m", "flyte_server", "--home", str(home), "--port", str(port)],
        env=env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    until(lambda: (home / "server.json").exists() or server.poll() is not None)
    assert server.poll() is None, "the server did not start"
    yield Machine(directory, env, port)
    server.terminate()
    server.wait(30)


def until(condition: Callable[[], object], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come to be"
        time.sleep(0.02)
