"""What the world must do after a decision: a closed set, carried out by a driver."""

from flyte_core.frozen import frozen
from flyte_core.model import ActionKey, Micros, Token


@frozen
class Launch:
    """Run the action as soon as there is room, not before `not_before` (`None`: now)."""

    key: ActionKey
    not_before: Micros | None = None


@frozen
class Kill:
    """End the attempt's processes: gracefully, then by force. Retried until they are gone."""

    key: ActionKey
    token: Token
    attempt: int
    reason: str


@frozen
class EndTree:
    """The action is terminal: abort every open descendant, in the same transaction."""

    key: ActionKey
    reason: str


@frozen
class PublishCache:
    """The outcome may serve others under its cache key, in the same transaction."""

    key: ActionKey


@frozen
class ReleaseCache:
    """The holder of a serialized cache key ended without an outcome: let another run."""

    key: ActionKey


Effect = Launch | Kill | EndTree | PublishCache | ReleaseCache
