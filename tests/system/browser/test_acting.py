"""What people do on the pages: answer, rerun, recover, compare, search; on real runs of a real server."""

from collections.abc import Iterator

import pytest
from browser import Browser
from browser_machine import DETAILS, TREE, Machine, machine_with

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

SCRIPT = '''
import asyncio
import pathlib
from dataclasses import dataclass

import flyte
import flyte.report
import pandas as pd
import polars as pl
from flyte.io import Dir, File

DOT = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYGD4DwABBAEAX+XDSwAAAABJRU5ErkJggg=="
env = flyte.TaskEnvironment(name="my_env")
warm = flyte.TaskEnvironment(name="warm", reusable=flyte.ReusePolicy(replicas=2, concurrency=20))


@dataclass
class Config:
    rate: float
    names: list[str]


@env.task
def step_one(x: int) -> int:
    """Doubles."""
    print(f"INFO step one got {x}")
    return x * 2


@env.task
def step_two(y: int) -> int:
    print(f"WARNING step two got {y}")
    return y * 2


@env.task
def pipeline(x: int) -> int:
    return step_two(step_one(x))


@env.task
def configured(cfg: Config, times: int = 1) -> float:
    return cfg.rate * times * len(cfg.names)


@env.task
async def asks() -> str:
    ok = await flyte.new_condition.aio("approve", prompt="Publish <b>it</b>?")
    if not await ok.wait.aio():
        return "no"
    share = await flyte.new_condition.aio("share", prompt="To how many?", data_type=float)
    return f"published to {await share.wait.aio()}"


@env.task(retries=2)
def flaky(flag: str) -> str:
    path = pathlib.Path(flag)
    path.write_text(path.read_text() + "x" if path.exists() else "x")
    if len(path.read_text()) < 3:
        raise RuntimeError(f"not yet, {len(path.read_text())}")
    return path.read_text()


@warm.task
async def shard(i: int, flag: str) -> int:
    while i >= 30 and not pathlib.Path(flag).exists():
        await asyncio.sleep(0.05)
    if i % 20 == 7:
        raise ValueError(f"shard {i} is bad")
    return i


@warm.task
async def fan(flag: str) -> int:
    with flyte.group("shards"):
        found = await asyncio.gather(*(shard(i, flag) for i in range(40)), return_exceptions=True)
    return len(found)


@env.task
def once(flag: str, x: int) -> int:
    if not pathlib.Path(flag).exists():
        raise RuntimeError("the flag is missing")
    return x


@env.task
def half(flag: str) -> int:
    return once(flag, step_one(3))


@env.task(report=True)
def reporting() -> int:
    flyte.report.log(
        "<h2>Loss</h2><p id=told></p><script>"
        "let seen = 'apart';"
        "try { seen = parent.document.title; parent.fired = 1 } catch {}"
        "fetch('/v2/api/runs').then(() => told.append(' reached'), () => told.append(' unreached'));"
        "told.append(origin + ' ' + seen)</script>"
    )
    return 1


@env.task
async def media() -> tuple[pd.DataFrame, pl.DataFrame, File, File, Dir]:
    import base64

    rows = {"n": range(300), "day": pd.date_range("2026-01-01", periods=300, tz="UTC")}
    pathlib.Path("notes.md").write_text("# Notes <b>of</b> a task")
    pathlib.Path("dot.png").write_bytes(base64.b64decode(DOT))
    pathlib.Path("out/sub").mkdir(parents=True, exist_ok=True)
    pathlib.Path("out/sub/b.csv").write_text("x,y")
    return (
        pd.DataFrame(rows),
        pl.DataFrame({"s": ["a", None]}),
        await File.from_local("notes.md"),
        await File.from_local("dot.png"),
        await Dir.from_local("out"),
    )


@env.task
def patient(flag: str) -> int:
    import time

    while not pathlib.Path(flag).exists():
        time.sleep(0.05)
    return 1
'''


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    with machine_with(SCRIPT, tmp_path_factory.mktemp("work"), tmp_path_factory.mktemp("home")) as made:
        yield made


@pytest.fixture
def page(chromium: Browser, machine: Machine) -> Iterator[Browser]:
    chromium.fresh()
    chromium.problems()
    yield chromium
    chromium.leave()
    assert chromium.problems() == []


def finished(machine: Machine, *args: str) -> tuple[str, str]:
    """Run to the end; the run's name and address."""
    done = machine.flyte("run", "script.py", *args)
    name, url = done.stdout.split()[:2]
    return name, url


def select(page: Browser, name: str) -> None:
    page.click(f'{TREE} >> text="{name}"')
    page.until(f"document.querySelector('[data-testid=selected]').textContent === '{name}'")


