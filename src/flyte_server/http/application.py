"""One ASGI application: calls, blobs, status, the console, and the gate in front of all of them."""

from collections.abc import Sequence

from starlette.applications import Starlette
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from flyte_server.http.security import Gate
from flyte_server.rpc.endpoints import RpcGateway
from flyte_server.services.activity import Activity

_RPC = ("/flyteidl2.", "/godwit.")


class Application:
    """Sends calls to the gateway and everything else to the routes; both count as activity."""

    def __init__(self, gateway: RpcGateway, routes: Sequence[BaseRoute], activity: Activity) -> None:
        self._gateway = gateway
        self._pages = Starlette(routes=list(routes))
        self._activity = activity

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] in ("/healthz", "/metrics"):
            await self._pages(scope, receive, send)
            return
        with self._activity.request():
            app: ASGIApp = self._gateway if scope["path"].startswith(_RPC) else self._pages
            await app(scope, receive, send)


def gated(application: ASGIApp, allowed_hosts: Sequence[str], same_user: bool) -> ASGIApp:
    """The application as the world may see it."""
    return Gate(application, allowed_hosts, same_user)
