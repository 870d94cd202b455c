"""Tells requests who is at the other end of their connection.

Asked once a connection, when it is made, and kept with it: its port may be somebody else's next.
"""

import asyncio
from typing import Any

from starlette.types import Scope
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from flyte_server.services.peers import Peer, find

_STATE_KEY = "peer"


def peer_of(scope: Scope) -> Peer | None:
    """The peer of a request's connection; None when it did not come over one."""
    found = scope.get("state", {}).get(_STATE_KEY)
    return found if isinstance(found, Peer) else None


class PeerProtocol(HttpToolsProtocol):
    """Looks the peer up when a connection is made and puts it into the state of its requests."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, dict(app_state), _loop)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.app_state[_STATE_KEY] = _of(transport)


def _of(transport: asyncio.Transport) -> Peer:
    ours, theirs = transport.get_extra_info("sockname"), transport.get_extra_info("peername")
    if ours is None or theirs is None:
        return Peer(None)
    return find(theirs[0], theirs[1], ours[0], ours[1])
