"""The pages in a real browser, over histories written through the engine."""

from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote

import pyarrow
import pyarrow.parquet
import pytest
from browser import Browser
from console_history import DOMAIN, PROJECT, History, outputs_of, spec_of
from console_site import Console, listening
from flyteidl2.core import literals_pb2, types_pb2
from flyteidl2.task import task_definition_pb2
from flyteidl2.workflow import run_definition_pb2

from flyte_core import links
from flyte_core.engine import action as engine
from flyte_core.engine.api import NewAction
from flyte_core.model import ActionKey, ActionKind, ActionName
from flyte_core.wire import specs

pytestmark = pytest.mark.browser

RUNS = f"/v2/runs/project/{PROJECT}/domain/{DOMAIN}"
TREE = "[data-testid=tree] [role=row]"
DETAILS = "[data-testid=details]"


def address(site: Console, path: str = "") -> str:
    return f"http://localhost:{site.port}{RUNS}{path}"


def names(browser: Browser) -> list[str]:
    """The names in the tree, as they are shown."""
    found: list[str] = browser.evaluate(
        "[...document.querySelectorAll('[data-testid=tree] [role=row]')]"
        ".sort((a, b) => parseInt(a.style.top) - parseInt(b.style.top))"
        ".map(row => row.querySelector('[class*=label]').textContent)"
    )
    return found


def values(browser: Browser, role: str) -> dict[str, str]:
    """The values on the screen by name."""
    found: dict[str, str] = browser.evaluate(
        f"Object.fromEntries([...document.querySelectorAll('[data-testid={role}] [data-value]')]"
        ".map(item => [item.dataset.value, item.querySelector('[class*=shown]').textContent]))"
    )
    return found


def test_a_run_shows_status_duration_tree_values_and_logs(browser, site):
    site.history.pipeline()
    browser.open(address(site, "/rpipeline"))
    browser.see(TREE)
    assert browser.text("[data-testid=status]") == "Succeeded"
    assert browser.text("[data-testid=duration]") == "414ms"
    assert browser.text("[data-testid=actions]") == "3 actions"
    assert names(browser) == ["pipeline", "step_one", "step_two"]
    for name, given, returned in (
        ("pipeline", {"x": "5"}, "20"),
        ("step_one", {"x": "5"}, "10"),
        ("step_two", {"y": "10"}, "20"),
    ):
        browser.click(f'{TREE} >> text="{name}"')
        browser.until(f"document.querySelector('[data-testid=selected]').textContent === '{name}'")
        browser.click(f"{DETAILS} >> text=Inputs & outputs")
        browser.see("[data-testid=outputs]")
        browser.until(f"document.querySelector('[data-testid=outputs]').textContent.includes('{returned}')")
        assert values(browser, "inputs") == given
        assert values(browser, "outputs") == {"o0": returned}
    browser.click(f'{TREE} >> text="step_one"')
    browser.click(f"{DETAILS} >> role=tab[name=Logs]")
    browser.see("text=step_one got {'x': 5}")


def test_both_spellings_of_an_address_show_the_run(browser, site):
    site.history.pipeline()
    browser.open(f"http://localhost:{site.port}/v2/domain/{DOMAIN}/project/{PROJECT}/runs/rpipeline")
    browser.see(TREE)
    assert names(browser) == ["pipeline", "step_one", "step_two"]


def test_a_run_goes_on_without_reloading(browser, site):
    history = site.history
    root = history.run("rlive", "env.main", {"x": 1})
    browser.open(address(site, "/rlive?tab=logs"))
    browser.see("[data-testid=status] >> text=Queued")
    history.wait(1)
    history.claim(root)
    history.start(root)
    history.write_log(root, "the first line")
    browser.see("[data-testid=status] >> text=Running")
    browser.see("[data-testid=log] >> text=the first line")
    children = history.call(root, ("env.child", {"i": 1}), ("env.child", {"i": 2}), group="all")
    browser.see("[data-testid=actions] >> text=3 actions")
    history.write_log(root, "a line that came later")
    browser.see("[data-testid=log] >> text=a line that came later")
    for child in children:
        history.claim(child)
        history.start(child)
        history.wait(1)
        history.succeed(child, o0=1)
    history.succeed(root, o0="done")
    browser.see("[data-testid=status] >> text=Succeeded")
    assert browser.text("[data-testid=duration]") == "3.0s"
    assert names(browser) == ["main", "all", "child", "child"]
    browser.click(f"{DETAILS} >> role=tab[name=Summary]")
    browser.until("document.querySelector('[data-testid=outputs]').textContent.includes('done')")


