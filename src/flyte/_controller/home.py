"""What the local runs of a process share: the history they are recorded in, and a watch over it."""

import contextlib
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Literal

from flyte._controller.ledger import Ledger
from flyte._controller.local import LocalRun
from flyte._runtime import capture
from flyte_core.layout import Layout
from flyte_core.model import CoreError, Micros
from flyte_core.store.ports import Store
from flyte_core.store.sqlite import SqliteStore

POLL_S: Final = 0.1
"""How often the history is asked whether somebody else has ended something here."""

PUT_OFF_US: Final = 20_000
"""How long the beginning of a call may wait to be recorded; the next look records it."""


class Home:
    """One data directory, as the local runs of this process use it."""

    def __init__(self, home: Path, store: Store) -> None:
        self.layout = Layout(home)
        self.ledger = Ledger(store)
        self._lock = threading.Lock()
        self._open: set[LocalRun] = set()
        self._watch: threading.Event | None = None

    @contextlib.contextmanager
    def watched(self, run: LocalRun) -> Iterator[None]:
        """While the run is driven here: its output is captured, and its end by others is noticed."""
        with self._lock:
            self._open.add(run)
            if self._watch is None:
                self._watch = threading.Event()
                capture.install()
                watcher = threading.Thread(
                    target=self._serve, args=(self._watch,), name="flyte-watch", daemon=True
                )
                watcher.start()
        try:
            yield
        finally:
            with self._lock:
                self._open.discard(run)
                if not self._open and self._watch is not None:
                    self._watch.set()
                    self._watch = None
                    capture.uninstall()

    def _serve(self, over: threading.Event) -> None:
        """Notice what others have ended, and record what was put off and lasts."""
        store = self.ledger.store
        seen = store.data_version()
        while not over.wait(POLL_S):
            with contextlib.suppress(CoreError):
                self.ledger.flush(Micros(self.ledger.clock.now() - PUT_OFF_US))
                present = store.data_version()
                if present != seen:
                    seen = present
                    for run in list(self._open):
                        run.halt_ended()


_homes: dict[Path, Home] = {}
_guard = threading.Lock()


def home_at(path: Path) -> Home:
    """The data directory at a path; opened once, with the durability of local runs.

    Raises:
        CoreError: it cannot be written, or was written by a newer version.
    """
    with _guard:
        found = _homes.get(path)
        if found is None:
            found = _homes[path] = Home(path, SqliteStore.open(Layout(path).database, durability="normal"))
        return found


def close_all() -> None:
    """Let go of every data directory; for processes that go on, such as tests."""
    with _guard:
        while _homes:
            _, home = _homes.popitem()
            home.ledger.store.close()


def echo(to: Literal["std", "stderr", "none"]) -> Any:
    """Shows on the terminal what bodies print: each stream on its own, all on stderr, or nothing."""
    if to == "none":
        return lambda stream, text: None
    out = getattr(sys.stdout, "original", sys.stdout)
    err = getattr(sys.stderr, "original", sys.stderr)

    def write(stream: str, text: str) -> None:
        target = err if to == "stderr" or stream == "e" else out
        with contextlib.suppress(ValueError, OSError):
            target.write(text)
            if "\n" in text:
                target.flush()

    return write
