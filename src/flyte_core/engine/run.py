"""Use cases on a run as a whole."""

from flyte_core.engine.api import Change, NewRun
from flyte_core.model import Micros, RunKey
from flyte_core.store.ports import Tx


def create_run(tx: Tx, new: NewRun, now: Micros) -> Change:
    """Record a run and its root action. Idempotent: the same content returns the run as it stands.

    Raises:
        AlreadyExists: the name is taken by a run with another `content_digest`.
    """
    raise NotImplementedError


def abort_run(tx: Tx, run: RunKey, reason: str, by: str, now: Micros) -> Change:
    """Abort the root and everything open below it. A finished run is left as it is: empty `Change`.

    Raises:
        NotFound: there is no such run.
    """
    raise NotImplementedError


def lose_local_run(tx: Tx, run: RunKey, now: Micros) -> Change:
    """The process that drove a local run is gone: its open attempts are lost and the run fails.

    The root's error has code `ProcessLost`, kind system, and names the pid and how to resume.
    """
    raise NotImplementedError
