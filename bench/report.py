"""Tables of medians beside their targets, for the terminal and for the documentation."""

import re
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.measure import Sample
from bench.workloads import WORKLOADS, Target, Value, Workload, per_action

HEADER = ["", "min", "median", "max", "CPU, whole tree", "actions/s", "peak memory"]
INTRODUCTION = """\
# Performance

Made by `make bench`; `python -m bench W2 W7 --rounds 3` measures some of it again and leaves the rest
of this page as it is. Every measurement is a fresh process in the contender's own environment;
contenders take turns round by round, every answer is checked, and CPU counts the whole process tree.
Machines differ: only ratios of medians within one run mean anything. `flyte` is the published client
in its local mode; the durability of each contender stands in the last column.
"""


@dataclass(frozen=True, slots=True)
class Result:
    workload: Workload
    samples: dict[str, list[Sample]]
    failed: dict[str, str]

    def median(self, label: str, value: Value | None = None) -> float:
        return statistics.median(map(value or self.workload.value, self.samples[label]))


def number(value: float, unit: str = "") -> str:
    text = f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"
    return f"{text} {unit}".rstrip()


def header(workload: Workload) -> list[str]:
    return [*HEADER, *(column.header for column in workload.columns), "durability"]


def rows(result: Result) -> list[list[str]]:
    return [row(result, contender.label, contender.durability) for contender in result.workload.contenders]


def row(result: Result, label: str, durability: str) -> list[str]:
    workload, samples = result.workload, result.samples.get(label)
    if not samples:
        return [label, "–", _why(result.failed.get(label)), *[""] * (len(header(workload)) - 4), durability]
    values = list(map(workload.value, samples))
    each = workload.value is per_action
    spent = statistics.median(s.cpu_s / s.actions * 1e6 if each else s.cpu_s for s in samples)
    return [
        label,
        number(min(values), workload.unit),
        number(statistics.median(values), workload.unit),
        number(max(values), workload.unit),
        number(spent, "µs" if each else "s"),
        number(1e6 / statistics.median(values)) if each else "",
        number(statistics.median(s.peak_mb for s in samples), "MB"),
        *(number(result.median(label, column.value), column.unit) for column in workload.columns),
        durability,
    ]


def _why(failure: str | None) -> str:
    """The last line of what a contender said that holds a word, without decoration."""
    if failure is None:
        return "not run"
    lines = [line.strip("│╭╰─╮╯| \t") for line in failure.splitlines()]
    said = [line for line in lines if any(map(str.isalpha, line))]
    return f"failed: {said[-1][:100]}" if said else "failed"


def target_rows(result: Result) -> list[list[str]]:
    """Each target that could be measured: what, measured, first target, goal, reached."""
    return [_target(result, target) for target in result.workload.targets if _measured(result, target)]


def _measured(result: Result, target: Target) -> bool:
    return bool(result.samples.get(target.ours) and (not target.peer or result.samples.get(target.peer)))


def _target(result: Result, target: Target) -> list[str]:
    value = result.median(target.ours, target.value)
    if target.peer:
        value /= result.median(target.peer, target.value)

    def reached(bound: float | None) -> bool:
        return bound is not None and (value >= bound if target.more_is_better else value <= bound)

    verdict = "goal" if reached(target.goal) else "first target" if reached(target.first) else "no"
    if target.first is None and target.goal is None:
        verdict = ""
    bounds = ["" if bound is None else number(bound, target.unit) for bound in (target.first, target.goal)]
    return [target.what, f"**{number(value, target.unit)}**", *bounds, verdict]


TARGETS = ["target", "measured", "first target", "goal", "reached"]


def text(result: Result) -> str:
    lines = [f"\n{result.workload.id}  {result.workload.title}"]
    lines += _aligned([header(result.workload), *rows(result)])
    if targets := target_rows(result):
        lines += ["", *_aligned([TARGETS, *targets])]
    return "\n".join(lines)


def _aligned(table: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(r[i]) for r in table) for i in range(len(table[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(r, widths, strict=True)) for r in table]


def section(result: Result, circumstances: str) -> str:
    """One workload's part of the page."""
    lines = [f"## {result.workload.id}: {result.workload.title}", "", circumstances, ""]
    lines += _markdown(header(result.workload), rows(result))
    if targets := target_rows(result):
        lines += ["", *_markdown(TARGETS, targets)]
    return "\n".join(lines) + "\n"


def _markdown(head: Sequence[str], table: Sequence[Sequence[str]]) -> list[str]:
    return ["| " + " | ".join(r) + " |" for r in (head, ["---"] * len(head), *table)]


def write(path: Path, results: Sequence[Result], circumstances: str) -> None:
    """Put the results into the page; workloads that did not run keep what stands there."""
    page = path.read_text() if path.exists() else ""
    sections = {found.split(":", 1)[0]: f"## {found}" for found in re.split(r"^## ", page, flags=re.M)[1:]}
    sections |= {result.workload.id: section(result, circumstances) for result in results}
    known = [workload.id for workload in WORKLOADS]
    parts = [sections[id].rstrip("\n") + "\n" for id in known if id in sections]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([INTRODUCTION, *parts]))
