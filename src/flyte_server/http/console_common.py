"""What the console's routes have in common: JSON answers, refusals, downloads, looking things up."""

from collections.abc import Awaitable, Callable
from functools import wraps

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from flyte_core.model import Action, ActionKey, CoreError, NotFound, RunKey, RunView
from flyte_core.store.ports import Reader

PREFIX = "/v2/api"
RUN = f"{PREFIX}/runs/{{project}}/{{domain}}/{{run}}"
ACTION = f"{RUN}/actions/{{action}}"

NO_STORE = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
SSE = {**NO_STORE, "X-Accel-Buffering": "no"}

_STATUS = {
    "not_found": 404,
    "invalid_argument": 400,
    "already_exists": 409,
    "failed_precondition": 409,
    "aborted": 409,
    "resource_exhausted": 429,
    "unavailable": 503,
}

Handler = Callable[[Request], Awaitable[Response]]
Table = list[tuple[str, Handler, str]]
"""Path, handler, method."""


def json_answer(content: object, status: int = 200) -> Response:
    return JSONResponse(content, status, headers=NO_STORE)


def answered(handler: Handler) -> Handler:
    """Turns what the core refuses into JSON with a message and the next step."""

    @wraps(handler)
    async def answer(request: Request) -> Response:
        try:
            return await handler(request)
        except CoreError as error:
            problem = {"code": error.code, "message": error.message, "hint": error.hint}
            return json_answer({"error": problem}, _STATUS.get(error.code, 500))

    return answer


def attachment(filename: str) -> dict[str, str]:
    """Headers of a download: nothing of it is ever shown as a page of ours."""
    safe = "".join(char if char.isascii() and (char.isalnum() or char in "-._") else "_" for char in filename)
    return {
        **NO_STORE,
        "Content-Disposition": f'attachment; filename="{safe}"',
        "Content-Security-Policy": "sandbox; default-src 'none'",
    }


def view_of(store: Reader, key: RunKey) -> RunView:
    view = store.run(key)
    if view is None:
        raise NotFound(
            f"There is no run {key.name!r} in {key.project}/{key.domain}.",
            hint="`flyte get run` lists the runs there are.",
        )
    return view


def action_of(store: Reader, key: ActionKey) -> Action:
    action = store.action(key)
    if action is None:
        raise NotFound(
            f"There is no action {key.name!r} in run {key.run.name!r}.",
            hint=f"`flyte get action {key.run.name}` lists its actions.",
        )
    return action
