"""The phases of an action and the legal moves between them."""

from enum import StrEnum


class Phase(StrEnum):
    """Where an action stands. The value is the word users see."""

    QUEUED = "queued"
    WAITING_FOR_RESOURCES = "waiting_for_resources"
    INITIALIZING = "initializing"
    RUNNING = "running"
    PAUSED = "paused"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    ABORTED = "aborted"
    TIMED_OUT = "timed_out"
    RECOVERED = "recovered"

    @property
    def terminal(self) -> bool:
        """Whether this phase is final: it never changes again."""
        return self in TERMINAL

    @property
    def good(self) -> bool:
        """Whether an action in this phase has outputs to give."""
        return self is Phase.SUCCEEDED or self is Phase.RECOVERED


TERMINAL = frozenset({Phase.SUCCEEDED, Phase.FAILED, Phase.ABORTED, Phase.TIMED_OUT, Phase.RECOVERED})

LIVE = frozenset({Phase.INITIALIZING, Phase.RUNNING})
"""The phases in which an attempt is alive and a token is held."""

LEGAL: dict[Phase | None, frozenset[Phase]] = {
    None: frozenset({Phase.QUEUED, Phase.PAUSED, Phase.RECOVERED, Phase.SUCCEEDED, Phase.FAILED}),
    Phase.QUEUED: frozenset(
        {
            Phase.WAITING_FOR_RESOURCES,
            Phase.INITIALIZING,
            Phase.RUNNING,
            Phase.SUCCEEDED,
            Phase.FAILED,
            Phase.TIMED_OUT,
            Phase.ABORTED,
            Phase.RECOVERED,
        }
    ),
    Phase.WAITING_FOR_RESOURCES: frozenset(
        {
            Phase.QUEUED,
            Phase.INITIALIZING,
            Phase.RUNNING,
            Phase.SUCCEEDED,
            Phase.FAILED,
            Phase.TIMED_OUT,
            Phase.ABORTED,
        }
    ),
    Phase.INITIALIZING: frozenset(
        {
            Phase.QUEUED,
            Phase.RUNNING,
            Phase.SUCCEEDED,
            Phase.FAILED,
            Phase.TIMED_OUT,
            Phase.ABORTED,
        }
    ),
    Phase.RUNNING: frozenset({Phase.QUEUED, Phase.SUCCEEDED, Phase.FAILED, Phase.TIMED_OUT, Phase.ABORTED}),
    Phase.PAUSED: frozenset({Phase.SUCCEEDED, Phase.FAILED, Phase.TIMED_OUT, Phase.ABORTED, Phase.RECOVERED}),
    Phase.SUCCEEDED: frozenset(),
    Phase.FAILED: frozenset(),
    Phase.ABORTED: frozenset(),
    Phase.TIMED_OUT: frozenset(),
    Phase.RECOVERED: frozenset(),
}
"""Every legal move. `None` stands for an action that does not exist yet."""
