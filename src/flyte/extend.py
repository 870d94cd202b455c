"""For those who build on the SDK: what tasks are to it, and who may watch them run.

import flyte.extend

class Spans:
    def task_span(self, info, recorder):
        return tracer.start_as_current_span(info.task_name)

    def step_span(self, info, recorder):
        return tracer.start_as_current_span(info.name)

flyte.extend.register_observer(Spans())
"""

from importlib import import_module
from types import ModuleType
from typing import Literal

from flyte._authoring.task import Task
from flyte._observers import Observer, Recorder, StepInfo, TaskInfo, register_observer, unregister_observer
from flyte._session import initialised as is_initialized

TaskTemplate = Task
AsyncFunctionTaskTemplate = Task
Architecture = Literal["linux/amd64", "linux/arm64"]
PRIMARY_CONTAINER_DEFAULT_NAME = "primary"


class _Lazy(ModuleType):
    """A module that is imported when something of it is asked for."""

    def __getattr__(self, name: str) -> object:
        return getattr(import_module(self.__name__), name)


def lazy_module(module_name: str) -> ModuleType:
    """A module that may be missing, or is slow to import: it is imported by its first use."""
    return _Lazy(module_name)


__all__ = [
    "PRIMARY_CONTAINER_DEFAULT_NAME",
    "Architecture",
    "AsyncFunctionTaskTemplate",
    "Observer",
    "Recorder",
    "StepInfo",
    "TaskInfo",
    "TaskTemplate",
    "is_initialized",
    "lazy_module",
    "register_observer",
    "unregister_observer",
]
