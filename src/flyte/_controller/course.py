"""The course of one action in a local run: attempts, waits and retries until it has an outcome.

It is written once, as a generator of steps; a short driver for threads and one for event loops
carry the steps out. What may happen is decided by the engine alone.
"""

import asyncio
from collections.abc import Callable, Generator
from time import perf_counter
from typing import Any, Final, NamedTuple, Protocol

from flyte import _failures
from flyte._controller.calls import judge
from flyte._controller.frame import Frame
from flyte._controller.limit import Limit
from flyte._controller.seat import Halt
from flyte._runtime.failure import describe
from flyte.errors import ReplayDivergedError
from flyte_core.dataflow import Edge
from flyte_core.engine import action as use_cases
from flyte_core.engine import timers
from flyte_core.machine.effects import Effect
from flyte_core.model import (
    Action,
    ActionKey,
    Attempt,
    CoreError,
    Divergence,
    ErrorInfo,
    Micros,
    PayloadRef,
)
from flyte_core.ports import Clock
from flyte_core.store.ports import Tx

LEASE_POLL_US: Final = 50_000
"""How often an action asks whether the other one that computes its value is done."""


class Standing(NamedTuple):
    """How an action stands after a unit of work: with its small outputs, and what must be done."""

    action: Action
    outputs: bytes | None = None
    effects: tuple[Effect, ...] = ()


class Record(NamedTuple):
    """Carry out a unit of work. Its result is a `Standing`."""

    work: Callable[[Tx], Standing]


class Body(NamedTuple):
    """Run the body of the frame's present attempt. Its result is serialized outputs."""

    inputs: bytes
    due: Micros | None
    """When time changes the action, unless it ends before."""


class Pause(NamedTuple):
    """Wait until then, or until the frame is woken."""

    until: Micros | None
    over: Callable[[], bool] | None = None
    """Whether there is nothing to wait for any more."""


Step = Record | Body | Pause


class Place(Protocol):
    """What a course needs of the run it belongs to."""

    clock: Clock
    worker: str
    limit: Limit | None
    """How many of its actions go at once; None: any number."""
    strict: bool
    """A divergence from an earlier attempt is a failure."""

    def enter(self, frame: Frame, live: Attempt) -> None:
        """The action's live attempt is about to run here."""

    def report(self, frame: Frame, ending: "Ending") -> Callable[[Tx], Standing]:
        """The unit of work that records how the present attempt ended."""

    def look(self, frame: Frame) -> Callable[[Tx], Standing]:
        """The unit of work that tells how the action stands."""

    def compare(self, frame: Frame) -> Divergence | None:
        """What earlier attempts called and the present one did not."""

    def diverged(self, frame: Frame, divergence: Divergence) -> Callable[[Tx], Standing]:
        """The unit of work that records it."""

    def keep_outputs(self, frame: Frame, data: bytes) -> tuple[bytes | None, PayloadRef | None]:
        """Outputs as they are recorded: as bytes when small, else a file."""

    def load(self, ref: PayloadRef) -> bytes:
        """The bytes of a large value."""

    def carry_out(self, effects: tuple[Effect, ...]) -> None:
        """Stop what has to be stopped."""

    def give_up(self, frame: Frame, reason: str) -> None:
        """Its caller no longer waits: abort the action, now."""


class Ending(NamedTuple):
    """How a body ended: with outputs, or an error."""

    outputs: bytes | None = None
    outputs_ref: PayloadRef | None = None
    error: ErrorInfo | None = None
    edges: tuple[Edge, ...] = ()
    reading_us: int = 0
    writing_us: int = 0


def course(place: Place, frame: Frame, begin: Callable[[Tx], Standing] | None) -> Generator[Step, Any, bytes]:
    """Lead an action to its outcome: serialized outputs.

    Without `begin` the beginning has been put off: the first attempt starts at once.

    Raises:
        flyte.errors.BaseRuntimeError: it ended without outputs.
    """
    tried = 0
    try:
        if begin is None:
            standing = yield from _attempt(place, frame, None)
        else:
            standing = yield Record(begin)
        while not standing.action.phase.terminal:
            action = standing.action
            live = action.live
            if live is not None and live.number > frame.attempt:
                place.enter(frame, live)
                standing = yield from _attempt(place, frame, timers.next_due(action))
            else:
                frame.rest()
                if place.limit is not None:
                    place.limit.leave(frame)
                due = timers.next_due(action)
                if action.not_before is not None and due is not None:
                    yield from _wait(place, frame, Pause(due))
                elif tried == action.version:
                    # Another action computes the value of its cache key.
                    yield from _wait(place, frame, Pause(Micros(place.clock.now() + LEASE_POLL_US)))
                tried = action.version
                may_begin = yield from _turn(place, frame, due)
                standing = yield Record(_again(place, frame.key, may_begin))
    except CoreError as error:
        raise _failures.of_core(error) from error
    return outputs_of(place, standing)


