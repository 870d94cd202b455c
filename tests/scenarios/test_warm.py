"""Warm workers: shares of a worker, reports by call, and nesting that never runs dry."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

from flyteidl2.task import common_pb2
from server_world import child, cpus, given_x, outputs, ref, until, value_of, world

from flyte_core.model import ErrorInfo, Phase, Token
from flyte_core.store.ports import Store
from flyte_core.wire import errors
from flyte_core.wire.godwit.v1 import worker_pb2
from flyte_server.executors.fake import FakeAttempt, FakeExecutor, Script
from flyte_server.ports.executor import EndReason


class Pools:
    """Hands out what it is told to, and remembers what was reported."""

    def __init__(self) -> None:
        self.given: asyncio.Queue[worker_pb2.PullResponse] = asyncio.Queue()
        self.reported: list[tuple[str, Token]] = []

    async def connect(self, request: worker_pb2.PullRequest) -> AsyncIterator[worker_pb2.PullResponse]:
        while True:
            response = await self.given.get()
            yield response
            if response.drain:
                return

    def directory_of(self, token: Token) -> Path | None:
        return None

    def finished(self, worker_id: str, token: Token) -> None:
        self.reported.append((worker_id, token))


class WarmExecutor(FakeExecutor):
    def __init__(self, script: Script, cpu: float = 1) -> None:
        super().__init__(script, cpus(cpu))
        self.pools = Pools()


async def test_attempts_share_a_worker_up_to_its_concurrency(tmp_path: Path) -> None:
    attempts: list[FakeAttempt] = []

    async def hold(attempt: FakeAttempt) -> None:
        attempt.start()
        attempts.append(attempt)

    async with world(tmp_path, WarmExecutor(hold)) as there:
        runs = [await there.create(reuse=(1, 3)) for _ in range(5)]
        await until(lambda: len(attempts) == 3)
        assert {attempt.launch.pool for attempt in attempts} != {""}
        assert attempts[0].launch.inputs is not None
        for number in range(5):
            await until(lambda: len(attempts) > number)  # noqa: B023
            attempts[number].succeed(outputs(1))
        for run in runs:
            assert (await there.ended(run)).phase is Phase.SUCCEEDED


async def test_a_report_by_call_is_the_outcome(tmp_path: Path, store: Store) -> None:
    attempts: list[FakeAttempt] = []

    async def hold(attempt: FakeAttempt) -> None:
        attempt.start()
        attempts.append(attempt)

    executor = WarmExecutor(hold, 4)
    async with world(tmp_path, executor, store) as there:

        async def report(attempt: FakeAttempt, **result: object) -> str:
            message = worker_pb2.Report(
                action=ref(attempt.launch.key),
                token=attempt.launch.token,
                **result,  # type: ignore[arg-type]
            )
            answer = await there.call(
                "godwit.v1.WorkerService/Report",
                worker_pb2.ReportRequest(worker_id="w1", reports=[message]),
                worker_pb2.ReportResponse,
            )
            return answer.verdicts[0]

        good, bad = await there.create(reuse=(1, 2)), await there.create(x=6, reuse=(1, 2))
        await until(lambda: len(attempts) == 2)
        first, second = sorted(attempts, key=given_x)
        payload = worker_pb2.Payload(data=outputs(7), present=True)
        assert await report(first, outputs=payload) == "accepted"
        assert await report(first, outputs=payload) == "duplicate"
        error = errors.to_worker(ErrorInfo("ValueError", "no"))
        assert await report(second, error=error) == "accepted"
        assert (await there.ended(good)).phase is Phase.SUCCEEDED
        data = store.payload(there.root(good).key, "outputs")
        assert data is not None
        assert value_of(data) == 7
        assert (await there.ended(bad)).phase is Phase.FAILED
        assert executor.pools.reported == [("w1", first.launch.token)] * 2 + [("w1", second.launch.token)]
        # The process ends later: what it left behind no longer counts.
        first.end(EndReason.EXIT, exit_code=0)
        second.end(EndReason.LOST)
        assert there.root(good).phase is Phase.SUCCEEDED


async def test_a_stale_report_is_fenced(tmp_path: Path) -> None:
    async def lose_once(attempt: FakeAttempt) -> None:
        attempt.start()
        attempts.append(attempt)
        if attempt.launch.attempt == 1:
            attempt.end(EndReason.LOST)

    attempts: list[FakeAttempt] = []
    async with world(tmp_path, WarmExecutor(lose_once)) as there:
        run = await there.create(reuse=(1, 1))
        await until(lambda: there.root(run).not_before is not None or len(attempts) == 2)
        await there.advance(600)
        await until(lambda: len(attempts) == 2)
        message = worker_pb2.Report(action=ref(attempts[0].launch.key), token=attempts[0].launch.token)
        message.outputs.data = common_pb2.Outputs().SerializeToString()
        answer = await there.call(
            "godwit.v1.WorkerService/Report",
            worker_pb2.ReportRequest(worker_id="w1", reports=[message]),
            worker_pb2.ReportResponse,
        )
        assert answer.verdicts == ["fenced"]
        assert not there.root(run).phase.terminal


async def test_parents_in_warm_workers_nest_as_deep_as_they_like(tmp_path: Path) -> None:
    """A worker full of parents that wait cannot take their children: those get processes of their own."""
    depth = 10

    async def nest(attempt: FakeAttempt) -> None:
        attempt.start()
        left = given_x(attempt)
        if left:
            await there.run_child(attempt, child(f"level{left}", left - 1, reuse=(1, 2)))
        attempt.succeed(outputs(left))

    executor = WarmExecutor(nest)
    async with world(tmp_path, executor) as there:
        run = await there.create(x=depth, reuse=(1, 2))
        assert (await there.ended(run)).phase is Phase.SUCCEEDED
    pools = [bool(launch.pool) for launch in executor.launches]
    assert pools == [True, True] + [False] * (depth - 1)


async def test_a_worker_pulls_until_it_is_drained(tmp_path: Path) -> None:
    async def at_once(attempt: FakeAttempt) -> None:
        attempt.succeed(outputs(1))

    executor = WarmExecutor(at_once)
    async with world(tmp_path, executor) as there:
        executor.pools.given.put_nowait(worker_pb2.PullResponse(cancel=[5]))
        executor.pools.given.put_nowait(worker_pb2.PullResponse(drain=True))
        request = worker_pb2.PullRequest(worker_id="w1", pool="p")
        pulled = [
            message
            async for message in there.stream(
                "godwit.v1.WorkerService/Pull", request, worker_pb2.PullResponse
            )
        ]
        assert [(list(message.cancel), message.drain) for message in pulled] == [([5], False), ([], True)]


async def test_without_warm_workers_every_attempt_is_a_process(tmp_path: Path) -> None:
    async def at_once(attempt: FakeAttempt) -> None:
        attempt.succeed(outputs(1))

    executor = FakeExecutor(at_once)
    async with world(tmp_path, executor) as there:
        await there.ended(await there.create(reuse=(2, 5)))
    assert executor.launches[0].pool == ""
