"""Drives runs in this process: every call is recorded in the same history as a server's.

A sync task called from sync code runs on the caller's thread; an async one in the caller's asyncio
task; a sync one that is awaited on a thread of its own. Each unit of work is committed before its
result is seen.
"""

import asyncio
import contextvars
import os
import threading
from collections.abc import Callable, Coroutine, Generator
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from flyte import _failures
from flyte._authoring import invoke
from flyte._context import RunInfo, TaskContext
from flyte._controller import spec
from flyte._controller.calls import refuse_in_trace, refuse_on_loop
from flyte._controller.course import (
    Body,
    Ending,
    Pause,
    Record,
    Standing,
    Step,
    course,
    outputs_of,
    stand,
    standing,
)
from flyte._controller.frame import Frame, in_crew, in_crew_blocking, on_loop, on_thread
from flyte._controller.ledger import Ledger
from flyte._controller.protocol import Submission
from flyte._controller.submission import submit
from flyte._runtime import capture
from flyte._types.interface import codec_of_task
from flyte_core.engine import action as use_cases
from flyte_core.engine import run as run_cases
from flyte_core.engine import timers
from flyte_core.engine.api import NewAction, NewRun, Outcome, Verdict
from flyte_core.engine.whole import whole
from flyte_core.layout import Layout
from flyte_core.machine.effects import Effect, Kill
from flyte_core.model import (
    ROOT,
    ActionKey,
    ActionName,
    Attempt,
    CoreError,
    Digest,
    Micros,
    NotFound,
    PayloadRef,
    Phase,
    RunRecord,
    TimeoutPolicy,
    Token,
)
from flyte_core.ports import Clock
from flyte_core.store.ports import ActionQuery, Tx

if TYPE_CHECKING:
    from flyte._authoring.task import Task

NO_TOKEN: Final = Token(0)
_NO_LIMITS: Final = TimeoutPolicy()

INLINE_LIMIT: Final = 64 * 1024
"""Larger values are files; smaller ones are kept in the history itself."""

T = TypeVar("T")

Echo = Callable[[Any, str], object]


