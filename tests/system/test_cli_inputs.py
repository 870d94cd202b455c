"""Inputs on the command line: typed options, and what is wrong with what was typed."""

import json

import pytest
from terminal import Terminal


def value(user: Terminal, *words: str) -> str:
    run = user.run("--local", "odd.py", "inputs", "--text", "t", *words).lines[0]
    found: str = user.get("io", run)["outputs"]["o0"]
    return found


def test_every_kind_of_input_can_be_typed(odd: Terminal) -> None:
    odd.write("job.yaml", "size: 2\ntags: [a, b]\n")
    words = ["--count", "7", "--rate", "1e-3", "--debug", "--since", "2026-01-31T12:00:00Z"]
    words += [
        "--day",
        "2026-01-31",
        "--wait",
        "1h 30m",
        "--colour",
        "GREEN",
        "--x-list",
        "[1, 2]",
        "--job",
        "job.yaml",
    ]
    assert value(odd, *words) == (
        "('t', 7, 0.001, True, datetime.datetime(2026, 1, 31, 12, 0, tzinfo=datetime.timezone.utc), "
        "datetime.date(2026, 1, 31), datetime.timedelta(seconds=5400), <Colour.GREEN: '#0f0'>, [1, 2], "
        "Job(size=2, tags=['a', 'b']))"
    )


def test_what_is_left_out_keeps_its_default(odd: Terminal) -> None:
    assert value(odd) == (
        "('t', 3, 0.5, False, None, None, datetime.timedelta(seconds=1), <Colour.RED: '#f00'>, None, None)"
    )


@pytest.mark.parametrize(
    ("words", "debug"), [(["--debug"], True), (["--debug", "true"], True), (["--no-debug"], False)]
)
def test_bools_are_flags_and_values(odd: Terminal, words: list[str], debug: bool) -> None:
    assert f", 0.5, {debug}, " in value(odd, *words)


def test_both_spellings_of_an_option_are_one(odd: Terminal) -> None:
    assert value(odd, "--x_list", "[3]") == value(odd, "--x-list", "[3]")


def test_help_lists_tasks_and_their_typed_options(odd: Terminal) -> None:
    tasks = odd.run("odd.py", "--help").stdout
    assert "calls_fails" in tasks
    assert "Waits until a file exists." in tasks
    options = odd.run("odd.py", "inputs", "--help").stdout
    for line in (
        "--text str",
        "--count int",
        "[default: 3]",
        "--debug / --no-debug",
        "RED|GREEN",
        "[required]",
    ):
        assert line in options
    assert odd.get("run") == [], "looking creates nothing"


def test_any_file_that_python_would_run_can_be_run(odd: Terminal) -> None:
    """Numbers and hyphens in names, modules beside the file, packages, directories above and below."""
    source = "import flyte\nfrom helper import N\nenv = flyte.TaskEnvironment(name='e')\n"
    source += "@env.task\ndef main() -> int:\n    return N\n"
    odd.write("sub/01-first.py", source)
    odd.write("sub/helper.py", "N = 7\n")
    odd.write("pack/__init__.py", "")
    odd.write("pack/helper.py", "N = 8\n")
    odd.write("pack/inner.py", source.replace("from helper", "from pack.helper"))
    for file, value in (("sub/01-first.py", 7), ("pack/inner.py", 8), (str(odd.cwd / "pack/inner.py"), 8)):
        for mode in ([], ["--local"]):
            run = odd.run(*mode, file, "main").lines[0]
            assert odd.get("io", run)["outputs"] == {"o0": value}


WRONG = {
    "unknown file": (["run", "odds.py", "talks"], 2, ["odds.py", "Did you mean 'odd.py'?"]),
    "unknown path": (["run", "/no/odd.py", "talks"], 2, ["there is no file '/no/odd.py'.\n"]),
    "not a Python file": (["run", "notes.txt", "talks"], 2, ["notes.txt", "Python file"]),
    "unknown task": (["run", "odd.py", "talk"], 2, ["no task 'talk'", "Did you mean 'talks'?"]),
    "unknown option": (["run", "odd.py", "inputs", "--txt", "x"], 2, ["--txt", "--text"]),
    "missing option": (["run", "odd.py", "inputs"], 2, ["Missing option '--text'"]),
    "wrong type": (
        ["run", "odd.py", "inputs", "--text", "x", "--count", "x"],
        2,
        ["--count", "not an integer"],
    ),
    "wrong shape": (
        ["run", "odd.py", "inputs", "--text", "x", "--job", json.dumps({"size": 1})],
        2,
        ["--job", "tags"],
    ),
    "value without option": (["run", "odd.py", "fails", "mauve"], 2, ["--colour VALUE"]),
    "misplaced option": (["run", "odd.py", "talks", "--local"], 2, ["before the file"]),
    "missing hint": (["run", "odd.py", "untyped", "--x", "1"], 1, ["'x'", "no type hint"]),
    "import error": (
        ["run", "broken.py", "main"],
        1,
        ["broken.py", "import nothing_of_the_kind", "installed"],
    ),
    "syntax error": (["run", "syntax.py", "main"], 1, ["syntax.py", "SyntaxError"]),
    "exits on import": (["run", "leaves.py", "main"], 1, ["SystemExit", "__main__"]),
    "no tasks": (["run", "empty.py", "main"], 2, ["declares no tasks"]),
    "unknown run": (["get", "run", "nope"], 1, ["no run nope", "flyte get run"]),
    "unknown action": (["get", "action", "nope", "a0"], 1, ["no run nope"]),
    "unknown command": (["gett"], 2, ["Did you mean 'get'?"]),
    "bad run name": (["run", "--local", "--name", "No Such!", "odd.py", "talks"], 2, ["No Such!", "hyphens"]),
    "left and watched": (
        ["run", "--detach", "-f", "odd.py", "talks"],
        2,
        ["--detach", "--follow", "get logs"],
    ),
    "bad label": (["run", "--label", "team", "odd.py", "talks"], 2, ["KEY=VALUE"]),
    "bad config": (["-c", "missing.yaml", "get", "run"], 1, ["missing.yaml", "flyte create config"]),
}


@pytest.mark.parametrize("case", WRONG, ids=list(WRONG))
def test_bad_input_is_one_clear_message_and_creates_nothing(odd: Terminal, case: str) -> None:
    odd.write("notes.txt", "")
    odd.write("broken.py", "import nothing_of_the_kind\n")
    odd.write("syntax.py", "def f(:\n")
    odd.write("leaves.py", "import sys\nsys.exit(3)\n")
    odd.write("empty.py", "print('noise')\n")
    words, code, expected = WRONG[case]
    said = odd.flyte(*words, code=code)
    assert said.stdout == ""
    for part in expected:
        assert part in said.stderr
    assert "Traceback" not in said.stderr or case in ("import error", "exits on import")
    assert (
        said.stderr.count("Error:") - said.stderr.count("SyntaxError:") - said.stderr.count("FoundError:")
        == 1
    )
    assert odd.get("run") == []
    odd.flyte("get", "server", code=1)


def test_an_unwritable_data_directory_is_named(page: Terminal) -> None:
    page.write("file", "")
    said = page.run(
        "--local", "my_script.py", "pipeline", "--x", "5", code=1, FLYTE_HOME=str(page.cwd / "file")
    )
    assert "file exists" in said.stderr
    assert "FLYTE_HOME" in said.stderr
    assert said.stdout == ""
