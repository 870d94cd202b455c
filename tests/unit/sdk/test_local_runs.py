"""Runs in this process: calls of every colour, retries, limits, aborts, caching, logs."""

import asyncio
import gc
import os
import pickle
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sdk_history import History

import flyte
from flyte import errors
from flyte._controller.home import home_at
from flyte_core.engine import action as use_cases
from flyte_core.engine import run as run_cases
from flyte_core.layout import Layout
from flyte_core.model import ROOT, ActionKey, Micros
from flyte_core.ports import Clock
from flyte_core.store.sqlite import SqliteStore

env = flyte.TaskEnvironment(name="e")


@env.task
def double(x: int) -> int:
    return x * 2


@env.task
async def adouble(x: int) -> int:
    await asyncio.sleep(0)
    return x * 2


def wait_for(condition: Callable[[], bool], timeout_s: float = 20) -> None:
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, "the condition did not come true"
        time.sleep(0.005)


# -- Calls of every colour -------------------------------------------------------------------------


def test_calls_nest_deeper_than_the_stack(history: History) -> None:
    @env.task
    def deep(n: int) -> int:
        return 0 if n == 0 else deep(n - 1) + 1

    assert flyte.run(deep, 200).outputs()[0] == 200
    assert [each.depth for each in history.actions()] == list(range(201))


def test_async_calls_nest_deep(history: History) -> None:
    @env.task
    async def deep(n: int) -> int:
        return 0 if n == 0 else await deep(n - 1) + 1

    assert flyte.run(deep, 200).outputs()[0] == 200
    assert len(history.actions()) == 201


def test_calls_that_nest_without_end_are_refused(history: History) -> None:
    @env.task
    def endless(n: int) -> int:
        return endless(n + 1)

    with pytest.raises(errors.RuntimeUserError, match="256 is the limit"):
        flyte.run(endless, 0)
    assert len(history.actions()) == 257


def test_gather_of_async_tasks_keeps_the_order_of_calls(history: History) -> None:
    @env.task
    async def fan(n: int) -> list[int]:
        return list(await asyncio.gather(*[adouble(i) for i in range(n)]))

    assert flyte.run(fan, 600).outputs()[0] == [2 * i for i in range(600)]
    children = [each for each in history.actions() if each.parent is not None]
    assert sorted(each.seq for each in children) == list(range(600))
    assert all(each.phase == "succeeded" for each in children)


def test_sync_tasks_are_awaited_on_threads_and_run_together() -> None:
    meeting = threading.Barrier(3, timeout=20)

    @env.task
    def meet(x: int) -> int:
        meeting.wait()
        return x

    @env.task
    async def main() -> list[int]:
        return list(await asyncio.gather(*[meet.aio(i) for i in range(3)]))

    assert flyte.run(main).outputs()[0] == [0, 1, 2]


def test_sync_tasks_on_threads_that_gather_in_turn_do_not_lock_up(monkeypatch: pytest.MonkeyPatch) -> None:
    from flyte._controller import crew

    monkeypatch.setattr(crew, "_crews", {})
    monkeypatch.setattr(crew.Crew.__init__, "__defaults__", (2,))

    @env.task
    def nest(depth: int) -> int:
        if depth == 0:
            return 1

        async def below() -> list[int]:
            return list(await asyncio.gather(*[nest.aio(depth - 1) for _ in range(3)]))

        return sum(asyncio.run(below()))

    assert flyte.run(nest, 3).outputs()[0] == 27


def test_a_sync_call_on_an_event_loop_is_refused() -> None:
    @env.task
    async def main() -> int:
        return double(1)

    with pytest.raises(errors.SyncTaskCallInAsyncContextError, match=r"e\.double") as caught:
        flyte.run(main)
    assert "double.aio" in caught.value.hint or "await" in caught.value.hint


def test_an_async_task_is_called_from_a_sync_one() -> None:
    @env.task
    def main() -> int:
        return asyncio.run(adouble(4))

    assert flyte.run(main).outputs()[0] == 8


