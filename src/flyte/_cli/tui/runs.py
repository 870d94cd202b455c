"""The table of runs: newest first, filtered by status and task, sorted as one likes."""

from collections.abc import Sequence
from typing import Any, ClassVar

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.screen import ModalScreen, Screen
from textual.widgets import DataTable, Footer, Header, Input, OptionList, Select

from flyte._cli import values, words
from flyte._cli.abort import DEFAULT_REASON
from flyte._cli.tui.details import coloured
from flyte._cli.tui.run import RunScreen
from flyte._remote.source import Scope, Source
from flyte._remote.store_source import StoreSource
from flyte.errors import BaseRuntimeError
from flyte_core import views
from flyte_core.model import Phase, RunKey, RunView
from flyte_core.store.ports import RunQuery

SHOWN = 200
COLUMNS = ("Run Name", "Task", "Status", "Duration", "Start Time", "Error")
_SORTS = ("start", "duration", "task", "status")


class ScopeScreen(ModalScreen[Scope | None]):
    """The projects and domains to choose from."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "dismiss(None)", "Back"),
        Binding("j", "down", "Down", show=False),
        Binding("k", "up", "Up", show=False),
    ]

    def __init__(self, scopes: Sequence[Scope], now: Scope) -> None:
        super().__init__()
        self._scopes = list(scopes)
        self._now = now

    def compose(self) -> ComposeResult:
        yield OptionList(*map(_named, self._scopes), id="scopes")

    def on_mount(self) -> None:
        self.options.highlighted = self._scopes.index(self._now)

    @property
    def options(self) -> OptionList:
        return self.query_one("#scopes", OptionList)

    @on(OptionList.OptionSelected)
    def chosen(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._scopes[event.option_index])

    def action_down(self) -> None:
        self.options.action_cursor_down()

    def action_up(self) -> None:
        self.options.action_cursor_up()


class RunsScreen(Screen[None]):
    """All runs of a project and domain."""

    BINDINGS: ClassVar[list[BindingType]] = [
        ("r", "refresh", "Refresh"),
        ("enter", "open", "Open"),
        ("s", "sort", "Sort"),
        ("a", "abort", "Abort"),
        ("slash", "filter", "Filter"),
        ("p", "project", "Project"),
        ("d", "delete", "Delete"),
        ("c", "clear", "Clear all"),
        Binding("j", "move(1)", "Down", show=False),
        Binding("k", "move(-1)", "Up", show=False),
        ("q", "leave", "Quit"),
        Binding("escape", "back", "Table", show=False),
    ]

    def __init__(self, source: Source, poll_s: float) -> None:
        super().__init__()
        self._source = source
        self._scope = source.scope
        self._poll_s = poll_s
        self._views: list[RunView] = []
        self._sort = 0
        self._confirmed: frozenset[RunKey] = frozenset()

    def compose(self) -> ComposeResult:
        yield Header()
        with Horizontal(id="filters"):
            yield Select([(phase.value, phase) for phase in Phase], prompt="every status", id="status")
            yield Input(placeholder="task, such as my_env.pipeline", id="task")
        yield DataTable(cursor_type="row", zebra_stripes=True, id="runs")
        yield Footer()

    def on_mount(self) -> None:
        self.table.add_columns(*COLUMNS)
        self.table.focus()
        self._turn_to(self._scope)
        self.set_interval(self._poll_s, self.action_refresh)

    @property
    def table(self) -> DataTable[Any]:
        return self.query_one("#runs", DataTable)

    @on(Select.Changed)
    @on(Input.Submitted)
    def filtered(self) -> None:
        self.action_refresh()
        self.table.focus()

    @on(DataTable.RowSelected)
    def action_open(self) -> None:
        """The run under the cursor, in full."""
        view = self._at_cursor()
        if view is not None:
            self.app.push_screen(RunScreen(self._source, view.record.key, self._poll_s))

    def action_filter(self) -> None:
        self.query_one("#task", Input).focus()

    @work(exclusive=True, group="scope")
    async def action_project(self) -> None:
        """Turn to another project and domain."""
        try:
            found = await self._source.scopes()
        except BaseRuntimeError as error:
            self.notify(error.message, severity="error")
            return
        chosen = await self.app.push_screen_wait(ScopeScreen(found, self._scope))
        if chosen is not None:
            self._turn_to(chosen)

    def _turn_to(self, scope: Scope) -> None:
        self._scope = scope
        self.sub_title = _named(scope)
        self.action_refresh()

    def action_back(self) -> None:
        self.table.focus()

    async def action_leave(self) -> None:
        await self.app.action_quit()

    def action_move(self, by: int) -> None:
        self.table.move_cursor(row=self.table.cursor_row + by)

    def action_sort(self) -> None:
        """By the next column: start, duration, task, status."""
        self._sort = (self._sort + 1) % len(_SORTS)
        self.notify(f"Sorted by {_SORTS[self._sort]}.", timeout=2)
        self._show()

    @work(exclusive=True, group="abort")
    async def action_abort(self) -> None:
        """Abort the run under the cursor."""
        view = self._at_cursor()
        if view is None or view.root.phase.terminal:
            self.notify("It has ended.", severity="warning")
            return
        await self._source.abort_run(view.record.key, DEFAULT_REASON)
        self.notify(f"{view.record.key.name} is being aborted.")

    def action_delete(self) -> None:
        """Delete the run under the cursor from this machine's history; asked for twice."""
        view = self._at_cursor()
        self._delete([] if view is None else [view])

    def action_clear(self) -> None:
        """Delete all runs of the table that have ended; asked for twice."""
        self._delete([view for view in self._views if view.root.phase.terminal])

    @work(exclusive=True, group="delete")
    async def _delete(self, views: list[RunView]) -> None:
        keys = frozenset(view.record.key for view in views)
        if not isinstance(self._source, StoreSource):
            self.notify("Only runs of this machine's own history can be deleted.", severity="warning")
        elif not keys or not all(view.root.phase.terminal for view in views):
            self.notify("Only runs that have ended can be deleted.", severity="warning")
        elif keys != self._confirmed:
            self._confirmed = keys
            self.notify(f"Once more deletes {words.plural(len(keys), 'run')}, for good.", severity="warning")
        else:
            for key in keys:
                await self._source.delete_run(key)
            self.notify(f"Deleted {words.plural(len(keys), 'run')}.")
            self.action_refresh()

    @work(exclusive=True, group="look")
    async def action_refresh(self) -> None:
        """Look the runs up again."""
        phase = self.query_one("#status", Select).value
        try:
            page = await self._source.runs(
                RunQuery(
                    project=self._scope.project,
                    domain=self._scope.domain,
                    phases=(phase,) if isinstance(phase, Phase) else (),
                    task_name=self.query_one("#task", Input).value.strip() or None,
                    limit=SHOWN,
                )
            )
        except BaseRuntimeError as error:
            self.notify(error.message, severity="error")
            return
        self._views = list(page.runs)
        self._show()

    def _show(self) -> None:
        self._views.sort(key=_order(_SORTS[self._sort]), reverse=_SORTS[self._sort] in ("start", "duration"))
        table, row = self.table, self.table.cursor_row
        chosen = self._chosen(table)
        table.clear()
        for view in self._views:
            table.add_row(*_cells(view), key=view.record.key.name)
        names = [view.record.key.name for view in self._views]
        table.move_cursor(row=names.index(chosen) if chosen in names else row)

    def _chosen(self, table: DataTable[Any]) -> str | None:
        """The name of the run under the cursor, which stays there whatever comes above."""
        if not table.is_valid_row_index(table.cursor_row):
            return None
        return table.coordinate_to_cell_key(table.cursor_coordinate).row_key.value

    def _at_cursor(self) -> RunView | None:
        chosen = self._chosen(self.table)
        return next((view for view in self._views if view.record.key.name == chosen), None)


def _named(scope: Scope) -> str:
    return f"{scope.project} / {scope.domain}"


def _cells(view: RunView) -> list[Text | str]:
    root = view.root
    return [
        view.record.key.name,
        view.record.task_name,
        coloured(root.phase),
        words.duration(views.duration_ms(root)),
        words.instant(views.iso(root.created_at)),
        values.error_cell(views.error_dict(root.error)),
    ]


def _order(by: str) -> Any:
    return {
        "start": lambda view: view.root.created_at,
        "duration": lambda view: views.duration_ms(view.root),
        "task": lambda view: (view.record.task_name, -view.root.created_at),
        "status": lambda view: (view.root.phase.value, -view.root.created_at),
    }[by]
