"""What rows said when they were last decoded: one that has not changed says the same.

Every call of a task looks at its run and its parent, whose rows mostly stay as they are.
"""

import dataclasses
from collections.abc import Callable
from operator import attrgetter
from typing import Final

from flyte_core.model import Action, RunKey, RunRecord, TaskSpec
from flyte_core.store.sqlite import codec

_LIMIT: Final = 256

_all_but_last_seq: Final = attrgetter(
    *[each.name for each in dataclasses.fields(RunRecord) if each.name != "last_seq"]
)
assert dataclasses.fields(RunRecord)[-1].name == "last_seq"


def moved_on(record: RunRecord, last_seq: int) -> RunRecord:
    """The record after more events."""
    return RunRecord(*(*_all_but_last_seq(record), last_seq))


class Decoded:
    """Of one writing connection. Nothing is believed: each row is compared with the one from before."""

    def __init__(self) -> None:
        self._runs: dict[int, tuple[codec.Row, RunRecord]] = {}
        self._actions: dict[int, tuple[codec.Row, Action]] = {}

    def run(self, row: codec.Row) -> RunRecord:
        """The record in a row of `RUN_COLUMNS`."""
        lasting, last_seq = row[:-1], row[-1]
        known = self._runs.get(row[0])
        if known is not None and known[0] == lasting:
            return moved_on(known[1], last_seq)
        record = codec.decode_run(row)
        if len(self._runs) >= _LIMIT:
            self._runs.clear()
        self._runs[row[0]] = lasting, record
        return record

    def action(self, run: RunKey, row: codec.Row, spec: Callable[[int], TaskSpec]) -> Action:
        """The action in a row of `ACTION_COLUMNS`, whose spec is committed."""
        known = self._actions.get(row[0])
        if known is not None and known[0] == row and known[1].key.run == run:
            return known[1]
        action = codec.decode_action(run, row, spec)
        if len(self._actions) >= _LIMIT:
            self._actions.clear()
        self._actions[row[0]] = row, action
        return action