def test_calls_from_threads_belong_to_the_run(history: History) -> None:
    @env.task
    def main() -> int:
        found: list[int] = []
        thread = threading.Thread(target=lambda: found.append(double(1)))
        thread.start()
        thread.join()
        with ThreadPoolExecutor(2) as pool:
            return sum(pool.map(double, [1, 2, 3])) + found[0]

    assert flyte.run(main).outputs()[0] == 14
    assert [row[:2] for row in history.tree()] == [("main", None), *[("double", "main")] * 4]


def test_forward_makes_no_action_and_keeps_the_very_object(history: History) -> None:
    @env.task
    def same(x: list[int]) -> list[int]:
        return x

    @env.task
    def main() -> bool:
        xs = [1]
        return same.forward(xs) is xs and same(xs) is not xs

    assert flyte.run(main).outputs()[0] is True
    assert len(history.actions()) == 2


def test_a_child_cannot_change_its_callers_values() -> None:
    @env.task
    def spoil(x: list[int]) -> int:
        x.append(9)
        return len(x)

    @env.task
    def main() -> list[int]:
        xs = [1]
        spoil(xs)
        return xs

    assert flyte.run(main).outputs()[0] == [1]


def test_runs_at_once_in_several_threads(history: History) -> None:
    with ThreadPoolExecutor(4) as pool:
        runs = list(pool.map(lambda x: flyte.run(double, x), range(8)))
    assert sorted(run.outputs()[0] for run in runs) == [2 * i for i in range(8)]
    assert len(history.runs()) == 8


def test_a_taken_name_is_refused(history: History) -> None:
    flyte.with_runcontext(name="nightly").run(double, 1)
    with pytest.raises(errors.RunAlreadyExistsError, match="nightly"):
        flyte.with_runcontext(name="nightly").run(double, 2)
    assert len(history.runs()) == 1


def test_the_place_of_the_code() -> None:
    @env.task(retries=1)
    def main() -> tuple[str, int, str, str]:
        here = flyte.ctx()
        assert here is not None and here.attempt_token is not None
        if here.attempt_number == 0:
            raise ValueError
        return here.action.name, here.attempt_number, here.mode, here.idempotency_key

    assert flyte.ctx() is None
    run = flyte.run(main)
    assert run.outputs() == ("a0", 1, "local", f"{run.name}/a0")


# -- Failures and retries --------------------------------------------------------------------------


def test_a_failure_crosses_the_boundary_with_code_and_traceback(history: History) -> None:
    @env.task
    def bad(x: int) -> int:
        raise KeyError(x)

    @env.task
    def main() -> str:
        try:
            bad(3)
        except errors.RuntimeUserError as error:
            assert "raise KeyError(x)" in error.traceback
            assert "flyte/_controller" not in error.traceback
            return f"{error.code}: {error}"
        return ""

    assert flyte.run(main).outputs()[0] == "KeyError: 3"
    failed = history.actions()[1]
    assert failed.error is not None and failed.error.code == "KeyError"


def test_a_failing_run_raises_and_is_recorded(history: History) -> None:
    @env.task
    def bad() -> None:
        raise ValueError("boom")

    with pytest.raises(errors.RuntimeUserError, match="boom") as caught:
        flyte.run(bad)
    assert caught.value.code == "ValueError"
    assert history.tree() == [("bad", None, 0, "failed")]


def test_retries_are_counted_and_shown(history: History) -> None:
    tries: list[int] = []

    @env.task(retries=2)
    def flaky() -> int:
        tries.append(1)
        if len(tries) < 3:
            raise ValueError(len(tries))
        return len(tries)

    @env.task
    def main() -> int:
        return flaky()

    assert flyte.run(main).outputs()[0] == 3
    assert [str(each.state) for each in history.actions()[1].attempts] == ["failed", "failed", "ok"]


def test_a_retry_waits_as_long_as_it_says(history: History) -> None:
    tries: list[float] = []

    @env.task(retries=flyte.RetryStrategy(1, flyte.Backoff(timedelta(seconds=0.2))))
    async def flaky() -> int:
        tries.append(time.monotonic())
        if len(tries) < 2:
            raise ValueError
        return 1

    flyte.run(flaky)
    assert tries[1] - tries[0] >= 0.2


