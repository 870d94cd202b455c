"""A run from creation to its end, as clients see it."""

from pathlib import Path

import pytest
from flyteidl2.common import identifier_pb2
from flyteidl2.dataproxy import dataproxy_service_pb2
from flyteidl2.task import run_pb2
from flyteidl2.workflow import run_service_pb2
from server_world import (
    DOMAIN,
    PROJECT,
    RpcError,
    child,
    cpus,
    given_x,
    inputs,
    outputs,
    task_spec,
    until,
    value_of,
    world,
)

from flyte_core.model import ROOT, ActionKey, ErrorInfo, ErrorKind, Phase
from flyte_core.store.ports import Store
from flyte_core.wire import actions as wire
from flyte_server.executors.fake import FakeAttempt, FakeExecutor
from flyte_server.ports.executor import EndReason


async def double(attempt: FakeAttempt) -> None:
    attempt.start()
    attempt.succeed(outputs(given_x(attempt) * 2))


async def test_a_run_goes_from_queued_to_succeeded(tmp_path: Path, store: Store) -> None:
    async with world(tmp_path, FakeExecutor(double), store) as there:
        run = await there.create(x=5)
        root = await there.ended(run)
        assert root.phase is Phase.SUCCEEDED
        assert [phase for phase, _ in root.attempts[0].transitions][:3] == [
            Phase.QUEUED,
            Phase.INITIALIZING,
            Phase.RUNNING,
        ]
        answer = await there.call(
            "dataproxy.DataProxyService/GetActionData",
            dataproxy_service_pb2.GetActionDataRequest(action_id=wire.action_id(root.key)),
            dataproxy_service_pb2.GetActionDataResponse,
        )
        same = await there.call(
            "workflow.RunService/GetActionData",
            run_service_pb2.GetActionDataRequest(action_id=wire.action_id(root.key)),
            run_service_pb2.GetActionDataResponse,
        )
        assert (same.inputs, same.outputs) == (answer.inputs, answer.outputs)
        assert answer.inputs == inputs(x=5)
        assert answer.outputs.literals[0].value.scalar.primitive.integer == 10
        details = await there.call(
            "workflow.RunService/GetRunDetails",
            run_service_pb2.GetRunDetailsRequest(run_id=wire.run_id(run)),
            run_service_pb2.GetRunDetailsResponse,
        )
        assert wire.from_run_details(details.details).root.phase is Phase.SUCCEEDED


async def test_a_task_is_started_with_its_command_and_environment(tmp_path: Path) -> None:
    executor = FakeExecutor(double)
    async with world(tmp_path, executor) as there:
        args = (
            "a0",
            "--inputs",
            "{{.input}}",
            "--outputs-path",
            "{{$outputPrefix}}",
            "--name",
            "{{ .actionName }}",
        )
        envs = run_pb2.Envs()
        envs.values.add(key="LOG_LEVEL", value="10")
        envs.values.add(key="FLYTE_PYTHON", value="/venv/bin/python")
        run = await there.create(name="mine", args=args, run_spec=run_pb2.RunSpec(envs=envs))
        await there.ended(run)
    (launch,) = executor.launches
    base = tmp_path / "runs" / PROJECT / DOMAIN / "mine"
    assert launch.argv == (
        "a0",
        "--inputs",
        f"{base}/a0/inputs.pb",
        "--outputs-path",
        f"{base}/a0/1",
        "--name",
        "a0",
    )
    assert launch.interpreter == "/venv/bin/python"
    assert launch.runtime == "godwit"
    assert launch.env["RUN_NAME"] == "mine"
    assert launch.env["ACTION_NAME"] == "a0"
    assert launch.env["_U_ORG_NAME"] == "local"
    assert launch.env["FLYTE_ATTEMPT_NUMBER"] == "0"
    assert launch.env["FLYTE_ATTEMPT_TOKEN"] == str(launch.token)
    assert launch.env["LOG_LEVEL"] == "10"


async def test_the_same_create_gives_the_same_run_and_another_is_refused(
    tmp_path: Path, store: Store
) -> None:
    executor = FakeExecutor(double)
    async with world(tmp_path, executor, store) as there:
        assert await there.create(name="mine") == await there.create(name="mine")
        with pytest.raises(RpcError) as refused:
            await there.create(name="mine", x=6)
        assert refused.value.code == "already_exists"
        assert "mine" in refused.value.message
        assert "name" in refused.value.message
        await until(lambda: len(executor.launches) == 1)