def test_the_list_shows_new_runs_and_what_becomes_of_them(browser, site):
    site.history.pipeline()
    browser.open(address(site))
    browser.see("tr >> text=my_env.pipeline")
    root = site.history.run("rnew", "env.fresh")
    browser.see("tr >> text=env.fresh")
    site.history.claim(root)
    site.history.start(root)
    browser.see("tr:has-text('rnew') >> text=Running")
    site.history.succeed(root)
    browser.see("tr:has-text('rnew') >> text=Succeeded")
    assert browser.text("[data-testid=total]") == "2 in all"
    browser.fill("[aria-label='Search by run or task']", "pipe")
    browser.gone("tr >> text=env.fresh")
    assert "q=pipe" in browser.url()
    browser.click("tr >> text=my_env.pipeline")
    browser.see(TREE)
    browser.back()
    browser.see("text=1 found")


def test_failures_say_why(browser, site):
    history = site.history
    root = history.forecast(shards=40)
    history.fail(root, "MemoryError", "Unable to allocate 3.91 GiB")
    browser.open(address(site, "/rforecast"))
    browser.see("[data-testid=error]")
    error = browser.text("[data-testid=error]")
    assert "MemoryError" in error
    assert "USER ERROR" in error
    assert 'File "/home/me/forecast/score.py", line 88' in error
    browser.press("e")
    browser.until("document.querySelector('[data-testid=selected]').textContent !== 'main'")
    browser.see("[data-testid=error] >> text=ValueError")
    browser.click(f"{DETAILS} >> role=tab[name=Events]")
    browser.see("[data-testid=events] >> text=Attempt 1 failed")


def test_attempts_are_told_apart(browser, site):
    site.history.forecast(shards=4)
    browser.open(address(site, "/rforecast?tab=logs"))
    browser.click(f'{TREE} >> text="select_best"')
    browser.see("text=attempt two went well")
    browser.press("[")
    browser.see("text=attempt one went wrong")
    assert "attempt=1" in browser.url()
    browser.click(f"{DETAILS} >> role=tab[name=Summary]")
    browser.see("[data-testid=error] >> text=connection reset")


def test_logs_are_searched_and_keep_their_colours(browser, site):
    root = site.history.run("rlog", "env.noisy")
    site.history.claim(root)
    site.history.start(root)
    site.history.write_log(root, *[f"line {i}" for i in range(5_000)], "\x1b[31mthe needle\x1b[0m")
    site.history.succeed(root)
    browser.open(address(site, "/rlog?tab=logs"))
    browser.see("[data-testid=log] >> text=line 4999")
    browser.fill("[aria-label='Search all lines']", "NEEDLE")
    browser.see("mark >> text=needle")
    assert browser.text("[data-testid=matches]") == "1/1"
    colour = browser.evaluate("getComputedStyle(document.querySelector('mark').parentElement).color")
    assert colour == "rgb(200, 31, 45)"
    browser.fill("[aria-label='Search all lines']", "line 17")
    browser.see("[data-testid=log] >> text=line 17")


