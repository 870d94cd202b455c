"""The composition root: puts one server together from its settings, a store and an executor."""

import asyncio
import logging
import os
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from random import Random
from typing import Any

from starlette.types import ASGIApp

from flyte_core.layout import Layout
from flyte_core.model import Phase, ResourceRequest, RunMode
from flyte_core.ports import Clock
from flyte_core.store.ports import RunQuery, Store
from flyte_server.config import Settings
from flyte_server.http import blobs, console, console_api, status
from flyte_server.http.application import Application, gated
from flyte_server.loops.dispatch import Dispatch
from flyte_server.loops.foreign import Foreign
from flyte_server.loops.idle import Idle
from flyte_server.loops.kills import Kills
from flyte_server.loops.outcomes import Outcomes
from flyte_server.loops.reaper import Reaper
from flyte_server.loops.runner import Loop
from flyte_server.loops.slots import Slots
from flyte_server.loops.timers import Timers
from flyte_server.ports.executor import Executor
from flyte_server.rpc.services import gateway
from flyte_server.services import again
from flyte_server.services.activity import Activity
from flyte_server.services.context import ServerContext
from flyte_server.services.interpreters import Interpreters
from flyte_server.services.metrics import Metrics
from flyte_server.services.notices import Notices
from flyte_server.services.projects import Projects
from flyte_server.services.signing import Signer, load_key
from flyte_server.services.tasks import DeployedTasks
from flyte_server.services.transact import Transactor
from flyte_server.services.uploads import Uploads
from flyte_server.services.values import Values
from flyte_server.services.wake import Wake

log = logging.getLogger(__name__)

DISTRIBUTION = "godwit-flyte"
_SETTLE_S = 3.0


class Server:
    """One server. Everything in it belongs to the event loop it was made on.

    `stop` is what the idle loop calls when nobody needs the server any more.
    """

    def __init__(
        self,
        settings: Settings,
        store: Store,
        executor: Executor,
        clock: Clock,
        stop: Callable[[str], None] = lambda why: None,
        random: Random | None = None,
    ) -> None:
        layout = Layout(settings.home)
        wake, metrics = Wake(), Metrics()
        transactor = Transactor(store, clock, wake, metrics)
        self.settings = settings
        self.activity = Activity(clock)
        self._executor = executor
        self._started_at = datetime.now(UTC)
        self.context = ServerContext(
            settings=settings,
            layout=layout,
            store=store,
            clock=clock,
            wake=wake,
            metrics=metrics,
            transactor=transactor,
            values=Values(store, layout),
            uploads=Uploads(layout),
            signer=Signer(load_key(layout.home / "secret")),
            interpreters=Interpreters(settings.runtime_pythons),
            projects=Projects(layout.home / "projects.json", store.scopes),
            tasks=DeployedTasks(layout.home / "tasks"),
            pools=getattr(executor, "pools", None),
            random=random or Random(),
        )
        self.kills = Kills(clock, store, transactor, executor, layout, settings.grace_s)
        self.outcomes = Outcomes(store, transactor, layout, self.context.values, self.kills.confirmed)
        self.dispatch = Dispatch(
            clock=clock,
            store=store,
            transactor=transactor,
            executor=executor,
            values=self.context.values,
            layout=layout,
            endpoint=f"localhost:{settings.port}",
            slots=Slots(_capacity(settings, executor)),
            on_ended=self.outcomes.ended,
            grace_s=settings.grace_s,
            warm=self.context.pools is not None,
        )
        self.outcomes.expected = self.dispatch.expected
        self.context.resting = self.dispatch.resting
        self.notices = Notices(store, settings.url, settings.egress_allowed, settings.smtp)
        transactor.observe(self.notices.observe)
        self.timers = Timers(clock, store, transactor)
        self.loops: list[Loop] = [
            self.dispatch,
            self.timers,
            self.kills,
            Reaper(clock, store, transactor),
            Foreign(clock, store, wake),
            Idle(clock, store, self.activity, settings.idle_timeout_s, stop),
        ]
        self._tasks: list[asyncio.Task[Any]] = []
        self._gauges()

    def asgi(self) -> ASGIApp:
        """The whole application, gate included."""
        context = self.context
        routes = [
            *status.routes(self.health, context.metrics),
            *blobs.routes(context.uploads, context.signer, context.clock),
            *console_api.routes(
                context, lambda key, changed: again.rerun(context, key, again.Again(**changed))
            ),
            *console.routes(),
        ]
        application = Application(gateway(context), routes, self.activity)
        return gated(application, self.settings.allowed_hosts, self.settings.same_user)

    async def start(self) -> None:
        """Take up what an earlier server left, then let the loops run."""
        await self._executor.start(self.outcomes.started, self.outcomes.ended)
        await self.dispatch.restore()
        self._tasks = [asyncio.create_task(loop.run(), name=loop.name) for loop in self.loops]

    def drain(self) -> None:
        """Start nothing new and end every stream; what runs goes on."""
        self.dispatch.paused = True
        self.context.now_stopping()

    async def stop(self) -> None:
        """Let go of everything. Attempts go on, and the next server adopts them."""
        self.drain()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.notices.stop()
        await self._executor.stop()
        try:
            async with asyncio.timeout(_SETTLE_S):
                await self.outcomes.settle()
                await self.context.transactor.settle()
        except TimeoutError:
            log.warning("not everything was recorded in time; the next server takes it up")

    def health(self) -> dict[str, object]:
        """What `/healthz` answers and `server.json` holds."""
        return {
            "status": "draining" if self.context.stopping else "ok",
            "pid": os.getpid(),
            "url": self.settings.url,
            "data_dir": str(self.settings.home),
            "version": version(DISTRIBUTION),
            "cpu": self.dispatch.slots.capacity.cpu,
            "memory_bytes": self.dispatch.slots.capacity.memory_bytes,
            "started_at": self._started_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        }

    def _gauges(self) -> None:
        store, slots, gauges = self.context.store, self.dispatch.slots, self.context.metrics.gauges
        gauges["godwit_runs", "Runs by phase, in the whole history."] = lambda: [
            ((("phase", phase.value),), store.count_runs(RunQuery(phases=(phase,)))) for phase in Phase
        ]
        gauges["godwit_local_runs_open", "Local runs under way."] = lambda: [
            ((), store.count_runs(RunQuery(mode=RunMode.LOCAL, phases=_OPEN)))
        ]
        gauges["godwit_queue_depth", "Actions that wait for a slot."] = lambda: [
            ((), len(self.dispatch.queue))
        ]
        gauges["godwit_attempts_live", "Attempts under way."] = lambda: [((), len(slots))]
        gauges["godwit_cpus_used", "CPUs handed out; parents that wait hold none."] = lambda: [
            ((), slots.cpu)
        ]
        gauges["godwit_watchers", "Streams and pages that wait for changes."] = lambda: [
            ((), self.context.wake.watchers)
        ]


_OPEN = tuple(phase for phase in Phase if not phase.terminal)


def _capacity(settings: Settings, executor: Executor) -> ResourceRequest:
    there = executor.slots()
    cpu = settings.slots or there.cpu or float(os.cpu_count() or 1)
    return ResourceRequest(cpu=cpu, memory_bytes=there.memory_bytes, gpu=there.gpu)
