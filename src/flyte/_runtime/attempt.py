"""Runs one attempt in this process: code, inputs, body, and `outputs.pb` or `error.pb`."""

import asyncio
import contextlib
import importlib
import os
import signal
import sys
import threading
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from flyte._runtime import code, context, failure
from flyte._runtime.a0 import Options
from flyte._runtime.context import AttemptContext
from flyte.errors import RuntimeSystemError
from flyte_core.layout import Layout, default_home
from flyte_core.model import ErrorInfo
from flyte_core.wire import edges as wire_edges
from flyte_core.wire import errors as wire_errors
from flyte_core.wire.godwit.v1 import worker_pb2

if TYPE_CHECKING:
    from flyte._authoring.task import Task

OUTPUTS = "outputs.pb"
ERROR = "error.pb"
EDGES = "edges.pb"
FAILED = 1
"""Exit code of an attempt that left an `error.pb`."""

_DEFAULT_RESOLVER = "flyte._runtime.resolver"


class Terminated(KeyboardInterrupt):
    """The process was asked to end (SIGTERM) while a sync body ran: an abort, or a limit that was passed."""


def run(options: Options, inputs: bytes | None = None) -> int:
    """Run the attempt that the command line and the environment describe; returns the exit code.

    `inputs` are serialized `flyteidl2.task.Inputs`; without them the file of `--inputs` is read.
    The traceback of a failure goes to stderr, hence to the log, too. An attempt that was asked to end
    leaves neither outputs nor an error: how it ended is told by its supervisor, so it ends by that
    very signal.
    """
    here = context.from_environment(options, os.environ)
    with Termination() as termination:
        try:
            outputs = _execute(options, inputs, here, termination)
        except BaseException as error:
            if termination.asked:
                end_by_signal()
            told = failure.describe(error)
            show(told)
            leave_error(here.output_dir, told)
            return FAILED
    begun = perf_counter()
    write(here.output_dir / OUTPUTS, outputs)
    here.handling.writing_s += perf_counter() - begun
    leave_word(here)
    return 0


def load_task(options: Options) -> "Task[..., Any]":
    """The task object, from the code bundle, the pickle or the installed packages.

    Raises:
        flyte.errors.CodeBundleError, flyte.errors.ModuleLoadError: it cannot be had.
    """
    layout = Layout(default_home())
    if options.pkl:
        return code.pickled(options, layout)
    code.prepare(options, layout)
    task: Task[..., Any] = resolver_module(options).load(options.resolver_args)
    return task


def resolver_module(options: Options) -> Any:
    """The module that finds the task; ours unless the command line names another."""
    return importlib.import_module(options.resolver or _DEFAULT_RESOLVER)


def leave_word(here: AttemptContext) -> None:
    """Beside the outputs: where they came from, and what handling values took, if that is worth a word."""
    reading, writing = here.handling.told()
    if here.edges or reading or writing:
        message = worker_pb2.Edges(reading_us=reading, writing_us=writing)
        wire_edges.put(message.edges, here.edges)
        write(here.output_dir / EDGES, message.SerializeToString())


def read_inputs(options: Options) -> bytes:
    """What the file of `--inputs` holds; an action without inputs has no file.

    Raises:
        RuntimeSystemError: the file cannot be read.
    """
    if not options.inputs:
        return b""
    try:
        return Path(options.inputs).read_bytes()
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise RuntimeSystemError(f"The inputs {options.inputs} cannot be read: {error.strerror}") from error


def show(error: ErrorInfo) -> None:
    """Put the traceback where people look first: into the log."""
    with contextlib.suppress(Exception):
        print(error.traceback, end="", file=sys.stderr, flush=True)


def leave_error(directory: Path, error: ErrorInfo) -> None:
    write(directory / ERROR, wire_errors.to_document(error))


def write(path: Path, data: bytes) -> None:
    """Put a result in place whole. Forcing it to the disk is the supervisor's part, or the server's."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        fd = os.open(draft, os.O_CREAT | os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        fd = os.open(draft, os.O_CREAT | os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(fd, view) :]
    finally:
        os.close(fd)
    draft.rename(path)


class Termination:
    """SIGTERM, while a body runs on the main thread: `CancelledError` in a coroutine, else `Terminated`."""

    def __init__(self) -> None:
        self.asked = False
        self._task: asyncio.Task[Any] | None = None
        self._before: Any = None

    def __enter__(self) -> "Termination":
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGTERM, self._on_signal)
        return self

    def __exit__(self, *_: object) -> None:
        if self._before is not None:
            signal.signal(signal.SIGTERM, self._before)

    async def guard(self, body: Any) -> Any:
        """Await `body`, cancelled when the signal comes."""
        self._task = asyncio.current_task()
        if self.asked:
            body.close()
            raise asyncio.CancelledError
        try:
            return await body
        finally:
            self._task = None

    def _on_signal(self, number: int, frame: object) -> None:
        self.asked = True
        task = self._task
        if task is None:
            raise Terminated("the process was asked to end (SIGTERM)")
        task.get_loop().call_soon_threadsafe(task.cancel)


def end_by_signal() -> None:
    """End this process by SIGTERM, after what a process does when it ends by itself."""
    from flyte._runtime.worker import wind_up

    wind_up()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGTERM)


def _execute(options: Options, inputs: bytes | None, here: AttemptContext, termination: Termination) -> bytes:
    task = load_task(options)
    begun = perf_counter()
    data = read_inputs(options) if inputs is None else inputs
    here.handling.reading_s += perf_counter() - begun
    from flyte._authoring import invoke

    if not task.is_async:
        return invoke.invoke(task, data, here)
    with asyncio.Runner() as runner:
        outputs: bytes = runner.run(termination.guard(invoke.ainvoke(task, data, here)))
        return outputs
