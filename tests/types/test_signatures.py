"""The face as type checkers see it: what is right passes in strict mode, what is wrong is refused."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
WRONG = {
    number
    for number, line in enumerate((HERE / "wrong.py").read_text().splitlines(), 1)
    if line.endswith("# wrong")
}


def run(*command: str, cwd: Path) -> str:
    done = subprocess.run(
        [*command],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
        env=os.environ | SETTINGS,
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return done.stdout


SETTINGS = {"PYRIGHT_PYTHON_IGNORE_WARNINGS": "1"}


def mypy(place: Path) -> dict[str, dict[int, str]]:
    """What is wrong with the scripts, by file and line."""
    options = ("--strict", "--config-file=", f"--cache-dir={place}", "--output=json")
    found: dict[str, dict[int, str]] = {"script.py": {}, "wrong.py": {}}
    files = [str(HERE / name) for name in found]
    for line in run(sys.executable, "-m", "mypy", *options, *files, cwd=place).splitlines():
        each = json.loads(line)
        if each["severity"] == "error":
            found[Path(each["file"]).name][each["line"]] = each["message"]
    return found


def pyright(place: Path) -> dict[str, dict[int, str]]:
    """The same, by another checker."""
    found: dict[str, dict[int, str]] = {"script.py": {}, "wrong.py": {}}
    options = ("--outputjson", "--pythonpath", sys.executable)
    files = [str(HERE / name) for name in found]
    for each in json.loads(run(sys.executable, "-m", "pyright", *options, *files, cwd=place))[
        "generalDiagnostics"
    ]:
        if each["severity"] == "error":
            found[Path(each["file"]).name][each["range"]["start"]["line"] + 1] = each["message"]
    return found


@pytest.mark.timeout(300)
@pytest.mark.parametrize("checker", [mypy, pyright])
def test_a_right_script_passes_and_each_wrong_call_is_refused(
    checker: Callable[[Path], dict[str, dict[int, str]]], tmp_path: Path
) -> None:
    found = checker(tmp_path)
    assert found["script.py"] == {}
    assert set(found["wrong.py"]) == WRONG, found["wrong.py"]


@pytest.mark.timeout(300)
def test_the_face_has_the_types_it_says() -> None:
    done = run(sys.executable, "-m", "mypy", "tests/types/signatures.py", cwd=ROOT)
    assert "Success" in done, done
