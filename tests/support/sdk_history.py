"""Reads what runs have recorded, from the database, as another process would."""

from pathlib import Path

from flyte_core import logs
from flyte_core.layout import DEFAULT_DOMAIN, DEFAULT_PROJECT, Layout
from flyte_core.model import Action, ActionKey, ActionName, RunKey, RunView
from flyte_core.store.ports import ActionQuery, RunQuery
from flyte_core.store.sqlite import SqliteStore
from flyte_core.wire.literals import named_json


class History:
    def __init__(self, home: Path) -> None:
        self.layout = Layout(home)
        self.store = SqliteStore.open(self.layout.database, read_only=True)

    def runs(self) -> list[RunView]:
        """Oldest first."""
        return list(self.store.runs(RunQuery(ascending=True)).runs)

    def actions(self, run: str | None = None) -> list[Action]:
        """Of the named run, or of the last one; in order of creation."""
        return list(self.store.actions(self._key(run), ActionQuery()).actions)

    def tree(self, run: str | None = None) -> list[tuple[str, str | None, int, str]]:
        """(task, its caller's task, position among siblings, phase) of every action."""
        actions = self.actions(run)
        names = {each.key.name: each.spec.short_name for each in actions}
        return [
            (each.spec.short_name, names.get(each.parent) if each.parent else None, each.seq, str(each.phase))
            for each in actions
        ]

    def values(self, task: str, run: str | None = None) -> tuple[dict[str, object], dict[str, object]]:
        """Named inputs and outputs of the first action of a task."""
        action = next(each for each in self.actions(run) if each.spec.short_name == task)
        inputs = self.store.payload(action.key, "inputs") or b""
        outputs = self.store.payload(action.key, "outputs") or b""
        return named_json(inputs, "inputs"), named_json(outputs, "outputs")

    def log(self, action: Action, attempt: int = 1) -> list[str]:
        """The lines of an attempt's log."""
        return [line.text for line, _ in logs.read(self.layout.log(action.key, attempt))]

    def action(self, name: str, run: str | None = None) -> Action:
        found = self.store.action(ActionKey(self._key(run), ActionName(name)))
        assert found is not None
        return found

    def close(self) -> None:
        self.store.close()

    def _key(self, run: str | None) -> RunKey:
        if run is None:
            return self.runs()[-1].record.key
        return RunKey(DEFAULT_PROJECT, DEFAULT_DOMAIN, run)
