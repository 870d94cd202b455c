"""Warm workers (`ReusePolicy`): processes that run one attempt after another, or several at once.

The executor gives attempts with a `pool` to `WarmPools.submit`; the RPC handlers of
`godwit.v1.WorkerService` are the other side:

- `Pull`: `async for response in pools.connect(request): yield response`
- `Report`: take each report through the engine first (its verdict is the answer), then call
  `pools.finished(worker_id, token)` for each: the slot is free, `Ended` is told, the next one goes out.
"""

from collections.abc import AsyncIterator
from typing import Protocol

from flyte_core.model import Token
from flyte_core.wire.godwit.v1 import worker_pb2


class WarmPools(Protocol):
    """All pools of warm workers of this server. Everything runs on the server's event loop."""

    def connect(self, request: worker_pb2.PullRequest) -> AsyncIterator[worker_pb2.PullResponse]:
        """Assignments, cancellations and at last `drain` for one worker, until it disconnects.

        A worker that connects again replaces its earlier stream; `request.tokens` are the attempts
        it still runs or has not been able to report: they stay its own. Closing the iterator only
        ends the stream: the worker has time to come back, its process is watched elsewhere.
        """

    def finished(self, worker_id: str, token: Token) -> None:
        """The worker's report about this attempt has been taken (whatever the verdict was)."""
