"""The preloaded process that attempts are forked from: `python -m flyte._runtime.zygote SOCKET`.

One for each interpreter, started detached by the executor, outliving it. Single-threaded, without an
event loop, so that a fork is safe. Attempts that share a code bundle are forked from a `nest`, a
child that has imported it, from the second one on. It ends when it was idle for long, when its
socket is gone, or when the packages it has loaded have changed on the disk.
"""

import gc
import os
import select
import signal
import socket
import struct
import sys
import time
import traceback
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import flyte
import flyte_core
from flyte._runtime import nest, worker
from flyte._runtime.forking import Children, fork_shim
from flyte_core.supervision import PROTOCOL, FrameReader, Spec, frame

PRELOAD = (
    "asyncio",
    "flyteidl2.task.common_pb2",
    "flyteidl2.core.literals_pb2",
    "flyte._authoring.invoke",
    "flyte._controller.remote",
    "flyte._controller.worker",
    "flyte._log",
    "flyte._secrets",
    "flyte._types.engine",
)
"""What a typical attempt imports anyway; none of it starts a thread."""

IDLE_S = 600.0
NESTS = 8
NEST_IDLE_S = 300.0
IMPORT_S = 120.0
"""How long a nest may import before it is given up."""

_TICK_S = 5.0
_REQUEST_S = 30.0
_CREDENTIALS = struct.Struct("3i")


@dataclass
class Nest:
    """A child zygote as its parent knows it."""

    channel: socket.socket
    pid: int
    used_at: float
    reader: FrameReader = field(default_factory=FrameReader)
    ready: bool = False


@dataclass
class Request:
    channel: socket.socket
    since: float
    reader: FrameReader = field(default_factory=FrameReader)


class Zygote:
    """The serving loop. One thread, no event loop."""

    def __init__(self, listener: socket.socket, path: Path) -> None:
        self._listener = listener
        self._path = path
        self._inode = path.stat().st_ino
        self._children = Children()
        self._requests: dict[int, Request] = {}
        self._nests: OrderedDict[nest.Key, Nest] = OrderedDict()
        self._unsafe: OrderedDict[nest.Key, str] = OrderedDict()
        self._used_at = time.monotonic()
        self._retired = False
        self._prints = fingerprint()
        self._checked_at = self._used_at
        self._poll = select.poll()
        for source in (listener, self._children.wakeup):
            self._poll.register(source, select.POLLIN)

    def serve(self) -> None:
        """Fork on request until there is a reason to end."""
        while not self._retired:
            for fd, _ in self._poll.poll(_TICK_S * 1000):
                if fd == self._listener.fileno():
                    self._accept()
                elif fd in self._requests:
                    self._read(self._requests[fd])
                else:
                    self._hear(fd)
            self._children.collect()
            self._tidy(time.monotonic())

    # -- launches ----------------------------------------------------------------------------

    def _accept(self) -> None:
        try:
            channel, _ = self._listener.accept()
        except OSError:
            return
        raw = channel.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        if _CREDENTIALS.unpack(raw)[1] != os.geteuid():
            channel.close()
            return
        channel.setblocking(False)
        self._requests[channel.fileno()] = Request(channel, time.monotonic())
        self._poll.register(channel, select.POLLIN)
        self._read(self._requests[channel.fileno()])

    def _read(self, request: Request) -> None:
        try:
            data = request.channel.recv(1 << 20)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        try:
            got = request.reader.feed(data) if data else None
        except ValueError as error:
            self._forget(request)
            self._refuse(request.channel, str(error))
            return
        if got is None and data:
            return
        self._forget(request)
        if got is None:
            request.channel.close()
        else:
            self._launch(*got, request.channel)

    def _forget(self, request: Request) -> None:
        self._poll.unregister(request.channel)
        del self._requests[request.channel.fileno()]
        request.channel.setblocking(True)

    def _launch(self, head: dict[str, Any], body: bytes | None, channel: socket.socket) -> None:
        now = time.monotonic()
        self._used_at = now
        if head.get("protocol") != PROTOCOL or self._stale(now):
            self._retired = True
            self._refuse(channel, "outdated")
            return
        spec = Spec.decode(head, body)
        key = nest.key_of(spec) if spec.fork else None
        found = self._nests.get(key) if key is not None else None
        if key is not None and found is not None and found.ready:
            self._nests.move_to_end(key)
            found.used_at = now
            if self._hand_over(found, spec, channel):
                return
            self._drop(key)
        fork_shim(spec, channel, worker.run)
        if key is not None and found is None and key not in self._unsafe:
            self._breed(key, spec, now)

    def _refuse(self, channel: socket.socket, why: str) -> None:
        with suppress(OSError):
            channel.sendall(frame({"refused": why}))
        channel.close()

    # -- nests -------------------------------------------------------------------------------

    def _breed(self, key: nest.Key, spec: Spec, now: float) -> None:
        while len(self._nests) >= NESTS:
            self._drop(next(iter(self._nests)))
        ours, theirs = socket.socketpair()
        pid = os.fork()
        if pid == 0:
            try:
                signal.set_wakeup_fd(-1)
                os.dup2(theirs.fileno(), 3, inheritable=False)
                theirs.detach()
                os.closerange(4, max(map(int, os.listdir("/proc/self/fd"))) + 1)  # noqa: PTH208
                nest.live(spec, socket.socket(fileno=3))
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(1)
        theirs.close()
        self._nests[key] = Nest(ours, pid, now)
        self._poll.register(ours, select.POLLIN)

    def _hand_over(self, found: Nest, spec: Spec, channel: socket.socket) -> bool:
        data = spec.encode()
        try:
            found.channel.settimeout(_TICK_S)
            sent = socket.send_fds(found.channel, [data], [channel.fileno()])
            found.channel.sendall(data[sent:])
        except OSError:
            return False
        channel.close()
        return True

    def _hear(self, fd: int) -> None:
        """A nest says that it is ready, or why it never will be, or is gone."""
        for key, found in list(self._nests.items()):
            if found.channel.fileno() != fd:
                continue
            try:
                data = found.channel.recv(4096)
            except OSError:
                data = b""
            got = found.reader.feed(data) if data else None
            if got is not None and got[0]["ready"]:
                found.ready = True
            elif got is not None or not data:
                self._give_up(key, got[0]["why"] if got is not None else "the import ended its process")

    def _give_up(self, key: nest.Key, why: str) -> None:
        if not self._nests[key].ready:
            self._unsafe[key] = why
            print(f"{key[1]} of {key[0]} is imported by each attempt: {why}", file=sys.stderr, flush=True)
            if len(self._unsafe) > 10 * NESTS:
                self._unsafe.popitem(last=False)
        self._drop(key)

    def _drop(self, key: nest.Key) -> None:
        """Let a nest go: it ends when it notices; attempts forked from it go on."""
        found = self._nests.pop(key)
        self._poll.unregister(found.channel)
        found.channel.close()
        if not found.ready:
            with suppress(ProcessLookupError):
                os.kill(found.pid, signal.SIGKILL)

    # -- end ---------------------------------------------------------------------------------

    def _tidy(self, now: float) -> None:
        for key, found in list(self._nests.items()):
            if not found.ready and now - found.used_at > IMPORT_S:
                self._give_up(key, f"the import took longer than {IMPORT_S:g} s")
            elif now - found.used_at > NEST_IDLE_S:
                self._drop(key)
        for request in [each for each in self._requests.values() if now - each.since > _REQUEST_S]:
            self._forget(request)
            request.channel.close()
        try:
            replaced = self._path.stat().st_ino != self._inode
        except OSError:
            replaced = True
        self._retired = self._retired or replaced or now - self._used_at > IDLE_S

    def _stale(self, now: float) -> bool:
        if now - self._checked_at < 1.0:
            return False
        self._checked_at = now
        return fingerprint() != self._prints


