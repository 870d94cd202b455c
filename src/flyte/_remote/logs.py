"""The log of an action that is known by its id alone."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Literal

from flyte._remote.action import Action, key_of, log_lines, moment
from flyte._remote.current import current_source
from flyte._remote.iterate import iterate_classmethod
from flyte._sync import syncify_classmethod
from flyte_core.frozen import frozen
from flyte_core.model import ActionKey


@frozen
class LogEntry:
    """A line of a log.

    Attributes:
        message: The line, without its end.
        timestamp: When it was written, UTC.
        originator: The task's own code, or the system.
    """

    message: str
    timestamp: datetime
    originator: Literal["user", "system"]

    def __str__(self) -> str:
        return self.message


class Logs:
    """Reads logs; most scripts use `Run.get_logs` and `Action.get_logs`."""

    @iterate_classmethod
    @classmethod
    async def tail(cls, action_id: ActionKey, attempt: int = 1) -> AsyncIterator[LogEntry]:
        """The lines of an attempt's log, as they come, until the action has ended.

        Args:
            action_id: `Action.action_id`.
            attempt: Counted from 1.
        """
        async for line in log_lines(current_source(), key_of(action_id), attempt, follow=True):
            yield LogEntry(line.text, moment(line.at), "system" if line.stream == "s" else "user")

    @syncify_classmethod
    @classmethod
    async def create_viewer(
        cls,
        action_id: ActionKey,
        attempt: int = 1,
        max_lines: int = 30,
        show_ts: bool = False,
        raw: bool = False,
        filter_system: bool = False,
        panel: bool = False,
    ) -> None:
        """Print the log until the action has ended; `max_lines`, `raw` and `panel` change nothing."""
        source = current_source()
        action = Action(await source.action(key_of(action_id)), source)
        await action.show_logs.aio(attempt, show_ts=show_ts, filter_system=filter_system)
