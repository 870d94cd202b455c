"""When time alone changes an action: a waiting retry, a limit that will be passed."""

from collections.abc import Iterator

from flyte_core.model import Action, Micros, Phase

_QUEUE = (Phase.QUEUED, Phase.WAITING_FOR_RESOURCES)


def after(at: Micros, seconds: float) -> Micros:
    """The instant `seconds` after `at`, never earlier than that. Endless waits end in the far future."""
    micros = seconds * 1_000_000
    return Micros(at + (int(micros) + (micros % 1 > 0) if micros < 2**62 else 2**62))


def next_due(action: Action) -> Micros | None:
    """The earliest instant at which time alone changes this action; None when it never does.

    Stores keep it as a column, so that finding what is due is an index lookup.
    """
    return None if action.phase.terminal else min(_instants(action), default=None)


def _instants(action: Action) -> Iterator[Micros]:
    limits = action.policy.timeout
    if limits.deadline_s is not None:
        yield after(action.created_at, limits.deadline_s)
    if action.phase in _QUEUE:
        if action.not_before is not None:
            yield action.not_before
        elif limits.max_queued_s is not None:
            yield after(action.queued_at, limits.max_queued_s)
    elif action.phase is Phase.RUNNING and limits.max_runtime_s is not None and action.live is not None:
        started = next((at for phase, at in action.live.transitions if phase is Phase.RUNNING), None)
        if started is not None:
            yield after(started, limits.max_runtime_s)
