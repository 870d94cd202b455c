"""The one who looks at what is left."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos.program import expected

from flyte_core.layout import Layout
from flyte_core.model import ActionKey, AttemptState, Phase, RunKey
from flyte_core.store import doctor
from flyte_core.store.ports import ActionQuery
from flyte_core.store.sqlite import SqliteStore
from flyte_core.wire.literals import named_json


@dataclass(slots=True)
class Findings:
    kills: Counter[str] = field(default_factory=Counter)
    runs: int = 0
    succeeded: int = 0
    budget_spent: int = 0
    actions: int = 0
    attempts: int = 0
    lost_attempts: int = 0
    slowest_start_s: float = 0.0
    wrong: list[str] = field(default_factory=list)


def examine(
    layout: Layout, store: SqliteStore, traces: Path, accepted: Mapping[str, int], found: Findings
) -> None:
    """Hold every accepted run against what was promised; whatever is amiss goes to `found.wrong`."""
    found.wrong += [str(x) for x in doctor.examine(layout.database)]
    for name, n in accepted.items():
        found.runs += 1
        key = RunKey("flytesnacks", "development", name)
        view = store.run(key)
        if view is None:
            found.wrong.append(f"{name}: accepted, but not recorded")
            continue
        executions: dict[str, list[tuple[str, int]]] = defaultdict(list)
        trace = traces / name
        for line in trace.read_text().splitlines() if trace.exists() else ():
            _, action, token, at = line.split()
            executions[action].append((token, int(at)))
        for action in store.actions(key, ActionQuery()).actions:
            attempts = action.attempts
            found.actions += 1
            found.attempts += len(attempts)
            found.lost_attempts += sum(a.state is AttemptState.LOST for a in attempts)
            ran = executions.get(action.key.name, [])
            if len({token for token, _ in ran}) != len(ran):
                found.wrong.append(f"{name}/{action.key.name}: one attempt ran twice: {ran}")
            if action.phase is Phase.SUCCEEDED and any(at > (action.ended_at or 0) for _, at in ran):
                found.wrong.append(f"{name}/{action.key.name}: ran again after it had succeeded")
        if view.root.phase is Phase.SUCCEEDED:
            found.succeeded += 1
            outputs = store.payload(ActionKey(key, view.root.key.name), "outputs") or b""
            got = named_json(outputs, "outputs").get("o0")
            if got != expected(n):
                found.wrong.append(f"{name}: result {got}, not {expected(n)}")
        elif _budget_was_spent(store, key):
            found.budget_spent += 1
        else:
            found.wrong.append(f"{name}: {view.root.phase}: {view.root.error}")


def _budget_was_spent(store: SqliteStore, key: RunKey) -> bool:
    """Whether some action failed honestly: four losses in a row, all by our hand."""
    return any(
        a.phase is Phase.FAILED and [t.state for t in a.attempts[-4:]] == [AttemptState.LOST] * 4
        for a in store.actions(key, ActionQuery()).actions
    )
