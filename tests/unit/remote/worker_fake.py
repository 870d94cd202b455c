"""A server's half of `godwit.v1.WorkerService`, by hand: keeps children over restarts, runs nothing by itself."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from tests.unit.remote.connect_fake import ConnectFake

from flyte_core.wire.godwit.v1 import worker_pb2 as wire

PATH = "/godwit.v1.WorkerService/"

Decide = Callable[[wire.Child], wire.ChildUpdate | wire.Error | None]


@dataclass
class WorkerFake:
    """`decide` says what becomes of a child at once: an update (its outcome), an error (refused), None (open)."""

    decide: Decide
    connect: ConnectFake = field(default_factory=ConnectFake)
    children: dict[str, wire.ChildUpdate] = field(default_factory=dict)
    specs: set[str] = field(default_factory=set)
    batches: list[list[str]] = field(default_factory=list)
    with_spec: list[str] = field(default_factory=list)
    watches: list[int] = field(default_factory=list)
    aborted: list[str] = field(default_factory=list)
    seq: int = 0
    fail_enqueue: list[Exception] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.connect.unary[PATH + "Enqueue"] = self._enqueue
        self.connect.unary[PATH + "AbortChild"] = self._abort
        self.connect.streams[PATH + "WatchChildren"] = self._watch

    async def __aenter__(self) -> "WorkerFake":
        await self.connect.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.connect.stop()

    def end(self, update: wire.ChildUpdate) -> None:
        """What becomes of a child."""
        self.seq += 1
        update.seq = self.seq
        self.children[update.name] = update
        self.changed.set()
        self.changed = asyncio.Event()

    async def _enqueue(self, body: bytes) -> bytes:
        if self.fail_enqueue:
            raise self.fail_enqueue.pop(0)
        request = wire.EnqueueRequest.FromString(body)
        self.batches.append([child.name for child in request.children])
        answer = wire.EnqueueResponse()
        for index, child in enumerate(request.children):
            if child.spec:
                self.specs.add(child.spec_sha256)
                self.with_spec.append(child.name)
            elif child.spec_sha256 not in self.specs:
                answer.refused[index].CopyFrom(wire.Error(code="failed_precondition"))
                continue
            if child.name in self.children:
                continue
            outcome = self.decide(child)
            if isinstance(outcome, wire.Error):
                answer.refused[index].CopyFrom(outcome)
                continue
            self.end(outcome or wire.ChildUpdate(name=child.name, phase="queued"))
        return answer.SerializeToString()

    async def _abort(self, body: bytes) -> bytes:
        name = wire.AbortChildRequest.FromString(body).name
        self.aborted.append(name)
        self.end(wire.ChildUpdate(name=name, phase="aborted"))
        return b""

    async def _watch(self, body: bytes) -> AsyncIterator[bytes]:
        after = wire.WatchChildrenRequest.FromString(body).after_seq
        self.watches.append(after)
        first = True
        while True:
            changed = self.changed
            message = wire.WatchChildrenResponse(seq=self.seq, current=first)
            message.updates.extend(each for each in self.children.values() if each.seq > after)
            first, after = False, self.seq
            yield message.SerializeToString()
            await changed.wait()


def succeeded(child: wire.Child) -> wire.ChildUpdate:
    """Its outputs are its inputs."""
    return wire.ChildUpdate(name=child.name, phase="succeeded", outputs=child.inputs)
