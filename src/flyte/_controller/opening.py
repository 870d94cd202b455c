"""The beginning of a call, which may be put off until it is recorded with how the call ended."""

from collections.abc import Callable
from typing import Final, Protocol

from flyte._controller.course import Ending, Standing, stand, standing
from flyte._controller.frame import Frame
from flyte_core.engine import action as use_cases
from flyte_core.engine.api import NewAction, Outcome, Verdict
from flyte_core.engine.whole import whole
from flyte_core.model import CoreError, Micros, PayloadRef, RunKey, Token
from flyte_core.store.ports import Tx

_NO_TOKEN: Final = Token(0)


class Run(Protocol):
    """What recording needs of a run."""

    key: RunKey
    worker: str

    def intact(self, ref: PayloadRef, data: bytes | None) -> bool:
        """Whether outputs are whole, and all they refer to."""


class Opening:
    """The beginning of one call."""

    __slots__ = ("_error", "_frame", "_new", "_run", "_standing", "_token", "at", "ending")

    def __init__(
        self, run: Run, frame: Frame, new: NewAction, at: Micros, parent_token: Token | None
    ) -> None:
        self._run = run
        self._frame = frame
        self._new = new
        self._token = parent_token
        self._standing: Standing | None = None
        self._error: CoreError | None = None
        self.at = at
        """When the call was made."""
        self.ending: tuple[Ending, Micros] | None = None
        """How the body ended, once it has."""

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

    def enqueue(self, tx: Tx) -> Standing:
        """Only enqueue."""
        run, parent = self._run, self._frame.parent
        assert parent is not None
        change = use_cases.enqueue(
            tx, run.key, parent, self._parent_token(), [self._new], self.at, run.intact
        )
        return standing(tx, change.actions[0], change.effects)

    def record(self, tx: Tx) -> None:
        """Record what was put off. What the engine refuses is kept, and told by `result`."""
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
        run, parent = self._run, self._frame.parent
        assert parent is not None
        outcome = _outcome(_NO_TOKEN, ending)
        change = whole(
            tx, run.key, parent, self._parent_token(), self._new, outcome, run.worker, self.at, ended
        )
        action = change.actions[0]
        return Standing(action, ending.outputs if action.phase.good else None, change.effects)

    def _parent_token(self) -> Token | None:
        """The caller's own, which came later if its beginning was put off, too."""
        caller = self._frame.caller
        return caller.token if caller is not None and self._token is None else self._token


def report(frame: Frame, ending: Ending, now: Micros) -> Callable[[Tx], Standing]:
    """The unit of work that records how the present attempt ended; with its beginning, if that waits."""
    opening = frame.opening
    if opening is not None:
        opening.ending = (ending, now)

    def work(tx: Tx) -> Standing:
        known = None if opening is None else opening.result()
        if known is not None:
            return known
        assert frame.token is not None
        change = use_cases.report(tx, frame.key, _outcome(frame.token, ending), now)
        if change.verdict is not Verdict.ACCEPTED:
            return stand(tx, frame.key)
        action = change.actions[0]
        return Standing(action, ending.outputs if action.phase.good else None, change.effects)

    return work


def look(frame: Frame) -> Callable[[Tx], Standing]:
    """The unit of work that tells how the action stands."""

    def work(tx: Tx) -> Standing:
        if frame.opening is not None:
            frame.opening.result()
        return stand(tx, frame.key)

    return work


def _outcome(token: Token, ending: Ending) -> Outcome:
    return Outcome(
        token,
        outputs=ending.outputs,
        outputs_ref=ending.outputs_ref,
        error=ending.error,
        edges=ending.edges,
        reading_us=ending.reading_us,
        writing_us=ending.writing_us,
    )
