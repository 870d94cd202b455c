"""A store and a clock, and the engine's use cases over them in few words."""

from collections.abc import Callable
from typing import Any

from core_build import RUN, at, key, new, new_run

from flyte_core.engine import action as actions
from flyte_core.engine import run as runs
from flyte_core.engine import timers
from flyte_core.engine.api import Change, NewAction, Outcome
from flyte_core.machine import check_tree, fold
from flyte_core.model import ROOT, Action, ActionKey, ActionName, ErrorInfo, RunKey, Token
from flyte_core.store.memory import MemoryStore
from flyte_core.store.ports import ActionQuery, Store


class World:
    """One history, driven by hand. `now` is in seconds and stands still until it is moved."""

    def __init__(self, store: Store | None = None) -> None:
        self.store: Store = store or MemoryStore()
        self.now = 1.0

    def do(self, use_case: Callable[..., Change], *args: Any, **more: Any) -> Change:
        """Carry out a use case of the engine in a unit of work of its own, now."""
        return self.store.transact(lambda tx: use_case(tx, *args, now=at(self.now), **more))

    def create(self, name: str = "r1", **more: Any) -> Change:
        return self.do(runs.create_run, new_run(name, now=self.now, **more))

    def running_root(self, name: str = "r1", **more: Any) -> Token:
        """A run whose root runs; the token of its attempt."""
        self.create(name, **more)
        return self.start(key(run=RUN._replace(name=name)))

    def start(self, what: ActionKey) -> Token:
        """Claim and start an attempt."""
        claimed = self.do(actions.claim, what, "worker").actions[0]
        assert claimed.live is not None
        self.do(actions.started, what, claimed.live.token, "worker")
        return claimed.live.token

    def enqueue(
        self,
        *children: NewAction,
        parent: str = ROOT,
        token: Token | None = None,
        run: RunKey = RUN,
        **more: Any,
    ) -> Change:
        return self.do(actions.enqueue, run, ActionName(parent), token, children, **more)

    def child(self, name: str, parent: str = ROOT, **more: Any) -> Token:
        """A child that runs; the token of its attempt."""
        self.enqueue(new(name, inputs=name.encode(), **more), parent=parent)
        return self.start(key(name))

    def succeed(self, what: ActionKey, token: Token, outputs: bytes = b"out", uri: str = "") -> Change:
        return self.do(actions.report, what, Outcome(token, outputs=outputs, output_uri=uri))

    def fail(self, what: ActionKey, token: Token, error: ErrorInfo, **more: Any) -> Change:
        return self.do(actions.report, what, Outcome(token, error=error, **more))

    def fire(self, what: ActionKey) -> Change:
        return self.do(timers.fire, what)

    def action(self, name: str = ROOT, run: RunKey = RUN) -> Action:
        found = self.store.action(key(name, run))
        assert found is not None
        return found

    def tree(self, run: RunKey = RUN) -> tuple[Action, ...]:
        return self.store.actions(run, ActionQuery()).actions

    def problems(self, run: RunKey = RUN) -> list[str]:
        """What the invariants say about a run, its events replayed included."""
        tree = self.tree(run)
        problems = check_tree(tree)
        rows = self.store.events(run)
        if [row.seq for row in rows] != list(range(1, len(rows) + 1)):
            problems.append(f"I5: events are numbered {[row.seq for row in rows]}")
        for action in tree:
            replayed = fold((row.event, row.at) for row in rows if row.action == action.key.name)
            stored = action.evolve(version=0, changed_seq=0)
            if replayed != stored:
                problems.append(f"I5: {action.key.name}: replayed {replayed}, stored {stored}")
        return problems
