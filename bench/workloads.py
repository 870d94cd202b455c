"""What is measured: a table of workloads, each with its contenders in the order they take turns."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bench.measure import Sample

PROGRAMS = Path(__file__).parent / "programs"
PAGE = "{page}"
"""The first page's script, in the directory where the command is given."""

NOTHING = "nothing recorded"
NO_FSYNC = "recorded, safe against kill -9, no fsync"
GROUP = "fsync in groups before acknowledging"
LITE = "SQLite, its default"

Value = Callable[[Sample], float]


def per_action(sample: Sample) -> float:
    """Microseconds an action of the time inside the program."""
    return sample.inner_s / sample.actions * 1e6


def wall(sample: Sample) -> float:
    return sample.wall_s


def inner(sample: Sample) -> float:
    return sample.inner_s


def cpu(sample: Sample) -> float:
    return sample.cpu_s


def extra(name: str) -> Value:
    """A figure that the program itself printed."""
    return lambda sample: sample.extra[name]


@dataclass(frozen=True, slots=True)
class Contender:
    """One implementation on one workload. `{python}`, `{flyte}`, `{page}` and `{out}` are filled in."""

    label: str
    peer: str
    argv: tuple[str, ...]
    durability: str
    server: Literal["", "running", "cold"] = ""
    """A server of ours: started before and shared by all rounds, or left to the command to start."""
    timeout_s: float = 240.0
    keep: bool = False
    """All rounds share one directory: what an earlier process left is what is measured."""


@dataclass(frozen=True, slots=True)
class Target:
    """What a figure is held against: another contender's in the same run, or a number."""

    what: str
    ours: str
    first: float | None
    goal: float | None
    peer: str = ""
    value: Value | None = None
    """None: the workload's own figure."""
    unit: str = ""
    more_is_better: bool = False


@dataclass(frozen=True, slots=True)
class Column:
    """A further figure of a workload's table."""

    header: str
    value: Value
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Workload:
    id: str
    title: str
    contenders: tuple[Contender, ...]
    value: Value = per_action
    unit: str = "µs"
    targets: tuple[Target, ...] = ()
    columns: tuple[Column, ...] = ()
    long: bool = False
    """Takes minutes a round: only when asked for, or with `--full`."""


LABELS = {"local": "godwit local", "server": "godwit server, forked", "warm": "godwit server, warm"}
PUBLISHED = {"local": "flyte local", "persistent": "flyte local, persistent"}


def tasks(workload: str, mode: str, size: int) -> tuple[str, ...]:
    return ("{python}", str(PROGRAMS / "flyte_tasks.py"), workload, mode, str(size))


def ours(workload: str, size: int, *modes: str, also: str = "", keep: bool = False) -> tuple[Contender, ...]:
    return tuple(
        Contender(
            LABELS[mode] + also,
            "godwit",
            tasks(workload, mode, size),
            NO_FSYNC if mode == "local" else GROUP,
            server="" if mode == "local" else "running",
            keep=keep,
        )
        for mode in modes
    )


def published(workload: str, size: int, *modes: str, keep: bool = False) -> tuple[Contender, ...]:
    durable = {"local": NOTHING, "persistent": "recorded, no fsync"}
    return tuple(
        Contender(PUBLISHED[mode], "flyte", tasks(workload, mode, size), durable[mode], keep=keep)
        for mode in modes
    )


def peer(name: str, workload: str, size: int, durability: str) -> Contender:
    program = str(PROGRAMS / f"{name}_tasks.py")
    return Contender(name, name, ("{python}", program, workload, "{out}", str(size)), durability)


def others(workload: str, size: int) -> tuple[Contender, ...]:
    return (
        peer("dbos", workload, size, LITE),
        peer("prefect", workload, size, "SQLite, synchronous=NORMAL"),
        peer("ray", workload, size, NOTHING),
        peer("dask", workload, size, NOTHING),
    )


def page(
    label: str, name: str, *words: str, server: Literal["", "running", "cold"] = "", durability: str = NOTHING
) -> Contender:
    """The first page's command, or another one."""
    return Contender(label, name, words, durability, server=server)


def payload(label: str, name: str, kind: str, mode: str, megabytes: int) -> Contender:
    program = str(PROGRAMS / "payload_tasks.py")
    durability = NOTHING if name == "flyte-data" else NO_FSYNC if mode == "local" else GROUP
    argv = ("{python}", program, kind, mode, str(megabytes))
    return Contender(label, name, argv, durability, server="running" if mode == "server" else "")


def payloads(kind: str, megabytes: int) -> tuple[Contender, ...]:
    return (
        payload("godwit local", "godwit-data", kind, "local", megabytes),
        payload("godwit server, forked", "godwit-data", kind, "server", megabytes),
        payload("flyte local", "flyte-data", kind, "local", megabytes),
    )


