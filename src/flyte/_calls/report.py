"""A page that a task writes about itself: HTML in tabs, kept with the attempt, readable while it grows."""

import html
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from flyte import _context
from flyte._context import TaskContext
from flyte._log import system_logger
from flyte._sync import immediate
from flyte.errors import NotInTaskContextError

MAIN: Final = "main"
FILE: Final = "report.html"

_STYLE: Final = """
body{font:15px/1.5 system-ui,sans-serif;margin:0;color:#1c2024;background:#fff}
nav{display:flex;gap:.25rem;border-bottom:1px solid #d9d9e0;padding:.5rem 1rem 0;flex-wrap:wrap}
nav button{font:inherit;border:0;background:none;padding:.4rem .8rem;cursor:pointer;border-bottom:2px solid transparent}
nav button[aria-selected=true]{border-color:#3e63dd;font-weight:600}
section{padding:1rem}
""".replace("\n", "")

_SCRIPT: Final = """
const tabs=[...document.querySelectorAll("nav button")],parts=[...document.querySelectorAll("section")];
const show=i=>{tabs.forEach((t,j)=>t.setAttribute("aria-selected",i===j));parts.forEach((p,j)=>p.hidden=i!==j)};
tabs.forEach((t,i)=>t.onclick=()=>show(i));
""".replace("\n", "")


@dataclass
class Tab:
    """One tab of a report: pieces of HTML, one below the other."""

    name: str
    content: list[str] = field(default_factory=list)

    def log(self, content: str) -> None:
        """Add HTML."""
        self.content.append(content)

    def replace(self, content: str) -> None:
        """Put HTML in the place of all there was."""
        self.content = [content]

    def get_html(self) -> str:
        return "\n".join(self.content)


@dataclass
class Report:
    """What a task has reported so far."""

    name: str
    tabs: dict[str, Tab] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.tabs.setdefault(MAIN, Tab(MAIN))

    def get_tab(self, name: str, create_if_missing: bool = True) -> Tab:
        """The tab of that name.

        Raises:
            ValueError: there is none, and none is to be made.
        """
        if name not in self.tabs:
            if not create_if_missing:
                raise ValueError(f"Report {self.name} has no tab {name!r}; it has {', '.join(self.tabs)}.")
            self.tabs[name] = Tab(name)
        return self.tabs[name]

    def has_content(self) -> bool:
        return any(tab.content for tab in self.tabs.values())

    def get_final_report(self) -> str:
        """The whole page. Tabs without content are left out."""
        shown = [tab for tab in self.tabs.values() if tab.content]
        title = html.escape(self.name)
        parts = "".join(
            f"<section{' hidden' if at else ''}>{tab.get_html()}</section>" for at, tab in enumerate(shown)
        )
        head = f'<!doctype html><html><head><meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style></head>'
        if len(shown) < 2:
            return f"{head}<body>{parts}</body></html>"
        buttons = "".join(
            f'<button aria-selected="{"false" if at else "true"}">{html.escape(tab.name)}</button>'
            for at, tab in enumerate(shown)
        )
        return f"{head}<body><nav>{buttons}</nav>{parts}<script>{_SCRIPT}</script></body></html>"


def report_of(context: TaskContext) -> Report:
    """The report of the attempt; made by the first that asks."""
    found = context.data.get(Report)
    if found is None:
        name = context.task.short_name if context.task is not None else context.name
        found = context.data[Report] = Report(name)
    assert isinstance(found, Report)
    return found


def current_report() -> Report:
    """The report of the task that runs.

    Raises:
        NotInTaskContextError: none does.
    """
    return report_of(_here())


def get_tab(name: str, /, create_if_missing: bool = True) -> Tab:
    """A tab of the report of the task that runs; see `Report.get_tab`."""
    return current_report().get_tab(name, create_if_missing)


@immediate
def log(content: str, do_flush: bool = False) -> None:
    """Add HTML to the main tab; `do_flush` lets readers see it at once."""
    get_tab(MAIN).log(content)
    if do_flush:
        keep(_here())


@immediate
def replace(content: str, do_flush: bool = False) -> None:
    """Put HTML in the place of all the main tab holds."""
    get_tab(MAIN).replace(content)
    if do_flush:
        keep(_here())


@immediate
def flush() -> None:
    """Let readers see what has been reported. Done by itself when the task ends."""
    keep(_here())


def keep(context: TaskContext) -> None:
    """Write the page beside the attempt's outputs, whole or not at all. Nothing reported: nothing written."""
    report = context.data.get(Report)
    if report is None or not report.has_content():
        return
    if context.task is not None and not context.task.options.report:
        if not context.data.get(keep):
            context.data[keep] = True
            system_logger.warning(
                "The report of %s is not kept: declare @env.task(report=True).", context.task.name
            )
        return
    path = Path(context.output_path) / FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{FILE}.{os.getpid()}")
    draft.write_text(report.get_final_report(), encoding="utf-8")
    draft.replace(path)


def _here() -> TaskContext:
    context = _context.current()
    if context is None:
        raise NotInTaskContextError("A report belongs to a task, and none is running here.")
    return context