def test_conditions_are_answered_from_the_page(page, machine):
    name, url = machine.detached("asks")
    page.open(url)
    page.see("[data-testid=actions] >> text=2 actions")
    page.see("role=button[name=/needs input/]")
    page.click("role=button[name='approve waits for your answer']")
    page.see("[data-testid=question] >> text=Publish <b>it</b>?")
    assert f"flyte signal condition {name} approve yes" in page.text("[data-testid=question]")
    assert page.axe() == []
    page.click("[data-testid=question] >> role=button[name=Yes]")
    page.see(f'{TREE} >> text="share"')
    select(page, "share")
    page.fill("[aria-label='Your answer']", "many")
    page.click("role=button[name=Answer]")
    page.see("[data-testid=question] >> text=A number")
    page.fill("[aria-label='Your answer']", "0.25")
    page.press("Enter")
    page.see("[data-testid=status] >> text=Succeeded")
    select(page, "asks")
    page.see("[data-testid=outputs] >> text=published to 0.25")


def test_a_run_is_run_again_with_another_input_and_compared(page, machine):
    name, url = finished(machine, "pipeline", "--x", "5")
    page.open(url)
    page.click("role=button[name=Rerun]")
    page.fill("dialog[open] [aria-label=x]", "five")
    page.see("dialog[open] >> text=A whole number")
    page.fill("dialog[open] [aria-label=x]", "6")
    page.see("dialog[open] >> text=1 changed")
    assert f"flyte rerun {name} --x 6" in page.text("dialog[open]")
    assert page.axe() == []
    page.click("dialog[open] >> role=button[name=Run]")
    page.see("text=Rerun of")
    page.see("[data-testid=status] >> text=Succeeded")
    assert name not in page.url()
    page.see("[data-testid=outputs] >> text=24")
    page.click("role=link[name=Compare]")
    page.see("[data-testid=first] >> text=step_one was given other inputs.")
    assert page.texts("[aria-label=Outputs] [data-change=o0] code") == ["20", "24"]
    assert page.count("[data-testid=shape]") == 3
    assert page.axe() == []
    page.see("[data-testid=waterfall] >> nth=1 >> text=step_two")
    assert page.count("[data-testid=waterfall]") == 2
    page.click("[data-testid=first] >> role=link >> nth=1")
    page.until("document.querySelector('[data-testid=selected]')?.textContent === 'step_one'")
    page.see("[data-testid=inputs] >> text=6")


def test_one_action_is_run_by_itself(page, machine):
    _, url = finished(machine, "pipeline", "--x", "4")
    page.open(url)
    page.see(TREE)
    select(page, "step_two")
    page.click("role=button[name='Rerun this']")
    page.see("dialog[open] >> text=Run step_two by itself")
    page.press("Control+Enter")
    page.see("[data-testid=actions] >> text=1 action")
    page.see("[data-testid=outputs] >> text=16")


def test_structures_are_filled_in_field_by_field(page, machine):
    _, url = finished(machine, "configured", "--cfg", '{"rate": 1.0, "names": ["a", "b"]}')
    page.open(url)
    page.click("role=button[name=Rerun]")
    page.fill("dialog[open] [aria-label='cfg rate']", "3")
    page.click("dialog[open] >> role=button[name=Add]")
    page.fill("dialog[open] [aria-label='cfg names 3']", "c")
    page.click("dialog[open] >> role=tab[name='As JSON']")
    page.see("dialog[open] textarea")
    assert page.evaluate("JSON.parse(document.querySelector('dialog[open] textarea').value)") == {
        "cfg": {"rate": 3, "names": ["a", "b", "c"]},
        "times": 1,
    }
    page.click("dialog[open] >> role=button[name=Run]")
    page.see("[data-testid=status] >> text=Succeeded")
    page.see("[data-testid=outputs] >> text=9")


def test_attempts_are_shown_with_what_went_wrong_in_each(page, machine):
    _, url = finished(machine, "flaky", "--flag", str(machine.directory / "tries"))
    page.open(url)
    page.see("text=of 3")
    page.press("[")
    page.see("[data-testid=error] >> text=not yet, 2")
    page.press("[")
    page.see("[data-testid=error] >> text=not yet, 1")
    assert "attempt=1" in page.url()


def test_a_fan_out_is_followed_live_and_its_failures_grouped(page, machine):
    flag = machine.directory / "go"
    _, url = machine.detached("fan", "--flag", str(flag))
    page.open(url)
    page.see("[data-testid=actions] >> text=41 actions")
    page.see("role=button[name=/^28 succeeded/]")
    page.evaluate("window.same = true")
    flag.touch()
    page.see("[data-testid=status] >> text=Succeeded")
    page.see("role=button[name=/^2 failed/]")
    assert page.evaluate("window.same")
    page.press("e")
    page.see("[data-testid=error] >> text=ValueError")
    page.click("[data-testid=error] >> text=1 other action failed the same way")
    page.see("[data-testid=error] >> text=shard 27 is bad")
    page.click("role=button[name=/^2 failed/]")
    page.see("text=2 actions of 41 actions shown")


def test_logs_of_all_actions_are_searched_and_lead_to_their_action(page, machine):
    _, url = finished(machine, "pipeline", "--x", "5")
    page.open(f"{url}?view=logs")
    page.see("[data-testid=merged] >> text=step one got 5")
    page.fill("[aria-label='Search the logs of all actions']", "STEP TWO")
    page.see("[data-testid=merged] mark >> text=step two")
    page.gone("[data-testid=merged] >> text=step one got 5")
    page.click("[data-testid=merged] >> role=button[name=step_two]")
    page.see("[data-testid=log] >> text=step two got 10")
    page.see("[data-testid=log] [data-current=true]")
    assert "line=1" in page.url()
    assert page.axe() == []


