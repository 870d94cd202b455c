"""One action in depth for the console: its report, its code, files and tables; and two runs compared.

A report is the user's HTML. It is never part of a page of ours: it comes with a policy that gives it
an origin of its own, without network and without a way to this API.
"""

import asyncio
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response

from flyte_core.dataflow.compare import compare
from flyte_core.model import Action, NotFound, RunKey
from flyte_core.store.ports import ActionQuery, Reader, Role
from flyte_core.wire.comparison import comparison_dict
from flyte_core.wire.literals import named
from flyte_server.console import asked, code, media, tasks, values
from flyte_server.console.context import ConsoleContext
from flyte_server.http.console_common import (
    ACTION,
    NO_STORE,
    PREFIX,
    RUN,
    Table,
    action_of,
    attachment,
    json_answer,
    view_of,
)

REPORTS = "/v2/_usercontent/{project}/{domain}/{run}/{action}/{attempt}/report.html"

REPORT_POLICY = "; ".join(
    (
        "sandbox allow-scripts allow-popups allow-downloads",
        "default-src 'none'",
        "script-src 'unsafe-inline' 'unsafe-eval'",
        "style-src 'unsafe-inline'",
        "img-src data: blob:",
        "media-src data: blob:",
        "font-src data:",
        "connect-src 'none'",
        "form-action 'none'",
        "base-uri 'none'",
        "frame-ancestors 'self'",
    )
)
_REPORT = {
    **NO_STORE,
    "Content-Security-Policy": REPORT_POLICY,
    "X-Frame-Options": "SAMEORIGIN",
    "Referrer-Policy": "no-referrer",
}
_PAGE = 5_000


class ConsoleDepth:
    def __init__(self, context: ConsoleContext) -> None:
        self._context = context

    async def report(self, request: Request) -> Response:
        key = asked.action_key(request)
        number = asked.number(request.path_params["attempt"], "attempt")
        await asyncio.to_thread(action_of, self._context.store, key)
        path = self._context.layout.attempt(key, number) / "report.html"
        if not await asyncio.to_thread(path.is_file):
            raise NotFound(
                f"Attempt {number} of action {key.name} has no report.",
                hint="Declare the task with report=True and log something to its report.",
            )
        return FileResponse(path, headers=_REPORT, media_type="text/html; charset=utf-8")

    async def files(self, request: Request) -> Response:
        action = await self._action(request)
        return json_answer(await asyncio.to_thread(code.listing, action, self._context.layout.home))

    async def source(self, request: Request) -> Response:
        action = await self._action(request)
        path = request.query_params.get("path", "")
        return json_answer(await asyncio.to_thread(code.text, action, self._context.layout.home, path))

    async def file(self, request: Request) -> Response:
        """A file that a value names; ranges are honoured, and it is never shown as a page."""
        found = await self._medium(request)
        path = await asyncio.to_thread(media.file_of, found, request.query_params.get("path", ""))
        return FileResponse(path, headers=attachment(path.name))

    async def entries(self, request: Request) -> Response:
        found = await self._medium(request)
        return json_answer(await asyncio.to_thread(media.entries, found))

    async def table(self, request: Request) -> Response:
        limit = asked.number(request.query_params.get("limit", "50"), "limit")
        found = await self._medium(request)
        return json_answer(await asyncio.to_thread(media.table, found, max(1, limit)))

    async def compare(self, request: Request) -> Response:
        run = asked.run_key(request)
        other = RunKey(run.project, run.domain, request.path_params["other"])

        def work() -> dict[str, object]:
            store = self._context.store
            a, b = view_of(store, run), view_of(store, other)
            found = compare(a, b, _actions(store, run), _actions(store, other))
            return comparison_dict(found, self._payload)

        return json_answer(await asyncio.to_thread(work))

    async def tasks(self, request: Request) -> Response:
        given = request.query_params
        found = await asyncio.to_thread(
            tasks.tasks, self._context.store, given.get("project"), given.get("domain")
        )
        return json_answer(found)

    def _payload(self, action: Action, role: Role) -> bytes | None:
        try:
            return values.raw(self._context.store, self._context.layout, action, role)
        except OSError:
            return None

    async def _action(self, request: Request) -> Action:
        return await asyncio.to_thread(action_of, self._context.store, asked.action_key(request))

    async def _medium(self, request: Request) -> media.Medium:
        action, role = await self._action(request), asked.role(request)
        name = request.query_params.get("name", "")

        def work() -> media.Medium | None:
            data = self._payload(action, role)
            home: Path = self._context.layout.home
            return next(
                (media.medium(each.value, home) for each in named(data or b"", role) if each.name == name),
                None,
            )

        found = await asyncio.to_thread(work)
        if found is None:
            raise NotFound(f"Action {action.key.name} has no file among its {role} called {name!r}.")
        return found

    def table_of_routes(self) -> Table:
        return [
            (REPORTS, self.report, "GET"),
            (f"{PREFIX}/tasks", self.tasks, "GET"),
            (f"{RUN}/compare/{{other}}", self.compare, "GET"),
            (f"{ACTION}/code", self.files, "GET"),
            (f"{ACTION}/code/file", self.source, "GET"),
            (f"{ACTION}/io/{{role}}/file", self.file, "GET"),
            (f"{ACTION}/io/{{role}}/entries", self.entries, "GET"),
            (f"{ACTION}/io/{{role}}/table", self.table, "GET"),
        ]


def _actions(store: Reader, run: RunKey) -> list[Action]:
    found: list[Action] = []
    cursor = ""
    while True:
        page = store.actions(run, ActionQuery(limit=_PAGE, cursor=cursor))
        found += page.actions
        cursor = page.cursor
        if not cursor:
            return found
