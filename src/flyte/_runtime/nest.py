"""A zygote's child that has imported one bundle of user code, for attempts to be forked from.

Forking after user code was imported is only right when the import left nothing behind that two
processes cannot share: threads, open files or sockets, child processes, seeded random numbers.
Such code is refused here (`unsafe`), and its attempts import it for themselves.
"""

import contextlib
import gc
import os
import random
import select
import signal
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import FunctionType
from typing import Any, NoReturn

from flyte._authoring.task import Task
from flyte._dataflow.reach import may_call
from flyte._dataflow.twins import twin_of
from flyte._runtime import a0, attempt, code, worker
from flyte._runtime.forking import Children, fork_shim
from flyte._runtime.resolver import import_module, module_of
from flyte._types.interface import codec_of_task
from flyte_core.layout import Layout, default_home
from flyte_core.supervision import FrameReader, Spec, frame

PER_ATTEMPT = frozenset(
    {"ACTION_NAME", "RUN_NAME", "_U_RUN_BASE", "FLYTE_ATTEMPT_NUMBER", "FLYTE_ATTEMPT_TOKEN"}
)
"""Variables that differ between attempts of the same code; modules see them only when a body runs."""

Key = tuple[str, str, tuple[tuple[str, str], ...]]


def key_of(spec: Spec) -> Key | None:
    """What attempts must have in common to share imported modules. None: this one shares with nobody."""
    if not spec.code:
        return None
    try:
        options = a0.parse(spec.argv)
    except a0.UsageError:
        return None
    module = module_of(options.resolver_args)
    if not module or not options.tgz:
        return None
    return spec.code, module, tuple(sorted(_shared(spec.env).items()))


def live(spec: Spec, channel: socket.socket) -> NoReturn:
    """Be a nest: import the code of `spec`, tell whether that is safe to share, fork shims on request.

    `channel` is the zygote's end of the world: it gets one frame, and gives launches with the
    connection to answer on. Its end is the nest's.
    """
    prelude = Prelude()
    why = _import(spec, prelude)
    channel.sendall(frame({"ready": not why, "why": why}))
    if why:
        os._exit(0)
    gc.collect()
    gc.freeze()
    children = Children()
    reader = FrameReader()
    fds: list[int] = []
    poll = select.poll()
    poll.register(channel, select.POLLIN)
    poll.register(children.wakeup, select.POLLIN)
    while True:
        poll.poll()
        children.collect()
        try:
            data, received, _, _ = socket.recv_fds(channel, 65536, 16, socket.MSG_DONTWAIT)
        except BlockingIOError:
            continue
        if not data:
            os._exit(0)
        fds += received
        got = reader.feed(data)
        while got is not None:
            fork_shim(Spec.decode(*got), socket.socket(fileno=fds.pop(0)), prelude.run)
            got = reader.feed(b"")


class Prelude:
    """What the import wrote, kept so that the log of every attempt has it."""

    def __init__(self) -> None:
        self._files = [os.memfd_create(name) for name in ("stdout", "stderr")]
        for fd, target in zip(self._files, (1, 2), strict=True):
            os.dup2(fd, target)

    def run(self, spec: Spec) -> int:
        """The body of a fork, after the replay of what the import wrote."""
        for text, target in zip(self._texts, (1, 2), strict=True):
            while text:
                text = text[os.write(target, text) :]
        return worker.run(spec)

    def keep(self) -> None:
        """The import is over: take what was written, and let go of the files."""
        sys.stdout.flush()
        sys.stderr.flush()
        self._texts = [os.pread(fd, os.fstat(fd).st_size, 0) for fd in self._files]
        null = os.open(os.devnull, os.O_WRONLY)
        for target in (1, 2):
            os.dup2(null, target)
        for fd in (null, *self._files):
            os.close(fd)


def _import(spec: Spec, prelude: Prelude) -> str:
    """Import the code as an attempt would. Returns why it must not be shared; empty: it may."""
    worker.take_on(spec.argv, _shared(spec.env))
    before = _open_files()
    handlers = _handlers()
    seeded = _watch_seeding()
    options = a0.parse(spec.argv)
    try:
        code.prepare(options, Layout(default_home()))
        attempt.resolver_module(options)
        module = import_module(module_of(options.resolver_args))
    except BaseException as error:
        return f"the import failed: {type(error).__name__}"
    if seeded():
        return "the import seeded random numbers"
    if _handlers() != handlers:
        return "the import set signal handlers"
    if threading.active_count() > 1:
        return "the import started threads"
    if left := _open_files() - before:
        return f"the import left files open: {', '.join(sorted(left))}"
    if _children():
        return "the import started processes"
    if _tasks() > 1:
        # Libraries that mind forks (OpenBLAS) end their threads before one and start them again later.
        trial = os.fork()
        if trial == 0:
            os._exit(0)
        os.waitpid(trial, 0)
        if _tasks() > 1:
            return "the import started threads"
    prelude.keep()
    _get_ready(module)
    return ""


def _get_ready(module: Any) -> None:
    """What every attempt of these tasks would work out for itself, once for all of them."""
    for value in list(vars(module).values()):
        if isinstance(value, Task):
            with contextlib.suppress(Exception):
                codec_of_task(value)
                if may_call(value) and isinstance(value.func, FunctionType):
                    twin_of(value.func)


def _shared(env: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in env.items() if name not in PER_ATTEMPT}


def _open_files() -> set[str]:
    found = set()
    for entry in Path("/proc/self/fd").iterdir():
        try:
            found.add(f"{entry.name} {entry.readlink()}")
        except OSError:
            continue  # the descriptor of this very listing
    return found


def _tasks() -> int:
    return sum(1 for _ in Path("/proc/self/task").iterdir())


def _children() -> bool:
    try:
        return os.waitpid(-1, os.WNOHANG) is not None
    except ChildProcessError:
        return False


def _handlers() -> list[Any]:
    return [signal.getsignal(number) for number in signal.valid_signals()]


def _watch_seeding() -> Callable[[], bool]:
    """Tells later whether somebody asked for the same random numbers every time."""
    original = random.seed
    asked: list[bool] = []

    def seed(a: Any = None, version: int = 2) -> None:
        asked.append(a is not None)
        original(a, version)

    random.seed = seed

    def seeded() -> bool:
        random.seed = original
        numpy_random: Any = sys.modules.get("numpy.random")
        if numpy_random is None:
            return any(asked)
        # A generator that was seeded explicitly no longer has the sequence it was born with.
        generator = numpy_random.mtrand._rand._bit_generator
        return any(asked) or getattr(generator, "seed_seq", None) is None

    return seeded
