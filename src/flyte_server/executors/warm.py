"""Warm workers (`ReusePolicy`): processes that run one attempt after another, or several at once.

The executor gives attempts with a `pool` to `WarmPools.submit`; the RPC handlers of
`godwit.v1.WorkerService` are the other side:

- `Pull`: `async for response in pools.connect(request): yield response`
- `Report`: take each report through the engine first (its verdict is the answer), then call
  `pools.finished(worker_id, token)` for each: the slot is free, `Ended` is told, the next one goes out.

A worker is a process under a shim, in a directory of its own. Which attempts it was given stands in
a file there, written before they go out, so that a restarted server knows whom to ask about them.
"""

import asyncio
import json
import logging
import shutil
import signal
import time
import uuid
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from flyte_core import process, supervision
from flyte_core.model import ActionKey, Owner, Token
from flyte_core.wire.godwit.v1 import worker_pb2
from flyte_server.executors import environment, remains
from flyte_server.executors.launching import Launcher
from flyte_server.executors.watch import Watch, send
from flyte_server.ports.executor import Ended, EndReason, Launch

log = logging.getLogger("flyte_server.warm")

GIVEN = "given"
"""In a worker's directory: its pool and concurrency, then the token of every attempt it was given."""

RECONNECT_S = 60.0
"""How long a worker may stay away from the server before it is given up."""
SOON_S = 5.0
"""So long a worker that starts is expected, and its share of the attempts is kept for it."""
DRAIN_S = 10.0
"""How long a worker that was sent home may take."""
DEFAULT_IDLE_S = 30.0
_TRIES = 3
_TOLD_AT_ONCE = 64
_TICK_S = 1.0


class Given(NamedTuple):
    """Whom an attempt was given to."""

    worker: str
    pool: str
    concurrency: int


@dataclass(slots=True)
class Assigned:
    """An attempt that a worker has. `launch` is None when only its directory is known."""

    key: ActionKey
    attempt: int
    token: Token
    dir: Path
    launch: Launch | None
    cancelled: bool = False


@dataclass(slots=True)
class Worker:
    """One process of a pool."""

    id: str
    pool: str
    dir: Path
    concurrency: int
    shim: Owner | None = None
    assigned: dict[Token, Assigned] = field(default_factory=dict)
    outbox: deque[worker_pb2.PullResponse] = field(default_factory=deque)
    news: asyncio.Event = field(default_factory=asyncio.Event)
    stream: int = 0
    """Which connection is the present one."""
    connected: bool = False
    away_since: float = 0.0
    idle_since: float = 0.0
    drained_at: float | None = None
    doomed: str = ""
    """Why it is being killed, for the attempts that did not cause it."""
    pid: int = 0
    """0: not known yet."""

    @property
    def free(self) -> bool:
        return self.connected and self.drained_at is None and len(self.assigned) < self.concurrency

    def tell(self, message: worker_pb2.PullResponse) -> None:
        self.outbox.append(message)
        self.news.set()

    def take(self) -> worker_pb2.PullResponse:
        """What there is to tell, as one message of bearable size."""
        message = self.outbox.popleft()
        for _ in range(min(len(self.outbox), _TOLD_AT_ONCE)):
            message.MergeFrom(self.outbox.popleft())
        return message

    @property
    def words(self) -> str:
        """What users read about who runs an attempt."""
        if not self.pid:
            owner = supervision.read_owner(self.dir / supervision.WORKER)
            self.pid = 0 if owner is None else owner.pid
        return f"warm worker, pid {self.pid}" if self.pid else f"warm worker {self.id}"


@dataclass(slots=True)
class Pool:
    """Workers that may take each other's work."""

    key: str
    idle_s: float = DEFAULT_IDLE_S
    replicas: int = 1
    workers: dict[str, Worker] = field(default_factory=dict)
    waiting: deque[Launch] = field(default_factory=deque)
    failures: int = 0
    """Workers in a row that ended before they asked for work."""


