"""The two loggers: `flyte.logger` for user code, and the SDK's own."""

import logging
import os
import sys
from typing import Any

from flyte_core.frozen import frozen

system_logger = logging.getLogger("flyte")
"""What the SDK says about itself; warnings and worse unless `LOG_LEVEL` says otherwise."""

logger = logging.getLogger("flyte.user")
"""For user code: what is logged here goes to the log of the action it was logged in."""


@frozen
class LogChoice:
    """What is logged, and how. What is not chosen is as the environment says.

    Attributes:
        level: Of the SDK's own logger.
        user_level: Of `flyte.logger`.
        style: `console` or `json`.
        reset_root: Take the handlers of the root logger away.
    """

    level: int | None = None
    user_level: int | None = None
    style: str | None = None
    reset_root: bool = False

    def apply(self) -> None:
        """In this process. Called by `flyte.init` and when a run begins; never by an import.

        A level that user code has set itself stays, unless one is chosen here.
        """
        _set_level(system_logger, self.level, "LOG_LEVEL", logging.WARNING)
        _set_level(logger, self.user_level, "USER_LOG_LEVEL", logging.INFO)
        if self.reset_root or os.environ.get("FLYTE_RESET_ROOT_LOGGER") == "1":
            logging.getLogger().handlers.clear()
        own = next((each for each in system_logger.handlers if isinstance(each, _ToStderr)), None)
        if own is None and not system_logger.handlers:
            own = _ToStderr()
            own.setFormatter(_formatter(self.style or os.environ.get("LOG_FORMAT", "console")))
            system_logger.addHandler(own)
            system_logger.propagate = False
        elif own is not None and self.style:
            own.setFormatter(_formatter(self.style))

    def variables(self) -> dict[str, str]:
        """The same as environment variables, for the processes that run tasks."""
        given = {
            "LOG_LEVEL": "" if self.level is None else str(self.level),
            "USER_LOG_LEVEL": "" if self.user_level is None else str(self.user_level),
            "LOG_FORMAT": self.style or "",
            "FLYTE_RESET_ROOT_LOGGER": "1" if self.reset_root else "",
        }
        return {name: value for name, value in given.items() if value}


def _set_level(target: logging.Logger, given: int | None, variable: str, default: int) -> None:
    if given is not None:
        target.setLevel(given)
    elif target.level == logging.NOTSET:
        target.setLevel(_level(variable, default))


def _level(variable: str, default: int) -> int:
    text = os.environ.get(variable, "").strip()
    if text.isdigit():
        return int(text)
    found = logging.getLevelNamesMapping().get(text.upper())
    return default if found is None else found


def _formatter(style: str) -> logging.Formatter:
    return _Json() if style == "json" else _Console("%(asctime)s %(levelname)s %(name)s: %(message)s")


def _place() -> tuple[str, str] | None:
    """Names of the run and of the action in which this is logged; None outside of a run."""
    from flyte import _context

    context = _context.current()
    return None if context is None else (context.action.run_name, context.action.name)


class _ToStderr(logging.StreamHandler[Any]):
    """Writes to whatever stderr is at that moment: it is replaced while output is captured."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> Any:
        return sys.stderr


class _Console(logging.Formatter):
    """A line for people, which says where it was logged: `[run][action]`."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        place = _place()
        if place is not None:
            record.message = f"[{place[0]}][{place[1]}] {record.message}"
        return super().formatMessage(record)


class _Json(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        import json

        found = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        place = _place()
        if place is not None:
            found["run"], found["action"] = place
        if record.exc_info:
            found["exception"] = self.formatException(record.exc_info)
        return json.dumps(found, ensure_ascii=False, default=str)
