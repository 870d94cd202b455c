"""How an end is judged: the error file first, then how the process ended, then the outputs."""

from pathlib import Path

import pytest
from server_world import outputs

from flyte_core.model import ActionKey, ActionName, ErrorInfo, ErrorKind, RunKey, Token
from flyte_core.wire import errors
from flyte_core.wire.godwit.v1 import worker_pb2
from flyte_server.ports.executor import Ended, EndReason
from flyte_server.services import outcome

KEY = ActionKey(RunKey("p", "d", "r"), ActionName("a0"))


def ended(reason: EndReason, code: int | None = None, signal: int | None = None, **more: str) -> Ended:
    return Ended(KEY, 1, Token(7), reason, code, signal, **more)


WELL = ended(EndReason.EXIT, 0)


def test_an_error_file_counts_even_beside_a_good_exit_and_outputs(tmp_path: Path) -> None:
    error = ErrorInfo("ValueError", "no", recoverable=False)
    (tmp_path / "error.pb").write_bytes(errors.to_document(error))
    (tmp_path / "outputs.pb").write_bytes(outputs(1))
    found = outcome.read(WELL, tmp_path, ("o0",))
    assert found.error == error
    assert found.outputs is None
    assert not found.lost


def test_small_outputs_are_taken_as_bytes(tmp_path: Path) -> None:
    (tmp_path / "outputs.pb").write_bytes(outputs(1))
    found = outcome.read(WELL, tmp_path, ("o0",))
    assert (found.outputs, found.error, found.output_uri) == (outputs(1), None, str(tmp_path))


def test_the_word_left_beside_outputs_is_taken_if_it_can_be_read(tmp_path: Path) -> None:
    (tmp_path / "outputs.pb").write_bytes(outputs(1))
    word = worker_pb2.Edges(reading_us=1_500, writing_us=2_500)
    word.edges.add(source="a1", param="o0", relation="result", confidence="exact")
    (tmp_path / "edges.pb").write_bytes(word.SerializeToString())
    found = outcome.read(WELL, tmp_path, ("o0",))
    assert (found.reading_us, found.writing_us) == (1_500, 2_500)
    assert [(edge.source, edge.target, edge.target_param) for edge in found.edges] == [("a1", "a0", "o0")]
    (tmp_path / "edges.pb").write_bytes(b"\xff")
    assert outcome.read(WELL, tmp_path, ("o0",)).edges == ()


def test_large_outputs_stay_a_checked_file(tmp_path: Path) -> None:
    data = outputs(1) + b"\x0a\x00" * 40_000
    (tmp_path / "outputs.pb").write_bytes(data)
    found = outcome.read(WELL, tmp_path, ("o0",))
    assert found.outputs is None
    assert found.outputs_ref is not None
    assert found.outputs_ref.size_bytes == len(data)


def test_a_task_without_outputs_leaves_none(tmp_path: Path) -> None:
    assert outcome.read(WELL, tmp_path, ()).outputs == b""


def test_a_good_exit_without_declared_outputs_is_a_failure(tmp_path: Path) -> None:
    error = outcome.read(WELL, tmp_path, ("o0",)).error
    assert error is not None
    assert error.code == "OutputsMissing"
    assert "o0" in error.message


@pytest.mark.parametrize(
    ("end", "code", "words", "kind", "lost"),
    [
        (ended(EndReason.EXIT, 3), "NonZeroExit", "exit code 3", ErrorKind.USER, False),
        (ended(EndReason.SIGNAL, signal=11), "SIGSEGV", "native code", ErrorKind.USER, False),
        (ended(EndReason.SIGNAL, signal=6), "SIGABRT", "gave itself up", ErrorKind.USER, False),
        (ended(EndReason.SIGNAL, signal=9), "WorkerLost", "SIGKILL", ErrorKind.SYSTEM, True),
        (ended(EndReason.SIGNAL, signal=15), "WorkerLost", "SIGTERM", ErrorKind.SYSTEM, True),
        (ended(EndReason.SIGNAL, signal=60), "signal 60", "crashed", ErrorKind.USER, False),
        (ended(EndReason.OOM, detail="It used 2 GiB of 1 GiB."), "OOMError", "2 GiB", ErrorKind.USER, False),
        (ended(EndReason.LOST), "WorkerLost", "left no outcome", ErrorKind.SYSTEM, True),
        (
            ended(EndReason.LAUNCH_FAILED, detail="no such file"),
            "LaunchFailed",
            "no such",
            ErrorKind.SYSTEM,
            True,
        ),
        (ended(EndReason.CANCELLED), "Cancelled", "was ended", ErrorKind.SYSTEM, True),
    ],
)
def test_an_end_without_a_word_is_told_in_words(
    tmp_path: Path, end: Ended, code: str, words: str, kind: ErrorKind, lost: bool
) -> None:
    found = outcome.read(end, tmp_path, ("o0",))
    assert found.error is not None
    assert found.error.code == code
    assert words in found.error.message
    assert (found.error.kind, found.lost) == (kind, lost)


def test_where_a_crash_was_is_told_without_our_own_frames(tmp_path: Path) -> None:
    theirs = '  File "/home/me/flyte/work.py", line 4 in crash'
    ours = [
        '  File "/venv/lib/python3.12/site-packages/flyte/_runtime/shim.py", line 9 in run',
        '  File "<frozen runpy>", line 88 in _run_code',
    ]
    log = "\n".join(["before", "Fatal Python error: Segmentation fault", theirs, *ours, "after"])
    end = ended(EndReason.SIGNAL, signal=11, detail="ended by signal 11 (SIGSEGV)", log_tail=log)
    error = outcome.read(end, tmp_path, ("o0",)).error
    assert error is not None
    assert error.message == (
        "ended by signal 11 (SIGSEGV). It read or wrote memory that is not its own (a fault in native code).\n"
        f"The last lines of its log:\nbefore\nFatal Python error: Segmentation fault\n{theirs}\nafter"
    )


def test_a_crash_after_the_outputs_were_left_takes_nothing_back(tmp_path: Path) -> None:
    (tmp_path / "outputs.pb").write_bytes(outputs(1))
    found = outcome.read(ended(EndReason.SIGNAL, signal=6), tmp_path, ("o0",))
    assert (found.outputs, found.error) == (outputs(1), None)


@pytest.mark.parametrize("end", [ended(EndReason.EXIT, 3), ended(EndReason.SIGNAL, signal=9)])
def test_outputs_beside_a_bad_exit_or_a_kill_do_not_count(tmp_path: Path, end: Ended) -> None:
    (tmp_path / "outputs.pb").write_bytes(outputs(1))
    assert outcome.read(end, tmp_path, ("o0",)).error is not None


def test_the_supervisors_timeout_needs_no_file(tmp_path: Path) -> None:
    (tmp_path / "error.pb").write_bytes(errors.to_document(ErrorInfo("CancelledError", "")))
    assert outcome.read(ended(EndReason.TIMEOUT), tmp_path, ()).timed_out


def test_the_last_lines_of_the_log_are_shown(tmp_path: Path) -> None:
    error = outcome.read(ended(EndReason.EXIT, 1, log_tail="one\ntwo\n"), tmp_path, ()).error
    assert error is not None
    assert error.message.endswith("one\ntwo")


@pytest.mark.parametrize("name", ["error.pb", "outputs.pb"])
def test_a_damaged_file_is_the_systems_fault(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"\xff\xff\xff")
    found = outcome.read(WELL, tmp_path, ("o0",))
    assert found.error is not None
    assert (found.error.code, found.lost) == ("OutcomeUnreadable", True)
    assert name in found.error.message
