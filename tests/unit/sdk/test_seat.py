"""Interruptions of bodies on threads."""

import sys
from types import FrameType

from flyte._controller.seat import Seat


def test_an_interruption_that_is_taken_back_does_not_keep_traced_code_from_ending() -> None:
    seat = Seat()
    seat.exposed = seat.sent = True
    seat.cover()
    lines = 0

    def count(frame: FrameType, event: str, arg: object) -> object:
        nonlocal lines
        lines += event == "line"
        return count

    def traced() -> int:
        return 1 + 1

    before = sys.gettrace()
    sys.settrace(count)  # type: ignore[arg-type]
    try:
        assert traced() == 2
    finally:
        sys.settrace(before)
    assert lines > 0
