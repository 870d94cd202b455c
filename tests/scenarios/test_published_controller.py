"""What a parent of the published SDK says and hears: Enqueue, WatchForUpdates, Abort, files beside."""

from contextlib import aclosing
from pathlib import Path

import pytest
from flyteidl2.actions import actions_service_pb2
from flyteidl2.common import phase_pb2
from flyteidl2.core import types_pb2
from flyteidl2.task import task_definition_pb2
from flyteidl2.workflow import run_definition_pb2, run_service_pb2, state_service_pb2
from server_world import RpcError, World, inputs, outputs, task_spec, until, world

from flyte_core.model import ActionKey, ActionName, ErrorInfo, Phase, RunKey
from flyte_core.store.ports import Store
from flyte_core.wire import actions as wire
from flyte_core.wire import errors
from flyte_server.executors.fake import FakeAttempt, FakeExecutor


async def parent_waits(attempt: FakeAttempt) -> None:
    attempt.start()
    if attempt.launch.key.name == "a0":
        await attempt.cancelled.wait()
    elif attempt.launch.key.name == "bad":
        attempt.fail(ErrorInfo("ValueError", "no"))
    elif attempt.launch.key.name != "slow":
        attempt.succeed(outputs(10))


async def parent(there: World) -> RunKey:
    run = await there.create(flavor="python")
    await until(lambda: there.root(run).phase is Phase.RUNNING)
    return run


def call(there: World, run: RunKey, name: str, x: int = 5) -> actions_service_pb2.EnqueueRequest:
    """A child call, its inputs written where the parent writes them."""
    key = ActionKey(run, ActionName(name))
    base = there.server.context.layout.run(run)
    path = base / name / "inputs.pb"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(inputs(x=x).SerializeToString())
    spec = task_spec(flavor="python")
    action = actions_service_pb2.Action(
        action_id=wire.action_id(key),
        parent_action_name="a0",
        input_uri=str(path),
        run_output_base=str(base),
        task=run_definition_pb2.TaskAction(spec=spec),
    )
    return actions_service_pb2.EnqueueRequest(action=action)


async def enqueue(there: World, request: actions_service_pb2.EnqueueRequest) -> None:
    await there.call("actions.ActionsService/Enqueue", request, actions_service_pb2.EnqueueResponse)


def watch(there: World, run: RunKey) -> "actions_service_pb2.WatchForUpdatesRequest":
    parent_id = wire.action_id(ActionKey(run, ActionName("a0")))
    return actions_service_pb2.WatchForUpdatesRequest(parent_action_id=parent_id)


STREAM = "actions.ActionsService/WatchForUpdates"


@pytest.fixture
def python(tmp_path: Path) -> str:
    """Something that looks like the Python beside the published client's `a0`."""
    directory = tmp_path / "venv" / "bin"
    directory.mkdir(parents=True)
    for name in ("python", "a0"):
        (directory / name).touch(mode=0o755)
    return str(directory / "python")


async def test_a_snapshot_a_sentinel_then_updates_for_ever(tmp_path: Path, python: str, store: Store) -> None:
    async with world(tmp_path, FakeExecutor(parent_waits), store, runtime_pythons=(python,)) as there:
        run = await parent(there)
        await enqueue(there, call(there, run, "early"))
        await there.ended(run, "early")
        answers = there.stream(STREAM, watch(there, run), actions_service_pb2.WatchForUpdatesResponse)
        async with aclosing(answers):
            first = await anext(answers)
            assert first.action_update.action_id.name == "early"
            assert first.action_update.phase == phase_pb2.ACTION_PHASE_SUCCEEDED
            prefix = Path(first.action_update.output_uri)
            assert (prefix / "outputs.pb").read_bytes() == outputs(10)
            assert (await anext(answers)).control_message.sentinel
            await enqueue(there, call(there, run, "late"))
            phases = []
            async for message in answers:
                update: state_service_pb2.ActionUpdate = message.action_update
                assert update.action_id.name == "late"
                assert update.output_uri.endswith("/late/1")
                phases.append(update.phase)
                if update.phase == phase_pb2.ACTION_PHASE_SUCCEEDED:
                    break
            assert phases == sorted(phases)


