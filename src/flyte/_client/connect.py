"""The Connect protocol, client side: unary calls and server streams with binary messages."""

import asyncio
import json
import os
import zlib
from collections.abc import AsyncGenerator, Mapping
from typing import Any, Generic, TypeVar

from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.descriptor_pb2 import MethodOptions
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass

from flyte._client.endpoint import Endpoint
from flyte._client.errors import RpcError, from_status, from_transport
from flyte._client.http import Http, TransportError
from flyte._client.retry import DEFAULT, FIRST, Patience
from flyte_core.frozen import frozen

Q = TypeVar("Q", bound=Message)
R = TypeVar("R", bound=Message)

_COMPRESS_OVER = 16 << 10
_COMPRESSED = 0x01
_END = 0x02
_GZIP = 31


@frozen
class Method(Generic[Q, R]):
    """One RPC. `repeatable`: doing it twice is doing it once."""

    path: str
    answer: type[R]
    repeatable: bool


def method(service: ServiceDescriptor, name: str, *, repeatable: bool = False) -> Method[Any, Any]:
    """The RPC `name` of a service, from its descriptor; reads are repeatable by declaration."""
    found = service.methods_by_name[name]
    reads = found.GetOptions().idempotency_level == MethodOptions.NO_SIDE_EFFECTS
    return Method(f"/{service.full_name}/{name}", GetMessageClass(found.output_type), repeatable or reads)


class Connect:
    """Calls to one server. Usable from any number of loops; holds no thread."""

    def __init__(self, endpoint: Endpoint, headers: Mapping[str, str] | None = None) -> None:
        self.endpoint = endpoint
        self.http = Http(endpoint)
        self._headers = dict(headers or {})

    async def unary(
        self,
        rpc: Method[Q, R],
        request: Q,
        *,
        timeout_s: float | None = 60.0,
        patience: Patience | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> R:
        """Call and answer. `timeout_s` bounds each try; `patience` says for how long to try again.

        By default a server that was reached before is given the time of a restart; one that was not, less.

        What is not repeatable is tried again only when the server cannot have seen it.

        Raises:
            RpcError: refused, or no answer in time.
        """
        body = request.SerializeToString()
        sent = self._request_headers("application/proto", timeout_s, headers)
        if len(body) > _COMPRESS_OVER and not self.endpoint.local:
            body = zlib.compress(body, 1, wbits=_GZIP)
            sent["content-encoding"] = "gzip"
        tries = (patience or (DEFAULT if self.http.reached else FIRST)).tries()
        while True:
            try:
                return await self._once(rpc, sent, body, timeout_s)
            except TransportError as error:
                final = error.hopeless or (error.sent and not rpc.repeatable)
                if final or not await tries.again():
                    raise from_transport(error) from error
            except RpcError as error:
                if not (error.retriable and rpc.repeatable) or not await tries.again():
                    raise

    async def stream(
        self,
        rpc: Method[Q, R],
        request: Q,
        *,
        silence_s: float | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> AsyncGenerator[R, None]:
        """The messages of a server stream, until the server ends it well.

        `silence_s`: hearing nothing for longer counts as a lost connection. Closing the iterator closes
        the stream.

        Raises:
            RpcError: refused, ended with an error, or cut (`unavailable`).
        """
        body = request.SerializeToString()
        envelope = b"\0" + len(body).to_bytes(4, "big") + body
        sent = self._request_headers("application/connect+proto", None, headers)
        try:
            async with self.http.stream("POST", rpc.path, sent, envelope, silence_s=silence_s) as (
                answer,
                chunks,
            ):
                if answer.status != 200:
                    raise _refusal(
                        answer.status,
                        b"".join([chunk async for chunk in chunks]),
                        f"{self.endpoint.url}{rpc.path}",
                    )
                buffer = bytearray()
                async for chunk in chunks:
                    buffer += chunk
                    for flags, data in _envelopes(buffer):
                        if flags & _END:
                            _raise_end(data)
                            return
                        yield _parse(rpc.answer, data)
        except TransportError as error:
            raise from_transport(error) from error
        raise RpcError("unavailable", f"{rpc.path}: the stream was cut")

    async def aclose(self) -> None:
        """Close the idle connections of the running loop."""
        await self.http.aclose()

    async def _once(self, rpc: Method[Q, R], sent: dict[str, str], body: bytes, timeout_s: float | None) -> R:
        try:
            async with asyncio.timeout(timeout_s):
                answer, data = await self.http.request(
                    "POST", rpc.path, sent, body, repeatable=rpc.repeatable
                )
        except TimeoutError as error:
            raise RpcError("deadline_exceeded", f"{rpc.path}: no answer within {timeout_s} s") from error
        if answer.headers.get("content-encoding") == "gzip":
            data = zlib.decompress(data, wbits=_GZIP)
        if answer.status != 200:
            raise _refusal(answer.status, data, f"{self.endpoint.url}{rpc.path}")
        return _parse(rpc.answer, data)

    def _request_headers(
        self, content_type: str, timeout_s: float | None, extra: Mapping[str, str] | None
    ) -> dict[str, str]:
        headers = {
            "content-type": content_type,
            "connect-protocol-version": "1",
            "x-request-id": os.urandom(16).hex(),
            **self._headers,
        }
        if not self.endpoint.local:
            headers["accept-encoding"] = "gzip"
        if timeout_s is not None:
            headers["connect-timeout-ms"] = str(int(timeout_s * 1000))
        if extra:
            headers.update(extra)
        return headers


def _envelopes(buffer: bytearray) -> list[tuple[int, bytes]]:
    """The whole envelopes at the front of the buffer, taken out of it."""
    found: list[tuple[int, bytes]] = []
    start = 0
    while len(buffer) - start >= 5:
        end = start + 5 + int.from_bytes(buffer[start + 1 : start + 5], "big")
        if len(buffer) < end:
            break
        data = bytes(buffer[start + 5 : end])
        flags = buffer[start]
        found.append((flags, zlib.decompress(data, wbits=_GZIP) if flags & _COMPRESSED else data))
        start = end
    del buffer[:start]
    return found


def _parse(kind: type[R], data: bytes) -> R:
    try:
        return kind.FromString(data)
    except DecodeError as error:
        raise RpcError("internal", f"the server's {kind.DESCRIPTOR.name} cannot be read: {error}") from error


def _refusal(status: int, data: bytes, path: str) -> RpcError:
    try:
        said = json.loads(data)
    except ValueError:
        return from_status(status, path)
    if not isinstance(said, dict) or not isinstance(said.get("code"), str):
        return from_status(status, path)
    return RpcError(said["code"], str(said.get("message", "")))


def _raise_end(data: bytes) -> None:
    try:
        error = json.loads(data or b"{}").get("error")
    except (ValueError, AttributeError) as problem:
        raise RpcError("internal", "the stream's end cannot be read") from problem
    if error:
        raise RpcError(str(error.get("code", "unknown")), str(error.get("message", "")))
