"""From a launch to what a shim is told. Looks at the machine, changes nothing."""

import hashlib
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from flyte_core import logs
from flyte_core.supervision import RECOVERS, Spec
from flyte_server.ports.executor import Launch

_INHERITED = frozenset({"PATH", "HOME", "LANG", "LANGUAGE", "TZ", "TMPDIR", "USER", "LOGNAME", "SHELL"})
_STORAGE = ("AWS_", "AZURE_", "GOOGLE_", "FLYTE_AWS_", "FLYTE_STORAGE_")
"""Variables that say how object stores are reached: workers read and write them as the server's user."""
PER_ATTEMPT = frozenset(
    {"ACTION_NAME", "RUN_NAME", "_U_RUN_BASE", "FLYTE_ATTEMPT_NUMBER", "FLYTE_ATTEMPT_TOKEN", RECOVERS}
)
"""Variables that differ between attempts of the same code."""
_TAIL_BYTES = 8 * 1024
_FORK_KEEPS = frozenset({"PYTHONUNBUFFERED", "PYTHONPATH"})
_READ_AT_START = ("PYTHON", "LD_", "MALLOC_", "GLIBC_TUNABLES")
"""Variables that an interpreter or the loader reads once, before any of our code."""


def base(environ: Mapping[str, str], interpreter: str) -> dict[str, str]:
    """What every attempt inherits from the server: little, and the interpreter's commands first."""
    kept = {
        name: value
        for name, value in environ.items()
        if name in _INHERITED or name.startswith(("LC_", *_STORAGE))
    }
    path = kept.get("PATH", os.defpath)
    kept["PATH"] = os.pathsep.join((str(Path(interpreter).parent), path))
    return kept


def forkable(launch: Launch) -> bool:
    """Whether a fork of a running interpreter is as good as one started for the attempt."""
    if launch.runtime != "godwit" or launch.argv[:1] != ("a0",):
        return False
    return not any(name.startswith(_READ_AT_START) and name not in _FORK_KEEPS for name in launch.env)


def spec_of(launch: Launch, *, fork: bool) -> Spec:
    """What the shim of this attempt is told."""
    interpreter = launch.interpreter or sys.executable
    return Spec(
        dir=str(launch.dir),
        token=launch.token,
        argv=launch.argv if fork else command(launch, interpreter),
        env={**base(os.environ, interpreter), **launch.env},
        fork=fork,
        code=launch.code,
        max_runtime_s=launch.max_runtime_s,
        memory_bytes=_memory_limit(launch),
        grace_s=launch.grace_s,
        inputs=launch.inputs,
    )


def _memory_limit(launch: Launch) -> int | None:
    limit = launch.resources.memory_limit_bytes
    return launch.resources.memory_bytes if limit is None else limit


def own() -> str:
    """This server's interpreter."""
    return sys.executable


def digest(env: Mapping[str, str]) -> str:
    """Equal for attempts whose processes may be the same one, as far as variables go."""
    shared = sorted((name, value) for name, value in env.items() if name not in PER_ATTEMPT)
    return hashlib.sha256(json.dumps(shared).encode()).hexdigest()[:16]


def warm_spec(launch: Launch, worker: str, pool: str, directory: Path, *, fork: bool) -> Spec:
    """What the shim of a warm worker is told; `launch` is the first attempt it will get."""
    interpreter = launch.interpreter or sys.executable
    shared = {name: value for name, value in launch.env.items() if name not in PER_ATTEMPT}
    arguments = ("--worker", worker, "--pool", pool, "--concurrency", str(launch.pool_concurrency))
    executed = (interpreter, "-P", "-u", "-m", "flyte._runtime.warm", *arguments)
    return Spec(
        dir=str(directory),
        token=0,
        argv=("warm", *arguments) if fork else executed,
        env={**base(os.environ, interpreter), **shared},
        fork=fork,
        memory_bytes=_memory_limit(launch),
    )


def tail(path: Path) -> str:
    """The last lines of a log, as the program wrote them."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _TAIL_BYTES))
            lines = file.read().splitlines()
    except OSError:
        return ""
    if size > _TAIL_BYTES:
        del lines[:1]
    records = [logs.decode(line, 0) for line in lines]
    return "\n".join(record.text for record in records if record.stream != "s")


def command(launch: Launch, interpreter: str) -> tuple[str, ...]:
    """The command to execute: `a0` is the one that belongs to the interpreter."""
    if launch.argv[:1] != ("a0",):
        return launch.argv
    if launch.runtime == "godwit":
        return (interpreter, "-P", "-m", "flyte._runtime.a0", *launch.argv[1:])
    return (str(Path(interpreter).parent / "a0"), *launch.argv[1:])
