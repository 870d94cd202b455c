"""Tasks of ours: forked from a preloaded interpreter, they behave as in a process of their own."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.contracts.executors.conftest import Bench, gone, until, zygotes_of

from flyte_core.model import ErrorInfo, ErrorKind
from flyte_core.wire import errors
from flyte_server.ports.executor import EndReason, Launch

Pack = Callable[..., Path]

BASICS = """
    import asyncio, os, sys, time
    import flyte

    print("imported", flush=True)
    env = flyte.TaskEnvironment(name="e")

    @env.task
    def double() -> int:
        print("double in", os.getpid())
        return 20

    @env.task
    async def later() -> int:
        await asyncio.sleep(0)
        return 30

    def helper():
        raise KeyError("missing thing")

    @env.task
    def fails() -> int:
        return helper()

    @env.task
    def leaves() -> int:
        sys.exit(3)

    @env.task
    def crashes() -> int:
        import ctypes
        ctypes.string_at(0)

    @env.task
    def sleeps() -> int:
        try:
            print("ready")
            time.sleep(600)
        finally:
            print("cleaned up")

    @env.task
    async def naps() -> int:
        try:
            print("ready")
            await asyncio.sleep(600)
        except asyncio.CancelledError:
            print("cancelled")
            raise

    @env.task
    def surroundings() -> int:
        import atexit, __main__, threading
        atexit.register(print, "at exit")
        threading.Thread(target=lambda: (time.sleep(0.05), print("thread ended"))).start()
        print(sys.argv[0], hasattr(__main__, "__file__"), os.path.basename(os.getcwd()))
        print(os.environ.get("GIVEN"), os.environ["ACTION_NAME"], threading.current_thread() is threading.main_thread())
        return 1
