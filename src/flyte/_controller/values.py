"""Value sets on their way between a worker and its server: small ones inline, large ones as files."""

from hashlib import sha256
from pathlib import Path
from typing import Final

from flyte.errors import RuntimeSystemError
from flyte_core import files
from flyte_core.wire.godwit.v1.worker_pb2 import Payload

INLINE_LIMIT: Final = 64 * 1024
"""Larger value sets are files; the server keeps smaller ones in its database."""


def fill(payload: Payload, data: bytes, path: Path | None) -> None:
    """Put a value set into a message; a large one into the file `path`, if there may be one."""
    payload.present = True
    if len(data) <= INLINE_LIMIT or path is None:
        payload.data = data
        return
    write(path, data)
    payload.uri = str(path)
    payload.sha256 = sha256(data).hexdigest()
    payload.size_bytes = len(data)


def read(payload: Payload, what: str) -> bytes:
    """The value set of a message.

    Raises:
        RuntimeSystemError: its file is gone, or not what was recorded.
    """
    if not payload.uri:
        return payload.data
    try:
        data = Path(payload.uri.removeprefix("file://")).read_bytes()
    except OSError as error:
        raise RuntimeSystemError(
            f"The outputs of {what} cannot be read from {payload.uri}: {error.strerror}.",
            hint="The file was removed from the data directory; run the task again.",
        ) from error
    if payload.sha256 and sha256(data).hexdigest() != payload.sha256:
        raise RuntimeSystemError(
            f"The outputs of {what} are damaged: {payload.uri} is not what was recorded.",
            code="OutputCorrupted",
            hint="The file was changed after the action ended; run the task again.",
        )
    return data


def write(path: Path, data: bytes, *, durable: bool = True) -> None:
    """Put a file in place whole, its bytes on the disk before its name can be seen.

    Without `durable` they are in the operating system's hands, which outlives `kill -9`.

    Raises:
        RuntimeSystemError: the disk is full, or the directory cannot be written.
    """
    try:
        files.write(path, data, durable=durable)
    except OSError as error:
        raise RuntimeSystemError(
            f"{len(data):,} bytes cannot be written to {path}: {error.strerror}.",
            hint="Free some space on the disk of the data directory.",
        ) from error
