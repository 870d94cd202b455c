"""Runs the attempts of a warm worker: one by one on the main thread, or side by side on a loop."""

import asyncio
import contextlib
import contextvars
import fcntl
import functools
import os
import select
import signal
import struct
import termios
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from flyte._authoring import invoke
from flyte._runtime import attempt, capture, worker
from flyte._runtime.pump import Log, Pump
from flyte._runtime.warm import Job, Talk, describe, failed, succeeded
from flyte_core.supervision import LOG, WORK
from flyte_core.wire.godwit.v1 import worker_pb2

if TYPE_CHECKING:
    from flyte._authoring.task import Task


@functools.lru_cache(maxsize=256)
def _task(tgz: str, pkl: str, resolver: str, arguments: tuple[str, ...]) -> "Task[..., Any]":
    from flyte._runtime.a0 import Options

    return attempt.load_task(Options(tgz=tgz, pkl=pkl, resolver=resolver, resolver_args=arguments))


def _load(job: Job) -> "tuple[Task[..., Any], bytes]":
    """The task and its inputs; user code is imported once for all attempts."""
    options = job.options
    task = _task(options.tgz, options.pkl, options.resolver, options.resolver_args)
    begun = perf_counter()
    inputs = attempt.read_inputs(options) if job.inputs is None else job.inputs
    job.context.handling.reading_s += perf_counter() - begun
    return task, inputs


# -- one by one ------------------------------------------------------------------------------------


def one_by_one(talk: Talk) -> None:
    """Each attempt has the main thread, the process's variables, directory and output to itself."""
    output = Output()
    current = Current()
    talk.cancelled = current.cancel
    base = dict(os.environ)
    with asyncio.Runner() as runner:
        while (job := talk.inbox.get()) is not None:
            directory = job.context.output_dir
            os.environ.clear()
            os.environ.update({**base, **job.assignment.env})
            os.makedirs(directory / WORK, mode=0o700, exist_ok=True)  # noqa: PTH103
            os.chdir(directory / WORK)
            with output.to(directory / LOG):
                report = _run(job, runner, current)
                worker.flush()
            talk.report(report)
            os.chdir("/")


def _run(job: Job, runner: asyncio.Runner, current: "Current") -> worker_pb2.Report:
    try:
        with current.running(job.token):
            task, inputs = _load(job)
            if task.is_async:
                try:
                    outputs = runner.run(current.guard(invoke.ainvoke(task, inputs, job.context)))
                finally:
                    _clear(runner)
            else:
                outputs = contextvars.Context().run(invoke.invoke, task, inputs, job.context)
    except BaseException as error:
        told = describe(error)
        attempt.show(told)
        return failed(job, told)
    return succeeded(job, outputs)


def _clear(runner: asyncio.Runner) -> None:
    """End what the body left running on the loop; the next one must not meet it."""
    loop = runner.get_loop()
    left = asyncio.all_tasks(loop)
    for each in left:
        each.cancel()
    if left:
        loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))


class Current:
    """The attempt that has the main thread, for whoever wants to end it."""

    def __init__(self) -> None:
        self._token = 0
        self._unwanted: set[int] = set()
        self._body: asyncio.Task[bytes] | None = None
        self._lock = threading.Lock()
        signal.signal(signal.SIGUSR1, self._on_signal)

    @contextlib.contextmanager
    def running(self, token: int) -> Iterator[None]:
        """In this block `cancel(token)` raises `Terminated` on the main thread, or cancels the guarded body.

        Raises:
            Terminated: it was cancelled before it began.
        """
        with self._lock:
            if token in self._unwanted:
                self._unwanted.discard(token)
                raise attempt.Terminated
            self._token = token
        try:
            yield
        finally:
            with self._lock:
                self._token = 0

    async def guard(self, body: Any) -> bytes:
        self._body = asyncio.current_task()
        try:
            outputs: bytes = await body
            return outputs
        finally:
            self._body = None

    def cancel(self, token: int) -> None:
        """End the attempt, running or still to come. From any thread."""
        with self._lock:
            if token != self._token:
                self._unwanted.add(token)
            elif self._body is not None:
                self._body.get_loop().call_soon_threadsafe(self._body.cancel)
            else:
                signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)

    def _on_signal(self, number: int, frame: object) -> None:
        # It may arrive when the body has just ended: then there is nobody to tell.
        if self._token:
            raise attempt.Terminated


