"""Carries what a worker writes to its pipes into its log, whatever happens to the disk."""

import os
import time

from flyte_core.logs import Stream

LINE_BYTES = 64 * 1024
"""A longer line is cut into several records."""

_CHUNK = 64 * 1024


class Log:
    """The attempt's log as its supervisor writes it. Created by the first record.

    A disk that takes no more must not block the worker: what cannot be written is counted and
    dropped, and the log says so as soon as it can be written again.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._fd = -1
        self._dropped = 0
        self._torn = False
        self.dirty = False
        """Something was written since the last `sync`."""

    def append(self, data: bytes) -> None:
        """Whole records."""
        if self._dropped:
            lost = f"{self._dropped} bytes of output were lost: the log could not be written"
            data = encode("s", [lost.encode()]) + data
        if self._torn:
            data = b"\n" + data
        written = self._write(data)
        if written == len(data):
            self._dropped = 0
            self._torn = False
        else:
            self._dropped += len(data) - written
            self._torn = self._torn or written > 0

    def say(self, text: str) -> None:
        """A line of the system's own."""
        self.append(encode("s", [line.encode("utf-8", "replace") for line in text.split("\n")]))

    def sync(self) -> None:
        """Force to the disk what was written since the last time."""
        if self.dirty:
            self.dirty = False
            try:
                os.fdatasync(self._fd)
            except OSError:
                pass

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _write(self, data: bytes) -> int:
        done = 0
        view = memoryview(data)
        try:
            if self._fd < 0:
                flags = os.O_CREAT | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC
                self._fd = os.open(self._path, flags, 0o600)
            while done < len(data):
                done += os.write(self._fd, view[done:])
        except OSError:
            pass
        self.dirty = self.dirty or done > 0
        return done


class Pump:
    """One pipe of a worker. Holds at most one line, cut at `LINE_BYTES`."""

    def __init__(self, fd: int, stream: Stream, log: Log) -> None:
        self.fd = fd
        self.open = True
        self._stream = stream
        self._log = log
        self._rest = b""
        os.set_blocking(fd, False)

    def pull(self) -> bool:
        """Take what the pipe holds now, once; at its end write the line that has no newline.

        False: there is nothing to take at present.
        """
        try:
            data = os.read(self.fd, _CHUNK)
        except BlockingIOError:
            return False
        except OSError:
            data = b""
        if data:
            self._take(data)
        else:
            self.finish()
        return True

    def drain(self) -> None:
        """Take everything that is in the pipe, then `finish`: nobody is left to write more."""
        while self.open and self.pull():
            pass
        self.finish()

    def finish(self) -> None:
        """Let go of the pipe."""
        if self.open:
            self.open = False
            os.close(self.fd)
            self._flush()

    def turn(self, log: Log) -> None:
        """From now on write to another log; a line without newline still goes to the present one."""
        self._flush()
        self._log = log

    def _flush(self) -> None:
        if self._rest:
            self._log.append(encode(self._stream, [self._rest]))
            self._rest = b""

    def _take(self, data: bytes) -> None:
        lines = (self._rest + data).split(b"\n")
        rest = lines.pop()
        while len(rest) > LINE_BYTES:
            at = _boundary(rest)
            lines.append(rest[:at])
            rest = rest[at:]
        self._rest = rest
        if lines:
            self._log.append(encode(self._stream, lines))


def encode(stream: Stream, lines: list[bytes]) -> bytes:
    """Records for lines that arrived together: one instant for all, long lines cut, bad bytes replaced."""
    prefix = f"{time.time_ns() // 1000}\t{stream}\t".encode()
    pieces = lines if max(map(len, lines)) <= LINE_BYTES else _cut(lines)
    text = prefix + (b"\n" + prefix).join(pieces) + b"\n"
    try:
        text.decode()
    except UnicodeDecodeError:
        text = text.decode("utf-8", "replace").encode()
    return text


def _cut(lines: list[bytes]) -> list[bytes]:
    pieces = []
    for line in lines:
        while len(line) > LINE_BYTES:
            at = _boundary(line)
            pieces.append(line[:at])
            line = line[at:]
        pieces.append(line)
    return pieces


def _boundary(line: bytes) -> int:
    """Where to cut so that no UTF-8 character is split."""
    at = LINE_BYTES
    while at > LINE_BYTES - 4 and line[at] & 0xC0 == 0x80:
        at -= 1
    return at
