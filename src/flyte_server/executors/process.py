"""Attempts as processes of this machine, each under a shim that outlives this server."""

import asyncio
import logging
import os
import signal
import sys
import time
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from flyte_core import process, supervision
from flyte_core.layout import Layout
from flyte_core.model import ActionKey, Micros, Owner, ResourceRequest, Token
from flyte_core.supervision import NOBODY, ExitRecord, FrameReader
from flyte_server.executors import capacity, environment, remains
from flyte_server.executors.launching import Answer, Launcher
from flyte_server.executors.warm import WarmPools
from flyte_server.executors.watch import Watch, send
from flyte_server.ports.executor import Ended, EndReason, Launch

log = logging.getLogger("flyte_server.executor")

STUCK_S = 15.0
"""So long after the grace a supervisor that does not end its attempt is ended itself."""
_AT_ONCE = 16
_TOLD = 100_000

OnStarted = Callable[[ActionKey, int, Token, str], None]
OnEnded = Callable[[Ended], None]


@dataclass(slots=True)
class Live:
    """An attempt whose end has not been told. `launch` is None for one known only by its directory."""

    key: ActionKey
    attempt: int
    token: Token
    dir: Path
    launch: Launch | None
    shim: Owner | None = None
    announced: bool = False
    cancelled_at: float | None = field(default=None)


