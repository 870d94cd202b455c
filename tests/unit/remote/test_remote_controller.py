"""The controller of a worker: batches, one stream, replay, cancellation, absence of the server."""

import asyncio
import threading
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest
from tests.unit.remote.worker_fake import WorkerFake, succeeded

import flyte.errors
from flyte._client.endpoint import parse_endpoint
from flyte._client.errors import RpcError
from flyte._controller import children
from flyte._controller.protocol import ParentRef, Submission
from flyte._controller.remote import RemoteController
from flyte._sync import portal
from flyte_core.engine.api import TraceResult
from flyte_core.model import ActionKind, ActionName, Digest, Micros, RunKey, TaskSpec, Token
from flyte_core.wire.godwit.v1 import worker_pb2 as wire

PARENT = ParentRef(RunKey("p", "d", "r1"), ActionName("a0"), Token(7))
SPEC = TaskSpec(Digest("a" * 64), b"template", "env.step", "step")


def call(name: str, inputs: bytes = b"x", *, spec: TaskSpec = SPEC) -> Submission:
    return Submission(ActionName(name), ActionKind.TASK, spec, inputs)


def trace(name: str, outputs: bytes = b"y") -> Submission:
    result = TraceResult(Micros(1), Micros(2), outputs=outputs)
    return Submission(ActionName(name), ActionKind.TRACE, SPEC, b"x", trace=result)


def open_child(child: wire.Child) -> None:
    return None


def controller(fake: WorkerFake, run_base: str = "") -> RemoteController:
    return RemoteController(parse_endpoint(fake.connect.url), run_base)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.005)


async def test_a_call_becomes_a_child_and_its_outputs_come_back() -> None:
    async with WorkerFake(succeeded) as fake:
        here = controller(fake)
        assert await here.run_child(PARENT, call("one", b"in")) == b"in"
        assert fake.batches == [["one"]]
        await here.close(PARENT)


async def test_calls_made_together_go_together_and_the_task_is_told_once() -> None:
    names = [f"c{number}" for number in range(2500)]
    async with WorkerFake(succeeded) as fake:
        here = controller(fake)
        found = await asyncio.gather(*(here.run_child(PARENT, call(n, n.encode())) for n in names))
        assert found == [name.encode() for name in names]
        assert [name for batch in fake.batches for name in batch] == names
        assert len(fake.batches) == 3
        assert fake.with_spec == ["c0"]
        assert len(fake.watches) == 1
        await here.close(PARENT)


async def test_calls_made_while_a_batch_is_away_go_with_the_next() -> None:
    async with WorkerFake(succeeded) as fake:
        here = controller(fake)
        first = asyncio.create_task(here.run_child(PARENT, call("one")))
        await until(lambda: bool(fake.watches))
        rest = [asyncio.create_task(here.run_child(PARENT, call(f"c{n}"))) for n in range(50)]
        await asyncio.gather(first, *rest)
        assert len(fake.batches) <= 3
        await here.close(PARENT)


async def test_a_failed_child_raises_what_it_raised() -> None:
    def failing(child: wire.Child) -> wire.ChildUpdate:
        error = wire.Error(code="ValueError", message="too small", traceback="Traceback ...")
        return wire.ChildUpdate(name=child.name, phase="failed", error=error)

    async with WorkerFake(failing) as fake:
        here = controller(fake)
        with pytest.raises(flyte.errors.RuntimeUserError, match="too small") as caught:
            await here.run_child(PARENT, call("one"))
        assert caught.value.code == "ValueError"
        assert caught.value.traceback == "Traceback ..."
        await here.close(PARENT)


@pytest.mark.parametrize(
    ("phase", "code", "expected"),
    [
        ("timed_out", "MAX_RUNTIME_EXCEEDED", flyte.errors.MaxRuntimeExceededError),
        ("aborted", "", flyte.errors.ActionAbortedError),
        ("failed", "OOMError", flyte.errors.OOMError),
        ("failed", "", flyte.errors.RuntimeUserError),
    ],
)
async def test_each_way_to_end_badly_has_its_exception(
    phase: str, code: str, expected: type[Exception]
) -> None:
    def ending(child: wire.Child) -> wire.ChildUpdate:
        return wire.ChildUpdate(name=child.name, phase=phase, error=wire.Error(code=code, message="because"))

    async with WorkerFake(ending) as fake:
        here = controller(fake)
        with pytest.raises(expected, match="because"):
            await here.run_child(PARENT, call("one"))
        await here.close(PARENT)


async def test_a_refused_call_fails_alone() -> None:
    def picky(child: wire.Child) -> wire.ChildUpdate | wire.Error:
        if child.name == "bad":
            return wire.Error(code="ID_COLLISION", message="another task has this name", system=True)
        return succeeded(child)

    async with WorkerFake(picky) as fake:
        here = controller(fake)
        results = await asyncio.gather(
            *(here.run_child(PARENT, call(name)) for name in ("good", "bad", "fine")), return_exceptions=True
        )
        assert results[0] == results[2] == b"x"
        assert isinstance(results[1], flyte.errors.RuntimeSystemError)
        assert results[1].code == "ID_COLLISION"
        await here.close(PARENT)