def fingerprint() -> dict[str, tuple[int, int]]:
    """What tells whether the packages this process has loaded are still those on the disk."""
    ours = tuple(str(Path(str(package.__file__)).parent) for package in (flyte, flyte_core))
    files = {
        str(module.__file__)
        for name, module in list(sys.modules.items())
        if name.startswith(("flyte.", "flyte_core.")) and getattr(module, "__file__", None)
    }
    folders = {entry for entry in sys.path if entry.endswith(("site-packages", "dist-packages"))}
    found = {}
    for path in {*ours, *files, *folders}:
        with suppress(OSError):
            status = os.stat(path)  # noqa: PTH116
            found[path] = (status.st_mtime_ns, status.st_size)
    return found


def listen(path: Path) -> socket.socket:
    """A socket that appears under its name only once it answers.

    Socket addresses are short: the path is named from its directory, however deep that is.
    """
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        draft = f"{os.getpid()}.tmp"
        listener.bind(f"/proc/self/fd/{directory}/{draft}")
        listener.listen(512)
        os.rename(draft, path.name, src_dir_fd=directory, dst_dir_fd=directory)
    finally:
        os.close(directory)
    listener.setblocking(False)
    return listener


def main() -> None:
    path = Path(sys.argv[1])
    os.chdir("/")
    os.umask(0o077)
    for name in PRELOAD:
        import_module(name)
    threads = len(os.listdir("/proc/self/task"))  # noqa: PTH208
    if threads != 1:
        sys.exit(f"{threads} threads run after the runtime was loaded; a fork would not be safe")
    gc.collect()
    gc.freeze()
    gc.disable()
    zygote = Zygote(listen(path), path)
    # Whoever started this process waits for a word on standard output; from now on that is the log.
    with suppress(OSError):
        os.write(1, b"ready\n")
    os.dup2(2, 1)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    zygote.serve()
    with suppress(OSError):
        if path.stat().st_ino == zygote._inode:
            path.unlink()


if __name__ == "__main__":
    main()
