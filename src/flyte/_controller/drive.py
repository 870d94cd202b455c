"""Carries out the steps of a course: on a thread, or on an event loop."""

import asyncio
import contextlib
import contextvars
import os
import threading
from collections.abc import Callable, Generator, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Protocol

from flyte import _secrets
from flyte._authoring import invoke
from flyte._controller.course import Body, Pause, Place, Record, Standing, Step, stand
from flyte._controller.frame import Frame, in_crew, in_crew_blocking, on_loop, on_thread
from flyte._controller.ledger import Ledger
from flyte._controller.spec import Place as Where
from flyte._runtime import capture, failure
from flyte_core.engine import timers
from flyte_core.model import ActionKey, Micros, RunRecord
from flyte_core.store.ports import Tx

STACK: Final = 48
"""So many bodies call one another on one stack; the next gets a fresh one, since Python's is limited."""

Echo = Callable[[Any, str], object]


class Run(Place, Protocol):
    """What driving needs of a run."""

    ledger: Ledger
    base: str
    echo: Echo | None
    place: Where
    made: RunRecord


def drive(run: Run, frame: Frame, steps: Generator[Step, Any, bytes]) -> bytes:
    """Carry out a course on this thread."""
    result: Any = None
    error: BaseException | None = None
    while True:
        try:
            step = steps.send(result) if error is None else steps.throw(error)
        except StopIteration as end:
            data: bytes = end.value
            return data
        result = error = None
        try:
            if isinstance(step, Record):
                result = run.ledger.now(step.work)
            elif isinstance(step, Body):
                result = _body(run, frame, step)
            else:
                _pause(run, frame, step)
        except BaseException as raised:
            error = raised


async def adrive(run: Run, frame: Frame, steps: Generator[Step, Any, bytes]) -> bytes:
    """Carry out a course on the running loop."""
    result: Any = None
    error: BaseException | None = None
    while True:
        try:
            step = steps.send(result) if error is None else steps.throw(error)
        except StopIteration as end:
            data: bytes = end.value
            return data
        result = error = None
        try:
            if isinstance(step, Record):
                result = await run.ledger.soon(step.work)
            elif isinstance(step, Body):
                result = await _abody(run, frame, step)
            else:
                await _apause(run, frame, step)
        except BaseException as raised:
            error = raised


def _body(run: Run, frame: Frame, step: Body) -> bytes:
    with _Surroundings(run, frame):
        if step.due is not None:
            return in_crew_blocking(frame, _sync_body(frame, step), lambda: _tick(run, frame))
        if frame.stacked >= STACK:
            return in_crew_blocking(frame, _sync_body(frame, step), lambda: None)
        return on_thread(frame, lambda: invoke.call(frame.task, step.inputs, frame.place))


async def _abody(run: Run, frame: Frame, step: Body) -> bytes:
    with _Surroundings(run, frame), _Alarm(run, frame, step.due):
        if frame.task.is_async:
            body = on_loop(frame, invoke.await_(frame.task, step.inputs, frame.place))
            if frame.stacked < STACK:
                data = await body
            else:
                frame.stacked = 0
                data = await asyncio.create_task(body)
            if frame.asked is not None:
                # What was started and not awaited has been asked for as well: let it begin.
                await asyncio.sleep(0)
            return data
        return await in_crew(frame, _sync_body(frame, step))


def _sync_body(frame: Frame, step: Body) -> Callable[[], bytes]:
    """The body in the context of the caller, whichever thread runs it."""
    context = contextvars.copy_context()
    return lambda: context.run(invoke.call, frame.task, step.inputs, frame.place)


class _Surroundings:
    """The log and the environment variables of an attempt."""

    __slots__ = ("_capture", "_log", "_of_run", "_root_dir", "_task", "_variables")

    def __init__(self, run: Run, frame: Frame) -> None:
        path = f"{run.base}/{frame.key.name}/{frame.attempt}/log"
        self._log = capture.LogFile(path, run.echo)
        self._capture = capture.to(self._log)
        self._task = frame.task
        self._root_dir = run.place.root_dir
        self._of_run = run.made.env
        self._variables: contextlib.AbstractContextManager[None] | None = None

    def __enter__(self) -> None:
        self._capture.__enter__()
        # What the run was given goes before what the task declares, as on a server.
        variables = {key: value for key, value in self._task.env_vars.items() if key not in self._of_run}
        secrets = self._task.secrets
        if secrets:
            file = _secrets.find(Path.cwd(), self._root_dir)
            variables |= _secrets.variables(secrets, file, os.environ)
        if variables:
            self._variables = environment(variables)
            self._variables.__enter__()

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if self._variables is not None:
            self._variables.__exit__(None, None, None)
        if isinstance(error, (Exception, SystemExit)):
            self._log.write("e", failure.trimmed(error), echo=False)
        self._capture.__exit__()


@contextlib.contextmanager
def environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables, and put them back. They are the whole process's while they hold."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _pause(run: Run, frame: Frame, step: Pause) -> None:
    woken = threading.Event()
    frame.wake = woken.set
    if not _is_over(frame, step):
        woken.wait(_seconds_of(run, step))
    frame.wake = None


async def _apause(run: Run, frame: Frame, step: Pause) -> None:
    loop = asyncio.get_running_loop()
    woken = asyncio.Event()

    def wake() -> None:
        loop.call_soon_threadsafe(woken.set)

    frame.wake = wake
    try:
        if not _is_over(frame, step):
            async with asyncio.timeout(_seconds_of(run, step)):
                await woken.wait()
    except TimeoutError:
        return
    finally:
        frame.wake = None


def _is_over(frame: Frame, step: Pause) -> bool:
    return frame.halted or (step.over is not None and step.over())


def _seconds_of(run: Run, step: Pause) -> float | None:
    return None if step.until is None else _seconds_to(run, step.until)


def _seconds_to(run: Run, until: Micros) -> float:
    return max(0.0, (until - run.clock.now()) / 1e6)


def _tick(run: Run, frame: Frame) -> float | None:
    """Let time do to the action what is due; seconds until it is to be asked again."""
    now = run.clock.now()
    after = run.ledger.now(lambda tx: _fire(tx, frame.key, now))
    run.carry_out(after.effects)
    due = timers.next_due(after.action)
    return None if due is None or frame.halted else _seconds_to(run, due)


def _fire(tx: Tx, key: ActionKey, now: Micros) -> Standing:
    change = timers.fire(tx, key, now)
    return stand(tx, key, change.effects)


class _Alarm:
    """Lets time do its work on an action while its body runs on a loop."""

    __slots__ = ("_due", "_frame", "_handle", "_run")

    def __init__(self, run: Run, frame: Frame, due: Micros | None) -> None:
        self._run = run
        self._frame = frame
        self._due = due
        self._handle: asyncio.TimerHandle | None = None

    def __enter__(self) -> None:
        if self._due is not None:
            self._set(_seconds_to(self._run, self._due))

    def __exit__(self, *_: object) -> None:
        if self._handle is not None:
            self._handle.cancel()

    def _set(self, delay_s: float) -> None:
        self._handle = asyncio.get_running_loop().call_later(delay_s, self._ring)

    def _ring(self) -> None:
        again = _tick(self._run, self._frame)
        if again is not None:
            self._set(again)