def test_what_a_long_log_leaves_out_is_found_and_shown(browser, site):
    root = site.history.run("rlonglog", "env.noisy")
    site.history.claim(root)
    site.history.start(root)
    padding = "." * 100
    lines = (f"{'the needle' if i == 1_234 else 'line'} {i} {padding}" for i in range(80_000))
    site.history.write_log(root, *lines)
    site.history.succeed(root)
    browser.open(address(site, "/rlonglog?tab=logs"))
    browser.see("[data-testid=log] >> text=line 79999")
    browser.fill("[aria-label='Search all lines']", "NEEDLE")
    browser.click("text=1 match in the lines that are not shown")
    browser.click("[data-testid=skipped] >> role=button[name='1,235']")
    browser.see("[data-testid=log] [data-current=true] >> text=the needle 1234")
    assert "line=1235" in browser.url()
    assert browser.axe() == []
    browser.click("role=button[name='Back to the end']")
    browser.see("[data-testid=log] >> text=line 79999")


def test_lines_are_broken_folded_and_timed_as_one_likes(browser, site):
    root = site.history.run("rjson", "env.noisy")
    site.history.claim(root)
    site.history.start(root)
    site.history.write_log(root, '{"level": "error", "msg": "no rows", "shard": 7}', "word " * 100)
    site.history.succeed(root)
    browser.open(address(site, "/rjson?tab=logs"))
    browser.see("[data-testid=log] [data-level=error] >> text=ERROR no rows shard=7")
    browser.click(f"{DETAILS} >> role=button[name='JSON lines as message and fields']")
    browser.see('[data-testid=log] >> text={"level": "error"')
    browser.click(f"{DETAILS} >> role=button[name='Break long lines']")
    browser.until(
        "(log => log.scrollWidth <= log.clientWidth && log.lastElementChild.offsetHeight > 100)"
        "(document.querySelector('[data-testid=log]'))"
    )
    browser.click(f"{DETAILS} >> role=button[name='Times of day']")
    browser.see("[data-testid=log] time >> text=+0ms")
    browser.open(address(site, "/rjson?tab=logs"))
    browser.see("[data-testid=log][data-wrap=true] time >> text=+0ms")


def test_keys_reach_everything(browser, site):
    site.history.pipeline()
    browser.open(address(site, "/rpipeline"))
    browser.see(TREE)
    for key, name in (
        ("ArrowDown", "step_one"),
        ("j", "step_two"),
        ("k", "step_one"),
        ("ArrowLeft", "pipeline"),
    ):
        browser.press(key)
        browser.until(f"document.querySelector('[data-testid=selected]').textContent === '{name}'")
    browser.press("ArrowLeft")
    browser.until("document.querySelectorAll('[data-testid=tree] [role=row]').length === 1")
    browser.press("ArrowRight")
    browser.until("document.querySelectorAll('[data-testid=tree] [role=row]').length === 3")
    browser.press("/")
    browser.fill("[aria-label='Filter actions']", "two")
    browser.until("document.querySelectorAll('[data-testid=tree] [role=row]').length === 2")
    browser.press("Enter")
    browser.until("document.querySelector('[data-testid=selected]').textContent === 'step_two'")
    assert "action=" in browser.url()
    browser.press("Escape")
    browser.until("document.querySelectorAll('[data-testid=tree] [role=row]').length === 3")
    browser.press("g")
    browser.see("[data-testid=graph]")
    browser.press("?")
    browser.see("dialog[open] >> text=Next and previous failure")
    browser.press("Escape")
    browser.gone("dialog[open]")


def test_what_is_open_is_in_the_address(browser, site):
    site.history.forecast()
    browser.open(address(site, "/rforecast"))
    browser.see(TREE)
    browser.click("[aria-label='Collapse all']")
    browser.until("document.querySelectorAll('[data-testid=tree] [role=row]').length < 8")
    browser.click(f'{TREE} >> text="ingest"')
    browser.press("ArrowRight")
    browser.see(f"{TREE} >> text=fetch_partition")
    seen = names(browser)
    browser.open(browser.url())
    browser.see(f"{TREE} >> text=fetch_partition")
    assert names(browser) == seen
    assert "open=~" in unquote(browser.url())


