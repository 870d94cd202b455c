"""The console's data over HTTP: lists, snapshots, the live stream, values, logs and abort.

Same-origin checks stand in front of every route (the application's middleware), so nothing here
trusts or answers another site.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import wraps

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from flyte_core.model import (
    Action,
    ActionKey,
    ActionName,
    AttemptState,
    CoreError,
    NotFound,
    RunKey,
    RunView,
)
from flyte_server.console import asked, logfile, stream, values
from flyte_server.console.context import ConsoleContext
from flyte_server.console.details import action_detail, run_detail, run_row
from flyte_server.console.graphs import Graphs
from flyte_server.console.snapshots import Snapshot, Snapshots

PREFIX = "/v2/api"

MAX_LABELS = 100
_LOG_PATIENCE_S = 0.25

_STATUS = {
    "not_found": 404,
    "invalid_argument": 400,
    "already_exists": 409,
    "failed_precondition": 409,
    "aborted": 409,
    "resource_exhausted": 429,
    "unavailable": 503,
}
_NO_STORE = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
_SSE = {**_NO_STORE, "X-Accel-Buffering": "no"}

Handler = Callable[[Request], Awaitable[Response]]


def _json(content: object, status: int = 200) -> Response:
    return JSONResponse(content, status, headers=_NO_STORE)


def _answer(handler: Handler) -> Handler:
    """Turns what the core refuses into JSON with a message and the next step."""

    @wraps(handler)
    async def answered(request: Request) -> Response:
        try:
            return await handler(request)
        except CoreError as error:
            problem = {"code": error.code, "message": error.message, "hint": error.hint}
            return _json({"error": problem}, _STATUS.get(error.code, 500))

    return answered


class ConsoleApi:
    """The handlers. Everything that touches the store or a file runs in a worker thread."""

    def __init__(self, context: ConsoleContext) -> None:
        self._context = context
        self._snapshots = Snapshots(context.store)
        self._graphs = Graphs(context.store)

    async def runs(self, request: Request) -> Response:
        query = asked.run_query(request)

        def work() -> dict[str, object]:
            store = self._context.store
            cursor = store.last_change() if not query.cursor else 0
            page = store.runs(query)
            return {
                "runs": [run_row(view, store.counts(view.record.key)) for view in page.runs],
                "cursor": page.cursor,
                "total": store.count_runs(query),
                "watch": cursor,
                "now_ms": self._context.clock.now() / 1000,
            }

        return _json(await asyncio.to_thread(work))

    async def run(self, request: Request) -> Response:
        key = asked.run_key(request)

        def work() -> dict[str, object]:
            view = self._view(key)
            detail = run_detail(view, self._context.store.counts(key))
            return {"run": detail, "now_ms": self._context.clock.now() / 1000}

        return _json(await asyncio.to_thread(work))

    async def snapshot(self, request: Request) -> Response:
        return _columns(request, await asyncio.to_thread(self._snapshots.get, asked.run_key(request)))

    async def graph(self, request: Request) -> Response:
        now = self._context.clock.now()
        return _columns(request, await asyncio.to_thread(self._graphs.get, asked.run_key(request), now))

    async def stream(self, request: Request) -> Response:
        topics = stream.parse(request.headers.get("last-event-id") or request.query_params.get("topics", ""))
        body = stream.events(self._context, topics)
        return StreamingResponse(body, headers=_SSE, media_type="text/event-stream")

    async def action(self, request: Request) -> Response:
        key = asked.action_key(request)

        def work() -> dict[str, object]:
            return {
                "action": action_detail(self._action(key), self._context.layout),
                "now_ms": self._context.clock.now() / 1000,
            }

        return _json(await asyncio.to_thread(work))

    async def labels(self, request: Request) -> Response:
        """Short inputs of up to `MAX_LABELS` actions, by id; unknown ids are left out."""
        run = asked.run_key(request)
        names = [name for name in request.query_params.get("actions", "").split(",") if name][:MAX_LABELS]

        def work() -> dict[str, object]:
            store = self._context.store
            actions = (store.action(ActionKey(run, ActionName(name))) for name in names)
            return {action.key.name: values.labels(store, action) for action in actions if action is not None}

        return _json({"labels": await asyncio.to_thread(work)})

    async def io(self, request: Request) -> Response:
        key = asked.action_key(request)

        def work() -> dict[str, object]:
            store, layout, action = self._context.store, self._context.layout, self._action(key)
            answer: dict[str, object] = {}
            for role in asked.ROLES:
                side = values.value_set(store, layout, action, role)
                answer[role] = {
                    "values": list(side.values),
                    "size_bytes": side.size_bytes,
                    "problem": side.problem,
                }
            return answer

        return _json(await asyncio.to_thread(work))

    async def download_value(self, request: Request) -> Response:
        """One value as a JSON file, or with no name the whole set as it is stored."""
        key = asked.action_key(request)
        role = asked.role(request)
        name = request.query_params.get("name")

        def work() -> tuple[bytes, str, str]:
            action = self._action(key)
            try:
                data = values.raw(self._context.store, self._context.layout, action, role)
            except OSError as error:
                raise NotFound(f"The {role} of {key.name} cannot be read: {error}") from error
            if data is None:
                raise NotFound(f"Action {key.name} has no {role}.")
            if name is None:
                return data, f"{key.run.name}-{key.name}-{role}.pb", "application/octet-stream"
            shown = values.named(data, role)
            if name not in shown:
                raise NotFound(f"Action {key.name} has no {role} called {name!r}.")
            text = json.dumps(shown[name], ensure_ascii=False, indent=2)
            return text.encode(), f"{key.run.name}-{key.name}-{name}.json", "application/json"

        data, filename, kind = await asyncio.to_thread(work)
        return Response(data, headers=_attachment(filename), media_type=kind)

    async def logs(self, request: Request) -> Response:
        key = asked.action_key(request)
        number = asked.attempt(request)
        after = request.query_params.get("after", "")
        action = await asyncio.to_thread(self._action, key)
        attempt = number or len(action.attempts) or 1
        path = self._context.layout.log(key, attempt)
        if after:
            position = asked.position(after)
        else:
            position = await asyncio.to_thread(logfile.start, path)
        return StreamingResponse(
            self._log_events(key, attempt, position), headers=_SSE, media_type="text/event-stream"
        )

    async def _log_events(
        self, key: ActionKey, attempt: int, position: logfile.Position
    ) -> AsyncIterator[bytes]:
        path = self._context.layout.log(key, attempt)
        begin = {"attempt": attempt, "first_line": position.line, "skipped_bytes": position.offset}
        yield _event("begin", begin)
        quiet = 0.0
        while not self._context.stopping:
            ended = await asyncio.to_thread(self._has_ended, key, attempt)
            batch = await asyncio.to_thread(logfile.read, path, position)
            position = batch.end
            if batch.lines:
                quiet = 0.0
                yield _event("lines", {"lines": batch.lines}, f"{position.offset}.{position.line}")
            if batch.more:
                continue
            if ended:
                rest = await asyncio.to_thread(logfile.cut, path, position)
                yield _event("end", {"cut": rest})
                return
            if quiet >= stream.BEAT_S:
                quiet = 0.0
                yield _event("beat", {})
            quiet += _LOG_PATIENCE_S
            await asyncio.sleep(_LOG_PATIENCE_S)

    def _has_ended(self, key: ActionKey, attempt: int) -> bool:
        action = self._context.store.action(key)
        if action is None or action.phase.terminal:
            return True
        return any(
            found.number == attempt and found.state is not AttemptState.LIVE for found in action.attempts
        )

    async def download_log(self, request: Request) -> Response:
        """The log as text; with `times=1` each line begins with its instant and stream."""
        key = asked.action_key(request)
        times = request.query_params.get("times") == "1"
        action = await asyncio.to_thread(self._action, key)
        attempt = asked.attempt(request) or len(action.attempts) or 1
        path = self._context.layout.log(key, attempt)

        async def body() -> AsyncIterator[bytes]:
            position = logfile.Position()
            while True:
                batch = await asyncio.to_thread(logfile.read, path, position)
                position = batch.end
                yield "".join(_text(line, times) for line in batch.lines).encode()
                if not batch.more:
                    rest = await asyncio.to_thread(logfile.cut, path, position)
                    yield _text(rest, times).encode() if rest else b""
                    return

        headers = _attachment(f"{key.run.name}-{key.name}-{attempt}.log")
        return StreamingResponse(body(), headers=headers, media_type="text/plain; charset=utf-8")

    async def abort(self, request: Request) -> Response:
        run = asked.run_key(request)
        name = request.path_params.get("action")
        reason = await asked.reason(request)
        action = ActionName(name) if name is not None else None

        def exists() -> None:
            if action is None:
                self._view(run)
            else:
                self._action(ActionKey(run, action))

        await asyncio.to_thread(exists)
        await self._context.abort(run, action, reason)
        return _json({"aborted": True})

    def _view(self, key: RunKey) -> RunView:
        view = self._context.store.run(key)
        if view is None:
            raise NotFound(
                f"There is no run {key.name!r} in {key.project}/{key.domain}.",
                hint="`flyte get run` lists the runs there are.",
            )
        return view

    def _action(self, key: ActionKey) -> Action:
        action = self._context.store.action(key)
        if action is None:
            raise NotFound(
                f"There is no action {key.name!r} in run {key.run.name!r}.",
                hint=f"`flyte get action {key.run.name}` lists its actions.",
            )
        return action


def routes(context: ConsoleContext) -> list[Route]:
    """The console's data routes, all below `/v2/api`."""
    api = ConsoleApi(context)
    run = f"{PREFIX}/runs/{{project}}/{{domain}}/{{run}}"
    action = f"{run}/actions/{{action}}"
    table: list[tuple[str, Handler, str]] = [
        (f"{PREFIX}/runs", api.runs, "GET"),
        (f"{PREFIX}/stream", api.stream, "GET"),
        (run, api.run, "GET"),
        (f"{run}/snapshot", api.snapshot, "GET"),
        (f"{run}/graph", api.graph, "GET"),
        (f"{run}/labels", api.labels, "GET"),
        (f"{run}/abort", api.abort, "POST"),
        (action, api.action, "GET"),
        (f"{action}/io", api.io, "GET"),
        (f"{action}/io/{{role}}", api.download_value, "GET"),
        (f"{action}/logs", api.logs, "GET"),
        (f"{action}/logs.txt", api.download_log, "GET"),
        (f"{action}/abort", api.abort, "POST"),
    ]
    listed = [Route(path, _answer(handler), methods=[method]) for path, handler, method in table]
    everything = ["GET", "POST", "PUT", "PATCH", "DELETE"]
    return [*listed, Route(f"{PREFIX}/{{rest:path}}", _answer(_unknown), methods=everything)]


