"""Files that clients bring: where they may go, and how they get there whole or not at all."""

import asyncio
import base64
import errno
import hashlib
import os
from collections.abc import AsyncIterator
from pathlib import Path, PurePosixPath

from flyte_core.files import make_directories, sync_directory
from flyte_core.layout import Layout
from flyte_core.model import AlreadyExists, InvalidArgument, ResourceExhausted
from flyte_server.services.signing import Permission

_CHUNK = 1 << 20
_SEGMENT_MAX = 255
_DEPTH_MAX = 32


class Uploads:
    """The blobs below `<home>/blobs`, and for reading also `runs/...`. A blob is created once and never replaced."""

    def __init__(self, layout: Layout) -> None:
        self._blobs = layout.blobs
        self._home = layout.home

    def location(self, project: str, domain: str, root: str, md5: bytes, filename: str) -> str:
        """Where an upload goes. `root` is the client's own directory name; without one, the content's hash."""
        directory = root or base64.b32encode(md5).decode().rstrip("=").lower()
        return "/".join(("uploads", project, domain, directory, *_segments(filename)))

    def path(self, blob: str) -> Path:
        """The file of a blob.

        Raises:
            InvalidArgument: the name leads elsewhere.
        """
        segments = _segments(blob)
        root = self._home if segments[0] == "runs" else self._blobs
        path = root.joinpath(*segments)
        if not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(root)):
            raise InvalidArgument(f"{blob!r} does not lie among the blobs.")
        return path

    def holds(self, blob: str, md5: str, length: int | None) -> bool:
        """Whether this very content is there already."""
        path = self.path(blob)
        try:
            size = path.stat().st_size
        except OSError:
            return False
        if length is not None and size != length:
            return False
        return not md5 or _md5_of(path) == md5

    async def put(self, permission: Permission, body: AsyncIterator[bytes]) -> bool:
        """Write a blob from a stream; False when the same content was there before.

        Raises:
            InvalidArgument: the content is not what the permission was given for.
            AlreadyExists: there is a blob of that name with other content.
            ResourceExhausted: the disk is full.
        """
        path = self.path(permission.path)
        temporary = path.with_name(f".{path.name[:100]}.{os.urandom(8).hex()}")
        try:
            await asyncio.to_thread(make_directories, path.parent)
            md5, size = await self._receive(temporary, permission, body)
            _check(permission, md5.hex(), size)
            return await asyncio.to_thread(_place, temporary, path, md5.hex(), size)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise ResourceExhausted(
                    f"The disk of the data directory is full: {permission.path} was not stored.",
                    hint="Free some space and try again.",
                ) from error
            raise
        finally:
            temporary.unlink(missing_ok=True)

    async def _receive(
        self, temporary: Path, permission: Permission, body: AsyncIterator[bytes]
    ) -> tuple[bytes, int]:
        digest, size, buffer = hashlib.md5(usedforsecurity=False), 0, bytearray()
        with temporary.open("xb") as file:

            def flush(data: bytes) -> None:
                digest.update(data)
                file.write(data)

            async for chunk in body:
                size += len(chunk)
                if permission.length is not None and size > permission.length:
                    raise InvalidArgument(
                        f"{permission.path} is longer than the {permission.length} bytes announced."
                    )
                buffer += chunk
                if len(buffer) >= _CHUNK:
                    await asyncio.to_thread(flush, bytes(buffer))
                    buffer.clear()
            await asyncio.to_thread(flush, bytes(buffer))
            file.flush()
            await asyncio.to_thread(os.fsync, file.fileno())
        return digest.digest(), size


def _check(permission: Permission, md5: str, size: int) -> None:
    if permission.length is not None and size != permission.length:
        raise InvalidArgument(
            f"{permission.path} came with {size} bytes; {permission.length} were announced."
        )
    if permission.md5 and md5 != permission.md5:
        raise InvalidArgument(f"{permission.path} was damaged on its way: its MD5 is {md5}.")


def _place(temporary: Path, path: Path, md5: str, size: int) -> bool:
    try:
        os.link(temporary, path)
    except FileExistsError:
        if path.stat().st_size == size and _md5_of(path) == md5:
            # Whoever linked it may have died before this.
            sync_directory(path.parent)
            return False
        raise AlreadyExists(
            f"There is another file called {path.name} at this address.",
            hint="Ask for a new upload location.",
        ) from None
    sync_directory(path.parent)
    return True


def _md5_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _segments(name: str) -> tuple[str, ...]:
    """The parts of a path within a directory, each an ordinary file name.

    Raises:
        InvalidArgument: one is not.
    """
    parts = PurePosixPath(name).parts
    if not parts or len(parts) > _DEPTH_MAX or name != "/".join(parts):
        raise InvalidArgument(f"{name!r} is not a relative path of ordinary names.")
    for part in parts:
        odd = part in (".", "..") or "\\" in part or not part.isprintable()
        if odd or len(part.encode("utf-8", "surrogatepass")) > _SEGMENT_MAX:
            raise InvalidArgument(f"{name!r} holds a part that is not an ordinary file name: {part!r}.")
    return parts
