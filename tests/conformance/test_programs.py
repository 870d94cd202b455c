"""Each program, run in this process and on a server, does what it says, and the same in both."""

import importlib
import os
import re
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any, Literal

import pytest
from bystanders import News, answering
from terminal import free_port

import flyte
import flyte.remote
from flyte import _server, _session
from flyte._controller import home as homes
from flyte._sync import portal

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from programs.table import ANYTHING, TABLE, Program  # noqa: E402

for theme in sorted(HERE.glob("programs/*.py")):
    importlib.import_module(f"programs.{theme.stem}")


Mode = Literal["local", "remote"]
PROJECTS: dict[Mode, str] = {"local": "here", "remote": "there"}
"""One project a mode: what one has put into the cache must not serve the other."""
AT_ONCE = 4
"""So many runs are on the server at the same time."""
NEWS = News()


def name_of(program: Program) -> str:
    return f"{program.task.func.__module__.rpartition('.')[2]}-{program.task.func.__name__}"


@dataclass
class Outcome:
    """What came of a run, without what differs from one run to the next."""

    phase: str
    values: tuple[Any, ...] | None = None
    error: tuple[str, str, str, str] | None = None
    """The class that a caller gets, with code, kind and message."""
    actions: list[dict[str, Any]] = field(default_factory=list)
    logs: dict[str, list[str]] = field(default_factory=dict)
    reports: list[tuple[str, str]] = field(default_factory=list)
    told: list[str] = field(default_factory=list)


def run(program: Program, mode: Mode) -> Outcome:
    """What came of the program's last run."""
    for _ in range(program.times):
        outcome = run_once(program, mode)
    return outcome


def run_once(program: Program, mode: Mode) -> Outcome:
    project = PROJECTS[mode]
    name = f"{mode[0]}{next_number()}"
    options = {**program.options, **({"notifications": NEWS.wanted()} if program.tells else {})}
    runner = flyte.with_runcontext(mode=mode, project=project, name=name, **options)
    with answering(program.answers, name, project):
        outcome = ended(name, project, lambda: runner.run(program.task, **program.inputs))
    if program.tells:
        outcome.told = NEWS.of(name, len(program.tells))
    if program.again is None:
        return outcome
    again = f"{mode[0]}{next_number()}"
    repeat = flyte.with_runcontext(mode=mode, project=project, name=again)
    arguments = named(program.again, {str(each["short_name"]): str(each["name"]) for each in outcome.actions})
    return ended(again, project, lambda: repeat.rerun(name, **arguments))


def named(arguments: dict[str, Any], actions: dict[str, str]) -> dict[str, Any]:
    """Arguments of `flyte.rerun` with actions by their names, rather than by those of their tasks."""
    found = dict(arguments)
    if "action_name" in found:
        found["action_name"] = actions[found["action_name"]]
    if "force_rerun_actions" in found:
        found["force_rerun_actions"] = [actions[each] for each in found["force_rerun_actions"]]
    return found


def ended(name: str, project: str, start: Callable[[], flyte.remote.Run]) -> Outcome:
    """Start a run, and see how it ends."""
    error = started = None
    try:
        started = start()
        started.wait()
    except flyte.errors.BaseRuntimeError as raised:
        error = raised
    found = started or flyte.remote.Run.get(name, project=project)
    outcome = Outcome(found.status)
    if error is None and outcome.phase not in ("succeeded", "recovered"):
        try:
            found.outputs()
        except flyte.errors.BaseRuntimeError as raised:
            error = raised
    if error is None:
        outcome.values = tuple(found.outputs())
    else:
        outcome.error = (type(error).__name__, error.code, str(error.kind), error.message)
    for action in flyte.remote.Action.listall(name, project=project):
        outcome.actions.append(described(action))
        outcome.logs[action.name] = printed(action)
        outcome.reports.append((str(action.to_dict()["short_name"]), reported(action)))
    return outcome


def reported(action: flyte.remote.Action) -> str:
    """The page of its last attempt; empty without one."""
    try:
        return action.get_report()
    except flyte.errors.ReportNotFoundError:
        return ""


def described(action: flyte.remote.Action) -> dict[str, Any]:
    """The record of an action, without times and without the run's name."""
    left_out = ("run_name", "start_time", "end_time", "duration_ms")
    shown = {key: value for key, value in action.to_dict().items() if key not in left_out}
    if shown["recovered_from"]:
        shown["recovered_from"] = shown["recovered_from"].partition("/")[2]
    if isinstance(shown["error"], dict):
        shown["error"] = {key: shown["error"][key] for key in ("code", "message", "kind")}
    return shown


def printed(action: flyte.remote.Action) -> list[str]:
    """What its last attempt wrote itself."""
    if not action.details().logs_available():
        return []
    return list(action.get_logs(filter_system=True))


PLACE = re.compile(r'File "/\S*/(?=programs/)')
MANY = re.compile(r"repeated \d+ more times")
RUN = re.compile(r"\[[lr]\d+\](?=\[a)")
WHEN = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}")