async def _unknown(request: Request) -> Response:
    raise NotFound(f"The console's API has no {request.method} {request.url.path}.")


def _event(event: str, data: object, position: str = "") -> bytes:
    head = f"id: {position}\n" if position else ""
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=False)
    return f"{head}event: {event}\ndata: {text}\n\n".encode("utf-8", "replace")


def _text(line: logfile.Line, times: bool) -> str:
    _, at_ms, source, text = line
    return f"{at_ms / 1000:.3f} {source} {text}\n" if times else f"{text}\n"


def _columns(request: Request, snapshot: Snapshot) -> Response:
    headers = {"ETag": snapshot.etag, "Cache-Control": "private, no-cache", **_nosniff()}
    if request.headers.get("if-none-match") == snapshot.etag:
        return Response(status_code=304, headers=headers)
    return Response(snapshot.data, headers=headers, media_type="application/octet-stream")


def _nosniff() -> dict[str, str]:
    return {"X-Content-Type-Options": "nosniff"}


def _attachment(filename: str) -> dict[str, str]:
    safe = "".join(char if char.isascii() and (char.isalnum() or char in "-._") else "_" for char in filename)
    return {
        **_NO_STORE,
        "Content-Disposition": f'attachment; filename="{safe}"',
        "Content-Security-Policy": "sandbox; default-src 'none'",
    }
