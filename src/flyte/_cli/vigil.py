"""Looks after this machine's server while somebody waits for a run of it."""

import threading
from types import TracebackType

from flyte import _server
from flyte._cli.problem import say
from flyte._config import Config
from flyte.errors import BaseRuntimeError

LOOK_S = 0.5
"""How often the server's process is looked for."""


class Vigil:
    """While it is entered, a server that was killed is started again; one that was stopped is spoken of.

    Runs of a dead server stand still: without this, their waiters would wait for the next command
    that happens to start it. A server that is configured elsewhere is not ours to start.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, name="flyte-vigil", daemon=True)

    def __enter__(self) -> None:
        if not self._config.endpoint:
            self._thread.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()

    def _look(self) -> None:
        home = self._config.home
        while not self._over.wait(LOOK_S):
            if _server.there(home) is not None:
                continue
            if _server.recorded(home) is None:
                say("The server was stopped. The run goes on when it is started again: flyte start server")
                self._await_return()
            elif not self._start():
                return

    def _await_return(self) -> None:
        while _server.there(self._config.home) is None and not self._over.wait(LOOK_S):
            continue

    def _start(self) -> bool:
        say("The server is gone.")
        try:
            _server.ensure_server(
                self._config.home, port=self._config.port, autostart=self._config.autostart, say=say
            )
        except BaseRuntimeError as error:
            say(f"It cannot be started again: {error.message} {error.hint}".rstrip())
            return False
        return True