def _turn(place: Place, frame: Frame, due: Micros | None) -> Generator[Step, Any, bool]:
    """Wait for the run's limit to let an attempt begin; false when something else happened first."""
    limit = place.limit
    if limit is None:
        return True
    if not limit.take(frame):
        yield from _wait(place, frame, Pause(due, lambda: limit.take(frame)))
    return limit.take(frame)


def _wait(place: Place, frame: Frame, pause: Pause) -> Generator[Step, Any, None]:
    try:
        yield pause
    except (asyncio.CancelledError, GeneratorExit, KeyboardInterrupt) as error:
        _give_up(place, frame, error)
        raise


def _give_up(place: Place, frame: Frame, why: BaseException) -> None:
    """Nobody waits for the action any more."""
    who = "The process that drove it" if frame.caller is None else "Its caller"
    interrupted = isinstance(why, KeyboardInterrupt)
    place.give_up(frame, "Interrupted (Ctrl-C)." if interrupted else f"{who} stopped waiting for it.")


def _attempt(place: Place, frame: Frame, due: Micros | None) -> Generator[Step, Any, Standing]:
    """Run the body once and record how it ended; only look, when the attempt was taken away from it."""
    ending = yield from _body(place, frame, due)
    if ending is not None and ending.error is None and frame.asked is not None:
        ending = yield from _compared(place, frame, ending)
    work = place.look(frame) if ending is None else place.report(frame, ending)
    standing: Standing = yield Record(work)
    if standing.effects:
        place.carry_out(standing.effects)
    return standing


def _compared(place: Place, frame: Frame, ending: Ending) -> Generator[Step, Any, Ending]:
    """The ending of an attempt that may have called other tasks than one before it; that is recorded."""
    divergence = place.compare(frame)
    if divergence is None:
        return ending
    yield Record(place.diverged(frame, divergence))
    try:
        judge(str(divergence), strict=place.strict)
    except ReplayDivergedError as error:
        return Ending(error=describe(error))
    return ending


def _body(place: Place, frame: Frame, due: Micros | None) -> Generator[Step, Any, Ending | None]:
    try:
        data = yield Body(frame.call.inputs, due)
    except Halt:
        if frame.halted_above():
            raise
        return None
    except (asyncio.CancelledError, GeneratorExit, KeyboardInterrupt) as error:
        _give_up(place, frame, error)
        raise
    except BaseException as error:
        return None if frame.halted else Ending(error=describe(error))
    if frame.halted:
        return None
    handling = frame.place.handling
    begun = perf_counter()
    outputs, ref = place.keep_outputs(frame, data)
    handling.writing_s += perf_counter() - begun
    return Ending(outputs, ref, None, tuple(frame.place.edges), *handling.told())


def _again(place: Place, key: ActionKey, may_begin: bool) -> Callable[[Tx], Standing]:
    def work(tx: Tx) -> Standing:
        now = place.clock.now()
        timers.fire(tx, key, now)
        if not may_begin:
            return stand(tx, key)
        claimed = use_cases.claim(tx, key, place.worker, now)
        live = claimed.actions[0].live if claimed.actions else None
        if live is not None:
            use_cases.started(tx, key, live.token, place.worker, now)
        return stand(tx, key)

    return work


def stand(tx: Tx, key: ActionKey, effects: tuple[Effect, ...] = ()) -> Standing:
    """How the action stands now."""
    action = tx.action(key)
    assert action is not None
    return standing(tx, action, effects)


def standing(tx: Tx, action: Action, effects: tuple[Effect, ...] = ()) -> Standing:
    """The action with its outputs, if it has small ones."""
    small = action.phase.good and action.outputs is not None and not action.outputs.uri
    return Standing(action, tx.payload(action.key, "outputs") if small else None, effects)


def outputs_of(place: Place, last: Standing) -> bytes:
    """The outputs of an action that has ended.

    Raises:
        flyte.errors.BaseRuntimeError: it ended without any.
    """
    action = last.action
    if not action.phase.good:
        raise _failures.of_action(action)
    if last.outputs is not None:
        return last.outputs
    ref = action.outputs
    return b"" if ref is None or not ref.uri else place.load(ref)
