"""`ErrorInfo` and its wire forms: `error.pb`, `ExecutionError`, `ErrorInfo`, the worker's `Error`.

None of the published messages has a field for a traceback, so it travels behind the message, from
the line that begins it. Reading splits it off again, also for clients that send nothing but one. A
message that has such a line of its own travels with a mark in front of it that nobody sees.
"""

import re
from typing import Final

from flyteidl2.core import execution_pb2
from flyteidl2.workflow import run_definition_pb2
from google.protobuf.message import DecodeError

from flyte_core.model import ErrorInfo, ErrorKind, InvalidArgument
from flyte_core.wire.godwit.v1 import worker_pb2

TRACEBACK_STARTS: Final = re.compile(
    r"^(?:  \+ Exception Group )?Traceback \(most recent call last\):", re.MULTILINE
)

_MARK: Final = "\u200b"
_OWN_STARTS: Final = re.compile(
    rf"^({_MARK}*)(?=(?:  \+ Exception Group )?Traceback \(most recent call last\):)", re.MULTILINE
)

_RECOVERABLE: Final = execution_pb2.ContainerError.RECOVERABLE
_NON_RECOVERABLE: Final = execution_pb2.ContainerError.NON_RECOVERABLE


def join(message: str, traceback: str) -> str:
    """Message and traceback as one text. `traceback` begins as `TRACEBACK_STARTS` says, or is empty."""
    marked = _OWN_STARTS.sub(rf"\1{_MARK}", message)
    return f"{marked}\n\n{traceback}" if traceback else marked


def split(text: str) -> tuple[str, str]:
    """The message and the traceback in a text; when there is nothing but a traceback, its last line is the message."""
    found = TRACEBACK_STARTS.search(text)
    if found is None:
        return _unmarked(text), ""
    traceback = text[found.start() :]
    before = text[: found.start()]
    message = before.removesuffix("\n\n") if before.endswith("\n\n") else before.rstrip("\n")
    if message.strip("\n"):
        return _unmarked(message), traceback
    lines = [line for line in traceback.splitlines() if line.strip()]
    return lines[-1].strip(), traceback


def _unmarked(message: str) -> str:
    return _OWN_STARTS.sub(lambda found: found[1][: -len(_MARK)], message)


def to_document(error: ErrorInfo) -> bytes:
    """The bytes of an `error.pb`."""
    return execution_pb2.ErrorDocument(
        error=execution_pb2.ContainerError(
            code=error.code,
            message=join(error.message, error.traceback),
            kind=_RECOVERABLE if error.recoverable else _NON_RECOVERABLE,
            origin=_execution_kind(error.kind),
        )
    ).SerializeToString(deterministic=True)


def from_document(data: bytes) -> ErrorInfo:
    """The error in an `error.pb`.

    Raises:
        InvalidArgument: the bytes are no `ErrorDocument`.
    """
    try:
        found = execution_pb2.ErrorDocument.FromString(data).error
    except DecodeError as cause:
        raise InvalidArgument("The file error.pb is damaged: it is no ErrorDocument.") from cause
    message, traceback = split(found.message)
    return ErrorInfo(
        code=found.code or "Unknown",
        message=message,
        kind=_kind_of(found.origin),
        recoverable=found.kind == _RECOVERABLE,
        traceback=traceback,
    )


def to_execution(error: ErrorInfo, error_uri: str = "") -> execution_pb2.ExecutionError:
    """What a parent is told of a failed child."""
    return execution_pb2.ExecutionError(
        code=error.code,
        message=join(error.message, error.traceback),
        kind=_execution_kind(error.kind),
        recoverability=_RECOVERABLE if error.recoverable else _NON_RECOVERABLE,
        error_uri=error_uri,
        worker=error.worker,
    )


def from_execution(error: execution_pb2.ExecutionError) -> ErrorInfo:
    message, traceback = split(error.message)
    return ErrorInfo(
        code=error.code or "Unknown",
        message=message,
        kind=_kind_of(error.kind),
        recoverable=error.recoverability == _RECOVERABLE,
        traceback=traceback,
        worker=error.worker,
    )


def to_info(error: ErrorInfo) -> run_definition_pb2.ErrorInfo:
    """What people read in an action's details."""
    user = error.kind is ErrorKind.USER
    kinds = run_definition_pb2.ErrorInfo
    return run_definition_pb2.ErrorInfo(
        code=error.code,
        message=join(error.message, error.traceback),
        kind=kinds.KIND_USER if user else kinds.KIND_SYSTEM,
    )


def from_info(error: run_definition_pb2.ErrorInfo) -> ErrorInfo:
    """The error in an action's details. Whether it may be retried is not told there."""
    message, traceback = split(error.message)
    system = error.kind == run_definition_pb2.ErrorInfo.KIND_SYSTEM
    return ErrorInfo(
        code=error.code or "Unknown",
        message=message,
        kind=ErrorKind.SYSTEM if system else ErrorKind.USER,
        traceback=traceback,
    )


def to_worker(error: ErrorInfo) -> worker_pb2.Error:
    return worker_pb2.Error(
        code=error.code,
        message=error.message,
        system=error.kind is ErrorKind.SYSTEM,
        recoverable=error.recoverable,
        traceback=error.traceback,
        worker=error.worker,
    )


def from_worker(error: worker_pb2.Error) -> ErrorInfo:
    return ErrorInfo(
        code=error.code or "Unknown",
        message=error.message,
        kind=ErrorKind.SYSTEM if error.system else ErrorKind.USER,
        recoverable=error.recoverable,
        traceback=error.traceback,
        worker=error.worker,
    )


def _execution_kind(kind: ErrorKind) -> "execution_pb2.ExecutionError.ErrorKind":
    user = kind is ErrorKind.USER
    return execution_pb2.ExecutionError.USER if user else execution_pb2.ExecutionError.SYSTEM


def _kind_of(number: int) -> ErrorKind:
    return ErrorKind.SYSTEM if number == execution_pb2.ExecutionError.SYSTEM else ErrorKind.USER
