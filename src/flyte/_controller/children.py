"""The children of one attempt: asked for in batches, known from one stream.

Calls collect while a batch is on its way, and leave together with the next. The stream begins with
every child there is, so an attempt that replaces a dead one finds what its predecessor called.
Everything here runs on one event loop.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Collection, Coroutine
from pathlib import Path
from typing import Final, Protocol, TypeVar

from google.protobuf.message import Message

from flyte import _failures
from flyte._client.connect import Connect, Method
from flyte._client.errors import RpcError
from flyte._client.retry import NONE, Patience
from flyte._client.worker_methods import ABORT_CHILD, ENQUEUE, RECALL, REPLAYED, WATCH_CHILDREN
from flyte._controller import values
from flyte._controller.protocol import ParentRef, Submission
from flyte.errors import ActionAbortedError, BaseRuntimeError, RuntimeSystemError
from flyte_core.model import ActionKind, ActionName, ErrorInfo, ErrorKind, Phase
from flyte_core.wire import edges
from flyte_core.wire import errors as wire_errors
from flyte_core.wire.godwit.v1 import worker_pb2 as wire

Q = TypeVar("Q", bound=Message)
R = TypeVar("R", bound=Message)

BATCH_CALLS: Final = 1000
BATCH_BYTES: Final = 4 << 20
PATIENCE: Final = Patience(total_s=24 * 3600.0, base_s=0.05, cap_s=5.0)
"""A server may be away for long: its runs are as safe as its disk, and go on when it is back."""
SILENCE_S: Final = 60.0
"""A stream that says nothing for so long is opened again: a half-dead connection looks like this."""
UNARY_TIMEOUT_S: Final = 60.0
REOPEN_S: Final = 0.1
CLOSE_S: Final = 5.0
_ABORTS_AT_ONCE: Final = 16
_FINAL: Final = frozenset(
    {
        "invalid_argument",
        "failed_precondition",
        "not_found",
        "unauthenticated",
        "permission_denied",
        "unimplemented",
    }
)
"""Refusals that trying again does not change."""


class _Child:
    """What is known of one child."""

    __slots__ = ("asked", "call", "error", "kind", "outputs", "phase", "told", "waiters")

    def __init__(self, call: Submission | None = None) -> None:
        self.call = call
        """Set for a child that this attempt asks for, until the server has it."""
        self.asked = False
        """It is in a batch on its way."""
        self.told = False
        """The server has been told its task in full because of it."""
        self.phase: Phase | None = None
        self.kind = ActionKind.TASK
        self.outputs: wire.Payload | None = None
        self.error: BaseRuntimeError | None = None
        self.waiters: list[asyncio.Future[None]] = []

    @property
    def ended(self) -> bool:
        return self.error is not None or (self.phase is not None and self.phase.terminal)


class Link(Protocol):
    """The way to the server."""

    def client(self) -> Connect: ...

    def lost(self) -> None:
        """A call did not reach the server: it may be somewhere else by now."""


class Children:
    """The children of one parent's attempt, on one loop.

    Args:
        parent: The attempt that calls.
        link: Gives the connection to the server; told when it was lost.
        base: The run's directory, for large inputs; None: everything goes inline.
    """

    def __init__(self, parent: ParentRef, link: Link, base: Path | None) -> None:
        self.loop = asyncio.get_running_loop()
        self._parent = parent
        self._link = link
        self._base = base
        run = parent.run
        self._ref = wire.ActionRef(project=run.project, domain=run.domain, run=run.name, action=parent.action)
        self._token = int(parent.token or 0)
        self._known: dict[str, _Child] = {}
        self._waiting: list[ActionName] = []
        self._specs: set[str] = set()
        self._seq = 0
        self._current = asyncio.Event()
        self._stopped: BaseRuntimeError | None = None
        self._closed = False
        self._sender: asyncio.Task[None] | None = None
        self._aborts: set[asyncio.Task[None]] = set()
        self._abort_slots = asyncio.Semaphore(_ABORTS_AT_ONCE)
        self._watcher = self._begin(self._watch(), f"watch children of {parent.action}")

    async def outcome(self, call: Submission) -> bytes:
        """Make the call a child, unless it is one already, and wait for its end."""
        await self._ready()
        child = self._known.get(call.name)
        if child is None:
            child = self._ask(call)
        try:
            await self._end_of(child)
        except asyncio.CancelledError:
            self._give_up(call.name, child)
            raise
        return self._result(call, child)

    async def record(self, call: Submission) -> None:
        """Make a traced call that has ended, or a condition, a child; returns when the server has it."""
        await self._ready()
        child = self._known.get(call.name)
        if child is None:
            child = self._ask(call)
        while child.call is not None and child.error is None:
            await self._wait(child)
        if child.phase is None and child.error is not None:
            raise child.error

    async def find(self, call: Submission) -> bytes | None:
        """The outputs of a child that has succeeded already; raises the error of one that failed for good."""
        await self._ready()
        child = self._known.get(call.name)
        if child is None or not child.ended:
            return None
        return self._result(call, child)

    async def recall(self, call: Submission) -> bytes | None:
        """The outputs of a traced call in the run that this one recovers; None: it must be made."""
        request = wire.RecallRequest(parent=self._ref, token=self._token, name=call.name)
        answer = await self._tell(RECALL, request)
        if not answer.HasField("found"):
            return None
        child = self._known.setdefault(call.name, _Child())
        self._learn(child, answer.found)
        return self._result(call, child)

    async def replayed(self, asked: Collection[ActionName]) -> str:
        """How this attempt, having called these and no more, differs from earlier ones; empty: it does not."""
        request = wire.ReplayedRequest(parent=self._ref, token=self._token, asked=sorted(asked))
        answer = await self._tell(REPLAYED, request)
        return answer.divergence

    async def close(self) -> None:
        """Let go of the streams. Children that run are left to run: another attempt may want them."""
        self._closed = True
        tasks = [task for task in (self._watcher, self._sender) if task is not None]
        for task in tasks:
            task.cancel()
        if self._aborts:
            await asyncio.wait(self._aborts, timeout=CLOSE_S)
        await asyncio.gather(*tasks, return_exceptions=True)

    # -- Calls -------------------------------------------------------------------------------------

    async def _ready(self) -> None:
        if not self._current.is_set():
            await self._current.wait()
        if self._stopped is not None:
            raise self._stopped

    def _ask(self, call: Submission) -> _Child:
        child = self._known[call.name] = _Child(call)
        self._waiting.append(call.name)
        if self._sender is None or self._sender.done():
            self._sender = self._begin(self._send(), f"enqueue children of {self._ref.action}")
        return child

    async def _end_of(self, child: _Child) -> None:
        while not child.ended:
            await self._wait(child)

    async def _wait(self, child: _Child) -> None:
        waiter = self.loop.create_future()
        child.waiters.append(waiter)
        await waiter

    def _result(self, call: Submission, child: _Child) -> bytes:
        if child.error is not None:
            raise child.error.with_traceback(None)
        return values.read(child.outputs, call.spec.task_name) if child.outputs is not None else b""

    def _give_up(self, name: ActionName, child: _Child) -> None:
        """Nobody awaits the child any more: abort it, unless the whole loop is coming down."""
        if child.ended or self._closed or self._stopped is not None or self._watcher.cancelling():
            return
        if any(not waiter.done() for waiter in child.waiters):
            return
        if child.call is not None and not child.asked:
            del self._known[name]
            return
        task = self.loop.create_task(self._abort(name), name=f"abort {name}")
        self._aborts.add(task)
        task.add_done_callback(self._aborts.discard)

    async def _abort(self, name: ActionName) -> None:
        request = wire.AbortChildRequest(
            parent=self._ref, token=self._token, name=name, reason="Its caller stopped waiting for it."
        )
        async with self._abort_slots:
            # Not to be had, or not there any more: what ends the parent ends the child.
            with contextlib.suppress(RpcError):
                await self._link.client().unary(ABORT_CHILD, request, patience=Patience(600.0))

    async def _tell(self, rpc: Method[Q, R], request: Q) -> R:
        """One call, repeated for as long as the server may be away."""
        tries = PATIENCE.tries()
        while True:
            try:
                return await self._link.client().unary(rpc, request, timeout_s=UNARY_TIMEOUT_S, patience=NONE)
            except RpcError as error:
                if error.code == "aborted":
                    raise _aborted(error) from error
                self._link.lost()
                if error.code in _FINAL or not await tries.again():
                    raise _system(error) from error

    def _begin(self, work: Coroutine[None, None, None], name: str) -> asyncio.Task[None]:
        """A task without which nobody here would ever hear anything: its failure is told to all."""

        async def guarded() -> None:
            try:
                await work
            except Exception as error:
                self._stop(_system(RpcError("internal", f"{type(error).__name__}: {error}")))

        return self.loop.create_task(guarded(), name=name)

    # -- Asking ------------------------------------------------------------------------------------

    async def _send(self) -> None:
        """Bring the collected calls to the server, batch by batch, until there are none."""
        tries = PATIENCE.tries()
        while self._waiting:
            batch, request = self._batch()
            if not batch:
                continue
            try:
                answer = await self._link.client().unary(
                    ENQUEUE, request, timeout_s=UNARY_TIMEOUT_S, patience=NONE
                )
            except RpcError as error:
                if error.code == "aborted":
                    self._stop(_aborted(error))
                    return
                if error.code in _FINAL:
                    self._refuse(batch, _system(error))
                    continue
                for child in batch:
                    child.asked = False
                self._waiting[:0] = [child.call.name for child in batch if child.call is not None]
                self._link.lost()
                if not await tries.again():
                    self._stop(_system(error))
                    return
                continue
            tries.reset()
            self._accepted(batch, answer)

    def _batch(self) -> tuple[list[_Child], wire.EnqueueRequest]:
        """As many of the waiting calls as go together, in call order."""
        request = wire.EnqueueRequest(parent=self._ref, token=self._token)
        batch: list[_Child] = []
        told: set[str] = set()
        size = taken = 0
        for name in self._waiting:
            if len(batch) >= BATCH_CALLS or size >= BATCH_BYTES:
                break
            taken += 1
            child = self._known.get(name)
            if child is None or child.call is None or child.asked:
                continue
            try:
                size += self._describe(request.children.add(), child.call, told)
            except RuntimeSystemError as error:
                del request.children[-1]
                self._refuse([child], error)
                continue
            child.asked = True
            batch.append(child)
        del self._waiting[:taken]
        return batch, request

    def _describe(self, message: wire.Child, call: Submission, told: set[str]) -> int:
        """Write a call into a message; returns about how many bytes that took."""
        spec = call.spec
        message.name = call.name
        message.kind = call.kind.value
        message.spec_sha256 = spec.digest
        message.group = call.group
        message.cache_key = call.cache_key
        message.loose_inputs = call.loose_inputs
        size = len(call.inputs)
        values.fill(message.inputs, call.inputs, self._file(call.name, "inputs.pb"))
        if spec.digest not in self._specs and spec.digest not in told:
            message.spec = spec.template
            told.add(spec.digest)
            self._known[call.name].told = True
            size += len(spec.template)
        if call.edges:
            edges.put(message.edges, call.edges, call.name)
            size += 64 * len(call.edges)
        trace = call.trace
        if trace is not None:
            message.trace.started_at_us = trace.started_at
            message.trace.ended_at_us = trace.ended_at
            if trace.error is not None:
                message.trace.error.CopyFrom(wire_errors.to_worker(trace.error))
            elif trace.outputs is not None:
                values.fill(message.trace.outputs, trace.outputs, self._file(call.name, "outputs.pb"))
                size += len(trace.outputs)
        return size

    def _file(self, name: str, file: str) -> Path | None:
        return None if self._base is None else self._base / name / file

    def _accepted(self, batch: list[_Child], answer: wire.EnqueueResponse) -> None:
        again: list[ActionName] = []
        for index, child in enumerate(batch):
            call = child.call
            assert call is not None
            refusal = answer.refused.get(index) if index in answer.refused else None
            if refusal is None:
                self._specs.add(call.spec.digest)
                child.call = None
                self._wake(child)
            elif refusal.code == "failed_precondition" and not child.told:
                # A server that was replaced may not know the task any more: say it again, once.
                self._specs.discard(call.spec.digest)
                child.asked, child.told = False, True
                again.append(call.name)
            else:
                self._refuse([child], _failures.from_info(wire_errors.from_worker(refusal)))
        self._waiting[:0] = again

    def _refuse(self, batch: list[_Child], error: BaseRuntimeError) -> None:
        for child in batch:
            if not child.ended:
                child.error = error
            self._wake(child)

    # -- Knowing -----------------------------------------------------------------------------------

    async def _watch(self) -> None:
        """Follow the children for as long as the attempt lives."""
        tries = PATIENCE.tries()
        while True:
            try:
                async with contextlib.aclosing(self._updates()) as messages:
                    async for message in messages:
                        tries.reset()
                        self._take(message)
            except RpcError as error:
                if error.code == "aborted":
                    self._stop(_aborted(error))
                    return
                self._link.lost()
                if error.code in _FINAL or not await tries.again():
                    self._stop(_system(error))
                    return
            else:
                # A server that drains ends its streams well.
                await asyncio.sleep(REOPEN_S)

    def _updates(self) -> AsyncGenerator[wire.WatchChildrenResponse, None]:
        # Until the first snapshot is whole, nothing counts as seen.
        after = self._seq if self._current.is_set() else 0
        request = wire.WatchChildrenRequest(parent=self._ref, token=self._token, after_seq=after)
        return self._link.client().stream(WATCH_CHILDREN, request, silence_s=SILENCE_S)

    def _take(self, message: wire.WatchChildrenResponse) -> None:
        for update in message.updates:
            child = self._known.get(update.name)
            if child is None:
                child = self._known[update.name] = _Child()
            if not child.ended:
                self._learn(child, update)
        self._seq = max(self._seq, message.seq)
        if message.current:
            self._current.set()

    def _learn(self, child: _Child, update: wire.ChildUpdate) -> None:
        phase = Phase(update.phase)
        child.phase = phase
        child.kind = ActionKind(update.kind) if update.kind else child.kind
        if not phase.terminal:
            return
        if phase.good:
            child.outputs = update.outputs if update.outputs.present else None
        elif update.HasField("error") and phase is not Phase.ABORTED:
            child.error = _failures.from_info(wire_errors.from_worker(update.error))
        else:
            child.error = _ended(update, phase)
        self._wake(child)

    def _wake(self, child: _Child) -> None:
        waiters, child.waiters = child.waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    def _stop(self, error: BaseRuntimeError) -> None:
        """Nothing more can be learned: everybody who waits is told why."""
        if self._stopped is None:
            self._stopped = error
        for child in self._known.values():
            self._refuse([child], error)
        self._current.set()


def _ended(update: wire.ChildUpdate, phase: Phase) -> BaseRuntimeError:
    """The failure of a child that ended without an error of its own."""
    reason = update.error.message
    if phase is Phase.ABORTED:
        return ActionAbortedError(f"Action {update.name} was aborted: {reason}".rstrip(": "))
    info = ErrorInfo(phase.value, f"Action {update.name} ended {phase.value}.", ErrorKind.SYSTEM)
    return _failures.from_info(info)


def _aborted(error: RpcError) -> ActionAbortedError:
    return ActionAbortedError(
        error.message or "The run has ended, or another attempt has taken over.",
        hint="This attempt stops; what it reports does not count any more.",
    )


def _system(error: RpcError) -> RuntimeSystemError:
    return RuntimeSystemError(
        f"The server did not take the call: {error}",
        code=error.code,
        hint="See server.log in the data directory.",
    )
