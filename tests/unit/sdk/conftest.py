"""Every test has a data directory of its own, no configuration, and no session."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sdk_history import History

from flyte import _session
from flyte._controller import home


@pytest.fixture(autouse=True)
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    where = tmp_path / "home"
    for name in ("UCTL_CONFIG", "FLYTECTL_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("FLYTE_HOME", str(where))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    _session.reset()
    yield where
    _session.reset()
    home.close_all()


@pytest.fixture
def history(data_dir: Path) -> Iterator[History]:
    """What was recorded, as any other process would read it."""
    found = History(data_dir)
    yield found
    found.close()
