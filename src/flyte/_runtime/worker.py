"""A forked worker: makes the zygote's process into one that looks as if it had been started for the attempt."""

import atexit
import contextlib
import faulthandler
import gc
import os
import sys
import threading
import time
import types
from typing import Any

from flyte._runtime import a0, attempt
from flyte_core.supervision import Spec


def run(spec: Spec) -> int:
    """The body of a fork: runs the attempt; returns the exit code of the process.

    Everything a process does at its end is done here, since a fork is left by `os._exit`.
    """
    take_on(spec.argv, spec.env)
    gc.enable()
    try:
        if spec.argv[0] == "warm":
            from flyte._runtime import warm

            code = warm.work(warm.parse(spec.argv))
        else:
            code = attempt.run(a0.parse(spec.argv), spec.inputs)
    except a0.UsageError as error:
        print(f"a0: {error}", file=sys.stderr)
        code = 2
    wind_up()
    return code


def take_on(argv: tuple[str, ...], env: dict[str, str]) -> None:
    """Environment, arguments and random state as a process of its own would have them.

    The streams stay: a zygote runs unbuffered, so they hold nothing and have no position.
    """
    zone = os.environ.get("TZ")
    os.environ.clear()
    os.environ.update(env)
    if env.get("TZ") != zone:
        time.tzset()
    sys.argv = list(argv)
    sys.modules["__main__"] = types.ModuleType("__main__")
    for entry in reversed(env.get("PYTHONPATH", "").split(os.pathsep)):
        if entry and entry not in sys.path:
            sys.path.insert(0, entry)
    faulthandler.enable(all_threads=True)
    _reseed()


def wind_up() -> None:
    """What the interpreter does at its end: wait for threads, call exit handlers, flush."""
    # The interpreter's own way to wait for threads that are no daemons; there is no public one.
    getattr(threading, "_shutdown", int)()
    getattr(atexit, "_run_exitfuncs", int)()
    flush()


def flush() -> None:
    """Hand on what the streams hold. User code may have replaced or closed them."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()


def _reseed() -> None:
    """No two attempts draw the same numbers. `random` sees to itself after a fork; modules that seed on import are not shared."""
    numpy_random: Any = sys.modules.get("numpy.random")
    if numpy_random is not None:
        numpy_random.seed()
