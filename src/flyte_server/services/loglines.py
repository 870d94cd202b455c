"""Reading an attempt's log, finished or growing."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

from flyte_core import logs
from flyte_core.logs import LogLine
from flyte_core.model import Action, ActionKey, AttemptState, NotFound, Unavailable
from flyte_server.services.context import ServerContext
from flyte_server.services.wake import action_topic
from flyte_server.services.watch import is_local

BATCH = 1_000
CUT = " [cut off here]"
_LOOK_S = (0.05, 0.1, 0.2, 0.4)


async def tail(context: ServerContext, key: ActionKey, attempt: int) -> AsyncIterator[list[LogLine]]:
    """The lines of an attempt's log in batches, until the attempt has ended and all have been given.

    An attempt that has not begun is waited for.

    Raises:
        NotFound: the action has ended and never had this attempt.
        Unavailable: the server stops.
    """
    path = context.layout.log(key, attempt)
    offset = number = quiet = 0
    with context.wake.watch(action_topic(key), foreign=is_local(context, key.run)) as watch:
        while True:
            # Asked before reading: what was written before the end is then certainly read.
            ended = has_ended(context.action(key), attempt)
            lines, offset = await asyncio.to_thread(_read, path, offset, number)
            number += len(lines)
            if lines:
                quiet = 0
                yield lines
                continue
            if ended:
                rest = await asyncio.to_thread(_rest, path, offset, number)
                if rest is not None:
                    yield [rest]
                return
            if context.stopping:
                raise Unavailable("The server stops.", hint="Call again in a moment to read on.")
            await watch.wait(_LOOK_S[min(quiet, len(_LOOK_S) - 1)])
            quiet += 1


def has_ended(action: Action, attempt: int) -> bool:
    """Whether nothing will be written any more.

    Raises:
        NotFound: there is no such attempt and there will be none.
    """
    if attempt <= len(action.attempts):
        return action.attempts[attempt - 1].state is not AttemptState.LIVE
    if action.phase.terminal and attempt > 1:
        raise NotFound(
            f"Action {action.key.name} has no attempt {attempt}: it had {len(action.attempts)}.",
            hint="Leave the number out to see the latest.",
        )
    return action.phase.terminal


def _read(path: Path, offset: int, number: int) -> tuple[list[LogLine], int]:
    found = list(islice(logs.read(path, offset, number), BATCH))
    return [line for line, _ in found], found[-1][1] if found else offset


def _rest(path: Path, offset: int, number: int) -> LogLine | None:
    """What stands behind the last whole record: a line whose writer was ended in the middle."""
    try:
        with path.open("rb") as file:
            file.seek(offset)
            raw = file.read()
    except FileNotFoundError:
        return None
    if not raw or raw.endswith(b"\n"):
        return None
    line = logs.decode(raw, number)
    return replace(line, text=line.text + CUT)
