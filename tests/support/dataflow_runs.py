"""Runs for tests of the analysis: actions with the times and edges that a test is about."""

import random
from collections.abc import Callable, Sequence

from flyte_core.dataflow import Confidence, Edge, Relation
from flyte_core.dataflow.bottlenecks import Analysis
from flyte_core.dataflow.graph import Graph
from flyte_core.dataflow.report import analyse, graph_of
from flyte_core.model import (
    Action,
    ActionKey,
    ActionKind,
    ActionName,
    Attempt,
    AttemptState,
    Digest,
    Micros,
    Phase,
    RunKey,
    TaskSpec,
    Token,
)

RUN = RunKey("p", "d", "r1")
START = 1_700_000_000_000_000
NOW = Micros(START + 1_000_000_000)


class Program:
    """A run in the making. Times are whole units from the run's start; a unit is `unit` microseconds."""

    def __init__(self, unit: int = 1_000) -> None:
        self.unit = unit
        self.actions: list[Action] = []
        self.edges: list[Edge] = []
        self._seq: dict[str | None, int] = {}
        self._depth: dict[str | None, int] = {None: -1}
        self._specs: dict[str, TaskSpec] = {}

    def action(
        self,
        name: str,
        parent: str | None,
        begin: int,
        end: int | None,
        *,
        task: str = "",
        waiting: int = 0,
        starting: int = 0,
        queued: int = 0,
        reading: int = 0,
        writing: int = 0,
        kind: ActionKind = ActionKind.TASK,
        group: str = "",
        phase: Phase = Phase.SUCCEEDED,
        moments: tuple[tuple[tuple[Phase, int], ...], ...] | None = None,
    ) -> str:
        """One action. `queued`, `waiting` and `starting` say how long it was each before it ran;
        `reading` and `writing` how long its values took at either end of its run.

        `moments` are the phases of each attempt, when there is more than one.
        """
        at = self._at
        wait = begin + queued
        start = wait + waiting
        run = start + starting
        if moments is None:
            steps = [(Phase.QUEUED, begin), (Phase.INITIALIZING, start), (Phase.RUNNING, run)]
            if waiting:
                steps.insert(1, (Phase.WAITING_FOR_RESOURCES, wait))
            moments = (tuple(steps),)
        attempts = tuple(
            Attempt(
                number,
                Token(number),
                AttemptState.LIVE if end is None and number == len(moments) else AttemptState.OK,
                tuple((phase, at(when)) for phase, when in steps),
                ended_at=_ended(at, steps, end, last=number == len(moments)),
                reading_us=reading * self.unit,
                writing_us=writing * self.unit,
            )
            for number, steps in enumerate(moments, 1)
        )
        task = task or name.rstrip("0123456789")
        spec = self._specs.setdefault(
            task, TaskSpec(Digest(task.encode().hex()), b"", f"env.{task}", task, "env")
        )
        depth = self._depth[name] = self._depth[parent] + 1
        seq = self._seq.get(parent, 0)
        self._seq[parent] = seq + 1
        self.actions.append(
            Action(
                key=ActionKey(RUN, ActionName(name)),
                parent=None if parent is None else ActionName(parent),
                kind=kind,
                seq=seq,
                spec=spec,
                phase=phase if end is not None else Phase.RUNNING,
                created_at=at(begin),
                queued_at=at(begin),
                group=group,
                attempts=attempts if kind is ActionKind.TASK else (),
                started_at=at(run),
                ended_at=None if end is None else at(end),
                depth=depth,
            )
        )
        return name

    def flow(
        self,
        source: str,
        target: str,
        param: str = "x",
        relation: Relation = "data",
        confidence: Confidence = "exact",
        source_path: str = "",
        target_path: str = "",
    ) -> None:
        self.edges.append(
            Edge(
                ActionName(source), source_path, ActionName(target), param, target_path, relation, confidence
            )
        )

    def analysis(self, now: int | None = None) -> Analysis:
        return analyse(self.actions, self.edges, NOW if now is None else self._at(now))

    def graph(self) -> Graph:
        return graph_of("r1", self.edges, self.analysis())

    def slack(self) -> dict[str, int]:
        """In units, by action."""
        found = self.analysis()
        return {name: found.slack[row] // self.unit for name, row in found.columns.rows.items()}

    def path(self, now: int | None = None) -> list[tuple[str, str, int, int]]:
        """The critical path in units: action, phase, begin, end."""
        found = self.analysis(now)
        names = found.columns.names()
        return [
            (names[one.row], one.doing.word, one.begin // self.unit, one.end // self.unit)
            for one in found.path
        ]

    def _at(self, when: int) -> Micros:
        return Micros(START + when * self.unit)


def _ended(
    at: Callable[[int], Micros], steps: Sequence[tuple[Phase, int]], end: int | None, *, last: bool
) -> Micros | None:
    if last:
        return None if end is None else at(end)
    return at(steps[-1][1])


def diamond(unit: int = 1_000) -> Program:
    """Producers of 10, 3 and 1 s feed one consumer."""
    program = Program(unit)
    program.action("a0", None, 0, 12_000, task="main")
    for name, end in (("slow", 10_000), ("middle", 3_000), ("quick", 1_000)):
        program.action(name, "a0", 0, end)
        program.flow("a0", name, relation="argument", source_path="n")
        program.flow(name, "consumer", name)
    program.action("consumer", "a0", 10_000, 12_000)
    program.flow("consumer", "a0", "o0", "result")
    return program


def random_program(rnd: random.Random, size: int, *, edges: bool = True) -> Program:
    """A run whose parents call children one by one, side by side, or both, at any depth."""
    program = Program(unit=1)
    left = size

    def long(most: int) -> int:
        return rnd.choice([0, 1, rnd.randrange(1, most)])

    def call(parent: str, begin: int, depth: int) -> tuple[str, int]:
        nonlocal left
        left -= 1
        name = f"n{len(program.actions)}"
        place = len(program.actions)
        spent = {"queued": long(9), "waiting": long(9), "starting": long(9)}
        values = {"reading": long(20), "writing": long(20)}
        program.action(name, parent, begin, begin, task=f"t{depth}{rnd.randrange(3)}", **spent, **values)
        end = body(name, begin + sum(spent.values()) + values["reading"], depth) + values["writing"]
        program.actions[place] = program.actions[place].evolve(ended_at=program._at(end))
        return name, end

    def body(name: str, at: int, depth: int) -> int:
        made: list[str] = []
        at += long(30)
        while left > 0 and depth < 6 and rnd.random() < (0.9 if depth == 0 else 0.6):
            together = rnd.choice([1, 1, 2, 5])
            ended = [call(name, at + number * rnd.choice([0, 1]), depth + 1) for number in range(together)]
            for fresh, _ in ended:
                for source in rnd.sample(made, min(len(made), rnd.randrange(3))) if edges else ():
                    program.flow(source, fresh, f"p{rnd.randrange(3)}")
            made += [fresh for fresh, _ in ended]
            at = max(at, *(end for _, end in ended)) + long(30)
        if edges and made and rnd.random() < 0.5:
            program.flow(rnd.choice(made), name, "o0", "result")
        return at

    program.action("a0", None, 0, 0, task="main")
    end = body("a0", 0, 0)
    program.actions[0] = program.actions[0].evolve(ended_at=program._at(end))
    return program


def big_program(size: int) -> Program:
    """Half chains of two, then a join, then loops of twenty: `size` actions, about as many edges."""
    rnd = random.Random(1)
    program = Program(unit=1)
    program.action("a0", None, 0, 0, task="main")
    ends = []
    for number in range(size // 4):
        load = program.action(f"load{number}", "a0", 30 + number, 30 + number + rnd.randrange(1_000, 9_000))
        begin = 30 + number + 9_100
        clean = program.action(f"clean{number}", "a0", begin, begin + rnd.randrange(1_000, 9_000), waiting=9)
        program.flow(load, clean, "raw")
        ends.append(begin + 9_000)
    at = max(ends)
    program.action("join", "a0", at, at + 500)
    for number in range(size // 4):
        program.flow(f"clean{number}", "join", "parts", target_path=f"[{number}]")
    for number in range(size // 40):
        train = program.action(f"train{number}", "a0", at + 600, at + 600 + 19 * 100 + 5)
        program.flow("join", train, "model")
        for step in range(19):
            begin = at + 601 + step * 100
            name = program.action(f"step{number}_{step}", train, begin, begin + 99, task="step")
            if step:
                program.flow(f"step{number}_{step - 1}", name, "state")
    program.actions[0] = program.actions[0].evolve(ended_at=program._at(at + 3_000))
    return program
