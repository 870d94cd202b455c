"""A row from its events: what is stored can always be rebuilt."""

from collections.abc import Iterable

from flyte_core.machine.decide import decide
from flyte_core.machine.events import Event
from flyte_core.model import Action, Micros, NotFound


def fold(events: Iterable[tuple[Event, Micros]]) -> Action:
    """The action that these events, in order, make.

    Equal to the stored row but for `version` and `changed_seq`, which are the store's.

    Raises:
        NotFound: there are no events.
    """
    action: Action | None = None
    for event, at in events:
        action = decide(action, event, at).action
    if action is None:
        raise NotFound("An action without events does not exist.")
    return action
