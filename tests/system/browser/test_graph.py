"""The execution graph and the bottlenecks of a run, in a real browser over histories written through the engine."""

import pytest
from browser import Browser
from console_history import DOMAIN, PROJECT, History
from console_site import Console

from flyte_core.model import ActionKey

pytestmark = pytest.mark.browser


def address(site: Console, path: str) -> str:
    return f"http://localhost:{site.port}/v2/runs/project/{PROJECT}/domain/{DOMAIN}{path}"


def diamond(history: History) -> ActionKey:
    """Producers of 10, 3 and 1 s feed one consumer of 2 s."""
    root = history.run("rdiamond", "env.main")
    history.claim(root)
    history.start(root)
    made = history.call(root, *[(f"env.{name}", {"n": 1}) for name in ("slow", "middle", "quick")])
    for each in made:
        history.claim(each)
        history.start(each)
    slow, middle, quick = made
    for seconds, each in ((1, quick), (2, middle), (7, slow)):
        history.wait(seconds)
        history.succeed(each, o0=1)
    (consumer,) = history.call(root, ("env.consume", {"a": 1}))
    for each, param in zip(made, "abc", strict=True):
        history.flow(root, each, "n", "argument")
        history.flow(each, consumer, param, confidence="derived" if each is quick else "exact")
    history.claim(consumer)
    history.start(consumer)
    history.wait(2)
    history.succeed(consumer, o0=3)
    history.flow(consumer, root, "o0", "result")
    history.succeed(root, o0=3)
    return root


def arrows(browser: Browser) -> list[tuple[str, str, str, bool]]:
    """What is drawn: from where to where, its label, how sure it is, whether it is on the critical path."""
    found = browser.evaluate(
        "[...document.querySelectorAll('[data-arrow]')].map(each => [each.dataset.arrow,"
        " each.querySelector('text').textContent, each.dataset.confidence, each.dataset.path === 'true'])"
    )
    return sorted(tuple(each) for each in found)


def test_the_first_page_is_three_boxes_and_one_arrow(browser, site):
    site.history.pipeline()
    browser.open(address(site, "/rpipeline?view=graph"))
    browser.see("[data-arrow]")
    assert browser.count("[data-box]") == 3
    assert arrows(browser) == [("step_one>step_two", "y", "exact", True)]
    browser.click('[data-box] >> text="step_two"')
    assert browser.text("[data-testid=selected]") == "step_two"
    browser.click('[data-box="a0"] >> text="pipeline"')
    assert browser.text("[data-testid=selected]") == "pipeline"
    assert "view=graph" in browser.url()


def test_the_diamond_marks_its_path_and_lists_slack(browser, site):
    diamond(site.history)
    browser.open(address(site, "/rdiamond?view=graph"))
    browser.see("[data-arrow]")
    assert browser.count("[data-box]") == 5
    assert arrows(browser) == [
        ("middle>consume", "b", "exact", False),
        ("quick>consume", "c", "derived", False),
        ("slow>consume", "a", "exact", True),
    ]
    on_path = browser.texts("[data-box][data-path=true] b")
    assert sorted(on_path) == ["consume", "slow"]
    browser.see("text=83% of path")
    assert browser.text("[data-testid=critical-path] b") == "Critical path 12s"
    browser.click("text=Where did the time go?")
    browser.see("[data-testid=bottlenecks]")
    assert "view=bottlenecks" in browser.url()
    slack = {
        name: (length, slack)
        for name, length, slack, _ in browser.evaluate(
            "[...document.querySelectorAll('[data-action]')].map(row => [...row.children].map(each => each.innerText))"
        )
    }
    assert slack == {
        "main": ("12s", "0ms"),
        "slow": ("10s", "0ms"),
        "middle": ("3.0s", "7.0s"),
        "consume": ("2.0s", "0ms"),
        "quick": ("1.0s", "9.0s"),
    }
    assert browser.texts("[data-improvement] b") == ["Make slow twice as fast", "Make consume twice as fast"]
    assert browser.texts("[data-improvement] strong") == ["5.0s sooner", "1.0s sooner"]
    browser.click("[data-action] >> text=middle")
    assert browser.text("[data-testid=selected]") == "middle"


def test_values_lead_to_where_they_came_from_and_went(browser, site):
    site.history.pipeline()
    browser.open(address(site, "/rpipeline?tab=io"))
    browser.see("[data-testid=outputs] >> text=from step_two")
    browser.click("[data-testid=outputs] >> role=button[name=step_two]")
    browser.until("document.querySelector('[data-testid=selected]').textContent === 'step_two'")
    browser.click("[data-testid=inputs] >> role=button[name=step_one]")
    browser.until("document.querySelector('[data-testid=selected]').textContent === 'step_one'")
    browser.see("[data-testid=inputs] >> text=from pipeline’s inputs")
    browser.see("text=Used by step_two")
    assert browser.axe() == []


