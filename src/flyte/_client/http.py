"""HTTP/1.1 over asyncio: pooled exchanges and streamed bodies, on whichever loop is running.

No thread, no state shared between loops, nothing at import beyond asyncio: a process forked after
this module was loaded can use it, and one that exits in the middle of an exchange just exits.
"""

import asyncio
import contextlib
import os
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

import httptools

from flyte._client.endpoint import Endpoint

_HIGH_WATER = 1 << 20
"""Bytes of a streamed body held unread before the socket is left alone."""

_MAX_CONNECTIONS = 64
_CONNECT_S = 4.0
"""So long an address may take to answer at all."""
"""Exchanges at a time on one loop; streams are not counted."""

_IDLE_S = 4.0
"""How long an unused connection is kept: shorter than servers keep theirs."""


class TransportError(Exception):
    """The exchange did not come to an answer.

    `sent`: the server may have seen the request. `hopeless`: trying again will not help.
    """

    def __init__(self, message: str, *, sent: bool, hopeless: bool = False) -> None:
        super().__init__(message)
        self.sent = sent
        self.hopeless = hopeless


@dataclass(slots=True)
class Answer:
    """Status and headers; names in lower case."""

    status: int
    headers: dict[str, str]


class _Connection(asyncio.Protocol):
    """One connection, one exchange at a time."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.idle_since = 0.0
        self.used = False
        self.silence_s: float | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._waiter: asyncio.Future[None] | None = None
        self._chunks: deque[bytes] = deque()
        self._held = 0
        self._paused = False
        self._headers: dict[str, str] = {}
        self._answer: Answer | None = None
        self._complete = False
        self._keep = False
        self._lost: str | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._lose(f"the answer is not HTTP ({error})")
        self._wake()

    def eof_received(self) -> None:
        self._end("the server closed the connection")

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(str(exc) if exc else "the connection was closed")

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status >= 200:
            self._answer = Answer(status, self._headers)
        self._headers = {}

    def on_body(self, body: bytes) -> None:
        self._chunks.append(body)
        self._held += len(body)
        if self._held > _HIGH_WATER and not self._paused and self.transport is not None:
            self._paused = True
            self.transport.pause_reading()

    def on_message_complete(self) -> None:
        if self._answer is not None:
            self._complete = True
            self._keep = self._parser.should_keep_alive()

    @property
    def usable(self) -> bool:
        return self._lost is None and self.transport is not None and not self.transport.is_closing()

    @property
    def reusable(self) -> bool:
        return self._complete and self._keep and self.usable

    def send(self, data: list[bytes]) -> None:
        """Begin an exchange."""
        assert self.transport is not None
        self._answer, self._complete, self._keep = None, False, False
        self._chunks.clear()
        self._held = 0
        self.transport.writelines(data)

    async def answer(self) -> Answer:
        """Status and headers, once they are here."""
        while self._answer is None:
            await self._wait()
        return self._answer

    async def body(self) -> bytes:
        """All of the body."""
        parts = [chunk async for chunk in self.chunks()]
        return parts[0] if len(parts) == 1 else b"".join(parts)

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body as it comes."""
        while True:
            while self._chunks:
                chunk = self._chunks.popleft()
                self._held -= len(chunk)
                yield chunk
            if self._complete:
                return
            if self._paused and self.transport is not None:
                self._paused = False
                self.transport.resume_reading()
            await self._wait()

    def close(self) -> None:
        if self.transport is not None:
            self.transport.abort()

    async def _wait(self) -> None:
        if self._lost is not None:
            raise TransportError(self._lost, sent=True)
        loop = asyncio.get_running_loop()
        self._waiter = loop.create_future()
        alarm = None
        if self.silence_s is not None:
            alarm = loop.call_later(self.silence_s, self._lose, f"no word from it for {self.silence_s} s")
        try:
            await self._waiter
        finally:
            self._waiter = None
            if alarm is not None:
                alarm.cancel()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _end(self, reason: str) -> None:
        answer = self._answer
        if answer is not None and not self._complete:
            framed = "content-length" in answer.headers or "transfer-encoding" in answer.headers
            self._complete = not framed
        self._lose(reason)

    def _lose(self, reason: str) -> None:
        if self._lost is None:
            self._lost = reason
        self._wake()


@dataclass(slots=True, eq=False)
class _Pool:
    """The idle connections of one loop."""

    slots: asyncio.Semaphore
    idle: list[_Connection] = field(default_factory=list)
    guard: AsyncGenerator[None, None] | None = None

    def close(self) -> None:
        for connection in self.idle:
            connection.close()
        self.idle.clear()


