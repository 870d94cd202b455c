"""What is measured: a table of workloads, each with its contenders in the order they take turns."""

from dataclasses import dataclass, field
from pathlib import Path

PROGRAMS = Path(__file__).parent / "programs"

NOTHING = "nothing recorded"
NO_FSYNC = "recorded, safe against kill -9, no fsync"
FSYNC = "fsync before each acknowledgement"
GROUP = "fsync in groups before acknowledging"


@dataclass(frozen=True, slots=True)
class Contender:
    """One implementation on one workload. `{python}`, `{out}` and `{flyte}` in `argv` are filled in."""

    label: str
    peer: str
    argv: tuple[str, ...]
    durability: str
    server: bool = False
    """A server of ours runs beside it (started before, not counted in the wall time of the first)."""
    timeout_s: float = 180.0


@dataclass(frozen=True, slots=True)
class Workload:
    id: str
    title: str
    contenders: tuple[Contender, ...]
    per_action: bool = True
    """Report microseconds an action of the time inside the program; else the whole process."""
    ratios: tuple[tuple[str, str, float | None, float | None], ...] = field(default=())
    """(ours, peer, first target, goal): ratios of medians to print."""
    quick: bool = True


def flyte_program(workload: str, mode: str, size: int) -> tuple[str, ...]:
    return ("{python}", str(PROGRAMS / "flyte_tasks.py"), workload, mode, str(size))


def peer_program(peer: str, workload: str, size: int) -> tuple[str, ...]:
    return ("{python}", str(PROGRAMS / f"{peer}_tasks.py"), workload, "{out}", str(size))


def ours(workload: str, size: int, *modes: str) -> tuple[Contender, ...]:
    label = {"local": "godwit local", "server": "godwit server, forked", "warm": "godwit server, warm"}
    durable = {"local": NO_FSYNC, "server": GROUP, "warm": GROUP}
    return tuple(
        Contender(label[m], "godwit", flyte_program(workload, m, size), durable[m], server=m != "local")
        for m in modes
    )


def published(workload: str, size: int, *modes: str) -> tuple[Contender, ...]:
    label = {"local": "flyte local", "persistent": "flyte local, persistent"}
    durable = {"local": NOTHING, "persistent": "recorded, no fsync"}
    return tuple(Contender(label[m], "flyte", flyte_program(workload, m, size), durable[m]) for m in modes)


def peer(name: str, workload: str, size: int, durability: str) -> Contender:
    return Contender(name, name, peer_program(name, workload, size), durability)


def command(
    label: str, peer_name: str, *argv: str, server: bool = False, durability: str = NOTHING
) -> Contender:
    return Contender(label, peer_name, argv, durability, server=server)


PAGE = str(Path(__file__).parent.parent / "examples" / "my_script.py")

WORKLOADS = (
    Workload(
        "W1",
        "cold command to first result: `pipeline --x 5`, whole process",
        (
            command(
                "godwit local",
                "godwit",
                "{flyte}",
                "run",
                "--local",
                PAGE,
                "pipeline",
                "--x",
                "5",
                durability=NO_FSYNC,
            ),
            command(
                "godwit server running",
                "godwit",
                "{flyte}",
                "run",
                PAGE,
                "pipeline",
                "--x",
                "5",
                server=True,
                durability=GROUP,
            ),
            command("flyte local", "flyte", "{flyte}", "run", "--local", PAGE, "pipeline", "--x", "5"),
        ),
        per_action=False,
        ratios=(
            ("godwit local", "flyte local", 0.5, 0.25),
            ("godwit server running", "flyte local", 1.0, 0.4),
        ),
    ),
    Workload(
        "W2",
        "chain: 1,000 trivial children awaited one by one",
        (
            *ours("chain", 1000, "local", "warm", "server"),
            *published("chain", 1000, "local", "persistent"),
            peer("dbos", "chain", 1000, "SQLite, its default"),
            peer("prefect", "chain", 1000, "SQLite, synchronous=NORMAL"),
            peer("ray", "chain", 1000, NOTHING),
            peer("dask", "chain", 1000, NOTHING),
        ),
        ratios=(("godwit local", "flyte local", 1.0, 0.25), ("godwit server, warm", "dbos", 2.0, 0.5)),
    ),
    Workload(
        "W3-1k",
        "fan-out: 1,000 trivial children gathered",
        (
            *ours("fan_out", 1000, "local", "warm", "server"),
            *published("fan_out", 1000, "local", "persistent"),
            peer("dbos", "fan_out", 1000, "SQLite, its default"),
            peer("prefect", "fan_out", 1000, "SQLite, synchronous=NORMAL"),
            peer("ray", "fan_out", 1000, NOTHING),
            peer("dask", "fan_out", 1000, NOTHING),
        ),
        ratios=(("godwit local", "flyte local", None, None),),
    ),
    Workload(
        "W3-10k",
        "fan-out: 10,000 trivial children gathered",
        (
            *ours("fan_out", 10_000, "local", "warm"),
            *published("fan_out", 10_000, "local"),
            peer("ray", "fan_out", 10_000, NOTHING),
        ),
        ratios=(("godwit local", "flyte local", 1.0, 0.2),),
    ),
    Workload(
        "W3-100k",
        "fan-out: 100,000 trivial children gathered",
        (*ours("fan_out", 100_000, "local"), *published("fan_out", 100_000, "local")),
        ratios=(("godwit local", "flyte local", None, None),),
        quick=False,
    ),
    Workload(
        "W4",
        "tree: every task calls 10 children, depth 4 (11,111 actions)",
        (*ours("tree", 4, "local"), *published("tree", 4, "local")),
        ratios=(("godwit local", "flyte local", 1.0, 0.25),),
    ),
    Workload(
        "W5",
        "100 MB of bytes from one task to the next",
        (*ours("payload", 100, "local"), *published("payload", 100, "local")),
        per_action=False,
        ratios=(("godwit local", "flyte local", 1.0, 0.25),),
    ),
    Workload(
        "W6",
        "64 tasks of 50 ms pure Python CPU on 2 cores (ideal 1.6 s)",
        (*ours("cpu", 64, "warm", "server"), *published("cpu", 64, "local"), peer("ray", "cpu", 64, NOTHING)),
        per_action=False,
    ),
    Workload(
        "W9",
        "1,000 cached children, all hits, in a new process",
        (*ours("hits", 1000, "local"), *published("hits", 1000, "local")),
        ratios=(("godwit local", "flyte local", 1.0, 0.2),),
    ),
    Workload(
        "W10",
        "`import flyte`, and `flyte --help`, CPU seconds",
        (
            command("godwit import", "godwit", "{python}", "-c", "import flyte"),
            command("flyte import", "flyte", "{python}", "-c", "import flyte"),
            command("godwit --help", "godwit", "{flyte}", "--help"),
            command("flyte --help", "flyte", "{flyte}", "--help"),
        ),
        per_action=False,
        ratios=(("godwit import", "flyte import", None, None), ("godwit --help", "flyte --help", None, None)),
    ),
)
