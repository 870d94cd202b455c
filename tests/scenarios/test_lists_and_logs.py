"""Lists with their filters and pages, logs while they grow, details while they change."""

from collections.abc import Sequence
from contextlib import aclosing
from pathlib import Path

import pytest
from flyteidl2.common import identifier_pb2, list_pb2
from flyteidl2.dataproxy import dataproxy_service_pb2
from flyteidl2.logs.dataplane import payload_pb2
from flyteidl2.project import project_service_pb2
from flyteidl2.task import run_pb2
from flyteidl2.workflow import run_service_pb2
from server_world import (
    DOMAIN,
    PROJECT,
    RpcError,
    World,
    child,
    given_x,
    inputs,
    outputs,
    task_spec,
    until,
    world,
)

from flyte_core import logs
from flyte_core.model import ErrorInfo, Phase
from flyte_core.store.ports import Store
from flyte_core.wire import actions as wire
from flyte_server.executors.fake import FakeAttempt, FakeExecutor

EQUAL = list_pb2.Filter.EQUAL


async def odd_fails(attempt: FakeAttempt) -> None:
    attempt.start()
    if given_x(attempt) % 2:
        attempt.fail(ErrorInfo("ValueError", "odd"))
    else:
        attempt.succeed(outputs(1))


async def listed(there: World, request: list_pb2.ListRequest) -> run_service_pb2.ListRunsResponse:
    scope = identifier_pb2.ProjectIdentifier(organization="any", name=PROJECT, domain=DOMAIN)
    return await there.call(
        "workflow.RunService/ListRuns",
        run_service_pb2.ListRunsRequest(request=request, project_id=scope),
        run_service_pb2.ListRunsResponse,
    )


async def names(there: World, filters: Sequence[list_pb2.Filter], ascending: bool = True) -> list[str]:
    direction = list_pb2.Sort.ASCENDING if ascending else list_pb2.Sort.DESCENDING
    sort = list_pb2.Sort(key="created_at", direction=direction)
    answer = await listed(there, list_pb2.ListRequest(filters=filters, sort_by=sort))
    return [run.action.id.run.name for run in answer.runs]


def where(field: str, *values: str, function: int = EQUAL) -> list_pb2.Filter:
    return list_pb2.Filter(function=function, field=field, values=values)  # type: ignore[arg-type]


async def test_runs_are_filtered_sorted_and_paged(tmp_path: Path, store: Store) -> None:
    async with world(tmp_path, FakeExecutor(odd_fails), store) as there:
        for number in range(4):
            labels = run_pb2.Labels(values={"team": "x" if number < 2 else "y"})
            spec = run_pb2.RunSpec(labels=labels)
            await there.ended(await there.create(name=f"r{number}", x=number, run_spec=spec))
            await there.advance(1)
        await there.ended(await there.create(name="r4", x=4))
        assert await names(there, []) == ["r0", "r1", "r2", "r3", "r4"]
        assert await names(there, [], ascending=False) == ["r4", "r3", "r2", "r1", "r0"]
        assert await names(there, [where("phase", "6")]) == ["r1", "r3"]
        assert await names(there, [where("phase", "5", "6", function=list_pb2.Filter.VALUE_IN)]) == [
            "r0",
            "r1",
            "r2",
            "r3",
            "r4",
        ]
        assert await names(there, [where("phase", "5", function=list_pb2.Filter.NOT_EQUAL)]) == ["r1", "r3"]
        assert await names(there, [where("labels.team", "x")]) == ["r0", "r1"]
        assert await names(there, [where("name", "r2")]) == ["r2"]
        assert await names(there, [where("task_name", "env.none")]) == []
        after = "2027-01-15T08:00:02Z"
        newer = where("created_at", after, function=list_pb2.Filter.GREATER_THAN_OR_EQUAL)
        assert await names(there, [newer]) == ["r2", "r3", "r4"]
        seen: list[str] = []
        token = ""
        while True:
            page = await listed(there, list_pb2.ListRequest(limit=2, token=token))
            assert len(page.runs) <= 2
            seen += [run.action.id.run.name for run in page.runs]
            token = page.token
            if not token:
                break
        assert seen == ["r4", "r3", "r2", "r1", "r0"]


