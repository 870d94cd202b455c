"""What a request to the console asks for, checked: keys, filters, places in a log, reasons."""

import json

from starlette.requests import Request

from flyte_core.model import ActionKey, ActionName, InvalidArgument, NotFound, Phase, RunKey
from flyte_core.store.ports import Role, RunQuery
from flyte_server.console import logfile

MAX_PAGE = 200
MAX_BODY = 64 << 10

ROLES: tuple[Role, Role] = ("inputs", "outputs")


def run_key(request: Request) -> RunKey:
    path = request.path_params
    return RunKey(path["project"], path["domain"], path["run"])


def action_key(request: Request) -> ActionKey:
    return ActionKey(run_key(request), ActionName(request.path_params["action"]))


def role(request: Request) -> Role:
    for role in ROLES:
        if request.path_params["role"] == role:
            return role
    raise NotFound("An action has `inputs` and `outputs`.")


def run_query(request: Request) -> RunQuery:
    given = request.query_params
    names = [name for part in given.getlist("phase") for name in part.split(",") if name]
    try:
        phases = tuple(Phase(name) for name in names)
    except ValueError as error:
        raise InvalidArgument(str(error), hint=f"Phases are {', '.join(Phase)}.") from error
    limit = number(given.get("limit", "50"), "limit")
    return RunQuery(
        project=given.get("project"),
        domain=given.get("domain"),
        phases=phases,
        task_name=given.get("task") or None,
        search=given.get("q", "")[:200],
        limit=max(1, min(limit, MAX_PAGE)),
        cursor=given.get("cursor", ""),
    )


def number(text: str, name: str) -> int:
    if not text.isdecimal() or len(text) > 15:
        raise InvalidArgument(f"{name} must be a number, not {text!r}.")
    return int(text)


def attempt(request: Request) -> int:
    """The attempt asked for; 0 for the latest."""
    return min(number(request.query_params.get("attempt", "0"), "attempt"), 1_000_000)


def position(text: str) -> logfile.Position:
    offset, _, line = text.partition(".")
    return logfile.Position(number(offset, "after"), number(line or "0", "after"))


async def reason(request: Request) -> str:
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise InvalidArgument("Send the reason as JSON.", hint='For example {"reason": "wrong inputs"}.')
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise InvalidArgument("The reason is too long.")
    try:
        given = json.loads(body or b"{}")
    except ValueError as error:
        raise InvalidArgument(f"The body is not JSON: {error}") from error
    reason = given.get("reason", "") if isinstance(given, dict) else None
    if not isinstance(reason, str):
        raise InvalidArgument('The body must be an object with a text as "reason".')
    return reason.strip()[:1_000] or "Aborted in the console."
