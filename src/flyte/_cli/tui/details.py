"""What the console says of an action, in lines that a terminal shows."""

from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from flyte._cli import values, words
from flyte_core import views
from flyte_core.model import Action, ActionKind, CacheStatus, Phase

SYMBOLS = {
    Phase.QUEUED: "○",
    Phase.WAITING_FOR_RESOURCES: "○",
    Phase.INITIALIZING: "◔",
    Phase.RUNNING: "●",
    Phase.PAUSED: "⏸",
    Phase.SUCCEEDED: "✓",
    Phase.RECOVERED: "↺",
    Phase.FAILED: "✗",
    Phase.TIMED_OUT: "⏱",
    Phase.ABORTED: "⊘",
}
_CACHE = {
    CacheStatus.HIT: " $",
    CacheStatus.MISS: " ~",
    CacheStatus.POPULATED: " ~",
    CacheStatus.SKIPPED: " -",
}


def coloured(phase: Phase) -> Text:
    """The word of a phase, in its colour."""
    return Text(phase.value, style=words.COLOURS[phase])


def label(action: Action) -> Text:
    """An action in the tree: its symbol, name, use of the cache, attempts, duration."""
    text = Text.assemble((SYMBOLS[action.phase], words.COLOURS[action.phase]), " ", action.spec.short_name)
    if action.kind is not ActionKind.TASK:
        text.append(f" ({action.kind.value})", "dim")
    text.append(_CACHE.get(action.cache_status, ""), "cyan")
    if len(action.attempts) > 1:
        text.append(f" »{len(action.attempts)}", "yellow")
    if action.phase is not Phase.QUEUED:
        text.append(f"  {words.duration(views.duration_ms(action))}", "dim")
    return text


def details(
    action: Action,
    attempt: int,
    inputs: Mapping[str, Any] | None,
    outputs: Mapping[str, Any] | None,
    context: Mapping[str, str] | None = None,
) -> RenderableType:
    """All about an action; of its attempts the given one, counted from 1."""
    parts: list[RenderableType] = [_sheet(_fields(action))]
    if action.attempts:
        parts += [
            _title(f"Attempt {attempt} of {len(action.attempts)}"),
            _attempt(action, attempt),
        ]
    for title, found in (("Inputs", inputs), ("Context", context), ("Outputs", outputs)):
        if found:
            lines = [f"{name} = {values.preview(value)}" for name, value in found.items()]
            parts += [_title(title), Text("\n".join(lines))]
    if action.error is not None:
        error = views.error_dict(action.error)
        parts += [_title("Error"), Text(values.error_line(error), "red")]
        if action.error.traceback:
            parts.append(Text(action.error.traceback.rstrip("\n")))
    return Group(*parts)


def _fields(action: Action) -> list[tuple[str, str | Text]]:
    found: list[tuple[str, str | Text]] = [
        ("Action", action.key.name),
        ("Task", action.spec.task_name),
        ("Status", coloured(action.phase)),
        ("Duration", words.duration(views.duration_ms(action))),
        ("Started", words.instant(views.iso(action.created_at))),
        ("Ended", words.instant(views.iso(action.ended_at))),
        ("Cache", action.cache_status.value),
    ]
    if action.group:
        found.insert(2, ("Group", action.group))
    if action.spec.task_version:
        found.append(("Version", action.spec.task_version))
    if action.abort_reason:
        found.append(("Aborted", f"{action.abort_reason} (by {action.aborted_by or 'nobody known'})"))
    if action.recovered_from:
        found.append(("Taken from", action.recovered_from))
    return found


def _attempt(action: Action, number: int) -> Text:
    """What became of an attempt: the phases it was in, and how long."""
    found = action.attempts[number - 1]
    text = Text(f"{found.state.value}" + (f", {found.worker}" if found.worker else ""))
    ends = [*(at for _, at in found.transitions[1:]), found.ended_at]
    for (phase, began), ended in zip(found.transitions, ends, strict=True):
        if phase.terminal:
            continue
        took = words.duration((ended - began) / 1000) if ended is not None else "…"
        text.append(f"\n{phase.value:22}", words.COLOURS[phase])
        text.append(took)
    if found.error is not None:
        text.append(f"\n{found.error.code}: {found.error.message}", "red")
    return text


def _title(text: str) -> Text:
    return Text(f"\n{text}", "bold")


def _sheet(fields: list[tuple[str, str | Text]]) -> Text:
    room = max(len(name) for name, _ in fields)
    lines = [Text.assemble((name.ljust(room + 2), "bold"), value) for name, value in fields]
    return Text("\n").join(lines)