@pytest.mark.parametrize("name", ["Has-Upper", "-x", "x" * 31, "../up", "a b"])
async def test_a_run_cannot_be_called_anything(tmp_path: Path, name: str) -> None:
    async with world(tmp_path) as there:
        with pytest.raises(RpcError) as refused:
            await there.create(name=name)
        assert refused.value.code == "invalid_argument"


async def test_an_unknown_run_is_not_found(tmp_path: Path) -> None:
    async with world(tmp_path) as there:
        missing = identifier_pb2.RunIdentifier(project=PROJECT, domain=DOMAIN, name="nope")
        with pytest.raises(RpcError, match="There is no run nope"):
            await there.call(
                "workflow.RunService/GetRunDetails",
                run_service_pb2.GetRunDetailsRequest(run_id=missing),
                run_service_pb2.GetRunDetailsResponse,
            )


async def test_a_user_error_fails_the_run_with_its_words(tmp_path: Path, store: Store) -> None:
    async def raises(attempt: FakeAttempt) -> None:
        attempt.start()
        attempt.fail(ErrorInfo("ValueError", "no such step"))

    async with world(tmp_path, FakeExecutor(raises), store) as there:
        root = await there.ended(await there.create())
        assert root.phase is Phase.FAILED
        assert root.error is not None
        assert (root.error.code, root.error.message) == ("ValueError", "no such step")


@pytest.mark.parametrize(("slots", "limit"), [(1, 0), (8, 1)])
async def test_nesting_needs_no_more_than_one(slots: int, limit: int, tmp_path: Path, store: Store) -> None:
    """A parent that waits holds nothing, so calls nest as deep as they like."""
    depth = 50

    async def nest(attempt: FakeAttempt) -> None:
        attempt.start()
        left = given_x(attempt)
        if left == 0:
            attempt.succeed(outputs(0))
            return
        below = await there.run_child(attempt, child(f"level{left}", left - 1))
        attempt.succeed(outputs(value_of(below.outputs.data) + 1))

    async with world(tmp_path, FakeExecutor(nest, cpus(slots)), store) as there:
        run = await there.create(x=depth, run_spec=run_pb2.RunSpec(max_action_concurrency=limit))
        root = await there.ended(run)
        assert root.phase is Phase.SUCCEEDED
        data = store.payload(root.key, "outputs")
        assert data is not None
        assert value_of(data) == depth
        await until(lambda: there.server.dispatch.slots.cpu == 0)


async def test_no_more_runs_at_once_than_there_are_slots(tmp_path: Path) -> None:
    release: list[FakeAttempt] = []

    async def hold(attempt: FakeAttempt) -> None:
        attempt.start()
        release.append(attempt)

    executor = FakeExecutor(hold, cpus(2))
    async with world(tmp_path, executor) as there:
        runs = [await there.create(x=number) for number in range(5)]
        await until(lambda: len(release) == 2)
        await there.advance(1.5)
        await until(lambda: there.root(runs[4]).phase is Phase.WAITING_FOR_RESOURCES)
        assert len(executor.launches) == 2
        for done in range(5):
            await until(lambda: len(release) > done)  # noqa: B023
            release[done].succeed(outputs(1))
        for run in runs:
            assert (await there.ended(run)).phase is Phase.SUCCEEDED


async def test_who_asks_for_more_cpus_than_there_are_runs_alone(tmp_path: Path) -> None:
    under_way: list[FakeAttempt] = []

    async def hold(attempt: FakeAttempt) -> None:
        attempt.start()
        under_way.append(attempt)

    async with world(tmp_path, FakeExecutor(hold, cpus(2))) as there:
        greedy = await there.create(cpu="3")
        others = [await there.create(), await there.create(cpu="64")]
        await until(lambda: under_way)
        await there.advance(1.5)
        await until(lambda: there.root(others[1]).phase is Phase.WAITING_FOR_RESOURCES)
        for run in (greedy, *others):
            await until(lambda: under_way)
            (attempt,) = under_way
            assert attempt.launch.key.run == run
            under_way.clear()
            attempt.succeed(outputs(1))
            assert (await there.ended(run)).phase is Phase.SUCCEEDED
        logs = [there.server.context.layout.log(ActionKey(run, ROOT), 1) for run in (greedy, *others)]
        assert "\ts\tIt asks for 3 CPUs where there are 2: it has all there is" in logs[0].read_text()
        assert "64 CPUs where there are 2" in logs[2].read_text()
        assert not logs[1].exists()


