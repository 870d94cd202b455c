"""What a request to the console asks for, checked: keys, filters, places in a log, reasons."""

import json
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request

from flyte_core.model import ActionKey, ActionName, InvalidArgument, Micros, NotFound, Phase, RunKey, RunMode
from flyte_core.store.ports import Role, RunQuery
from flyte_server.console import logfile

MAX_PAGE = 200
MAX_BODY = 4 << 20

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
    labels = [text for text in given.getlist("label") if text]
    mode = given.get("mode", "")
    return RunQuery(
        project=given.get("project"),
        domain=given.get("domain"),
        phases=phases,
        task_name=given.get("task") or None,
        created_by=given.get("owner") or None,
        labels=tuple((key, value) for key, _, value in (text.partition("=") for text in labels) if value),
        label_keys=tuple(text for text in labels if "=" not in text),
        created_after=Micros(number(given.get("after", "0"), "after") * 1000) or None,
        paused_only=given.get("paused") == "1",
        mode=RunMode(mode) if mode in set(RunMode) else None,
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


async def body(request: Request) -> dict[str, Any]:
    """The JSON object that a request carries. Pages of other sites cannot send this type unasked."""
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise InvalidArgument("Send JSON.", hint='For example {"reason": "wrong inputs"}.')
    data = b""
    async for chunk in request.stream():
        data += chunk
        if len(data) > MAX_BODY:
            raise InvalidArgument(f"The body is longer than {MAX_BODY} bytes.")
    try:
        given = json.loads(data or b"{}")
    except (ValueError, RecursionError) as error:
        raise InvalidArgument(f"The body is not JSON: {error}") from error
    if not isinstance(given, dict):
        raise InvalidArgument("The body must be an object.")
    return given


async def reason(request: Request) -> str:
    reason = (await body(request)).get("reason", "")
    if not isinstance(reason, str):
        raise InvalidArgument('The body must be an object with a text as "reason".')
    return reason.strip()[:1_000] or "Aborted in the console."


def again(given: Mapping[str, Any]) -> dict[str, Any]:
    """What is to be different in a new run."""
    for name in ("inputs", "labels", "env"):
        part = given.get(name)
        if part is not None and not isinstance(part, dict):
            raise InvalidArgument(f"{name} must be an object.")
    for name in ("labels", "env"):
        if not all(isinstance(value, str) for value in (given.get(name) or {}).values()):
            raise InvalidArgument(f"Every value of {name} must be a text.")
    return {
        "inputs": given.get("inputs") or {},
        "recover": given.get("recover") is True,
        "overwrite_cache": given.get("overwrite_cache") is True,
        "labels": given.get("labels"),
        "env": given.get("env") or {},
    }
