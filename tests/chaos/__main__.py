"""`python -m tests.chaos --kills 300`: kill at random, then look whether every promise held."""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.chaos.judge import Findings
from tests.chaos.monkey import Monkey


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--write", type=Path, help="append a line with the figures to this Markdown table")
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    begin = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="chaos-", ignore_cleanup_errors=True) as home:
        found = Monkey(Path(home) / "home", options.seed, say=True).go(options.kills)
    line = row(found, options.seed, time.monotonic() - begin)
    print(line)
    for wrong in found.wrong:
        print("WRONG", wrong)
    if options.write:
        with options.write.open("a") as page:
            page.write(line + "\n")
    return 1 if found.wrong else 0


def row(found: Findings, seed: int, took_s: float) -> str:
    """A line of the table in docs/reference/chaos.md."""
    kills = ", ".join(f"{kind} {count}" for kind, count in sorted(found.kills.items()))
    cells = (
        time.strftime("%Y-%m-%d"),
        commit(),
        seed,
        f"{sum(found.kills.values())}: {kills}",
        found.runs,
        found.actions,
        found.attempts,
        found.lost_attempts,
        found.budget_spent,
        f"{found.slowest_start_s:.1f} s",
        f"{took_s / 60:.0f} min",
        f"**{len(found.wrong)}**",
    )
    return f"| {' | '.join(map(str, cells))} |"


def commit() -> str:
    """The commit that was tried; empty outside a clone."""
    told = subprocess.run(
        ["git", "rev-parse", "--short=10", "HEAD"],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=False,
    )
    return told.stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
