"""Use cases of time: retries that are due, limits that were passed."""

from flyte_core.engine.api import Change, Changes
from flyte_core.engine.settle import settle
from flyte_core.machine.due import due_event, next_due
from flyte_core.model import ActionKey, Micros
from flyte_core.store.ports import Tx

__all__ = ["fire", "next_due"]


def fire(tx: Tx, key: ActionKey, now: Micros) -> Change:
    """Apply whatever is due at `now`: retry, queued timeout, runtime timeout, deadline. Else empty."""
    done = Changes()
    action = tx.action(key)
    while action is not None and (event := due_event(action, now)) is not None:
        change = done.add(settle(tx, action, [event], now))
        if not change.actions:
            break
        action = change.actions[0]
    return Change(tuple(done.actions), tuple(done.effects))
