"""Bounds of time for lists."""

from datetime import datetime

from flyte_core.frozen import frozen
from flyte_core.model import Micros


@frozen
class TimeFilter:
    """From `after` (included) to `before` (excluded). An instant without a zone is local time."""

    after: datetime | None = None
    before: datetime | None = None


def bounds(given: TimeFilter | None) -> tuple[Micros | None, Micros | None]:
    """The filter as instants; `None` where it sets no bound."""
    if given is None:
        return None, None
    return _micros(given.after), _micros(given.before)


def within(given: TimeFilter | None, at: Micros) -> bool:
    """Whether an instant fits the filter."""
    after, before = bounds(given)
    return (after is None or after <= at) and (before is None or at < before)


def _micros(moment: datetime | None) -> Micros | None:
    return None if moment is None else Micros(round(moment.timestamp() * 1_000_000))
