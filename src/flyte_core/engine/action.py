"""Use cases on single actions: enqueue, claim, start, report, abort, answer."""

from collections.abc import Sequence

from flyte_core.engine.api import Change, NewAction, Outcome
from flyte_core.model import ActionKey, ActionName, ErrorInfo, Micros, RunKey, Token
from flyte_core.store.ports import Tx


def enqueue(
    tx: Tx,
    run: RunKey,
    parent: ActionName,
    parent_token: Token | None,
    children: Sequence[NewAction],
    now: Micros,
) -> Change:
    """Create the children that do not exist yet, in call order; existing ones are returned as they stand.

    Looks into the cache (hit: the child is created succeeded) and, for a run that recovers another,
    into that run. `parent_token` of `None` skips the fence (clients that send no token).

    Raises:
        RunClosed: the root is terminal or being aborted.
        Fenced: another attempt of the parent holds the token.
        FailedPrecondition: `ID_COLLISION`: the name exists with another spec or other inputs.
        NotFound: no such run or parent.
    """
    raise NotImplementedError


def claim(tx: Tx, key: ActionKey, worker: str, now: Micros) -> Change:
    """Begin an attempt: a new token, phase initializing. Empty `Change` when it may not start any more."""
    raise NotImplementedError


def started(tx: Tx, key: ActionKey, token: Token, worker: str, now: Micros) -> Change:
    """User code is about to run: phase running. Empty `Change` when the token is stale."""
    raise NotImplementedError


def waiting(tx: Tx, key: ActionKey, reason: str, now: Micros) -> Change:
    """No slot is free: queued becomes waiting_for_resources."""
    raise NotImplementedError


def report(tx: Tx, key: ActionKey, outcome: Outcome, now: Micros) -> Change:
    """Take the end of an attempt; see `Change.verdict`. Success keeps outputs, fills the cache, ends the tree below."""
    raise NotImplementedError


def refuse(tx: Tx, key: ActionKey, error: ErrorInfo, now: Micros) -> Change:
    """It can never run: failed, with the reason."""
    raise NotImplementedError


def abort_action(tx: Tx, key: ActionKey, reason: str, by: str, now: Micros) -> Change:
    """Abort one action and everything open below it. A terminal one is left as it is."""
    raise NotImplementedError


def signal(tx: Tx, key: ActionKey, outputs: bytes, by: str, now: Micros) -> Change:
    """Answer a condition with serialized `flyteidl2.task.Outputs`. Repeating the same answer is a no-op.

    Raises:
        FailedPrecondition: not a condition, or answered otherwise or ended before.
    """
    raise NotImplementedError