async def test_a_parent_that_runs_again_finds_its_children() -> None:
    async with WorkerFake(open_child) as fake:
        fake.end(
            wire.ChildUpdate(name="done", phase="succeeded", outputs=wire.Payload(data=b"v", present=True))
        )
        fake.end(wire.ChildUpdate(name="broken", phase="failed", error=wire.Error(code="E", message="no")))
        fake.end(wire.ChildUpdate(name="running", phase="running"))
        here = controller(fake)
        assert await here.run_child(PARENT, call("done")) == b"v"
        with pytest.raises(flyte.errors.RuntimeUserError, match="no"):
            await here.run_child(PARENT, call("broken"))
        waiting = asyncio.create_task(here.run_child(PARENT, call("running")))
        await asyncio.sleep(0)
        fake.end(
            wire.ChildUpdate(name="running", phase="succeeded", outputs=wire.Payload(data=b"w", present=True))
        )
        assert await waiting == b"w"
        assert fake.batches == []
        assert await here.find(PARENT, call("done")) == b"v"
        assert await here.find(PARENT, call("new")) is None
        await here.close(PARENT)


async def test_a_child_without_outputs_gives_empty_bytes() -> None:
    async with WorkerFake(lambda child: wire.ChildUpdate(name=child.name, phase="succeeded")) as fake:
        here = controller(fake)
        assert await here.run_child(PARENT, call("one")) == b""
        await here.close(PARENT)


async def test_cancelling_the_caller_aborts_the_child() -> None:
    async with WorkerFake(open_child) as fake:
        here = controller(fake)
        task = asyncio.create_task(here.run_child(PARENT, call("one")))
        await until(lambda: "one" in fake.children)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await until(lambda: fake.aborted == ["one"])
        await here.close(PARENT)


async def test_children_outlive_a_parent_that_was_closed() -> None:
    async with WorkerFake(open_child) as fake:
        here = controller(fake)
        task = asyncio.create_task(here.run_child(PARENT, call("one")))
        await until(lambda: "one" in fake.children)
        await here.close(PARENT)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert fake.aborted == []


def test_children_outlive_the_loop_of_a_parent_that_failed() -> None:
    """A body that raises ends its loop, which cancels everything: that is not the user's cancelling."""
    aborted: list[str] = []

    async def body() -> None:
        async with WorkerFake(open_child) as fake:
            here = controller(fake)
            task = asyncio.create_task(here.run_child(PARENT, call("one")))
            await until(lambda: "one" in fake.children)
            fake.aborted = aborted
            loop = asyncio.get_running_loop()
            for each in asyncio.all_tasks(loop):
                if each is not asyncio.current_task():
                    each.cancel()
            await asyncio.gather(task, return_exceptions=True)

    asyncio.run(body())
    assert aborted == []


async def test_the_server_may_die_and_come_back_while_children_run() -> None:
    async with WorkerFake(open_child) as fake:
        here = controller(fake)
        first = asyncio.create_task(here.run_child(PARENT, call("one")))
        await until(lambda: "one" in fake.children)
        await fake.connect.stop()
        second = asyncio.create_task(here.run_child(PARENT, call("two")))
        fake.end(
            wire.ChildUpdate(name="one", phase="succeeded", outputs=wire.Payload(data=b"1", present=True))
        )
        fake.decide = succeeded
        await fake.connect.start()
        assert await first == b"1"
        assert await second == b"x"
        assert fake.watches[0] == 0
        assert fake.watches[-1] > 0
        await here.close(PARENT)


async def test_a_server_that_came_back_elsewhere_is_found_by_its_data_directory(tmp_path: Path) -> None:
    async with WorkerFake(open_child) as fake:
        here = RemoteController(parse_endpoint(fake.connect.url), home=tmp_path)
        task = asyncio.create_task(here.run_child(PARENT, call("one")))
        await until(lambda: "one" in fake.children)
        await fake.connect.stop()
        fake.connect.port = 0
        await fake.connect.start()
        (tmp_path / "server.json").write_text(
            f'{{"pid": 1, "url": "{fake.connect.url}", "data_dir": "{tmp_path}", "version": "1"}}'
        )
        fake.end(
            wire.ChildUpdate(name="one", phase="succeeded", outputs=wire.Payload(data=b"1", present=True))
        )
        assert await task == b"1"
        await here.close(PARENT)


async def test_a_full_server_is_asked_again_until_it_has_room() -> None:
    async with WorkerFake(succeeded) as fake:
        fake.fail_enqueue = [RpcError("resource_exhausted", "full"), RpcError("unavailable", "busy")]
        here = controller(fake)
        assert await here.run_child(PARENT, call("one")) == b"x"
        assert fake.batches == [["one"]]
        await here.close(PARENT)


