"""Retries, limits and idleness under a clock that only the test moves."""

from pathlib import Path

import pytest
from server_world import World, cpus, outputs, until, world

from flyte_core.engine.api import NewAction, NewRun
from flyte_core.engine.run import create_run
from flyte_core.model import (
    ROOT,
    ActionKind,
    Digest,
    ErrorInfo,
    Micros,
    Owner,
    Phase,
    RunKey,
    RunMode,
    RunRecord,
    TaskSpec,
)
from flyte_core.store.ports import Store
from flyte_server.executors.fake import FakeAttempt, FakeExecutor
from flyte_server.ports.executor import EndReason


async def fails(attempt: FakeAttempt) -> None:
    attempt.start()
    attempt.fail(ErrorInfo("ValueError", "again"))


async def waits(attempt: FakeAttempt) -> None:
    attempt.start()
    await attempt.cancelled.wait()


async def test_a_retry_waits_for_its_backoff(tmp_path: Path, store: Store) -> None:
    executor = FakeExecutor(fails)
    async with world(tmp_path, executor, store) as there:
        run = await there.create(retries=2, backoff_s=60)
        await until(lambda: there.root(run).not_before is not None)
        assert there.root(run).phase is Phase.QUEUED
        await there.advance(59)
        assert len(executor.launches) == 1
        await there.advance(2)
        await until(lambda: len(executor.launches) == 2)
        await until(lambda: there.root(run).not_before is not None)
        await there.advance(61)
        root = await there.ended(run)
        assert root.phase is Phase.FAILED
        assert [attempt.number for attempt in root.attempts] == [1, 2, 3]


async def test_losses_do_not_cost_the_users_retries(tmp_path: Path, store: Store) -> None:
    async def lost_twice(attempt: FakeAttempt) -> None:
        attempt.start()
        if attempt.launch.attempt <= 2:
            attempt.end(EndReason.LOST, detail="the machine was restarted")
        else:
            attempt.succeed(outputs(1))

    async with world(tmp_path, FakeExecutor(lost_twice), store) as there:
        run = await there.create()
        for _ in range(3):
            await until(lambda: there.root(run).not_before is not None or there.root(run).phase.terminal)
            await there.advance(600)
        root = await there.ended(run)
        assert root.phase is Phase.SUCCEEDED
        assert len(root.attempts) == 3


async def test_a_run_that_takes_too_long_is_ended(tmp_path: Path, store: Store) -> None:
    executor = FakeExecutor(waits)
    async with world(tmp_path, executor, store) as there:
        run = await there.create(max_runtime_s=10)
        await until(lambda: there.root(run).phase is Phase.RUNNING)
        await there.advance(9)
        assert there.root(run).phase is Phase.RUNNING
        await there.advance(2)
        root = await there.ended(run)
        assert root.phase is Phase.TIMED_OUT
        assert root.error is not None
        assert root.error.code == "MAX_RUNTIME_EXCEEDED"
        await until(lambda: executor.cancels)


async def test_a_run_that_waits_too_long_is_ended(tmp_path: Path, store: Store) -> None:
    executor = FakeExecutor(waits, cpus(1))
    async with world(tmp_path, executor, store) as there:
        first = await there.create()
        await until(lambda: there.root(first).phase is Phase.RUNNING)
        second = await there.create(max_queued_s=30)
        await there.advance(31)
        root = await there.ended(second)
        assert root.phase is Phase.TIMED_OUT
        assert root.error is not None
        assert root.error.code == "QUEUED_TIMEOUT_EXCEEDED"


async def test_an_abort_ends_the_processes_until_they_are_gone(tmp_path: Path, store: Store) -> None:
    executor = FakeExecutor(waits, obeys=False)
    async with world(tmp_path, executor, store) as there:
        run = await there.create()
        await until(lambda: there.root(run).phase is Phase.RUNNING)
        (attempt,) = executor.live.values()
        await there.server.context.abort(run, None, "enough")
        assert there.root(run).phase is Phase.ABORTED
        await until(lambda: len(executor.cancels) == 1)
        await there.advance(11)
        await until(lambda: len(executor.cancels) == 2)
        assert store.outbox()
        attempt.end(EndReason.SIGNAL, signal=9)
        await until(lambda: not store.outbox())
        await there.advance(60)
        assert len(executor.cancels) == 2
        root = there.root(run)
        assert (root.phase, root.abort_reason) == (Phase.ABORTED, "enough")


async def test_a_server_that_nobody_needs_stops(tmp_path: Path) -> None:
    async with world(tmp_path, idle_timeout_s=1800.0) as there:
        await look_in(there, after_s=1700)
        assert not there.stopped
        await there.ended(await there.create())
        await look_in(there, after_s=1700)
        assert not there.stopped
        await look_in(there, after_s=200)
        assert there.stopped == ["idle for 1800 s"]


async def test_a_server_with_an_open_run_does_not_stop(tmp_path: Path) -> None:
    async with world(tmp_path, FakeExecutor(waits), idle_timeout_s=10.0) as there:
        run = await there.create()
        await until(lambda: there.root(run).phase is Phase.RUNNING)
        for _ in range(3):
            await look_in(there, after_s=100)
        assert not there.stopped


async def look_in(there: World, after_s: float) -> None:
    """Let time pass, then ask once whether anybody needs the server."""
    there.clock.at = Micros(there.clock.at + int(after_s * 1_000_000))
    (idle,) = (loop for loop in there.server.loops if loop.name == "idle")
    await idle.tick(there.clock.now())


@pytest.mark.parametrize("boot", ["another-boot"])
async def test_a_local_run_whose_process_is_gone_is_shown_as_lost(
    tmp_path: Path, store: Store, boot: str
) -> None:
    async with world(tmp_path, store=store) as there:
        key = RunKey("flytesnacks", "development", "local1")
        record = RunRecord(key, RunMode.LOCAL, there.clock.now(), "env.f", owner=Owner(1, 1, boot))
        spec = TaskSpec(Digest("0" * 64), b"", "env.f", "f")
        root = NewAction(ROOT, ActionKind.TASK, spec, inputs=b"")
        store.transact(lambda tx: create_run(tx, NewRun(record, root), there.clock.now()))
        await there.advance(6)
        found = await there.ended(key)
        assert found.phase is Phase.FAILED
        assert found.error is not None
        assert found.error.code == "ProcessLost"
