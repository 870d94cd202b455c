"""One run: the tree of its actions, live, and beside it what there is to know of the one under the cursor."""

from collections.abc import Callable
from contextlib import aclosing, suppress
from typing import Any, ClassVar

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import Screen
from textual.widgets import Footer, Header, Input, RichLog, Static, TabbedContent, TabPane, Tree
from textual.widgets.tree import TreeNode

from flyte._calls import answers
from flyte._cli import words
from flyte._cli.abort import DEFAULT_REASON
from flyte._cli.get.logs import show
from flyte._cli.tui.details import SYMBOLS, details, label
from flyte._remote.source import Source
from flyte.errors import BaseRuntimeError
from flyte_core import views
from flyte_core.model import ROOT, Action, ActionKind, ActionName, Phase, RunKey
from flyte_core.store.ports import ActionQuery
from flyte_core.wire import literals

_PAGE = 500
Node = TreeNode[ActionName | None]


class RunScreen(Screen[None]):
    """A run. `alone`: there is no table of runs to go back to."""

    BINDINGS: ClassVar[list[BindingType]] = [
        ("d", "tab('details')", "Details"),
        ("l", "tab('logs')", "Logs"),
        ("[", "attempt(-1)", "Earlier attempt"),
        ("]", "attempt(1)", "Later attempt"),
        Binding("j", "move(1)", "Down", show=False),
        Binding("k", "move(-1)", "Up", show=False),
        ("a", "abort", "Abort run"),
        ("r", "refresh", "Refresh"),
        ("q,escape", "leave", "Back"),
    ]

    def __init__(self, source: Source, run: RunKey, poll_s: float, *, alone: bool = False) -> None:
        super().__init__()
        self._source = source
        self._key = run
        self._poll_s = poll_s
        self._alone = alone
        self._actions: dict[ActionName, Action] = {}
        self._lines: dict[ActionName, Node] = {}
        self._groups: dict[tuple[ActionName, str], Node] = {}
        self._chosen: ActionName = ROOT
        self._attempt: dict[ActionName, int] = {}

    def compose(self) -> ComposeResult:
        yield Header()
        yield Static(id="head")
        with Horizontal():
            yield Tree[ActionName | None]("", id="tree")
            with TabbedContent(id="tabs"):
                with TabPane("Details", id="details"), Vertical():
                    yield Input(id="answer")
                    with VerticalScroll(id="details-scroll"):
                        yield Static(id="text")
                with TabPane("Logs", id="logs"):
                    yield RichLog(id="log", wrap=True, highlight=False)
        yield Footer()

    def on_mount(self) -> None:
        self.actions_tree.show_root = False
        self.actions_tree.focus()
        self.action_refresh()
        self.set_interval(self._poll_s, self._look_again)

    @property
    def actions_tree(self) -> Tree[ActionName | None]:
        return self.query_one("#tree", Tree)

    # --- what is shown ---

    def _look_again(self) -> None:
        root = self._actions.get(ROOT)
        if root is None or not root.phase.terminal:
            self.action_refresh()

    @work(exclusive=True, group="look")
    async def action_refresh(self) -> None:
        """Look the run's actions up again, and show what has changed."""
        cursor = ""
        try:
            while True:
                page = await self._source.actions(self._key, ActionQuery(limit=_PAGE, cursor=cursor))
                for action in page.actions:
                    self._place(action)
                cursor = page.cursor
                if not cursor:
                    break
            await self._show_chosen()
        except BaseRuntimeError as error:
            self.notify(error.message, severity="error")

    def _place(self, action: Action) -> None:
        """Put an action into the tree, or change its line there. A parent comes before its children."""
        name, before = action.key.name, self._actions.get(action.key.name)
        self._actions[name] = action
        if name == ROOT:
            self._show_head(action)
        node = self._lines.get(name)
        if node is None:
            self._lines[name] = _add(self._parent_node(action), label(action), name)
            self._label_group(action)
            if name == ROOT:
                self.actions_tree.move_cursor(self._lines[name])
        elif before != action or not action.phase.terminal:
            node.set_label(label(action))
            self._label_group(action)

    def _parent_node(self, action: Action) -> Node:
        parent = self._lines.get(action.parent) if action.parent is not None else None
        if parent is None or action.parent is None:
            return self.actions_tree.root
        if not action.group:
            return parent
        place = (action.parent, action.group)
        if place not in self._groups:
            self._groups[place] = _add(parent, Text(action.group), None)
        return self._groups[place]

    def _label_group(self, action: Action) -> None:
        """How many a group holds, and how far they are."""
        node = self._groups.get((action.parent, action.group)) if action.parent is not None else None
        if node is None:
            return
        inside = [self._actions[each.data] for each in node.children if each.data in self._actions]
        bad = sum(each.phase.terminal and not each.phase.good for each in inside)
        done = sum(each.phase.terminal for each in inside)
        phase = Phase.FAILED if bad else Phase.SUCCEEDED if done == len(inside) else Phase.RUNNING
        node.set_label(
            Text.assemble((SYMBOLS[phase], words.COLOURS[phase]), f" {action.group} [{len(inside)}]")
        )

    def _show_head(self, root: Action) -> None:
        self.sub_title = root.spec.task_name
        took = words.duration(views.duration_ms(root))
        where = views.run_url(self._key, self._source.url)
        line = Text.assemble(
            (f"{SYMBOLS[root.phase]} {root.phase.value}", words.COLOURS[root.phase]),
            f"  {self._key.name}  {took}  {where}",
        )
        self.query_one("#head", Static).update(line)

    async def _show_chosen(self) -> None:
        action = self._actions.get(self._chosen)
        if action is None:
            return
        inputs = await self._values(action, "inputs")
        outputs = await self._values(action, "outputs")
        text = details(action, self._number(action), inputs, outputs)
        self.query_one("#text", Static).update(text)
        self._ask(action)

    async def _values(self, action: Action, role: Any) -> dict[str, Any] | None:
        data = None
        with suppress(BaseRuntimeError):
            data = await self._source.payload(action, role)
        return literals.named_json(data, role) if data else None

    def _number(self, action: Action) -> int:
        """The attempt that is shown: as chosen, else the latest."""
        return self._attempt.get(action.key.name, max(1, len(action.attempts)))

    def _ask(self, action: Action) -> None:
        """A field for the answer, while a condition waits for one."""
        field = self.query_one("#answer", Input)
        waits = action.kind is ActionKind.CONDITION and action.phase is Phase.PAUSED
        field.set_class(waits, "asked")
        if waits:
            asked = answers.question(action.spec)
            form = answers.form(answers.type_of(asked))
            field.border_title = asked.prompt
            field.placeholder = f"{asked.prompt} ({form}), then Enter"

    # --- what the user does ---

    @on(Tree.NodeHighlighted)
    def chosen(self, event: Tree.NodeHighlighted[ActionName | None]) -> None:
        if event.node.data is not None and event.node.data != self._chosen:
            self._chosen = event.node.data
            self._turn()
        elif event.node.data == ROOT:
            self._turn()

    @work(exclusive=True, group="turn")
    async def _turn(self) -> None:
        await self._show_chosen()
        self._follow()

    @work(exclusive=True, group="log")
    async def _follow(self) -> None:
        """The log of the attempt that is shown, as it grows."""
        log = self.query_one("#log", RichLog)
        log.clear()
        action = self._actions.get(self._chosen)
        if action is None or (not action.attempts and action.phase.terminal):
            log.write(Text("It has run nothing, and written nothing.", "dim"))
            return
        with suppress(BaseRuntimeError):
            async with aclosing(self._source.logs(action.key, self._number(action), follow=True)) as lines:
                async for line in lines:
                    log.write(Text.from_ansi(show(line)))

    def action_tab(self, name: str) -> None:
        self.query_one("#tabs", TabbedContent).active = name
        self.actions_tree.focus()

    def action_move(self, by: int) -> None:
        if by > 0:
            self.actions_tree.action_cursor_down()
        else:
            self.actions_tree.action_cursor_up()

    def action_attempt(self, by: int) -> None:
        """Turn to an earlier or later attempt."""
        action = self._actions.get(self._chosen)
        if action is not None and action.attempts:
            number = min(max(1, self._number(action) + by), len(action.attempts))
            self._attempt[self._chosen] = number
            self._turn()

    @work(exclusive=True, group="abort")
    async def action_abort(self) -> None:
        """Abort the run."""
        await self._asked(lambda: self._source.abort_run(self._key, DEFAULT_REASON), "It is being aborted.")

    @on(Input.Submitted, "#answer")
    @work(exclusive=True, group="answer")
    async def answered(self, event: Input.Submitted) -> None:
        """Answer the condition under the cursor."""
        action = self._actions[self._chosen]
        asked = answers.question(action.spec)
        try:
            value = answers.parse(event.value, answers.type_of(asked), asked.name)
        except BaseRuntimeError as error:
            self.notify(f"{error.message} {error.hint}", severity="error")
            return
        await self._asked(lambda: self._source.signal(action.key, value), f"{asked.name} is answered.")
        event.input.clear()
        self.actions_tree.focus()

    async def _asked(self, work: Callable[[], Any], said: str) -> None:
        try:
            await work()
        except BaseRuntimeError as error:
            self.notify(error.message, severity="error")
            return
        self.notify(said)
        self.action_refresh()

    async def action_leave(self) -> None:
        if self._alone:
            await self.app.action_quit()
        else:
            self.app.pop_screen()


def _add(parent: Node, text: Text, name: ActionName | None) -> Node:
    """A line of the tree; it can be folded once there is something below it."""
    parent.allow_expand = True
    return parent.add(text, data=name, expand=True, allow_expand=False)
