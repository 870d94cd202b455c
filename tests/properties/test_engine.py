"""The engine over each store, driven by the state machine of `core_machine`.

`GODWIT_SOAK=1` runs it far longer, with chance instead of a fixed sequence.
"""

import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
import ram
from core_machine import EngineMachine, walks
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from flyte_core.engine import guards
from flyte_core.store.ports import Store
from flyte_core.store.sqlite import SqliteStore

SOAK = bool(os.environ.get("GODWIT_SOAK"))


FACTOR = 300 if SOAK else 1

SEARCH = settings(
    max_examples=150 * FACTOR,
    stateful_step_count=40,
    derandomize=not SOAK,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)
"""Hypothesis finds less than walks do in the same time, but what it finds it makes small."""


def seeds(number: int) -> range:
    """Fixed ones, or in a soak others every time."""
    first = random.SystemRandom().randrange(2**40) if SOAK else 0
    return range(first, first + number * FACTOR)


@pytest.fixture(autouse=True)
def limits() -> Iterator[None]:
    """The machine makes the limits small; others get them back as they were."""
    before = guards.MAX_ACTIONS, guards.MAX_DEPTH
    yield
    guards.MAX_ACTIONS, guards.MAX_DEPTH = before


class SqliteMachine(EngineMachine):
    """The same over SQLite, where a restart closes the file and opens it again."""

    def open(self) -> Store:
        self.directory = ram.directory()
        return self.open_file()

    def open_file(self) -> Store:
        return SqliteStore.open(Path(self.directory.name) / "history.db", durability="normal")

    def reopen(self) -> None:
        self.store.close()
        self.store = self.open_file()
        self.known.clear()
        self.touched = set(self.runs)

    def close(self) -> None:
        super().close()
        self.directory.cleanup()


def test_walks_over_memory() -> None:
    walks(EngineMachine, seeds(500), steps=80)


def test_walks_over_sqlite() -> None:
    walks(SqliteMachine, seeds(50), steps=80)


def test_search_over_memory() -> None:
    run_state_machine_as_test(EngineMachine, settings=SEARCH)
