"""Tells the server that an attempt waits for what is no child of it, such as another run: it holds no slot."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator

from flyte._client.errors import RpcError
from flyte._client.retry import Patience
from flyte._client.worker_methods import REST
from flyte._controller.children import Link
from flyte._controller.protocol import ParentRef
from flyte_core.wire.godwit.v1 import worker_pb2 as wire

_PATIENCE = Patience(total_s=3600.0, cap_s=2.0)
"""A server that is away counts nothing; the next one is told again."""


@contextlib.asynccontextmanager
async def resting(parent: ParentRef, link: Link) -> AsyncIterator[None]:
    """While this is open, the attempt holds nothing. Whether the server hears of it is no matter of the body."""
    telling = asyncio.create_task(_tell(parent, link), name=f"rest {parent.action}")
    try:
        yield
    finally:
        telling.cancel()
        await asyncio.gather(telling, return_exceptions=True)


async def _tell(parent: ParentRef, link: Link) -> None:
    run = parent.run
    action = wire.ActionRef(project=run.project, domain=run.domain, run=run.name, action=parent.action)
    request = wire.RestRequest(action=action, token=int(parent.token or 0))
    tries = _PATIENCE.tries()
    while True:
        try:
            async with contextlib.aclosing(_opened(link, request)) as messages:
                async for _ in messages:
                    tries.reset()
        except RpcError as error:
            if not error.retriable:
                return
            link.lost()
        # A server that drains ends its streams well.
        if not await tries.again():
            return


def _opened(link: Link, request: wire.RestRequest) -> AsyncGenerator[wire.RestResponse, None]:
    return link.client().stream(REST, request)
