"""Where handles read history from, and whom they ask to abort: one interface, two kinds.

`StoreSource` opens this machine's history itself, for runs of the embedded server and local ones
alike. `RpcSource` asks the server of a configured endpoint.
"""

from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Any, Protocol

from flyte.errors import ActionNotFoundError, CodeBundleError, ReportNotFoundError, RunNotFoundError
from flyte_core.dataflow.graph import Graph
from flyte_core.frozen import frozen
from flyte_core.links import LinkAddress
from flyte_core.logs import LogLine
from flyte_core.model import Action, ActionKey, RunKey, RunView
from flyte_core.store.ports import ActionPage, ActionQuery, PhaseCounts, Role, RunPage, RunQuery

if TYPE_CHECKING:
    from flyte._calls.answers import Answer


@frozen
class Scope:
    """The project and domain that names belong to when nothing else is said."""

    project: str
    domain: str

    def run(self, name: str, project: str | None = None, domain: str | None = None) -> RunKey:
        return RunKey(project or self.project, domain or self.domain, name)


class Source(Protocol):
    """Reads of runs and actions as they stand now. Usable from any loop."""

    scope: Scope

    @property
    def url(self) -> str:
        """The server's address, for links; without a slash at the end."""

    async def run(self, key: RunKey) -> RunView:
        """Raises `RunNotFoundError`."""

    async def runs(self, query: RunQuery) -> RunPage: ...

    async def scopes(self) -> list[Scope]:
        """The projects and domains that there are to choose from, the one in force among them."""

    async def action(self, key: ActionKey) -> Action:
        """Raises `RunNotFoundError` or `ActionNotFoundError`."""

    async def actions(self, run: RunKey, query: ActionQuery) -> ActionPage:
        """Raises `RunNotFoundError`."""

    async def counts(self, run: RunKey) -> PhaseCounts:
        """How many actions of the run stand in each phase. Raises `RunNotFoundError`."""

    async def payload(self, action: Action, role: Role) -> bytes | None:
        """Serialized inputs or outputs; None while there are none.

        Raises:
            RuntimeSystemError: they are gone, or not what was recorded.
        """

    async def graph(self, run: RunKey) -> Graph:
        """The execution graph. Raises `RunNotFoundError`."""

    async def bottlenecks(self, run: RunKey) -> dict[str, Any]:
        """Where the time went. Raises `RunNotFoundError`."""

    def watch(self, key: ActionKey) -> AsyncGenerator[Action, None]:
        """The action now, and after each change, until it has ended. Rides through a server's restart."""

    def logs(self, key: ActionKey, attempt: int, *, follow: bool) -> AsyncGenerator[LogLine, None]:
        """The lines of one attempt's log; with `follow`, until the action has ended."""

    async def report(self, key: ActionKey, attempt: int) -> str:
        """The page that an attempt has reported. Raises `ReportNotFoundError` when there is none."""

    async def links(self, key: ActionKey, attempt: int) -> tuple[LinkAddress, ...]:
        """The addresses that belong to an attempt."""

    async def code(self, key: ActionKey, uri: str) -> bytes:
        """The bundle of code that an action names. Raises `CodeBundleError` when it is gone."""

    async def signal(self, key: ActionKey, answer: "Answer") -> None:
        """Answer a condition."""

    async def abort_run(self, key: RunKey, reason: str) -> None:
        """Abort the root and everything below it. What has ended stays as it is."""

    async def abort_action(self, key: ActionKey, reason: str) -> None: ...


def no_run(key: RunKey) -> RunNotFoundError:
    return RunNotFoundError(f"There is no run {key.name} in {key.project}/{key.domain}.")


def no_action(key: ActionKey) -> ActionNotFoundError:
    return ActionNotFoundError(
        f"Run {key.run.name} has no action {key.name}.",
        hint=f"List its actions: flyte get action {key.run.name}",
    )


def no_code(key: ActionKey, uri: str) -> CodeBundleError:
    return CodeBundleError(
        f"The code bundle of action {key.name} of run {key.run.name} is not at {uri} any more.",
        hint="It was removed from the data directory; submit the run again.",
    )


def no_report(key: ActionKey, attempt: int) -> ReportNotFoundError:
    return ReportNotFoundError(f"Attempt {attempt} of action {key.name} of run {key.run.name} has no report.")
