"""Where the same tasks run twice: in this process, and on a server of this machine."""

import importlib.util
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from terminal import SCRIPTS, Terminal, terminal, until

import flyte
from flyte import _session
from flyte._controller import home
from flyte._remote import current
from flyte.errors import BaseRuntimeError
from flyte.remote import Action, Run


class Place:
    """Runs tasks in one of the two modes, each time under a name that is known beforehand."""

    def __init__(self, mode: str, user: Terminal) -> None:
        self.mode = mode
        self.user = user
        self._count = 0
        self._threads: list[threading.Thread] = []

    def start(self, task: Any, /, *args: Any, options: dict[str, Any] | None = None, **inputs: Any) -> Run:
        """A run that has begun; in this process it goes on in a thread."""
        self._count += 1
        name = f"{self.mode}{self._count}"
        runner = flyte.with_runcontext(
            mode="local" if self.mode == "local" else "remote", **{"name": name, **(options or {})}
        )
        name = (options or {}).get("name", name)
        if self.mode != "local":
            return runner.run(task, *args, **inputs)

        def drive() -> None:
            try:
                runner.run(task, *args, **inputs)
            except BaseRuntimeError:
                pass

        thread = threading.Thread(target=drive)
        self._threads.append(thread)
        thread.start()
        return until(lambda: _found(name))

    def run(self, task: Any, /, *args: Any, options: dict[str, Any] | None = None, **inputs: Any) -> Run:
        """A run that has ended."""
        run = self.start(task, *args, options=options, **inputs)
        run.wait()
        return run

    def result(self, task: Any, /, *args: Any, **inputs: Any) -> Any:
        """What the task returns; raises what it failed with."""
        return self.run(task, *args, **inputs).outputs()[0]

    def tree(self, run: Run) -> list[tuple[str, str, str]]:
        """(name, kind, phase) of every action, in the order of their creation."""
        return [(each.task_name, each.kind, each.status) for each in Action.listall(run.name)]

    def close(self) -> None:
        for thread in self._threads:
            thread.join(30)


def _found(name: str) -> Run | None:
    try:
        return Run.get(name)
    except BaseRuntimeError:
        return None


def load(name: str) -> ModuleType:
    """A script of `tests/system/scripts` as a module that workers can import, too."""
    spec = importlib.util.spec_from_file_location(name, SCRIPTS / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@contextmanager
def place(mode: str, directory: Path) -> Iterator[Place]:
    """A place with a data directory of its own, and a server where one is needed."""
    with terminal(directory) as user, pytest.MonkeyPatch.context() as patch:
        for name, value in user.environment().items():
            patch.setenv(name, value)
        patch.chdir(user.cwd)
        levels = [(logger, logger.level) for logger in (flyte.logger, flyte.system_logger)]
        _session.reset()
        flyte.init_from_config(root_dir=SCRIPTS)
        opened = Place(mode, user)
        try:
            yield opened
        finally:
            opened.close()
            for logger, level in levels:
                logger.setLevel(level)
            _session.reset()
            home.close_all()
            current._store_source.cache_clear()
