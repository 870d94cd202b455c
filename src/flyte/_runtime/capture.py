"""Prints and logs of actions that share one process, each written to the log of its own action.

Used where an attempt has no process of its own: local runs and warm workers. `install` once when a
run starts (never at import), then put each body in `with to(LogFile(path)):`. What the body prints
to `sys.stdout` and `sys.stderr`, and what `logging` handlers of those streams write, lands in that
file in the format of `flyte_core.logs`; so does the output of threads and executors it starts.
Output of C code and of child processes cannot be told apart and goes to the process's own streams.
"""

import contextvars
import functools
import io
import logging
import sys
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, BinaryIO, Literal, TextIO

from flyte_core import logs
from flyte_core.model import Micros

LINE_LIMIT = 64 * 1024
"""Characters after which a line is cut into several records."""

_EMPTY = ""


class LogFile:
    """Appends records to one attempt's log. Any thread may write; the file is created by the first line.

    `echo` is called with every piece of text as it is written, complete line or not, so that a
    local run shows it on the terminal too.
    """

    def __init__(
        self, path: Path | str, echo: Callable[[Literal["o", "e"], str], object] | None = None
    ) -> None:
        self._path = path
        self.echo = echo
        self._lock = threading.Lock()
        self._file: BinaryIO | None = None
        self._partial: dict[Literal["o", "e", "s"], str] = {}
        self._failed = False

    @property
    def path(self) -> Path:
        return Path(self._path)

    def write(self, stream: Literal["o", "e", "s"], text: str, *, echo: bool = True) -> None:
        """Take text as a program writes it: whole lines become records, the rest waits for its end.

        Never raises: a log that cannot be written (a full disk) must not fail the task. `echo=False`
        keeps the text from the terminal.
        """
        if stream != "s" and echo and self.echo is not None:
            self.echo(stream, text)
        with self._lock:
            text = self._partial.pop(stream, _EMPTY) + text
            *lines, rest = text.split("\n")
            while len(rest) > LINE_LIMIT:
                lines.append(rest[:LINE_LIMIT])
                rest = rest[LINE_LIMIT:]
            if rest:
                self._partial[stream] = rest
            if lines:
                self._append(stream, lines)

    def close(self) -> None:
        """Write what has no newline yet and let go of the file. Later writes open it again."""
        if self._file is None and not self._partial:
            return
        with self._lock:
            for stream, rest in self._partial.items():
                self._append(stream, [rest])
            self._partial.clear()
            if self._file is not None:
                self._file.close()
                self._file = None

    def _append(self, stream: Literal["o", "e", "s"], lines: Iterable[str]) -> None:
        if self._failed:
            return
        now = Micros(time.time_ns() // 1000)
        try:
            if self._file is None:
                path = self.path
                path.parent.mkdir(parents=True, exist_ok=True)
                self._file = path.open("ab", buffering=0)
            self._file.write(
                b"".join(
                    logs.encode(now, stream, line[at : at + LINE_LIMIT])
                    for line in lines
                    for at in range(0, len(line) or 1, LINE_LIMIT)
                )
            )
        except OSError:
            self._failed = True


_target: contextvars.ContextVar[LogFile | None] = contextvars.ContextVar("flyte_log", default=None)


class to:
    """Send the output of a block, and of the tasks and threads it starts, to `log`; close it after."""

    __slots__ = ("_log", "_token")

    def __init__(self, log: LogFile) -> None:
        self._log = log

    def __enter__(self) -> LogFile:
        self._token = _target.set(self._log)
        return self._log

    def __exit__(self, *_: object) -> None:
        _target.reset(self._token)
        self._log.close()


def current() -> LogFile | None:
    """The log that output of this context goes to; None: the process's own streams."""
    return _target.get()


class _Proxy(io.TextIOBase):
    """Stands for `sys.stdout` or `sys.stderr`: asks at each write whose output it is."""

    def __init__(self, original: TextIO, stream: Literal["o", "e"]) -> None:
        self.original = original
        self._stream = stream

    def write(self, text: str) -> int:
        log = _target.get()
        if log is None:
            return self.original.write(text)
        log.write(self._stream, text)
        return len(text)

    def flush(self) -> None:
        self.original.flush()

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return _target.get() is None and self.original.isatty()

    def fileno(self) -> int:
        return self.original.fileno()

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self.original.encoding

    @property
    def errors(self) -> str | None:  # type: ignore[override]
        return self.original.errors

    @property
    def buffer(self) -> BinaryIO:
        return _Bytes(self, self.original)  # type: ignore[return-value]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.original, name)


class _Bytes(io.RawIOBase):
    """`sys.stdout.buffer`: bytes of a captured body are decoded into its log."""

    def __init__(self, proxy: _Proxy, original: TextIO) -> None:
        self._proxy = proxy
        self._original = original

    def write(self, data: Any) -> int:
        if _target.get() is None:
            return self._original.buffer.write(data)
        self._proxy.write(bytes(data).decode("utf-8", "replace"))
        return len(data)

    def flush(self) -> None:
        self._proxy.flush()

    def writable(self) -> bool:
        return True


_installed: list[Callable[[], None]] = []
_guard = threading.Lock()


def install() -> None:
    """Put the proxies in place. Idempotent; `uninstall` undoes it."""
    with _guard:
        if _installed:
            return
        _swap_streams()
        _carry_context_into_threads()


def uninstall() -> None:
    """Undo `install`: the streams and classes are what they were. Idempotent."""
    with _guard:
        while _installed:
            _installed.pop()()


def _swap_streams() -> None:
    """Replace both streams, also in logging handlers that took hold of them earlier."""
    for name, stream in (("stdout", "o"), ("stderr", "e")):
        original = getattr(sys, name)
        if original is None:
            continue
        proxy = _Proxy(original, stream)  # type: ignore[arg-type]
        setattr(sys, name, proxy)
        _installed.append(functools.partial(_restore_stream, name, proxy))
        _redirect_handlers(original, proxy)
        _installed.append(functools.partial(_redirect_handlers, proxy, original))


def _restore_stream(name: str, proxy: _Proxy) -> None:
    if getattr(sys, name) is proxy:
        setattr(sys, name, proxy.original)


def _redirect_handlers(old: Any, new: Any) -> None:
    for reference in list(logging._handlerList):  # type: ignore[attr-defined]
        handler = reference()
        if isinstance(handler, logging.StreamHandler) and vars(handler).get("stream") is old:
            handler.stream = new


def _carry_context_into_threads() -> None:
    """Threads and pools start with an empty context: let them begin with that of their creator."""
    thread_class: Any = threading.Thread
    pool_class: Any = ThreadPoolExecutor
    start = thread_class.start
    submit = pool_class.submit

    @functools.wraps(start)
    def start_in_context(thread: Any) -> None:
        if _target.get() is not None:
            thread.run = functools.partial(contextvars.copy_context().run, thread.run)
        start(thread)

    @functools.wraps(submit)
    def submit_in_context(pool: Any, fn: Any, /, *args: Any, **kwargs: Any) -> Any:
        if _target.get() is None:
            return submit(pool, fn, *args, **kwargs)
        work = functools.partial(contextvars.copy_context().run, fn, *args, **kwargs)
        # The pool's own threads serve everybody: they are started in a context of nobody.
        return contextvars.Context().run(submit, pool, work)

    thread_class.start = start_in_context
    pool_class.submit = submit_in_context
    _installed.append(functools.partial(setattr, thread_class, "start", start))
    _installed.append(functools.partial(setattr, pool_class, "submit", submit))
