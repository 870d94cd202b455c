"""A worker that stays: it pulls attempts from the server and runs them in one process.

One at a time on the main thread, or several at once on an event loop there. The talk with the
server has a thread and a loop of its own, so that nothing user code does can stop it.
"""

import asyncio
import os
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from queue import SimpleQueue
from time import perf_counter

from flyte._client.connect import Connect, method
from flyte._client.endpoint import parse_endpoint
from flyte._client.errors import RpcError
from flyte._client.retry import NONE
from flyte._runtime import a0, attempt, failure
from flyte._runtime.context import AttemptContext, from_environment
from flyte._server import recorded
from flyte_core.frozen import frozen
from flyte_core.model import ErrorInfo
from flyte_core.wire import edges as wire_edges
from flyte_core.wire import errors as wire_errors
from flyte_core.wire.godwit.v1 import worker_pb2

_SERVICE = worker_pb2.DESCRIPTOR.services_by_name["WorkerService"]
PULL = method(_SERVICE, "Pull", repeatable=True)
REPORT = method(_SERVICE, "Report", repeatable=True)

INLINE_MAX = 64 * 1024
ALONE_S = 120.0
"""So long a worker without work waits for a server that is away."""
_AGAIN_S = 0.1
_AGAIN_MAX_S = 2.0


@frozen
class Settings:
    worker: str
    pool: str
    concurrency: int


@frozen
class Job:
    """An assignment, read."""

    assignment: worker_pb2.Assignment
    options: a0.Options
    context: AttemptContext
    inputs: bytes | None

    @classmethod
    def of(cls, assignment: worker_pb2.Assignment) -> "Job":
        options = a0.parse(assignment.argv)
        given = assignment.inputs
        return cls(
            assignment,
            options,
            from_environment(options, assignment.env),
            given.data if given.present else None,
        )

    @property
    def token(self) -> int:
        return self.assignment.token


def parse(argv: Sequence[str]) -> Settings:
    """Read `warm --worker ID --pool KEY --concurrency N`."""
    words = list(argv[1:])
    found = dict(zip(words[::2], words[1::2], strict=True))
    return Settings(found["--worker"], found["--pool"], int(found["--concurrency"]))


def succeeded(job: Job, outputs: bytes) -> worker_pb2.Report:
    """What the server is told; large outputs go into the attempt's file first."""
    report = worker_pb2.Report(action=job.assignment.action, token=job.token)
    report.outputs.present = True
    wire_edges.put(report.edges, job.context.edges)
    if len(outputs) <= INLINE_MAX:
        report.outputs.data = outputs
    else:
        path = job.context.output_dir / attempt.OUTPUTS
        begun = perf_counter()
        attempt.write(path, outputs)
        job.context.handling.writing_s += perf_counter() - begun
        report.outputs.uri = str(path)
        report.outputs.size_bytes = len(outputs)
    report.reading_us, report.writing_us = job.context.handling.told()
    return report


def failed(job: Job, error: ErrorInfo) -> worker_pb2.Report:
    return worker_pb2.Report(
        action=job.assignment.action, token=job.token, error=wire_errors.to_worker(error)
    )


