"""The console's lane: its lint, types and unit tests, and that the committed pages equal a fresh build.

Without Node only the record of the sources is compared, which needs nothing but Python.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CONSOLE = ROOT / "console"
DIST = ROOT / "src/flyte_server/console/_dist"


def main() -> int:
    sys.path.insert(0, str(ROOT))
    from hatch_build import problem

    found = problem(ROOT)
    if found:
        print(found, file=sys.stderr)
        return 1
    npm = shutil.which("npm")
    if npm is None:
        print("The console's pages match their sources (no Node here: not built again).")
        return 0
    install(npm)
    for command in (["lint"], ["types"], ["test"]):
        subprocess.run([npm, "run", "--silent", *command], cwd=CONSOLE, check=True)
    with tempfile.TemporaryDirectory() as fresh:
        env = {**os.environ, "GODWIT_CONSOLE_OUT": fresh}
        build = [npm, "exec", "--", "vite", "build", "--logLevel", "warn"]
        subprocess.run(build, cwd=CONSOLE, env=env, check=True)
        different = differences(Path(fresh))
    if different:
        names = ", ".join(different)
        print(
            f"The committed pages are not what a fresh build gives ({names}): run `make console`.",
            file=sys.stderr,
        )
        return 1
    print("The console's pages equal a fresh build.")
    return 0


def install(npm: str) -> None:
    """`npm ci`, unless what is installed is what the lock file names."""
    done = CONSOLE / "node_modules/.godwit-lock"
    wanted = (CONSOLE / "package-lock.json").read_bytes()
    if done.is_file() and done.read_bytes() == wanted:
        return
    subprocess.run([npm, "ci", "--no-audit", "--no-fund", "--silent"], cwd=CONSOLE, check=True)
    done.write_bytes(wanted)


def differences(fresh: Path) -> list[str]:
    """Files that only one side has or that differ."""

    def contents(root: Path) -> dict[str, bytes]:
        return {
            path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()
        }

    ours, theirs = contents(DIST), contents(fresh)
    return sorted(name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name))


if __name__ == "__main__":
    sys.exit(main())