class LocalRun:
    """One run, driven here. Implements what a course needs, and what tasks need to be called."""

    def __init__(
        self,
        ledger: Ledger,
        layout: Layout,
        record: RunRecord,
        info: RunInfo,
        place: spec.Place,
        echo: Echo | None = None,
    ) -> None:
        self.ledger = ledger
        self.clock: Clock = ledger.clock
        self.layout = layout
        self.made = record
        self.replays = record.relation == "recover"
        self.key = record.key
        self.info = info
        self.place = place
        self.worker = f"pid {os.getpid()}"
        self.frames: dict[ActionName, Frame] = {}
        self._echo = echo
        self._base = info.run_base_dir

    # -- The root ----------------------------------------------------------------------------------

    def begin(self, call: Submission) -> "Root":
        """Record the run and its root action, before any user code runs.

        Raises:
            AlreadyExists: the name is taken.
        """
        frame = Frame(ActionKey(self.key, ROOT), call, call.body, None, None)
        new = NewRun(self.made, self._new(call))
        now = self.clock.now()
        first = self.ledger.now(lambda tx: _begin_root(tx, new, self.worker, now))
        self.frames[ROOT] = frame
        return Root(self, frame, first)

    # -- Calls -------------------------------------------------------------------------------------

    def blocking(
        self, context: TaskContext, task: "Task[..., Any]", args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        refuse_on_loop(task)
        frame = self._frame(context, task, args, kwargs)
        try:
            data = self.drive(frame, course(self, frame, self._first(frame, context)))
        finally:
            self.frames.pop(frame.key.name, None)
        return codec_of_task(task).decode_outputs(data)

    async def awaited(
        self, context: TaskContext, task: "Task[..., Any]", args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        frame = self._frame(context, task, args, kwargs)
        try:
            data = await self.adrive(frame, course(self, frame, self._first(frame, context)))
        finally:
            self.frames.pop(frame.key.name, None)
        return codec_of_task(task).decode_outputs(data)

    def _frame(
        self, context: TaskContext, task: "Task[..., Any]", args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Frame:
        refuse_in_trace(context, task)
        call = submit(context, task, args, kwargs, self.place)
        caller = self.frames.get(context.name)
        frame = Frame(ActionKey(self.key, call.name), call, task, context.name, caller)
        self.frames[call.name] = frame
        return frame

    def _first(self, frame: Frame, context: TaskContext) -> Callable[[Tx], Standing] | None:
        """Enqueue, claim and start in one; None when that has been put off."""
        opening = PutOff(self, frame, self._new(frame.call), self.clock.now(), context.token)
        if self._is_new(frame, context):
            frame.opening = opening
            self._enter(frame, 1, None)
            self.ledger.put_off(opening)
            return None
        return opening.begin

    def _is_new(self, frame: Frame, context: TaskContext) -> bool:
        """Whether the call can have no outcome already, and nothing but its body decides how it ends."""
        return (
            context.attempt == 1
            and not frame.call.cache_key
            and not self.replays
            and frame.call.spec.policy.timeout == _NO_LIMITS
        )

    def _new(self, call: Submission) -> NewAction:
        data: bytes | None = call.inputs
        ref = None
        if len(call.inputs) > INLINE_LIMIT:
            data, ref = None, _put(Path(self._base, call.name, "inputs.pb"), call.inputs)
        return NewAction(
            name=call.name,
            kind=call.kind,
            spec=call.spec,
            group=call.group,
            inputs=data,
            inputs_ref=ref,
            cache_key=call.cache_key,
            trace=call.trace,
            loose_inputs=call.loose_inputs,
        )

    async def find(self, context: TaskContext, call: Submission) -> bytes | None:
        key = ActionKey(self.key, call.name)
        found = self.ledger.now(lambda tx: _known(tx, key))
        if found is None:
            return None
        if found.action.phase.good:
            return outputs_of(self, found)
        error = found.action.error
        if error is None or not error.recoverable:
            raise _failures.of_action(found.action)
        return None

    async def record(self, context: TaskContext, call: Submission) -> None:
        frame = self.frames.get(context.name)
        now = self.clock.now()

        def work(tx: Tx) -> None:
            token = context.token if frame is None or frame.attempt != context.attempt else frame.token
            use_cases.enqueue(tx, self.key, context.name, token, [self._new(call)], now)

        try:
            self.ledger.now(work)
        except CoreError as error:
            raise _failures.of_core(error) from error

    def wait(self, coroutine: Coroutine[Any, Any, T]) -> T:
        # Nothing that is waited for here ever suspends.
        try:
            coroutine.send(None)
        except StopIteration as end:
            result: T = end.value
            return result
        raise RuntimeError("A local controller waited for something.")

    def now(self) -> Micros:
        return self.clock.now()

    # -- What a course needs -----------------------------------------------------------------------

    def enter(self, frame: Frame, live: Attempt) -> None:
        self._enter(frame, live.number, live.token)

    def _enter(self, frame: Frame, attempt: int, token: Token | None) -> None:
        context = TaskContext(self.info, frame.key.name, self, attempt=attempt, token=token, task=frame.task)
        frame.begin(attempt, token, context)

    def token_of(self, context: TaskContext) -> Token | None:
        """The token of the attempt; what was put off is recorded now."""
        frame = self.frames.get(context.name)
        if frame is None or frame.attempt != context.attempt:
            return context.token
        if frame.token is None:
            self.ledger.now(lambda _: None)
        return frame.token

    def report(self, frame: Frame, ending: Ending) -> Callable[[Tx], Standing]:
        now = self.clock.now()
        opening = frame.opening
        if opening is not None:
            opening.ending = (ending, now)

        def work(tx: Tx) -> Standing:
            if opening is not None:
                known = opening.result()
                if known is not None:
                    return known
            assert frame.token is not None
            change = use_cases.report(tx, frame.key, _outcome(frame.token, ending), now)
            if change.verdict is not Verdict.ACCEPTED:
                return stand(tx, frame.key)
            action = change.actions[0]
            return Standing(action, ending.outputs if action.phase.good else None, change.effects)

        return work

    def look(self, frame: Frame) -> Callable[[Tx], Standing]:
        def work(tx: Tx) -> Standing:
            if frame.opening is not None:
                frame.opening.result()
            return stand(tx, frame.key)

        return work

    def keep_outputs(self, frame: Frame, data: bytes) -> tuple[bytes | None, PayloadRef | None]:
        if len(data) <= INLINE_LIMIT:
            return data, None
        return None, _put(Path(self._base, frame.key.name, str(frame.attempt), "outputs.pb"), data)

    def load(self, ref: PayloadRef) -> bytes:
        data = Path(ref.uri).read_bytes()
        if _digest(data) != ref.sha256:
            raise NotFound(f"The value {ref.uri} is damaged: it is not what was recorded.")
        return data

    def carry_out(self, effects: tuple[Effect, ...]) -> None:
        for effect in effects:
            if isinstance(effect, Kill):
                frame = self.frames.get(effect.key.name)
                if frame is not None and frame.token == effect.token:
                    frame.halt()

    def give_up(self, frame: Frame, reason: str) -> None:
        now = self.clock.now()
        change = self.ledger.now(lambda tx: use_cases.abort_action(tx, frame.key, reason, "", now))
        self.carry_out(change.effects)

    def halt_ended(self) -> None:
        """Stop the bodies whose actions were ended by somebody else, in another process."""
        store = self.ledger.store
        root = store.action(ActionKey(self.key, ROOT))
        if root is None or root.phase.terminal:
            ended = list(self.frames)
        else:
            page = store.actions(self.key, ActionQuery(phases=(Phase.ABORTED,), ascending=False, limit=1000))
            ended = [action.key.name for action in page.actions]
        for name in ended:
            frame = self.frames.get(name)
            if frame is not None and not frame.halted:
                frame.halt()

    def intact(self, ref: PayloadRef) -> bool:
        """Whether a large value is where it should be, and whole."""
        try:
            return _digest(Path(ref.uri).read_bytes()) == ref.sha256
        except OSError:
            return False

    # -- Drivers -----------------------------------------------------------------------------------

    def drive(self, frame: Frame, steps: Generator[Step, Any, bytes]) -> bytes:
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
                    result = self.ledger.now(step.work)
                elif isinstance(step, Body):
                    result = self._body(frame, step)
                else:
                    self._pause(frame, step)
            except BaseException as raised:
                error = raised

    async def adrive(self, frame: Frame, steps: Generator[Step, Any, bytes]) -> bytes:
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
                    result = await self.ledger.soon(step.work)
                elif isinstance(step, Body):
                    result = await self._abody(frame, step)
                else:
                    await self._apause(frame, step)
            except BaseException as raised:
                error = raised

    def _body(self, frame: Frame, step: Body) -> bytes:
        context = frame.context
        assert context is not None
        with capture.to(self._log(frame)):
            if step.due is None:
                return on_thread(frame, lambda: invoke.call(frame.task, step.inputs, context))
            return in_crew_blocking(
                frame,
                _in_context(lambda: invoke.call(frame.task, step.inputs, context)),
                lambda: self._tick(frame),
            )

    async def _abody(self, frame: Frame, step: Body) -> bytes:
        context = frame.context
        assert context is not None
        with capture.to(self._log(frame)), _Alarm(self, frame, step.due):
            if frame.task.is_async:
                return await on_loop(frame, invoke.await_(frame.task, step.inputs, context))
            return await in_crew(frame, _in_context(lambda: invoke.call(frame.task, step.inputs, context)))

    def _pause(self, frame: Frame, step: Pause) -> None:
        woken = threading.Event()
        frame.wake = woken.set
        if frame.halted:
            return
        try:
            woken.wait(self._seconds_to(step.until))
        finally:
            frame.wake = None

    async def _apause(self, frame: Frame, step: Pause) -> None:
        loop = asyncio.get_running_loop()
        woken = asyncio.Event()

        def wake() -> None:
            loop.call_soon_threadsafe(woken.set)

        frame.wake = wake
        if frame.halted:
            return
        try:
            async with asyncio.timeout(self._seconds_to(step.until)):
                await woken.wait()
        except TimeoutError:
            return
        finally:
            frame.wake = None

    def _seconds_to(self, until: Micros) -> float:
        return max(0.0, (until - self.clock.now()) / 1e6)

    def _tick(self, frame: Frame) -> float | None:
        """Let time do to the action what is due; seconds until it is to be asked again."""
        now = self.clock.now()
        after = self.ledger.now(lambda tx: _fire(tx, frame.key, now))
        self.carry_out(after.effects)
        due = timers.next_due(after.action)
        return None if due is None or frame.halted else self._seconds_to(due)

    def _log(self, frame: Frame) -> capture.LogFile:
        return capture.LogFile(Path(self._base, frame.key.name, str(frame.attempt), "log"), self._echo)


class PutOff:
    """The beginning of a call: recorded with the next unit of work, by itself or with how it ended."""

    __slots__ = ("_error", "_frame", "_new", "_run", "_standing", "_token", "at", "ending")

    def __init__(
        self, run: LocalRun, frame: Frame, new: NewAction, at: Micros, parent_token: Token | None
    ) -> None:
        self._run = run
        self._frame = frame
        self._new = new
        self._token = parent_token
        self._standing: Standing | None = None
        self._error: CoreError | None = None
        self.at = at
        self.ending: tuple[Ending, Micros] | None = None

    def begin(self, tx: Tx) -> Standing:
        """Enqueue, claim and start."""
        run, frame = self._run, self._frame
        assert frame.parent is not None
        change = use_cases.begin(
            tx, run.key, frame.parent, self._parent_token(), self._new, run.worker, self.at, run.intact
        )
        action = change.actions[0]
        if action.phase.terminal:
            return standing(tx, action, change.effects)
        return Standing(action, None, change.effects)

    def record(self, tx: Tx) -> None:
        self._standing = self._error = None
        try:
            if self.ending is None:
                live = self.begin(tx).action.live
                self._frame.token = None if live is None else live.token
            else:
                self._standing = self._whole(tx, *self.ending)
        except CoreError as error:
            self._error = error
            self._frame.halt()

    def result(self) -> Standing | None:
        """How the action stands, when it was recorded together with how it ended.

        Raises:
            CoreError: it could not begin.
        """
        if self._error is not None:
            raise self._error
        return self._standing

    def _whole(self, tx: Tx, ending: Ending, ended: Micros) -> Standing:
        run, frame = self._run, self._frame
        assert frame.parent is not None
        change = whole(
            tx,
            run.key,
            frame.parent,
            self._parent_token(),
            self._new,
            _outcome(NO_TOKEN, ending),
            run.worker,
            self.at,
            ended,
        )
        action = change.actions[0]
        return Standing(action, ending.outputs if action.phase.good else None, change.effects)

    def _parent_token(self) -> Token | None:
        caller = self._frame.caller
        return caller.token if caller is not None and self._token is None else self._token


class Root:
    """The root of a run that has been recorded and is now to be run."""

    def __init__(self, run: LocalRun, frame: Frame, first: Standing) -> None:
        self.run = run
        self.frame = frame
        self.first = first

    def drive(self) -> bytes:
        """Run it on this thread; see `course`."""
        try:
            return self.run.drive(self.frame, self._course())
        finally:
            self.run.frames.pop(ROOT, None)

    async def adrive(self) -> bytes:
        """Run it on the running loop."""
        try:
            return await self.run.adrive(self.frame, self._course())
        finally:
            self.run.frames.pop(ROOT, None)

    def _course(self) -> Generator[Step, Any, bytes]:
        return course(self.run, self.frame, lambda _: self.first)


class _Alarm:
    """Lets time do its work on an action while its body runs on a loop."""

    __slots__ = ("_due", "_frame", "_handle", "_run")

    def __init__(self, run: LocalRun, frame: Frame, due: Micros | None) -> None:
        self._run = run
        self._frame = frame
        self._due = due
        self._handle: asyncio.TimerHandle | None = None

    def __enter__(self) -> None:
        if self._due is not None:
            self._set(self._run._seconds_to(self._due))

    def __exit__(self, *_: object) -> None:
        if self._handle is not None:
            self._handle.cancel()

    def _set(self, delay_s: float) -> None:
        self._handle = asyncio.get_running_loop().call_later(delay_s, self._ring)

    def _ring(self) -> None:
        again = self._run._tick(self._frame)
        if again is not None:
            self._set(again)


def _outcome(token: Token, ending: Ending) -> Outcome:
    return Outcome(token, outputs=ending.outputs, outputs_ref=ending.outputs_ref, error=ending.error)


def _begin_root(tx: Tx, new: NewRun, worker: str, now: Micros) -> Standing:
    made = run_cases.create_run(tx, new, now).actions[0]
    claimed = use_cases.claim(tx, made.key, worker, now)
    live = claimed.actions[0].live if claimed.actions else None
    if live is not None:
        use_cases.started(tx, made.key, live.token, worker, now)
    return stand(tx, made.key)


def _known(tx: Tx, key: ActionKey) -> Standing | None:
    action = tx.action(key)
    return None if action is None else standing(tx, action)


def _fire(tx: Tx, key: ActionKey, now: Micros) -> Standing:
    change = timers.fire(tx, key, now)
    return stand(tx, key, change.effects)


def _in_context(body: Callable[[], bytes]) -> Callable[[], bytes]:
    """The body in the context of the caller, wherever it runs."""
    context = contextvars.copy_context()
    return lambda: context.run(body)


def _put(path: Path, data: bytes) -> PayloadRef:
    """A value as a file: put in place whole, so that nobody sees a part of it."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
    path.parent.mkdir(parents=True, exist_ok=True)
    draft.write_bytes(data)
    draft.replace(path)
    return PayloadRef(_digest(data), len(data), str(path))


def _digest(data: bytes) -> Digest:
    return Digest(sha256(data).hexdigest())