def test_time_in_which_only_people_were_waited_for_is_left_out(browser, site):
    history = site.history
    root = history.run("ridle", "env.main")
    history.claim(root)
    history.start(root)
    history.wait(5)
    asked = run_definition_pb2.ConditionAction(name="approve", prompt="# Publish?\n- **all** of it")
    asked.prompt_type = run_definition_pb2.CONDITION_PROMPT_TYPE_MARKDOWN
    asked.type.simple = types_pb2.BOOLEAN
    spec = specs.task_spec(asked.SerializeToString(), ActionKind.CONDITION)
    question = NewAction(ActionName("aquestion"), ActionKind.CONDITION, spec)
    token = history._tokens[root]
    history.store.transact(lambda tx: engine.enqueue(tx, root.run, root.name, token, [question], history.now))
    history.wait(3 * 3600)
    key = ActionKey(root.run, question.name)
    history.store.transact(lambda tx: engine.signal(tx, key, outputs_of({"o0": True}), "me", history.now))
    history.succeed(root)
    browser.open(address(site, "/ridle?action=aquestion"))
    browser.see("[data-testid=question] li >> text=all of it")
    browser.see("text=2h")
    browser.click("[aria-label='Leave out idle time']")
    browser.see("text=⋯ 3h 00m")
    assert "idle=0" in browser.url()
    assert browser.axe() == []


def test_details_have_the_room_they_are_given(browser, site):
    site.history.pipeline()
    browser.open(address(site, "/rpipeline"))
    browser.see(DETAILS)
    width = f"document.querySelector('{DETAILS}').offsetWidth"
    assert browser.evaluate(width) == 440
    browser.press("\\")
    browser.until(f"{width} === 864")
    browser.open(address(site, "/rpipeline"))
    browser.until(f"{width} === 864")
    browser.press("\\")
    browser.gone(DETAILS)
    browser.press("l")
    browser.see(f"{DETAILS} >> role=tab[name=Logs][selected]")
    browser.until(f"{width} === 440")


def test_keys_of_one_character_can_be_put_out_of_use(browser, site):
    site.history.pipeline()
    browser.open(address(site, "/rpipeline"))
    browser.see(TREE)
    browser.press("?")
    browser.click("dialog[open] >> text=Keys of one character")
    browser.press("Escape")
    browser.press("g")
    browser.press("ArrowDown")
    browser.until("document.querySelector('[data-testid=selected]').textContent === 'step_one'")
    assert "view=graph" not in browser.url()


def test_a_deep_link_and_the_way_back(browser, site):
    site.history.pipeline()
    browser.open(address(site, "/rpipeline"))
    browser.click(f'{TREE} >> text="step_two"')
    browser.click(f"{DETAILS} >> text=Inputs & outputs")
    link = browser.url()
    browser.back()
    browser.until("document.querySelector('[data-testid=selected]').textContent === 'pipeline'")
    browser.open(link)
    browser.see("[data-testid=outputs] >> text=20")
    assert browser.text("[data-testid=selected]") == "step_two"


def test_abort_asks_first(browser, site):
    root = site.history.forecast("rstop", shards=8)
    browser.open(address(site, "/rstop"))
    browser.click("role=button[name=Abort]")
    browser.see("dialog[open] >> text=flyte abort run rstop")
    browser.fill("dialog[open] input", "wrong inputs")
    browser.click("dialog[open] >> role=button[name=Abort]")
    browser.see("[data-testid=status] >> text=Aborted")
    assert site.context.reasons == ["wrong inputs"]
    assert site.context.store.action(root).phase == "aborted"


def test_what_is_not_there_is_said_with_a_command(browser, site):
    browser.open(address(site))
    browser.see("text=No runs yet")
    browser.see("text=flyte run my_script.py pipeline --x 5")
    browser.open(address(site, "/rnone"))
    browser.see("text=There is no run rnone")
    browser.see("text=flyte get run")
    problems = browser.problems()
    assert all("404" in problem for problem in problems), problems
    browser.open(f"http://localhost:{site.port}/v2/nowhere")
    browser.see("text=There is no such page")


PAYLOAD = '"><img src=x onerror="window.fired=1"><script>window.fired=1</script>{{7*7}}javascript:alert(1)'


