"""Use cases of time: retries that are due, limits that were passed."""

from flyte_core.engine.api import Change
from flyte_core.model import Action, ActionKey, Micros
from flyte_core.store.ports import Tx


def next_due(action: Action) -> Micros | None:
    """The earliest instant at which time alone changes this action; None when it never does.

    Stores keep it as a column so that `Reader.next_due` is an index lookup.
    """
    raise NotImplementedError


def fire(tx: Tx, key: ActionKey, now: Micros) -> Change:
    """Apply whatever is due at `now`: retry, queued timeout, runtime timeout, deadline. Else empty."""
    raise NotImplementedError
