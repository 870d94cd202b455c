"""The terminal's console, driven by its keys, over runs that really happened."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from rich.console import Console as Rich
from textual.pilot import Pilot
from textual.widgets import DataTable, Input, RichLog, Select, Static, Tree

import flyte
import flyte.remote
from flyte import _session
from flyte._cli.tui.app import Console
from flyte._cli.tui.run import RunScreen
from flyte._cli.tui.runs import RunsScreen, ScopeScreen
from flyte._controller import home
from flyte._remote.current import current_source
from flyte_core.model import Phase, RunKey

env = flyte.TaskEnvironment(name="tui")

WIDE = (160, 50)


@env.task(cache="auto")
async def square(x: int) -> int:
    print(f"squaring {x}")
    return x * x


@env.task(retries=flyte.RetryStrategy(1, flyte.Backoff(base=0.01)))
async def flaky() -> int:
    context = flyte.ctx()
    assert context is not None
    print(f"attempt number {context.attempt_number}")
    if context.attempt_number == 0:
        raise ConnectionError("not yet")
    return 1


@env.task
async def squares(n: int) -> int:
    with flyte.group("each"):
        found = await asyncio.gather(*(square(x) for x in range(n)))
    return sum(found) + await flaky()


@env.task
async def bad(x: int) -> int:
    raise ValueError(f"no {x}")


@env.task
async def asks() -> bool:
    question = await flyte.new_condition.aio("approve", prompt="Shall it go on?", data_type=bool)
    return bool(await question.wait.aio())


@env.task
async def forever() -> int:
    await asyncio.Event().wait()
    return 0


@pytest.fixture(autouse=True)
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("FLYTE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    _session.reset()
    flyte.init()
    yield
    _session.reset()
    home.close_all()


def started(task: flyte.Task[..., object], name: str, **inputs: object) -> None:
    """The run, ended; or under way on a thread if it waits for something."""
    try:
        flyte.with_runcontext(name=name).run(task, **inputs)
    except flyte.errors.BaseRuntimeError:
        pass


def under_way(task: flyte.Task[..., object], name: str) -> threading.Thread:
    thread = threading.Thread(target=started, args=(task, name))
    thread.start()
    return thread


async def until(pilot: Pilot[None], wanted: Callable[[], object]) -> None:
    """Let the console go on until something is true."""
    async with asyncio.timeout(20):
        while True:
            await pilot.pause()
            try:
                if wanted():
                    return
            except Exception:
                pass
            await asyncio.sleep(0.02)


def console(run: str = "") -> Console:
    key = RunKey("flytesnacks", "development", run) if run else None
    return Console(current_source(), poll_s=0.1, run=key)


def text_of(widget: Static) -> str:
    """What a terminal would show of it."""
    rich = Rich(width=200, no_color=True)
    with rich.capture() as shown:
        rich.print(widget.content)
    return shown.get()


def tree_of(app: Console) -> list[str]:
    """The lines of the tree, parents first, without durations."""
    tree: Tree[object] = app.screen.query_one("#tree", Tree)
    found: list[str] = []

    def walk(node: object, depth: int) -> None:
        for child in node.children:  # type: ignore[attr-defined]
            found.append("  " * depth + str(child.label).split("  ")[0])
            walk(child, depth + 1)

    walk(tree.root, 0)
    return found


def logged(app: Console) -> list[str]:
    return [line.text for line in app.screen.query_one("#log", RichLog).lines]


async def drive(app: Console, steps: Callable[[Pilot[None]], Awaitable[None]]) -> None:
    async with app.run_test(size=WIDE) as pilot:
        await steps(pilot)


async def test_the_table_shows_runs_newest_first_and_opens_one() -> None:
    await asyncio.to_thread(started, squares, "first", n=2)
    await asyncio.to_thread(started, bad, "second", x=3)
    app = console()

    async def steps(pilot: Pilot[None]) -> None:
        table = app.screen.query_one("#runs", DataTable)
        await until(pilot, lambda: table.row_count == 2)
        rows = [[str(cell) for cell in table.get_row_at(at)] for at in (0, 1)]
        assert [row[:3] for row in rows] == [
            ["second", "tui.bad", "failed"],
            ["first", "tui.squares", "succeeded"],
        ]
        assert rows[0][5] == "ValueError: no 3"
        await pilot.press("j", "enter")
        await until(pilot, lambda: isinstance(app.screen, RunScreen))
        await until(pilot, lambda: len(tree_of(app)) == 5)
        await pilot.press("q")
        await until(pilot, lambda: isinstance(app.screen, RunsScreen))
        await pilot.press("s", "s")
        await until(pilot, lambda: str(table.get_row_at(0)[1]) == "tui.bad")

    await drive(app, steps)


async def test_the_table_can_be_filtered() -> None:
    await asyncio.to_thread(started, squares, "first", n=1)
    await asyncio.to_thread(started, bad, "second", x=3)
    app = console()

    async def steps(pilot: Pilot[None]) -> None:
        table = app.screen.query_one("#runs", DataTable)
        await until(pilot, lambda: table.row_count == 2)
        app.screen.query_one("#status", Select).value = Phase.FAILED
        await until(pilot, lambda: table.row_count == 1)
        assert table.get_row_at(0)[0] == "second"
        app.screen.query_one("#status", Select).clear()
        await pilot.press("slash", *"tui.squares", "enter")
        await until(pilot, lambda: [str(table.get_row_at(0)[0]), table.row_count] == ["first", 1])

    await drive(app, steps)


async def test_another_project_can_be_chosen() -> None:
    started(square, "here", x=1)
    flyte.with_runcontext(name="there", project="other", domain="staging").run(square, x=2)
    app = console()

    def names() -> list[str]:
        table = app.screen.query_one("#runs", DataTable)
        return [str(table.get_row_at(row)[0]) for row in range(table.row_count)]

    async def steps(pilot: Pilot[None]) -> None:
        await until(pilot, lambda: names() == ["here"])
        await pilot.press("p")
        await until(pilot, lambda: isinstance(app.screen, ScopeScreen))
        assert app.screen.options.option_count == 2
        await pilot.press("j", "enter")
        await until(pilot, lambda: names() == ["there"])
        assert app.screen.sub_title == "other / staging"
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, RunScreen) and tree_of(app) != [])
        await pilot.press("q")
        await pilot.press("p")
        await until(pilot, lambda: isinstance(app.screen, ScopeScreen))
        await pilot.press("escape")
        await until(pilot, lambda: names() == ["there"])

    await drive(app, steps)


async def test_runs_are_deleted_when_asked_for_twice() -> None:
    for name in ("first", "second", "third"):
        await asyncio.to_thread(started, squares, name, n=1)
    app = console()

    async def steps(pilot: Pilot[None]) -> None:
        table = app.screen.query_one("#runs", DataTable)
        await until(pilot, lambda: table.row_count == 3)
        await pilot.press("d")
        await until(pilot, lambda: app._notifications)
        assert table.row_count == 3
        await pilot.press("d")
        await until(pilot, lambda: [table.get_row_at(at)[0] for at in (0, 1)] == ["second", "first"])
        await pilot.press("c", "c")
        await until(pilot, lambda: table.row_count == 0)

    await drive(app, steps)
    assert list(flyte.remote.Run.listall()) == []


async def test_a_run_is_a_tree_with_details_and_logs() -> None:
    await asyncio.to_thread(started, squares, "earlier", n=2)
    await asyncio.to_thread(started, squares, "again", n=2)
    app = console("again")

    async def steps(pilot: Pilot[None]) -> None:
        await until(pilot, lambda: len(tree_of(app)) == 5)
        assert tree_of(app) == [
            "✓ squares",
            "  ✓ each [2]",
            "    ✓ square $",
            "    ✓ square $",
            "  ✓ flaky »2",
        ]
        text = app.screen.query_one("#text", Static)
        await until(pilot, lambda: "tui.squares" in text_of(text))
        assert "n = 2" in text_of(text)
        assert "o0 = 2" in text_of(text)
        await pilot.press("j", "j", "j", "j")
        await until(pilot, lambda: "tui.flaky" in text_of(text))
        assert "Attempt 2 of 2" in text_of(text)
        await pilot.press("l")
        await until(pilot, lambda: "attempt number 1" in logged(app))
        await pilot.press("[")
        await until(pilot, lambda: "attempt number 0" in logged(app))
        await pilot.press("d")
        assert "ConnectionError: not yet" in text_of(text)
        await pilot.press("]")
        await until(pilot, lambda: "Attempt 2 of 2" in text_of(text))

    await drive(app, steps)


async def test_a_failure_is_shown_with_its_traceback() -> None:
    await asyncio.to_thread(started, bad, "failing", x=3)
    app = console("failing")

    async def steps(pilot: Pilot[None]) -> None:
        text = app.screen.query_one("#text", Static)
        await until(pilot, lambda: "ValueError: no 3" in text_of(text))
        assert 'raise ValueError(f"no {x}")' in text_of(text)
        assert "x = 3" in text_of(text)

    await drive(app, steps)


async def test_a_question_is_answered_in_the_console() -> None:
    thread = under_way(asks, "asking")
    await asyncio.to_thread(until_there, "asking")
    app = console("asking")

    async def steps(pilot: Pilot[None]) -> None:
        await until(pilot, lambda: len(tree_of(app)) == 2)
        assert tree_of(app)[1] == "  ⏸ approve (condition)"
        await pilot.press("j")
        field = app.screen.query_one("#answer", Input)
        await until(pilot, lambda: field.has_class("asked"))
        assert "Shall it go on?" in field.placeholder
        field.focus()
        await pilot.press(*"perhaps", "enter")
        await until(pilot, lambda: app._notifications)
        field.clear()
        await pilot.press(*"yes", "enter")
        await until(pilot, lambda: tree_of(app)[0] == "✓ asks")

    await drive(app, steps)
    await asyncio.to_thread(thread.join)
    assert flyte.remote.Run.get("asking").outputs() == (True,)


async def test_a_live_run_is_followed_and_aborted() -> None:
    thread = under_way(forever, "endless")
    await asyncio.to_thread(until_there, "endless")
    app = console("endless")

    async def steps(pilot: Pilot[None]) -> None:
        await until(pilot, lambda: tree_of(app) == ["● forever"])
        await pilot.press("a")
        await until(pilot, lambda: tree_of(app) == ["⊘ forever"])

    await drive(app, steps)
    await asyncio.to_thread(thread.join)
    assert flyte.remote.Run.get("endless").status == "aborted"


async def test_a_run_of_this_process_is_watched_to_its_end() -> None:
    from flyte._run import LocalStart, RunOptions

    start = await asyncio.to_thread(
        LocalStart, squares, (), {"n": 2}, RunOptions(mode="local", name="watched", echo="none")
    )
    app = Console(current_source(), poll_s=0.1, run=start.key, work=start.finish)

    async def steps(pilot: Pilot[None]) -> None:
        await until(pilot, lambda: tree_of(app)[:1] == ["✓ squares"])
        await pilot.press("j", "j", "l")
        await until(pilot, lambda: "squaring 0" in logged(app))
        await pilot.press("q")
        await until(pilot, lambda: app._exit)

    await drive(app, steps)


async def test_leaving_the_console_of_a_live_run_asks_first() -> None:
    from flyte._run import LocalStart, RunOptions

    start = await asyncio.to_thread(
        LocalStart, forever, (), {}, RunOptions(mode="local", name="left", echo="none")
    )
    app = Console(current_source(), poll_s=0.1, run=start.key, work=start.finish)

    async def steps(pilot: Pilot[None]) -> None:
        await until(pilot, lambda: tree_of(app) == ["● forever"])
        await pilot.press("q")
        await until(pilot, lambda: app._notifications)
        assert not app._exit
        await pilot.press("q")
        await until(pilot, lambda: app._exit)

    await drive(app, steps)
    assert flyte.remote.Run.get("left").status == "aborted"


def until_there(name: str) -> None:
    """Until the run has begun, and waits if it asks something."""
    from terminal import until as wait_until

    def there() -> bool:
        try:
            return any(
                each.phase in (Phase.RUNNING, Phase.PAUSED)
                for each in flyte.remote.Action.listall(name)
                if each.kind == "condition" or name != "asking"
            )
        except flyte.errors.RunNotFoundError:
            return False

    wait_until(there)
