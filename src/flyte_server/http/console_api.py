"""The console's data over HTTP: lists, snapshots, the live stream and values.

Same-origin checks stand in front of every route (the application's middleware), so nothing here
trusts or answers another site.
"""

import asyncio
import gzip
import json
from functools import lru_cache

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from flyte_core.model import ActionKey, ActionName, NotFound
from flyte_server.console import asked, stream, values
from flyte_server.console.context import ConsoleContext
from flyte_server.console.details import action_detail, run_detail, run_row
from flyte_server.console.graphs import Graphs
from flyte_server.console.snapshots import Snapshot, Snapshots
from flyte_server.http.console_acts import ConsoleActs, Rerun
from flyte_server.http.console_common import (
    ACTION,
    PREFIX,
    RUN,
    SSE,
    Table,
    action_of,
    answered,
    attachment,
    json_answer,
    view_of,
)
from flyte_server.http.console_depth import ConsoleDepth
from flyte_server.http.console_logs import ConsoleLogs

MAX_LABELS = 100
_PACKED = 256 << 10
"""A snapshot of so many bytes is sent compressed."""


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
        return StreamingResponse(body, headers=SSE, media_type="text/event-stream")

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
        *ConsoleActs(context, rerun).table(),
        *ConsoleDepth(context).table_of_routes(),
        *ConsoleLogs(context).table(),
    ]
    listed = [Route(path, answered(handler), methods=[method]) for path, handler, method in table]
    everything = ["GET", "POST", "PUT", "PATCH", "DELETE"]
    return [*listed, Route(f"{PREFIX}/{{rest:path}}", answered(_unknown), methods=everything)]


async def _unknown(request: Request) -> Response:
    raise NotFound(f"The console's API has no {request.method} {request.url.path}.")


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
