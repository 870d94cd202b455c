"""The client's half of the Connect protocol, against a server that misbehaves on request."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator

import pytest
from tests.unit.remote.connect_fake import ConnectFake, Cut

from flyte._client.connect import Connect, method
from flyte._client.endpoint import parse_endpoint
from flyte._client.errors import RpcError
from flyte._client.retry import NONE, Patience, follow
from flyte_core.wire.godwit.v1 import worker_pb2

SERVICE = worker_pb2.DESCRIPTOR.services_by_name["WorkerService"]
REPORT = method(SERVICE, "Report")
ENQUEUE = method(SERVICE, "Enqueue", repeatable=True)
WATCH = method(SERVICE, "WatchChildren", repeatable=True)
BRIEF = Patience(5.0, base_s=0.01, cap_s=0.05)


def connect(fake: ConnectFake) -> Connect:
    return Connect(parse_endpoint(fake.url))


def names(response: worker_pb2.WatchChildrenResponse) -> list[str]:
    return [update.name for update in response.updates]


def updates(*children: str, seq: int = 0) -> bytes:
    response = worker_pb2.WatchChildrenResponse(seq=seq)
    response.updates.extend(worker_pb2.ChildUpdate(name=child) for child in children)
    return response.SerializeToString()


async def test_an_answer_comes_back_and_the_connection_serves_the_next_call() -> None:
    async def report(body: bytes) -> bytes:
        worker = worker_pb2.ReportRequest.FromString(body).worker_id
        return worker_pb2.ReportResponse(verdicts=[worker]).SerializeToString()

    async def enqueue(body: bytes) -> bytes:
        return b""

    async with ConnectFake({REPORT.path: report, ENQUEUE.path: enqueue}) as fake:
        client = connect(fake)
        answer = await client.unary(REPORT, worker_pb2.ReportRequest(worker_id="w1"))
        for _ in range(5):
            await client.unary(ENQUEUE, worker_pb2.EnqueueRequest())
        assert list(answer.verdicts) == ["w1"]
        assert fake.connections == 1
        assert fake.headers[0]["connect-protocol-version"] == "1"
        await client.aclose()


async def test_a_refusal_carries_code_and_words() -> None:
    async def report(body: bytes) -> bytes:
        raise RpcError("not_found", "no such run")

    async with ConnectFake({REPORT.path: report}) as fake:
        with pytest.raises(RpcError, match="no such run") as caught:
            await connect(fake).unary(REPORT, worker_pb2.ReportRequest())
        assert caught.value.code == "not_found"


async def test_something_else_on_that_port_is_named_as_such() -> None:
    async with ConnectFake() as fake:
        with pytest.raises(RpcError, match="address of a Flyte server") as caught:
            await connect(fake).unary(REPORT, worker_pb2.ReportRequest())
        assert caught.value.code == "unimplemented"


async def test_nobody_there_says_where_it_looked() -> None:
    fake = ConnectFake()
    await fake.start()
    await fake.stop()
    with pytest.raises(RpcError, match=f"cannot connect to http://localhost:{fake.port}"):
        await connect(fake).unary(REPORT, worker_pb2.ReportRequest(), patience=NONE)


async def test_a_server_that_restarts_is_waited_for() -> None:
    async def enqueue(body: bytes) -> bytes:
        return b""

    fake = ConnectFake({ENQUEUE.path: enqueue})
    await fake.start()
    client = connect(fake)
    await client.unary(ENQUEUE, worker_pb2.EnqueueRequest())
    await fake.stop()
    pending = asyncio.create_task(client.unary(ENQUEUE, worker_pb2.EnqueueRequest(), patience=BRIEF))
    await asyncio.sleep(0)
    async with fake:
        await pending
        await client.aclose()


async def test_what_may_not_be_done_twice_is_not_sent_twice() -> None:
    async def report(body: bytes) -> bytes:
        raise Cut

    async with ConnectFake({REPORT.path: report, ENQUEUE.path: report}) as fake:
        with pytest.raises(RpcError) as caught:
            await connect(fake).unary(REPORT, worker_pb2.ReportRequest(), patience=BRIEF)
        assert caught.value.code == "unavailable"
        assert fake.calls == [REPORT.path]
        with pytest.raises(RpcError):
            await connect(fake).unary(ENQUEUE, worker_pb2.EnqueueRequest(), patience=Patience(0.1, 0.01))
        assert fake.calls.count(ENQUEUE.path) > 1


async def test_a_silent_server_ends_in_a_deadline() -> None:
    async def report(body: bytes) -> bytes:
        await asyncio.sleep(60)
        return b""

    async with ConnectFake({REPORT.path: report}) as fake:
        with pytest.raises(RpcError) as caught:
            await connect(fake).unary(REPORT, worker_pb2.ReportRequest(), timeout_s=0.05)
        assert caught.value.code == "deadline_exceeded"


async def test_a_stream_gives_each_message_and_ends() -> None:
    async def watch(body: bytes) -> AsyncIterator[bytes]:
        yield updates("a")
        yield updates("b", "c" * 100_000)

    async with ConnectFake(streams={WATCH.path: watch}) as fake:
        seen = [names(m) async for m in connect(fake).stream(WATCH, worker_pb2.WatchChildrenRequest())]
        assert seen == [["a"], ["b", "c" * 100_000]]


async def test_a_stream_that_ends_with_an_error_raises_it() -> None:
    async def watch(body: bytes) -> AsyncIterator[bytes]:
        yield updates("a")
        raise RpcError("aborted", "another attempt holds the token")

    async with ConnectFake(streams={WATCH.path: watch}) as fake:
        stream = connect(fake).stream(WATCH, worker_pb2.WatchChildrenRequest())
        assert names(await anext(stream)) == ["a"]
        with pytest.raises(RpcError, match="another attempt"):
            await anext(stream)


async def test_a_cut_stream_is_no_end() -> None:
    async def watch(body: bytes) -> AsyncIterator[bytes]:
        yield updates("a")
        raise Cut

    async with ConnectFake(streams={WATCH.path: watch}) as fake:
        stream = connect(fake).stream(WATCH, worker_pb2.WatchChildrenRequest())
        await anext(stream)
        with pytest.raises(RpcError) as caught:
            await anext(stream)
        assert caught.value.code == "unavailable"


async def test_silence_on_a_stream_counts_as_a_cut() -> None:
    async def watch(body: bytes) -> AsyncIterator[bytes]:
        yield updates("a")
        await asyncio.sleep(60)

    async with ConnectFake(streams={WATCH.path: watch}) as fake:
        stream = connect(fake).stream(WATCH, worker_pb2.WatchChildrenRequest(), silence_s=0.05)
        await anext(stream)
        with pytest.raises(RpcError, match="no word"):
            await anext(stream)


async def test_a_followed_stream_goes_on_after_a_restart_where_it_was() -> None:
    async def watch(body: bytes) -> AsyncIterator[bytes]:
        after = worker_pb2.WatchChildrenRequest.FromString(body).after_seq
        yield updates(f"n{after + 1}", seq=after + 1)
        if after < 3:
            raise Cut

    async with ConnectFake(streams={WATCH.path: watch}) as fake:
        client = connect(fake)
        seen: list[int] = []

        def again() -> AsyncGenerator[worker_pb2.WatchChildrenResponse, None]:
            return client.stream(WATCH, worker_pb2.WatchChildrenRequest(after_seq=seen[-1] if seen else 0))

        async for message in follow(again, BRIEF):
            seen += [message.seq]
        assert seen == [1, 2, 3, 4]


async def test_leaving_a_stream_closes_its_connection() -> None:
    gone = asyncio.Event()

    async def watch(body: bytes) -> AsyncIterator[bytes]:
        try:
            while True:
                yield updates("a")
                await asyncio.sleep(0.01)
        finally:
            gone.set()

    async with ConnectFake(streams={WATCH.path: watch}) as fake:
        stream = connect(fake).stream(WATCH, worker_pb2.WatchChildrenRequest())
        async with contextlib.aclosing(stream):
            async for _ in stream:
                break
        await fake.stop()
        await asyncio.wait_for(gone.wait(), 5)


def test_connections_do_not_outlive_a_loop_that_ends() -> None:
    async def enqueue(body: bytes) -> bytes:
        return b""

    fake = ConnectFake({ENQUEUE.path: enqueue})
    client = Connect(parse_endpoint("http://localhost:1"))
    for _ in range(2):
        fake.port = 0

        async def once() -> None:
            await fake.start()
            client.http.endpoint = parse_endpoint(fake.url)
            await asyncio.gather(*(client.unary(ENQUEUE, worker_pb2.EnqueueRequest()) for _ in range(20)))
            await fake.stop()

        asyncio.run(once())


@pytest.mark.parametrize(
    ("text", "insecure", "url"),
    [
        ("localhost:4290", None, "http://localhost:4290"),
        ("127.0.0.1:4290", None, "http://127.0.0.1:4290"),
        ("dns:///flyte.example.com", None, "https://flyte.example.com"),
        ("dns:///flyte.example.com:81", True, "http://flyte.example.com:81"),
        ("http://example.com", False, "http://example.com"),
        ("https://localhost:8443/", None, "https://localhost:8443"),
        ("[::1]:4290", None, "http://[::1]:4290"),
    ],
)
def test_endpoints_are_read_in_every_form(text: str, insecure: bool | None, url: str) -> None:
    assert parse_endpoint(text, insecure=insecure).url == url


@pytest.mark.parametrize("text", ["", "http://", "ftp://x", "localhost:port", "http://x/path"])
def test_what_is_no_endpoint_is_refused_by_name(text: str) -> None:
    with pytest.raises(ValueError, match="endpoint"):
        parse_endpoint(text)
