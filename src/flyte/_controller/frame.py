"""One action that this process runs: what of it lives here, and how its body is run and stopped."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from flyte._context import TaskContext
from flyte._controller.crew import crew
from flyte._controller.protocol import Submission
from flyte._controller.seat import Halt, guard, here
from flyte.errors import ActionAbortedError
from flyte_core.model import ActionKey, ActionName, Token

if TYPE_CHECKING:
    from flyte._authoring.task import Task
    from flyte._controller.opening import Opening


class Frame:
    """An action of a local run, from its call to its end.

    Attributes:
        asked: What the present attempt called, where an earlier one may have called something else.
        caller: The frame of the action that called it; None for the root.
        depth: How many calls below the root it is.
        level: In how many crews' threads the body stands: its own, its caller's, ...
        opening: Its beginning, when that was put off.
        followers: Callers of a later attempt that made the same call while it runs.
        halted: The attempt has been taken away: aborted, or out of time. What its body does no
            longer counts.
        stacked: How many bodies stand on the stack below this one.
        stop: Interrupts the body while it runs.
        wake: Ends a wait: between attempts, or for a body on another thread.
    """

    __slots__ = (
        "asked",
        "attempt",
        "call",
        "caller",
        "context",
        "depth",
        "followers",
        "halted",
        "key",
        "level",
        "opening",
        "parent",
        "stacked",
        "stop",
        "task",
        "token",
        "wake",
    )

    def __init__(
        self,
        key: ActionKey,
        call: Submission,
        task: "Task[..., Any]",
        parent: ActionName | None,
        caller: "Frame | None",
    ) -> None:
        self.key = key
        self.call = call
        self.task = task
        self.parent = parent
        self.caller = caller
        self.depth: int = 0 if caller is None else caller.depth + 1
        self.level: int = 0 if caller is None else caller.level
        self.stacked: int = 0 if caller is None else caller.stacked + 1
        self.attempt = 0
        self.token: Token | None = None
        self.context: TaskContext | None = None
        self.asked: set[ActionName] | None = None
        self.opening: Opening | None = None
        self.followers: list[Future[bytes]] | None = None
        self.halted = False
        self.stop: Callable[[], None] | None = None
        self.wake: Callable[[], None] | None = None

    def begin(self, attempt: int, token: Token | None, context: TaskContext) -> None:
        """A new attempt of the action is ours. The token comes later when its beginning is put off."""
        self.attempt = attempt
        self.token = token
        self.context = context
        self.halted = False

    def halt(self) -> None:
        """Its attempt is no longer ours: stop the body, if it runs. Any thread may call."""
        with guard:
            self.halted = True
            if self.stop is not None:
                self.stop()
            if self.wake is not None:
                self.wake()

    def rest(self) -> None:
        """The attempt is over and another may follow: that it was stopped is no reason to end a wait."""
        with guard:
            self.halted = False

    def rouse(self) -> None:
        """End a wait, if there is one. Any thread may call."""
        with guard:
            if self.wake is not None:
                self.wake()

    def refuse_if_halted(self) -> None:
        """Raise `Halt` when the attempt was taken away before its body could start."""
        if self.halted:
            raise Halt

    @property
    def place(self) -> TaskContext:
        """Where the body of the present attempt stands."""
        assert self.context is not None
        return self.context

    def follow(self) -> "Future[bytes]":
        """The outcome to come, for a caller that made the same call again."""
        future: Future[bytes] = Future()
        self.followers = [*(self.followers or ()), future]
        return future

    def tell(self, data: bytes | BaseException | None) -> None:
        """Tell those who follow how it ended; None: without a word."""
        for future in self.followers or ():
            if isinstance(data, bytes):
                future.set_result(data)
            else:
                future.set_exception(data or ActionAbortedError(f"{self.task.name} was aborted."))

    @property
    def unheard(self) -> bool:
        """Whether the body that called it has ended without waiting for it: asyncio would tell of its error."""
        caller = self.caller
        return caller is not None and caller.task.is_async and caller.stop is None

    def halted_above(self) -> bool:
        """Whether an action that this one was called from has been halted as well."""
        caller = self.caller
        while caller is not None:
            if caller.halted:
                return True
            caller = caller.caller
        return False


def on_thread(frame: Frame, body: Callable[[], bytes]) -> bytes:
    """Run a sync body on this thread.

    Raises:
        Halt: it was stopped, or one below it.
    """
    seat = here()
    left = False
    try:
        seat.take(frame)
        return body()
    except KeyboardInterrupt as error:
        raise (Halt if frame.halted or frame.halted_above() else error) from None
    finally:
        while not left:
            try:
                seat.leave(frame)
                left = True
            except (Halt, KeyboardInterrupt):
                # It was late. There is no second one before the seat is exposed again.
                if not seat.sent:
                    raise
        seat.expose()


async def on_loop(frame: Frame, body: Coroutine[Any, Any, bytes]) -> bytes:
    """Await an async body in the caller's own asyncio task.

    Raises:
        Halt: it was stopped.
    """
    task = asyncio.current_task()
    assert task is not None
    loop = asyncio.get_running_loop()
    before = task.cancelling()
    sent = False

    def cancel() -> None:
        nonlocal sent
        if frame.stop is stop and not sent:
            sent = True
            task.cancel()

    def stop() -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(cancel)

    with guard:
        if frame.halted:
            body.close()
            raise Halt
        frame.stop = stop
    try:
        result = await body
        if sent:
            task.uncancel()
        return result
    except BaseException as error:
        # Ours is taken back; what is left is a cancellation by somebody else.
        if sent and task.uncancel() <= before and isinstance(error, asyncio.CancelledError):
            raise Halt from None
        raise
    finally:
        with guard:
            frame.stop = None


async def in_crew(frame: Frame, body: Callable[[], bytes]) -> bytes:
    """Run a sync body on a thread of its own and await it. One that does not stop is left to itself.

    Raises:
        Halt: it was stopped.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[bytes] = loop.create_future()

    def settle(result: bytes | BaseException) -> None:
        if future.done():
            return
        if isinstance(result, BaseException):
            future.set_exception(_carriable(result))
        else:
            future.set_result(result)

    def tell(result: bytes | BaseException) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(settle, result)

    def give_up() -> None:
        tell(_Left())

    _start(frame, body, tell, give_up)
    try:
        return await future
    except _Left:
        raise Halt from None
    except _Carried as carried:
        raise carried.error from None
    finally:
        frame.wake = None


