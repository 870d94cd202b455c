"""How long to keep trying, and how often."""

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncGenerator, Callable
from typing import TypeVar

from flyte._client.errors import RpcError
from flyte_core.frozen import frozen

T = TypeVar("T")


@frozen
class Patience:
    """Tries with growing, jittered waits, for `total_s` seconds after the first failure."""

    total_s: float
    base_s: float = 0.05
    cap_s: float = 2.0

    def tries(self) -> "Tries":
        return Tries(self)


DEFAULT = Patience(10.0)
"""Rides through the restart of a server."""

FIRST = Patience(2.0)
"""For a server that was never reached: its address may be wrong."""

NONE = Patience(0.0)


class Tries:
    """The tries of one call."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._delay_s = patience.base_s
        self._until: float | None = None

    async def again(self) -> bool:
        """Wait before the next try; False when patience is at an end."""
        now = time.monotonic()
        if self._until is None:
            self._until = now + self._patience.total_s
        if now >= self._until:
            return False
        await asyncio.sleep(min(self._delay_s * random.uniform(0.75, 1.25), self._until - now))
        self._delay_s = min(self._delay_s * 2, self._patience.cap_s)
        return True

    def reset(self) -> None:
        """It worked: the next failure begins anew."""
        self._until = None
        self._delay_s = self._patience.base_s


async def follow(
    open_stream: Callable[[], AsyncGenerator[T, None]], patience: Patience = DEFAULT
) -> AsyncGenerator[T, None]:
    """A stream that is opened again when it is cut.

    `open_stream` is called for each opening and must ask for what was not seen yet. Ends when the
    server ends it well.

    Raises:
        RpcError: refused, or not to be had again within `patience` of its last message.
    """
    tries = patience.tries()
    while True:
        try:
            async with contextlib.aclosing(open_stream()) as messages:
                async for message in messages:
                    tries.reset()
                    yield message
        except RpcError as error:
            if not error.retriable or not await tries.again():
                raise
        else:
            return