_numbers = iter(range(1_000_000))


def next_number() -> int:
    return next(_numbers)


def sketch(actions: list[dict[str, Any]], parent: str | None = None) -> str:
    """The tree of a run in a line: `root(fetch x2, each[3*square], count hit, broken failed)`.

    `x2`: executed twice; `hit`: taken from the cache; a phase, where it is not success.
    """
    children = sorted((each for each in actions if each["parent"] == parent), key=lambda each: each["seq"])
    parts = []
    for group, members in groupby(children, key=lambda each: each["group"]):
        inner = []
        for text, same in groupby(sketch_one(each, actions) for each in members):
            count = len(list(same))
            inner.append(text if count == 1 else f"{count}*{text}")
        parts.append(f"{group}[{', '.join(inner)}]" if group else ", ".join(inner))
    return ", ".join(parts)


def sketch_one(action: dict[str, Any], actions: list[dict[str, Any]]) -> str:
    text = action["short_name"]
    if action["attempts"] > 1:
        text += f" x{action['attempts']}"
    if action["cache_status"] == "hit":
        text += " hit"
    if action["phase"] != "succeeded":
        text += f" {action['phase']}"
    below = sketch(actions, action["name"])
    return f"{text}({below})" if below else text


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A data directory with a server; the session of this process is set up for it."""
    where = tmp_path_factory.mktemp("conformance")
    with pytest.MonkeyPatch.context() as patch, NEWS.listening():
        for name in [name for name in os.environ if name.startswith(("FLYTE", "UCTL"))]:
            patch.delenv(name)
        patch.setenv("HOME", str(where))
        patch.setenv("FLYTE_HOME", str(where / "home"))
        patch.setenv("FLYTE_PORT", str(free_port()))
        patch.setenv("FLYTE_EGRESS_ALLOW", "127.0.0.1")
        patch.chdir(where)
        _session.reset()
        flyte.init_from_config(root_dir=HERE)
        try:
            yield where / "home"
        finally:
            _server.stop_server(where / "home")
            _session.reset()
            homes.close_all()


@pytest.fixture(scope="module")
def served(data_dir: Path, request: pytest.FixtureRequest) -> Iterator[dict[str, "Future[Outcome]"]]:
    """The server's outcomes of the programs that were selected, under way."""
    wanted = [
        item.callspec.params["program"]
        for item in request.session.items
        if isinstance(item, pytest.Function) and item.path == Path(__file__) and hasattr(item, "callspec")
    ]
    portal()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield {name_of(program): pool.submit(run, program, "remote") for program in wanted}


@pytest.mark.parametrize("program", TABLE, ids=name_of)
def test_a_program_does_the_same_here_and_there(
    program: Program, served: dict[str, "Future[Outcome]"]
) -> None:
    here = run(program, "local")
    there = served[name_of(program)].result()
    for outcome in (here, there):
        check(program, outcome)
    compare(program, here, there)


def check(program: Program, outcome: Outcome) -> None:
    """Whether it is what the program says."""
    if program.fails:
        assert outcome.error is not None, f"it was to fail, and gave {outcome.values}"
        assert outcome.error[1] == program.fails, outcome.error
        assert program.says in outcome.error[3]
    else:
        assert outcome.error is None
        assert outcome.values is not None
        if program.gives is not ANYTHING:
            found = outcome.values if len(outcome.values) > 1 else outcome.values[0]
            assert found == program.gives
            assert type(found) is type(program.gives) or type(found) in (float, tuple)
    if program.tree:
        assert sketch(outcome.actions) == program.tree
    assert outcome.told == program.tells
    for name, parts in program.reports.items():
        for page in [page for short, page in outcome.reports if short == name]:
            assert all(part in page for part in parts) if parts else not page


def compare(program: Program, here: Outcome, there: Outcome) -> None:
    """Whether both modes gave the same, by the same tree."""
    assert (here.phase, here.error) == (there.phase, there.error)
    assert here.values == there.values
    assert shape(here, program) == shape(there, program)
    assert sorted(here.reports) == sorted(there.reports)
    if not program.hurried:
        assert loosely(here.logs) == loosely(there.logs)


def loosely(logs: dict[str, list[str]]) -> dict[str, list[str]]:
    """Without what tells where the code is, which run it was and when, and how deep the stack."""
    return {
        name: [PLACE.sub('File "', MANY.sub("MANY", WHEN.sub("WHEN", RUN.sub("", line)))) for line in lines]
        for name, lines in logs.items()
    }


def shape(outcome: Outcome, program: Program) -> list[dict[str, Any]]:
    """The actions by name; without their position where the order of calls is not fixed."""
    left_out = {"seq"} if not program.ordered else {"attempts"} if program.hurried else set()
    return [
        {key: value for key, value in each.items() if key not in left_out}
        for each in sorted(outcome.actions, key=lambda each: str(each["name"]))
    ]


def test_there_are_enough_programs() -> None:
    assert len(TABLE) >= 150
    assert len({name_of(program) for program in TABLE}) == len(TABLE)
