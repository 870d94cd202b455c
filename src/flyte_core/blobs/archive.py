"""Code bundles as archives: packed the same way every time, unpacked without trust.

`pack` gives the same bytes for the same files, so a bundle's name can be its content's hash.
`unpack` accepts plain files and directories only, whatever the archive claims to hold, and never
writes outside the directory it was given.
"""

import gzip
import io
import os
import shutil
import tarfile
import unicodedata
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from flyte_core.frozen import frozen
from flyte_core.model import InvalidArgument

_CHUNK: Final = 1 << 20
_HEADER: Final = 64 * 1024
_EXTENSIONS: Final = frozenset(
    {
        tarfile.XHDTYPE,
        tarfile.XGLTYPE,
        tarfile.SOLARIS_XHDTYPE,
        tarfile.GNUTYPE_LONGNAME,
        tarfile.GNUTYPE_LONGLINK,
    }
)
_FOLDER: Final = getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0)
_DAMAGE: Final = (
    tarfile.TarError,
    EOFError,
    gzip.BadGzipFile,
    zlib.error,
    ValueError,
    OverflowError,
    RecursionError,
)
"""What `tarfile` and its kin raise for archives that are not whole or not honest."""


@frozen
class Caps:
    """Bounds of what is unpacked. Sizes are of the unpacked content."""

    total_bytes: int = 1 << 30
    ratio: int = 200
    """Unpacked over packed size, counted from the first MiB on."""
    files: int = 50_000
    depth: int = 32
    name_bytes: int = 255


