"""Upload and download of blobs on signed addresses."""

from collections.abc import AsyncIterator, Awaitable, Callable

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from flyte_core.model import CoreError
from flyte_core.ports import Clock
from flyte_server.services.signing import Signer
from flyte_server.services.uploads import Uploads

_STATUS = {"invalid_argument": 400, "already_exists": 409, "resource_exhausted": 507, "not_found": 404}
_SANDBOX = {
    "Content-Security-Policy": "sandbox allow-scripts; default-src 'none'; "
    "script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:; font-src data:",
    "Cache-Control": "private, no-store",
}


def routes(uploads: Uploads, signer: Signer, clock: Clock) -> list[Route]:
    async def put(request: Request) -> Response:
        permission = signer.check("PUT", request.path_params["blob"], request.query_params, clock.now())
        if permission is None:
            return _forbidden()
        await uploads.put(permission, _body(request))
        return Response(status_code=200)

    async def get(request: Request) -> Response:
        permission = signer.check("GET", request.path_params["blob"], request.query_params, clock.now())
        if permission is None:
            return _forbidden()
        path = uploads.path(permission.path)
        if not path.is_file():
            return _problem(404, "not_found", f"There is no blob {permission.path}.")
        return FileResponse(path, headers=_SANDBOX)

    path = "/v2/blobs/{blob:path}"
    return [
        Route(path, _answer(put), methods=["PUT"]),
        Route(path, _answer(get), methods=["GET", "HEAD"]),
    ]


def _answer(handler: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    async def answered(request: Request) -> Response:
        try:
            return await handler(request)
        except CoreError as error:
            return _problem(_STATUS.get(error.code, 500), error.code, str(error))

    return answered


async def _body(request: Request) -> AsyncIterator[bytes]:
    async for chunk in request.stream():
        if chunk:
            yield chunk


def _forbidden() -> Response:
    return _problem(
        403, "permission_denied", "This address has expired or was altered. Run the command again."
    )


def _problem(status: int, code: str, message: str) -> Response:
    return JSONResponse({"code": code, "message": message}, status)
