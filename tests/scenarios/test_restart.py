"""What a server leaves when it dies, the next one takes up: nothing lost, nothing run twice."""

from pathlib import Path

from server_world import World, child, cpus, given_x, outputs, until, world

from flyte_core.model import Phase
from flyte_core.store.ports import Store
from flyte_server.executors.fake import FakeAttempt, FakeExecutor
from flyte_server.ports.executor import EndReason


async def hang(attempt: FakeAttempt) -> None:
    attempt.start()
    await attempt.cancelled.wait()


async def finish(attempt: FakeAttempt) -> None:
    attempt.start()
    attempt.succeed(outputs(7))


async def test_a_running_attempt_is_adopted(tmp_path: Path, store: Store) -> None:
    async with world(tmp_path, FakeExecutor(hang), store) as there:
        run = await there.create()
        await until(lambda: there.root(run).phase is Phase.RUNNING)
        before = there.root(run).attempts[0].token
        executor = FakeExecutor(finish)
        after = await there.restart(executor)
        try:
            root = await after.ended(run)
        finally:
            await after.server.stop()
        assert root.phase is Phase.SUCCEEDED
        assert [attempt.token for attempt in root.attempts] == [before]
        assert [launch.token for launch in executor.reattached] == [before]


async def test_what_waited_is_started_by_the_next_server(tmp_path: Path, store: Store) -> None:
    async with world(tmp_path, FakeExecutor(hang, cpus(1)), store) as there:
        first = await there.create()
        await until(lambda: there.root(first).phase is Phase.RUNNING)
        second = await there.create()
        after = await there.restart(FakeExecutor(finish, cpus(1)))
        try:
            for run in (first, second):
                assert (await after.ended(run)).phase is Phase.SUCCEEDED
        finally:
            await after.server.stop()


async def test_a_parent_finds_its_finished_children_again(tmp_path: Path, store: Store) -> None:
    """Its second attempt hears of the child that succeeded before, and does not run it again."""
    executed: list[str] = []

    def script(into: list[World]) -> FakeExecutor:
        async def tree(attempt: FakeAttempt) -> None:
            executed.append(f"{attempt.launch.key.name}/{attempt.launch.attempt}")
            attempt.start()
            if attempt.launch.key.name == "a0":
                update = await into[0].run_child(attempt, child("step", 3))
                if attempt.launch.attempt == 1:
                    return  # killed: it never reports
                assert update.phase == "succeeded"
                attempt.succeed(outputs(1))
            else:
                attempt.succeed(outputs(given_x(attempt) * 2))

        return FakeExecutor(tree)

    worlds: list[World] = []
    async with world(tmp_path, script(worlds), store) as there:
        worlds.append(there)
        run = await there.create()
        await until(lambda: "step/1" in executed)
        await there.ended(run, "step")
        (parent,) = there.executor.live.values()
        parent.end(EndReason.SIGNAL, signal=9)
        await until(lambda: there.root(run).not_before is not None or len(there.root(run).attempts) == 2)
        await there.advance(600)
        root = await there.ended(run)
        assert root.phase is Phase.SUCCEEDED
        assert executed == ["a0/1", "step/1", "a0/2"]


async def test_a_kill_that_was_ordered_is_carried_out_by_the_next_server(
    tmp_path: Path, store: Store
) -> None:
    async with world(tmp_path, FakeExecutor(hang, obeys=False), store) as there:
        run = await there.create()
        await until(lambda: there.root(run).phase is Phase.RUNNING)
        await there.server.context.abort(run, None, "enough")
        executor = FakeExecutor(hang)
        after = await there.restart(executor)
        try:
            await until(lambda: executor.cancels and not store.outbox())
        finally:
            await after.server.stop()
        assert executor.reattached == []
