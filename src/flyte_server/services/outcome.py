"""How an attempt ended: from the executor's word and the files it left to what history records."""

import re
import signal as signals
from dataclasses import replace
from pathlib import Path

from flyteidl2.task import common_pb2
from google.protobuf.message import DecodeError

from flyte_core.engine.api import Outcome
from flyte_core.model import CoreError, ErrorInfo, ErrorKind, PayloadRef
from flyte_core.wire import edges, errors
from flyte_core.wire.godwit.v1 import worker_pb2
from flyte_server.ports.executor import Ended, EndReason
from flyte_server.services.values import INLINE_MAX, digest, sync_file

OUTPUTS = "outputs.pb"
ERROR = "error.pb"
EDGES = "edges.pb"
_TAIL_MAX = 4_000
_OUTSIDE = "Something outside did that: another process, or the kernel when memory ran short."
_OUR_FRAMES = re.compile(
    r'^  File "(?:[^"\n]*/flyte/_\w+/[^"\n]*\.py|<frozen runpy>)", line \d+ in .*\n?', re.MULTILINE
)
"""Where a crash is told by Python's fault handler: what is below the user's own code."""
_FROM_OUTSIDE = frozenset({signals.SIGKILL, signals.SIGTERM, signals.SIGHUP, signals.SIGINT, signals.SIGQUIT})
"""Nothing a program does to itself by accident: somebody, or the kernel, ended it."""


def read(ended: Ended, directory: Path, expected: tuple[str, ...]) -> Outcome:
    """Judge an end. Reads the attempt's directory, so call it where blocking is fine.

    `error.pb` counts first, even beside a good exit; then how the process ended; then `outputs.pb`.
    `expected` names the declared outputs: without any, a missing file is a success. A process that left its
    outputs and then crashed while its interpreter ended (native libraries do) had done its task.
    """
    if ended.reason is EndReason.TIMEOUT:
        return Outcome(ended.token, timed_out=True)
    if ended.reason in (EndReason.OOM, EndReason.LOST, EndReason.LAUNCH_FAILED, EndReason.CANCELLED):
        return _without_a_word(ended)
    found = _error(ended, directory)
    if found is not None:
        return found
    if (ended.reason is EndReason.SIGNAL or ended.exit_code) and not _crashed_late(ended, directory):
        return _crash(ended)
    return _success(ended, directory, expected)


def _error(ended: Ended, directory: Path) -> Outcome | None:
    try:
        data = (directory / ERROR).read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        return _system(ended, "OutcomeUnreadable", f"error.pb cannot be read: {error}.")
    try:
        return Outcome(ended.token, error=errors.from_document(data), output_uri=str(directory))
    except CoreError as error:
        return _system(ended, "OutcomeUnreadable", str(error))


def _without_a_word(ended: Ended) -> Outcome:
    """The attempt did not come to its own end."""
    match ended.reason:
        case EndReason.OOM:
            detail = ended.detail or "It used more memory than it may."
            return Outcome(ended.token, error=_told(ended, "OOMError", detail, ErrorKind.USER))
        case EndReason.LAUNCH_FAILED:
            detail = f"The attempt could not be started: {ended.detail or 'no reason was given'}"
            error = _told(ended, "LaunchFailed", detail, ErrorKind.SYSTEM)
        case EndReason.CANCELLED:
            error = _told(ended, "Cancelled", ended.detail or "The attempt was ended.", ErrorKind.SYSTEM)
        case _:
            detail = ended.detail or "The process is gone and left no outcome."
            error = _told(ended, "WorkerLost", detail, ErrorKind.SYSTEM)
    return Outcome(ended.token, error=error, lost=True)


def _crashed_late(ended: Ended, directory: Path) -> bool:
    crashed = ended.reason is EndReason.SIGNAL and ended.signal not in _FROM_OUTSIDE
    return crashed and (directory / OUTPUTS).exists()


def _crash(ended: Ended) -> Outcome:
    if ended.reason is EndReason.SIGNAL:
        number = ended.signal or 0
        name = _signal_name(number)
        if number in _FROM_OUTSIDE:
            detail = f"{ended.detail or f'ended by {name}'}. {_OUTSIDE}"
            return Outcome(ended.token, error=_told(ended, "WorkerLost", detail, ErrorKind.SYSTEM), lost=True)
        words = _MEANINGS.get(number, "It crashed.")
        detail = f"{ended.detail or f'ended by {name}'}. {words}"
        return Outcome(ended.token, error=_told(ended, name, detail, ErrorKind.USER))
    detail = ended.detail or f"The process ended with exit code {ended.exit_code} and left no error."
    return Outcome(ended.token, error=_told(ended, "NonZeroExit", detail, ErrorKind.USER))


def _success(ended: Ended, directory: Path, expected: tuple[str, ...]) -> Outcome:
    path = directory / OUTPUTS
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        if expected:
            names = ", ".join(expected)
            detail = f"The process ended with exit code 0 but left no outputs ({names} declared)."
            return Outcome(ended.token, error=_told(ended, "OutputsMissing", detail, ErrorKind.USER))
        return Outcome(ended.token, outputs=b"", output_uri=str(directory))
    except OSError as error:
        return _system(ended, "OutcomeUnreadable", f"outputs.pb cannot be read: {error}.")
    try:
        common_pb2.Outputs.FromString(data)
    except DecodeError:
        return _system(ended, "OutcomeUnreadable", "outputs.pb is damaged: it is no flyteidl2.task.Outputs.")
    if len(data) <= INLINE_MAX:
        outcome = Outcome(ended.token, outputs=data, output_uri=str(directory))
    else:
        sync_file(path)
        ref = PayloadRef(digest(data), len(data), str(path))
        outcome = Outcome(ended.token, outputs_ref=ref, output_uri=str(directory))
    return _with_word(outcome, ended, directory)


def _with_word(outcome: Outcome, ended: Ended, directory: Path) -> Outcome:
    """With what the attempt left beside its outputs. Only hints: what cannot be read is not there."""
    try:
        message = worker_pb2.Edges.FromString((directory / EDGES).read_bytes())
        flow = edges.get(message.edges, ended.key.name)
    except (OSError, DecodeError, CoreError):
        return outcome
    return replace(outcome, edges=flow, reading_us=message.reading_us, writing_us=message.writing_us)


def _system(ended: Ended, code: str, detail: str) -> Outcome:
    return Outcome(ended.token, error=_told(ended, code, detail, ErrorKind.SYSTEM), lost=True)


def _told(ended: Ended, code: str, detail: str, kind: ErrorKind) -> ErrorInfo:
    tail = _OUR_FRAMES.sub("", ended.log_tail).strip()[-_TAIL_MAX:]
    message = f"{detail}\nThe last lines of its log:\n{tail}" if tail else detail
    return ErrorInfo(code, message, kind)


def _signal_name(number: int) -> str:
    try:
        return signals.Signals(number).name
    except ValueError:
        return f"signal {number}"


_MEANINGS: dict[int, str] = {
    signals.SIGSEGV: "It read or wrote memory that is not its own (a fault in native code).",
    signals.SIGBUS: "It touched memory that is not there (a fault in native code, or a file cut short).",
    signals.SIGABRT: "It gave itself up (an assertion in native code, or a broken heap).",
    signals.SIGILL: "It ran an instruction this processor does not know.",
    signals.SIGFPE: "A calculation in native code failed.",
    signals.SIGXCPU: "It used more CPU time than it may.",
}
