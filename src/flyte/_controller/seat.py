"""Where sync bodies run, and how they are interrupted without tearing what must stay whole.

An interruption is an exception that arrives between any two steps of a thread. It is let in only
while user code runs there, one at a time; one that has not arrived is taken back when the code ends
or steps into what must not be torn, and raised after it.
"""

import contextlib
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from flyte._controller.frame import Frame

guard: Final = threading.Lock()
"""Held while a body is stopped, and while it begins or ends: so that nobody is stopped who has ended."""


class Halt(BaseException):
    """Raised in a body that is to stop. No Exception, so that user code does not catch it by accident."""


class _TakenBack(BaseException):
    """Arrives in place of an interruption that came too late."""


class Seat:
    """A thread on which bodies run, one on top of another, and where they can be interrupted.

    Attributes:
        frames: The actions whose bodies stand on the thread, the innermost last.
        exposed: User code runs: an interruption may be sent.
        sent: One has been, since then.
    """

    __slots__ = ("exposed", "frames", "ident", "sent")

    def __init__(self) -> None:
        self.ident = threading.get_ident()
        self.frames: list[Frame] = []
        self.exposed = False
        self.sent = False

    def take(self, frame: "Frame") -> None:
        """The frame's body is about to run.

        Raises:
            Halt: it may not any more.
        """
        with guard:
            frame.refuse_if_halted()
            frame.stop = self.interrupt
            self.frames.append(frame)
            if not self.exposed:
                self.exposed, self.sent = True, False

    def leave(self, frame: "Frame") -> None:
        """The frame's body has ended; one that never began is no matter."""
        self.cover()
        with guard:
            frame.stop = None
            if frame in self.frames:
                del self.frames[self.frames.index(frame) :]

    def cover(self) -> None:
        """From here on nothing is interrupted."""
        with guard:
            if self.exposed:
                self.exposed = False
                if self.sent:
                    _take_back(self.ident)

    def expose(self) -> None:
        """Bodies below run on, and may be interrupted.

        Raises:
            Halt: one of them was to be, meanwhile.
        """
        with guard:
            if any(frame.halted for frame in self.frames):
                raise Halt
            if self.frames:
                self.exposed, self.sent = True, False

    def interrupt(self) -> None:
        """Stop what runs here at its next step. `guard` is held."""
        if self.exposed and not self.sent:
            self.sent = True
            _interrupt(self.ident)


class _Here(threading.local):
    seat: Seat | None = None


_here: Final = _Here()


def here() -> Seat:
    """The seat of this thread."""
    if _here.seat is None:
        _here.seat = Seat()
    return _here.seat


@contextlib.contextmanager
def untorn() -> Iterator[None]:
    """What runs here is not interrupted in its middle; an interruption comes after it."""
    seat = _here.seat
    if seat is None or not seat.exposed:
        yield
        return
    seat.cover()
    try:
        yield
    finally:
        seat.expose()


def _interrupt(thread: int) -> None:
    """Stop a body on a thread at its next step; on the main thread, wake it from a system call too."""
    main = threading.main_thread().ident
    if thread == main:
        import signal

        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.pthread_kill(main, signal.SIGINT)
            return
    _raise_in(thread, Halt)


def _take_back(thread: int) -> None:
    """Let nothing arrive any more in this thread, which is the running one.

    Python looks for exceptions from outside until one arrives: with nothing put in its place it would
    look for ever after, at every step of every thread, and a function that is traced might never end.
    """
    try:
        _raise_in(thread, _TakenBack)
        while True:
            pass
    except _TakenBack:
        return


def _raise_in(thread: int, error: type[BaseException]) -> None:
    import ctypes

    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(error))
