"""Drives runs in this process: every call is recorded in the same history as a server's.

A sync task called from sync code runs on the caller's thread; an async one in the caller's asyncio
task; a sync one that is awaited on a thread of its own. Each unit of work is committed before its
result is seen.
"""

import asyncio
import contextlib
import gc
import os
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Generator, Iterator
from concurrent.futures import Future
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from flyte import _failures
from flyte._account import account
from flyte._context import RunInfo, TaskContext
from flyte._controller.calls import TaskCalls
from flyte._controller.course import Ending, Standing, Step, course, outputs_of, stand, standing
from flyte._controller.drive import Echo, adrive, drive, environment
from flyte._controller.frame import Frame
from flyte._controller.ledger import Ledger
from flyte._controller.limit import Limit
from flyte._controller.opening import Opening, look, report
from flyte._controller.protocol import Submission
from flyte._controller.spec import Place
from flyte._controller.values import INLINE_LIMIT, write
from flyte._sync import pause
from flyte.errors import ActionAbortedError, BaseRuntimeError, SyncTaskCallInAsyncContextError
from flyte_core.engine import action as use_cases
from flyte_core.engine import replay, timers
from flyte_core.engine import run as run_cases
from flyte_core.engine.api import NewAction, NewRun
from flyte_core.engine.cache import Intact
from flyte_core.engine.guards import is_shallow
from flyte_core.machine.effects import Effect, Kill
from flyte_core.model import (
    ROOT,
    ActionKey,
    ActionKind,
    ActionName,
    Attempt,
    CoreError,
    Digest,
    Divergence,
    InvalidArgument,
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
from flyte_core.supervision import ON_DIVERGENCE
from flyte_core.wire import references

if TYPE_CHECKING:
    from flyte._authoring.task import Task

MANY: Final = 1_000
"""From so many calls at once on, the garbage collector looks at new objects less often."""
YOUNG: Final = 20_000

ANSWER_POLL_S: Final = 0.05
"""How often a condition is looked at, while it waits."""

_NO_LIMITS: Final = TimeoutPolicy()

T = TypeVar("T")


class LocalRun(TaskCalls):
    """One run, driven here. Implements what a course needs, and what tasks need to be called."""

    def __init__(
        self,
        ledger: Ledger,
        record: RunRecord,
        info: RunInfo,
        place: Place,
        echo: Echo | None = None,
        notified: bool = False,
        url: str = "",
    ) -> None:
        self.ledger = ledger
        self.clock: Clock = ledger.clock
        self.made = record
        self.notified = notified
        self.url = url
        """Where a server of this history answers, or would."""
        self.replays = record.relation == "recover"
        most = record.max_action_concurrency
        self.limit = Limit(most) if most else None
        self.strict = record.env.get(ON_DIVERGENCE) == "fail"
        self.key = record.key
        self.info = info
        self.place = place
        self.worker = f"pid {os.getpid()}"
        self.frames: dict[ActionName, Frame] = {}
        self._guard = threading.Lock()
        self._thresholds: tuple[int, int, int] | None = None
        self.echo = echo
        self.base = info.run_base_dir

    # -- The root ----------------------------------------------------------------------------------

    def begin(self, call: Submission) -> "Root":
        """Record the run and its root action, before any user code runs.

        Raises:
            AlreadyExists: the name is taken.
        """
        frame = Frame(ActionKey(self.key, ROOT), call, call.body, None, None)
        new = NewRun(self.made, self._new(call))
        now = self.clock.now()
        first = self.ledger.now(lambda tx: _begin_root(tx, new, self.worker, now, self.intact))
        self.frames[ROOT] = frame
        return Root(self, frame, first)

    # -- Calls -------------------------------------------------------------------------------------

    def outcome_blocking(self, context: TaskContext, task: "Task[..., Any]", call: Submission) -> bytes:
        frame, running = self._frame(context, task, call)
        if running is not None:
            return running.result()
        data: bytes | BaseException | None = None
        try:
            data = drive(self, frame, course(self, frame, self._first(frame, context)))
        except BaseRuntimeError as error:
            data = error
            raise error.with_traceback(None) from None
        finally:
            self.close(frame, data)
        return data

    async def outcome(self, context: TaskContext, task: "Task[..., Any]", call: Submission) -> bytes:
        frame, running = self._frame(context, task, call)
        if running is not None:
            return await asyncio.wrap_future(running)
        data: bytes | BaseException | None = None
        try:
            data = await adrive(self, frame, course(self, frame, self._first(frame, context)))
        except BaseRuntimeError as error:
            data = error
            if isinstance(error, ActionAbortedError) and frame.unheard:
                raise asyncio.CancelledError from None
            raise error.with_traceback(None) from None
        finally:
            self.close(frame, data)
        return data

    def _frame(
        self, context: TaskContext, task: "Task[..., Any]", call: Submission
    ) -> "tuple[Frame, Future[bytes] | None]":
        """The frame of a call; with the outcome to come when an earlier attempt's call still runs."""
        running = self.frames.get(call.name)
        if running is not None:
            with self._guard:
                if self.frames.get(call.name) is running:
                    return running, running.follow()
        caller = self.frames.get(context.name)
        frame = Frame(ActionKey(self.key, call.name), call, task, context.name, caller)
        self.frames[call.name] = frame
        if len(self.frames) == MANY:
            self._collect_less()
        return frame, None

    def note(self, context: TaskContext, call: Submission) -> Submission:
        if context.attempt > 1 or self.replays:
            caller = self.frames.get(context.name)
            if caller is not None and caller.attempt == context.attempt and caller.asked is not None:
                caller.asked.add(call.name)
        return call

    def close(self, frame: Frame, data: bytes | BaseException | None) -> None:
        """The action is no longer driven here; those who wait for it are told."""
        with self._guard:
            self.frames.pop(frame.key.name, None)
        if self.limit is not None:
            self.limit.leave(frame)
            self.limit.returned(frame.caller)
        if frame.followers:
            frame.tell(data)

    def _collect_less(self) -> None:
        """So many calls at once are a heap that lives: looking through it for garbage again and again is for nothing."""
        if self._thresholds is None:
            self._thresholds = gc.get_threshold()
            gc.set_threshold(max(self._thresholds[0], YOUNG), *self._thresholds[1:])

    def end(self) -> None:
        """The root has ended."""
        if self.notified:
            root = self.ledger.store.action(ActionKey(self.key, ROOT))
            if root is not None and root.phase.terminal:
                from flyte._controller import notices

                notices.deliver(self.made, root)
        if self._thresholds is not None:
            gc.set_threshold(*self._thresholds)
            self._thresholds = None

    def _first(self, frame: Frame, context: TaskContext) -> Callable[[Tx], Standing] | None:
        """Enqueue, claim and start in one, or only enqueue where it must wait; None when that has been put off."""
        if self.limit is not None:
            self.limit.calls(frame.caller)
        first = Opening(self, frame, self._new(frame.call), self.clock.now(), context.token)
        if self.limit is not None:
            return first.enqueue
        if not self._is_new(frame, context):
            return first.begin
        self._enter(frame, 1, None)
        frame.opening = first
        self.ledger.put_off(first)
        return None

    def _is_new(self, frame: Frame, context: TaskContext) -> bool:
        """Whether it has no outcome yet, will not be refused, and nothing but its body decides how it ends."""
        return (
            context.attempt == 1
            and not frame.call.cache_key
            and not self.replays
            and frame.call.spec.policy.timeout == _NO_LIMITS
            and is_shallow(frame.depth)
        )

    def _new(self, call: Submission) -> NewAction:
        data: bytes | None = call.inputs
        ref = None
        if len(call.inputs) > INLINE_LIMIT:
            data, ref = None, self._put(call.inputs, call.name, "inputs.pb")
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
            edges=call.edges,
        )

    async def find(self, context: TaskContext, call: Submission) -> bytes | None:
        self.note(context, call)
        key = ActionKey(self.key, call.name)
        found = self.ledger.now(lambda tx: _known(tx, key))
        if found is None and self.replays:
            found = self.ledger.now(lambda tx: self._recalled(tx, context, key))
        if found is None:
            return None
        if found.action.phase.good:
            return outputs_of(self, found)
        error = found.action.error
        if error is None or not error.recoverable:
            raise _failures.of_action(found.action)
        return None

    def _recalled(self, tx: Tx, context: TaskContext, key: ActionKey) -> Standing | None:
        """A traced call of the run that this one recovers, taken over."""
        frame = self.frames.get(context.name)
        token = context.token if frame is None or frame.attempt != context.attempt else frame.token
        replay.recall(tx, self.key, context.name, token, key.name, self.clock.now(), self.intact)
        return _known(tx, key)

    async def record(self, context: TaskContext, call: Submission) -> None:
        self.note(context, call)
        frame = self.frames.get(context.name)
        now = self.clock.now()
        key = ActionKey(self.key, call.name)
        asked = call.kind is ActionKind.CONDITION and self.ledger.store.action(key) is None

        def work(tx: Tx) -> None:
            token = context.token if frame is None or frame.attempt != context.attempt else frame.token
            use_cases.enqueue(tx, self.key, context.name, token, [self._new(call)], now)

        try:
            self.ledger.now(work)
        except CoreError as error:
            raise _failures.of_core(error) from error
        if asked:
            from flyte._controller import notices

            notices.ask(self.made, call.spec, key, self.url)

    async def answer(self, context: TaskContext, call: Submission) -> bytes:
        from flyte._controller import questions

        key = ActionKey(self.key, call.name)
        try:
            with self._waiting(context), questions.asked(key, call.spec) as question:
                while (found := self._answered(key)) is None:
                    answer = question.look()
                    if answer is None:
                        await pause(ANSWER_POLL_S)
                    else:
                        self._signal(key, answer)
        except (asyncio.CancelledError, GeneratorExit):
            now = self.clock.now()
            with contextlib.suppress(CoreError):
                self.ledger.now(
                    lambda tx: use_cases.abort_action(tx, key, "Its caller stopped waiting for it.", "", now)
                )
            raise
        return outputs_of(self, found)

    @contextlib.asynccontextmanager
    async def resting(self, context: TaskContext) -> AsyncIterator[None]:
        with self._waiting(context):
            yield

    @contextlib.contextmanager
    def _waiting(self, context: TaskContext) -> Iterator[None]:
        """The body waits for something that is no task: it counts as little as one that waits for a child."""
        frame = self.frames.get(context.name)
        if self.limit is not None:
            self.limit.calls(frame)
        try:
            yield
        finally:
            if self.limit is not None:
                self.limit.returned(frame)

    def _signal(self, key: ActionKey, outputs: bytes) -> None:
        """Answer a condition; who answered first is right."""
        now = self.clock.now()
        with contextlib.suppress(CoreError):
            self.ledger.now(lambda tx: use_cases.signal(tx, key, outputs, account(), now))

    def _answered(self, key: ActionKey) -> Standing | None:
        """How a condition ended; None while it waits. What is due by time is done to it."""
        action = self.ledger.store.action(key)
        due = None if action is None else timers.next_due(action)
        now = self.clock.now()
        if due is not None and due <= now:
            self.ledger.now(lambda tx: timers.fire(tx, key, now))
        elif action is not None and not action.phase.terminal:
            return None
        return self.ledger.now(lambda tx: stand(tx, key))

    def wait(self, coroutine: Coroutine[Any, Any, T]) -> T:
        # On a thread nothing that is waited for here ever suspends: it sleeps instead.
        try:
            coroutine.send(None)
        except StopIteration as end:
            result: T = end.value
            return result
        coroutine.close()
        raise SyncTaskCallInAsyncContextError(
            "A blocking call was made on an event loop, which would stand still.",
            hint="Await its `.aio(...)`.",
        )

    def now(self) -> Micros:
        return self.clock.now()

    # -- What a course needs -----------------------------------------------------------------------

    def enter(self, frame: Frame, live: Attempt) -> None:
        self._enter(frame, live.number, live.token)

    def _enter(self, frame: Frame, attempt: int, token: Token | None) -> None:
        context = TaskContext(self.info, frame.key.name, self, attempt=attempt, token=token, task=frame.task)
        frame.begin(attempt, token, context)
        frame.asked = set() if attempt > 1 or self.replays else None
        frame.opening = None

    def token_of(self, context: TaskContext) -> Token | None:
        """The token of the attempt; what was put off is recorded now."""
        frame = self.frames.get(context.name)
        if frame is None or frame.attempt != context.attempt:
            return context.token
        if frame.token is None:
            self.ledger.now(lambda _: None)
        return frame.token

    def report(self, frame: Frame, ending: Ending) -> Callable[[Tx], Standing]:
        return report(frame, ending, self.clock.now())

    def look(self, frame: Frame) -> Callable[[Tx], Standing]:
        return look(frame)

    def compare(self, frame: Frame) -> Divergence | None:
        return replay.compare(self.ledger.store, frame.key, frame.asked or ())

    def diverged(self, frame: Frame, divergence: Divergence) -> Callable[[Tx], Standing]:
        def work(tx: Tx) -> Standing:
            replay.tell(tx, frame.key, frame.token, divergence, self.clock.now())
            return stand(tx, frame.key)

        return work

    def keep_outputs(self, frame: Frame, data: bytes) -> tuple[bytes | None, PayloadRef | None]:
        if len(data) <= INLINE_LIMIT:
            return data, None
        return None, self._put(data, frame.key.name, str(frame.attempt), "outputs.pb")

    def _put(self, data: bytes, *parts: str) -> PayloadRef:
        path = Path(self.base, *parts)
        write(path, data, durable=False)
        return PayloadRef(_digest(data), len(data), str(path))

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
        # What could not even begin is not there to be aborted.
        with contextlib.suppress(CoreError):
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

    def intact(self, ref: PayloadRef, data: bytes | None) -> bool:
        """Whether outputs are whole: where they should be if they are large, and all they refer to."""
        try:
            if data is None:
                data = Path(ref.uri).read_bytes()
                if _digest(data) != ref.sha256:
                    return False
            return references.all_there(data, "outputs")
        except (OSError, InvalidArgument):
            return False