def hostile(history: History) -> None:
    root = history.run(
        "rhostile",
        f"env.{PAYLOAD}",
        {PAYLOAD: PAYLOAD, "nested": {PAYLOAD: [PAYLOAD]}},
        labels={PAYLOAD: PAYLOAD},
    )
    history.claim(root, worker=PAYLOAD)
    history.start(root, worker=PAYLOAD)
    history.write_log(
        root, PAYLOAD, f"\x1b[31m{PAYLOAD}\x1b[0m", "\x1b]8;;javascript:alert(1)\x07link\x1b]8;;\x07"
    )
    history.call(root, (f"env.{PAYLOAD}", {"x": PAYLOAD}), (f"env.{PAYLOAD}", {"x": "other"}), group=PAYLOAD)
    questions = []
    for number, kind in enumerate(("TEXT", "MARKDOWN")):
        asked = run_definition_pb2.ConditionAction(name=PAYLOAD, prompt=PAYLOAD, description=PAYLOAD)
        asked.prompt += "[link](javascript:window.fired=1) ![](http://localhost:1/x.png)"
        asked.prompt_type = getattr(run_definition_pb2, f"CONDITION_PROMPT_TYPE_{kind}")
        asked.type.simple = types_pb2.STRING
        spec = specs.task_spec(asked.SerializeToString(), ActionKind.CONDITION)
        questions.append(NewAction(ActionName(f"hostilequestion{number}"), ActionKind.CONDITION, spec))
    token = history._tokens[root]
    history.store.transact(lambda tx: engine.enqueue(tx, root.run, root.name, token, questions, history.now))
    report = history.layout.attempt(root, 1) / "report.html"
    report.parent.mkdir(parents=True, exist_ok=True)
    report.write_text(f"<script>try {{ parent.fired = 1 }} catch {{}}</script>{PAYLOAD}")
    history.fail(root, PAYLOAD, PAYLOAD, PAYLOAD)


FILE_NAME = "<img src=x onerror=window.fired=1>"
SVG = '<svg xmlns="http://www.w3.org/2000/svg" onload="window.fired=1"><script>window.fired=1</script></svg>'


def hostile_files(history: History) -> None:
    """A run whose task says something hostile of itself and returns hostile files and a hostile table."""
    spec = spec_of(f"env.{PAYLOAD}", {PAYLOAD: PAYLOAD})
    message = task_definition_pb2.TaskSpec.FromString(spec.template)
    message.documentation.long_description = PAYLOAD
    message.task_template.container.args.append(PAYLOAD)
    root = history.run_of("rfiles", replace(spec, template=message.SerializeToString()), b"")
    history.claim(root)
    history.start(root)
    outputs: dict[str, object] = {}
    place = history.layout.home / "files" / FILE_NAME
    place.mkdir(parents=True)
    for suffix, content in ((".txt", PAYLOAD), (".html", PAYLOAD), (".svg", SVG)):
        (place / f"{FILE_NAME}{suffix}").write_text(content)
        outputs[f"file{suffix}"] = blob(place / f"{FILE_NAME}{suffix}")
    outputs["dir"] = blob(place, types_pb2.BlobType.MULTIPART)
    pyarrow.parquet.write_table(pyarrow.table({PAYLOAD: [PAYLOAD]}), place / f"{FILE_NAME}.parquet")
    table = literals_pb2.Literal()
    table.scalar.structured_dataset.uri = str(place / f"{FILE_NAME}.parquet")
    outputs[PAYLOAD] = table
    history.succeed(root, **outputs)


def blob(path: Path, shape: types_pb2.BlobType.BlobDimensionality = types_pb2.BlobType.SINGLE):
    found = literals_pb2.Literal()
    found.scalar.blob.uri = str(path)
    found.scalar.blob.metadata.type.dimensionality = shape
    return found


