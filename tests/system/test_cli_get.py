"""Looking at history: lists, filters, JSON, logs; while runs are in progress and afterwards."""

import json
import re

import pytest
from terminal import Terminal, until

RUN_KEYS = {
    "name",
    "project",
    "domain",
    "task_name",
    "phase",
    "start_time",
    "end_time",
    "duration_ms",
    "url",
    "error",
}
ACTION_KEYS = {
    *("name", "run_name", "task_name", "short_name", "parent", "seq", "kind", "phase", "attempts"),
    *("start_time", "end_time", "duration_ms", "cache_status", "error"),
}
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z")


def test_json_has_the_promised_keys(page: Terminal) -> None:
    run = page.run("--local", "my_script.py", "pipeline", "--x", "5").lines[0]
    (listed,) = page.get("run")
    shown = page.get("run", run)
    assert listed.keys() >= RUN_KEYS
    assert shown.keys() >= RUN_KEYS | {"inputs", "outputs"}
    assert shown["task_name"] == "my_env.pipeline"
    assert shown["phase"] == shown["status"] == "succeeded"
    assert shown["error"] is None
    assert INSTANT.fullmatch(shown["start_time"])
    assert isinstance(shown["duration_ms"], int)
    for action in page.get("action", run):
        assert action.keys() >= ACTION_KEYS
        assert page.get("action", run, action["name"]) == {**action, "links": []}
    assert page.flyte("-of", "json-raw", "get", "run", run).stdout.count("\n") == 1


def test_errors_are_objects(odd: Terminal) -> None:
    run = odd.run("--local", "odd.py", "calls_fails", code=1).lines[0]
    error = odd.get("run", run)["error"]
    assert (error["code"], error["message"], error["kind"]) == ("ValueError", "no such colour: mauve", "user")
    assert "raise ValueError" in error["traceback"]
    sheet = odd.flyte("get", "run", run).stdout
    assert "Status    failed" in sheet
    assert "ValueError: no such colour: mauve" in sheet


def test_one_run_is_shown_whole(page: Terminal) -> None:
    said = page.run("--local", "my_script.py", "pipeline", "--x", "5")
    sheet = page.flyte("get", "run", said.lines[0]).lines
    moment = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"
    expected = [
        rf"Run       {said.lines[0]}",
        r"Status    succeeded",
        r"Task      my_env\.pipeline",
        r"Duration  .* m?s",
        rf"Started   {moment}",
        rf"Ended     {moment}",
        r"Inputs    x = 5",
        r"Outputs   o0 = 20",
        rf"URL       {re.escape(said.lines[1])}",
    ]
    assert len(sheet) == len(expected)
    for line, pattern in zip(sheet, expected, strict=True):
        assert re.fullmatch(pattern, line)


def test_lists_are_newest_first_and_filtered(odd: Terminal) -> None:
    first = odd.run("--local", "--label", "team=ml", "odd.py", "talks").lines[0]
    second = odd.run("--local", "--label", "team=web", "odd.py", "fails", "--colour", "x", code=1).lines[0]
    third = odd.run("--local", "odd.py", "talks").lines[0]

    def names(*words: str) -> list[str]:
        return [each["name"] for each in odd.get("run", *words)]

    assert names() == [third, second, first]
    assert names("--limit", "1") == [third]
    assert names("--in-phase", "failed") == [second]
    assert names("--in-phase", "failed", "--in-phase", "succeeded") == [third, second, first]
    assert names("--task-name", "odd.talks") == [third, first]
    assert names("--with-label", "team=ml") == [first]
    assert names("--with-label-key", "team") == [second, first]
    assert names("--only-mine") == [third, second, first]
    assert names("--created-after", "now - P1D") == [third, second, first]
    assert names("--created-before", "now - P1D") == []
    assert names("--updated-after", "today - 1d", "--limit", "2") == [third, second]
    plain = odd.flyte("get", "run", "-of", "table-simple").lines
    assert [line.split()[0] for line in plain] == ["Name", third, second, first]


def test_an_empty_history_says_so(user: Terminal) -> None:
    said = user.flyte("get", "run")
    assert said.stdout == ""
    assert "No runs yet" in said.stderr
    assert user.get("run") == []
    assert not user.home.exists(), "looking creates nothing"


