"""Tables of medians and ratios, for the terminal and for the documentation."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.measure import Sample
from bench.workloads import Contender, Workload


@dataclass(frozen=True, slots=True)
class Result:
    workload: Workload
    contenders: Sequence[Contender]
    samples: dict[str, list[Sample]]
    failed: dict[str, str]

    def figure(self, label: str) -> float:
        """The median that ratios are made of: seconds inside per action, or CPU/wall of the process."""
        return statistics.median(self.values(label))

    def values(self, label: str) -> list[float]:
        rows = self.samples[label]
        if self.workload.id == "W10":
            return [s.cpu_s for s in rows]
        if self.workload.per_action:
            return [s.inner_s / s.actions for s in rows]
        return [s.wall_s if self.workload.id == "W1" else s.inner_s for s in rows]


def rows(result: Result) -> list[list[str]]:
    table = []
    for contender in result.contenders:
        label = contender.label
        if label not in result.samples or not result.samples[label]:
            why = result.failed.get(label, "not run").splitlines()[-1][:80]
            table.append([label, "failed", why, "", "", "", "", contender.durability])
            continue
        values = result.values(label)
        scale, unit = (1e6, "µs") if result.workload.per_action else (1.0, "s")
        samples = result.samples[label]
        cpu = statistics.median(s.cpu_s / (s.actions if result.workload.per_action else 1) for s in samples)
        rate = f"{1 / statistics.median(values):,.0f}" if result.workload.per_action else ""
        table.append(
            [
                label,
                f"{min(values) * scale:,.3g} {unit}",
                f"{statistics.median(values) * scale:,.3g} {unit}",
                f"{max(values) * scale:,.3g} {unit}",
                f"{cpu * scale:,.3g} {unit}",
                rate,
                f"{statistics.median(s.peak_mb for s in samples):,.0f} MB",
                contender.durability,
            ]
        )
    return table


HEADER = ["", "min", "median", "max", "CPU, whole tree", "actions/s", "peak memory", "durability"]


def ratio_lines(result: Result) -> list[str]:
    lines = []
    for ours, peer, first, goal in result.workload.ratios:
        if not (result.samples.get(ours) and result.samples.get(peer)):
            continue
        value = result.figure(ours) / result.figure(peer)
        target = f" (first target {first}, goal {goal})" if first else ""
        lines.append(f"{ours} / {peer}: **{value:.2f}**{target}")
    return lines


def text(result: Result) -> str:
    table = [HEADER, *rows(result)]
    widths = [max(len(r[i]) for r in table) for i in range(len(HEADER))]
    lines = [f"\n{result.workload.id}  {result.workload.title}"]
    lines += ["  ".join(cell.ljust(width) for cell, width in zip(r, widths, strict=True)) for r in table]
    lines += [line.replace("**", "") for line in ratio_lines(result)]
    return "\n".join(lines)


def write(path: Path, results: Sequence[Result], machine: str, rounds: int, load: float) -> None:
    """Write the page. Only ratios within one run mean anything; the page says so."""
    lines = [
        "# Performance",
        "",
        "Made by `make bench`. Every measurement is a fresh process in the contender's own environment;",
        "contenders take turns round by round, every answer is checked, CPU counts the whole process",
        f"tree. {machine}; {rounds} counted rounds after one for warming up; load average {load:.1f}.",
        "Machines differ and this one is shared: only ratios of medians within one run mean anything.",
        "",
    ]
    for result in results:
        lines += [f"## {result.workload.id}: {result.workload.title}", ""]
        lines += ["| " + " | ".join(HEADER) + " |", "|" + "---|" * len(HEADER)]
        lines += ["| " + " | ".join(row) + " |" for row in rows(result)]
        lines += ["", *[f"- {line}" for line in ratio_lines(result)], ""]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines))
