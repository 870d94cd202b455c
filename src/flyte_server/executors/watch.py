"""Notices the end of processes that need not be children of this one."""

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import Callable

from flyte_core import process
from flyte_core.model import Owner

POLL_S = 0.2
"""How often to look where the kernel gives no descriptor to wait on."""


class Watch:
    """Calls back once when a process is gone. Lives on the event loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._fds: set[int] = set()
        self._polls: set[asyncio.Task[None]] = set()

    def add(self, owner: Owner, gone: Callable[[], None], *, child: bool = False) -> bool:
        """Watch a process; False when it is gone already. `child`: collect it when it ends."""
        try:
            fd = os.pidfd_open(owner.pid)
        except ProcessLookupError:
            return False
        except OSError:  # an old kernel, or no descriptors left
            return self._poll(owner, gone, child)
        # Only now is it certain that the descriptor is that process's and not a successor's.
        if not process.alive(owner):
            os.close(fd)
            return False
        self._fds.add(fd)
        self._loop.add_reader(fd, self._ended, fd, owner, gone, child)
        return True

    def hear(self, channel: socket.socket, spoken: Callable[[bytes], None]) -> None:
        """Call back once with what arrives on a connection, if anything does; then close it."""
        fd = channel.detach()
        self._fds.add(fd)
        self._loop.add_reader(fd, self._spoken, fd, spoken)

    def collect(self, child: int) -> None:
        """See to it that a child of this process does not stay a zombie."""
        owner = process.identity(child)
        if owner is None or not self.add(owner, _nothing, child=True):
            _wait(child)

    def close(self) -> None:
        """Stop watching; nothing is called any more."""
        for fd in self._fds:
            self._loop.remove_reader(fd)
            os.close(fd)
        self._fds.clear()
        for task in self._polls:
            task.cancel()

    def _ended(self, fd: int, owner: Owner, gone: Callable[[], None], child: bool) -> None:
        self._loop.remove_reader(fd)
        self._fds.discard(fd)
        os.close(fd)
        _collect(owner, child)
        gone()

    def _spoken(self, fd: int, spoken: Callable[[bytes], None]) -> None:
        self._loop.remove_reader(fd)
        self._fds.discard(fd)
        with contextlib.suppress(OSError):
            spoken(os.read(fd, 65536))
        os.close(fd)

    def _poll(self, owner: Owner, gone: Callable[[], None], child: bool) -> bool:
        if not process.alive(owner):
            return False

        async def look() -> None:
            while process.alive(owner):
                await asyncio.sleep(POLL_S)
            _collect(owner, child)
            gone()

        task = asyncio.create_task(look(), name=f"watch {owner.pid}")
        self._polls.add(task)
        task.add_done_callback(self._polls.discard)
        return True


def send(owner: Owner, number: signal.Signals) -> bool:
    """Signal that very process; False when it is gone."""
    try:
        fd = os.pidfd_open(owner.pid)
    except OSError:
        return False
    try:
        if not process.alive(owner):
            return False
        signal.pidfd_send_signal(fd, number)
    except ProcessLookupError:
        return False
    finally:
        os.close(fd)
    return True


def _collect(owner: Owner, child: bool) -> None:
    if child:
        _wait(owner.pid)


def _wait(child: int) -> None:
    with contextlib.suppress(ChildProcessError):
        os.waitpid(child, os.WNOHANG)


def _nothing() -> None:
    """The process was watched only to be collected."""