async def _guard(pool: _Pool) -> AsyncGenerator[None, None]:
    """Closed by the loop's own shutdown, so that no connection outlives its loop."""
    try:
        yield
    finally:
        pool.close()
        await asyncio.sleep(0)


class Http:
    """Exchanges with one endpoint."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.reached = False
        """Whether there has been a connection."""
        self._pools: WeakKeyDictionary[asyncio.AbstractEventLoop, _Pool] = WeakKeyDictionary()

    async def request(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes,
        *,
        repeatable: bool = True,
    ) -> tuple[Answer, bytes]:
        """One exchange, whole.

        A kept connection may turn out to have died while it lay idle: then a `repeatable` request is
        sent again on a new one. What may not be sent twice never uses a kept connection.

        Raises:
            TransportError: no whole answer came.
        """
        pool = await self._pool()
        async with pool.slots:
            connection = await self._send(pool, method, path, headers, body, repeatable)
            try:
                answer = await connection.answer()
                data = await connection.body()
            finally:
                self._release(pool, connection)
            return answer, data

    @contextlib.asynccontextmanager
    async def stream(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes,
        *,
        silence_s: float | None = None,
    ) -> AsyncIterator[tuple[Answer, AsyncIterator[bytes]]]:
        """An exchange whose body is read as it comes, on a connection of its own.

        `silence_s`: hearing nothing for longer counts as a lost connection.
        """
        pool = await self._pool()
        connection = await self._send(pool, method, path, headers, body)
        connection.silence_s = silence_s
        try:
            yield await connection.answer(), connection.chunks()
        finally:
            self._release(pool, connection)

    async def aclose(self) -> None:
        """Close the idle connections of the running loop."""
        pool = self._pools.pop(asyncio.get_running_loop(), None)
        if pool is not None and pool.guard is not None:
            await pool.guard.aclose()

    async def _send(
        self,
        pool: _Pool,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes,
        repeatable: bool = True,
    ) -> _Connection:
        """A connection on which the request was written; a kept one has begun to answer."""
        data = [self._head(method, path, headers, len(body))]
        if body:
            data.append(body)
        while True:
            connection = await self._connect(pool, kept=repeatable)
            fresh = not connection.used
            connection.used = True
            connection.send(data)
            if fresh:
                return connection
            try:
                await connection.answer()
            except TransportError:
                connection.close()
                continue
            except BaseException:
                connection.close()
                raise
            return connection

    def _head(self, method: str, path: str, headers: Mapping[str, str], size: int) -> bytes:
        lines = [f"{method} {path} HTTP/1.1", f"host: {self.endpoint.authority}", f"content-length: {size}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    async def _pool(self) -> _Pool:
        loop = asyncio.get_running_loop()
        pool = self._pools.get(loop)
        if pool is None:
            pool = self._pools[loop] = _Pool(asyncio.Semaphore(_MAX_CONNECTIONS))
            pool.guard = _guard(pool)
            await anext(pool.guard)
        return pool

    async def _connect(self, pool: _Pool, *, kept: bool) -> _Connection:
        loop = asyncio.get_running_loop()
        oldest = loop.time() - _IDLE_S
        while kept and pool.idle:
            connection = pool.idle.pop()
            if connection.usable and connection.idle_since >= oldest:
                return connection
            connection.close()
        problem: OSError | None = None
        for host in self.endpoint.addresses:
            try:
                async with asyncio.timeout(_CONNECT_S):
                    _, connection = await loop.create_connection(
                        _Connection, host, self.endpoint.port, ssl=self.endpoint.ssl_context()
                    )
            except OSError as error:
                problem = problem or error
            else:
                self.reached = True
                return connection
        refused = type(problem).__name__ == "SSLCertVerificationError"
        raise TransportError(
            f"cannot connect to {self.endpoint.url}: {_reason(problem)}", sent=False, hopeless=refused
        )

    def _release(self, pool: _Pool, connection: _Connection) -> None:
        connection.silence_s = None
        if connection.reusable and len(pool.idle) < _MAX_CONNECTIONS and pool.guard is not None:
            connection.idle_since = asyncio.get_running_loop().time()
            pool.idle.append(connection)
        else:
            connection.close()


def _reason(problem: OSError | None) -> str:
    """Why there is no connection, without what only programmers read."""
    if isinstance(problem, TimeoutError) and problem.errno is None:
        return f"no answer within {_CONNECT_S:g} s"
    if problem is None or problem.errno is None or problem.errno < 0:
        return str(getattr(problem, "strerror", None) or problem).lower()
    return os.strerror(problem.errno).lower()