class WarmPools:
    """All pools of warm workers of this server. Everything runs on the server's event loop."""

    def __init__(
        self,
        directory: Path,
        on_started: Callable[[ActionKey, int, Token, str], None],
        on_ended: Callable[[Ended], None],
        alone: Callable[[Launch], None],
    ) -> None:
        """`alone` runs an attempt in a process of its own: what is left when no worker can be had."""
        self._directory = directory
        self._on_started = on_started
        self._on_ended = on_ended
        self._alone = alone
        self._pools: dict[str, Pool] = {}
        self._workers: dict[str, Worker] = {}
        self._holders: dict[Token, Worker] = {}
        self._earlier: dict[Token, Given] | None = None
        """What workers of earlier servers were given, once somebody has asked."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    def open(self, launcher: Launcher, watch: Watch) -> None:
        """Begin work, on the running loop."""
        self._launcher = launcher
        self._watch = watch
        self._closed = False
        self._spawn(self._sweep())

    async def close(self) -> None:
        """Let go of all workers; they wait for the next server."""
        self._closed = True
        for worker in self._workers.values():
            worker.news.set()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._pools.clear()
        self._workers.clear()
        self._holders.clear()

    # -- what the executor asks ---------------------------------------------------------------

    def submit(self, launch: Launch) -> None:
        """Give the attempt to a worker as soon as one has room; more are started up to `pool_replicas`."""
        pool = self._pool(_key(launch))
        pool.idle_s = launch.pool_idle_s
        pool.replicas = launch.pool_replicas
        pool.waiting.append(launch)
        self._pump(pool)

    def reattach(
        self, key: ActionKey, attempt: int, token: Token, directory: Path, launch: Launch | None
    ) -> bool:
        """Follow an attempt that a worker of an earlier server has. False: no worker was given it."""
        if self._earlier is None:
            self._earlier = _read_given(self._directory)
        given = self._earlier.get(token)
        if given is None:
            return False
        worker = self._workers.get(given.worker) or self._find(*given)
        held = Assigned(key, attempt, token, directory, launch)
        if worker is None:
            self._lost(held, f"the warm worker {given.worker} that had it is gone")
            return True
        worker.assigned[token] = held
        self._holders[token] = worker
        self._on_started(key, attempt, token, worker.words)
        return True

    def cancel(self, token: Token, grace_s: float) -> bool:
        """End one attempt; its worker too when it does not let go of it in time. False: not one of ours."""
        for pool in self._pools.values():
            for launch in pool.waiting:
                if launch.token == token:
                    pool.waiting.remove(launch)
                    reason = EndReason.CANCELLED
                    self._on_ended(
                        Ended(launch.key, launch.attempt, token, reason, detail="cancelled before it started")
                    )
                    return True
        worker = self._holders.get(token)
        if worker is None:
            return False
        held = worker.assigned[token]
        if not held.cancelled:
            held.cancelled = True
            worker.tell(worker_pb2.PullResponse(cancel=[token]))
            self._spawn(self._insist(worker, token, grace_s))
        return True

    # -- what the RPC handlers ask ------------------------------------------------------------

    async def connect(self, request: worker_pb2.PullRequest) -> AsyncIterator[worker_pb2.PullResponse]:
        """Assignments, cancellations and at last `drain` for one worker, until it disconnects.

        A worker that connects again replaces its earlier stream; `request.tokens` are the attempts
        it still runs or has not been able to report: they stay its own. Closing the iterator only
        ends the stream: the worker has time to come back, its process is watched elsewhere.
        """
        worker = self._workers.get(request.worker_id) or self._find(
            request.worker_id, request.pool, request.concurrency
        )
        if worker is None:
            yield worker_pb2.PullResponse(drain=True)
            return
        worker.stream += 1
        stream = worker.stream
        worker.news.set()
        worker.news = asyncio.Event()
        self._welcome(worker, {Token(token) for token in request.tokens})
        try:
            yield worker_pb2.PullResponse()
            while not self._closed and worker.stream == stream:
                if worker.outbox:
                    yield worker.take()
                    continue
                news = worker.news
                await news.wait()
                if worker.news is news:
                    news.clear()
        finally:
            if worker.stream == stream:
                worker.connected = False
                worker.away_since = time.monotonic()

    def finished(self, worker_id: str, token: Token) -> None:
        """The worker's report about this attempt has been taken (whatever the verdict was)."""
        worker = self._workers.get(worker_id)
        held = worker.assigned.pop(token, None) if worker is not None else None
        if worker is None or held is None:
            return
        self._holders.pop(token, None)
        reason = EndReason.CANCELLED if held.cancelled else EndReason.EXIT
        code = None if held.cancelled else 0
        self._on_ended(Ended(held.key, held.attempt, token, reason, exit_code=code))
        if not worker.assigned:
            worker.idle_since = time.monotonic()
        self._pump(self._pool(worker.pool))

    def directory_of(self, token: Token) -> Path | None:
        """Where the attempt's files are; None: no worker has it."""
        worker = self._holders.get(token)
        return None if worker is None else worker.assigned[token].dir

    # -- assigning ---------------------------------------------------------------------------

    def _pool(self, key: str) -> Pool:
        found = self._pools.get(key)
        if found is None:
            found = self._pools[key] = Pool(key)
        return found

    def _pump(self, pool: Pool) -> None:
        """Hand out what waits, evenly; start workers as long as there are more attempts than workers."""
        workers = [each for each in pool.workers.values() if each.drained_at is None and not each.doomed]
        attempts = len(pool.waiting) + sum(len(each.assigned) for each in workers)
        missing = min(pool.replicas, attempts) - len(workers) if pool.waiting else 0
        workers += [self._start(pool, pool.waiting[0]) for _ in range(missing)]
        soon = time.monotonic() - SOON_S
        sharing = sum(1 for each in workers if each.connected or each.away_since > soon)
        share = -(-attempts // max(1, sharing))
        while pool.waiting:
            free = [each for each in workers if each.free and len(each.assigned) < share]
            if not free:
                return
            self._assign(min(free, key=_load), pool.waiting.popleft())

    def _assign(self, worker: Worker, launch: Launch) -> None:
        held = Assigned(launch.key, launch.attempt, launch.token, launch.dir, launch)
        worker.assigned[launch.token] = held
        self._holders[launch.token] = worker
        try:
            with (worker.dir / GIVEN).open("ab", buffering=0) as file:
                file.write(b"%d\n" % launch.token)
        except OSError as error:
            self._release(worker, launch.token)
            self._on_ended(_ended(held, EndReason.LAUNCH_FAILED, str(error)))
            return
        worker.tell(worker_pb2.PullResponse(assignments=[_assignment(launch)]))
        self._on_started(launch.key, launch.attempt, launch.token, worker.words)

    def _start(self, pool: Pool, launch: Launch) -> Worker:
        worker_id = uuid.uuid4().hex[:16]
        worker = Worker(worker_id, pool.key, self._directory / worker_id, launch.pool_concurrency)
        worker.away_since = time.monotonic()
        pool.workers[worker_id] = self._workers[worker_id] = worker
        self._spawn(self._launch(worker, launch))
        return worker

    async def _launch(self, worker: Worker, launch: Launch) -> None:
        worker.dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        head = json.dumps({"pool": worker.pool, "concurrency": worker.concurrency})
        (worker.dir / GIVEN).write_text(f"{head}\n")
        interpreter = launch.interpreter or environment.own()
        why = ""
        try:
            for fork in (True, False):
                data = environment.warm_spec(launch, worker.id, worker.pool, worker.dir, fork=fork).encode()
                where = interpreter if fork else environment.own()
                answer = await self._launcher.fork(where, data)
                if answer is None and not fork:
                    answer = await self._launcher.execute(data)
                if answer is not None:
                    answer.channel.close()
                if self._follow(worker):
                    return
        except OSError as error:
            why = str(error)
        self._remove(worker)
        self._stumble(worker, why or self._launcher.last_words())

    def _follow(self, worker: Worker) -> bool:
        """Watch the worker's shim. False: nobody began it."""
        worker.shim = supervision.read_claim(worker.dir)
        if worker.shim is None:
            return False
        if not self._watch.add(worker.shim, lambda: self._gone(worker)):
            self._gone(worker)
        return True

    def _find(self, worker_id: str, pool: str, concurrency: int) -> Worker | None:
        """A worker of an earlier server, if its process lives."""
        directory = self._directory / worker_id
        if not worker_id.isalnum():
            return None
        shim = supervision.read_claim(directory)
        if shim is None or not process.alive(shim):
            return None
        worker = Worker(worker_id, pool, directory, max(1, concurrency), shim)
        worker.away_since = worker.idle_since = time.monotonic()
        if not self._watch.add(shim, lambda: self._gone(worker)):
            return None
        self._pool(pool).workers[worker_id] = self._workers[worker_id] = worker
        return worker

    def _welcome(self, worker: Worker, running: set[Token]) -> None:
        """A worker has connected: agree on who has what."""
        worker.connected = True
        worker.idle_since = time.monotonic()
        worker.outbox.clear()
        strangers = running - worker.assigned.keys()
        cancelled = {token for token, held in worker.assigned.items() if held.cancelled}
        if stop := sorted(strangers | (cancelled & running)):
            worker.tell(worker_pb2.PullResponse(cancel=stop))
        for token, held in list(worker.assigned.items()):
            if token in running:
                continue
            if held.launch is None or held.cancelled:
                self._release(worker, token)
                self._on_ended(_ended(held, EndReason.CANCELLED, "cancelled before it started"))
            else:
                worker.tell(worker_pb2.PullResponse(assignments=[_assignment(held.launch)]))
        pool = self._pool(worker.pool)
        pool.failures = 0
        self._pump(pool)

    # -- ends --------------------------------------------------------------------------------

    def _release(self, worker: Worker, token: Token) -> None:
        worker.assigned.pop(token, None)
        self._holders.pop(token, None)

    async def _insist(self, worker: Worker, token: Token, grace_s: float) -> None:
        await asyncio.sleep(grace_s)
        if token in worker.assigned:
            self._kill(worker, f"attempt {token}, which shared it, did not end when it was cancelled")

    def _kill(self, worker: Worker, why: str) -> None:
        """End a worker by force; its end is noticed and told as any other."""
        worker.doomed = worker.doomed or why
        if worker.shim is None:
            return
        supervision.write_atomically(f"{worker.dir}/{supervision.CANCEL}", {"grace_s": 0.0})
        send(worker.shim, signal.SIGTERM)

    def _remove(self, worker: Worker) -> None:
        self._workers.pop(worker.id, None)
        self._pool(worker.pool).workers.pop(worker.id, None)
        worker.stream += 1
        worker.connected = False
        worker.news.set()

    def _gone(self, worker: Worker) -> None:
        """A worker's supervisor has ended: so has its process, or it is ended now."""
        self._remove(worker)
        self._spawn(self._bury(worker, supervision.read_exit(worker.dir)))

    async def _bury(self, worker: Worker, record: supervision.ExitRecord | None) -> None:
        """Tell how the worker's attempts ended, by the way it did."""
        if record is None:
            await asyncio.to_thread(remains.end, worker.dir, Token(0))
        held = list(worker.assigned.values())
        tail = "" if record is None else environment.tail(worker.dir / supervision.LOG)
        for each in held:
            self._holders.pop(each.token, None)
            if each.cancelled:
                self._on_ended(_ended(each, EndReason.CANCELLED, "its worker was ended"))
            elif record is not None and len(held) == 1 and not worker.doomed and record.reason != "cancelled":
                # It was alone there: the way the process ended is the way the attempt did.
                own = environment.tail(each.dir / supervision.LOG)
                self._on_ended(
                    Ended(
                        each.key,
                        each.attempt,
                        each.token,
                        EndReason(record.reason),
                        record.exit_code,
                        record.signal,
                        record.detail,
                        log_tail="\n".join(part for part in (own, tail) if part),
                    )
                )
            else:
                how = worker.doomed or (
                    record.detail if record is not None and record.detail else "it is gone"
                )
                self._lost(each, f"{worker.words} ended: {how}")
        if worker.idle_since == 0.0 and worker.drained_at is None:
            self._stumble(worker, tail)
        elif record is not None and record.exit_code == 0 and not held:
            await asyncio.to_thread(shutil.rmtree, worker.dir, ignore_errors=True)
        self._pump(self._pool(worker.pool))

    def _stumble(self, worker: Worker, why: str) -> None:
        """A worker ended before it asked for work. Some such in a row, and the attempts go on without."""
        pool = self._pool(worker.pool)
        pool.failures += 1
        log.warning("a warm worker did not come up: %s", why, extra={"worker": worker.id})
        if pool.failures < _TRIES:
            self._pump(pool)
            return
        while pool.waiting:
            self._alone(pool.waiting.popleft())

    def _lost(self, held: Assigned, detail: str) -> None:
        self._on_ended(_ended(held, EndReason.LOST, detail))

    async def _sweep(self) -> None:
        """Send idle workers home; give up those that stay away."""
        while True:
            await asyncio.sleep(_TICK_S)
            now = time.monotonic()
            for worker in list(self._workers.values()):
                idle_s = self._pool(worker.pool).idle_s
                if worker.drained_at is not None:
                    if now - worker.drained_at > DRAIN_S:
                        self._kill(worker, "it did not end when it was sent home")
                elif not worker.connected and now - worker.away_since > RECONNECT_S:
                    self._kill(worker, f"it was not heard of for {RECONNECT_S:g} s")
                elif worker.connected and not worker.assigned and now - worker.idle_since > idle_s:
                    worker.drained_at = now
                    worker.tell(worker_pb2.PullResponse(drain=True))
            for pool in list(self._pools.values()):
                self._pump(pool)  # a worker that was expected soon may not have come
            for key in [key for key, pool in self._pools.items() if not (pool.workers or pool.waiting)]:
                del self._pools[key]

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _key(launch: Launch) -> str:
    """Attempts share workers when their pool is the same and so are the variables of their processes."""
    return f"{launch.pool}|{environment.digest(launch.env)}"


def _load(worker: Worker) -> int:
    return len(worker.assigned)


def _read_given(directory: Path) -> dict[Token, Given]:
    """What all workers that have left a directory were given."""
    found: dict[Token, Given] = {}
    for path in directory.glob(f"*/{GIVEN}"):
        try:
            head, *tokens = path.read_bytes().splitlines()
            about = json.loads(head)
            given = Given(path.parent.name, str(about["pool"]), int(about["concurrency"]))
            found.update((Token(int(token)), given) for token in tokens)
        except (OSError, ValueError, KeyError, TypeError):
            log.warning("%s cannot be read: what its worker was given is not known", path)
    return found


def _ended(held: Assigned, reason: EndReason, detail: str) -> Ended:
    return Ended(held.key, held.attempt, held.token, reason, detail=detail)


def _assignment(launch: Launch) -> worker_pb2.Assignment:
    run = launch.key.run
    inputs = worker_pb2.Payload(data=launch.inputs or b"", present=launch.inputs is not None)
    return worker_pb2.Assignment(
        action=worker_pb2.ActionRef(
            project=run.project, domain=run.domain, run=run.name, action=launch.key.name
        ),
        token=launch.token,
        attempt=launch.attempt,
        argv=launch.argv,
        env=launch.env,
        attempt_dir=str(launch.dir),
        inputs=inputs,
    )