async def test_its_tasks_run_in_its_own_interpreter_with_files(tmp_path: Path, python: str) -> None:
    executor = FakeExecutor(parent_waits)
    async with world(tmp_path, executor, runtime_pythons=(python,)) as there:
        run = await there.create(flavor="python")
        await until(lambda: executor.launches)
        (launch,) = executor.launches
        assert (launch.runtime, launch.interpreter, launch.inputs) == ("flyte", python, None)
        assert Path(launch.argv[2]).read_bytes() == inputs(x=5).SerializeToString()
        await there.server.context.abort(run, None, "done")


async def test_without_its_interpreter_a_run_is_refused_with_the_reason(tmp_path: Path) -> None:
    async with world(tmp_path) as there:
        with pytest.raises(RpcError, match="--runtime-python") as refused:
            await there.create(flavor="python")
        assert refused.value.code == "failed_precondition"


async def test_enqueue_is_idempotent_and_tells_collisions(tmp_path: Path, python: str, store: Store) -> None:
    executor = FakeExecutor(parent_waits)
    async with world(tmp_path, executor, store, runtime_pythons=(python,)) as there:
        run = await parent(there)
        await enqueue(there, call(there, run, "one"))
        await enqueue(there, call(there, run, "one"))
        await there.ended(run, "one")
        assert [launch.key.name for launch in executor.launches] == ["a0", "one"]
        with pytest.raises(RpcError, match="ID_COLLISION"):
            await enqueue(there, call(there, run, "one", x=6))


async def test_a_failed_child_brings_its_error(tmp_path: Path, python: str) -> None:
    async with world(tmp_path, FakeExecutor(parent_waits), runtime_pythons=(python,)) as there:
        run = await parent(there)
        await enqueue(there, call(there, run, "bad"))
        await there.ended(run, "bad")
        answers = there.stream(STREAM, watch(there, run), actions_service_pb2.WatchForUpdatesResponse)
        async with aclosing(answers):
            update = (await anext(answers)).action_update
        assert (update.error.code, update.error.message) == ("ValueError", "no")


async def test_a_cancelled_call_is_aborted(tmp_path: Path, python: str) -> None:
    executor = FakeExecutor(parent_waits)
    async with world(tmp_path, executor, runtime_pythons=(python,)) as there:
        run = await parent(there)
        await enqueue(there, call(there, run, "slow"))
        await until(lambda: len(executor.live) == 2)
        key = wire.action_id(ActionKey(run, ActionName("slow")))
        request = actions_service_pb2.AbortRequest(action_id=key, reason="cancelled")
        await there.call("actions.ActionsService/Abort", request, actions_service_pb2.AbortResponse)
        assert there.action(run, "slow").phase is Phase.ABORTED
        await until(lambda: [key.name for key, _, _ in executor.cancels] == ["slow"])


@pytest.mark.parametrize("failed", [False, True])
async def test_a_trace_is_recorded_complete_and_echoed(tmp_path: Path, python: str, failed: bool) -> None:
    async with world(tmp_path, FakeExecutor(parent_waits), runtime_pythons=(python,)) as there:
        run = await parent(there)
        key = ActionKey(run, ActionName("traced"))
        directory = there.server.context.layout.action(key)
        directory.mkdir(parents=True)
        if failed:
            (directory / "error.pb").write_bytes(errors.to_document(ErrorInfo("KeyError", "gone")))
        else:
            (directory / "outputs.pb").write_bytes(outputs(3))
        trace = run_definition_pb2.TraceAction(
            name="fetch",
            phase=phase_pb2.ACTION_PHASE_FAILED if failed else phase_pb2.ACTION_PHASE_SUCCEEDED,
            spec=task_definition_pb2.TraceSpec(),
        )
        trace.start_time.FromSeconds(1_800_000_000)
        trace.end_time.FromSeconds(1_800_000_002)
        trace.outputs.output_uri = f"{directory}/outputs.pb"
        action = actions_service_pb2.Action(
            action_id=wire.action_id(key), parent_action_name="a0", run_output_base="x", trace=trace
        )
        await enqueue(there, actions_service_pb2.EnqueueRequest(action=action))
        answers = there.stream(STREAM, watch(there, run), actions_service_pb2.WatchForUpdatesResponse)
        async with aclosing(answers):
            update = (await anext(answers)).action_update
        assert update.output_uri == f"{directory}/outputs.pb"
        found = there.action(run, "traced")
        if failed:
            assert (found.phase, update.error.code) == (Phase.FAILED, "KeyError")
        else:
            assert found.phase is Phase.SUCCEEDED
            assert there.store.payload(key, "outputs") == outputs(3)


