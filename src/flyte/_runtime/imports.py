"""Importing the user's modules for the tasks in them.

A script may start a run when it is executed, without asking whether it is. Imported for its tasks it
must not: its execution ends there, and what stands above is the module.
"""

import importlib
import sys
from types import FrameType, ModuleType

from flyte.errors import DeclarationError

_importing: list[str] = []
"""The modules that are being imported for their tasks, the innermost last."""


class RunStarted(BaseException):
    """A module starts a run while it is imported. No Exception, so that user code does not catch it by accident."""

    def __init__(self, module: ModuleType, line: int) -> None:
        super().__init__(f"{module.__name__} starts a run in line {line}")
        self.module = module
        self.line = line


def import_tasks(name: str) -> tuple[ModuleType, int]:
    """Import a module; whatever it raises passes. With it the line at which it would start a run, or 0."""
    _importing.append(name)
    try:
        return importlib.import_module(name), 0
    except RunStarted as stop:
        if stop.module.__name__ != name:
            raise DeclarationError(
                f"{name} imports {stop.module.__name__}, which starts a run in line {stop.line} when it is imported.",
                hint='Put what starts the run under: if __name__ == "__main__":',
            ) from None
        sys.modules[name] = stop.module
        parent, _, child = name.rpartition(".")
        if parent:
            setattr(sys.modules[parent], child, stop.module)
        return stop.module, stop.line
    finally:
        _importing.remove(name)


def about_to_run() -> None:
    """A run is to be started: not by a module that is only imported for its tasks.

    Raises:
        RunStarted: it is one.
    """
    if not _importing:
        return
    frame: FrameType | None = sys._getframe()
    while frame is not None and frame.f_code.co_name != "<module>":
        frame = frame.f_back
    module = None if frame is None else sys.modules.get(frame.f_globals.get("__name__", ""))
    if frame is not None and module is not None:
        raise RunStarted(module, frame.f_lineno)