class ProcessExecutor:
    """Implements `flyte_server.ports.executor.Executor`. Everything but `slots` lives on the event loop."""

    name = "process"

    def __init__(self, layout: Layout, *, given: ResourceRequest | None = None, zygotes: bool = True) -> None:
        """`given` is the capacity to declare; without it, the machine's."""
        self._layout = layout
        self._capacity = given or capacity.machine()
        self._zygotes = zygotes
        self._live: dict[Token, Live] = {}
        self._told: OrderedDict[Token, None] = OrderedDict()
        self._tasks: set[asyncio.Task[None]] = set()
        self._room = asyncio.Semaphore(_AT_ONCE)
        self.pools = WarmPools(layout.home / "workers", self._warm_started, self._warm_ended, self._alone)
        """The other side of `godwit.v1.WorkerService`'s Pull and Report."""

    async def start(self, on_started: OnStarted, on_ended: OnEnded) -> None:
        """See the port. Begins to preload a zygote for this server's own interpreter."""
        self._on_started = on_started
        self._on_ended = on_ended
        self._watch = Watch()
        self._launcher = Launcher(self._layout.zygotes, self._watch, zygotes=self._zygotes)
        self.pools.open(self._launcher, self._watch)
        self._spawn(self._prepare(), "preload")

    async def stop(self) -> None:
        """See the port."""
        await self.pools.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._watch.close()
        self._live.clear()

    def slots(self) -> ResourceRequest:
        """See the port."""
        return self._capacity

    def impossible(self, request: ResourceRequest) -> str | None:
        """See the port."""
        return capacity.impossible(request, self._capacity)

    async def submit(self, launch: Launch) -> None:
        """See the port."""
        if launch.token in self._live or launch.token in self._told:
            return
        live = self._take(launch)
        if launch.pool:
            self.pools.submit(launch)
        else:
            self._spawn(self._begin(live), f"launch {launch.key.name}/{launch.attempt}")

    async def reattach(self, launches: Sequence[Launch]) -> None:
        """See the port."""
        for launch in launches:
            if launch.token in self._live or launch.token in self._told:
                continue
            live = self._take(launch)
            if self._adopt(live) or self._adopt_warm(live):
                continue
            if launch.pool:
                self.pools.submit(launch)
            else:
                self._spawn(self._begin(live), f"launch {launch.key.name}/{launch.attempt}")

    async def cancel(self, key: ActionKey, attempt: int, token: Token, grace_s: float) -> None:
        """See the port. Knows attempts of earlier servers too, by their directories."""
        if token in self._told:
            return
        live = self._live.get(token)
        if live is None:
            live = Live(key, attempt, token, self._layout.attempt(key, attempt), None)
            self._live[token] = live
            if not (self._adopt(live) or self._adopt_warm(live)):
                self._forestall(live)
                return
            if token in self._told:
                return
        if not self.pools.cancel(token, grace_s):
            self._end(live, grace_s)

    # -- beginning ---------------------------------------------------------------------------

    def _take(self, launch: Launch) -> Live:
        live = Live(launch.key, launch.attempt, launch.token, launch.dir, launch)
        self._live[launch.token] = live
        return live

    async def _prepare(self) -> None:
        await self._launcher.prepare(sys.executable)

    async def _begin(self, live: Live) -> None:
        """Get a shim to run the attempt. Whoever claims its directory is the one, whatever was answered."""
        launch = live.launch
        assert launch is not None
        try:
            async with self._room:
                live.dir.mkdir(parents=True, exist_ok=True, mode=0o700)
                interpreter = launch.interpreter or sys.executable
                if environment.forkable(launch):
                    spec = environment.spec_of(launch, fork=True)
                    if self._follow(live, await self._launcher.fork(interpreter, spec.encode())):
                        return
                data = environment.spec_of(launch, fork=False).encode()
                if self._follow(live, await self._launcher.fork(sys.executable, data)):
                    return
                if not self._follow(live, await self._launcher.execute(data)):
                    why = self._launcher.last_words()
                    self._tell(live, EndReason.LAUNCH_FAILED, f"no supervisor could be started: {why}")
        except Exception as error:
            log.exception("an attempt could not be started", extra={"action": live.key.name})
            self._tell(live, EndReason.LAUNCH_FAILED, f"{type(error).__name__}: {error}")

    def _follow(self, live: Live, answer: Answer | None) -> bool:
        """Adopt the attempt; its shim's second word comes sooner than its end."""
        adopted = self._adopt(live)
        if answer is not None:
            if adopted and live.token in self._live:
                self._watch.hear(answer.channel, lambda said: self._ended(live, said))
            else:
                answer.channel.close()
        return adopted

    def _adopt(self, live: Live) -> bool:
        """Follow the attempt from its directory: running, or ended meanwhile. False: nobody began it."""
        if live.token in self._told or live.shim is not None:
            return True
        record = supervision.read_exit(live.dir)
        if record is not None:
            self._told_by(live, record)
            return True
        shim = supervision.read_claim(live.dir)
        if shim is None:
            return False
        live.shim = shim
        if self._watch.add(shim, lambda: self._gone(live)):
            self._announce(live)
            if live.cancelled_at is not None and live.launch is not None:
                self._end(live, live.launch.grace_s)
        else:
            self._gone(live)
        return True

    def _adopt_warm(self, live: Live) -> bool:
        """Follow an attempt that was given to a warm worker. False: it was not."""
        return self.pools.reattach(live.key, live.attempt, live.token, live.dir, live.launch)

    def _alone(self, launch: Launch) -> None:
        """Run what no warm worker takes in a process of its own."""
        live = self._live.get(launch.token)
        if live is not None:
            self._spawn(self._begin(live), f"launch {launch.key.name}/{launch.attempt}")

    def _warm_started(self, key: ActionKey, attempt: int, token: Token, worker: str) -> None:
        self._on_started(key, attempt, token, worker)

    def _warm_ended(self, ended: Ended) -> None:
        if self._live.pop(ended.token, None) is not None:
            self._remember(ended.token)
            self._on_ended(ended)

    def _announce(self, live: Live) -> None:
        worker = supervision.read_owner(live.dir / supervision.WORKER)
        if worker is not None and not live.announced:
            live.announced = True
            self._on_started(live.key, live.attempt, live.token, f"pid {worker.pid}")

    # -- ending ------------------------------------------------------------------------------

    def _end(self, live: Live, grace_s: float) -> None:
        """Ask the supervisor to end the attempt; make sure that none begins where there is none yet."""
        now = time.monotonic()
        first = live.cancelled_at is None
        if first:
            live.cancelled_at = now
            live.dir.mkdir(parents=True, exist_ok=True, mode=0o700)
            supervision.write_atomically(f"{live.dir}/{supervision.CANCEL}", {"grace_s": grace_s})
        shim = live.shim or supervision.read_claim(live.dir)
        if shim is None:
            self._forestall(live)
            return
        if not first and now - (live.cancelled_at or now) > grace_s + STUCK_S:
            log.warning("a supervisor does not end its attempt and is killed", extra={"pid": shim.pid})
            send(shim, signal.SIGKILL)
        else:
            send(shim, signal.SIGTERM)

    def _forestall(self, live: Live) -> None:
        """Claim an attempt that nobody began, so that nobody will."""
        live.dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not supervision.claim(str(live.dir), NOBODY):
            if self._adopt(live):
                self._end(live, 0.0)
            return
        now = Micros(time.time_ns() // 1000)
        record = ExitRecord(live.token, "cancelled", now, now, detail="cancelled before it started")
        supervision.write_atomically(f"{live.dir}/{supervision.EXIT}", asdict(record))
        self._told_by(live, record)

    def _ended(self, live: Live, said: bytes) -> None:
        """The supervisor tells the end before it has written it down; if it hung up, the watch will tell."""
        try:
            got = FrameReader().feed(said)
            record = ExitRecord(**got[0]["ended"]) if got is not None else None
        except (ValueError, KeyError, TypeError):
            return
        if record is not None:
            self._told_by(live, record)

    def _gone(self, live: Live) -> None:
        """The supervisor is gone: its word was heard, or it has left it, or it was killed."""
        if live.token not in self._live:
            return
        self._announce(live)
        record = supervision.read_exit(live.dir)
        if record is not None:
            self._told_by(live, record)
        else:
            self._spawn(self._lost(live), f"lost {live.key.name}/{live.attempt}")

    async def _lost(self, live: Live) -> None:
        killed = await asyncio.to_thread(remains.end, live.dir, live.token)
        shim = live.shim or NOBODY
        detail = f"its supervisor (pid {shim.pid}) was ended before it could say how the attempt ended"
        if shim == NOBODY:
            detail = "it was cancelled before it started"
        elif shim.boot_id != process.boot_id():
            detail = "the machine was restarted while it ran"
        elif killed:
            detail += f"; {killed} processes of it were killed"
        if _full(live.dir):
            detail += "; the disk is full"
        self._tell(live, EndReason.LOST, detail)

    def _told_by(self, live: Live, record: ExitRecord) -> None:
        if record.token != live.token:
            mine = f"{live.dir} belongs to an attempt with token {record.token}, not {live.token}"
            self._tell(live, EndReason.LAUNCH_FAILED, mine)
            return
        self._tell(live, EndReason(record.reason), record.detail, record.exit_code, record.signal)

    def _tell(
        self,
        live: Live,
        reason: EndReason,
        detail: str,
        exit_code: int | None = None,
        number: int | None = None,
    ) -> None:
        """Report the end, once."""
        if self._live.pop(live.token, None) is None:
            return
        self._remember(live.token)
        well = reason is EndReason.EXIT and exit_code == 0
        tail = "" if well else environment.tail(live.dir / supervision.LOG)
        self._on_ended(
            Ended(live.key, live.attempt, live.token, reason, exit_code, number, detail, log_tail=tail)
        )

    def _remember(self, token: Token) -> None:
        self._told[token] = None
        while len(self._told) > _TOLD:
            self._told.popitem(last=False)

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _full(directory: Path) -> bool:
    try:
        found = os.statvfs(directory)
    except OSError:
        return False
    return found.f_bavail * found.f_frsize < 1 << 20