"""


def error_of(launch: Launch) -> ErrorInfo:
    return errors.from_document((launch.dir / "error.pb").read_bytes())


@pytest.mark.parametrize("kind", ["forked", "cold"])
@pytest.mark.parametrize(("task", "value"), [("double", 20), ("later", 30)])
async def test_outputs(bench: Bench, cold: Bench, bundle: Pack, kind: str, task: str, value: int) -> None:
    where = bench if kind == "forked" else cold
    launch = where.task("basics", task, bundle(basics=BASICS))
    ended = await where.finish(launch)
    assert (ended.reason, ended.exit_code) == (EndReason.EXIT, 0), where.text(launch)
    assert where.outputs(launch) == {"o0": value}


async def test_later_attempts_share_the_import(bench: Bench, bundle: Pack) -> None:
    code = bundle(shared=BASICS)
    first = bench.task("shared", "double", code)
    await bench.finish(first)
    parents = set()
    for _ in range(40):
        launch = bench.task("shared", "double", code)
        await bench.finish(launch)
        text = bench.text(launch)
        assert text[0] == "imported" and text[1].startswith("double in"), (
            "every log has what the import wrote"
        )
        assert bench.outputs(launch) == {"o0": 20}
        parents.add(tuple(text))
    assert len(parents) == 40, "each in a process of its own"


async def test_a_user_error_has_the_user_s_traceback(bench: Bench, bundle: Pack) -> None:
    launch = bench.task("basics", "fails", bundle(basics=BASICS))
    ended = await bench.finish(launch)
    assert (ended.reason, ended.exit_code) == (EndReason.EXIT, 1)
    error = error_of(launch)
    assert (error.code, error.message, error.kind) == ("KeyError", "'missing thing'", ErrorKind.USER)
    assert "in fails" in error.traceback and "in helper" in error.traceback
    assert "flyte/_" not in error.traceback and not (launch.dir / "outputs.pb").exists()


async def test_leaving_the_process_is_an_error(bench: Bench, bundle: Pack) -> None:
    launch = bench.task("basics", "leaves", bundle(basics=BASICS))
    await bench.finish(launch)
    assert error_of(launch).code == "SystemExit" and "sys.exit(3)" in error_of(launch).message


async def test_a_crash_shows_where_it_was(bench: Bench, bundle: Pack) -> None:
    launch = bench.task("basics", "crashes", bundle(basics=BASICS))
    ended = await bench.finish(launch)
    assert (ended.reason, ended.signal) == (EndReason.SIGNAL, signal.SIGSEGV)
    assert "in crashes" in ended.log_tail


@pytest.mark.parametrize(("task", "trace"), [("sleeps", "cleaned up"), ("naps", "cancelled")])
async def test_a_cancelled_body_may_clean_up(bench: Bench, bundle: Pack, task: str, trace: str) -> None:
    launch = await bench.running(bench.task("basics", task, bundle(basics=BASICS)))
    await bench.cancel(launch)
    ended = await bench.end(launch)
    assert (ended.reason, ended.signal) == (EndReason.CANCELLED, signal.SIGTERM)
    assert trace in bench.text(launch)
    assert not (launch.dir / "error.pb").exists()


async def test_a_fork_looks_like_a_process_of_its_own(bench: Bench, bundle: Pack) -> None:
    code = bundle(basics=BASICS)
    for _ in range(2):
        launch = bench.task("basics", "surroundings", code)
        launch.env["GIVEN"] = "yes"  # type: ignore[index]
        await bench.finish(launch)
        assert bench.text(launch)[1:] == [
            "a0 False work",
            f"yes {launch.key.name} True",
            "thread ended",
            "at exit",
        ]


@pytest.mark.parametrize(
    ("code", "why"),
    [
        (
            "import threading, time; threading.Thread(target=time.sleep, args=(600,), daemon=True).start()",
            "threads",
        ),
        ("import socket; held = socket.socket()", "files open"),
        ("import random; random.seed(42)", "random"),
        ("import signal; signal.signal(signal.SIGUSR1, print)", "signal"),
        ("import subprocess; held = subprocess.Popen(['sleep', '600'])", "processes"),
        ("import os; os.environ['ACTION_NAME']", "failed"),
    ],
)
async def test_imports_that_cannot_be_shared_are_done_by_each_attempt(
    bench: Bench, home: Path, bundle: Pack, code: str, why: str
) -> None:
    source = bundle(unshared=f"\n    {code}\n{BASICS}")
    before = sum(path.read_text().count(why) for path in (home / "zygotes").glob("*.log"))
    for _ in range(2):
        launch = bench.task("unshared", "double", source)
        ended = await bench.finish(launch)
        assert ended.exit_code == 0, bench.text(launch)
    await until(
        lambda: sum(path.read_text().count(why) for path in (home / "zygotes").glob("*.log")) > before
    )


async def test_an_import_that_fails_says_so(bench: Bench, bundle: Pack) -> None:
    launch = bench.task("broken", "x", bundle(broken="import no_such_module"))
    await bench.finish(launch)
    error = error_of(launch)
    assert error.code == "ModuleLoadError" and "no_such_module" in error.message
    assert "broken.py" in error.traceback


async def test_a_bundle_that_is_gone(bench: Bench, home: Path) -> None:
    launch = bench.task("x", "x", home / "blobs" / "fast0.tar.gz")
    await bench.finish(launch)
    assert error_of(launch).code == "CodeBundleError" and "fast0.tar.gz is gone" in error_of(launch).message


async def test_variables_that_an_interpreter_reads_at_its_start(bench: Bench, bundle: Pack) -> None:
    source = bundle(
        hashed="""
        import flyte, os
        env = flyte.TaskEnvironment(name="e")

        @env.task
        def seed() -> int:
            print(hash("a"), os.environ["PYTHONHASHSEED"])
            return 1
        """
    )
    texts = []
    for _ in range(2):
        launch = bench.task("hashed", "seed", source)
        launch.env["PYTHONHASHSEED"] = "7"  # type: ignore[index]
        await bench.finish(launch)
        texts.append(bench.text(launch))
    assert texts[0] == texts[1] and texts[0][0].endswith(" 7")


async def test_an_interpreter_that_is_not_there(bench: Bench, bundle: Pack) -> None:
    launch = bench.task("basics", "double", bundle(basics=BASICS), interpreter="/no/such/python")
    ended = await bench.finish(launch)
    assert ended.reason is EndReason.LAUNCH_FAILED and "/no/such/python" in ended.detail


async def test_a_zygote_replaced_while_tasks_run(bench: Bench, home: Path, bundle: Pack) -> None:
    code = bundle(basics=BASICS)
    launch = await bench.running(bench.task("basics", "sleeps", code))
    before = zygotes_of(home)
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    await until(lambda: all(gone(pid) for pid in before))
    later = bench.task("basics", "double", code)
    assert (await bench.finish(later)).exit_code == 0
    await bench.cancel(launch)
    assert (await bench.end(launch)).reason is EndReason.CANCELLED
