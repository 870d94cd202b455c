"""What a call can end with, other than an answer."""

from flyte._client.http import TransportError
from flyte.errors import BaseRuntimeError, RunAlreadyExistsError, RuntimeSystemError, RuntimeUserError

_ADDRESS = "Check the address: flyte get config shows where it comes from; without one this machine's own server is used."

RETRIABLE = frozenset({"unavailable", "resource_exhausted"})
"""Codes after which the same call may succeed a little later."""

_BY_STATUS = {
    400: "internal",
    401: "unauthenticated",
    403: "permission_denied",
    404: "unimplemented",
    405: "unimplemented",
    429: "unavailable",
    501: "unimplemented",
    502: "unavailable",
    503: "unavailable",
    504: "unavailable",
}
"""What an HTTP status means when the body is not the protocol's own error."""


class RpcError(Exception):
    """A server's refusal, or none of its word: `code` is a Connect code in lower case."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    def __str__(self) -> str:
        return self.message or self.code

    @property
    def retriable(self) -> bool:
        return self.code in RETRIABLE


def from_status(status: int, what: str) -> RpcError:
    """An answer that carries no error of the protocol: a proxy, another service on that port."""
    code = _BY_STATUS.get(status, "unknown")
    return RpcError(code, f"{what}: HTTP {status}; is this the address of a Flyte server?")


def from_transport(error: TransportError) -> RpcError:
    return RpcError("unavailable", str(error))


def for_user(error: RpcError) -> BaseRuntimeError:
    """The exception that users of the SDK get for a call that failed."""
    match error.code:
        case "already_exists":
            return RunAlreadyExistsError(error.message, hint="The runs there are: flyte get run")
        case "invalid_argument" | "failed_precondition" | "out_of_range":
            return RuntimeUserError(error.message, code=error.code, hint="Correct what the message names.")
        case "not_found":
            return RuntimeUserError(
                error.message, code=error.code, hint="List the runs there are: flyte get run"
            )
        case "unauthenticated" | "permission_denied":
            return RuntimeUserError(
                error.message or "The server refuses this account.",
                code=error.code,
                hint="Check the endpoint and the credentials: flyte get config",
            )
        case "unavailable":
            return RuntimeSystemError(
                error.message,
                code=error.code,
                hint=f"Is the server there running? {_ADDRESS}",
            )
        case "unimplemented":
            return RuntimeSystemError(error.message or error.code, code=error.code, hint=_ADDRESS)
        case "resource_exhausted":
            return RuntimeSystemError(
                error.message or error.code, code=error.code, hint="When there is room, repeat the command."
            )
        case _:
            return RuntimeSystemError(
                error.message or error.code, code=error.code, hint="See the server's log (server.log)."
            )
