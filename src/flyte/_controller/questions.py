"""Conditions of local runs, asked where the run was started: on the terminal, or what is piped into it.

Whoever answers first is right: here, in the console, on another terminal. One question has the
keyboard at a time; the others can be answered elsewhere, or wait for their turn.
"""

import contextlib
import os
import select
import shlex
import sys
import threading
from collections.abc import Iterator

from flyte._calls import answers
from flyte.errors import RuntimeDataValidationError
from flyte_core.model import ActionKey, TaskSpec

_keyboard = threading.Lock()
"""Held by the question that may be answered on this terminal."""


class Question:
    """A condition that waits."""

    def __init__(self, key: ActionKey, spec: TaskSpec) -> None:
        self._asked = answers.question(spec)
        self._kind = answers.type_of(self._asked)
        self._command = f"flyte signal condition {key.run.name} {shlex.quote(self._asked.name)}"
        self._lines = _Lines()
        self._mine = False

    def look(self) -> bytes | None:
        """What somebody typed since the last look, as serialized outputs; None while there is none."""
        if not self._mine:
            self._mine = _keyboard.acquire(blocking=False)
            if not self._mine:
                return None
            self._ask()
        for line in self._lines.read():
            try:
                return answers.encode(answers.parse(line, self._kind, self._asked.name))
            except RuntimeDataValidationError:
                _say(f"Please answer with {answers.form(self._kind)}: ", end="")
        return None

    def close(self) -> None:
        if self._mine:
            _say("")
            _keyboard.release()

    def _ask(self) -> None:
        described = f"\n  {self._asked.description}" if self._asked.description else ""
        _say(f"\nCondition {self._asked.name} waits for an answer.{described}")
        _say(f"  Answer here, or elsewhere: {self._command}")
        _say(f"{self._asked.prompt} ({answers.form(self._kind)}): ", end="")


@contextlib.contextmanager
def asked(key: ActionKey, spec: TaskSpec) -> Iterator[Question]:
    """Let a condition be answered here while it waits."""
    question = Question(key, spec)
    try:
        yield question
    finally:
        question.close()


class _Lines:
    """Lines of standard input, as they come. Nothing is read before it is there, and no byte too many."""

    def __init__(self) -> None:
        try:
            self._fd = sys.stdin.fileno()
        except (AttributeError, ValueError, OSError):
            self._fd = -1
        self._begun = b""

    def read(self) -> Iterator[str]:
        while self._fd >= 0 and _in_front(self._fd) and select.select([self._fd], [], [], 0)[0]:
            byte = os.read(self._fd, 1)
            if not byte:
                self._fd = -1
            elif byte != b"\n":
                self._begun += byte
                continue
            elif not self._begun:
                continue
            if self._begun:
                line, self._begun = self._begun, b""
                yield line.decode(errors="replace").rstrip("\r")


def _in_front(fd: int) -> bool:
    """Whether this process may read there: a job in the background that reads a terminal is stopped."""
    try:
        return not os.isatty(fd) or os.tcgetpgrp(fd) == os.getpgrp()
    except OSError:
        return False


def _say(text: str, end: str = "\n") -> None:
    err = getattr(sys.stderr, "original", sys.stderr)
    with contextlib.suppress(ValueError, OSError):
        print(text, end=end, file=err, flush=True)