def test_io_shows_one_side_when_asked(page: Terminal) -> None:
    run = page.run("--local", "my_script.py", "pipeline", "--x", "5").lines[0]
    assert page.get("io", run, "--inputs-only") == {"inputs": {"x": 5}}
    assert page.get("io", run, "a0", "-o") == {"outputs": {"o0": 20}}
    assert page.flyte("get", "io", run).lines == ["Inputs   x = 5", "Outputs  o0 = 20"]


@pytest.mark.parametrize("mode", [[], ["--local"]], ids=["server", "local"])
def test_every_way_of_writing_arrives_in_the_log(odd: Terminal, mode: list[str]) -> None:
    run = odd.run(*mode, "odd.py", "talks").lines[0]
    log = odd.flyte("get", "logs", run).stdout
    for text in ("to stdout", "to stderr", "to logging", "to flyte.logger"):
        assert text in log


def test_lines_go_to_the_action_that_wrote_them(odd: Terminal) -> None:
    run = odd.run("--local", "odd.py", "many", "--count", "20").lines[0]
    children = [each for each in odd.get("action", run) if each["parent"] == "a0"]
    assert len(children) == 20
    for child in children:
        mark = odd.get("io", run, child["name"])["inputs"]["mark"]
        log = odd.flyte("get", "logs", run, child["name"]).lines
        assert log == [f"{mark} {at}" for at in range(5)]


def test_logs_have_tails_times_and_json(odd: Terminal) -> None:
    run = odd.run("--local", "odd.py", "many", "--count", "1").lines[0]
    child = next(each["name"] for each in odd.get("action", run) if each["parent"])
    assert odd.flyte("get", "logs", run, child, "-l", "2").lines == ["printer0 3", "printer0 4"]
    assert INSTANT.match(odd.flyte("get", "logs", run, child, "--show-ts").lines[0])
    first = odd.get("logs", run, child)[0]
    assert (first["stream"], first["text"], first["number"], first["attempt"]) == (
        "stdout",
        "printer0 0",
        0,
        1,
    )
    assert "it had 1 attempt" in odd.flyte("get", "logs", run, child, "--attempt", "2", code=1).stderr
    silent = odd.flyte("get", "logs", run)
    assert silent.stdout == ""
    assert "written nothing" in silent.stderr


@pytest.mark.parametrize("mode", [[], ["--local"]], ids=["server", "local"])
def test_progress_is_visible_from_other_terminals(odd: Terminal, mode: list[str]) -> None:
    marker = odd.cwd / "marker"
    running = odd.popen("run", *mode, "odd.py", "calls_waits", "--marker", str(marker))
    assert running.stdout is not None
    run = running.stdout.readline().strip()
    actions = until(lambda: [each for each in odd.get("action", run) if each["phase"] == "running"][1:])
    assert [each["short_name"] for each in actions] == ["waits"]
    assert run in [each["name"] for each in odd.get("run", "--in-phase", "running")]
    assert odd.get("run", run)["end_time"] is None
    following = odd.popen("get", "logs", run, actions[0]["name"], "--follow")
    assert following.stdout is not None
    assert following.stdout.readline() == "waiting\n"
    marker.touch()
    out, _ = following.communicate(timeout=30)
    assert out == "done waiting\n"
    running.communicate(timeout=30)
    assert running.returncode == 0


def test_colours_only_on_terminals(page: Terminal) -> None:
    page.run("--local", "my_script.py", "pipeline", "--x", "5")
    assert "\x1b" not in page.flyte("get", "run").stdout


def test_two_runs_are_compared(page: Terminal) -> None:
    one, other = (page.run("--local", "my_script.py", "pipeline", "--x", x).lines[0] for x in ("5", "6"))
    said = page.flyte("diff", one, other).stdout
    assert "First difference: step_one was given other inputs." in said
    assert "A 5\n" in said
    assert "B 6\n" in said
    found = json.loads(page.flyte("-of", "json", "diff", one, other).stdout)
    assert found["inputs"] == [{"name": "x", "a": 5, "b": 6}]
    assert found["outputs"] == [{"name": "o0", "a": 20, "b": 22}]
    assert found["first_difference"]["path"] == ["pipeline", "step_one"]
    assert {tuple(shape["path"]) for shape in found["shapes"]} == {
        ("pipeline",),
        ("pipeline", "step_one"),
        ("pipeline", "step_two"),
    }
    same = page.run("--local", "my_script.py", "pipeline", "--x", "5").lines[0]
    assert "First difference: none" in page.flyte("diff", one, same).stdout
    assert page.flyte("diff", one, "rnone", code=1).stdout == ""
