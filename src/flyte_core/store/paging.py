"""What every store must understand alike: cursors, bounds of time, the search word."""

from flyte_core.model import InvalidArgument, Micros


def cursor(position: tuple[int, int]) -> str:
    """The opaque text of a place in a list of runs: the run's creation and its number."""
    return f"{position[0]}.{position[1]}"


def position(cursor: str) -> tuple[int, int] | None:
    """The place a cursor names; None at the start of the list.

    Raises:
        InvalidArgument: no store of ours has written this cursor.
    """
    if not cursor:
        return None
    created, _, number = cursor.partition(".")
    if not (_is_number(created) and _is_number(number)):
        raise _foreign(cursor)
    return int(created), int(number)


def number(cursor: str) -> int | None:
    """The place in a list of actions: the number of the last one on the page before.

    Raises:
        InvalidArgument: no store of ours has written this cursor.
    """
    if not cursor:
        return None
    if not _is_number(cursor):
        raise _foreign(cursor)
    return int(cursor)


def within(at: Micros, after: Micros | None, before: Micros | None) -> bool:
    """Whether `after <= at < before`; a bound of `None` is no bound."""
    return (after is None or at >= after) and (before is None or at < before)


def contains(word: str, *texts: str) -> bool:
    """Whether any text holds the word, whatever the case of either."""
    folded = word.casefold()
    return any(folded in text.casefold() for text in texts)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 19


def _foreign(cursor: str) -> InvalidArgument:
    return InvalidArgument(
        f"{cursor[:40]!r} is not a page cursor of this list.", hint="Ask again without a cursor."
    )