def test_many_calls_fold_and_unfold_and_containers_close(browser, site):
    site.history.forecast(shards=20)
    browser.open(address(site, "/rforecast?view=graph"))
    browser.see("[data-box]")
    browser.see("text=×20")
    before = browser.count("[data-box]")
    browser.click("[aria-label='Show the 20 actions one by one']")
    browser.until(f"document.querySelectorAll('[data-box]').length === {before + 19}")
    browser.click("[aria-label='Fold these actions into one box'] >> nth=0")
    browser.until(f"document.querySelectorAll('[data-box]').length === {before}")
    browser.click("[aria-label='Close train_ensemble']")
    browser.until(f"document.querySelectorAll('[data-box]').length === {before - 4}")
    browser.click("[aria-label='Open train_ensemble']")
    browser.until(f"document.querySelectorAll('[data-box]').length === {before}")


def test_keys_move_along_the_arrows(browser, site):
    diamond(site.history)
    browser.open(address(site, "/rdiamond"))
    browser.see("[data-testid=tree]")
    browser.press("g")
    browser.see("[data-arrow]")
    browser.evaluate("document.querySelector('[data-box=a0] button').focus()")

    def focused() -> str:
        name: str = browser.evaluate("document.activeElement.querySelector('b').textContent")
        return name

    seen = []
    for key in ("ArrowDown", "ArrowDown", "ArrowUp", "ArrowRight"):
        browser.press(key)
        seen.append(focused())
    assert seen[1] == "consume"
    assert {seen[0], seen[2]} <= {"slow", "middle", "quick"}
    here = focused()
    browser.press("Enter")
    browser.until(f"document.querySelector('[data-testid=selected]').textContent === '{here}'")
    browser.press("b")
    browser.see("[data-testid=bottlenecks]")


def test_a_run_under_way_is_drawn_up_to_now(browser, site):
    history = site.history
    root = history.run("rlive", "env.main")
    history.claim(root)
    history.start(root)
    first, second = history.call(root, ("env.first", {"x": 1}), ("env.second", {"x": 1}))
    history.claim(first)
    history.start(first)
    browser.open(address(site, "/rlive?view=graph"))
    browser.see("text=3 actions")
    assert browser.count("[data-arrow]") == 0
    history.wait(1)
    history.succeed(first, o0=1)
    history.flow(first, second, "late")
    history.claim(second)
    history.start(second)
    browser.see("[data-arrow]")
    assert arrows(browser)[0][:2] == ("first>second", "late")
    history.succeed(second, o0=1)
    history.succeed(root, o0=1)
    browser.see("[data-testid=status] >> text=Succeeded")
    browser.until(
        "document.querySelector('[data-testid=critical-path] b').textContent === 'Critical path 1.0s'"
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everybody_can_use_it(browser, site, scheme):
    browser.fresh({"colorScheme": scheme})
    diamond(site.history)
    site.history.forecast(shards=30)
    found = {}
    for path, sight in (
        ("/rdiamond?view=graph", "[data-arrow]"),
        ("/rdiamond?view=bottlenecks", "[data-action]"),
        ("/rforecast?view=graph", "[data-testid=critical-path]"),
        ("/rforecast?view=bottlenecks", "[data-improvement]"),
    ):
        browser.open(address(site, path))
        browser.see(sight)
        violations = browser.axe()
        if violations:
            found[path] = violations
    assert found == {}


def test_a_box_holds_all_that_it_says(browser, site):
    """A fan-out with failures on the critical path has the longest foot."""
    history = site.history
    root = history.run("rfails", "env.main")
    history.claim(root)
    history.start(root)
    made = history.call(root, *[("env.prepare_the_shard", {"x": each}) for each in range(120)])
    for each in made:
        history.claim(each)
        history.start(each)
    history.wait(754.4)
    for number, each in enumerate(made):
        history.wait(8.25)
        if number % 2:
            history.fail(each, "ValueError", "no such shard")
        else:
            history.succeed(each, o0=1)
    history.succeed(root, o0=1)
    browser.open(address(site, "/rfails?view=graph"))
    browser.see("[data-box] >> text=60 failed")
    browser.see("[data-box] >> text=of path")
    outside = browser.evaluate(
        "[...document.querySelectorAll('[data-box]')].flatMap(box => [...box.querySelectorAll('button *')]"
        ".filter(each => each.getBoundingClientRect().right > box.getBoundingClientRect().right - 8)"
        ".map(each => each.textContent))"
    )
    assert outside == []