@pytest.mark.timeout(180)
def test_nothing_in_the_data_ever_runs(browser, site):
    hostile(site.history)
    site.history.pipeline("rplain")
    browser.open(address(site))
    browser.see("tr:has-text('rhostile')")
    browser.open(address(site, "?group=task"))
    browser.see("tr:has-text('onerror')")
    browser.open(address(site, "/rplain/compare/rhostile"))
    browser.see("[data-testid=shape] >> text=onerror")
    browser.open(address(site, "/rhostile?view=logs"))
    browser.see("[data-testid=merged] >> text=onerror")
    question = "?action=hostilequestion0"
    tabs = ["", *(f"?tab={name}" for name in ("io", "logs", "events", "task", "code"))]
    for query in (*tabs, question, "?action=hostilequestion1", "?view=graph", "?view=bottlenecks", "?q=img"):
        browser.open(address(site, f"/rhostile{query}"))
        browser.see(DETAILS)
        browser.until("document.querySelector('[data-testid=status]') !== null")
        assert browser.evaluate("window.fired === undefined"), query
    browser.open(address(site, f"/rhostile{question}"))
    browser.see("[data-testid=question] >> text=onerror")
    browser.open(address(site, "/rhostile?action=hostilequestion1"))
    browser.see("[data-testid=question] >> text=onerror")
    assert browser.count("[data-testid=question] a") == 1
    browser.press("Control+k")
    browser.fill("[aria-label='Go to']", "onerror")
    browser.see("[role=option] >> text=onerror")
    hostile_files(site.history)
    browser.open(address(site, "/rfiles?tab=io"))
    browser.see("[data-testid=outputs] th >> text=onerror")
    for name, sight in (("file.txt", "pre"), ("file.html", "pre"), ("file.svg", "img"), ("dir", "li")):
        browser.see(f"[data-value='{name}'] {sight}")
    assert browser.count("img") == 1
    assert browser.evaluate("window.fired === undefined")
    browser.open(address(site, "/rfiles?tab=task"))
    browser.see("[data-testid=task] p >> text=onerror")
    browser.open(address(site).replace("/v2/runs/", "/v2/tasks/"))
    browser.see("td >> text=onerror")
    assert browser.evaluate("window.fired === undefined")
    browser.open(address(site, "/rhostile?tab=report"))
    browser.see("[data-testid=report]")
    browser.open(address(site, "/rhostile"))
    browser.click("role=button[name=Rerun]")
    browser.see("dialog[open] >> text=onerror")
    assert browser.evaluate("window.fired === undefined")
    browser.open(address(site, "/rhostile?tab=logs"))
    browser.see("[data-testid=log] >> text=onerror")
    assert browser.evaluate("window.fired === undefined")
    assert browser.count("img") == 0
    assert browser.evaluate("[...document.querySelectorAll('a')].every(a => /^http/.test(a.href))")
    # The report's own frame may break its own policy, and a bundle that was never sent is not there.
    told = browser.problems()
    assert all("/_usercontent/" in each or "/code" in each for each in told), told


def test_pages_forbid_themselves_to_write_html(browser, site):
    site.history.pipeline()
    browser.open(address(site, "/rpipeline"))
    browser.see(TREE)
    outcome = browser.evaluate(
        "(() => { try { document.body.innerHTML = '<b>x</b>'; return 'written' } catch (e) { return e.name } })()"
    )
    assert outcome == "TypeError"
    assert any("Trusted" in problem or "TrustedHTML" in problem for problem in browser.problems())


def test_a_lost_server_is_admitted_and_found_again(browser, tmp_path, site):
    history = site.history
    context = site.context
    root = history.run("rlost", "env.main")
    with listening(context) as port:
        browser.open(f"http://localhost:{port}{RUNS}/rlost")
        browser.see("[data-testid=status] >> text=Queued")
    browser.see("text=Reconnecting…")
    history.claim(root)
    history.start(root)
    with listening(context, port=port):
        browser.gone("text=Reconnecting…")
        browser.see("[data-testid=status] >> text=Running")
        browser.leave()
    assert all("ERR_" in problem for problem in browser.problems())


