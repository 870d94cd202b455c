"""Use cases of time: retries that are due, limits that were passed."""

from flyte_core.engine.api import Change, Verdict
from flyte_core.engine.settle import settle
from flyte_core.machine.decide import decide
from flyte_core.machine.due import due_event, next_due
from flyte_core.machine.events import Event
from flyte_core.model import Action, ActionKey, Micros
from flyte_core.store.ports import Tx

__all__ = ["fire", "next_due"]


def fire(tx: Tx, key: ActionKey, now: Micros) -> Change:
    """Apply whatever is due at `now`: retry, queued timeout, runtime timeout, deadline. Else empty."""
    action = tx.action(key)
    if action is None:
        return Change()
    return settle(tx, action, _due(action, now), now)


def _due(action: Action, now: Micros) -> list[Event]:
    """What time has done by now, in order: after a long sleep that may be more than one thing."""
    events: list[Event] = []
    while (event := due_event(action, now)) is not None:
        decision = decide(action, event, now)
        if decision.verdict is not Verdict.ACCEPTED:
            break
        action = decision.action
        events.append(event)
    return events