class Output:
    """Descriptors 1 and 2, given to one attempt's log after the other.

    C code and child processes write there too, so nothing of theirs is missed. What comes between
    attempts goes to the worker's own log.
    """

    def __init__(self) -> None:
        self._own = {"o": os.dup(1), "e": os.dup(2)}
        self._lock = threading.Lock()
        self._pumps: list[Pump] = []
        self._nobody = _Passed(self._own)
        poll = select.poll()
        for target, stream in ((1, "o"), (2, "e")):
            reading, writing = os.pipe2(os.O_CLOEXEC)
            os.dup2(writing, target)
            os.close(writing)
            self._pumps.append(Pump(reading, stream, self._nobody))  # type: ignore[arg-type]
            poll.register(reading, select.POLLIN)
        self._poll = poll
        threading.Thread(target=self._carry, name="flyte-output", daemon=True).start()

    @contextlib.contextmanager
    def to(self, path: Path) -> Iterator[None]:
        """Everything written in this block goes to the log at `path`."""
        log = Log(str(path))
        self._switch(log)
        try:
            yield
        finally:
            self._switch(self._nobody)
            log.close()

    def _switch(self, log: Log) -> None:
        with self._lock:
            for pump in self._pumps:
                while _waiting(pump.fd):
                    pump.pull()
                pump.turn(log)

    def _carry(self) -> None:
        while True:
            self._poll.poll()
            with self._lock:
                for pump in self._pumps:
                    pump.pull()


class _Passed(Log):
    """Not a log: hands records' text on to the worker's own streams."""

    def __init__(self, own: dict[str, int]) -> None:
        super().__init__("")
        self._streams = own

    def append(self, data: bytes) -> None:
        for line in data.splitlines():
            _, stream, text = line.split(b"\t", 2)
            with contextlib.suppress(OSError):
                os.write(self._streams[stream.decode()], text + b"\n")


def _waiting(fd: int) -> int:
    found: int = struct.unpack("i", fcntl.ioctl(fd, termios.FIONREAD, b"\0" * 4))[0]
    return found


# -- side by side ----------------------------------------------------------------------------------


def side_by_side(talk: Talk, concurrency: int) -> None:
    """Async bodies share the main thread's loop; sync ones get threads. Output goes by context."""
    capture.install()
    try:
        asyncio.run(_side_by_side(talk, concurrency))
    finally:
        capture.uninstall()


async def _side_by_side(talk: Talk, concurrency: int) -> None:
    loop = asyncio.get_running_loop()
    running: dict[int, asyncio.Task[None]] = {}
    unwanted: set[int] = set()

    def cancel(token: int) -> None:
        found = running.get(token)
        if found is None:
            unwanted.add(token)
        else:
            found.cancel()

    talk.cancelled = lambda token: loop.call_soon_threadsafe(cancel, token)
    arrivals: asyncio.Queue[Job | None] = asyncio.Queue()
    carrier = threading.Thread(target=_carry_jobs, args=(talk, loop, arrivals), daemon=True)
    carrier.start()
    with ThreadPoolExecutor(concurrency, "flyte-body") as threads:
        while (job := await arrivals.get()) is not None:
            if job.token in unwanted:
                unwanted.discard(job.token)
                talk.report(failed(job, describe(asyncio.CancelledError())))
                continue
            task = asyncio.create_task(_one(job, talk, threads))
            running[job.token] = task
            task.add_done_callback(lambda _, token=job.token: running.pop(token, None))  # type: ignore[misc]
        if running:
            await asyncio.wait(running.values())


def _carry_jobs(talk: Talk, loop: asyncio.AbstractEventLoop, to: "asyncio.Queue[Job | None]") -> None:
    while True:
        job = talk.inbox.get()
        loop.call_soon_threadsafe(to.put_nowait, job)
        if job is None:
            return


async def _one(job: Job, talk: Talk, threads: ThreadPoolExecutor) -> None:
    with capture.to(capture.LogFile(job.context.output_dir / LOG)):
        try:
            task, inputs = _load(job)
            if task.is_async:
                outputs = await invoke.ainvoke(task, inputs, job.context)
            else:
                body = functools.partial(invoke.invoke, task, inputs, job.context)
                outputs = await asyncio.get_running_loop().run_in_executor(threads, body)
            report = succeeded(job, outputs)
        except (Exception, asyncio.CancelledError, SystemExit, KeyboardInterrupt) as error:
            told = describe(error)
            attempt.show(told)
            report = failed(job, told)
    talk.report(report)