def test_non_recoverable_is_not_tried_again(history: History) -> None:
    @env.task(retries=5)
    def bad() -> None:
        raise errors.NonRecoverableError("no use")

    with pytest.raises(errors.NonRecoverableError, match="no use"):
        flyte.run(bad)
    assert len(history.actions()[0].attempts) == 1


def test_a_parent_that_runs_again_finds_what_its_children_did(history: History) -> None:
    ran: list[int] = []

    @env.task
    async def child(x: int) -> int:
        ran.append(x)
        return x

    @env.task(retries=1)
    async def parent() -> int:
        total = sum(await asyncio.gather(*[child(i) for i in range(5)]))
        here = flyte.ctx()
        assert here is not None
        if here.attempt_number == 0:
            raise ValueError
        return total

    assert flyte.run(parent).outputs()[0] == 10
    assert sorted(ran) == [0, 1, 2, 3, 4]
    assert len(history.actions()) == 6


def test_a_parent_that_runs_again_waits_for_a_child_that_still_runs() -> None:
    starts: list[int] = []
    go = asyncio.Event()

    @env.task
    async def slow() -> int:
        starts.append(1)
        await go.wait()
        return 7

    @env.task(retries=1)
    async def parent() -> int:
        here = flyte.ctx()
        assert here is not None
        call = asyncio.create_task(slow())
        await asyncio.sleep(0.05)
        if here.attempt_number == 0:
            raise ValueError
        asyncio.get_running_loop().call_later(0.05, go.set)
        return await call

    assert flyte.run(parent).outputs()[0] == 7
    assert starts == [1]


def test_a_value_of_the_wrong_type_says_where(history: History) -> None:
    @env.task
    def total(items: list[float]) -> float:
        return sum(items)

    with pytest.raises(
        errors.RuntimeDataValidationError, match=r"value @ items\[1\]: expected float, got str 'x'"
    ):
        flyte.run(total, [1.0, "x"])  # type: ignore[list-item]
    assert history.runs() == []


def test_a_result_of_the_wrong_type_fails_the_task() -> None:
    @env.task
    def liar() -> int:
        return "x"  # type: ignore[return-value]

    with pytest.raises(
        errors.RuntimeDataValidationError, match="returned value @ o0: expected int, got str 'x'"
    ):
        flyte.run(liar)


def test_too_large_inputs_are_refused() -> None:
    @env.task(max_inline_io_bytes=100)
    def small(x: str) -> None: ...

    with pytest.raises(errors.InlineIOMaxBytesBreached, match="limit is 100"):
        flyte.run(small, "x" * 200)


def test_large_values_are_files_that_are_checked(history: History) -> None:
    @env.task
    def make(n: int) -> str:
        return "x" * n

    @env.task
    def length(text: str) -> int:
        return len(text)

    @env.task
    def main() -> int:
        return length(make(300_000))

    assert flyte.run(main).outputs()[0] == 300_000
    _, made, measured = history.actions()
    assert made.outputs is not None and Path(made.outputs.uri).stat().st_size == made.outputs.size_bytes
    assert measured.inputs is not None and measured.inputs.uri.endswith("inputs.pb")


# -- Limits and aborts -----------------------------------------------------------------------------


def test_bodies_that_end_just_when_their_time_is_up_disturb_nobody(history: History) -> None:
    @env.task(timeout=0.01)
    def close_call(x: int) -> int:
        end = time.perf_counter() + 0.009 + 0.0004 * (x % 10)
        while time.perf_counter() < end:
            pass
        return x

    @env.task
    def carry_on(x: int) -> int:
        return sum(double(x) for _ in range(3))

    @env.task
    async def main(n: int) -> list[str]:
        ends = await asyncio.gather(*[close_call.aio(i) for i in range(n)], return_exceptions=True)
        return ["late" if isinstance(end, errors.TaskTimeoutError) else str(end) for end in ends] + [
            str(each) for each in await asyncio.gather(*[carry_on.aio(i) for i in range(40)])
        ]

    ends = flyte.run(main, 100).outputs()[0]
    phases = [each.phase for each in history.actions() if each.spec.short_name == "close_call"]
    assert [end if end == "late" else int(end) for end in ends[:100]] == [
        "late" if end == "late" else i for i, end in enumerate(ends[:100])
    ]
    assert phases.count("timed_out") == ends.count("late")
    assert ends[100:] == [str(6 * i) for i in range(40)]


