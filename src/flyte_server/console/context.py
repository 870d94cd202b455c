"""What the console needs of the server it is part of."""

from typing import Protocol

from flyte_core.layout import Layout
from flyte_core.model import ActionKey, ActionName, RunKey
from flyte_core.ports import Clock
from flyte_core.store.ports import Reader
from flyte_server.services.wake import Wake


class ConsoleContext(Protocol):
    @property
    def store(self) -> Reader: ...

    @property
    def wake(self) -> Wake: ...

    @property
    def layout(self) -> Layout: ...

    @property
    def clock(self) -> Clock: ...

    @property
    def stopping(self) -> bool:
        """Whether the server is about to stop: streams end, so that it can."""

    async def abort(self, run: RunKey, action: ActionName | None, reason: str) -> None:
        """Abort a run, or one action with everything below it. Ended ones stay as they are."""

    async def signal(self, key: ActionKey, outputs: bytes) -> None:
        """Answer a condition with serialized outputs."""