async def test_a_device_that_is_not_there_fails_at_once(tmp_path: Path) -> None:
    async with world(tmp_path, FakeExecutor(double, cpus(2))) as there:
        root = await there.ended(await there.create(gpu="1"))
        assert root.phase is Phase.FAILED
        assert root.error is not None
        assert root.error.code == "ResourcesUnavailable"
        assert "1 GPU" in root.error.message
        assert root.error.kind is ErrorKind.SYSTEM


async def test_a_task_without_a_command_fails_at_once(tmp_path: Path) -> None:
    async with world(tmp_path) as there:
        root = await there.ended(await there.create(args=()))
        assert root.error is not None
        assert "no command" in root.error.message


async def test_a_run_limits_how_many_of_its_actions_go_at_once(tmp_path: Path) -> None:
    most = 0

    async def tree(attempt: FakeAttempt) -> None:
        nonlocal most
        attempt.start()
        if attempt.launch.key.name == "a0":
            await there.enqueue(attempt, *(child(f"c{number}") for number in range(6)))
            done = 0
            async for update in there.outcomes(attempt):
                done += update.phase == "succeeded"
                if done == 6:
                    break
        else:
            most = max(most, len(there.executor.live) - 1)
        attempt.succeed(outputs(0))

    async with world(tmp_path, FakeExecutor(tree)) as there:
        run = await there.create(run_spec=run_pb2.RunSpec(max_action_concurrency=1))
        assert (await there.ended(run)).phase is Phase.SUCCEEDED
        assert most == 1


async def test_a_cached_outcome_is_used_by_the_next_run(tmp_path: Path, store: Store) -> None:
    executor = FakeExecutor(double)
    async with world(tmp_path, executor, store) as there:
        first = await there.ended(await there.create(cached=True))
        second = await there.ended(await there.create(cached=True))
        assert len(executor.launches) == 1
        assert second.recovered_from == f"{first.key.run.name}/a0"
        assert second.outputs == first.outputs
        other = await there.ended(await there.create(cached=True, x=6))
        assert other.recovered_from == ""
        again = run_pb2.RunSpec(overwrite_cache=True)
        await there.ended(await there.create(cached=True, run_spec=again))
        assert len(executor.launches) == 3


async def test_a_crash_says_what_happened(tmp_path: Path) -> None:
    async def crash(attempt: FakeAttempt) -> None:
        attempt.start()
        attempt.end(EndReason.SIGNAL, signal=11, log_tail="about to crash")

    async with world(tmp_path, FakeExecutor(crash)) as there:
        root = await there.ended(await there.create())
        assert root.error is not None
        assert root.error.code == "SIGSEGV"
        assert "native code" in root.error.message
        assert "about to crash" in root.error.message


async def test_large_inputs_and_outputs_are_checked_files(tmp_path: Path, store: Store) -> None:
    big = outputs(1) + b"\x0a\x00" * 40_000

    async def large(attempt: FakeAttempt) -> None:
        attempt.start()
        assert attempt.launch.inputs is None
        assert Path(attempt.launch.argv[2]).read_bytes() == bytes(big_inputs.SerializeToString())
        attempt.succeed(big)

    big_inputs = inputs(**{f"x{number}": number for number in range(10_000)})
    async with world(tmp_path, FakeExecutor(large), store) as there:
        request = run_service_pb2.CreateRunRequest(task_spec=task_spec(), inputs=big_inputs)
        request.project_id.CopyFrom(identifier_pb2.ProjectIdentifier(name=PROJECT, domain=DOMAIN))
        answer = await there.call("workflow.RunService/CreateRun", request, run_service_pb2.CreateRunResponse)
        run = wire.run_key(answer.run.action.id.run)
        root = await there.ended(run)
        assert root.phase is Phase.SUCCEEDED
        assert root.outputs is not None
        assert root.outputs.uri.endswith("/a0/1/outputs.pb")
        Path(root.outputs.uri).write_bytes(b"something else")
        with pytest.raises(RpcError, match="damaged"):
            await there.call(
                "dataproxy.DataProxyService/GetActionData",
                dataproxy_service_pb2.GetActionDataRequest(action_id=wire.action_id(root.key)),
                dataproxy_service_pb2.GetActionDataResponse,
            )