@pytest.mark.parametrize("colour", ["sync", "async"])
def test_max_runtime_ends_an_attempt(colour: str, history: History) -> None:
    @env.task(timeout=0.2)
    def sleeps() -> None:
        while True:
            time.sleep(0.01)

    @env.task(timeout=0.2)
    async def asleeps() -> None:
        await asyncio.sleep(60)

    started = time.monotonic()
    with pytest.raises(errors.MaxRuntimeExceededError):
        flyte.run(sleeps if colour == "sync" else asleeps)
    assert time.monotonic() - started < 10
    assert str(history.actions()[0].phase) == "timed_out"


class CountedClock:
    """The clock of a process's runs, and how often they looked at it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.looks = 0

    def now(self) -> Micros:
        self.looks += 1
        return self._clock.now()


@pytest.mark.parametrize("colour", ["sync", "async"])
def test_the_wait_after_a_timeout_is_slept_through(
    colour: str, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempts: list[float] = []
    policy = flyte.RetryStrategy(1, backoff=flyte.Backoff(base=1.0))

    def late() -> bool:
        attempts.append(time.monotonic())
        return len(attempts) == 1

    @env.task(timeout=0.1, retries=policy)
    def sleeps() -> int:
        if late():
            while True:
                time.sleep(0.01)
        return len(attempts)

    @env.task(timeout=0.1, retries=policy)
    async def asleeps() -> int:
        if late():
            await asyncio.sleep(60)
        return len(attempts)

    ledger = home_at(data_dir).ledger
    clock = CountedClock(ledger.clock)
    monkeypatch.setattr(ledger, "clock", clock)
    assert flyte.run(sleeps if colour == "sync" else asleeps).outputs()[0] == 2
    assert attempts[1] - attempts[0] >= 1.0
    assert clock.looks < 100


def test_a_body_that_cannot_be_stopped_is_left_to_itself() -> None:
    stuck = threading.Event()

    @env.task(timeout=0.2)
    def stubborn() -> None:
        stuck.wait(60)

    @env.task
    def main() -> str:
        try:
            stubborn()
        except errors.TaskTimeoutError as error:
            return error.code
        return ""

    assert flyte.run(main).outputs()[0] == "MAX_RUNTIME_EXCEEDED"
    stuck.set()


def test_the_deadline_holds_over_retries(history: History) -> None:
    @env.task(retries=100, timeout=flyte.Timeout(deadline=0.4))
    async def flaky() -> None:
        await asyncio.sleep(0.05)
        raise ValueError

    with pytest.raises(errors.DeadlineExceededError):
        flyte.run(flaky)
    assert len(history.actions()[0].attempts) > 1


@pytest.mark.parametrize("colour", ["sync", "async"])
def test_a_run_is_aborted_by_somebody_else(colour: str, data_dir: Path, history: History) -> None:
    running = threading.Event()

    @env.task
    def waits() -> None:
        running.set()
        while True:
            time.sleep(0.01)

    @env.task
    async def awaits() -> None:
        running.set()
        await asyncio.sleep(60)

    @env.task
    def main() -> None:
        waits()

    @env.task
    async def amain() -> None:
        await awaits()

    def abort() -> None:
        running.wait(20)
        other = SqliteStore.open(Layout(data_dir).database, durability="normal")
        key = history.runs()[-1].record.key
        other.transact(
            lambda tx: run_cases.abort_run(tx, key, "enough", "somebody", Micros(time.time_ns() // 1000))
        )
        other.close()

    thread = threading.Thread(target=abort)
    thread.start()
    with pytest.raises(errors.ActionAbortedError, match="enough"):
        flyte.run(main if colour == "sync" else amain)
    thread.join()
    assert {str(each.phase) for each in history.actions()} == {"aborted"}


def test_one_action_is_aborted_and_its_caller_goes_on(data_dir: Path, history: History) -> None:
    running = threading.Event()

    @env.task
    async def awaits() -> None:
        running.set()
        await asyncio.sleep(60)

    @env.task
    async def main() -> str:
        try:
            await awaits()
        except errors.ActionAbortedError as error:
            await adouble(1)
            return str(error)
        return ""

    def abort() -> None:
        running.wait(20)
        wait_for(lambda: len(history.actions()) == 2)
        other = SqliteStore.open(Layout(data_dir).database, durability="normal")
        child = history.actions()[1].key
        now = Micros(time.time_ns() // 1000)
        other.transact(lambda tx: use_cases.abort_action(tx, child, "that one", "somebody", now))
        other.close()

    thread = threading.Thread(target=abort)
    thread.start()
    assert "that one" in flyte.run(main).outputs()[0]
    thread.join()
    assert [row[3] for row in history.tree()] == ["succeeded", "aborted", "succeeded"]


def test_cancelling_the_call_aborts_the_action(history: History) -> None:
    @env.task
    async def slow() -> None:
        await asyncio.sleep(60)

    @env.task
    async def main() -> str:
        try:
            async with asyncio.timeout(0.1):
                await slow()
        except TimeoutError:
            return "late"
        return ""

    assert flyte.run(main).outputs()[0] == "late"
    assert [row[3] for row in history.tree()] == ["succeeded", "aborted"]


def test_what_still_runs_when_the_root_ends_is_aborted(history: History) -> None:
    stopped = threading.Event()

    @env.task
    async def slow() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            stopped.set()

    @env.task
    async def main() -> int:
        main.pending = asyncio.create_task(slow())  # type: ignore[attr-defined]
        await asyncio.sleep(0.05)
        return 1

    assert flyte.run(main).outputs()[0] == 1
    assert stopped.wait(20)
    assert [row[3] for row in history.tree()] == ["succeeded", "aborted"]


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_what_nobody_waited_for_is_cancelled_without_a_word(
    history: History, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    """Not an exception that nobody retrieved, of which asyncio would tell on stderr."""

    @env.task
    def slow() -> None:
        for _ in range(2_000):
            time.sleep(0.01)

    @env.task
    async def slow_too() -> None:
        await asyncio.sleep(60)

    left = []

    @env.task
    async def main() -> int:
        left.append(asyncio.ensure_future(slow.aio() if kind == "sync" else slow_too()))
        await asyncio.sleep(0.05)
        return 1

    assert flyte.run(main).outputs()[0] == 1
    wait_for(left[0].done)
    assert left[0].cancelled()
    left.clear()
    gc.collect()
    assert caplog.text == ""


def test_a_long_call_is_seen_while_it_runs(history: History) -> None:
    seen: list[list[str]] = []

    @env.task
    def slow() -> None:
        def running() -> bool:
            rows = [row[3] for row in history.tree()]
            seen.append(rows)
            return rows == ["running", "running"]

        wait_for(running)

    @env.task
    def main() -> None:
        slow()

    flyte.run(main)
    assert seen[-1] == ["running", "running"]


def test_ctrl_c_aborts_the_run(tmp_path: Path, history: History) -> None:
    script = tmp_path / "interrupted.py"
    script.write_text(
        "import flyte, time\n"
        "env = flyte.TaskEnvironment(name='e')\n"
        "@env.task\n"
        "def child() -> None:\n"
        "    print('ready', flush=True)\n"
        "    time.sleep(60)\n"
        "@env.task\n"
        "def main() -> None:\n"
        "    child()\n"
        "flyte.run(main)\n"
    )
    process = subprocess.Popen(
        [sys.executable, str(script)], env=dict(os.environ), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(2)
    _, err = process.communicate(timeout=30)
    assert process.returncode != 0 and b"KeyboardInterrupt" in err
    assert [row[3] for row in history.tree()] == ["aborted", "aborted"]


def test_a_finished_child_survives_a_kill(tmp_path: Path, history: History) -> None:
    script = tmp_path / "killed.py"
    script.write_text(
        "import flyte, os, signal\n"
        "env = flyte.TaskEnvironment(name='e')\n"
        "@env.task\n"
        "def child(x: int) -> int:\n"
        "    return x + 1\n"
        "@env.task\n"
        "def main() -> None:\n"
        "    if child(1) == 2:\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "flyte.run(main)\n"
    )
    subprocess.run([sys.executable, str(script)], env=dict(os.environ), timeout=60)
    assert history.tree() == [("main", None, 0, "running"), ("child", "main", 0, "succeeded")]
    run = flyte.remote.Run.get(history.runs()[0].record.key.name)
    assert str(run.status) == "failed"


# -- Caching ---------------------------------------------------------------------------------------


def test_an_outcome_is_reused_across_runs(history: History) -> None:
    ran: list[int] = []

    @env.task(cache="auto")
    def costly(x: int) -> int:
        ran.append(x)
        return x * 10

    @env.task
    def main(x: int) -> int:
        return costly(x) + costly(x)

    assert flyte.run(main, 1).outputs()[0] == 20
    assert flyte.run(main, 1).outputs()[0] == 20
    assert flyte.run(main, 2).outputs()[0] == 40
    assert ran == [1, 2]
    statuses = [str(each.cache_status) for each in history.actions(history.runs()[1].record.key.name)]
    assert statuses == ["disabled", "hit", "hit"]


def test_the_cache_can_be_overwritten_and_left_alone() -> None:
    ran: list[int] = []

    @env.task(cache=flyte.Cache("override", version_override="1", ignored_inputs="note"))
    def costly(x: int, note: str = "") -> int:
        ran.append(x)
        return x

    flyte.run(costly, 1)
    flyte.run(costly, 1, note="other")
    assert ran == [1]
    flyte.with_runcontext(overwrite_cache=True).run(costly, 1)
    flyte.with_runcontext(disable_run_cache=True).run(costly, 1)
    assert ran == [1, 1, 1]


def test_the_cache_of_local_runs_can_be_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[int] = []

    @env.task(cache=flyte.Cache("override", version_override="v1"))
    def costly(x: int) -> int:
        ran.append(x)
        return x

    flyte.run(costly, 1)
    flyte.run(costly, 1)
    assert ran == [1]
    monkeypatch.setenv("FLYTE_LOCAL_CACHE_ENABLED", "false")
    flyte.init()
    flyte.run(costly, 1)
    assert ran == [1, 1]


def test_of_identical_calls_at_once_one_runs() -> None:
    ran: list[int] = []

    @env.task(cache=flyte.Cache("auto", serialize=True))
    async def costly(x: int) -> int:
        ran.append(x)
        await asyncio.sleep(0.05)
        return x

    @env.task
    async def main() -> list[int]:
        return list(await asyncio.gather(*[costly(1) for _ in range(4)]))

    assert flyte.run(main).outputs()[0] == [1, 1, 1, 1]
    assert ran == [1]


# -- Surroundings ----------------------------------------------------------------------------------


def test_each_action_has_the_lines_it_printed(history: History, capfd: pytest.CaptureFixture[str]) -> None:
    @env.task
    async def talk(x: int) -> None:
        for i in range(5):
            print(f"task {x} line {i}")
            await asyncio.sleep(0)

    @env.task
    async def main() -> None:
        print("begin")
        await asyncio.gather(*[talk(i) for i in range(20)])

    flyte.run(main)
    root, *children = history.actions()
    assert history.log(root) == ["begin"]
    for child in children:
        x = history.store.payload(child.key, "inputs")
        assert x is not None
        number = history.log(child)[0].split()[1]
        assert history.log(child) == [f"task {number} line {i}" for i in range(5)]
    shown = capfd.readouterr().out
    assert "begin" in shown and shown.count("line 4") == 20


def test_environment_variables_hold_inside_and_not_after() -> None:
    talking = flyte.TaskEnvironment(name="talking", env_vars={"OF_THE_ENV": "1"})

    @talking.task
    def look() -> tuple[str, str]:
        return os.environ["OF_THE_ENV"], os.environ["OF_THE_RUN"]

    run = flyte.with_runcontext(env_vars={"OF_THE_RUN": "2"}).run(look)
    assert run.outputs() == ("1", "2")
    assert "OF_THE_ENV" not in os.environ and "OF_THE_RUN" not in os.environ


def test_custom_context_flows_down() -> None:
    @env.task
    def child() -> str:
        return flyte.get_custom_context().get("who", "") + flyte.get_custom_context().get("why", "")

    @env.task
    def main() -> list[str]:
        with flyte.custom_context(why="because"):
            inside = child()
        return [inside, child()]

    run = flyte.with_runcontext(custom_context={"who": "me"}).run(main)
    assert run.outputs()[0] == ["mebecause", "me"]


def test_groups_are_recorded_and_part_of_the_name(history: History) -> None:
    @env.task
    def main() -> int:
        with flyte.group("first"):
            a = double(1)
        with flyte.group("second"):
            return a + double(1)

    assert flyte.run(main).outputs()[0] == 4
    assert [each.group for each in history.actions()] == ["", "first", "second"]


def test_names_do_not_depend_on_the_order_of_scheduling(history: History) -> None:
    def name_of(order: list[int]) -> dict[int, str]:
        @env.task
        async def main() -> None:
            await asyncio.gather(*[adouble(i) for i in order])

        flyte.run(main)
        inputs = {each.key.name: history.store.payload(each.key, "inputs") for each in history.actions()}
        return {data[-1]: name for name, data in inputs.items() if data}

    assert name_of([1, 2, 3]) == name_of([3, 1, 2])


def test_labels_and_project_are_recorded(history: History) -> None:
    flyte.init(project="mine", domain="staging")
    flyte.with_runcontext(labels={"team": "a"}).run(double, 1)
    record = history.runs()[0].record
    assert (record.key.project, record.key.domain, record.labels) == ("mine", "staging", {"team": "a"})


def test_the_root_key_is_what_it_is_called(history: History) -> None:
    flyte.run(double, 1)
    assert history.actions()[0].key == ActionKey(history.runs()[0].record.key, ROOT)


class Blob:
    """Something big that only pickle knows how to carry; its buffer travels beside the pickle."""

    def __init__(self, data: bytearray) -> None:
        self.data = data

    def __reduce_ex__(self, protocol: object) -> tuple[type["Blob"], tuple[pickle.PickleBuffer]]:
        return Blob, (pickle.PickleBuffer(self.data),)


def test_a_large_unknown_value_is_written_once_and_mapped(history: History) -> None:
    @env.task
    def make(n: int) -> Blob:
        return Blob(bytearray(n))

    @env.task
    def change(blob: Blob) -> int:
        blob.data[0] = 1
        return len(blob.data)

    @env.task
    def main() -> tuple[int, int]:
        blob = make(20_000_000)
        return change(blob), blob.data[0]

    assert flyte.run(main).outputs() == (20_000_000, 0)
    files = list(history.layout.home.rglob("*.pickle"))
    assert [20_000_000 < each.stat().st_size < 20_001_000 for each in files] == [True]


@pytest.mark.parametrize("hint", [bytes, Any, bytes | None, list[bytes]])
def test_large_bytes_are_written_once_and_stay_bytes(hint: Any, history: History) -> None:
    whole = bytes(range(256)) * 1000

    def make() -> Any:
        return [whole] if hint == list[bytes] else whole

    def check(given: Any) -> bool:
        return given == make() and type(given) is type(make())

    make.__annotations__["return"] = check.__annotations__["given"] = hint
    make_task, check_task = env.task(make), env.task(check)

    @env.task
    def main() -> bool:
        made = make_task()
        return check_task(made) and check(made)

    assert flyte.run(main).outputs()[0]
    files = list(history.layout.home.rglob("*.pickle"))
    assert [256_000 < each.stat().st_size < 257_000 for each in files] == [True] * (hint is not Any)


def test_log_records_are_lines_of_their_action(history: History) -> None:
    @env.task
    def talk() -> None:
        flyte.logger.info("to whom it may concern")
        flyte.logger.debug("to nobody")

    run = flyte.run(talk)
    (line,) = history.log(history.actions()[0])
    assert line.endswith(f"INFO flyte.user: [{run.name}][a0] to whom it may concern")
