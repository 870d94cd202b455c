"""The conditions that need more than one action to judge, one small function each.

They stand apart so that a test can take each one away in turn and see that it is missed.
"""

from flyte_core.engine.api import NewAction
from flyte_core.model import Action, ActionKind, PayloadRef, Token
from flyte_core.store.ports import CacheEntry

MAX_ACTIONS = 100_000
MAX_DEPTH = 256


def may_call(parent: Action) -> bool:
    """Whether an action may still have children. Its run is open when it is."""
    return not parent.phase.terminal


def is_caller(parent: Action) -> bool:
    """Whether it is of the kind that makes calls."""
    return parent.kind is ActionKind.TASK


def is_current(parent: Action, token: Token | None) -> bool:
    """Whether the caller is the parent's present attempt. Callers that send no token are believed."""
    return token is None or (parent.live is not None and parent.live.token == token)


def is_same_call(existing: Action, new: NewAction, inputs: PayloadRef | None) -> bool:
    """Whether a name that is taken was taken by this very call.

    The name pins the task and the inputs, not what is left out of it on purpose (image, resources,
    environment), so these are what is compared.
    """
    if existing.kind is not new.kind or existing.spec.task_name != new.spec.task_name:
        return False
    if new.loose_inputs or new.spec.policy.cache.ignored_inputs:
        return True
    return _content(existing.inputs) == _content(inputs)


def fits(recorded: int, added: int) -> bool:
    """Whether a run has room for more actions."""
    return recorded + added <= MAX_ACTIONS


def is_shallow(depth: int) -> bool:
    """Whether calls may nest this deep."""
    return depth <= MAX_DEPTH


def is_intact(entry: CacheEntry, found: PayloadRef) -> bool:
    """Whether a cached outcome is what was put there."""
    return (entry.outputs.sha256, entry.outputs.size_bytes) == (found.sha256, found.size_bytes)


def is_recoverable_from(source: Action) -> bool:
    """Whether a recovering run may take this outcome over."""
    return source.phase.good and source.outputs is not None


def is_same_content(source: Action, action: Action) -> bool:
    """Whether two actions, in two runs, got the same inputs."""
    return _content(source.inputs) == _content(action.inputs)


def _content(inputs: PayloadRef | None) -> str:
    return "" if inputs is None else inputs.sha256
