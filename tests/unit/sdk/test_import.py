"""What importing the package does: nothing that a script which never runs anything would miss."""

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import flyte

HEAVY = ["google.protobuf", "flyteidl2", "asyncio", "apsw", "pydantic", "msgpack", "yaml", "flyte_core.model"]


def look(code: str) -> object:
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env=dict(os.environ),
    )
    return json.loads(done.stdout)


def test_an_import_loads_nothing_heavy_and_starts_nothing() -> None:
    code = (
        "import json, signal, sys, threading\n"
        "hook, interrupt = sys.excepthook, signal.getsignal(signal.SIGINT)\n"
        "import flyte\n"
        "env = flyte.TaskEnvironment(name='e')\n"
        "@env.task\n"
        "def f(x: int) -> int: return x\n"
        "f(1)\n"
        f"print(json.dumps([[m for m in {HEAVY} if m in sys.modules], threading.active_count(),\n"
        "    sys.excepthook is hook, signal.getsignal(signal.SIGINT) is interrupt]))\n"
    )
    assert look(code) == [[], 1, True, True]


def test_every_name_of_the_face_is_there() -> None:
    for name in flyte.__all__:
        assert getattr(flyte, name) is not None
    assert set(flyte.__all__) <= set(dir(flyte))


def test_the_version_is_the_package_s() -> None:
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())
    assert flyte.__version__ == project["project"]["version"]


@pytest.mark.parametrize(("name", "words"), [("deploy", "not there yet"), ("deplyo", "has no attribute")])
def test_what_is_not_there_says_what_to_do(name: str, words: str) -> None:
    with pytest.raises(AttributeError, match=words):
        getattr(flyte, name)
