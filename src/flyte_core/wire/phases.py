"""Words of the model and numbers of the wire: phases, kinds of action, cache statuses."""

from collections.abc import Mapping
from typing import Final

from flyteidl2.common import phase_pb2
from flyteidl2.core import catalog_pb2
from flyteidl2.workflow import run_definition_pb2

from flyte_core.model import ActionKind, CacheStatus, InvalidArgument, Phase

_PHASES: Final[Mapping[Phase, "phase_pb2.ActionPhase"]] = {
    Phase.QUEUED: phase_pb2.ACTION_PHASE_QUEUED,
    Phase.WAITING_FOR_RESOURCES: phase_pb2.ACTION_PHASE_WAITING_FOR_RESOURCES,
    Phase.INITIALIZING: phase_pb2.ACTION_PHASE_INITIALIZING,
    Phase.RUNNING: phase_pb2.ACTION_PHASE_RUNNING,
    Phase.SUCCEEDED: phase_pb2.ACTION_PHASE_SUCCEEDED,
    Phase.FAILED: phase_pb2.ACTION_PHASE_FAILED,
    Phase.ABORTED: phase_pb2.ACTION_PHASE_ABORTED,
    Phase.TIMED_OUT: phase_pb2.ACTION_PHASE_TIMED_OUT,
    Phase.PAUSED: phase_pb2.ACTION_PHASE_PAUSED,
    Phase.RECOVERED: phase_pb2.ACTION_PHASE_RECOVERED,
}
_PHASES_BACK: Final = {int(number): phase for phase, number in _PHASES.items()}

_KINDS: Final[Mapping[ActionKind, "run_definition_pb2.ActionType"]] = {
    ActionKind.TASK: run_definition_pb2.ACTION_TYPE_TASK,
    ActionKind.TRACE: run_definition_pb2.ACTION_TYPE_TRACE,
    ActionKind.CONDITION: run_definition_pb2.ACTION_TYPE_CONDITION,
}
_KINDS_BACK: Final = {int(number): kind for kind, number in _KINDS.items()}

_CACHE: Final[Mapping[CacheStatus, "catalog_pb2.CatalogCacheStatus"]] = {
    CacheStatus.DISABLED: catalog_pb2.CACHE_DISABLED,
    CacheStatus.MISS: catalog_pb2.CACHE_MISS,
    CacheStatus.HIT: catalog_pb2.CACHE_HIT,
    CacheStatus.POPULATED: catalog_pb2.CACHE_POPULATED,
    CacheStatus.SKIPPED: catalog_pb2.CACHE_SKIPPED,
}
_CACHE_BACK: Final = {int(number): status for status, number in _CACHE.items()}


def phase_number(phase: Phase) -> "phase_pb2.ActionPhase":
    """The wire's number. Never compare two of them: their order means nothing."""
    return _PHASES[phase]


def phase_from(number: int) -> Phase:
    """The phase of a number.

    Raises:
        InvalidArgument: no phase has this number.
    """
    try:
        return _PHASES_BACK[number]
    except KeyError:
        raise InvalidArgument(
            f"{number} is not the number of a phase.",
            hint="Phases are numbered 1 to 10; see flyteidl2.common.ActionPhase.",
        ) from None


def kind_number(kind: ActionKind) -> "run_definition_pb2.ActionType":
    return _KINDS[kind]


def kind_from(number: int) -> ActionKind:
    """The kind of a number; an unset one means a task."""
    return _KINDS_BACK.get(number, ActionKind.TASK)


def cache_number(status: CacheStatus) -> "catalog_pb2.CatalogCacheStatus":
    return _CACHE[status]


def cache_from(number: int) -> CacheStatus:
    """The cache status of a number; statuses we do not keep apart (look-up failed, evicted) are misses."""
    return _CACHE_BACK.get(number, CacheStatus.MISS)
