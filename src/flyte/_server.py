"""The server of this machine: found, started on demand, stopped.

It is a process of its own that outlives the command which started it. `<home>/server.json` says
where it is; the address is believed only when the process there answers with the same pid and data
directory.
"""

import contextlib
import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from flyte._version import VERSION
from flyte.errors import InitializationError, RuntimeSystemError
from flyte_core import process
from flyte_core.frozen import frozen
from flyte_core.layout import Layout

PROBE_TIMEOUT_S: Final = 2.0
START_TIMEOUT_S: Final = 60.0
STOP_TIMEOUT_S: Final = 20.0
_LOG_TAIL: Final = 20
_ROOM: Final = 64 * 1024
"""With less than this on the disk, a log stays empty."""

Say = Callable[[str], None]


@frozen
class ServerInfo:
    """A server that answers."""

    pid: int
    url: str
    data_dir: str
    version: str
    started_at: str = ""
    cpu: float | None = None
    """What it has to give; None: it did not say."""
    memory_bytes: int | None = None


class AutostartForbidden(InitializationError):
    """No server runs, and `FLYTE_AUTOSTART=0` or the configuration forbids to start one."""

    default_hint = "Start it: flyte start server. Or run in this process: flyte run --local ..."


class ServerStartError(RuntimeSystemError):
    default_hint = "See server.log in the data directory."


