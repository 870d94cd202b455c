"""`python -m tests.chaos --kills 300`: kill at random, then look whether every promise held."""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.chaos.monkey import Monkey


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--write", type=Path, help="append a line with the figures to this Markdown table")
    options = parser.parse_args()
    print(f"seed {options.seed}")
    begin = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="chaos-", ignore_cleanup_errors=True) as home:
        found = Monkey(Path(home) / "home", options.seed).go(options.kills)
        took = time.monotonic() - begin
        row = (
            f"| {time.strftime('%Y-%m-%d')} | {options.seed} | {sum(found.kills.values())} "
            f"({', '.join(f'{k} {v}' for k, v in sorted(found.kills.items()))}) | {found.runs} | {found.succeeded} | "
            f"{found.budget_spent} | {found.attempts} | {found.lost_attempts} | {found.slowest_start_s:.1f} s | "
            f"{len(found.wrong)} | {took:.0f} s |"
        )
        print(row)
        for line in found.wrong:
            print("WRONG", line)
        if options.write:
            with options.write.open("a") as page:
                page.write(row + "\n")
    return 1 if found.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
