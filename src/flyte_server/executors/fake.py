"""An executor that runs nothing: a script says how each attempt goes. For tests of everything else."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from flyte_core.model import ActionKey, ErrorInfo, ResourceRequest, Token
from flyte_core.wire import errors
from flyte_server.ports.executor import Ended, EndReason, Launch


@dataclass(slots=True)
class FakeAttempt:
    """An attempt in the hands of a script. It goes on until the script ends it, or it is cancelled."""

    launch: Launch
    executor: "FakeExecutor" = field(repr=False)
    cancelled: asyncio.Event = field(default_factory=asyncio.Event)
    ended: bool = False

    def start(self, worker: str = "pid 1") -> None:
        """User code is about to run."""
        launch = self.launch
        self.executor.on_started(launch.key, launch.attempt, launch.token, worker)

    def succeed(self, outputs: bytes = b"") -> None:
        """Leave outputs and exit well."""
        self.launch.dir.mkdir(parents=True, exist_ok=True)
        (self.launch.dir / "outputs.pb").write_bytes(outputs)
        self.end(EndReason.EXIT, exit_code=0)

    def fail(self, error: ErrorInfo) -> None:
        """Leave an error and exit well, as user exceptions do."""
        self.launch.dir.mkdir(parents=True, exist_ok=True)
        (self.launch.dir / "error.pb").write_bytes(errors.to_document(error))
        self.end(EndReason.EXIT, exit_code=0)

    def end(
        self,
        reason: EndReason,
        exit_code: int | None = None,
        signal: int | None = None,
        detail: str = "",
        log_tail: str = "",
    ) -> None:
        """Every process is gone. A second end is not told."""
        if self.ended:
            return
        self.ended = True
        launch = self.launch
        self.executor.forget(launch.token)
        self.executor.on_ended(
            Ended(launch.key, launch.attempt, launch.token, reason, exit_code, signal, detail, log_tail)
        )


Script = Callable[[FakeAttempt], Awaitable[None]]


async def _at_once(attempt: FakeAttempt) -> None:
    attempt.start()
    attempt.succeed()


class FakeExecutor:
    """Implements `Executor`. `script` runs as a task of its own for each attempt.

    `capacity` is what it declares. With `obeys` false it takes no notice of cancellations.
    """

    name = "fake"

    def __init__(
        self, script: Script = _at_once, capacity: ResourceRequest | None = None, obeys: bool = True
    ) -> None:
        self.script = script
        self.capacity = capacity or ResourceRequest(cpu=4.0, memory_bytes=8 << 30)
        self.obeys = obeys
        self.launches: list[Launch] = []
        """Everything that was submitted, in order."""
        self.reattached: list[Launch] = []
        self.cancels: list[tuple[ActionKey, int, Token]] = []
        self.live: dict[Token, FakeAttempt] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(
        self,
        on_started: Callable[[ActionKey, int, Token, str], None],
        on_ended: Callable[[Ended], None],
    ) -> None:
        self.on_started = on_started
        self.on_ended = on_ended

    async def stop(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def impossible(self, request: ResourceRequest) -> str | None:
        if request.gpu > self.capacity.gpu:
            return f"It asks for {request.gpu} GPUs; there are {self.capacity.gpu}."
        return None

    async def submit(self, launch: Launch) -> None:
        self.launches.append(launch)
        attempt = self.live[launch.token] = FakeAttempt(launch, self)
        task = asyncio.create_task(self._play(attempt))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def reattach(self, launches: Sequence[Launch]) -> None:
        for launch in launches:
            self.reattached.append(launch)
            await self.submit(launch)

    async def cancel(self, key: ActionKey, attempt: int, token: Token, grace_s: float) -> None:
        self.cancels.append((key, attempt, token))
        if not self.obeys:
            return
        live = self.live.get(token)
        if live is not None:
            live.cancelled.set()
            live.end(EndReason.CANCELLED)
        else:
            self.on_ended(Ended(key, attempt, token, EndReason.CANCELLED))

    def slots(self) -> ResourceRequest:
        return self.capacity

    def forget(self, token: Token) -> None:
        self.live.pop(token, None)

    async def _play(self, attempt: FakeAttempt) -> None:
        await self.script(attempt)
