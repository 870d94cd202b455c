"""Clock and sleep whose results are recorded, so that an attempt that repeats another finds them.

Each reads the clock in a traced call. Outside a run they are the plain ones.
"""

import asyncio
import time as clock
from collections.abc import Callable
from datetime import UTC, datetime
from typing import ParamSpec, TypeVar

from flyte._calls.trace import trace
from flyte._sync import TwoFaced, sleep_in_slices

P = ParamSpec("P")
R = TypeVar("R")


def _recorded_as(name: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Trace a function under a name that its callers know."""

    def decorate(func: Callable[P, R]) -> Callable[P, R]:
        func.__name__ = name
        return trace(func)

    return decorate


@_recorded_as("durable.time")
def _read() -> float:
    return clock.time()


@_recorded_as("durable.time")
async def _read_async() -> float:
    return clock.time()


@_recorded_as("durable.sleep")
def _until(seconds: float) -> float:
    return clock.time() + seconds


@_recorded_as("durable.sleep")
async def _until_async(seconds: float) -> float:
    return clock.time() + seconds


def _time() -> float:
    """Seconds since 1970, as `time.time()`; the same in every attempt."""
    return _read()


async def _time_async() -> float:
    return await _read_async()


def _now() -> datetime:
    """The present instant, UTC; the same in every attempt."""
    return datetime.fromtimestamp(_read(), UTC)


async def _now_async() -> datetime:
    return datetime.fromtimestamp(await _read_async(), UTC)


def _sleep(seconds: float) -> None:
    """Wait. A later attempt of the task waits for what is left of it, not all over again."""
    sleep_in_slices(_until(float(seconds)) - clock.time())


async def _sleep_async(seconds: float) -> None:
    await asyncio.sleep(max(0.0, await _until_async(float(seconds)) - clock.time()))


time = TwoFaced(_time, _time_async)
now = TwoFaced(_now, _now_async)
sleep = TwoFaced(_sleep, _sleep_async)
