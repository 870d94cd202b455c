"""Reports: HTML that a task writes about itself.

    @env.task(report=True)
    def train() -> float:
        flyte.report.log("<h2>Loss</h2>")
        flyte.report.get_tab("data").log(frame.to_html())
        return 0.1

What was logged is kept when the task ends, and at every `flush()` before.
"""

from flyte._calls.report import Report, Tab, current_report, flush, get_tab, log, replace
from flyte._calls.timeline import Timeline, abbreviate, duration_ms

__all__ = [
    "Report",
    "Tab",
    "Timeline",
    "abbreviate",
    "current_report",
    "duration_ms",
    "flush",
    "get_tab",
    "log",
    "replace",
]