def w5(id: str, title: str, kind: str, megabytes: int) -> Workload:
    target = Target("godwit local / flyte local", "godwit local", 1.0, 0.25, peer="flyte local")
    targets = (target,) if megabytes >= 100 else ()
    return Workload(id, title, payloads(kind, megabytes), inner, "s", targets)


def program(label: str, name: str, file: str, *words: str, durability: str) -> Contender:
    return Contender(label, name, ("{python}", str(PROGRAMS / file), *words), durability)


RUN = ("pipeline", "--x", "5")
IDEAL_S = 64 * 0.05 / 2

WORKLOADS = (
    Workload(
        "W1",
        "cold command to first result: `pipeline --x 5`, whole process",
        (
            page("godwit local", "godwit", "{flyte}", "run", "--local", PAGE, *RUN, durability=NO_FSYNC),
            page(
                "godwit server running",
                "godwit",
                "{flyte}",
                "run",
                PAGE,
                *RUN,
                server="running",
                durability=GROUP,
            ),
            page(
                "godwit server cold", "godwit", "{flyte}", "run", PAGE, *RUN, server="cold", durability=GROUP
            ),
            page("flyte local", "flyte", "{flyte}", "run", "--local", PAGE, *RUN),
        ),
        wall,
        "s",
        (
            Target("local / flyte local", "godwit local", 0.5, 0.25, peer="flyte local"),
            Target("server running / flyte local", "godwit server running", 1.0, 0.4, peer="flyte local"),
        ),
    ),
    Workload(
        "W2",
        "chain: 1,000 trivial children awaited one by one",
        (
            *ours("chain", 1000, "local", "warm", "server"),
            *published("chain", 1000, "local", "persistent"),
            *others("chain", 1000),
        ),
        targets=(
            Target("local / flyte recording nothing", "godwit local", 1.0, 0.25, peer="flyte local"),
            Target("server, warm / dbos", "godwit server, warm", 2.0, 0.5, peer="dbos"),
            Target("server, forked, a step", "godwit server, forked", 25_000, 8_000, unit="µs"),
        ),
    ),
    Workload(
        "W3-1k",
        "fan-out: 1,000 trivial children gathered",
        (
            *ours("fan_out", 1000, "local", "warm", "server"),
            *published("fan_out", 1000, "local", "persistent"),
            *others("fan_out", 1000),
        ),
        targets=(
            Target(
                "server, warm, actions a second",
                "godwit server, warm",
                300,
                2_000,
                value=lambda s: s.actions / s.inner_s,
                more_is_better=True,
            ),
        ),
    ),
    Workload(
        "W3-10k",
        "fan-out: 10,000 trivial children gathered",
        (
            *ours("fan_out", 10_000, "local", "warm"),
            *ours("fan_out", 1_000, "local", "warm", also=", 1,000"),
            *published("fan_out", 10_000, "local"),
            peer("ray", "fan_out", 10_000, NOTHING),
        ),
        targets=(
            Target("local / flyte recording nothing", "godwit local", 1.0, 0.2, peer="flyte local"),
            Target(
                "local, a child at 10,000 over 1,000", "godwit local", 1.3, 1.1, peer="godwit local, 1,000"
            ),
            Target(
                "server, warm, a child at 10,000 over 1,000",
                "godwit server, warm",
                1.3,
                1.1,
                peer="godwit server, warm, 1,000",
            ),
        ),
    ),
    Workload(
        "W3-10k-forked",
        "fan-out on the server: 10,000 trivial children, each a process of its own",
        (
            *ours("fan_out", 10_000, "server"),
            *ours("fan_out", 1_000, "server", also=", 1,000"),
        ),
        targets=(
            Target(
                "a child at 10,000 over 1,000",
                "godwit server, forked",
                1.3,
                1.1,
                peer="godwit server, forked, 1,000",
            ),
        ),
        long=True,
    ),
    Workload(
        "W3-100k",
        "fan-out: 100,000 trivial children gathered",
        (
            *ours("fan_out", 100_000, "local"),
            *ours("fan_out", 1_000, "local", also=", 1,000"),
            *published("fan_out", 100_000, "local"),
        ),
        targets=(
            Target("local / flyte recording nothing", "godwit local", None, None, peer="flyte local"),
            Target(
                "local, a child at 100,000 over 1,000", "godwit local", None, 1.3, peer="godwit local, 1,000"
            ),
        ),
        long=True,
    ),
    Workload(
        "W4",
        "tree: every task calls 10 children, depth 4 (11,111 actions; on the server depth 2, 111 actions)",
        (*ours("tree", 4, "local"), *ours("tree", 2, "server"), *published("tree", 4, "local")),
        targets=(Target("local / flyte recording nothing", "godwit local", 1.0, 0.25, peer="flyte local"),),
    ),
    Workload(
        "W4-deep",
        "tree on the server: depth 4, 11,111 actions, each a process of its own",
        ours("tree", 4, "server"),
        long=True,
    ),
    w5("W5-bytes-1", "1 MB of `bytes` from one task to the next", "bytes", 1),
    w5("W5-bytes-100", "100 MB of `bytes` from one task to the next", "bytes", 100),
    w5("W5-array-1", "a numpy array of 1 MB from one task to the next", "array", 1),
    w5("W5-array-100", "a numpy array of 100 MB from one task to the next", "array", 100),
    w5("W5-frame-1", "a data frame of 1 MB from one task to the next", "frame", 1),
    w5("W5-frame-100", "a data frame of 100 MB from one task to the next", "frame", 100),
    Workload(
        "W6",
        f"64 tasks of 50 ms pure Python CPU on 2 cores (ideal {IDEAL_S:g} s)",
        (*ours("cpu", 64, "warm", "server"), *published("cpu", 64, "local"), peer("ray", "cpu", 64, NOTHING)),
        inner,
        "s",
        tuple(
            Target(
                f"efficiency, {words}",
                label,
                0.75,
                0.9,
                value=lambda s: IDEAL_S / s.inner_s,
                more_is_better=True,
            )
            for words, label in (("warm", "godwit server, warm"), ("forked", "godwit server, forked"))
        ),
        (Column("efficiency", lambda s: IDEAL_S / s.inner_s),),
    ),
    Workload(
        "W7-create",
        "320 runs created over HTTP one by one, then by 16 callers at once",
        (program("godwit server", "godwit", "http_runs.py", "create", "320", durability=GROUP),),
        extra("p50_ms"),
        "ms",
        (Target("create, p50", "godwit server", 5, 2, unit="ms"),),
        (Column("p99", extra("p99_ms"), "ms"), Column("runs a second", extra("per_second"))),
    ),
    Workload(
        "W7-list",
        "the newest 50 of 100,000 stored runs: the API, and the console's list with its counts",
        (program("godwit server", "godwit", "http_runs.py", "list", "100000", durability=GROUP),),
        extra("api_p50_ms"),
        "ms",
        (
            Target("list, p50", "godwit server", 10, 2, unit="ms"),
            Target("console's list, p50", "godwit server", 10, 2, value=extra("console_p50_ms"), unit="ms"),
        ),
        (Column("console, p50", extra("console_p50_ms"), "ms"),),
    ),
    Workload(
        "W8",
        "`kill -9` in step 500 of 1,000: seconds from then to the result, steps that ran again",
        (
            program("godwit local", "godwit", "resume_tasks.py", "local", "1000", durability=NO_FSYNC),
            program("godwit server, forked", "godwit", "resume_tasks.py", "server", "1000", durability=GROUP),
            program("dbos", "dbos", "dbos_resume.py", "{out}", "1000", durability=LITE),
        ),
        inner,
        "s",
        (
            Target("local / dbos", "godwit local", 1.0, 0.15, peer="dbos"),
            Target("local, steps again", "godwit local", 1, 1, value=extra("again")),
            Target("server, steps again", "godwit server, forked", 1, 1, value=extra("again")),
        ),
        (Column("steps again", extra("again")),),
    ),
    Workload(
        "W9",
        "1,000 cached children, all hits, in a new process",
        (*ours("hits", 1000, "local", "server", keep=True), *published("hits", 1000, "local", keep=True)),
        targets=(Target("local / flyte", "godwit local", 1.0, 0.2, peer="flyte local"),),
    ),
    Workload(
        "W10",
        "`import flyte`, and `flyte --help`, CPU seconds",
        (
            page("godwit import", "godwit", "{python}", "-c", "import flyte"),
            page("flyte import", "flyte", "{python}", "-c", "import flyte"),
            page("godwit --help", "godwit", "{flyte}", "--help"),
            page("flyte --help", "flyte", "{flyte}", "--help"),
        ),
        cpu,
        "s",
        (
            Target("`import flyte`", "godwit import", 0.1, 0.06, unit="s"),
            Target("`flyte --help`", "godwit --help", 0.25, 0.12, unit="s"),
        ),
    ),
    Workload(
        "memory",
        "resident memory: the server idle, after showing a run of 100,000 actions, and a warm worker's own",
        (program("godwit", "godwit", "memory_use.py", "100000", durability=NO_FSYNC),),
        extra("idle_mb"),
        "MB",
        (
            Target("server idle", "godwit", 80, 80, unit="MB"),
            Target("server with 100,000 actions", "godwit", 600, 600, value=extra("shown_mb"), unit="MB"),
            Target("a warm worker's own", "godwit", 60, 60, value=extra("worker_mb"), unit="MB"),
        ),
        (
            Column("with 100,000 actions", extra("shown_mb"), "MB"),
            Column("warm worker", extra("worker_mb"), "MB"),
            Column("first snapshot", extra("snapshot_s"), "s"),
        ),
        long=True,
    ),
)
