"""The one table from what the core refuses to what a client is told."""

import logging
from typing import Final

from connectrpc.code import Code
from connectrpc.errors import ConnectError

from flyte_core.model import CoreError

log = logging.getLogger(__name__)

CODES: Final = {
    "not_found": Code.NOT_FOUND,
    "already_exists": Code.ALREADY_EXISTS,
    "invalid_argument": Code.INVALID_ARGUMENT,
    "failed_precondition": Code.FAILED_PRECONDITION,
    "aborted": Code.ABORTED,
    "resource_exhausted": Code.RESOURCE_EXHAUSTED,
    "unavailable": Code.UNAVAILABLE,
    "unimplemented": Code.UNIMPLEMENTED,
    "internal": Code.INTERNAL,
}


class Unimplemented(CoreError):
    """A call, or a part of one, that this server does not serve."""

    code = "unimplemented"


def to_connect(error: Exception, method: str) -> ConnectError:
    """What goes over the wire: message and hint of our own errors, and of others only that they are bugs."""
    if isinstance(error, ConnectError):
        return error
    if isinstance(error, CoreError):
        return ConnectError(CODES[error.code], str(error))
    log.error("a call failed", exc_info=error, extra={"method": method})
    return ConnectError(
        Code.INTERNAL,
        f"{method} failed inside the server: {type(error).__name__}: {error}. "
        "This is a bug; server.log in the data directory has the details.",
    )
