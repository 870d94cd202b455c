"""A whole server in the test's own loop: real application and loops, scripted executor, virtual clock."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from flyteidl2.common import identifier_pb2
from flyteidl2.core import interface_pb2, literals_pb2, tasks_pb2, types_pb2
from flyteidl2.task import common_pb2, run_pb2, task_definition_pb2
from flyteidl2.workflow import run_service_pb2
from google.protobuf.message import Message

from flyte_core.model import ROOT, Action, ActionKey, ActionName, Micros, ResourceRequest, RunKey
from flyte_core.store.memory import MemoryStore
from flyte_core.store.ports import ActionQuery, Store
from flyte_core.wire import specs
from flyte_core.wire.godwit.v1 import worker_pb2
from flyte_server.app import Server
from flyte_server.config import Settings
from flyte_server.executors.fake import FakeAttempt, FakeExecutor

M = TypeVar("M", bound=Message)

PROJECT, DOMAIN = "flytesnacks", "development"
START = Micros(1_800_000_000_000_000)
PATIENCE_S = 20.0


class VirtualClock:
    """Stands still until it is moved."""

    def __init__(self, at: Micros = START) -> None:
        self.at = at

    def now(self) -> Micros:
        return self.at


class RpcError(Exception):
    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


async def http(
    app: Any,
    method: str,
    path: str,
    *,
    body: bytes | Sequence[bytes] = b"",
    headers: dict[str, str] | None = None,
    state: dict[str, Any] | None = None,
) -> Answer:
    """One request to an ASGI application, the whole answer."""
    chunks = [chunk async for chunk in _exchange(app, method, path, body, headers or {}, state or {})]
    head = chunks[0]
    assert isinstance(head, Answer)
    head.body = b"".join(chunk for chunk in chunks[1:] if isinstance(chunk, bytes))
    return head


async def _exchange(
    app: Any,
    method: str,
    path: str,
    body: bytes | Sequence[bytes],
    headers: dict[str, str],
    state: dict[str, Any],
) -> AsyncIterator[Answer | bytes]:
    plain, _, query = path.partition("?")
    names = {"host": "localhost:4290", **headers}
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.5"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": plain,
        "raw_path": plain.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in names.items()],
        "client": ("127.0.0.1", 50_000),
        "server": ("127.0.0.1", 4290),
        "state": state,
    }
    sent: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
    parts = [body] if isinstance(body, bytes) else list(body)
    incoming = [
        {"type": "http.request", "body": part, "more_body": index < len(parts) - 1}
        for index, part in enumerate(parts)
    ]
    gone = asyncio.Event()

    async def receive() -> dict[str, Any]:
        if incoming:
            return incoming.pop(0)
        await gone.wait()
        return {"type": "http.disconnect"}

    async def run() -> None:
        try:
            await app(scope, receive, sent.put)
        finally:
            await sent.put(None)

    task = asyncio.create_task(run())
    try:
        while (message := await sent.get()) is not None:
            if message["type"] == "http.response.start":
                found = {name.decode().lower(): value.decode() for name, value in message["headers"]}
                yield Answer(message["status"], found, b"")
            elif message.get("body"):
                yield message["body"]
        await task
    finally:
        gone.set()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@dataclass
class World:
    """One server and everything a test does to it."""

    server: Server
    store: Store
    executor: FakeExecutor
    clock: VirtualClock
    app: Any
    stopped: list[str] = field(default_factory=list)

    async def call(self, method: str, request: Message, answer: type[M]) -> M:
        """A unary call. `method` is `package.Service/Method` without the leading `flyteidl2.`."""
        path = f"/{method}" if method.startswith("godwit.") else f"/flyteidl2.{method}"
        headers = {"content-type": "application/proto", "connect-protocol-version": "1"}
        found = await http(self.app, "POST", path, body=request.SerializeToString(), headers=headers)
        if found.status != 200:
            problem = json.loads(found.body)
            raise RpcError(problem["code"], problem["message"])
        return answer.FromString(found.body)

    async def stream(self, method: str, request: Message, answer: type[M]) -> AsyncIterator[M]:
        """A server stream: its messages, then its end or its error."""
        path = f"/{method}" if method.startswith("godwit.") else f"/flyteidl2.{method}"
        data = request.SerializeToString()
        body = b"\0" + len(data).to_bytes(4, "big") + data
        headers = {"content-type": "application/connect+proto", "connect-protocol-version": "1"}
        buffer = b""
        exchange = _exchange(self.app, "POST", path, body, headers, {})
        try:
            async for chunk in exchange:
                if isinstance(chunk, Answer):
                    assert chunk.status == 200
                    continue
                buffer += chunk
                while len(buffer) >= 5 and len(buffer) >= 5 + int.from_bytes(buffer[1:5], "big"):
                    flags, size = buffer[0], int.from_bytes(buffer[1:5], "big")
                    message, buffer = buffer[5 : 5 + size], buffer[5 + size :]
                    if not flags & 2:
                        yield answer.FromString(message)
                    elif problem := json.loads(message).get("error"):
                        raise RpcError(problem["code"], problem["message"])
        finally:
            await exchange.aclose()  # type: ignore[attr-defined]

    async def create(
        self, name: str = "", x: int = 5, run_spec: run_pb2.RunSpec | None = None, **task: Any
    ) -> RunKey:
        """Create a run of a task; see `task_spec` for what can be declared."""
        request = run_service_pb2.CreateRunRequest(
            task_spec=task_spec(**task), inputs=inputs(x=x), run_spec=run_spec or run_pb2.RunSpec()
        )
        if name:
            request.run_id.CopyFrom(
                identifier_pb2.RunIdentifier(org="whatever", project=PROJECT, domain=DOMAIN, name=name)
            )
        else:
            request.project_id.CopyFrom(identifier_pb2.ProjectIdentifier(name=PROJECT, domain=DOMAIN))
        answer = await self.call("workflow.RunService/CreateRun", request, run_service_pb2.CreateRunResponse)
        return RunKey(PROJECT, DOMAIN, answer.run.action.id.run.name)

    async def enqueue(self, attempt: FakeAttempt, *children: worker_pb2.Child) -> worker_pb2.EnqueueResponse:
        """Children of a running attempt, as our own runtime sends them."""
        request = worker_pb2.EnqueueRequest(
            parent=ref(attempt.launch.key), token=attempt.launch.token, children=children
        )
        return await self.call("godwit.v1.WorkerService/Enqueue", request, worker_pb2.EnqueueResponse)

    async def outcomes(self, attempt: FakeAttempt) -> AsyncIterator[worker_pb2.ChildUpdate]:
        """What a running attempt hears of its children."""
        request = worker_pb2.WatchChildrenRequest(parent=ref(attempt.launch.key), token=attempt.launch.token)
        messages = self.stream(
            "godwit.v1.WorkerService/WatchChildren", request, worker_pb2.WatchChildrenResponse
        )
        async for message in messages:
            for update in message.updates:
                yield update

    async def run_child(self, attempt: FakeAttempt, message: worker_pb2.Child) -> worker_pb2.ChildUpdate:
        """Enqueue a child and wait for its end."""
        await self.enqueue(attempt, message)
        async for update in self.outcomes(attempt):
            if update.name == message.name and update.phase in _ENDS:
                return update
        raise AssertionError("the stream ended")

    def root(self, run: RunKey) -> Action:
        return self.action(run, ROOT)

    def action(self, run: RunKey, name: str) -> Action:
        found = self.store.action(ActionKey(run, ActionName(name)))
        assert found is not None, f"there is no action {name}"
        return found

    def actions(self, run: RunKey) -> tuple[Action, ...]:
        return self.store.actions(run, ActionQuery()).actions

    async def ended(self, run: RunKey, name: str = ROOT) -> Action:
        """Wait until an action has ended."""
        await until(lambda: self.action(run, name).phase.terminal, f"{name} has not ended")
        return self.action(run, name)

    async def advance(self, seconds: float) -> None:
        """Let time pass, and let the loops see it."""
        self.clock.at = Micros(self.clock.at + int(seconds * 1_000_000))
        for loop in self.server.loops:
            loop.poke()
        await asyncio.sleep(0)

    async def restart(self, executor: FakeExecutor | None = None) -> "World":
        """Another server on the same history; the first is gone as after `kill -9`."""
        for task in self.server._tasks:
            task.cancel()
        await asyncio.gather(*self.server._tasks, return_exceptions=True)
        await self.executor.stop()
        return await start(self.server.settings, self.store, executor or FakeExecutor(), self.clock)


_ENDS = {"succeeded", "failed", "aborted", "timed_out", "recovered"}


async def start(settings: Settings, store: Store, executor: FakeExecutor, clock: VirtualClock) -> World:
    stopped: list[str] = []
    server = Server(settings, store, executor, clock, stopped.append)
    await server.start()
    return World(server, store, executor, clock, server.asgi(), stopped)


@asynccontextmanager
async def world(
    home: Path, executor: FakeExecutor | None = None, store: Store | None = None, **settings: Any
) -> AsyncIterator[World]:
    """A server that starts before and stops after."""
    options = {"same_user": False, "idle_timeout_s": 0.0, **settings}
    made = await start(
        Settings(home=home, **options), store or MemoryStore(), executor or FakeExecutor(), VirtualClock()
    )
    try:
        yield made
    finally:
        await made.server.stop()


async def until(condition: Callable[[], object], otherwise: str = "it did not come to pass") -> None:
    """Wait for a condition, not for a time."""
    deadline = asyncio.get_running_loop().time() + PATIENCE_S
    while not condition():
        assert asyncio.get_running_loop().time() < deadline, otherwise
        await asyncio.sleep(0.002)


def task_spec(
    name: str = "env.double",
    *,
    flavor: str = "godwit",
    args: Sequence[str] = ("a0", "--inputs", "{{.input}}", "--outputs-path", "{{.outputPrefix}}"),
    outputs: Sequence[str] = ("o0",),
    cpu: str = "",
    gpu: str = "",
    cached: bool = False,
    retries: int = 0,
    backoff_s: int = 0,
    max_runtime_s: int = 0,
    max_queued_s: int = 0,
    deadline_s: int = 0,
    reuse: tuple[int, int] | None = None,
) -> task_definition_pb2.TaskSpec:
    """A task as a client declares it. `reuse` is (replicas, concurrency)."""
    meta = tasks_pb2.TaskMetadata(
        discoverable=cached,
        discovery_version="1",
        retries=literals_pb2.RetryStrategy(retries=retries),
        runtime=tasks_pb2.RuntimeMetadata(
            type=tasks_pb2.RuntimeMetadata.FLYTE_SDK, version="0.1.0", flavor=flavor
        ),
    )
    meta.retries.backoff.base.FromSeconds(backoff_s)
    meta.timeout.FromSeconds(max_runtime_s)
    meta.timeouts.queued_timeout.FromSeconds(max_queued_s)
    meta.timeouts.deadline.FromSeconds(deadline_s)
    integer = interface_pb2.Variable(type=types_pb2.LiteralType(simple=types_pb2.INTEGER))
    spec = task_definition_pb2.TaskSpec(
        task_template=tasks_pb2.TaskTemplate(
            type="python",
            metadata=meta,
            interface=interface_pb2.TypedInterface(
                inputs=interface_pb2.VariableMap(
                    variables=[interface_pb2.VariableEntry(key="x", value=integer)]
                ),
                outputs=interface_pb2.VariableMap(
                    variables=[interface_pb2.VariableEntry(key=each, value=integer) for each in outputs]
                ),
            ),
            container=tasks_pb2.Container(image="auto", args=args),
        )
    )
    spec.task_template.id.name = name
    spec.task_template.id.version = "v1"
    for what, amount in ((tasks_pb2.Resources.CPU, cpu), (tasks_pb2.Resources.GPU, gpu)):
        if amount:
            spec.task_template.container.resources.requests.add(name=what, value=amount)
    if reuse is not None:
        spec.task_template.reuse_policy.CopyFrom(
            tasks_pb2.ReusePolicy(max_replicas=reuse[0], concurrency=reuse[1], name="pool")
        )
    return spec


def child(name: str, x: int = 1, *, cache_key: str = "", **task: Any) -> worker_pb2.Child:
    """A call of a task inside another one."""
    spec = task_spec(**task).SerializeToString(deterministic=True)
    return worker_pb2.Child(
        name=name,
        kind="task",
        spec=spec,
        spec_sha256=specs.task_spec(spec).digest,
        inputs=worker_pb2.Payload(data=inputs(x=x).SerializeToString(), present=True),
        cache_key=cache_key,
    )


def ref(key: ActionKey) -> worker_pb2.ActionRef:
    return worker_pb2.ActionRef(
        project=key.run.project, domain=key.run.domain, run=key.run.name, action=key.name
    )


def integer(value: int) -> literals_pb2.Literal:
    primitive = literals_pb2.Primitive(integer=value)
    return literals_pb2.Literal(scalar=literals_pb2.Scalar(primitive=primitive))


def inputs(**values: int) -> common_pb2.Inputs:
    return common_pb2.Inputs(
        literals=[common_pb2.NamedLiteral(name=name, value=integer(value)) for name, value in values.items()]
    )


def outputs(value: int) -> bytes:
    literals = [common_pb2.NamedLiteral(name="o0", value=integer(value))]
    return common_pb2.Outputs(literals=literals).SerializeToString()


def value_of(data: bytes) -> int:
    """The one integer in serialized outputs."""
    return int(common_pb2.Outputs.FromString(data).literals[0].value.scalar.primitive.integer)


def given_x(attempt: FakeAttempt) -> int:
    """The input of an attempt."""
    assert attempt.launch.inputs is not None
    return int(common_pb2.Inputs.FromString(attempt.launch.inputs).literals[0].value.scalar.primitive.integer)


def cpus(count: float) -> ResourceRequest:
    return ResourceRequest(cpu=count, memory_bytes=8 << 30)
