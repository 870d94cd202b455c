"""Use cases on a run as a whole."""

from flyte_core.engine.action import abort_action
from flyte_core.engine.api import Change, Changes, NewRun
from flyte_core.engine.birth import birth
from flyte_core.engine.cache import Intact
from flyte_core.engine.settle import open_below, settle
from flyte_core.machine.events import AbortRequested, Event, Lost, Refused
from flyte_core.model import (
    ROOT,
    Action,
    ActionKey,
    ActionKind,
    AlreadyExists,
    ErrorInfo,
    ErrorKind,
    InvalidArgument,
    Micros,
    NotFound,
    RunKey,
    RunRecord,
)
from flyte_core.store.ports import Tx

PROCESS_LOST = "ProcessLost"
"""The error code of a local run whose process is gone."""


def create_run(tx: Tx, new: NewRun, now: Micros, intact: Intact | None = None) -> Change:
    """Record a run and its root action. Idempotent: the same content returns the run as it stands.

    A root whose outcome is in the cache is created succeeded. `intact` tells whether a large cached
    value is still whole; without it the cache is believed.

    Raises:
        AlreadyExists: the name is taken by a run with another `content_digest`.
        InvalidArgument: the root is not a task, or not called `a0`.
        NotFound: the run that is to be recovered does not exist.
    """
    record, key = new.record, new.record.key
    existing = tx.run(key)
    if existing is not None:
        return _same_run(tx, existing, record)
    if new.root.name != ROOT:
        raise InvalidArgument(f"The root action of a run is called {ROOT}, not {new.root.name}.")
    if new.root.kind is not ActionKind.TASK:
        raise InvalidArgument(f"The root action of a run is a task, not a {new.root.kind}.")
    if record.relation == "recover" and tx.run(key._replace(name=record.related_run)) is None:
        raise NotFound(
            f"There is no run {record.related_run} in {key.project}/{key.domain} to recover from.",
            hint="`flyte get run` lists the runs there are.",
        )
    tx.insert_run(record)
    return birth(tx, record, None, new.root, 0, now, intact)


def abort_run(tx: Tx, run: RunKey, reason: str, by: str, now: Micros) -> Change:
    """Abort the root and everything open below it. A finished run is left as it is: empty `Change`.

    Raises:
        NotFound: there is no such run.
    """
    if tx.run(run) is None:
        raise _no_run(run)
    return abort_action(tx, ActionKey(run, ROOT), reason, by, now)


def lose_local_run(tx: Tx, run: RunKey, now: Micros) -> Change:
    """The process that drove a local run is gone: its open attempts are lost and the run fails.

    The root's error has code `ProcessLost`, kind system, and names the pid and what to do.
    A run that has ended is left as it is: empty `Change`.

    Raises:
        NotFound: there is no such run.
    """
    record = tx.run(run)
    root = tx.action(ActionKey(run, ROOT))
    if record is None or root is None:
        raise _no_run(run)
    if root.phase.terminal:
        return Change()
    error = _lost_error(record)
    done = Changes()
    for action in sorted(open_below(tx, root.key), key=lambda each: -each.depth):
        change = settle(tx, action, [_loss_below(action, error)], now)
        done.actions.extend(change.actions)
    top = settle(tx, root, [_loss_of_root(root, error)], now)
    return Change((*top.actions, *done.actions))


def _same_run(tx: Tx, existing: RunRecord, wanted: RunRecord) -> Change:
    key = existing.key
    root = tx.action(ActionKey(key, ROOT))
    if root is None or existing.content_digest != wanted.content_digest:
        raise AlreadyExists(
            f"A run called {key.name} exists in {key.project}/{key.domain}, with another task or other inputs.",
            hint="Choose another name, or leave the name out to be given one.",
        )
    return Change((root,))


def _loss_below(action: Action, error: ErrorInfo) -> Event:
    live = action.live
    return AbortRequested(error.message) if live is None else Lost(live.token, error)


def _loss_of_root(root: Action, error: ErrorInfo) -> Event:
    live = root.live
    return Refused(error) if live is None else Lost(live.token, error)


def _lost_error(record: RunRecord) -> ErrorInfo:
    who = "The process" if record.owner is None else f"The process with pid {record.owner.pid}"
    return ErrorInfo(
        code=PROCESS_LOST,
        message=(
            f"{who} that drove this local run is gone, and its work with it. What had finished is kept: "
            f"`flyte get action {record.key.name} --tree` shows it. `flyte rerun {record.key.name} --recover` goes on from there."
        ),
        kind=ErrorKind.SYSTEM,
        recoverable=False,
    )


def _no_run(run: RunKey) -> NotFound:
    return NotFound(
        f"There is no run {run.name} in {run.project}/{run.domain}.",
        hint="`flyte get run` lists the runs there are.",
    )
