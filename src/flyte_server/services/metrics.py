"""What the server counts, and its text for Prometheus."""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from flyte_core.model import Action

BUCKETS_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

_Labels = tuple[tuple[str, str], ...]


@dataclass(slots=True)
class Histogram:
    """Counts durations in buckets of `BUCKETS_S`."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS_S) + 1))
    sum_s: float = 0.0

    def observe(self, seconds: float) -> None:
        self.counts[bisect_left(BUCKETS_S, seconds)] += 1
        self.sum_s += seconds


@dataclass(slots=True)
class Metrics:
    """Everything since the server's start. `gauges` are asked when somebody reads."""

    commit_seconds: Histogram = field(default_factory=Histogram)
    rpc_seconds: dict[str, Histogram] = field(default_factory=dict)
    rpcs: dict[tuple[str, str], int] = field(default_factory=dict)
    """By method and code (`ok`, `not_found`, ...)."""
    phases: dict[tuple[str, str], int] = field(default_factory=dict)
    """By kind and phase: how often an action entered it, roots also under `run`."""
    gauges: dict[tuple[str, str], Callable[[], Iterable[tuple[_Labels, float]]]] = field(default_factory=dict)
    """By name and help text."""

    def count_phase(self, action: Action) -> None:
        kinds = (action.kind.value,) if action.parent is not None else (action.kind.value, "run")
        for kind in kinds:
            key = (kind, action.phase.value)
            self.phases[key] = self.phases.get(key, 0) + 1

    def count_rpc(self, method: str, code: str, seconds: float) -> None:
        key = (method, code)
        self.rpcs[key] = self.rpcs.get(key, 0) + 1
        histogram = self.rpc_seconds.get(method)
        if histogram is None:
            histogram = self.rpc_seconds[method] = Histogram()
        histogram.observe(seconds)

    def text(self) -> str:
        """The exposition format of Prometheus, version 0.0.4."""
        return "".join(f"{line}\n" for line in self._lines())

    def _lines(self) -> Iterator[str]:
        yield from _head("godwit_rpcs_total", "counter", "Calls answered, by method and code.")
        for (method, code), number in sorted(self.rpcs.items()):
            yield _sample("godwit_rpcs_total", (("method", method), ("code", code)), number)
        yield from _head("godwit_rpc_seconds", "histogram", "Time to answer a call; streams: to their end.")
        for method, histogram in sorted(self.rpc_seconds.items()):
            yield from _histogram("godwit_rpc_seconds", (("method", method),), histogram)
        yield from _head("godwit_commit_seconds", "histogram", "From handing work to the store to durable.")
        yield from _histogram("godwit_commit_seconds", (), self.commit_seconds)
        yield from _head("godwit_phases_total", "counter", "Phases that actions and runs entered.")
        for (kind, phase), number in sorted(self.phases.items()):
            yield _sample("godwit_phases_total", (("kind", kind), ("phase", phase)), number)
        for (name, help_text), ask in self.gauges.items():
            yield from _head(name, "gauge", help_text)
            for labels, value in ask():
                yield _sample(name, labels, value)


def _head(name: str, kind: str, help_text: str) -> Iterator[str]:
    yield f"# HELP {name} {help_text}"
    yield f"# TYPE {name} {kind}"


def _sample(name: str, labels: _Labels, value: float) -> str:
    inner = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels)
    return f"{name}{{{inner}}} {value:g}" if inner else f"{name} {value:g}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _histogram(name: str, labels: _Labels, histogram: Histogram) -> Iterator[str]:
    below = 0
    for bound, number in zip(BUCKETS_S, histogram.counts, strict=False):
        below += number
        yield _sample(f"{name}_bucket", (*labels, ("le", f"{bound:g}")), below)
    total = sum(histogram.counts)
    yield _sample(f"{name}_bucket", (*labels, ("le", "+Inf")), total)
    yield _sample(f"{name}_sum", labels, histogram.sum_s)
    yield _sample(f"{name}_count", labels, total)
