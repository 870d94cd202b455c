"""Every scenario runs over the reference store and over SQLite."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from flyte_core.store.memory import MemoryStore
from flyte_core.store.ports import Store
from flyte_core.store.sqlite import SqliteStore


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    made: Store = (
        MemoryStore()
        if request.param == "memory"
        else SqliteStore.open(tmp_path / "history.db", durability="normal")
    )
    yield made
    made.close()