def test_a_report_runs_apart_from_the_page(page, machine):
    _, url = finished(machine, "reporting")
    page.open(url)
    page.click(f"{DETAILS} >> role=tab[name=Report]")
    page.see("[data-testid=report]")
    told = page.in_frame("[data-testid=report]", "#told", "unreached")
    assert told == "null apart unreached"
    assert page.evaluate("window.fired === undefined")
    blocked = page.problems()
    assert all("/_usercontent/" in problem for problem in blocked), blocked


def test_frames_files_images_and_directories_are_previewed(page, machine):
    _, url = finished(machine, "media")
    page.open(f"{url}?tab=io")
    page.see("[data-value=o0] td >> text=2026-01-05 00:00:00+00:00")
    page.see("[data-value=o0] >> text=300 × 2")
    page.see("[data-value=o1] td >> text=null")
    page.see("[data-value=o2] pre >> text=# Notes <b>of</b> a task")
    page.until("document.querySelector('[data-value=o3] img').naturalWidth === 1")
    page.see("[data-value=o4] >> text=sub/b.csv")
    page.click("[data-value=o0] >> role=button[name='Open table']")
    page.see("dialog[open] >> text=The first 200 of 300 rows")
    assert page.axe() == []


def test_a_failed_run_is_recovered(page, machine):
    flag = machine.directory / "recover"
    name, url = finished(machine, "half", "--flag", str(flag))
    page.open(url)
    page.see("[data-testid=status] >> text=Failed")
    flag.touch()
    page.click("role=button[name=Recover]")
    page.click("dialog[open] >> role=button[name=Recover]")
    page.see("text=Recovers")
    page.see("[data-testid=status] >> text=Succeeded")
    page.see("role=button[name=/^1 recovered/]")
    assert name not in page.url()


def test_task_and_code_are_shown(page, machine):
    _, url = finished(machine, "pipeline", "--x", "1")
    page.open(url)
    page.see(TREE)
    select(page, "step_one")
    page.click(f"{DETAILS} >> role=tab[name=Task]")
    page.see("[data-testid=task] >> text=step_one(x: int) -> int")
    page.click(f"{DETAILS} >> role=tab[name=Code]")
    page.see("[data-testid=code] [data-here=true] >> text=def step_one")
    assert page.axe() == []


def test_runs_are_chosen_compared_and_aborted(page, machine):
    names = [machine.detached("patient", "--flag", str(machine.directory / "never"))[0] for _ in range(2)]
    page.open(f"http://localhost:{machine.port}/v2/runs/project/flytesnacks/domain/development")
    for name in names:
        page.click(f"[aria-label='Choose {name}']")
    page.see("text=2 runs chosen")
    page.see("[aria-label='Chosen runs'] >> role=link[name=Compare]")
    page.click("role=button[name='Abort 2']")
    page.click("dialog[open] >> role=button[name=Abort]")
    for name in names:
        page.see(f"tr:has-text('{name}') >> text=Aborted")
    page.gone("text=2 runs chosen")


def test_lists_are_filtered_by_their_address_and_grouped(page, machine):
    finished(machine, "pipeline", "--x", "2")
    base = f"http://localhost:{machine.port}/v2/runs/project/flytesnacks/domain/development"
    page.open(f"{base}?task=my_env.pipeline&since=1d")
    page.see("tr >> text=my_env.pipeline")
    assert page.count("tr:has-text('my_env.asks')") == 0
    page.click("role=button[name='Group by task']")
    page.see("th >> text=Median")
    page.click("tr >> role=button[name='my_env.pipeline']")
    page.until("new URLSearchParams(location.search).get('task') === 'my_env.pipeline'")
    page.open(f"{base}?task=nobody.calls")
    page.see("text=No run matches")
    page.click("role=button[name='Clear the filters']")
    page.see("tr >> text=my_env.pipeline")
    assert page.axe() == []


def test_anything_is_gone_to_by_its_name(page, machine):
    name, url = finished(machine, "pipeline", "--x", "3")
    page.open(url)
    page.see(TREE)
    page.press("Control+k")
    page.fill("[aria-label='Go to']", "step_t")
    page.see("[role=option][aria-selected=true] >> text=step_two")
    assert page.axe() == []
    page.press("Enter")
    page.until("document.querySelector('[data-testid=selected]').textContent === 'step_two'")
    page.press("Control+k")
    page.fill("[aria-label='Go to']", name)
    page.see(f"[role=option] >> text={name}")
    page.press("Escape")
    page.gone("dialog[open]")
    page.press("?")
    page.see("dialog[open] >> text=Go to anything")


@pytest.mark.parametrize("place", ["tasks", "triggers", "apps", "secrets"])
def test_every_place_of_the_rail_says_what_there_is(page, machine, place):
    page.open(f"http://localhost:{machine.port}/v2/{place}/project/nobody/domain/development")
    page.see("h1")
    page.see("main >> text=flyte run")
    assert page.axe() == []