async def test_a_single_phase_comes_spread_over_its_digits(tmp_path: Path, store: Store) -> None:
    async with world(tmp_path, FakeExecutor(odd_fails), store) as there:
        await there.ended(await there.create(x=2))
        assert await names(there, [where("phase", "1", "0")]) == []
        assert len(await names(there, [where("phase", "5")])) == 1


@pytest.mark.parametrize(
    ("filters", "words"),
    [
        ([where("colour", "red")], "Filters: phase"),
        ([where("phase", "77")], "not the number of a phase"),
        ([where("phase", "purple")], "not a phase"),
        ([where("created_at", "yesterday", function=list_pb2.Filter.LESS_THAN)], "not a time"),
        ([where("name", "a", function=list_pb2.Filter.ENDS_WITH)], "does not take ENDS_WITH"),
    ],
)
async def test_a_filter_that_makes_no_sense_is_named(
    tmp_path: Path, filters: list[list_pb2.Filter], words: str
) -> None:
    async with world(tmp_path) as there:
        with pytest.raises(RpcError, match=words) as refused:
            await names(there, filters)
        assert refused.value.code == "invalid_argument"


async def test_projects_of_runs_are_listed_though_never_created(tmp_path: Path, store: Store) -> None:
    async with world(tmp_path, FakeExecutor(odd_fails), store) as there:
        await there.call(
            "workflow.RunService/CreateRun",
            run_service_pb2.CreateRunRequest(
                project_id=identifier_pb2.ProjectIdentifier(name="zoo", domain="night"),
                task_spec=task_spec(),
                inputs=inputs(x=0),
            ),
            run_service_pb2.CreateRunResponse,
        )
        answer = await there.call(
            "project.ProjectService/ListProjects",
            project_service_pb2.ListProjectsRequest(),
            project_service_pb2.ListProjectsResponse,
        )
        places = [(each.id, [domain.id for domain in each.domains]) for each in answer.projects.projects]
        usual = ["development", "staging", "production"]
        assert places == [("flytesnacks", usual), ("zoo", [*usual, "night"])]


async def test_actions_come_in_call_order(tmp_path: Path, store: Store) -> None:
    async def tree(attempt: FakeAttempt) -> None:
        attempt.start()
        if attempt.launch.key.name == "a0":
            await there.enqueue(attempt, *(child(f"z{9 - number}", number) for number in range(5)))
            async for _ in there.outcomes(attempt):
                if sum(action.phase.terminal for action in there.actions(attempt.launch.key.run)) == 5:
                    break
        attempt.succeed(outputs(1))

    async with world(tmp_path, FakeExecutor(tree), store) as there:
        run = await there.create()
        await there.ended(run)
        request = run_service_pb2.ListActionsRequest(run_id=wire.run_id(run))
        answer = await there.call(
            "workflow.RunService/ListActions", request, run_service_pb2.ListActionsResponse
        )
        assert [action.id.name for action in answer.actions] == ["a0", "z9", "z8", "z7", "z6", "z5"]
        request.request.filters.append(where("name", "z7"))
        only = await there.call(
            "workflow.RunService/ListActions", request, run_service_pb2.ListActionsResponse
        )
        assert [action.id.name for action in only.actions] == ["z7"]


def tail(there: World, run: object, attempt: int = 1) -> dataproxy_service_pb2.TailLogsRequest:
    key = there.root(run).key  # type: ignore[arg-type]
    return dataproxy_service_pb2.TailLogsRequest(action_id=wire.action_id(key), attempt=attempt)


