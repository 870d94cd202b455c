"""What an executor and the shim that supervises one attempt say to each other.

The shim outlives the server, so everything that must survive is a file in the attempt's directory:

- `claim`: made create-if-absent, with its content, by whoever wins the attempt: a shim before it
  does anything, or the executor to make sure that no shim will. Holds the winner's `Owner`.
- `worker.json`: the `Owner` of the process that runs the user's code.
- `cancel.json`: written before the shim gets SIGTERM: how long to wait before SIGKILL.
- `exit.json`: an `ExitRecord`; its presence means that every process of the attempt is gone.

A launch itself travels over a socket (to a zygote, or to a cold shim as its standard input): one
frame there, `{"worker": pid, "shim": pid}` or `{"refused": why}` as the frame back, and at the end
`{"ended": record}`, before the same is on the disk.

Only `exit.json` is forced to the disk. The other files name processes, and a power failure that
could lose them ends those processes too: an unreadable `claim` counts as one of an earlier boot.
"""

import json
import os
import struct
from dataclasses import asdict, field
from pathlib import Path
from typing import Any

from flyte_core.frozen import frozen
from flyte_core.model import Micros, Owner

PROTOCOL = 1
"""Raised when frames or files change: a zygote that speaks another one is replaced."""

CLAIM = "claim"
WORKER = "worker.json"
CANCEL = "cancel.json"
EXIT = "exit.json"
LOG = "log"
WORK = "work"
INPUTS_VARIABLE = "_GODWIT_INPUTS"
"""Names the file with the attempt's inputs, for a process that was executed rather than forked."""
DATAFLOW = "FLYTE_DATAFLOW"
"""A variable of tasks: `0` takes no notes of how data flows; `strict` lets notes that fail raise, for our own tests."""
SYS_PATHS = "FLYTE_SYS_PATHS"
"""A variable of a run: folders of its code bundle to import from, beside the bundle itself."""
DISABLE_CACHE = "FLYTE_DISABLE_RUN_CACHE"
"""A variable of a run whose calls do not ask the cache; the wire has no field for it."""

CACHE_LOOKUP_SCOPE = "FLYTE_CACHE_LOOKUP_SCOPE"
"""A variable of a run: `global` lets it use outcomes of every project and domain."""
ON_DIVERGENCE = "FLYTE_ON_DIVERGENCE"
"""A variable of a run: `fail` makes a divergence a failure of the attempt, rather than a notice."""
RECOVERS = "_GODWIT_RECOVERS"
"""Set for every attempt of a run that recovers another."""

_HEAD = struct.Struct("!II")
_NO_BODY = 0xFFFFFFFF
MAX_FRAME = 64 * 1024 * 1024


@frozen
class Spec:
    """One attempt, as a shim gets it. `argv` is executed unless `fork` is set."""

    dir: str
    token: int
    argv: tuple[str, ...]
    env: dict[str, str]
    """The whole environment."""
    fork: bool = False
    """Run `flyte._runtime` in a fork of the zygote, with `argv` as the command line of `a0`."""
    code: str = ""
    """What the code is loaded from. Not empty: attempts with equal code may share imported modules."""
    max_runtime_s: float | None = None
    memory_bytes: int | None = None
    grace_s: float = 5.0
    protocol: int = PROTOCOL
    inputs: bytes | None = field(default=None, repr=False)

    def encode(self) -> bytes:
        values: dict[str, Any] = {
            name: getattr(self, name) for name in self.__match_args__ if name != "inputs"
        }
        return frame(values, self.inputs)

    @classmethod
    def decode(cls, head: dict[str, Any], body: bytes | None) -> "Spec":
        return cls(**{**head, "argv": tuple(head["argv"])}, inputs=body)


@frozen
class ExitRecord:
    """How an attempt ended. `reason` is one of exit, signal, timeout, oom, cancelled, launch_failed."""

    token: int
    reason: str
    started_at: Micros
    ended_at: Micros
    exit_code: int | None = None
    signal: int | None = None
    detail: str = ""
    cpu_s: float = 0.0
    max_rss_bytes: int = 0


def frame(head: dict[str, Any], body: bytes | None = None) -> bytes:
    """Two lengths, a JSON object, and optional bytes."""
    text = json.dumps(head, separators=(",", ":")).encode()
    if body is None:
        return _HEAD.pack(len(text), _NO_BODY) + text
    return _HEAD.pack(len(text), len(body)) + text + body


class FrameReader:
    """Collects frames from bytes as they arrive."""

    def __init__(self) -> None:
        self._data = bytearray()

    def feed(self, data: bytes) -> tuple[dict[str, Any], bytes | None] | None:
        """Take more bytes; the first frame once it is whole. `feed(b"")` gives the next, if it is here too.

        Raises:
            ValueError: it is no frame, or larger than `MAX_FRAME`.
        """
        self._data += data
        if len(self._data) < _HEAD.size:
            return None
        head, body = _HEAD.unpack_from(self._data)
        length = 0 if body == _NO_BODY else body
        if head + length > MAX_FRAME:
            raise ValueError(f"a frame of {head + length} bytes is longer than {MAX_FRAME}")
        start = _HEAD.size + head
        end = start + length
        if len(self._data) < end:
            return None
        parsed = json.loads(self._data[_HEAD.size : start])
        if not isinstance(parsed, dict):
            raise ValueError("a frame's head is a JSON object")
        payload = None if body == _NO_BODY else bytes(self._data[start:end])
        del self._data[:end]
        return parsed, payload


def write_atomically(path: str, data: dict[str, Any], *, durable: bool = False) -> None:
    """Put a JSON file in place whole. `durable`: it has survived a power failure when this returns."""
    temporary = f"{path}.{os.getpid()}.tmp"
    _write(temporary, data)
    if durable:
        sync(temporary)
    os.rename(temporary, path)  # noqa: PTH104
    if durable:
        sync(os.path.dirname(path))  # noqa: PTH120


def sync(path: str) -> None:
    """Force a file or directory to the disk, if it is there."""
    try:
        fd = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


NOBODY = Owner(0, 0, "none")
"""Claims an attempt that must not be started any more."""


def claim(directory: str, owner: Owner) -> bool:
    """Win the attempt in this directory, or learn that somebody else did (False)."""
    temporary = f"{directory}/{CLAIM}.{os.getpid()}.tmp"
    _write(temporary, asdict(owner))
    try:
        os.link(temporary, f"{directory}/{CLAIM}")
    except FileExistsError:
        return False
    finally:
        os.unlink(temporary)  # noqa: PTH108
    return True


def _write(path: str, data: dict[str, Any]) -> None:
    fd = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        os.write(fd, json.dumps(data).encode())
    finally:
        os.close(fd)


def read_claim(directory: Path) -> Owner | None:
    """The shim that won the attempt; None: nobody did. Process 0: the executor, so that nobody else would."""
    return read_owner(directory / CLAIM)


def read_owner(path: Path) -> Owner | None:
    """The process named in `claim` or `worker.json`; None: no such file.

    A file that cannot be read was cut by a power failure: its process is one of an earlier boot.
    """
    try:
        data = json.loads(path.read_bytes())
        return Owner(int(data["pid"]), int(data["start_ticks"]), str(data["boot_id"]))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError):
        return Owner(0, 0, "unreadable")


def read_exit(directory: Path) -> ExitRecord | None:
    """How the attempt ended; None: it has not, or not by the word of its shim."""
    try:
        return ExitRecord(**json.loads((directory / EXIT).read_bytes()))
    except (OSError, ValueError, TypeError):
        return None
