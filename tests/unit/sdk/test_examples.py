"""The examples, each run in this process: its result, and as many actions as it says."""

import importlib.util
import sys
from datetime import timedelta
from fractions import Fraction
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from sdk_history import History

import flyte
from flyte._types.interface import codec_of_task

EXAMPLES = Path(__file__).parents[3] / "examples"


def load(name: str) -> ModuleType:
    module_name = f"example_{name}"
    spec = importlib.util.spec_from_file_location(module_name, EXAMPLES / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module
    spec.loader.exec_module(module)
    return module


CASES: list[tuple[str, str, dict[str, Any], tuple[Any, ...], int]] = [
    ("my_script", "pipeline", {"x": 5}, (20,), 3),
    ("02_fan_out", "squares", {"n": 5}, (30,), 6),
    ("03_robust", "report", {"city": "Ushuaia"}, ("Ushuaia: 7 letters",), 3),
    (
        "04_types",
        "plan",
        {"order": {"items": [{"name": "tea", "price": 2.5}], "size": "LARGE"}},
        (5.0, timedelta(days=1)),
        3,
    ),
    ("05_beside_tasks", "lengths", {"words": ["one", "three", ""]}, ([3, 5, -1],), 5),
    ("06_resume_and_report", "train", {"steps": 4}, ([2, 3],), 2),
    ("07_report", "survey", {}, ({"Oslo": 4, "Quito": 5, "Ushuaia": 7},), 4),
    ("10_files", "main", {"days": 3}, ({"day-0.txt": 2, "day-1.txt": 4, "day-2.txt": 6},), 8),
    ("11_frames", "main", {"rows": 1000}, ("a: 334 rows",), 4),
    ("12_own_types", "main", {}, (Fraction(7, 4),), 2),
]


@pytest.mark.parametrize(
    ("name", "task", "inputs", "outputs", "actions"), CASES, ids=[case[0] for case in CASES]
)
def test_an_example_does_what_it_says(
    name: str, task: str, inputs: dict[str, Any], outputs: tuple[Any, ...], actions: int, history: History
) -> None:
    root = getattr(load(name), task)
    values = codec_of_task(root).inputs_from_json(inputs)
    assert flyte.run(root, **values).outputs() == outputs
    assert len(history.actions()) == actions


def test_every_example_is_run() -> None:
    assert {path.stem for path in EXAMPLES.glob("*.py")} == {case[0] for case in CASES}
