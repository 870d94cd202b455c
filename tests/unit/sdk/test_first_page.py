"""The first page, in this process: its script, its sentences (R1-R11, R31-R33)."""

import importlib.util
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from sdk_history import History

import flyte

SCRIPT = Path(__file__).parents[3] / "examples" / "my_script.py"


@pytest.fixture
def page() -> ModuleType:
    spec = importlib.util.spec_from_file_location("my_script", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["my_script"] = module
    spec.loader.exec_module(module)
    return module


def test_one_run_and_three_actions(page: ModuleType, history: History) -> None:
    run = flyte.run(page.pipeline, x=5)
    assert run.outputs()[0] == 20
    assert len(history.runs()) == 1
    assert history.tree() == [
        ("pipeline", None, 0, "succeeded"),
        ("step_one", "pipeline", 0, "succeeded"),
        ("step_two", "pipeline", 1, "succeeded"),
    ]


def test_every_action_has_its_own_inputs_and_outputs(page: ModuleType, history: History) -> None:
    flyte.run(page.pipeline, x=5)
    assert history.values("pipeline") == ({"x": 5}, {"o0": 20})
    assert history.values("step_one") == ({"x": 5}, {"o0": 10})
    assert history.values("step_two") == ({"x": 10}, {"o0": 20})


def test_a_task_alone_is_a_run_of_one_action(page: ModuleType, history: History) -> None:
    flyte.run(page.step_one, 7)
    assert [each.spec.task_name for each in history.actions()] == ["my_env.step_one"]


def test_the_root_is_a0_and_the_run_is_called_by_its_task(page: ModuleType, history: History) -> None:
    run = flyte.run(page.pipeline, x=5)
    assert history.actions()[0].key.name == "a0"
    assert history.runs()[0].record.task_name == "my_env.pipeline"
    assert re.fullmatch(r"[a-z0-9][a-z0-9-]{0,29}", run.name)


def test_a_direct_call_records_nothing(page: ModuleType, data_dir: Path) -> None:
    assert page.pipeline(5) == 20
    assert not data_dir.exists()


def test_a_run_object_has_status_name_and_url(page: ModuleType) -> None:
    flyte.init()
    run = flyte.run(page.pipeline, x=5)
    assert str(run.status) == "succeeded"
    assert str(run.phase) == "succeeded"
    assert run.url.endswith(f"/v2/runs/project/flytesnacks/domain/development/{run.name}")
    assert flyte.remote.Run.get(run.name).status == run.status


async def test_a_run_from_async_code(page: ModuleType) -> None:
    run = await flyte.run.aio(page.pipeline, x=5)
    assert (await run.outputs.aio())[0] == 20


def test_init_from_config_needs_no_configuration() -> None:
    flyte.init_from_config()
    flyte.init_from_config()
    from flyte import _session

    assert _session.current().mode == "remote"
    assert _session.current().config.endpoint == ""


def test_the_run_is_recorded_before_its_first_line(tmp_path: Path, history: History) -> None:
    """Killed by force at the first line of user code, the run is there all the same."""
    script = tmp_path / "killed.py"
    script.write_text(
        "import flyte, os, signal\n"
        "env = flyte.TaskEnvironment(name='e')\n"
        "@env.task\n"
        "def main() -> None:\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "flyte.run(main)\n"
    )
    done = subprocess.run([sys.executable, str(script)], env=dict(os.environ), timeout=60)
    assert done.returncode == -signal.SIGKILL
    assert [(each.record.task_name, str(each.root.phase)) for each in history.runs()] == [
        ("e.main", "running")
    ]
