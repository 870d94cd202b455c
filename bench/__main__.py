"""Run the workloads and write what came out beside the targets into docs/reference/performance.md."""

import argparse
import os
import platform
import subprocess
import sys
import time

from bench import envs, measure, report, rounds
from bench.workloads import WORKLOADS, Workload

PAGE = envs.ROOT / "docs/reference/performance.md"


def chosen(words: list[str], full: bool) -> list[Workload]:
    """The workloads meant by ids or by their beginnings (`W3` is all of W3); without words the short ones."""
    if not words:
        return [each for each in WORKLOADS if full or not each.long]
    found = [
        each for each in WORKLOADS if any(each.id == word or each.id.startswith(f"{word}-") for word in words)
    ]
    for word in words:
        if not any(each.id == word or each.id.startswith(f"{word}-") for each in found):
            raise SystemExit(f"There is no workload {word}. There are: {', '.join(w.id for w in WORKLOADS)}.")
    return found


def circumstances(counted: int) -> str:
    """Where and when, in a line."""
    told = subprocess.run(
        ["git", "rev-parse", "--short=10", "HEAD"], cwd=envs.ROOT, capture_output=True, text=True, check=False
    )
    load = os.getloadavg()[0]
    return (
        f"{time.strftime('%Y-%m-%d')}, commit {told.stdout.strip() or 'unknown'}; {os.cpu_count()} cores, "
        f"{platform.machine()}, Python {platform.python_version()}; {counted} counted rounds after one for "
        f"warming up; load average at the end {load:.1f}."
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "workloads", nargs="*", help="such as W2 W3-10k W5; without any, all but the long ones"
    )
    parser.add_argument("--peers", help="comma-separated contenders, e.g. godwit,flyte,dbos (default: all)")
    parser.add_argument(
        "--rounds", type=int, default=5, help="counted rounds, after one that is not (default 5)"
    )
    parser.add_argument("--full", action="store_true", help="also the workloads that take minutes a round")
    parser.add_argument(
        "--no-write", action="store_true", help="leave docs/reference/performance.md as it is"
    )
    options = parser.parse_args()
    peers = set(options.peers.split(",")) if options.peers else None
    measure.become_subreaper()
    for workload in chosen(options.workloads, options.full):
        result = rounds.run(workload, options.rounds, peers)
        print(report.text(result), flush=True)
        if not options.no_write:
            report.write(PAGE, [result], circumstances(options.rounds))
    return 0


if __name__ == "__main__":
    sys.exit(main())
