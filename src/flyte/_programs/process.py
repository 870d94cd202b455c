"""A process within a task: what it writes is the task's log, and it ends with the task."""

import asyncio
import codecs
import contextlib
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TextIO

from flyte.errors import RuntimeUserError

_CHUNK: Final = 64 * 1024
_KEPT: Final = 16_000
_SHOWN: Final = 2000
GRACE_S: Final = 5.0
"""Between SIGTERM and SIGKILL, when the task is aborted."""


async def run(
    what: str,
    argv: Sequence[str],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdout: Path | None = None,
    stderr: Path | None = None,
) -> str:
    """Run a process to its end. Its streams go to the log, or to files. Returns the last of what it wrote to stdout.

    Raises:
        RuntimeUserError: it cannot be started, or ends otherwise than well; `what` names it.
    """
    with contextlib.ExitStack() as files:
        out, err = (
            asyncio.subprocess.PIPE if path is None else files.enter_context(path.open("wb"))
            for path in (stdout, stderr)
        )
        try:
            process = await asyncio.create_subprocess_exec(
                *argv,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                cwd=cwd,
                env=None if env is None else {**os.environ, **env},
                start_new_session=True,
            )
        except OSError as error:
            raise RuntimeUserError(f"{what}: {argv[0]} cannot be started: {error.strerror}.") from error
        try:
            told, warned = await asyncio.gather(
                _copied(process.stdout, sys.stdout), _copied(process.stderr, sys.stderr)
            )
            code = await process.wait()
        except BaseException:
            await _end(process)
            raise
    if code != 0:
        ended = f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
        last = (warned or (stderr and stderr.read_text("utf-8", "replace")[-_SHOWN:]) or told)[
            -_SHOWN:
        ].strip()
        raise RuntimeUserError(f"{what} {ended}." + (f" The last it said:\n{last}" if last else ""))
    return told


async def _copied(stream: asyncio.StreamReader | None, to: TextIO) -> str:
    """Write a stream on as it comes; returns its end."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    tail = ""
    while stream is not None:
        data = await stream.read(_CHUNK)
        text = decoder.decode(data, final=not data)
        to.write(text)
        to.flush()
        tail = (tail + text)[-_KEPT:]
        if not data:
            break
    return tail


async def _end(process: asyncio.subprocess.Process) -> None:
    """End it with all that it started."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), GRACE_S)
            return


async def collected(what: str, name: str, kind: Any, path: Path) -> Any:
    """An output that a program has left at a path, as a value of its type.

    Raises:
        RuntimeUserError: there is none, or it is not of the type.
    """
    from flyte.io import Dir, File

    if not path.exists():
        raise RuntimeUserError(f"{what} has ended without its output {name}: there is no {path}.")
    if _is_kind(kind, File):
        return await File.from_local(str(path))
    if is_dir(kind):
        return await Dir.from_local(str(path))
    text = path.read_text("utf-8")
    return read(what, name, kind, text.removesuffix("\n"))


def is_dir(hint: Any) -> bool:
    """Whether a hint is `Dir` or `Dir[...]`."""
    from flyte.io import Dir

    return _is_kind(hint, Dir)


def _is_kind(hint: Any, kind: type) -> bool:
    bare = getattr(hint, "__pydantic_generic_metadata__", {}).get("origin") or hint
    return isinstance(bare, type) and issubclass(bare, kind)


def read(what: str, name: str, kind: Any, text: str) -> Any:
    """A value that a program wrote as text: words as they are, all else as JSON or as Python writes it."""
    import json
    from datetime import datetime, timedelta

    from flyte._types.codec import Mismatch
    from flyte._types.engine import codec_of

    try:
        if kind is str:
            return text
        if kind is bool:
            return {"true": True, "1": True, "false": False, "0": False}[text.strip().lower()]
        if kind in (int, float):
            return kind(text)
        if kind is datetime:
            return datetime.fromisoformat(text.strip())
        if kind is timedelta:
            return timedelta(seconds=float(text))
        return codec_of(kind).from_json(json.loads(text))
    except (ValueError, KeyError, Mismatch) as error:
        wanted = getattr(kind, "__name__", str(kind))
        raise RuntimeUserError(
            f"{what} has left {text[:100]!r} as its output {name}, which is no {wanted}."
        ) from error


def written(kind: Any, value: Any) -> str:
    """A value of a type as a program gets it among its words."""
    import json
    from datetime import datetime, timedelta

    from flyte._types.engine import codec_of

    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case str() | int() | float():
            return str(value)
        case datetime():
            return value.isoformat()
        case timedelta():
            return str(value.total_seconds())
        case _:
            return json.dumps(codec_of(kind).pack(value), ensure_ascii=False)
