"""Threads for sync bodies that are awaited.

A body that waits for others keeps its thread. So the limit holds for each depth of nesting by
itself: threads wait only for deeper ones, never in a circle, and nothing can lock up.
"""

import contextvars
import threading
from collections import deque
from collections.abc import Callable
from typing import Final

THREADS: Final = 32
"""At most so many run at each depth."""

IDLE_S: Final = 10.0
"""A thread with nothing to do for so long ends."""


class Crew:
    """The threads of one depth. They are daemons: one that never returns does not keep the process."""

    def __init__(self, threads: int = THREADS) -> None:
        self._threads = threads
        self._lock = threading.Lock()
        self._work = threading.Condition(self._lock)
        self._jobs: deque[Callable[[], None]] = deque()
        self._idle = 0
        self._alive = 0

    def put(self, job: Callable[[], None]) -> None:
        """Let a thread do the job, as soon as one is free. The job must not raise."""
        with self._lock:
            self._jobs.append(job)
            if self._idle >= len(self._jobs):
                self._work.notify()
                return
            if self._alive >= self._threads:
                return
            self._alive += 1
        thread = threading.Thread(target=self._serve, name="flyte-task", daemon=True)
        # A thread serves everybody: it starts in nobody's context.
        contextvars.Context().run(thread.start)

    def lost(self) -> None:
        """A thread was left to itself, since its job will not end: another may take its place."""
        with self._lock:
            self._threads += 1

    def back(self) -> None:
        """A thread that had been left to itself is free again."""
        with self._lock:
            self._threads -= 1

    def _serve(self) -> None:
        while True:
            with self._lock:
                while not self._jobs:
                    self._idle += 1
                    told = self._work.wait(IDLE_S)
                    self._idle -= 1
                    if not told and not self._jobs:
                        self._alive -= 1
                        return
                job = self._jobs.popleft()
            job()
            del job


_crews: dict[int, Crew] = {}
_guard = threading.Lock()


def crew(depth: int) -> Crew:
    """The threads for bodies this deep in others' threads."""
    found = _crews.get(depth)
    if found is None:
        with _guard:
            found = _crews.setdefault(depth, Crew())
    return found
