"""What commands read with is let go of when they end."""

import asyncio
import gc
from pathlib import Path

import pytest

from flyte._cli.main import invoke


def open_loops() -> set[int]:
    loops = [each for each in gc.get_objects() if isinstance(each, asyncio.BaseEventLoop)]
    return {id(loop) for loop in loops if not loop.is_closed() and not loop.is_running()}


def test_a_command_leaves_no_event_loop_behind(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FLYTE_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    gc.collect()
    before = open_loops()
    assert invoke(["get", "run"]) == 0
    assert open_loops() <= before
