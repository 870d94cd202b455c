"""From an exception to one clear message and an exit code: the table of the command line."""

import errno
import sys
import traceback as traceback_module

from flyte._cli.problem import say_error
from flyte_core.model import CoreError

ENDED = 1


def explain(error: Exception, *, traceback: bool) -> int:
    """Say what went wrong on stderr and return the exit code. `traceback` adds the whole one."""
    detail = "".join(traceback_module.format_exception(error)) if traceback else ""
    message, hint = words_for(error)
    say_error(message, hint=hint, detail=detail)
    return ENDED


def words_for(error: BaseException) -> tuple[str, str]:
    """The message and the next step for an error that no command has put into words itself."""
    if isinstance(error, CoreError):
        return error.message, error.hint
    known = _sdk_error(error)
    if known is not None:
        return known
    if isinstance(error, OSError):
        return _os_error(error)
    return (
        f"{type(error).__name__}: {error}" if str(error) else type(error).__name__,
        "This was not expected. 'flyte -v ...' shows where it happened; please report it.",
    )


def _sdk_error(error: BaseException) -> tuple[str, str] | None:
    """The SDK's own errors carry their words; the SDK is only looked at when it is loaded."""
    errors = sys.modules.get("flyte.errors")
    base = getattr(errors, "BaseRuntimeError", None)
    if base is None or not isinstance(error, base):
        return None
    return str(getattr(error, "message", "") or error), str(getattr(error, "hint", "") or "")


def _os_error(error: OSError) -> tuple[str, str]:
    place = f"{error.filename}: " if error.filename else ""
    reason = (error.strerror or str(error)).lower()
    match error.errno:
        case errno.EACCES | errno.EPERM | errno.EROFS:
            hint = "Give yourself the right to write there, or set FLYTE_HOME to a directory of yours."
        case errno.ENOSPC | errno.EDQUOT:
            hint = "Free some space on that disk; nothing that was acknowledged is lost."
        case errno.ECONNREFUSED:
            hint = (
                "Is the server running? 'flyte get server' tells; 'flyte start server' starts this machine's."
            )
        case _:
            hint = ""
    return f"{place}{reason}", hint
