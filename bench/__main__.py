"""Run the workloads. `python -m bench --help` says how."""

import argparse
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

from bench import envs, measure, report
from bench.workloads import WORKLOADS, Contender, Workload


def fill(contender: Contender, python: Path, scratch: Path) -> list[str]:
    words = {"python": str(python), "flyte": str(python.parent / "flyte"), "out": str(scratch / "state.db")}
    return [part.format(**words) if "{" in part else part for part in contender.argv]


class OurServer:
    """A server of ours in a data directory of its own, for the workloads that need one running."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.env = base_env(home)
        self.flyte = str(envs.python("godwit").parent / "flyte")

    def __enter__(self) -> "OurServer":
        subprocess.run([self.flyte, "start", "server"], env=self.env, check=True, capture_output=True)
        return self

    def __exit__(self, *_: object) -> None:
        subprocess.run([self.flyte, "stop", "server"], env=self.env, check=False, capture_output=True)


def base_env(home: Path) -> dict[str, str]:
    keep = {k: v for k, v in os.environ.items() if k in ("PATH", "LANG", "TMPDIR", "USER")}
    port = str(20_000 + os.getpid() % 20_000)
    return keep | {
        "HOME": str(home),
        "FLYTE_HOME": str(home / "flyte"),
        "FLYTE_PORT": port,
        "FLYTE_DISABLE_SENTRY": "true",
        "DO_NOT_TRACK": "1",
        "PREFECT_HOME": str(home / "prefect"),
        "PREFECT_LOGGING_LEVEL": "ERROR",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    }


def take(contender: Contender, home: Path) -> measure.Sample:
    scratch = Path(tempfile.mkdtemp(dir=home))
    env = base_env(home if contender.server else scratch)
    if "hits" in contender.argv:
        # A cache hit needs the state of an earlier process: one home per contender is kept.
        kept = home / f"hits-{contender.peer}"
        kept.mkdir(exist_ok=True)
        env = base_env(kept)
    try:
        return measure.run(
            fill(contender, envs.python(contender.peer), scratch), env, scratch, contender.timeout_s
        )
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def run_workload(workload: Workload, rounds: int, peers: set[str] | None) -> report.Result:
    contenders = [c for c in workload.contenders if peers is None or c.peer in peers]
    samples: dict[str, list[measure.Sample]] = defaultdict(list)
    failed: dict[str, str] = {}
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        home = Path(directory)
        server = OurServer(home) if any(c.server for c in contenders) else None
        if server is not None:
            server.__enter__()
        try:
            for turn in range(rounds + 1):
                for contender in contenders:
                    if contender.label in failed:
                        continue
                    print(f"{workload.id} {turn}/{rounds} {contender.label:28}", end="\r", file=sys.stderr)
                    try:
                        sample = take(contender, home)
                    except (measure.Failed, RuntimeError, OSError) as error:
                        failed[contender.label] = str(error).strip()
                        continue
                    if turn > 0:  # the first round warms caches and is not counted
                        samples[contender.label].append(sample)
        finally:
            if server is not None:
                server.__exit__()
    return report.Result(workload, contenders, dict(samples), failed)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--only", help="comma-separated workload ids, e.g. W2,W3-10k")
    parser.add_argument("--peers", help="comma-separated contenders, e.g. godwit,flyte,dbos (default: all)")
    parser.add_argument(
        "--rounds", type=int, default=5, help="counted rounds, after one that is not (default 5)"
    )
    parser.add_argument("--full", action="store_true", help="also the workloads that take minutes")
    parser.add_argument("--write", action="store_true", help="write docs/reference/performance.md")
    options = parser.parse_args()
    only = set(options.only.split(",")) if options.only else None
    peers = set(options.peers.split(",")) if options.peers else None
    measure.become_subreaper()
    results = []
    for workload in WORKLOADS:
        if (only and workload.id not in only) or (not only and not workload.quick and not options.full):
            continue
        result = run_workload(workload, options.rounds, peers)
        results.append(result)
        print(report.text(result))
    if options.write:
        machine = f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"
        load = statistics.mean(os.getloadavg())
        report.write(envs.ROOT / "docs/reference/performance.md", results, machine, options.rounds, load)
    return 0


if __name__ == "__main__":
    sys.exit(main())
