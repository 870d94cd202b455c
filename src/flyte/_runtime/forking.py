"""What zygotes and nests share: fork a shim, collect children."""

import os
import signal
import socket
import traceback
from collections.abc import Callable

from flyte._runtime import shim
from flyte_core.supervision import Spec


def fork_shim(spec: Spec, channel: socket.socket, body: Callable[[Spec], int]) -> None:
    """Start the supervision of one attempt in a child, which answers on `channel`."""
    pid = os.fork()
    if pid:
        channel.close()
        return
    try:
        signal.set_wakeup_fd(-1)
        kept = os.dup(channel.fileno())
        channel.detach()
        os.dup2(kept, 3, inheritable=False)
        os.closerange(4, max(map(int, os.listdir("/proc/self/fd"))) + 1)  # noqa: PTH208
        shim.supervise(spec, shim.answer_on(socket.socket(fileno=3)), body)
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(0)


class Children:
    """Wakes a poll when a child has ended, and collects it."""

    def __init__(self) -> None:
        self.wakeup, self._end = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        signal.set_wakeup_fd(self._end, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, _noticed)

    def collect(self) -> None:
        try:
            while os.read(self.wakeup, 4096):
                pass
        except BlockingIOError:
            pass
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            pass


def _noticed(number: int, frame: object) -> None:
    """The wakeup pipe has what there is to know."""
