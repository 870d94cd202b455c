"""The arrows of real runs: recorded by a real worker, drawn by a real browser."""

from collections.abc import Iterator

import pytest
from browser import Browser
from browser_machine import Machine, machine_with

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

SCRIPT = """
import asyncio

import flyte

env = flyte.TaskEnvironment(name="my_env")


@env.task
def step_one(x: int) -> int:
    return x * 2


@env.task
def step_two(x: int) -> int:
    return x + 10


@env.task
def pipeline(x: int) -> int:
    a = step_one(x)
    b = step_two(a)
    return b


@env.task
async def score(n: int) -> int:
    return n * n


@env.task
async def show(top: int, scores: list[int]) -> str:
    return f"{top} of {scores}"


@env.task
async def contest(n: int) -> str:
    scores = await asyncio.gather(*(score(each) for each in range(n)))
    return await show(max(scores), list(scores))
"""


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    with machine_with(SCRIPT, tmp_path_factory.mktemp("work"), tmp_path_factory.mktemp("home")) as made:
        yield made


@pytest.fixture
def page(chromium: Browser) -> Iterator[Browser]:
    """A fresh profile; nothing may have gone wrong in the page's console."""
    chromium.fresh()
    chromium.problems()
    yield chromium
    chromium.leave()
    assert chromium.problems() == []


def arrows(page: Browser, machine: Machine, *words: str) -> list[list[str]]:
    """Run a task, open its graph; of each arrow: its ends, label, confidence, dashes and story."""
    done = machine.flyte("run", *words)
    assert done.returncode == 0, done.stderr
    page.open(f"{done.stdout.splitlines()[1]}?view=graph")
    page.see("[data-arrow]")
    found: list[list[str]] = page.evaluate(
        "[...document.querySelectorAll('[data-arrow]')].map(each => [each.dataset.arrow,"
        " each.querySelector('text').textContent, each.dataset.confidence,"
        " getComputedStyle(each.querySelector('path')).strokeDasharray, each.querySelector('title').textContent])"
    )
    return sorted(found)


def test_the_first_page_has_one_arrow_with_the_name_of_the_parameter(page, machine):
    assert arrows(page, machine, "script.py", "pipeline", "--x", "5") == [
        ["step_one>step_two", "x", "exact", "none", "step_one → step_two\nx"]
    ]
    assert page.count("[data-box]") == 3


def test_an_inferred_arrow_is_dotted_and_says_so(page, machine):
    words = ("--env", "FLYTE_DATAFLOW=0", "script.py", "pipeline", "--x", "5")
    ((ends, label, confidence, dashes, story),) = arrows(page, machine, *words)
    assert (ends, label, confidence) == ("step_one>step_two", "x", "inferred")
    assert dashes != "none"
    assert story == "step_one → step_two\nx (inferred)"
    page.see("[class*=legend] >> text=inferred")


def test_a_fan_out_flows_into_what_takes_all_of_it_and_the_largest(page, machine):
    found = arrows(page, machine, "script.py", "contest", "--n", "4")
    assert [(ends, confidence) for ends, _, confidence, *_ in found] == [("score>show", "exact")] * 4
    labels = [sorted(label.split(", ")) for _, label, *_ in found]
    assert sorted(labels) == [["scores"], ["scores"], ["scores"], ["scores", "top"]]
