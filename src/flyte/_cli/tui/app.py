"""The application: which history it shows, and where it begins."""

import asyncio
import threading
from collections.abc import Callable
from typing import ClassVar

from textual.app import App
from textual.binding import BindingType

from flyte._cli.tui.run import RunScreen
from flyte._cli.tui.runs import RunsScreen
from flyte._remote.source import Source
from flyte_core.model import RunKey


class Console(App[None]):
    """Shows a history.

    Args:
        source: Where it is read from, and who is asked to abort and to answer.
        poll_s: So often what is shown is looked up again.
        run: Begin with this run, rather than with the table of all.
        work: What drives that run, when this process does: done on a thread while it is watched.
    """

    TITLE = "Godwit"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [("ctrl+q", "quit", "Quit")]
    CSS = """
    #filters { height: 3; }
    #filters Select { width: 28; }
    #filters Input { width: 1fr; }
    #tree { width: 45%; border-right: solid $primary; }
    #head { height: 1; background: $panel; padding: 0 1; }
    #details-scroll { padding: 0 1; }
    ScopeScreen { align: center middle; }
    #scopes { width: 60; height: auto; max-height: 80%; border: solid $primary; }
    #answer { display: none; }
    #answer.asked { display: block; }
    """

    def __init__(
        self,
        source: Source,
        *,
        poll_s: float = 1.0,
        run: RunKey | None = None,
        work: Callable[[], None] | None = None,
    ) -> None:
        super().__init__()
        self.source = source
        self.poll_s = poll_s
        self._run = run
        self._work = threading.Thread(target=work, name="flyte-run") if work is not None else None
        self._leaving = False

    def on_mount(self) -> None:
        if self._work is not None:
            # Now, and not before: what captures the output of tasks must stand before what keeps output
            # from this screen.
            self._work.start()
        if self._run is not None:
            self.push_screen(RunScreen(self.source, self._run, self.poll_s, alone=True))
        else:
            self.push_screen(RunsScreen(self.source, self.poll_s))

    async def action_quit(self) -> None:
        """Leave. A run that this process drives has to end first: it is aborted when asked for twice."""
        if self._run is None or self._work is None or not self._work.is_alive():
            self.exit()
        elif self._leaving:
            await self.source.abort_run(self._run, "Its console was left.")
            await asyncio.to_thread(self._work.join)
            self.exit()
        else:
            self._leaving = True
            self.notify(
                "The run goes on in this process. Once more aborts it and leaves.", severity="warning"
            )