class Talk:
    """The worker's line to its server, on a thread of its own. Survives the server's restarts.

    `inbox` gets jobs, and None when there is nothing more to do; `cancelled` is called, on that
    thread, with the token of an attempt that must stop.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.inbox: SimpleQueue[Job | None] = SimpleQueue()
        self.cancelled: Callable[[int], object] = _ignore
        self._held: set[int] = set()
        self._reports: list[worker_pb2.Report] = []
        self._loop = asyncio.new_event_loop()
        self._news = asyncio.Event()
        self._ending = False
        self._thread = threading.Thread(target=self._run, name="flyte-warm", daemon=True)
        self._thread.start()

    def report(self, report: worker_pb2.Report) -> None:
        """Tell an outcome. Returns at once; it is repeated until the server has taken it."""
        self._loop.call_soon_threadsafe(self._queue, report)

    def close(self) -> None:
        """Wait until everything has been told."""
        self._loop.call_soon_threadsafe(self._finish)
        self._thread.join()

    def _queue(self, report: worker_pb2.Report) -> None:
        self._reports.append(report)
        self._news.set()

    def _finish(self) -> None:
        self._ending = True
        self._news.set()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        pulling = asyncio.create_task(self._pull())
        await self._tell()
        pulling.cancel()
        await asyncio.gather(pulling, return_exceptions=True)

    async def _pull(self) -> None:
        delay_s = _AGAIN_S
        alone_since = self._loop.time()
        while True:
            client = _server()
            try:
                async for message in client.stream(PULL, self._request()):
                    delay_s = _AGAIN_S
                    alone_since = self._loop.time()
                    if self._take(message):
                        return
            except RpcError:
                pass
            if not self._held and self._loop.time() - alone_since > ALONE_S:
                self.inbox.put(None)
                return
            await asyncio.sleep(delay_s)
            delay_s = min(delay_s * 2, _AGAIN_MAX_S)

    def _request(self) -> worker_pb2.PullRequest:
        return worker_pb2.PullRequest(
            worker_id=self._settings.worker,
            pid=os.getpid(),
            pool=self._settings.pool,
            concurrency=self._settings.concurrency,
            tokens=sorted(self._held),
        )

    def _take(self, message: worker_pb2.PullResponse) -> bool:
        """Act on what the server says; True: it wants this worker gone."""
        for assignment in message.assignments:
            if assignment.token in self._held:
                continue
            self._held.add(assignment.token)
            try:
                self.inbox.put(Job.of(assignment))
            except a0.UsageError as error:
                about = ErrorInfo("BadCommand", str(error), recoverable=False)
                report = worker_pb2.Report(
                    action=assignment.action, token=assignment.token, error=wire_errors.to_worker(about)
                )
                self._queue(report)
        for token in message.cancel:
            self.cancelled(token)
        if message.drain:
            self.inbox.put(None)
        return message.drain

    async def _tell(self) -> None:
        """Send reports as they come; what comes while one is under way goes together."""
        while not (self._ending and not self._reports):
            self._news.clear()
            if not self._reports:
                await self._news.wait()
                continue
            batch = self._reports
            self._reports = []
            request = worker_pb2.ReportRequest(worker_id=self._settings.worker, reports=batch)
            delay_s = _AGAIN_S
            while True:
                try:
                    await _server().unary(REPORT, request, patience=NONE)
                    break
                except RpcError as error:
                    if not error.retriable:
                        print(f"an outcome was refused: {error}", file=sys.stderr, flush=True)
                        break
                await asyncio.sleep(delay_s)
                delay_s = min(delay_s * 2, _AGAIN_MAX_S)
            self._held.difference_update(each.token for each in batch)


_clients: dict[str, Connect] = {}


def _server() -> Connect:
    """The server as it is now: one that came back may have another address."""
    home = os.environ.get("FLYTE_HOME", "")
    info = recorded(Path(home)) if home else None
    address = info.url if info is not None else os.environ.get("_U_EP_OVERRIDE", "")
    found = _clients.get(address)
    if found is None:
        found = _clients[address] = Connect(parse_endpoint(address))
    return found


def _ignore(token: int) -> None:
    """Nothing runs yet that could be cancelled."""


def work(settings: Settings) -> int:
    """Pull and run attempts until the server sends this worker home."""
    from flyte._runtime import bodies

    talk = Talk(settings)
    if settings.concurrency == 1:
        bodies.one_by_one(talk)
    else:
        bodies.side_by_side(talk, settings.concurrency)
    talk.close()
    return 0


def describe(error: BaseException) -> ErrorInfo:
    """The failure of a body; a cancelled one says so."""
    if isinstance(error, attempt.Terminated | asyncio.CancelledError):
        return ErrorInfo("Cancelled", "The attempt was asked to end.")
    return failure.describe(error)


if __name__ == "__main__":
    from flyte._runtime import warm, worker  # not this copy of the module: classes must be one

    code = warm.work(warm.parse(sys.argv))
    worker.wind_up()
    os._exit(code)