async def test_an_attempt_that_was_replaced_stops() -> None:
    async with WorkerFake(succeeded) as fake:
        fake.fail_enqueue = [RpcError("aborted", "another attempt holds the token")]
        here = controller(fake)
        calls = [here.run_child(PARENT, call(name)) for name in ("one", "two")]
        results = await asyncio.gather(*calls, return_exceptions=True)
        assert [type(result) for result in results] == [flyte.errors.ActionAbortedError] * 2
        assert "another attempt" in str(results[0])
        with pytest.raises(flyte.errors.ActionAbortedError):
            await here.run_child(PARENT, call("three"))
        await here.close(PARENT)


async def test_a_server_that_forgot_the_task_is_told_again() -> None:
    async with WorkerFake(succeeded) as fake:
        here = controller(fake)
        await here.run_child(PARENT, call("one"))
        fake.specs.clear()
        assert await here.run_child(PARENT, call("two")) == b"x"
        assert fake.with_spec == ["one", "two"]
        await here.close(PARENT)


async def test_a_trace_is_acknowledged_before_the_call_returns() -> None:
    async with WorkerFake(open_child) as fake:
        here = controller(fake)
        await here.record_trace(PARENT, trace("t1"))
        assert fake.batches == [["t1"]]
        fake.end(
            wire.ChildUpdate(name="t1", phase="succeeded", outputs=wire.Payload(data=b"y", present=True))
        )
        await here.record_trace(PARENT, trace("t1"))
        assert fake.batches == [["t1"]]
        await here.close(PARENT)


async def test_large_inputs_go_through_a_file_and_large_outputs_come_back_from_one(tmp_path: Path) -> None:
    seen: list[wire.Payload] = []
    large = b"z" * 100_000
    result = tmp_path / "outputs.pb"
    result.write_bytes(large[::-1] + b"!")

    def run(child: wire.Child) -> wire.ChildUpdate:
        seen.append(child.inputs)
        digest = sha256(result.read_bytes()).hexdigest()
        payload = wire.Payload(uri=str(result), sha256=digest, present=True)
        return wire.ChildUpdate(name=child.name, phase="succeeded", outputs=payload)

    async with WorkerFake(run) as fake:
        here = controller(fake, str(tmp_path / "run"))
        assert await here.run_child(PARENT, call("one", large)) == large[::-1] + b"!"
        assert seen[0].data == b""
        assert Path(seen[0].uri).read_bytes() == large
        assert Path(seen[0].uri) == tmp_path / "run" / "one" / "inputs.pb"
        assert seen[0].sha256 == sha256(large).hexdigest()
        await here.close(PARENT)


async def test_damaged_outputs_are_refused(tmp_path: Path) -> None:
    result = tmp_path / "outputs.pb"
    result.write_bytes(b"something else")

    def run(child: wire.Child) -> wire.ChildUpdate:
        payload = wire.Payload(uri=str(result), sha256="0" * 64, present=True)
        return wire.ChildUpdate(name=child.name, phase="succeeded", outputs=payload)

    async with WorkerFake(run) as fake:
        here = controller(fake)
        with pytest.raises(flyte.errors.RuntimeSystemError, match="damaged") as caught:
            await here.run_child(PARENT, call("one"))
        assert caught.value.code == "OutputCorrupted"
        await here.close(PARENT)


async def test_every_loop_that_calls_has_a_stream_of_its_own() -> None:
    async with WorkerFake(succeeded) as fake:
        here = controller(fake)
        results: dict[str, bytes] = {}

        def work(name: str) -> None:
            results[name] = portal().run(here.run_child(PARENT, call(name, name.encode())))

        threads = [threading.Thread(target=work, args=(f"t{n}",)) for n in range(8)]
        for thread in threads:
            thread.start()
        assert await here.run_child(PARENT, call("own")) == b"x"
        await asyncio.to_thread(lambda: [thread.join() for thread in threads])
        assert results == {f"t{n}": f"t{n}".encode() for n in range(8)}
        assert len(fake.watches) == 2, "the test's loop and the portal's"
        await here.close(PARENT)


async def test_a_child_that_nobody_asked_the_server_for_is_just_dropped() -> None:
    async with WorkerFake(succeeded) as fake:
        here = controller(fake)
        assert await here.run_child(PARENT, call("first")) == b"x"
        full = [
            asyncio.create_task(here.run_child(PARENT, call(f"c{n}"))) for n in range(children.BATCH_CALLS)
        ]
        doomed = asyncio.create_task(here.run_child(PARENT, call("doomed")))
        await asyncio.sleep(0)
        doomed.cancel()
        await asyncio.gather(*full)
        assert doomed.cancelled()
        assert await here.run_child(PARENT, call("last")) == b"x"
        assert fake.aborted == []
        assert "doomed" not in fake.children
        await here.close(PARENT)
