"""The published client in its own virtual environment, against our server."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

PUBLISHED = "flyte==2.12.1"
PATIENCE_S = 120.0

EXAMPLES = Path(__file__).parents[2] / "examples"

MORE = """
import asyncio
import time

import flyte

env = flyte.TaskEnvironment(name="more")


@env.task
def slow(x: int) -> int:
    print("sleeping", flush=True)
    time.sleep(600)
    return x


@env.task
def says(x: int) -> int:
    print(f"says {x}")
    return x


@env.task
def tells(x: int) -> int:
    print("calls")
    return says(x)


@env.task
def bad(x: int) -> int:
    raise ValueError(f"no such step {x}")


@flyte.trace
async def traced(x: int) -> int:
    return x + 1


@env.task(cache="auto")
async def cached(x: int) -> int:
    return x * 3


@env.task
async def fan(x: int) -> list[int]:
    found = await asyncio.gather(*(cached(number) for number in range(x)))
    return [await traced(sum(found))]


@env.task(retries=1)
async def dies_once(x: int) -> int:
    import os

    value = await cached(x)
    if os.environ.get("FLYTE_ATTEMPT_NUMBER") == "0":
        os.kill(os.getpid(), 9)
    return value


@env.task
def notes(path: str) -> str:
    with open(path, "a") as file:
        file.write("executed\\n")
    return path


@env.task
def needs(path: str, word: str) -> str:
    with open(notes(path)) as file:
        executions = len(file.readlines())
    with open(path + ".ready") as file:
        return f"{word} {file.read()} {executions}"
"""


def environment() -> Path:
    """The `bin` directory of an environment with the published client.

    `GODWIT_OFFICIAL_VENV` names one that exists, and `make test` makes one; otherwise it is made once
    and kept in the cache.
    """
    given = os.environ.get("GODWIT_OFFICIAL_VENV")
    if given:
        return Path(given) / "bin"
    prepared = Path(__file__).parents[2] / ".venv-published" / "bin"
    if (prepared / "flyte").exists():
        return prepared
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "godwit-tests"
    venv = cache / PUBLISHED.replace("==", "-")
    if not (venv / "bin" / "flyte").exists():
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        try:
            subprocess.run(["uv", "venv", "--quiet", "--clear", "--python", version, venv], check=True)
            subprocess.run(
                ["uv", "pip", "install", "--quiet", "--python", venv / "bin" / "python", PUBLISHED],
                check=True,
            )
        except (OSError, subprocess.CalledProcessError) as error:
            pytest.skip(f"the published client cannot be installed here: {error}")
    return venv / "bin"


@dataclass
class Site:
    """A server of ours, and the published command line beside it."""

    bin: Path
    home: Path
    cwd: Path
    url: str
    log: Path

    def flyte(self, *words: str, code: int = 0) -> str:
        """Run the published `flyte`; what it printed.

        Now and then its native HTTP library aborts the process while the interpreter ends, when everything
        is done and said. That is no answer of our server's, so it does not count against one.
        """
        done = self.start(*words)
        out, _ = done.communicate(timeout=PATIENCE_S)
        assert done.returncode in (code, -signal.SIGABRT), (
            f"flyte {' '.join(words)}:\n{out}\n{self.log.read_text()}"
        )
        return out

    def start(self, *words: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [self.bin / "flyte", *words],
            cwd=self.cwd,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={
                "PATH": f"{self.bin}:/usr/local/bin:/usr/bin:/bin",
                "HOME": str(self.cwd),
                "COLUMNS": "250",
                "NO_COLOR": "1",
                "TERM": "dumb",
                "DO_NOT_TRACK": "1",
            },
        )


@contextmanager
def site(tmp_path: Path) -> Iterator[Site]:
    """A server of its own for one test, with the scripts and a configuration that points at it."""
    home, cwd, log = tmp_path / "home", tmp_path / "user", tmp_path / "server.out"
    cwd.mkdir()
    with log.open("wb") as out:
        server = subprocess.Popen(
            [sys.executable, "-m", "flyte_server", "--home", home, "--port", "0"], stdout=out, stderr=out
        )
    try:
        info = home / "server.json"
        deadline = time.monotonic() + PATIENCE_S
        while not info.exists():
            assert server.poll() is None, log.read_text()
            assert time.monotonic() < deadline
            time.sleep(0.02)
        url = json.loads(info.read_bytes())["url"]
        shutil.copy(EXAMPLES / "my_script.py", cwd)
        (cwd / "more.py").write_text(MORE)
        address = url.removeprefix("http://")
        (cwd / "config.yaml").write_text(
            f"admin:\n  endpoint: dns:///{address}\n  insecure: true\n"
            "task:\n  project: flytesnacks\n  domain: development\n"
        )
        yield Site(environment(), home, cwd, url, log)
    finally:
        server.terminate()
        server.wait(30)
