"""The progress line: on stderr, on terminals only, gone when the work is done."""

import itertools
import shutil
import sys
import threading
from types import TracebackType

from flyte._cli.render import display_width

_FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_INTERVAL_S = 0.12


class Progress:
    """A line that turns while something is waited for.

    Use it as a context manager; `say` changes its words. Where stderr is not a terminal, or
    progress is switched off, it does nothing at all.
    """

    def __init__(self, words: str, *, enabled: bool) -> None:
        self._words = words
        self._active = enabled and sys.stderr.isatty()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def say(self, words: str) -> None:
        """Replace the words."""
        self._words = words

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
        for frame in itertools.cycle(_FRAMES):
            room = shutil.get_terminal_size().columns - 3
            words = self._words if display_width(self._words) <= room else self._words[: max(0, room)]
            sys.stderr.write(f"\r\x1b[2K{frame} {words}")
            sys.stderr.flush()
            if self._stop.wait(_INTERVAL_S):
                return