async def test_logs_stream_while_they_grow_and_close_at_the_end(tmp_path: Path) -> None:
    attempts: list[FakeAttempt] = []

    async def hold(attempt: FakeAttempt) -> None:
        attempt.start()
        attempts.append(attempt)

    async with world(tmp_path, FakeExecutor(hold)) as there:
        run = await there.create()
        await until(lambda: attempts)
        path = there.server.context.layout.log(there.root(run).key, 1)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(logs.encode(there.clock.now(), "o", "one"))
        answers = there.stream(
            "dataproxy.DataProxyService/TailLogs", tail(there, run), dataproxy_service_pb2.TailLogsResponse
        )
        async with aclosing(answers):
            first = await anext(answers)
            assert [line.message for line in first.logs[0].lines] == ["one\n"]
            with path.open("ab") as file:
                file.write(logs.encode(there.clock.now(), "s", "two"))
                file.write(b"3\to\tcut he")
            second = await anext(answers)
            (line,) = second.logs[0].lines
            assert (line.message, line.originator) == ("two\n", payload_pb2.SYSTEM)
            attempts[0].succeed(outputs(1))
            third = await anext(answers)
            assert [line.message for line in third.logs[0].lines] == ["cut he [cut off here]\n"]
            with pytest.raises(StopAsyncIteration):
                await anext(answers)


async def test_an_attempt_that_never_was_has_no_log(tmp_path: Path) -> None:
    async with world(tmp_path, FakeExecutor(odd_fails)) as there:
        run = await there.create(x=2)
        await there.ended(run)
        with pytest.raises(RpcError, match="no attempt 7"):
            async for _ in there.stream(
                "dataproxy.DataProxyService/TailLogs",
                tail(there, run, 7),
                dataproxy_service_pb2.TailLogsResponse,
            ):
                pass


async def test_details_are_streamed_until_the_end(tmp_path: Path, store: Store) -> None:
    attempts: list[FakeAttempt] = []

    async def hold(attempt: FakeAttempt) -> None:
        attempts.append(attempt)

    async with world(tmp_path, FakeExecutor(hold), store) as there:
        run = await there.create()
        await until(lambda: attempts)
        key = wire.action_id(there.root(run).key)
        answers = there.stream(
            "workflow.RunService/WatchActionDetails",
            run_service_pb2.WatchActionDetailsRequest(action_id=key),
            run_service_pb2.WatchActionDetailsResponse,
        )
        seen = []
        async for message in answers:
            found = wire.from_details(message.details)
            seen.append(found.phase)
            if found.phase is Phase.INITIALIZING:
                attempts[0].start()
            elif found.phase is Phase.RUNNING:
                attempts[0].succeed(outputs(1))
        assert seen == [Phase.INITIALIZING, Phase.RUNNING, Phase.SUCCEEDED]


async def test_streams_end_when_the_server_drains(tmp_path: Path) -> None:
    async def hold(attempt: FakeAttempt) -> None:
        attempt.start()
        await attempt.cancelled.wait()

    async with world(tmp_path, FakeExecutor(hold)) as there:
        run = await there.create()
        await until(lambda: there.root(run).phase is Phase.RUNNING)
        key = wire.action_id(there.root(run).key)
        details = there.stream(
            "workflow.RunService/WatchActionDetails",
            run_service_pb2.WatchActionDetailsRequest(action_id=key),
            run_service_pb2.WatchActionDetailsResponse,
        )
        lines = there.stream(
            "dataproxy.DataProxyService/TailLogs", tail(there, run), dataproxy_service_pb2.TailLogsResponse
        )
        await anext(details)
        there.server.drain()
        for stream in (details, lines):
            with pytest.raises(RpcError) as ended:
                await anext(stream)
            assert ended.value.code == "unavailable"
        second = await there.create()
        assert there.root(second).phase is Phase.QUEUED
        assert not there.executor.cancels
