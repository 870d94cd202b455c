"""The engine over each store, driven by the state machine of `core_machine`.

`GODWIT_SOAK=1` runs it far longer, with chance instead of a fixed sequence.
"""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from core_machine import EngineMachine
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from flyte_core.engine import guards
from flyte_core.store.ports import Store
from flyte_core.store.sqlite import SqliteStore

SOAK = bool(os.environ.get("GODWIT_SOAK"))


def thorough(examples: int, steps: int = 40) -> settings:
    return settings(
        max_examples=examples * (300 if SOAK else 1),
        stateful_step_count=steps * (3 if SOAK else 1),
        derandomize=not SOAK,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )


@pytest.fixture(autouse=True)
def limits() -> Iterator[None]:
    """The machine makes the limits small; others get them back as they were."""
    before = guards.MAX_ACTIONS, guards.MAX_DEPTH
    yield
    guards.MAX_ACTIONS, guards.MAX_DEPTH = before


class SqliteMachine(EngineMachine):
    """The same over SQLite, where a restart closes the file and opens it again."""

    def open(self) -> Store:
        self.directory = tempfile.TemporaryDirectory()
        return self.open_file()

    def open_file(self) -> Store:
        return SqliteStore.open(Path(self.directory.name) / "history.db", durability="normal")

    def reopen(self) -> None:
        self.store.close()
        self.store = self.open_file()
        self.touched = set(self.runs)

    def teardown(self) -> None:
        try:
            super().teardown()
        finally:
            self.directory.cleanup()


def test_over_memory() -> None:
    run_state_machine_as_test(EngineMachine, settings=thorough(1_000))


def test_over_sqlite() -> None:
    run_state_machine_as_test(SqliteMachine, settings=thorough(30))