async def test_a_condition_waits_for_an_answer_of_its_type(tmp_path: Path, python: str, store: Store) -> None:
    async with world(tmp_path, FakeExecutor(parent_waits), store, runtime_pythons=(python,)) as there:
        run = await parent(there)
        key = ActionKey(run, ActionName("cond"))
        condition = run_definition_pb2.ConditionAction(
            name="approve", type=types_pb2.LiteralType(simple=types_pb2.BOOLEAN), prompt="Go on?"
        )
        action = actions_service_pb2.Action(
            action_id=wire.action_id(key), parent_action_name="a0", condition=condition
        )
        await enqueue(there, actions_service_pb2.EnqueueRequest(action=action))
        assert there.action(run, "cond").phase is Phase.PAUSED

        async def answer(payload: run_service_pb2.EventPayload) -> None:
            request = run_service_pb2.SignalEventRequest(action_id=wire.action_id(key), payload=payload)
            await there.call("workflow.RunService/SignalEvent", request, run_service_pb2.SignalEventResponse)

        with pytest.raises(RpcError, match="yes or no"):
            await answer(run_service_pb2.EventPayload(int_value=1))
        await answer(run_service_pb2.EventPayload(bool_value=True))
        await answer(run_service_pb2.EventPayload(bool_value=True))
        with pytest.raises(RpcError) as refused:
            await answer(run_service_pb2.EventPayload(bool_value=False))
        assert refused.value.code == "failed_precondition"
        answers = there.stream(STREAM, watch(there, run), actions_service_pb2.WatchForUpdatesResponse)
        async with aclosing(answers):
            update = (await anext(answers)).action_update
        assert update.phase == phase_pb2.ACTION_PHASE_SUCCEEDED
        assert update.value.scalar.primitive.boolean is True


async def test_a_condition_that_nobody_answers_times_out(tmp_path: Path, python: str) -> None:
    async with world(tmp_path, FakeExecutor(parent_waits), runtime_pythons=(python,)) as there:
        run = await parent(there)
        key = ActionKey(run, ActionName("cond"))
        condition = run_definition_pb2.ConditionAction(name="approve")
        condition.timeout.FromSeconds(30)
        action = actions_service_pb2.Action(
            action_id=wire.action_id(key), parent_action_name="a0", condition=condition
        )
        await enqueue(there, actions_service_pb2.EnqueueRequest(action=action))
        await there.advance(31)
        assert (await there.ended(run, "cond")).phase is Phase.TIMED_OUT


async def test_nothing_starts_in_a_run_that_has_ended(tmp_path: Path, python: str) -> None:
    async with world(tmp_path, FakeExecutor(parent_waits), runtime_pythons=(python,)) as there:
        run = await parent(there)
        await there.server.context.abort(run, None, "enough")
        with pytest.raises(RpcError) as refused:
            await enqueue(there, call(there, run, "one"))
        assert refused.value.code == "aborted"


async def test_a_path_out_of_the_data_directory_is_refused(tmp_path: Path, python: str) -> None:
    async with world(tmp_path / "home", FakeExecutor(parent_waits), runtime_pythons=(python,)) as there:
        run = await parent(there)
        request = call(there, run, "one")
        request.action.input_uri = "/etc/hostname"
        with pytest.raises(RpcError, match="data directory") as refused:
            await enqueue(there, request)
        assert refused.value.code == "invalid_argument"
