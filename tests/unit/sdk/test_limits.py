"""`max_action_concurrency` in runs of this process: calls of every colour, nesting, waits, and ends."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sdk_history import History

import flyte
from flyte import errors

env = flyte.TaskEnvironment(name="e")

AT_ONCE = 2


class Meter:
    """How many bodies stood in it at once."""

    def __init__(self) -> None:
        self.inside = self.most = 0
        self._guard = threading.Lock()

    def __enter__(self) -> None:
        with self._guard:
            self.inside += 1
            self.most = max(self.most, self.inside)

    def __exit__(self, *_: object) -> None:
        with self._guard:
            self.inside -= 1


def limited(most: int, task: "flyte.Task[..., int]", *args: object) -> int:
    result: int = flyte.with_runcontext(max_action_concurrency=most).run(task, *args).outputs()[0]
    return result


def test_as_many_async_tasks_go_at_once_as_may(history: History) -> None:
    meter = Meter()

    @env.task
    async def leaf(x: int) -> int:
        with meter:
            for _ in range(5):
                await asyncio.sleep(0)
        return x

    @env.task
    async def main() -> int:
        return sum(await asyncio.gather(*[leaf(x) for x in range(20)]))

    assert limited(AT_ONCE, main) == 190
    assert meter.most == AT_ONCE
    assert [each.seq for each in history.actions()] == [0, *range(20)]


@pytest.mark.parametrize("caller", ["loop", "threads"])
def test_as_many_sync_tasks_go_at_once_as_may(caller: str) -> None:
    meter, pair = Meter(), threading.Barrier(AT_ONCE)

    @env.task
    def leaf(x: int) -> int:
        with meter:
            pair.wait(20)
        return x

    @env.task
    async def on_loop() -> int:
        return sum(await asyncio.gather(*[leaf.aio(x) for x in range(6)]))

    @env.task
    def on_threads() -> int:
        with ThreadPoolExecutor(6) as pool:
            return sum(pool.map(leaf, range(6)))

    assert limited(AT_ONCE, on_loop if caller == "loop" else on_threads) == 15
    assert meter.most == AT_ONCE


def test_one_that_waits_for_a_child_does_not_count() -> None:
    @env.task
    def deep(n: int) -> int:
        return 0 if n == 0 else deep(n - 1) + 1

    @env.task
    async def adeep(n: int) -> int:
        return 0 if n == 0 else await adeep(n - 1) + 1

    assert limited(1, deep, 50) == 50
    assert limited(1, adeep, 50) == 50


def test_a_tree_finishes_with_one_at_a_time() -> None:
    meter = Meter()

    @env.task
    async def tree(depth: int) -> int:
        if depth == 0:
            with meter:
                await asyncio.sleep(0)
            return 1
        return sum(await asyncio.gather(*[tree(depth - 1) for _ in range(3)]))

    assert limited(1, tree, 4) == 81
    assert meter.most == 1


def test_one_that_waits_before_it_is_tried_again_does_not_count(history: History) -> None:
    """With one at a time, the second runs while the first waits for its second attempt."""
    order: list[str] = []

    @env.task(retries=flyte.RetryStrategy(1, flyte.Backoff(timedelta(seconds=0.2))))
    async def first() -> int:
        order.append("first")
        if len(order) == 1:
            raise ValueError("again")
        return 1

    @env.task
    async def second() -> int:
        order.append("second")
        return 2

    @env.task
    async def main() -> int:
        return sum(await asyncio.gather(first(), second()))

    assert limited(1, main) == 3
    assert order == ["first", "second", "first"]


def test_what_waits_is_seen_and_can_be_cancelled(history: History) -> None:
    @env.task
    async def leaf(x: int) -> int:
        await asyncio.sleep(0)
        return x

    @env.task
    async def main() -> int:
        gate = asyncio.Event()

        @env.task
        async def holds() -> int:
            await gate.wait()
            return 1

        holder = asyncio.create_task(holds())
        await asyncio.sleep(0)
        waits = asyncio.create_task(leaf(1))
        while (queued := next((a for a in history.actions() if a.spec.short_name == "leaf"), None)) is None:
            await asyncio.sleep(0)
        assert str(queued.phase) == "queued"
        waits.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waits
        gate.set()
        return await holder + await leaf(2)

    assert limited(1, main) == 3
    phases = [(each.spec.short_name, str(each.phase)) for each in history.actions()]
    assert phases == [
        ("main", "succeeded"),
        ("holds", "succeeded"),
        ("leaf", "aborted"),
        ("leaf", "succeeded"),
    ]


def test_a_limit_on_the_stay_in_the_queue_holds_for_what_waits_its_turn() -> None:
    @env.task(timeout=flyte.Timeout(max_queued_time=0.05))
    async def impatient() -> int:
        return 1

    @env.task
    async def main() -> str:
        gate = asyncio.Event()

        @env.task
        async def holds() -> int:
            await gate.wait()
            return 1

        holder = asyncio.create_task(holds())
        await asyncio.sleep(0)
        try:
            await impatient()
        except errors.TaskTimeoutError as error:
            return type(error).__name__
        finally:
            gate.set()
            await holder
        return ""

    run = flyte.with_runcontext(max_action_concurrency=1).run(main)
    assert run.outputs()[0].endswith("Error")


def test_an_outcome_in_the_cache_needs_no_turn() -> None:
    @env.task(cache=flyte.Cache("override", version_override="1"))
    async def cached(x: int) -> int:
        return x

    @env.task
    async def main() -> int:
        return sum(await asyncio.gather(*[cached(x) for x in (1, 1, 2)]))

    assert limited(1, main) == 4
    assert limited(1, main) == 4