def pack(files: Mapping[str, Path | bytes]) -> bytes:
    """A gzipped tar of files by their path in the archive (`/` between segments), sorted, without times.

    Owners, times and permissions are left out, but for the executable bit.

    Raises:
        InvalidArgument: a path that `unpack` would refuse.
    """
    buffer = io.BytesIO()
    seen: set[str] = set()
    # mtime=0 and no file name in the header: equal content gives equal bytes.
    with (
        gzip.GzipFile(filename="", mode="wb", fileobj=buffer, compresslevel=6, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for name in sorted(files):
            _segments(name, Caps(), seen, folder=False)
            source = files[name]
            data = source if isinstance(source, bytes) else source.read_bytes()
            member = tarfile.TarInfo(name)
            member.size = len(data)
            runs = not isinstance(source, bytes) and os.access(source, os.X_OK)
            member.mode = 0o755 if runs else 0o644
            tar.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def unpack(bundle: Path, into: Path, caps: Caps | None = None) -> None:
    """Unpack a tar (gzipped or not) into a new directory. On failure the directory is gone again.

    Raises:
        InvalidArgument: it holds links, devices, paths that lead elsewhere or clash, or more than `caps` allow.
        FileExistsError: `into` exists.
    """
    caps = caps or Caps()
    into.mkdir(parents=True)
    try:
        root = os.open(into, os.O_RDONLY | _FOLDER)
        try:
            _unpack(bundle, root, caps)
        finally:
            os.close(root)
    except _DAMAGE as error:
        shutil.rmtree(into, ignore_errors=True)
        raise InvalidArgument(f"{bundle.name} is not a whole archive: {error}") from error
    except BaseException:
        shutil.rmtree(into, ignore_errors=True)
        raise


def contents(bundle: Path, caps: Caps | None = None) -> Iterator[tuple[str, int, IO[bytes]]]:
    """The plain files of a tar as they come: path, size and content, to be read before the next is asked for.

    Nothing is written; what `unpack` would refuse ends the reading.

    Raises:
        InvalidArgument: it is no whole archive, or holds what it may not.
    """
    caps = caps or Caps()
    seen: set[str] = set()
    read = 0
    try:
        with _opened(bundle) as tar:
            for member in tar:
                if not member.isreg() or member.issparse():
                    continue
                read += member.size
                if len(seen) >= caps.files or read > caps.total_bytes:
                    raise InvalidArgument(f"{bundle.name} holds more than a bundle may.")
                content = tar.extractfile(member)
                assert content is not None, "a plain file has content"
                yield "/".join(_segments(member.name, caps, seen, folder=False)), member.size, content
    except _DAMAGE as error:
        raise InvalidArgument(f"{bundle.name} is not a whole archive: {error}") from error


@contextmanager
def _opened(bundle: Path) -> Iterator[tarfile.TarFile]:
    with bundle.open("rb") as raw:
        # Not "r|*": other compressions can ask for gigabytes of memory by themselves.
        zipped = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        with tarfile.open(fileobj=raw, mode="r|gz" if zipped else "r|", tarinfo=_Member) as tar:
            yield tar


class _Member(tarfile.TarInfo):
    """A header, looked at before what it announces is read: long names and attributes go to memory whole."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> "_Member":
        member = super().frombuf(buf, encoding, errors)
        if member.type in _EXTENSIONS and member.size > _HEADER:
            raise InvalidArgument(f"The archive holds a header of {member.size} bytes; none needs so many.")
        return member


def _unpack(bundle: Path, root: int, caps: Caps) -> None:
    seen: set[str] = set()
    written = count = 0
    allowed = min(caps.total_bytes, _CHUNK + caps.ratio * bundle.stat().st_size)
    with _opened(bundle) as tar:
        for member in tar:
            if member.type == tarfile.XGLTYPE:
                continue
            count += 1
            if count > caps.files:
                raise InvalidArgument(f"{bundle.name} holds more than {caps.files} files.")
            if not (member.isreg() or member.isdir()) or member.issparse():
                raise InvalidArgument(
                    f"{bundle.name} holds {_shown(member.name)}, which is neither a plain file nor a directory."
                )
            segments = _segments(member.name, caps, seen, folder=member.isdir())
            if member.isdir():
                os.close(_folder(root, segments))
                continue
            written += member.size
            if written > allowed:
                raise InvalidArgument(
                    f"{bundle.name} unpacks to more than {allowed} bytes; that is more than a bundle may hold."
                )
            content = tar.extractfile(member)
            assert content is not None, "a plain file has content"
            _write(root, segments, content, member.size, executable=bool(member.mode & 0o100))


def _segments(name: str, caps: Caps, seen: set[str], *, folder: bool) -> list[str]:
    """The parts of an archive path, checked; `seen` collects what was there before."""
    text = name.removesuffix("/") if folder else name
    while text.startswith("./"):
        text = text[2:]
    parts = [] if text in ("", ".") and folder else text.split("/")
    for part in parts:
        bad = part in ("", ".", "..") or "\\" in part or any(ord(c) < 32 or ord(c) == 127 for c in part)
        drive = len(part) >= 2 and part[1] == ":" and part[0].isalpha()
        surrogate = any(0xD800 <= ord(c) <= 0xDFFF for c in part)
        if bad or drive or surrogate or len(part.encode("utf-8", "replace")) > caps.name_bytes:
            raise InvalidArgument(f"The archive path {_shown(name)} is not allowed.")
    if len(parts) > caps.depth:
        raise InvalidArgument(f"The archive path {_shown(name)} is deeper than {caps.depth} directories.")
    folded = unicodedata.normalize("NFC", "/".join(parts)).casefold()
    if not folder:
        if folded in seen:
            raise InvalidArgument(f"The archive holds {_shown(name)} twice, or once more in other letters.")
        seen.add(folded)
    return parts


def _folder(root: int, segments: list[str]) -> int:
    """Open a directory below `root`, making what is missing; no link is ever followed."""
    here = os.dup(root)
    try:
        for segment in segments:
            try:
                os.mkdir(segment, 0o755, dir_fd=here)
            except FileExistsError:
                pass
            try:
                below = os.open(segment, os.O_RDONLY | _FOLDER, dir_fd=here)
            except OSError as error:
                raise InvalidArgument(
                    f"The archive uses {_shown(segment)} as a file and as a directory."
                ) from error
            os.close(here)
            here = below
        return here
    except BaseException:
        os.close(here)
        raise


def _write(root: int, segments: list[str], content: IO[bytes], size: int, *, executable: bool) -> None:
    folder = _folder(root, segments[:-1])
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
        try:
            fd = os.open(segments[-1], flags, 0o755 if executable else 0o644, dir_fd=folder)
        except FileExistsError as error:
            raise InvalidArgument(f"The archive holds {_shown('/'.join(segments))} twice.") from error
        with os.fdopen(fd, "wb") as file:
            left = size
            while left:
                chunk = content.read(min(_CHUNK, left))
                if not chunk:
                    raise InvalidArgument(f"The archive ends in the middle of {_shown('/'.join(segments))}.")
                file.write(chunk)
                left -= len(chunk)
    finally:
        os.close(folder)


def _shown(name: str) -> str:
    return ascii(name[:120])
