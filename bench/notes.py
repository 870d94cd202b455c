"""What noting where values came from costs: `python -m bench.notes` prints the ratio, with notes over without.

Both are measured in one process, in turn, so that what else the machine does meets both.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from bench import envs
from bench.rounds import base_env

PROGRAM = Path(__file__).with_name("programs") / "notes_cost.py"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.notes", description=__doc__)
    parser.add_argument("--rounds", type=int, default=25, help="pairs of runs of each program (default 25)")
    parser.add_argument("--size", type=int, default=300, help="actions in each run (default 300)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as home:
        words = [str(envs.python("godwit")), str(PROGRAM), str(options.rounds), str(options.size)]
        done = subprocess.run(
            words, env=base_env(Path(home)), cwd=home, capture_output=True, text=True, check=True
        )
    for name, ratio in json.loads(done.stdout.splitlines()[-1]).items():
        print(f"{name:12} wall {ratio['wall']:.3f}   CPU {ratio['cpu']:.3f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
