"""The gate in front of every route: the same account, a name that is ours, no other site's pages.

Listening on loopback keeps other machines out, not other accounts, and not web pages in the user's
own browser. So each connection must come from this account, each request must name this server
(against DNS rebinding), and a request that a browser sends for another site is refused.
"""

import os
from collections.abc import Iterable
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from flyte_server.http.peers import peer_of

_HEADERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
)
_LOCAL_NAMES: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})


class Gate:
    """Wraps the whole application."""

    def __init__(self, app: ASGIApp, allowed_hosts: Iterable[str] = (), same_user: bool = True) -> None:
        self._app = app
        self._hosts = _LOCAL_NAMES | {host.lower() for host in allowed_hosts}
        self._same_user = same_user
        self._uid = os.getuid()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "websocket":
                await receive()
                await send({"type": "websocket.close", "code": 1008})
            return
        refusal = self._refusal(scope)
        if refusal is not None:
            await _refuse(send, *refusal)
            return
        await self._app(scope, receive, _with_headers(send))

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        if self._same_user:
            peer = peer_of(scope)
            if peer is None or peer.uid != self._uid:
                return 403, "This server belongs to another account of this machine."
        headers = _Headers(scope["headers"])
        hosts = headers.all(b"host")
        if len(hosts) != 1 or not self._is_ours(hosts[0]):
            return 421, (
                "The Host header does not name this server. Use http://localhost:PORT, or start the "
                "server with --allow-host NAME."
            )
        if not _same_site(scope, headers, hosts[0]):
            return 403, "A page of another site may not call this server."
        return None

    def _is_ours(self, host: str) -> bool:
        name, colon, port = host.rpartition(":")
        if colon and not host.endswith("]"):
            return name.lower() in self._hosts and port.isascii() and port.isdecimal()
        return host.lower() in self._hosts


class _Headers:
    def __init__(self, raw: Iterable[tuple[bytes, bytes]]) -> None:
        self._raw = list(raw)

    def all(self, name: bytes) -> list[str]:
        return [value.decode("latin-1") for key, value in self._raw if key == name]

    def one(self, name: bytes) -> str | None:
        """The value; values given more than once never equal anything."""
        found = self.all(name)
        return ", ".join(found) if found else None


def _same_site(scope: Scope, headers: _Headers, host: str) -> bool:
    """Whether no other site's page makes the browser send this.

    Programs send neither header. A person who follows a link from elsewhere navigates: that may
    show a page, which no other site can frame or read.
    """
    site = headers.one(b"sec-fetch-site")
    if site is not None:
        if site in ("same-origin", "none"):
            return True
        return (
            scope["method"] in ("GET", "HEAD")
            and headers.one(b"sec-fetch-mode") == "navigate"
            and headers.one(b"sec-fetch-dest") == "document"
            and _is_page(scope["path"])
        )
    origin = headers.one(b"origin")
    return origin is None or origin.lower() in (f"http://{host.lower()}", f"https://{host.lower()}")


def _is_page(path: str) -> bool:
    if path in ("/", "/console", "/v2"):
        return True
    return path.startswith("/v2/") and not path.startswith(("/v2/api/", "/v2/blobs/"))


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = message.setdefault("headers", [])
            present = {bytes(name).lower() for name, _ in headers}
            message["headers"] = [*headers, *(each for each in _HEADERS if each[0] not in present)]
        await send(message)

    return sending


async def _refuse(send: Send, status: int, why: str) -> None:
    body = why.encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": [*headers, *_HEADERS]})
    await send({"type": "http.response.body", "body": body})