def to_stderr(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


def recorded(home: Path) -> ServerInfo | None:
    """What `server.json` says. The server need not run any more."""
    try:
        found = json.loads(Layout(home).server_info.read_bytes())
        return _info(found)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def status(home: Path) -> ServerInfo | None:
    """The server of this data directory, if it answers."""
    info = recorded(home)
    if info is None:
        return None
    answer = _probe(info.url)
    if answer is None or answer.pid != info.pid or not _same(answer.data_dir, home):
        return None
    return answer


def ensure_server(
    home: Path, *, port: int | None = None, autostart: bool = True, say: Say = to_stderr
) -> ServerInfo:
    """The server of this data directory; started when there is none and that is allowed.

    Two processes that ask at once get the same server. `port`: the one that was configured; without
    it the usual or another free one is taken.

    Raises:
        AutostartForbidden: there is none, and none may be started.
        InitializationError: the one that runs is of another version, or the directory cannot be used.
        ServerStartError: it did not come up.
    """
    info = status(home)
    if info is None:
        if not autostart:
            raise AutostartForbidden(f"No server runs for {home}, and none may be started (FLYTE_AUTOSTART).")
        info = start_server(home, port=port, say=say)
    require_version(info)
    return info


def require_version(info: ServerInfo) -> None:
    """Refuse to work with a server of another version.

    Raises:
        InitializationError: it is one.
    """
    if info.version != VERSION:
        raise InitializationError(
            f"The server at {info.url} is version {info.version}; this is version {VERSION}.",
            hint="Stop it; the next command starts the right one, and runs go on: flyte stop server",
        )


def start_server(
    home: Path, *, port: int | None = None, options: tuple[str, ...] = (), say: Say = to_stderr
) -> ServerInfo:
    """Start a server, or find the one that somebody else started meanwhile; returns when it answers.

    `options` go to `python -m flyte_server` as they are.

    Raises:
        InitializationError: the data directory cannot be used.
        ServerStartError: it did not come up; the message holds its last words.
    """
    try:
        home.mkdir(parents=True, exist_ok=True)
        with _starting(home):
            info = status(home)
            if info is not None:
                return info
            say(f"Starting the server of this machine (data in {home}) ...")
            info = _spawn(home, port, options)
    except OSError as error:
        raise InitializationError(
            f"The data directory {home} cannot be used: {error.strerror or error}",
            hint="Give yourself the right to write there, or set FLYTE_HOME to a directory of yours.",
        ) from error
    say(f"It runs at {info.url} and stops by itself when idle. To stop it now: flyte stop server")
    return info


def stop_server(home: Path, *, timeout_s: float = STOP_TIMEOUT_S) -> ServerInfo | None:
    """Ask the server to end, and wait until it has. None: there was none. Attempts that run go on.

    Raises:
        RuntimeSystemError: it still runs after `timeout_s`.
    """
    info = status(home) or there(home)
    if info is None:
        return None
    owner = process.identity(info.pid)
    if owner is None:
        return None
    with contextlib.suppress(ProcessLookupError):
        os.kill(info.pid, signal.SIGTERM)
    deadline = time.monotonic() + timeout_s
    while process.alive(owner):
        if time.monotonic() > deadline:
            raise RuntimeSystemError(
                f"The server (pid {info.pid}) has not ended within {timeout_s:g} s.",
                hint=f"What it does: {Layout(home).server_log}. By force, nothing is lost: kill -9 {info.pid}",
            )
        time.sleep(0.02)
    _spawned[:] = [each for each in _spawned if each.poll() is None]
    return info


def base_url(home: Path, port: int | None = None) -> str:
    """The address of the server of this data directory, running or not: printed URLs keep answering.

    `port`: the one that is configured; the next server will have it.
    """
    info = recorded(home)
    if info is not None:
        return info.url
    if port is not None:
        return f"http://localhost:{port}"
    layout = Layout(home)
    try:
        port = int(layout.port.read_text())
    except (OSError, ValueError):
        from flyte_core.layout import DEFAULT_PORT

        port = DEFAULT_PORT
    return f"http://localhost:{port}"


def _info(found: Any) -> ServerInfo:
    return ServerInfo(
        pid=int(found["pid"]),
        url=str(found["url"]).rstrip("/"),
        data_dir=str(found["data_dir"]),
        version=str(found["version"]),
        started_at=str(found.get("started_at", "")),
        cpu=found.get("cpu"),
        memory_bytes=found.get("memory_bytes"),
    )


def _same(data_dir: str, home: Path) -> bool:
    return os.path.realpath(data_dir) == os.path.realpath(home)


def _probe(url: str) -> ServerInfo | None:
    """What answers `GET /healthz` there. Plain sockets: this must stay cheap, and run without a loop."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or 80
    request = f"GET /healthz HTTP/1.0\r\nhost: {parts.netloc}\r\naccept: application/json\r\n\r\n"
    for address in ("127.0.0.1", "::1") if host == "localhost" else (host,):
        try:
            with socket.create_connection((address, port), timeout=PROBE_TIMEOUT_S) as connection:
                connection.sendall(request.encode())
                answer = b"".join(iter(lambda: connection.recv(65536), b""))
            head, _, body = answer.partition(b"\r\n\r\n")
            if head.split(b" ", 2)[1:2] == [b"200"]:
                return _info(json.loads(body))
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return None


def there(home: Path) -> ServerInfo | None:
    """The server whose process is there, whether it answers or not: told by its command line."""
    info = recorded(home)
    if info is None:
        return None
    try:
        words = Path(f"/proc/{info.pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return None
    return info if b"flyte_server" in words and os.fsencode(home) in words else None


@contextlib.contextmanager
def _starting(home: Path) -> Iterator[None]:
    """Held by the one process that starts the server."""
    fd = os.open(home / "start.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


_spawned: list["subprocess.Popen[bytes]"] = []
"""Servers this process has started: kept, for it must not wait for them at its end."""


def _spawn(home: Path, port: int | None, options: tuple[str, ...]) -> ServerInfo:
    command = [sys.executable, "-m", "flyte_server", "--home", str(home)]
    if port is not None:
        command += ["--port", str(port)]
    log = Layout(home).server_log
    with log.open("ab") as output:
        began = output.tell()
        server = subprocess.Popen(
            [*command, *options],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd="/",
            start_new_session=True,
        )
    _spawned.append(server)
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        info = status(home)
        if info is not None:
            return info
        code = server.poll()
        if code is not None:
            said = _tail(log, began) or _without_words(home)
            raise ServerStartError(
                f"The server ended at once (exit code {code}).{said}", hint=f"Its log: {log}"
            )
        time.sleep(0.02)
    raise ServerStartError(
        f"The server (pid {server.pid}) does not answer after {START_TIMEOUT_S:g} s.", hint=f"Its log: {log}"
    )


def _without_words(home: Path) -> str:
    """Why a server can have left no word."""
    disk = os.statvfs(home)
    if disk.f_bavail * disk.f_frsize > _ROOM:
        return ""
    return f"\n  The disk that holds {home} is full. Free some space there; what was recorded is safe."


def _tail(log: Path, began: int) -> str:
    """What was written to the log since `began`, its last lines."""
    with log.open("rb") as file:
        file.seek(began)
        lines = file.read().decode("utf-8", "replace").splitlines()
    return "".join(f"\n  {line}" for line in lines[-_LOG_TAIL:])