class Root:
    """The root of a run that has been recorded and is now to be run."""

    def __init__(self, run: LocalRun, frame: Frame, first: Standing) -> None:
        self.run = run
        self.frame = frame
        self.first = first

    def drive(self) -> bytes:
        """Run it on this thread; see `course`."""
        with self._open():
            return drive(self.run, self.frame, self._course())

    async def adrive(self) -> bytes:
        """Run it on the running loop."""
        with self._open():
            return await adrive(self.run, self.frame, self._course())

    @contextlib.contextmanager
    def _open(self) -> Iterator[None]:
        try:
            with environment(self.run.made.env):
                yield
        finally:
            self.run.close(self.frame, None)
            self.run.end()

    def _course(self) -> Generator[Step, Any, bytes]:
        return course(self.run, self.frame, lambda _: self.first)


def _begin_root(tx: Tx, new: NewRun, worker: str, now: Micros, intact: Intact) -> Standing:
    made = run_cases.create_run(tx, new, now, intact).actions[0]
    claimed = use_cases.claim(tx, made.key, worker, now, intact)
    live = claimed.actions[0].live if claimed.actions else None
    if live is not None:
        use_cases.started(tx, made.key, live.token, worker, now)
    return stand(tx, made.key)


def _known(tx: Tx, key: ActionKey) -> Standing | None:
    action = tx.action(key)
    return None if action is None else standing(tx, action)


def _digest(data: bytes) -> Digest:
    return Digest(sha256(data).hexdigest())
