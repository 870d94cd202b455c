"""A virtual environment for every contender, built once with uv."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "bench" / "out"

DATA = ["numpy", "pandas", "pyarrow"]

PACKAGES = {
    "flyte": ["flyte==2.12.1"],
    "dbos": ["dbos"],
    "prefect": ["prefect"],
    "ray": ["ray"],
    "dask": ["distributed"],
    "godwit-data": ["-e", str(ROOT), *DATA],
    "flyte-data": ["flyte==2.12.1", *DATA],
}


def python(contender: str) -> Path:
    """The interpreter of a contender; its environment is made when it is missing.

    Raises:
        RuntimeError: its packages do not install here.
    """
    if contender == "godwit":
        return Path(sys.executable)
    place = Path(os.environ.get("GODWIT_BENCH_ENVS", OUT / "envs")) / contender
    binary = place / "bin" / "python"
    if not (place / ".complete").exists():
        uv = shutil.which("uv") or str(Path(sys.executable).parent / "uv")
        print(f"making an environment for {contender} ...", file=sys.stderr)
        for command in (
            [uv, "venv", "-q", "--clear", "--python", sys.executable, str(place)],
            [uv, "pip", "install", "-q", "--python", str(binary), *PACKAGES[contender]],
        ):
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                raise RuntimeError(f"{contender} does not install here: {done.stderr[-300:]}")
        (place / ".complete").touch()
    return binary
