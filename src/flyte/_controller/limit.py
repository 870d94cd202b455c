"""How many actions of a local run are under way at once. One that waits for its children does not count."""

import threading

from flyte._controller.frame import Frame


class Limit:
    """Lets actions begin in the order in which they asked. Any thread may call.

    The root never asks. Only beginnings wait: an action whose children have ended goes on at once.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._guard = threading.Lock()
        self._queue: dict[Frame, None] = {}
        self._under_way: set[Frame] = set()
        self._children: dict[Frame, int] = {}
        """How many children an action waits for; never 0."""
        self._counted = 0
        """How many are under way and wait for no child."""

    def take(self, frame: Frame) -> bool:
        """Whether an attempt may begin; if not, the frame is woken when that changes."""
        with self._guard:
            if frame not in self._under_way:
                self._queue[frame] = None
                self._admit()
            return frame in self._under_way

    def leave(self, frame: Frame) -> None:
        """The attempt is over, or will not begin."""
        with self._guard:
            self._queue.pop(frame, None)
            if frame in self._under_way:
                self._under_way.remove(frame)
                self._count(frame, -1)

    def calls(self, caller: Frame | None) -> None:
        """The caller has a child more to wait for."""
        with self._guard:
            if caller is not None:
                before = self._children.get(caller, 0)
                if not before and caller in self._under_way:
                    self._count(caller, -1)
                self._children[caller] = before + 1

    def returned(self, caller: Frame | None) -> None:
        """The caller has a child less to wait for."""
        with self._guard:
            if caller is not None:
                self._children[caller] -= 1
                if not self._children[caller]:
                    del self._children[caller]
                    if caller in self._under_way:
                        self._count(caller, 1)

    def _count(self, frame: Frame, change: int) -> None:
        """Count a frame, or count it no more, unless it waits for children."""
        if frame not in self._children:
            self._counted += change
            self._admit()

    def _admit(self) -> None:
        while self._queue and self._counted < self._most:
            frame = next(iter(self._queue))
            del self._queue[frame]
            self._under_way.add(frame)
            self._counted += frame not in self._children
            frame.rouse()
