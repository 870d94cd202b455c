"""Endpoints from descriptors: every method of a service, its codec, its errors and its metrics, in one way."""

import json
import re
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextvars import ContextVar
from typing import Any

from connectrpc.compat import google_protobuf_codecs
from connectrpc.errors import ConnectError
from connectrpc.method import IdempotencyLevel, MethodInfo, StreamType
from connectrpc.request import RequestContext
from connectrpc.server import ConnectASGIApplication, Endpoint
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from starlette.types import Receive, Scope, Send

from flyte_core.frozen import frozen
from flyte_server.http.peers import peer_of
from flyte_server.rpc.errors import Unimplemented, to_connect
from flyte_server.services.metrics import Metrics
from flyte_server.services.peers import Peer

READ_MAX_BYTES = 64 << 20


@frozen
class Caller:
    """Where the present call comes from."""

    peer: Peer | None = None
    base_url: str = ""
    """The address by which the client reaches this server."""


caller: ContextVar[Caller] = ContextVar("caller")

_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def snake(name: str) -> str:
    """`GetActionDataURIs` -> `get_action_data_uris`."""
    return _WORD.sub("_", name.replace("URIs", "Uris")).lower()


def endpoints(service: ServiceDescriptor, handler: object, metrics: Metrics) -> dict[str, Any]:
    """All methods of a service by path. Those that `handler` lacks answer `unimplemented`."""
    found: dict[str, Any] = {}
    for method in service.methods:
        path = f"/{service.full_name}/{method.name}"
        function = getattr(handler, snake(method.name), None)
        if method.client_streaming:
            continue  # the published interface has none that a client calls
        info = _info(service, method)
        if method.server_streaming:
            found[path] = Endpoint.server_stream(info, _stream(path, function, metrics))
        else:
            found[path] = Endpoint.unary(info, _unary(path, function, metrics))
    return found


class RpcApp(ConnectASGIApplication[object]):
    """One application for all services."""

    def __init__(self, table: Mapping[str, Any]) -> None:
        super().__init__(
            service=object(),
            endpoints=lambda _: table,
            read_max_bytes=READ_MAX_BYTES,
            codecs=google_protobuf_codecs(),
        )

    @property
    def path(self) -> str:
        return "/"


class RpcGateway:
    """Takes calls, and answers those to services and methods there are none of."""

    def __init__(self, tables: Iterable[Mapping[str, Any]]) -> None:
        self._table = {path: endpoint for table in tables for path, endpoint in table.items()}
        self._app = RpcApp(self._table)

    @property
    def paths(self) -> list[str]:
        return list(self._table)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] not in self._table:
            await _answer_unknown(scope, send)
            return
        host = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"host"), "")
        base_url = f"{scope.get('scheme', 'http')}://{host}"
        token = caller.set(Caller(peer_of(scope), base_url))
        try:
            await self._app(scope, receive, send)
        finally:
            caller.reset(token)


def _info(service: ServiceDescriptor, method: MethodDescriptor) -> MethodInfo[Any, Any]:
    return MethodInfo(
        name=method.name,
        service_name=service.full_name,
        input=GetMessageClass(method.input_type),
        output=GetMessageClass(method.output_type),
        idempotency_level=IdempotencyLevel.UNKNOWN,  # no method is served by GET
        stream_type=StreamType.SERVER_STREAM if method.server_streaming else StreamType.UNARY,
    )


def _unary(path: str, function: Callable[..., Any] | None, metrics: Metrics) -> Callable[..., Any]:
    async def call(request: Message, context: RequestContext[Any, Any]) -> Message:
        began, code = time.perf_counter(), "ok"
        try:
            if function is None:
                raise _unimplemented(path)
            answer: Message = await function(request)
            return answer
        except Exception as error:
            refused = to_connect(error, path)
            code = refused.code.value
            raise refused from error
        finally:
            metrics.count_rpc(path, code, time.perf_counter() - began)

    return call


def _stream(path: str, function: Callable[..., Any] | None, metrics: Metrics) -> Callable[..., Any]:
    async def call(request: Message, context: RequestContext[Any, Any]) -> AsyncIterator[Message]:
        began, code = time.perf_counter(), "ok"
        try:
            if function is None:
                raise _unimplemented(path)
            async for message in function(request):
                yield message
        except Exception as error:
            refused: ConnectError = to_connect(error, path)
            code = refused.code.value
            raise refused from error
        finally:
            metrics.count_rpc(path, code, time.perf_counter() - began)

    return call


def _unimplemented(path: str) -> Unimplemented:
    return Unimplemented(
        f"This server does not serve {path.lstrip('/')}.",
        hint="It runs tasks and keeps their history on one machine; see the documentation for what is left out.",
    )


async def _answer_unknown(scope: Scope, send: Send) -> None:
    """`unimplemented`, in the form the call's content type asks for."""
    error = to_connect(_unimplemented(scope["path"]), scope["path"])
    body = json.dumps({"code": error.code.value, "message": error.message}).encode()
    kind = next((value for name, value in scope["headers"] if name == b"content-type"), b"")
    status, headers = 501, [(b"content-type", b"application/json")]
    if kind.startswith(b"application/connect+"):
        body = json.dumps({"error": {"code": error.code.value, "message": error.message}}).encode()
        body = b"\x02" + len(body).to_bytes(4, "big") + body
        status, headers = 200, [(b"content-type", kind)]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
