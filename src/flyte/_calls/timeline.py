"""A list of steps for a report: each with a mark, a label, how long it took, and what to unfold."""

import html
import json
from datetime import datetime
from typing import Any

from flyte._calls.report import get_tab


class Timeline:
    """Rows of what happened, one below the other, in a tab of the running task's report."""

    def __init__(self, tab_name: str = "main") -> None:
        self._tab = get_tab(tab_name)

    def heading(self, text: Any) -> None:
        """Begin a part."""
        self._tab.log(f"<h3>{html.escape(str(text))}</h3>")

    def row(
        self, *, icon: str = "•", label: Any = "", meta: str = "", detail: str = "", error: Any = None
    ) -> None:
        """Add a step.

        Args:
            icon: In front of it.
            label: What it was.
            meta: In small print, such as how long it took.
            detail: Shown when it is unfolded.
            error: Why it failed, if it did.
        """
        line = f"{html.escape(icon)} <b>{html.escape(str(label))}</b>"
        if meta:
            line += f" <small>{html.escape(meta)}</small>"
        if error is not None:
            line += f' <span style="color:#ce2c31">{html.escape(str(error))}</span>'
        if detail:
            line = f"<details><summary>{line}</summary><pre>{html.escape(detail)}</pre></details>"
        self._tab.log(f"<div>{line}</div>")


def abbreviate(value: Any, limit: int = 300) -> str:
    """A value as text, cut to a length."""
    if isinstance(value, str):
        text = value
    else:
        try:
            text = json.dumps(value, ensure_ascii=False)
        except (TypeError, ValueError):
            text = repr(value)
    return text if len(text) <= limit else f"{text[: max(0, limit - 1)]}…"


def duration_ms(start_iso: Any, end_iso: Any) -> str:
    """The time between two ISO instants, such as `1500 ms`; empty when either is none."""
    try:
        start, end = (datetime.fromisoformat(str(each)) for each in (start_iso, end_iso))
        return f"{(end - start).total_seconds() * 1000:.0f} ms"
    except (ValueError, TypeError):
        return ""
