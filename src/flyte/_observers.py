"""Observers: told when the bodies of tasks and traced functions begin and end, such as a tracer of spans.

They stand beside the work: what goes wrong in one is told in the log, and changes nothing.
"""

import contextlib
import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from flyte_core.frozen import frozen

if TYPE_CHECKING:
    from flyte._context import TaskContext

log = logging.getLogger("flyte")


@frozen
class TaskInfo:
    """An attempt whose body is about to run."""

    task_name: str
    action_name: str
    run_name: str
    project: str
    domain: str
    attempt: int
    """Counted from 1."""


@frozen
class StepInfo:
    """A call of a traced function within a task."""

    name: str
    task: TaskInfo


@dataclass
class Recorder:
    """What came of it; filled before the span ends.

    Attributes:
        replayed: The function did not run: an earlier attempt's outcome was given again.
        error: What the body raised.
    """

    replayed: bool = False
    error: BaseException | None = None


class Observer(Protocol):
    """Write a class with these two. Each gives a context manager: entered before a body, left after it."""

    def task_span(self, info: TaskInfo, recorder: Recorder) -> AbstractContextManager[object]:
        """An attempt of a task runs."""

    def step_span(self, info: StepInfo, recorder: Recorder) -> AbstractContextManager[object]:
        """A traced function is called."""


_known: Final[list[Observer]] = []
_NOTHING: Final[AbstractContextManager[Recorder]] = contextlib.nullcontext(Recorder())


def register_observer(observer: Observer) -> None:
    """Tell it of all that runs in this process from now on. Register it where tasks are declared: workers import that."""
    if observer not in _known:
        _known.append(observer)


def unregister_observer(observer: Observer) -> None:
    """Tell it nothing more."""
    if observer in _known:
        _known.remove(observer)


def of_task(context: "TaskContext") -> AbstractContextManager[Recorder]:
    """Around the body of the attempt in this place."""
    if not _known:
        return _NOTHING
    info = _task_info(context)
    return _spans(lambda each, recorder: each.task_span(info, recorder))


def of_step(context: "TaskContext", name: str) -> AbstractContextManager[Recorder]:
    """Around the call of a traced function."""
    if not _known:
        return _NOTHING
    info = StepInfo(name, _task_info(context))
    return _spans(lambda each, recorder: each.step_span(info, recorder))


def _task_info(context: "TaskContext") -> TaskInfo:
    action = context.action
    name = "" if context.task is None else context.task.name
    return TaskInfo(name, action.name, action.run_name, action.project, action.domain, context.attempt)


@contextlib.contextmanager
def _spans(
    begin: Callable[[Observer, Recorder], AbstractContextManager[object]],
) -> Iterator[Recorder]:
    recorder = Recorder()
    entered: list[AbstractContextManager[object]] = []
    for each in _known:
        with _harmless(each):
            span = begin(each, recorder)
            span.__enter__()
            entered.append(span)
    try:
        yield recorder
    except BaseException as error:
        recorder.error = error
        raise
    finally:
        for span in reversed(entered):
            with _harmless(span):
                # Left as if all had gone well: an observer must not swallow what happened.
                span.__exit__(None, None, None)


@contextlib.contextmanager
def _harmless(what: Any) -> Iterator[None]:
    try:
        yield
    except Exception:
        log.warning("The observer %r failed.", what, exc_info=True)
