"""A comparison of two runs as plain data: for the console, and for `flyte diff`."""

from collections.abc import Callable, Mapping
from typing import Any

from flyte_core.dataflow.compare import Apart, Comparison, Shape, Stats
from flyte_core.model import Action, CoreError, RunView
from flyte_core.wire.literals import Kind, named_json

Payloads = Callable[[Action, Kind], bytes | None]
"""The serialized value set of an action; None when there is none, or it cannot be read."""

_WORDS = {
    "only_a": "is called in {a} only",
    "only_b": "is called in {b} only",
    "code": "ran with another version of the code",
    "inputs": "was given other inputs",
    "phase": "ended otherwise",
    "outputs": "returned something else, from the same code and inputs",
}


def comparison_dict(found: Comparison, payloads: Payloads) -> dict[str, object]:
    """All of it. Durations are milliseconds; values are JSON for people."""
    a, b = found.a, found.b
    return {
        "a": _run(a),
        "b": _run(b),
        "duration_change_ms": _run_ms(b) - _run_ms(a),
        "inputs": changes(payloads(a.root, "inputs"), payloads(b.root, "inputs"), "inputs"),
        "outputs": changes(payloads(a.root, "outputs"), payloads(b.root, "outputs"), "outputs"),
        "environment": _environment(a, b),
        "first_difference": _apart(found, payloads),
        "shapes": [_shape(shape) for shape in found.shapes],
    }


def changes(a: bytes | None, b: bytes | None, kind: Kind) -> list[dict[str, object]]:
    """The named values that are not the same on both sides."""
    return _different(_values(a, kind), _values(b, kind))


def _values(data: bytes | None, kind: Kind) -> Mapping[str, Any]:
    try:
        return named_json(data, kind) if data else {}
    except CoreError as error:
        return {"(damaged)": error.message}


def _different(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    for name in dict.fromkeys([*a, *b]):
        if name in a and name in b and a[name] == b[name] and type(a[name]) is type(b[name]):
            continue
        change: dict[str, object] = {"name": name}
        change |= {side: values[name] for side, values in (("a", a), ("b", b)) if name in values}
        found.append(change)
    return found


def _run(view: RunView) -> dict[str, object]:
    record, root = view.record, view.root
    return {
        "name": record.key.name,
        "task_name": record.task_name,
        "phase": root.phase.value,
        "created_ms": record.created_at / 1000,
        "duration_ms": _run_ms(view),
    }


def _run_ms(view: RunView) -> int:
    root = view.root
    return max(0, root.ended_at - root.created_at) // 1000 if root.ended_at is not None else 0


def _environment(a: RunView, b: RunView) -> list[dict[str, object]]:
    return _different(_surroundings(a), _surroundings(b))


def _surroundings(view: RunView) -> dict[str, str]:
    record, spec = view.record, view.root.spec
    found = {
        "task": record.task_name,
        "version": spec.task_version,
        "environment": spec.env_name,
        "mode": record.mode.value,
        "python": record.interpreter,
    }
    found |= {f"env {name}": value for name, value in record.env.items()}
    return {name: value for name, value in found.items() if value}


def _apart(found: Comparison, payloads: Payloads) -> dict[str, object] | None:
    first: Apart | None = found.first
    if first is None:
        return None
    words = _WORDS[first.difference].format(a=found.a.record.key.name, b=found.b.record.key.name)
    told: dict[str, object] = {
        "difference": first.difference,
        "path": list(first.path),
        "message": f"{first.path[-1]} {words}.",
        "a": first.a.key.name if first.a else None,
        "b": first.b.key.name if first.b else None,
    }
    if first.a is None or first.b is None:
        return told
    if first.difference == "phase":
        return {**told, "phases": [first.a.phase.value, first.b.phase.value]}
    if first.difference == "code":
        return {**told, "versions": [first.a.spec.task_version, first.b.spec.task_version]}
    kind: Kind = "inputs" if first.difference == "inputs" else "outputs"
    return {**told, "changes": changes(payloads(first.a, kind), payloads(first.b, kind), kind)}


def _shape(shape: Shape) -> dict[str, object]:
    return {
        "path": list(shape.path),
        "a": _stats(shape.a),
        "b": _stats(shape.b),
        "change_ms": shape.change_us / 1000,
    }


def _stats(stats: Stats | None) -> dict[str, object] | None:
    if stats is None:
        return None
    return {
        "count": stats.count,
        "failed": stats.failed,
        "cached": stats.cached,
        "attempts": stats.attempts,
        "total_ms": stats.total_us / 1000,
        "longest_ms": stats.longest_us / 1000,
        "median_ms": stats.median_us / 1000,
    }
