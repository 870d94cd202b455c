"""From the command line to the page: real runs on a real server, seen in a real browser."""

import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import Browser
from browser_machine import DETAILS, TREE, Machine, machine_with, until

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

SCRIPT = """
import pathlib
import sys
import time

import flyte

env = flyte.TaskEnvironment(name="my_env")


@env.task
def step_one(x: int) -> int:
    print(f"step one got {x}")
    return x * 2


@env.task
def step_two(y: int) -> int:
    print("to the other stream", file=sys.stderr)
    return y * 2


@env.task
def pipeline(x: int) -> int:
    return step_two(step_one(x))


@env.task
def patient(flag: str) -> str:
    print("waiting for the flag", flush=True)
    while not pathlib.Path(flag).exists():
        time.sleep(0.05)
    print("the flag came", flush=True)
    return "done waiting"


@env.task
def broken(x: int) -> int:
    raise ValueError(f"cannot use {x}")
"""


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    with machine_with(SCRIPT, tmp_path_factory.mktemp("work"), tmp_path_factory.mktemp("home")) as made:
        yield made


@pytest.fixture
def page(chromium: Browser, machine: Machine) -> Iterator[Browser]:
    """A fresh profile; nothing may have gone wrong in the page's console."""
    chromium.fresh()
    chromium.problems()
    yield chromium
    chromium.leave()
    assert chromium.problems() == []


def shown(page: Browser, name: str, role: str) -> dict[str, str]:
    """Inputs or outputs of an action as the page shows them."""
    page.click(f'{TREE} >> text="{name}"')
    page.until(f"document.querySelector('[data-testid=selected]').textContent === '{name}'")
    page.click(f"{DETAILS} >> text=Inputs & outputs")
    page.see(f"[data-testid={role}]")
    found: dict[str, str] = page.evaluate(
        f"Object.fromEntries([...document.querySelectorAll('[data-testid={role}] [data-value]')]"
        ".map(item => [item.dataset.value, item.querySelector('[class*=shown]').textContent]))"
    )
    return found


def test_the_printed_address_shows_the_run(page, machine):
    done = machine.flyte("run", "script.py", "pipeline", "--x", "5")
    assert done.returncode == 0, done.stderr
    name, url, last = done.stdout.splitlines()
    assert last == "Run 'a0' completed successfully."
    page.open(url)
    page.see(TREE)
    assert page.text("[data-testid=status]") == "Succeeded"
    assert page.text("[data-testid=actions]") == "3 actions"
    assert page.texts(f"{TREE} [class*=label]") == ["pipeline", "step_one", "step_two"]
    assert shown(page, "pipeline", "inputs") == {"x": "5"}
    assert list(shown(page, "pipeline", "outputs").values()) == ["20"]
    assert shown(page, "step_one", "inputs") == {"x": "5"}
    assert list(shown(page, "step_one", "outputs").values()) == ["10"]
    assert list(shown(page, "step_two", "inputs").values()) == ["10"]
    assert list(shown(page, "step_two", "outputs").values()) == ["20"]
    page.click(f"{DETAILS} >> role=tab[name=Logs]")
    page.see("[data-testid=log] >> text=to the other stream")
    page.click(f'{TREE} >> text="step_one"')
    page.see("[data-testid=log] >> text=step one got 5")
    assert page.axe() == []
    page.click("role=tab[name=Graph]")
    page.see("[data-box]")
    assert page.count("[data-box]") == 3
    assert page.axe() == []
    page.click("nav >> text=Runs")
    page.see(f"tr:has-text('{name}') >> text=Succeeded")
    length = machine.api(name)["run"]["duration_ms"]
    told = page.text(f"tr:has-text('{name}') [class*=duration] span")
    number, unit = re.fullmatch(r"([\d.]+)(ms|s)", told).groups()
    assert abs(float(number) * (1 if unit == "ms" else 1000) - length) <= 60


def test_a_run_is_followed_without_reloading(page, machine):
    flag = machine.directory / "flag"
    name, url = machine.detached("patient", "--flag", str(flag))
    page.open(f"{url}?tab=logs")
    page.see("[data-testid=status] >> text=Running")
    page.see("[data-testid=log] >> text=waiting for the flag")
    page.evaluate("window.same = true")
    flag.touch()
    page.see("[data-testid=log] >> text=the flag came")
    page.see("[data-testid=status] >> text=Succeeded")
    assert page.evaluate("window.same")
    page.click(f"{DETAILS} >> text=Inputs & outputs")
    page.see("[data-testid=outputs] >> text=done waiting")
    assert machine.api(name)["run"]["phase"] == "succeeded"


def test_a_failure_shows_the_users_traceback(page, machine):
    done = machine.flyte("run", "script.py", "broken", "--x", "7")
    assert done.returncode == 1
    page.open(done.stdout.split()[1])
    page.see("[data-testid=error] >> text=ValueError")
    error = page.text("[data-testid=error]")
    assert "cannot use 7" in error
    assert "in broken" in error
    assert page.text("[data-testid=status]") == "Failed"
    assert page.axe() == []


def test_abort_ends_the_run_and_its_process(page, machine):
    name, url = machine.detached("patient", "--flag", str(machine.directory / "never"))
    page.open(url)
    page.see("[data-testid=status] >> text=Running")
    worker = machine.api(f"{name}/actions/a0")["action"]["tries"][0]["worker"]
    pid = int(worker.split()[-1])
    page.click("role=button[name=Abort]")
    page.fill("dialog[open] input", "not needed")
    page.click("dialog[open] >> role=button[name=Abort]")
    page.see("[data-testid=status] >> text=Aborted")
    until(lambda: not alive(pid))
    assert machine.api(name)["run"]["abort_reason"] == "not needed"


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def test_a_run_of_another_process_is_in_the_same_list(page, machine):
    page.open(f"http://localhost:{machine.port}/v2/runs/project/flytesnacks/domain/development")
    page.see("h1 >> text=Runs")
    done = machine.flyte("run", "--local", "script.py", "pipeline", "--x", "6")
    assert done.returncode == 0, done.stderr
    name = done.stdout.split()[0]
    page.see(f"tr:has-text('{name}') >> text=Succeeded")
    page.see(f"tr:has-text('{name}') >> text=local")
    page.click(f"tr:has-text('{name}') a")
    page.see(TREE)
    assert list(shown(page, "step_two", "outputs").values()) == ["24"]
    page.click(f'{TREE} >> text="step_one"')
    page.click(f"{DETAILS} >> role=tab[name=Logs]")
    page.see("[data-testid=log] >> text=step one got 6")


def test_pages_of_another_site_cannot_abort(machine):
    name, _ = machine.detached("patient", "--flag", str(machine.directory / "never"))
    url = f"http://localhost:{machine.port}/v2/api/runs/flytesnacks/development/{name}/abort"
    for headers in (
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "http://evil.example"},
    ):
        request = urllib.request.Request(
            url, b"{}", {"Content-Type": "application/json", **headers}, method="POST"
        )
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(request, timeout=20)
        assert refused.value.code == 403
        refused.value.close()
    assert machine.api(name)["run"]["phase"] in ("queued", "initializing", "running")
    machine.flyte("abort", "run", name)
