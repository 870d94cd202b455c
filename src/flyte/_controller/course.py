"""The course of one action in a local run: attempts, waits and retries until it has an outcome.

It is written once, as a generator of steps; a short driver for threads and one for event loops
carry the steps out. What may happen is decided by the engine alone.
"""

import asyncio
from collections.abc import Callable, Generator
from typing import Any, Final, NamedTuple, Protocol

from flyte import _failures
from flyte._controller.frame import Frame, Halt
from flyte._runtime.failure import describe
from flyte_core.engine import action as use_cases
from flyte_core.engine import timers
from flyte_core.engine.api import Outcome, Verdict
from flyte_core.machine.effects import Effect
from flyte_core.model import Action, ActionKey, CoreError, Micros, PayloadRef
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

    until: Micros


Step = Record | Body | Pause


class Place(Protocol):
    """What a course needs of the run it belongs to."""

    clock: Clock
    worker: str

    def enter(self, frame: Frame, action: Action) -> None:
        """The action's live attempt is about to run here."""

    def keep_outputs(self, frame: Frame, data: bytes) -> tuple[bytes | None, PayloadRef | None]:
        """Outputs as they are recorded: as bytes when small, else a file."""

    def load(self, ref: PayloadRef) -> bytes:
        """The bytes of a large value."""

    def carry_out(self, effects: tuple[Effect, ...]) -> None:
        """Stop what has to be stopped."""

    def give_up(self, frame: Frame, reason: str) -> None:
        """Its caller no longer waits: abort the action, now."""


def course(place: Place, frame: Frame, begin: Callable[[Tx], Standing]) -> Generator[Step, Any, bytes]:
    """Lead an action to its outcome: serialized outputs.

    Raises:
        flyte.errors.BaseRuntimeError: it ended without outputs.
    """
    try:
        standing = yield Record(begin)
    except CoreError as error:
        raise _failures.of_core(error) from error
    while not standing.action.phase.terminal:
        action = standing.action
        live = action.live
        if live is not None and live.number > frame.attempt:
            place.enter(frame, action)
            outcome = yield from _attempt(place, frame, action)
            standing = yield Record(_look(frame.key) if outcome is None else _report(place, frame, outcome))
            place.carry_out(standing.effects)
        else:
            due = timers.next_due(action)
            yield Pause(Micros(place.clock.now() + LEASE_POLL_US) if due is None else due)
            standing = yield Record(_again(place, frame.key))
    return _outputs(place, standing)


def _attempt(place: Place, frame: Frame, action: Action) -> Generator[Step, Any, Outcome | None]:
    """Run the body once; None when its attempt was taken away from it."""
    token = frame.token
    assert token is not None
    try:
        data = yield Body(frame.call.inputs, timers.next_due(action))
    except Halt:
        if frame.halted_above():
            raise
        return None
    except (asyncio.CancelledError, GeneratorExit):
        place.give_up(frame, "Its caller stopped waiting for it.")
        raise
    except KeyboardInterrupt:
        place.give_up(frame, "Interrupted (Ctrl-C).")
        raise
    except BaseException as error:
        if frame.halted:
            return None
        return Outcome(token, error=describe(error))
    if frame.halted:
        return None
    outputs, ref = place.keep_outputs(frame, data)
    return Outcome(token, outputs=outputs, outputs_ref=ref)


def _report(place: Place, frame: Frame, outcome: Outcome) -> Callable[[Tx], Standing]:
    def work(tx: Tx) -> Standing:
        change = use_cases.report(tx, frame.key, outcome, place.clock.now())
        if change.verdict is not Verdict.ACCEPTED:
            return stand(tx, frame.key)
        action = change.actions[0]
        return Standing(action, outcome.outputs if action.phase.good else None, change.effects)

    return work


def _look(key: ActionKey) -> Callable[[Tx], Standing]:
    return lambda tx: stand(tx, key)


def _again(place: Place, key: ActionKey) -> Callable[[Tx], Standing]:
    def work(tx: Tx) -> Standing:
        now = place.clock.now()
        timers.fire(tx, key, now)
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


def _outputs(place: Place, last: Standing) -> bytes:
    action = last.action
    if not action.phase.good:
        raise _failures.of_action(action)
    if last.outputs is not None:
        return last.outputs
    ref = action.outputs
    return b"" if ref is None or not ref.uri else place.load(ref)
