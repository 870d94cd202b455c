"""The two loggers: `flyte.logger` for user code, and the SDK's own."""

import logging
import os

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
    """Choose what is logged, and how. Called by `flyte.init`; never by an import."""
    system_logger.setLevel(_level(level, "LOG_LEVEL", logging.WARNING))
    logger.setLevel(_level(user_level, "USER_LOG_LEVEL", logging.INFO))
    if reset_root or os.environ.get("FLYTE_RESET_ROOT_LOGGER") == "1":
        logging.getLogger().handlers.clear()
    if not system_logger.handlers:
        handler = logging.StreamHandler()
        handler.setFormatter(_formatter(style or os.environ.get("LOG_FORMAT", "console")))
        system_logger.addHandler(handler)
        system_logger.propagate = False


def _level(given: int | None, variable: str, default: int) -> int:
    if given is not None:
        return given
    text = os.environ.get(variable, "").strip()
    if text.isdigit():
        return int(text)
    found = logging.getLevelNamesMapping().get(text.upper())
    return default if found is None else found


def _formatter(style: str) -> logging.Formatter:
    return (
        _Json() if style == "json" else logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s")
    )


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