def in_crew_blocking(frame: Frame, body: Callable[[], bytes], due_in: Callable[[], float | None]) -> bytes:
    """The same for a caller on a thread. `due_in` is asked how long to wait until it is asked again.

    Raises:
        Halt: it was stopped.
    """
    done = threading.Event()
    results: list[bytes | BaseException] = []

    def tell(result: bytes | BaseException) -> None:
        results.append(result)
        done.set()

    def give_up() -> None:
        tell(_Left())

    _start(frame, body, tell, give_up)
    try:
        while not done.wait(due_in()):
            pass
    finally:
        frame.wake = None
    result = results[0]
    if isinstance(result, _Left):
        raise Halt
    if isinstance(result, BaseException):
        raise result
    return result


class _Left(Exception):
    """The body was left to itself."""


class _Carried(Exception):
    """Carries an exception that a future would not take."""

    def __init__(self, error: BaseException) -> None:
        self.error = error


def _carriable(error: BaseException) -> BaseException:
    return error if isinstance(error, Exception) and not isinstance(error, StopIteration) else _Carried(error)


def _start(
    frame: Frame,
    body: Callable[[], bytes],
    tell: Callable[[bytes | BaseException], None],
    give_up: Callable[[], None],
) -> None:
    frame.level += 1
    frame.stacked = 0
    threads = crew(frame.level)
    left = threading.Event()

    def leave() -> None:
        if not left.is_set():
            left.set()
            threads.lost()
            give_up()

    def job() -> None:
        try:
            result: bytes | BaseException = on_thread(frame, body)
        except BaseException as error:
            result = error
        if left.is_set():
            threads.back()
        else:
            tell(result)

    with guard:
        frame.wake = leave
    threads.put(job)
