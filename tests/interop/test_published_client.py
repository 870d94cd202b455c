"""The published client runs the first page's script unchanged, and its commands tell the truth."""

import re
import time
import urllib.request
from contextlib import closing

import pytest
from published import PATIENCE_S, Site

from flyte_core.model import ROOT, Action, ActionKey, ActionKind, CacheStatus, Phase, RunKey
from flyte_core.store.ports import ActionQuery
from flyte_core.store.sqlite import SqliteStore

pytestmark = [pytest.mark.interop, pytest.mark.timeout(600)]


def created(output: str) -> RunKey:
    """The run that `flyte run` says it has created."""
    found = re.search(r"Created Run: (\S+)", output)
    assert found, output
    return RunKey("flytesnacks", "development", found[1])


def actions(site: Site, run: RunKey) -> dict[str, Action]:
    """The actions of a run by the short name of their task."""
    with closing(SqliteStore.open(site.home / "history.db", read_only=True)) as history:
        found = history.actions(run, ActionQuery()).actions
    return {action.spec.short_name: action for action in found}


def wait_for(site: Site, run: RunKey, *phases: Phase) -> Action:
    deadline = time.monotonic() + PATIENCE_S
    with closing(SqliteStore.open(site.home / "history.db", read_only=True)) as history:
        while True:
            root = history.action(ActionKey(run, ROOT))
            assert root is not None
            if root.phase in phases:
                return root
            assert not root.phase.terminal, f"{root.phase}: {root.error}\n{site.log.read_text()}"
            assert time.monotonic() < deadline, f"{root.phase}\n{site.log.read_text()}"
            time.sleep(0.05)


def test_the_first_page(site: Site) -> None:
    output = site.flyte("run", "my_script.py", "pipeline", "--x", "5")
    run = created(output)
    page = f"{site.url}/v2/domain/development/project/flytesnacks/runs/{run.name}"
    assert page in output
    wait_for(site, run, Phase.SUCCEEDED)
    found = actions(site, run)
    assert sorted(found) == ["pipeline", "step_one", "step_two"]
    assert {action.phase for action in found.values()} == {Phase.SUCCEEDED}
    assert {name: action.parent for name, action in found.items()} == {
        "pipeline": None,
        "step_one": ROOT,
        "step_two": ROOT,
    }
    with urllib.request.urlopen(page, timeout=10) as answer:
        assert run.name in answer.read().decode()

    assert run.name in site.flyte("get", "run")
    for words in ((), (run.name,)):
        shown = site.flyte("-of", "json", "get", "run", *words)
        assert run.name in shown
        assert "ACTION_PHASE_SUCCEEDED" in shown
    table = site.flyte("-of", "json", "get", "action", run.name)
    for name in ("pipeline", "step_one", "step_two"):
        assert name in table
    for name, values in {"pipeline": ("5", "20"), "step_one": ("5", "10"), "step_two": ("10", "20")}.items():
        shown = site.flyte("get", "io", run.name, found[name].key.name)
        assert f"'x': {values[0]}" in shown
        assert f"o0={values[1]}" in shown


def test_logs_go_to_the_action_that_wrote_them(site: Site) -> None:
    run = created(site.flyte("run", "more.py", "tells", "--x", "7"))
    wait_for(site, run, Phase.SUCCEEDED)
    found = actions(site, run)
    child = site.flyte("get", "logs", run.name, found["says"].key.name)
    parent = site.flyte("get", "logs", run.name, found["tells"].key.name)
    assert ("says 7" in child, "calls" in child) == (True, False)
    assert ("says 7" in parent, "calls" in parent) == (False, True)
    followed = site.flyte("run", "--follow", "more.py", "says", "--x", "8")
    assert "says 8" in followed


def test_a_failure_says_why(site: Site) -> None:
    run = created(site.flyte("run", "more.py", "bad", "--x", "7"))
    root = wait_for(site, run, Phase.FAILED)
    assert root.error is not None
    assert root.error.code == "ValueError"
    assert "no such step 7" in root.error.message
    assert "no such step 7" in site.flyte("-of", "json", "get", "run", run.name)


