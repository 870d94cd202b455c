"""The progress line: on stderr, on terminals only, gone when the work is done."""

import contextlib
import itertools
import shutil
import sys
import threading
import time
from collections.abc import Callable
from types import TracebackType

from flyte._cli.render import display_width

_FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_INTERVAL_S = 0.12
_LOOK_S = 0.5
_SHARE = 10
"""At most one part in so many of the time is spent looking."""


class Progress:
    """A line that turns while something is waited for.

    Use it as a context manager; `look` is asked for its words from time to time, on the thread that
    draws. Where stderr is not a terminal, or progress is switched off, nothing is done at all.
    """

    def __init__(self, words: str, *, enabled: bool, look: Callable[[], str] | None = None) -> None:
        self._words = words
        self._look = look
        self._active = enabled and sys.stderr.isatty()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> "Progress":
        if self._active:
            self._thread = threading.Thread(target=self._turn, name="flyte-progress", daemon=True)
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.clear()

    def clear(self) -> None:
        """Take the line away; nothing is drawn any more."""
        if self._thread is not None:
            self._stop.set()
            self._thread.join()
            self._thread = None
            sys.stderr.write("\r\x1b[2K")
            sys.stderr.flush()

    def _turn(self) -> None:
        due = 0.0
        for frame in itertools.cycle(_FRAMES):
            if self._look is not None and time.monotonic() >= due:
                due = self._look_again(self._look)
            room = shutil.get_terminal_size().columns - 3
            words = self._words if display_width(self._words) <= room else self._words[: max(0, room)]
            sys.stderr.write(f"\r\x1b[2K{frame} {words}")
            sys.stderr.flush()
            if self._stop.wait(_INTERVAL_S):
                return

    def _look_again(self, look: Callable[[], str]) -> float:
        """Ask for the words; returns when to ask next: the longer it takes, the later."""
        began = time.monotonic()
        # What cannot be had now may be had next time; whoever waits says what is wrong.
        with contextlib.suppress(Exception):
            self._words = look()
        ended = time.monotonic()
        return ended + max(_LOOK_S, _SHARE * (ended - began))
