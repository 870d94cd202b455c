"""List requests of the wire as queries of the store: filters, order, pages."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from flyteidl2.common import list_pb2

from flyte_core.model import ActionKind, ActionName, InvalidArgument, Micros, Phase
from flyte_core.store.ports import ActionQuery, RunQuery
from flyte_core.wire import phases

LIMIT_DEFAULT: Final = 100
LIMIT_MAX: Final = 1_000

T = TypeVar("T")

_F = list_pb2.Filter
_EQUAL: Final = (_F.EQUAL, _F.VALUE_IN)
_OTHER: Final = (_F.NOT_EQUAL, _F.VALUE_NOT_IN)


def run_query(request: list_pb2.ListRequest, base: RunQuery) -> RunQuery:
    """The runs a request asks for, within `base` (its scope).

    Raises:
        InvalidArgument: a filter or an order this server does not know.
    """
    query = replace(base, limit=_limit(request), cursor=request.token, ascending=_ascending(request))
    for each in request.filters:
        query = _run_filter(query, each)
    return query


def action_query(request: list_pb2.ListRequest) -> ActionQuery:
    """The actions of a run a request asks for.

    Raises:
        InvalidArgument: a filter or an order this server does not know.
    """
    query = ActionQuery(limit=_limit(request), cursor=request.token, ascending=_ascending(request))
    for each in request.filters:
        query = _action_filter(query, each)
    return query


def _run_filter(query: RunQuery, each: list_pb2.Filter) -> RunQuery:
    field = each.field
    if field.startswith("labels."):
        return _label_filter(query, each, field.removeprefix("labels."))
    match field:
        case "phase":
            return replace(query, phases=_phases(each, query.phases))
        case "created_at" | "updated_at":
            return _time_filter(query, each)
        case "name" if each.function in (_F.CONTAINS, _F.CONTAINS_CASE_INSENSITIVE):
            return replace(query, search=_one(each))
        case "name" | "task_name" | "task_version" | "created_by":
            changes: dict[str, Any] = {field: _equal(each)}
            return replace(query, **changes)
        case "project" | "domain":
            named: dict[str, Any] = {field: _equal(each)}
            return replace(query, **named)
        case _:
            raise _unknown_field(
                field, "phase, task_name, task_version, created_by, created_at, updated_at, name, labels.KEY"
            )


def _action_filter(query: ActionQuery, each: list_pb2.Filter) -> ActionQuery:
    match each.field:
        case "phase":
            return replace(query, phases=_phases(each, query.phases))
        case "name":
            return replace(query, name=ActionName(_equal(each)))
        case "parent_name":
            return replace(query, parent=ActionName(_equal(each)))
        case "action_type":
            kinds = tuple(phases.kind_from(_number(value)) for value in each.values)
            return replace(query, kinds=_chosen(each, kinds, ActionKind, query.kinds))
        case _:
            raise _unknown_field(each.field, "phase, name, parent_name, action_type")


def _label_filter(query: RunQuery, each: list_pb2.Filter, key: str) -> RunQuery:
    if each.function == _F.EXISTS:
        return replace(query, label_keys=(*query.label_keys, key))
    return replace(query, labels=(*query.labels, (key, _equal(each))))


def _time_filter(query: RunQuery, each: list_pb2.Filter) -> RunQuery:
    at = _instant(_one(each))
    kind = each.field.removesuffix("_at")
    match each.function:
        case _F.GREATER_THAN_OR_EQUAL:
            change = {f"{kind}_after": at}
        case _F.GREATER_THAN:
            change = {f"{kind}_after": Micros(at + 1)}
        case _F.LESS_THAN:
            change = {f"{kind}_before": at}
        case _F.LESS_THAN_OR_EQUAL:
            change = {f"{kind}_before": Micros(at + 1)}
        case _:
            raise _unknown_function(each)
    changes: dict[str, Any] = change
    return replace(query, **changes)


def _phases(each: list_pb2.Filter, present: Sequence[Phase]) -> tuple[Phase, ...]:
    values = list(each.values)
    if each.function == _F.EQUAL:
        # The published client spreads the number over one value a character: ten comes as "1", "0".
        values = ["".join(values)]
    return _chosen(each, tuple(_phase(value) for value in values), Phase, present)


def _phase(value: str) -> Phase:
    if value.isdecimal():
        return phases.phase_from(int(value))
    try:
        return Phase(value.lower().removeprefix("action_phase_"))
    except ValueError:
        raise InvalidArgument(f"{value!r} is not a phase.", hint=f"Phases: {', '.join(Phase)}.") from None


def _chosen(
    each: list_pb2.Filter, values: tuple[T, ...], everything: Iterable[T], present: Sequence[T]
) -> tuple[T, ...]:
    """The values a filter leaves, of those that earlier ones left (none: all)."""
    keep: Callable[[T], bool]
    if each.function in _EQUAL:
        keep = values.__contains__
    elif each.function in _OTHER:
        keep = lambda value: value not in values  # noqa: E731
    else:
        raise _unknown_function(each)
    left = tuple(value for value in (present or everything) if keep(value))
    if not left:
        raise InvalidArgument(f"The filters on {each.field} leave nothing to list.")
    return left


def _ascending(request: list_pb2.ListRequest) -> bool:
    sorts = list(request.sort_by_fields) or ([request.sort_by] if request.HasField("sort_by") else [])
    if not sorts:
        return False
    if len(sorts) > 1 or sorts[0].key not in ("", "created_at"):
        keys = ", ".join(sort.key for sort in sorts)
        raise InvalidArgument(f"Lists cannot be sorted by {keys}.", hint="Sort by created_at.")
    return sorts[0].direction == list_pb2.Sort.ASCENDING


def _limit(request: list_pb2.ListRequest) -> int:
    return min(request.limit or LIMIT_DEFAULT, LIMIT_MAX)


def _equal(each: list_pb2.Filter) -> str:
    if each.function not in _EQUAL:
        raise _unknown_function(each)
    return _one(each)


def _one(each: list_pb2.Filter) -> str:
    if len(each.values) != 1:
        raise InvalidArgument(f"The filter on {each.field} needs one value, not {len(each.values)}.")
    return each.values[0]


def _number(value: str) -> int:
    if not value.isdecimal():
        raise InvalidArgument(f"{value!r} is not a number.")
    return int(value)


def _instant(text: str) -> Micros:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidArgument(
            f"{text!r} is not a time.", hint="Write it like 2026-01-31T12:00:00Z."
        ) from None
    at = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
    return Micros(round(at.timestamp() * 1_000_000))


def _unknown_field(field: str, known: str) -> InvalidArgument:
    return InvalidArgument(f"Lists cannot be filtered by {field!r}.", hint=f"Filters: {known}.")


def _unknown_function(each: list_pb2.Filter) -> InvalidArgument:
    word = _F.Function.Name(each.function)
    return InvalidArgument(f"The filter on {each.field} does not take {word}.")