def test_tabs_share_one_stream(browser, site):
    history = site.history
    root = history.run("rshared", "env.main")
    for _ in range(3):
        browser.open(address(site, "/rshared"))
        browser.see("[data-testid=status]")
        browser.tab()
    browser.open(address(site, "/rshared"))
    history.claim(root)
    history.start(root)
    browser.see("[data-testid=status] >> text=Running")
    assert site.context.wake.watchers == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everybody_can_use_it(browser, site, scheme):
    browser.fresh({"colorScheme": scheme})
    site.history.pipeline()
    site.history.forecast(shards=60)
    done = site.history.forecast("rfailed", shards=40, seed=8)
    site.history.fail(done, "MemoryError", "Unable to allocate 3.91 GiB")
    found = {}
    for path, sight in (
        ("", "tr:has-text('rfailed')"),
        ("/rforecast", TREE),
        ("/rforecast?view=graph", "[data-box]"),
        ("/rforecast?tab=io", "[data-testid=inputs]"),
        ("/rforecast?tab=logs", "[data-testid=log] >> text=region"),
        ("/rforecast?tab=events", "[data-testid=events]"),
        ("/rforecast?action=group:a0/score&q=score", TREE),
        ("/rfailed", "[data-testid=error]"),
        ("/nothere?", "text=There is no run"),
    ):
        browser.open(address(site, path))
        browser.see(sight)
        violations = browser.axe()
        if violations:
            found[path] = violations
    browser.problems()
    assert found == {}


def test_ten_thousand_actions_are_fluent(browser, site):
    root = site.history.run("rwide", "env.wide")
    site.history.claim(root)
    site.history.start(root)
    site.history.call(root, *[("env.shard", {"i": i}) for i in range(10_000)], group="all")
    browser.open(address(site, "/rwide"))
    browser.see("text=10,001 actions")
    browser.click(f'{TREE} >> text="all"')
    browser.press("ArrowRight")
    browser.press("End")
    browser.see(f'{TREE} >> text="i=9999"')
    assert browser.count(TREE) < 80
    browser.fill("[aria-label='Filter actions']", "shard")
    browser.see("text=10,000 actions of 10,001 actions shown")
    browser.press("g")


def test_links_of_an_action_are_buttons_that_lead_away(browser, site):
    history = site.history
    root = history.run("rlinks", "env.train")
    history.claim(root)
    history.start(root)
    browser.open(address(site, "/rlinks"))
    browser.see("[data-testid=status] >> text=Running")
    addresses = [
        links.LinkAddress("Tracker", "https://tracker.example/rlinks?team=ml"),
        links.LinkAddress("Trap", "javascript:alert(document.domain)"),
    ]
    links.write(history.layout.attempt(root, 1), addresses)
    browser.see(f"{DETAILS} >> role=link[name=/Tracker/]")
    assert browser.evaluate(
        "[...document.querySelectorAll('[data-testid=details] nav a')].map(a => [a.href, a.rel, a.target])"
    ) == [["https://tracker.example/rlinks?team=ml", "noopener noreferrer", "_blank"]]
    browser.see(f"{DETAILS} >> text=Trap: javascript:alert(document.domain)")


def test_on_a_telephone_everything_is_within_reach(browser, site):
    browser.fresh({"viewport": {"width": 390, "height": 844}})
    site.history.forecast(shards=20)
    for path, sight in (
        ("", "tr:has-text('rforecast')"),
        ("/rforecast", TREE),
        ("/rforecast?view=graph", "[data-box]"),
        ("/rforecast?view=bottlenecks", "text=What to improve first"),
        ("/rforecast?view=logs", "[aria-label='Search the logs of all actions']"),
        ("/rforecast?action=a0&tab=io", "[data-testid=inputs]"),
        ("/rforecast?action=a0&tab=logs", "[data-testid=log]"),
    ):
        browser.open(address(site, path))
        browser.see(sight)
        assert browser.evaluate("document.documentElement.scrollWidth") == 390, path
    browser.open(address(site, "/rforecast"))
    browser.click("role=tab[name=Logs]")
    browser.see("[aria-label='Search the logs of all actions']")
    browser.fill("[aria-label='Filter actions']", "score")
    browser.until("location.search.includes('q=score')")
