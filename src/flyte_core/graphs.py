"""The execution graph of a run in a store, and the analysis of its time."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from enum import Enum
from pathlib import Path
from typing import Final

from flyte_core.dataflow import Edge
from flyte_core.dataflow.bottlenecks import Analysis
from flyte_core.dataflow.graph import Graph
from flyte_core.dataflow.infer import Known, Named, infer
from flyte_core.dataflow.report import analyse, bottlenecks_dict, graph_of
from flyte_core.model import Action, ActionKind, ActionName, Digest, InvalidArgument, Micros, RunKey
from flyte_core.store.ports import ActionQuery, Reader, Role
from flyte_core.wire import specs
from flyte_core.wire.contents import contents

_LOOKED_INTO: Final = 1024 * 1024
"""Larger sets of values are not read to infer edges."""


def read_graph(store: Reader, run: RunKey, now: Micros) -> Graph:
    """The graph of a run that exists."""
    edges, analysis = _read(store, run, now)
    return graph_of(run.name, edges, analysis)


def read_bottlenecks(store: Reader, run: RunKey, now: Micros) -> dict[str, object]:
    """Where the time of a run that exists went."""
    return bottlenecks_dict(run.name, _read(store, run, now)[1])


class _Look(Enum):
    """What of an action is looked at."""

    NOTHING = 0
    REFERENCES = 1
    """Its client takes notes; a file may have gone another way."""
    ALL = 2
    """Its client takes no notes."""


class Guesses:
    """Edges of a run that nobody told, from content and order. Kept up to date.

    Runs whose client takes notes cost nothing, unless they pass files or data frames.
    """

    def __init__(self, store: Reader, run: RunKey) -> None:
        self._store = store
        self._run = run
        self._looks: dict[Digest, _Look] = {}
        self._known: dict[ActionName, Known] = {}

    def apply(self, actions: Iterable[Action]) -> None:
        """Take actions that are new or have changed, parents before children."""
        for action in actions:
            above = self._known.get(action.parent) if action.parent is not None else None
            look = self._look(action)
            if look is not _Look.NOTHING or (above is not None and above.silent):
                self._known[action.key.name] = self._know(action, silent=look is _Look.ALL)

    def with_told(self, told: Sequence[Edge], order: Iterable[str]) -> Sequence[Edge]:
        """All edges of the run, by their targets in this order."""
        if not self._known:
            return told
        place = {name: number for number, name in enumerate(order)}
        edges = [*told, *self._guessed(told)]
        return sorted(edges, key=lambda edge: place.get(edge.target, len(place)))

    def _guessed(self, told: Sequence[Edge]) -> list[Edge]:
        """Where anything was told, somebody took notes."""
        known = self._known
        for edge in told:
            target = known.get(edge.target)
            inside = edge.target if edge.relation == "result" or target is None else target.parent
            if inside in known and known[inside].silent:
                known[inside] = replace(known[inside], silent=False)
        return infer(known.values(), told)

    def _look(self, action: Action) -> _Look:
        digest = action.spec.digest
        if digest not in self._looks:
            self._looks[digest] = self._first_look(action)
        return self._looks[digest]

    def _first_look(self, action: Action) -> _Look:
        view = self._store.run(self._run)
        env = view.record.env if view is not None else {}
        try:
            if action.kind is ActionKind.TASK and not specs.takes_notes(action.spec, env):
                return _Look.ALL
            return _Look.REFERENCES if specs.may_refer(action.spec, action.kind) else _Look.NOTHING
        except InvalidArgument:  # a damaged template is no reason to have no graph
            return _Look.NOTHING

    def _know(self, action: Action, *, silent: bool) -> Known:
        before = self._known.get(action.key.name)
        began = action.created_at
        if action.kind is ActionKind.TRACE and action.started_at is not None:
            began = min(began, action.started_at)
        return Known(
            name=action.key.name,
            parent=action.parent,
            task=action.spec.task_name,
            seq=action.seq,
            began=began,
            ended=action.ended_at,
            inputs=self._values(action, "inputs") if before is None else before.inputs,
            outputs=self._values(action, "outputs") if action.phase.good else (),
            silent=silent,
        )

    def _values(self, action: Action, role: Role) -> Named:
        ref = action.inputs if role == "inputs" else action.outputs
        if ref is None or ref.size_bytes > _LOOKED_INTO:
            return ()
        try:
            data = Path(ref.uri).read_bytes() if ref.uri else self._store.payload(action.key, role)
        except OSError:
            return ()
        return contents(data or b"", role)


def _read(store: Reader, run: RunKey, now: Micros) -> tuple[Sequence[Edge], Analysis]:
    # Edges first: what they join is there when the actions are read.
    told = store.edges(run)
    actions = store.actions(run, ActionQuery()).actions
    guesses = Guesses(store, run)
    guesses.apply(actions)
    edges = guesses.with_told(told, (action.key.name for action in actions))
    return edges, analyse(actions, edges, now)
