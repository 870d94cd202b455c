"""Starts shims: forked from a preloaded zygote of the interpreter, or cold when there is none to be had."""

import asyncio
import contextlib
import hashlib
import os
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flyte_core.frozen import frozen
from flyte_core.supervision import FrameReader
from flyte_server.executors import environment
from flyte_server.executors.watch import Watch

ANSWER_S = 60.0
"""How long to wait for a shim's answer; then the attempt's directory tells what became of it."""
BIRTH_S = 30.0
"""How long a zygote may take to load the runtime."""
AGAIN_S = 30.0
"""How long to do without after one could not be started."""
_LOG_BYTES = 1 << 20


@frozen
class Answer:
    """What a shim said first. It says one thing more on `channel`, when the attempt's end is written down."""

    said: dict[str, Any]
    channel: socket.socket


@dataclass(slots=True)
class Home:
    """One interpreter's zygote as the executor knows it."""

    socket: Path
    starting: asyncio.Lock = field(default_factory=asyncio.Lock)
    hopeless_until: float = 0.0
    problem: str = ""


class Launcher:
    """Asks zygotes for shims. Lives on the event loop."""

    def __init__(self, directory: Path, watch: Watch, *, zygotes: bool = True) -> None:
        self._directory = directory
        self._watch = watch
        self._zygotes = zygotes
        self._homes: dict[str, Home] = {}
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)

    async def prepare(self, interpreter: str) -> bool:
        """Have a zygote of this interpreter ready; False when there can be none now."""
        if not self._zygotes:
            return False
        home = self._home(interpreter)
        async with home.starting:
            channel = await self._reach(home)
            if channel is None:
                return await self._bear(interpreter, home)
        channel.close()
        return True

    async def fork(self, interpreter: str, launch: bytes) -> Answer | None:
        """Let a zygote start a shim; its answer. None: no zygote took it, or its answer was lost."""
        if not self._zygotes:
            return None
        home = self._home(interpreter)
        for _ in range(2):
            channel = await self._reach(home)
            if channel is None:
                if not await self.prepare(interpreter):
                    return None
                channel = await self._reach(home)
                if channel is None:
                    return None
            answer = await _converse(channel, launch)
            if answer is None or answer.said.get("refused") != "outdated":
                return answer
            answer.channel.close()
            # It has retired: the next one is made of what is on the disk now.
            with contextlib.suppress(OSError):
                home.socket.unlink()
        return None

    async def execute(self, launch: bytes) -> Answer | None:
        """Start a shim as a process of its own, in this server's interpreter; its answer."""
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        with theirs, self._log("shim.log").open("ab") as log:
            try:
                child = await asyncio.to_thread(
                    _spawn, sys.executable, "flyte._runtime.shim", [], theirs.fileno(), log.fileno()
                )
            except OSError:
                ours.close()
                raise
        self._watch.collect(child)
        return await _converse(ours, launch)

    def last_words(self) -> str:
        """The end of what cold shims have complained about."""
        try:
            return self._log("shim.log").read_bytes()[-2000:].decode("utf-8", "replace").strip()
        except OSError:
            return ""

    def _home(self, interpreter: str) -> Home:
        found = self._homes.get(interpreter)
        if found is None:
            name = hashlib.sha256(interpreter.encode()).hexdigest()[:16]
            found = self._homes[interpreter] = Home(self._directory / f"{name}.sock")
        return found

    async def _reach(self, home: Home) -> socket.socket | None:
        """A connection to the zygote; None when nobody listens."""
        channel = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        channel.setblocking(False)
        try:
            # Socket addresses are short: name it from its directory, however deep that is.
            directory = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY)
            try:
                channel.connect(f"/proc/self/fd/{directory}/{home.socket.name}")
            finally:
                os.close(directory)
        except BlockingIOError:
            channel.close()
            await asyncio.sleep(0.01)  # its queue is full: it is there, and busy
            return await self._reach(home)
        except OSError:
            channel.close()
            return None
        return channel

    async def _bear(self, interpreter: str, home: Home) -> bool:
        """Start a zygote and wait until it answers."""
        if time.monotonic() < home.hopeless_until:
            return False
        path = self._log(f"{home.socket.stem}.log")
        reading, writing = os.pipe()
        try:
            with path.open("ab") as log:
                child = await asyncio.to_thread(
                    _spawn,
                    interpreter,
                    "flyte._runtime.zygote",
                    [str(home.socket)],
                    None,
                    log.fileno(),
                    writing,
                )
        except OSError as error:
            os.close(reading)
            home.problem = f"{interpreter} cannot be run: {error.strerror}"
            home.hopeless_until = time.monotonic() + AGAIN_S
            return False
        finally:
            os.close(writing)
        self._watch.collect(child)
        if await _first_byte(reading, BIRTH_S):
            return True
        home.problem = f"no preloaded process for {interpreter}: see {path}"
        home.hopeless_until = time.monotonic() + AGAIN_S
        return False

    def _log(self, name: str) -> Path:
        path = self._directory / name
        with contextlib.suppress(OSError):
            if path.stat().st_size > _LOG_BYTES:
                path.unlink()
        return path


def _spawn(
    interpreter: str,
    module: str,
    arguments: list[str],
    stdin: int | None,
    log: int,
    stdout: int | None = None,
) -> int:
    """Run one of our modules detached: a session of its own, nothing of this process kept."""
    child = subprocess.Popen(
        [interpreter, "-P", "-u", "-X", "utf8", "-m", module, *arguments],
        stdin=subprocess.DEVNULL if stdin is None else stdin,
        stdout=log if stdout is None else stdout,
        stderr=log,
        env=environment.base(os.environ, interpreter),
        cwd="/",
        start_new_session=True,
    )
    # Collected by whoever watches it, never through this object.
    child.returncode = 0
    return child.pid


async def _converse(channel: socket.socket, launch: bytes) -> Answer | None:
    """Send one launch, take one answer. None: the other side is gone, or says nothing for long."""
    loop = asyncio.get_running_loop()
    reader = FrameReader()
    try:
        async with asyncio.timeout(ANSWER_S):
            await loop.sock_sendall(channel, launch)
            while True:
                data = await loop.sock_recv(channel, 65536)
                got = reader.feed(data)
                if got is not None:
                    return Answer(got[0], channel)
                if not data:
                    break
    except (OSError, ValueError):
        pass
    except BaseException:
        channel.close()
        raise
    channel.close()
    return None


async def _first_byte(fd: int, timeout_s: float) -> bool:
    """Whether something arrives on the pipe before its end; closes it."""
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(fd, ready.set)
    try:
        async with asyncio.timeout(timeout_s):
            await ready.wait()
        return os.read(fd, 1) != b""
    except TimeoutError:
        return False
    finally:
        loop.remove_reader(fd)
        os.close(fd)
