"""Errors keep what users read, whichever message carries them."""

from dataclasses import replace

import pytest
from flyteidl2.core import execution_pb2
from hypothesis import given
from hypothesis import strategies as st

from flyte_core.model import ErrorInfo, ErrorKind, InvalidArgument
from flyte_core.wire import errors

TRACE = 'Traceback (most recent call last):\n  File "a.py", line 3, in f\n    1 / 0\nZeroDivisionError: division by zero\n'

words = st.text(max_size=60)
starts = st.sampled_from(
    ["Traceback (most recent call last):", "  + Exception Group Traceback (most recent call last):"]
)
marks = st.text("\u200b", max_size=3)
quoting = st.builds("{}\n{}{}\n{}".format, words, marks, starts, words)
infos = st.builds(
    ErrorInfo,
    code=st.text(min_size=1, max_size=20),
    message=(words | starts | quoting).filter(lambda text: text.strip("\n") != ""),
    kind=st.sampled_from(ErrorKind),
    recoverable=st.booleans(),
    traceback=st.sampled_from(["", TRACE]),
)
placed = infos.map(lambda error: replace(error, worker="pid 7"))


@given(infos)
def test_an_error_document_keeps_everything(error: ErrorInfo) -> None:
    assert errors.from_document(errors.to_document(error)) == error


@given(placed)
def test_what_a_parent_is_told_keeps_everything(error: ErrorInfo) -> None:
    assert errors.from_execution(errors.to_execution(error)) == error


@given(placed)
def test_what_workers_say_keeps_everything(error: ErrorInfo) -> None:
    assert errors.from_worker(errors.to_worker(error)) == error


def test_details_keep_what_people_read() -> None:
    error = ErrorInfo("ValueError", "no such step", ErrorKind.SYSTEM, traceback=TRACE)
    assert errors.from_info(errors.to_info(error)) == error


def test_a_message_that_is_only_a_traceback_gives_its_last_line_as_message() -> None:
    document = execution_pb2.ErrorDocument(
        error=execution_pb2.ContainerError(
            code="ZeroDivisionError", message=TRACE, origin=execution_pb2.ExecutionError.USER
        )
    )
    found = errors.from_document(document.SerializeToString())
    assert found.message == "ZeroDivisionError: division by zero"
    assert found.traceback == TRACE
    assert not found.recoverable


def test_a_damaged_document_is_named() -> None:
    with pytest.raises(InvalidArgument, match=r"error\.pb is damaged"):
        errors.from_document(b"\xff\xff\xff")


def test_a_group_of_errors_keeps_its_message_apart() -> None:
    trace = (
        "  + Exception Group Traceback (most recent call last):\n  | ExceptionGroup: two (1 sub-exception)\n"
    )
    error = ErrorInfo("ExceptionGroup", "two (1 sub-exception)", traceback=trace)
    assert errors.from_document(errors.to_document(error)) == error
