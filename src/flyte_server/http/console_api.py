"""The console's data over HTTP: lists, snapshots, the live stream, values and logs.

Same-origin checks stand in front of every route (the application's middleware), so nothing here
trusts or answers another site.
"""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from functools import lru_cache

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from flyte_core.model import ActionKey, ActionName, AttemptState, NotFound
from flyte_server.console import asked, logfile, stream, values
from flyte_server.console.context import ConsoleContext
from flyte_server.console.details import action_detail, run_detail, run_row
from flyte_server.console.graphs import Graphs
from flyte_server.console.snapshots import Snapshot, Snapshots
from flyte_server.http.console_acts import ConsoleActs, Rerun
from flyte_server.http.console_common import (
    ACTION,
    NO_STORE,
    PREFIX,
    RUN,
    Table,
    action_of,
    answered,
    attachment,
    json_answer,
    view_of,
)
from flyte_server.http.console_depth import ConsoleDepth

MAX_LABELS = 100
_LOG_PATIENCE_S = 0.25
_PACKED = 256 << 10
"""A snapshot of so many bytes is sent compressed."""
_SSE = {**NO_STORE, "X-Accel-Buffering": "no"}


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

        return json_answer(await asyncio.to_thread(work))

    async def run(self, request: Request) -> Response:
        key = asked.run_key(request)

        def work() -> dict[str, object]:
            view = view_of(self._context.store, key)
            detail = run_detail(view, self._context.store.counts(key))
            return {"run": detail, "now_ms": self._context.clock.now() / 1000}

        return json_answer(await asyncio.to_thread(work))

    async def snapshot(self, request: Request) -> Response:
        return await _columns(request, await asyncio.to_thread(self._snapshots.get, asked.run_key(request)))

    async def graph(self, request: Request) -> Response:
        now = self._context.clock.now()
        return await _columns(request, await asyncio.to_thread(self._graphs.get, asked.run_key(request), now))

    async def stream(self, request: Request) -> Response:
        topics = stream.parse(request.headers.get("last-event-id") or request.query_params.get("topics", ""))
        body = stream.events(self._context, topics)
        return StreamingResponse(body, headers=_SSE, media_type="text/event-stream")

    async def action(self, request: Request) -> Response:
        key = asked.action_key(request)

        def work() -> dict[str, object]:
            return {
                "action": action_detail(action_of(self._context.store, key), self._context.layout),
                "now_ms": self._context.clock.now() / 1000,
            }

        return json_answer(await asyncio.to_thread(work))

    async def labels(self, request: Request) -> Response:
        """Short inputs of up to `MAX_LABELS` actions, by id; unknown ids are left out."""
        run = asked.run_key(request)
        names = [name for name in request.query_params.get("actions", "").split(",") if name][:MAX_LABELS]

        def work() -> dict[str, object]:
            store = self._context.store
            actions = (store.action(ActionKey(run, ActionName(name))) for name in names)
            return {action.key.name: values.labels(store, action) for action in actions if action is not None}

        return json_answer({"labels": await asyncio.to_thread(work)})

    async def io(self, request: Request) -> Response:
        key = asked.action_key(request)

        def work() -> dict[str, object]:
            store, layout, action = (
                self._context.store,
                self._context.layout,
                action_of(self._context.store, key),
            )
            answer: dict[str, object] = {}
            for role in asked.ROLES:
                side = values.value_set(store, layout, action, role)
                answer[role] = {
                    "values": list(side.values),
                    "size_bytes": side.size_bytes,
                    "problem": side.problem,
                }
            return answer

        return json_answer(await asyncio.to_thread(work))

    async def download_value(self, request: Request) -> Response:
        """One value as a JSON file, or with no name the whole set as it is stored."""
        key = asked.action_key(request)
        role = asked.role(request)
        name = request.query_params.get("name")

        def work() -> tuple[bytes, str, str]:
            action = action_of(self._context.store, key)
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
        return Response(data, headers=attachment(filename), media_type=kind)

    async def logs(self, request: Request) -> Response:
        key = asked.action_key(request)
        number = asked.attempt(request)
        after = request.query_params.get("after", "")
        action = await asyncio.to_thread(action_of, self._context.store, key)
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
        action = await asyncio.to_thread(action_of, self._context.store, key)
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

        headers = attachment(f"{key.run.name}-{key.name}-{attempt}.log")
        return StreamingResponse(body(), headers=headers, media_type="text/plain; charset=utf-8")


def routes(context: ConsoleContext, rerun: Rerun) -> list[Route]:
    """The console's data routes, all below `/v2/api`, and the reports."""
    api = ConsoleApi(context)
    table: Table = [
        (f"{PREFIX}/runs", api.runs, "GET"),
        (f"{PREFIX}/stream", api.stream, "GET"),
        (RUN, api.run, "GET"),
        (f"{RUN}/snapshot", api.snapshot, "GET"),
        (f"{RUN}/graph", api.graph, "GET"),
        (f"{RUN}/labels", api.labels, "GET"),
        (ACTION, api.action, "GET"),
        (f"{ACTION}/io", api.io, "GET"),
        (f"{ACTION}/io/{{role}}", api.download_value, "GET"),
        (f"{ACTION}/logs", api.logs, "GET"),
        (f"{ACTION}/logs.txt", api.download_log, "GET"),
        *ConsoleActs(context, rerun).table(),
        *ConsoleDepth(context).table_of_routes(),
    ]
    listed = [Route(path, answered(handler), methods=[method]) for path, handler, method in table]
    everything = ["GET", "POST", "PUT", "PATCH", "DELETE"]
    return [*listed, Route(f"{PREFIX}/{{rest:path}}", answered(_unknown), methods=everything)]


async def _unknown(request: Request) -> Response:
    raise NotFound(f"The console's API has no {request.method} {request.url.path}.")


def _event(event: str, data: object, position: str = "") -> bytes:
    head = f"id: {position}\n" if position else ""
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=False)
    return f"{head}event: {event}\ndata: {text}\n\n".encode("utf-8", "replace")


def _text(line: logfile.Line, times: bool) -> str:
    _, at_ms, source, text = line
    return f"{at_ms / 1000:.3f} {source} {text}\n" if times else f"{text}\n"


async def _columns(request: Request, snapshot: Snapshot) -> Response:
    headers = {
        "ETag": snapshot.etag,
        "Cache-Control": "private, no-cache",
        "Vary": "Accept-Encoding",
        **_nosniff(),
    }
    if request.headers.get("if-none-match") == snapshot.etag:
        return Response(status_code=304, headers=headers)
    data = snapshot.data
    if len(data) >= _PACKED and "gzip" in request.headers.get("accept-encoding", ""):
        data = await asyncio.to_thread(_packed, data)
        headers["Content-Encoding"] = "gzip"
    return Response(data, headers=headers, media_type="application/octet-stream")


@lru_cache(maxsize=4)
def _packed(data: bytes) -> bytes:
    return gzip.compress(data, 1, mtime=0)


def _nosniff() -> dict[str, str]:
    return {"X-Content-Type-Options": "nosniff"}
