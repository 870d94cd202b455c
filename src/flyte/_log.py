"""The two loggers: `flyte.logger` for user code, and the SDK's own."""

import logging
import os
import sys
from typing import Any

system_logger = logging.getLogger("flyte")
"""What the SDK says about itself; warnings and worse unless `LOG_LEVEL` says otherwise."""

logger = logging.getLogger("flyte.user")
"""For user code: what is logged here goes to the log of the action it was logged in."""


def set_up(
    *,
    level: int | None = None,
    user_level: int | None = None,
    style: str | None = None,
    reset_root: bool = False,
) -> None:
    """Choose what is logged, and how. Called by `flyte.init` and when a run begins; never by an import.

    A level that user code has set itself stays, unless one is given here.
    """
    _set_level(system_logger, level, "LOG_LEVEL", logging.WARNING)
    _set_level(logger, user_level, "USER_LOG_LEVEL", logging.INFO)
    if reset_root or os.environ.get("FLYTE_RESET_ROOT_LOGGER") == "1":
        logging.getLogger().handlers.clear()
    if not system_logger.handlers:
        handler = _ToStderr()
        handler.setFormatter(_formatter(style or os.environ.get("LOG_FORMAT", "console")))
        system_logger.addHandler(handler)
        system_logger.propagate = False


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
    return (
        _Json() if style == "json" else logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s")
    )


class _ToStderr(logging.StreamHandler[Any]):
    """Writes to whatever stderr is at that moment: it is replaced while output is captured."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> Any:
        return sys.stderr


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
        if record.exc_info:
            found["exception"] = self.formatException(record.exc_info)
        return json.dumps(found, ensure_ascii=False, default=str)
