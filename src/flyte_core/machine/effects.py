"""What the world must do after a decision: a closed set, carried out by a driver."""

from dataclasses import dataclass

from flyte_core.model import ActionKey, Micros, Token


@dataclass(frozen=True, slots=True)
class Launch:
    """Run the action as soon as there is room, not before `not_before` (`None`: now)."""

    key: ActionKey
    not_before: Micros | None = None


@dataclass(frozen=True, slots=True)
class Kill:
    """End the attempt's processes: gracefully, then by force. Retried until they are gone."""

    key: ActionKey
    token: Token
    attempt: int
    reason: str


@dataclass(frozen=True, slots=True)
class EndTree:
    """The action is terminal: abort every open descendant, in the same transaction."""

    key: ActionKey
    reason: str


@dataclass(frozen=True, slots=True)
class PublishCache:
    """The outcome may serve others under its cache key, in the same transaction."""

    key: ActionKey


@dataclass(frozen=True, slots=True)
class ReleaseCache:
    """The holder of a serialized cache key ended without an outcome: let another run."""

    key: ActionKey


Effect = Launch | Kill | EndTree | PublishCache | ReleaseCache
