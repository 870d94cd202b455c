"""What an exception of user code looks like to the user: one way for local runs and workers."""

import contextlib
import os
import re
import sysconfig
import traceback
from pathlib import Path

import flyte
import flyte_core
from flyte._runtime import FULL_TRACEBACK
from flyte.errors import BaseRuntimeError, NonRecoverableError, RuntimeUserError
from flyte_core.model import ErrorInfo, ErrorKind

MESSAGE_LIMIT = 16 * 1024
TRACEBACK_LIMIT = 64 * 1024
"""Characters; more is cut out of the middle, and the text says so."""


_HEAD = "Traceback (most recent call last):\n"
_OURS = tuple(f"{Path(str(package.__file__)).parent}/" for package in (flyte, flyte_core))
_PYTHON = (f"{sysconfig.get_path('stdlib')}/", f"{sysconfig.get_path('platstdlib')}/", "<frozen ")
_BUNDLE = re.compile(r"^.*/code/fast[0-9a-f]{32}/")
_INSTALLED = ("site-packages", "dist-packages")


def describe(error: BaseException) -> ErrorInfo:
    """The failure that an exception, raised by a task's body or on the way to it, stands for."""
    if isinstance(error, BaseRuntimeError):
        return ErrorInfo(
            code=error.code,
            message=_shorten(_text(error), MESSAGE_LIMIT),
            kind=ErrorKind.SYSTEM if error.kind == "system" else ErrorKind.USER,
            recoverable=not isinstance(error, NonRecoverableError),
            traceback=trimmed(error),
        )
    return ErrorInfo(
        code=type(error).__name__,
        message=_shorten(_message(error), MESSAGE_LIMIT),
        traceback=trimmed(error),
    )


def trimmed(error: BaseException) -> str:
    """The traceback as the user's code produced it: no frame of ours, nor of what called it for us.

    Files of a code bundle are named by their path in the project.

    An error that never touched user code keeps every frame, unless it says itself that the user is
    meant: it is a fault of ours, to be found. So does every error while the variable
    `FLYTE_FULL_TRACEBACK` is set (`flyte run --debug`).
    """
    try:
        full = traceback.TracebackException.from_exception(error, compact=True)
        of_user = isinstance(error, RuntimeUserError) or any(_kind(frame) == "user" for frame in full.stack)
        if of_user and not os.environ.get(FULL_TRACEBACK):
            _trim(full)
        text = "".join(full.format())
        if not full.stack and full.exceptions is None:
            text = f"{_HEAD}{text}"
    except Exception as broken:
        text = f"{_HEAD}  (it cannot be shown: {type(broken).__name__})\n"
    return _shorten(text, TRACEBACK_LIMIT)


def _trim(part: traceback.TracebackException) -> None:
    kept = []
    before = ""
    for frame in part.stack:
        kind = _kind(frame)
        # The library stays where user code called it, and goes where we did.
        if kind == "user" or (kind == "python" and before == "user"):
            kept.append(_at_home(frame))
        if kind != "python":
            before = kind
    part.stack = traceback.StackSummary.from_list(kept)
    for linked in (part.__cause__, part.__context__, *(part.exceptions or ())):
        if linked is not None:
            _trim(linked)


def _at_home(frame: traceback.FrameSummary) -> traceback.FrameSummary:
    """The frame with the file's path in the project, rather than in the bundle it was unpacked from."""
    home = _BUNDLE.sub("", frame.filename)
    if home != frame.filename:
        # Read now: under its new name the file may not be found.
        _ = frame.line
        frame.filename = home
    return frame


def _kind(frame: traceback.FrameSummary) -> str:
    if frame.filename.startswith(_OURS):
        return "ours"
    if frame.filename.startswith(_PYTHON) and not any(part in frame.filename for part in _INSTALLED):
        return "python"
    return "user"


def _message(error: BaseException) -> str:
    match error:
        case SystemExit():
            return f"the task ended its process: sys.exit({'' if error.code is None else repr(error.code)})"
        case KeyboardInterrupt():
            return _text(error) or "the task was interrupted"
        case _:
            return _text(error)


def _text(error: BaseException) -> str:
    with contextlib.suppress(Exception):
        return str(error) or type(error).__name__
    return f"{type(error).__name__} (its message cannot be shown)"


def _shorten(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    half = limit // 2
    return f"{text[:half]}\n... {len(text) - 2 * half} characters left out ...\n{text[-half:]}"
