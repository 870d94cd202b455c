"""`/healthz` and `/metrics`: for people, scripts and Prometheus."""

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from flyte_server.services.metrics import Metrics


def routes(health: Callable[[], dict[str, object]], metrics: Metrics) -> list[Route]:
    async def healthz(request: Request) -> Response:
        return JSONResponse(health(), headers={"Cache-Control": "no-store"})

    async def metrics_text(request: Request) -> Response:
        return PlainTextResponse(metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    return [
        Route("/healthz", healthz, methods=["GET"]),
        Route("/metrics", metrics_text, methods=["GET"]),
    ]
