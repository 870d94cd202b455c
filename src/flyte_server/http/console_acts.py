"""What a person does in the console: abort, answer a question, run again."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from flyte_core.model import ActionKey, ActionKind, ActionName, FailedPrecondition, RunKey
from flyte_server.console import asked, forms, values
from flyte_server.console.context import ConsoleContext
from flyte_server.http.console_common import ACTION, RUN, Table, action_of, json_answer, view_of

Rerun = Callable[[ActionKey, Mapping[str, Any]], Awaitable[RunKey]]
"""Creates a run of what an action ran, with what a request says is different."""


class ConsoleActs:
    def __init__(self, context: ConsoleContext, rerun: Rerun) -> None:
        self._context = context
        self._rerun = rerun

    async def abort(self, request: Request) -> Response:
        run = asked.run_key(request)
        name = request.path_params.get("action")
        reason = await asked.reason(request)
        action = ActionName(name) if name is not None else None
        if action is None:
            await asyncio.to_thread(view_of, self._context.store, run)
        else:
            await asyncio.to_thread(action_of, self._context.store, ActionKey(run, action))
        await self._context.abort(run, action, reason)
        return json_answer({"aborted": True})

    async def answer(self, request: Request) -> Response:
        """Answer a condition: `{"value": ...}`."""
        key = asked.action_key(request)
        body = await asked.body(request)
        action = await asyncio.to_thread(action_of, self._context.store, key)
        await self._context.signal(key, forms.answer(action, body.get("value")))
        return json_answer({"answered": True})

    async def form(self, request: Request) -> Response:
        """The inputs of an action as a form, for running it again."""
        key = asked.action_key(request)

        def work() -> dict[str, object]:
            store = self._context.store
            action, record = action_of(store, key), view_of(store, key.run).record
            if action.kind is not ActionKind.TASK:
                raise FailedPrecondition(
                    f"{key.name} is a {action.kind}; only the call of a task can be run by itself.",
                    hint="Rerun the action that made it.",
                )
            data = values.raw(store, self._context.layout, action, "inputs") or b""
            return {
                "task_name": action.spec.task_name,
                "mode": record.mode.value,
                "fields": forms.fields(action, data),
                "labels": dict(record.labels),
                "env": dict(record.env),
            }

        return json_answer(await asyncio.to_thread(work))

    async def rerun(self, request: Request) -> Response:
        """Run an action again: `inputs`, `recover`, `overwrite_cache`, `labels`, `env`; all may be left out."""
        key = asked.action_key(request)
        body = await asked.body(request)
        new = await self._rerun(key, asked.again(body))
        return json_answer({"run": {"project": new.project, "domain": new.domain, "name": new.name}})

    def table(self) -> Table:
        return [
            (f"{RUN}/abort", self.abort, "POST"),
            (f"{ACTION}/abort", self.abort, "POST"),
            (f"{ACTION}/answer", self.answer, "POST"),
            (f"{ACTION}/form", self.form, "GET"),
            (f"{ACTION}/rerun", self.rerun, "POST"),
        ]