def test_an_abort_reaches_the_process(site: Site) -> None:
    run = created(site.flyte("run", "more.py", "slow", "--x", "1"))
    wait_for(site, run, Phase.RUNNING)
    site.flyte("abort", "run", run.name)
    root = wait_for(site, run, Phase.ABORTED)
    deadline = time.monotonic() + PATIENCE_S
    exited = site.home / "runs" / "flytesnacks" / "development" / run.name / "a0" / "1" / "exit.json"
    while not exited.exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert root.aborted_by


def test_fan_out_traces_and_the_cache(site: Site) -> None:
    run = created(site.flyte("run", "more.py", "fan", "--x", "2"))
    wait_for(site, run, Phase.SUCCEEDED)
    with closing(SqliteStore.open(site.home / "history.db", read_only=True)) as history:
        found = history.actions(run, ActionQuery()).actions
    assert [action.kind for action in found].count(ActionKind.TRACE) == 1
    assert [action.spec.short_name for action in found].count("cached") == 2
    again = created(site.flyte("run", "more.py", "fan", "--x", "2"))
    wait_for(site, again, Phase.SUCCEEDED)
    with closing(SqliteStore.open(site.home / "history.db", read_only=True)) as history:
        second = history.actions(again, ActionQuery()).actions
    hits = [action for action in second if action.cache_status is CacheStatus.HIT]
    assert len(hits) == 2
    # A root shares the outcomes of children: both are keyed as the client keys them.
    root = created(site.flyte("run", "more.py", "cached", "--x", "1"))
    assert wait_for(site, root, Phase.SUCCEEDED).cache_status is CacheStatus.HIT


def test_a_parent_that_is_killed_finds_its_children_again(site: Site) -> None:
    run = created(site.flyte("run", "more.py", "dies_once", "--x", "2"))
    root = wait_for(site, run, Phase.SUCCEEDED)
    assert len(root.attempts) == 2
    assert [len(action.attempts) for name, action in actions(site, run).items() if name == "cached"] == [1]


def test_rerun_recovers_what_succeeded_or_takes_other_inputs(site: Site) -> None:
    path = site.cwd / "notes.txt"
    failed = created(site.flyte("run", "more.py", "needs", "--path", str(path), "--word", "now"))
    assert "notes.txt.ready" in str(wait_for(site, failed, Phase.FAILED).error)
    path.with_name("notes.txt.ready").write_text("ready")
    recovered = created(site.flyte("rerun", failed.name, "--recover"))
    wait_for(site, recovered, Phase.SUCCEEDED)
    assert "o0=now ready 1" in site.flyte("get", "io", recovered.name, "a0").replace('"', "")
    assert actions(site, recovered)["notes"].phase is Phase.RECOVERED
    again = created(site.flyte("rerun", failed.name, "--word", "then"))
    wait_for(site, again, Phase.SUCCEEDED)
    assert "o0=then ready 2" in site.flyte("get", "io", again.name, "a0").replace('"', "")


def test_a_deployed_task_runs_by_name(site: Site) -> None:
    assert "more.cached" in site.flyte("deploy", "more.py", "env")
    site.flyte("deploy", "more.py", "env")
    assert "more.cached" in site.flyte("-of", "json", "get", "task", "more.cached")
    run = created(site.flyte("run", "deployed-task", "more.cached", "--x", "2"))
    wait_for(site, run, Phase.SUCCEEDED)
    assert "o0=6" in site.flyte("get", "io", run.name, "a0")


def test_what_is_there_and_what_is_not(site: Site) -> None:
    assert "subject" in site.flyte("whoami")
    site.flyte("create", "project", "--id", "alpha", "--name", "Alpha")
    assert "alpha" in site.flyte("-of", "json", "get", "project")
    refused = site.flyte("get", "secret", code=1)
    assert "does not serve" in refused
