from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.unit.remote.history import History

from flyte import _session
from flyte._remote import current


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A data directory of this test's own, which the session uses."""
    monkeypatch.setenv("FLYTE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("FLYTE_AUTOSTART", "0")
    monkeypatch.chdir(tmp_path)
    _session.reset()
    yield tmp_path / "home"
    _session.reset()
    current._store_source.cache_clear()


@pytest.fixture
def history(home: Path) -> Iterator[History]:
    history = History(home)
    yield history
    history.close()
