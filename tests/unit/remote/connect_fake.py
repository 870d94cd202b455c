"""A Connect server written by hand on bare sockets: it can answer, refuse, stall, cut and die."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

from flyte._client.errors import RpcError

Unary = Callable[[bytes], Awaitable[bytes]]
Streaming = Callable[[bytes], AsyncIterator[bytes]]


class Cut(Exception):
    """A handler raises this to drop the connection without a word."""


@dataclass
class ConnectFake:
    """Serves handlers by path, from `start` to `stop`; the port stays the same over restarts."""

    unary: dict[str, Unary] = field(default_factory=dict)
    streams: dict[str, Streaming] = field(default_factory=dict)
    puts: dict[str, bytes] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    connections: int = 0
    port: int = 0
    _server: asyncio.Server | None = None
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    async def start(self) -> "ConnectFake":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def stop(self) -> None:
        """As a killed process looks from outside: every connection gone, the port closed."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in self._writers:
            writer.transport.abort()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def __aenter__(self) -> "ConnectFake":
        return await self.start()

    async def __aexit__(self, *exc: object) -> None:
        await self.stop()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            while await self._exchange(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError, Cut, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()
            self._writers.discard(writer)
            self._tasks.discard(task)

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        verb, path, _ = head[0].split(" ")
        headers = {
            name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)
        }
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        self.calls.append(path)
        self.headers.append(headers)
        if verb == "PUT":
            self.puts[path] = body
            _respond(writer, 200, b"", "text/plain")
        elif path in self.streams:
            await self._stream(writer, self.streams[path](body[5:]))
        elif path in self.unary:
            try:
                _respond(writer, 200, await self.unary[path](body), "application/proto")
            except RpcError as error:
                _respond(writer, 409, _error(error), "application/json")
        else:
            _respond(writer, 404, b"no such page", "text/plain")
        await writer.drain()
        return True

    async def _stream(self, writer: asyncio.StreamWriter, messages: AsyncIterator[bytes]) -> None:
        writer.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: application/connect+proto\r\ntransfer-encoding: chunked\r\n\r\n"
        )
        end = b"{}"
        try:
            async for message in messages:
                _chunk(writer, b"\0" + len(message).to_bytes(4, "big") + message)
                await writer.drain()
        except RpcError as error:
            end = b'{"error":' + _error(error) + b"}"
        _chunk(writer, b"\x02" + len(end).to_bytes(4, "big") + end)
        writer.write(b"0\r\n\r\n")


def _respond(writer: asyncio.StreamWriter, status: int, body: bytes, kind: str) -> None:
    writer.write(
        f"HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body
    )


def _chunk(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")


def _error(error: RpcError) -> bytes:
    return json.dumps({"code": error.code, "message": error.message}).encode()
