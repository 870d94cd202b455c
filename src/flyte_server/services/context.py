"""What the parts of one server share. Made once, in `app.py`; no part reaches around it."""

import asyncio
import getpass
import os
import socket
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from random import Random

from flyte_core.engine import action as actions
from flyte_core.engine import run as runs
from flyte_core.engine.api import Change
from flyte_core.layout import Layout
from flyte_core.model import Action, ActionKey, ActionName, NotFound, RunKey, RunView, Token
from flyte_core.ports import Clock
from flyte_core.store.ports import Store
from flyte_server.config import Settings
from flyte_server.executors.warm import WarmPools
from flyte_server.services.interpreters import Interpreters
from flyte_server.services.metrics import Metrics
from flyte_server.services.projects import Projects
from flyte_server.services.signing import Signer
from flyte_server.services.tasks import DeployedTasks
from flyte_server.services.transact import Transactor
from flyte_server.services.uploads import Uploads
from flyte_server.services.values import Values
from flyte_server.services.wake import Wake


@dataclass(slots=True)
class ServerContext:
    settings: Settings
    layout: Layout
    store: Store
    clock: Clock
    wake: Wake
    metrics: Metrics
    transactor: Transactor
    values: Values
    uploads: Uploads
    signer: Signer
    interpreters: Interpreters
    projects: Projects
    tasks: DeployedTasks
    pools: WarmPools | None = None
    """Set when the executor has warm workers."""
    resting: Callable[[ActionKey, Token], AbstractContextManager[None]] = lambda *_: nullcontext()
    """Lets an attempt hold nothing while it waits for what is no child of it."""
    random: Random = field(default_factory=Random)
    account: str = field(default_factory=lambda: account_name())
    ending: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when streams end; their clients come back to the next server."""

    @property
    def stopping(self) -> bool:
        return self.ending.is_set()

    def view(self, key: RunKey) -> RunView:
        """A run as it stands.

        Raises:
            NotFound: there is none.
        """
        found = self.store.run(key)
        if found is None:
            raise NotFound(
                f"There is no run {key.name} in {key.project}/{key.domain}.",
                hint="`flyte get run` lists the runs there are.",
            )
        return found

    def action(self, key: ActionKey) -> Action:
        """An action as it stands.

        Raises:
            NotFound: there is none, or not even its run.
        """
        found = self.store.action(key)
        if found is None:
            self.view(key.run)
            raise NotFound(
                f"There is no action {key.name} in run {key.run.name}.",
                hint=f"`flyte get action {key.run.name}` lists its actions.",
            )
        return found

    async def abort(self, run: RunKey, action: ActionName | None, reason: str) -> None:
        """Abort a run, or one action with everything below it. Ended ones stay as they are.

        Raises:
            NotFound: there is no such run or action.
        """
        if action is None:
            await self.transactor.change(runs.abort_run, run, reason, self.account)
        else:
            await self.abort_action(ActionKey(run, action), reason)

    async def abort_action(self, key: ActionKey, reason: str) -> Change:
        return await self.transactor.change(actions.abort_action, key, reason, self.account)

    async def signal(self, key: ActionKey, outputs: bytes) -> None:
        """Answer a condition with serialized outputs.

        Raises:
            FailedPrecondition: it was answered otherwise, or has ended.
        """
        await self.transactor.change(actions.signal, key, outputs, self.account)

    def now_stopping(self) -> None:
        """End every stream."""
        self.ending.set()
        self.wake.publish_all()


def account_name() -> str:
    """The account this server runs as: on one machine, everybody who may call is this one."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return str(os.getuid())


def machine_name() -> str:
    return socket.gethostname()
