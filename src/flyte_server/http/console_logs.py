"""Logs for the console: one attempt's as it is written, an older part of it, and those of all actions by time."""

import asyncio
import json
from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from flyte_core.model import ActionKey, AttemptState, RunKey
from flyte_server.console import asked, logfile, merged, stream
from flyte_server.console.context import ConsoleContext
from flyte_server.http.console_common import (
    ACTION,
    RUN,
    SSE,
    Table,
    action_of,
    attachment,
    json_answer,
    view_of,
)

_PATIENCE_S = 0.25
_PART = 2_000
_TEXT = "text/plain; charset=utf-8"


class ConsoleLogs:
    """The handlers. Files are read in worker threads, a bounded part at a time."""

    def __init__(self, context: ConsoleContext) -> None:
        self._context = context

    async def _attempt(self, request: Request) -> tuple[ActionKey, int]:
        """The action and the attempt that are asked for; without a number, the latest."""
        key = asked.action_key(request)
        action = await asyncio.to_thread(action_of, self._context.store, key)
        return key, asked.attempt(request) or len(action.attempts) or 1

    async def logs(self, request: Request) -> Response:
        key, attempt = await self._attempt(request)
        after = request.query_params.get("after", "")
        path = self._context.layout.log(key, attempt)
        if after:
            position = asked.position(after)
        else:
            position = await asyncio.to_thread(logfile.start, path)
        return StreamingResponse(
            self._log_events(key, attempt, position), headers=SSE, media_type="text/event-stream"
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
            quiet += _PATIENCE_S
            await asyncio.sleep(_PATIENCE_S)

    def _has_ended(self, key: ActionKey, attempt: int) -> bool:
        action = self._context.store.action(key)
        if action is None or action.phase.terminal:
            return True
        return any(
            found.number == attempt and found.state is not AttemptState.LIVE for found in action.attempts
        )

    async def download_log(self, request: Request) -> Response:
        """The log as text; with `times=1` each line begins with its instant and stream."""
        key, attempt = await self._attempt(request)
        times = request.query_params.get("times") == "1"
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
        return StreamingResponse(body(), headers=headers, media_type=_TEXT)

    async def part(self, request: Request) -> Response:
        """Lines from one on: what lies before the part that `logs` begins with."""
        key, attempt = await self._attempt(request)
        first = asked.number(request.query_params.get("line", "0"), "line")
        path = self._context.layout.log(key, attempt)
        return json_answer({"lines": await asyncio.to_thread(logfile.part, path, first, _PART)})

    async def search(self, request: Request) -> Response:
        """Which lines before one hold a text."""
        key, attempt = await self._attempt(request)
        given = request.query_params
        before = asked.number(given.get("before", "0"), "before")
        path = self._context.layout.log(key, attempt)
        found = await asyncio.to_thread(
            logfile.search, path, given.get("q", "")[:500], given.get("exact") == "1", before
        )
        return json_answer({"lines": found.lines, "found": found.found, "complete": found.complete})

    async def newest(self, request: Request) -> Response:
        limit = asked.number(request.query_params.get("limit", "2000"), "limit")
        return json_answer(await self._newest(request, min(limit or 1, merged.MAX_LINES)))

    async def download_merged(self, request: Request) -> Response:
        """The same as text, with more lines; the first says so when there are even more."""
        found = await self._newest(request, merged.MAX_DOWNLOAD)
        lines = [
            f"{at_ms / 1000:.3f} {action}/{attempt} {source} {text}\n"
            for at_ms, action, attempt, _, source, text in found["lines"]
        ]
        if not found["complete"]:
            lines.insert(0, f"# the newest {len(lines):,} lines; older ones are left out\n")
        headers = attachment(f"{request.path_params['run']}.log")
        return Response("".join(lines).encode("utf-8", "replace"), headers=headers, media_type=_TEXT)

    async def _newest(self, request: Request, limit: int) -> merged.Newest:
        run = asked.run_key(request)
        given = request.query_params
        level = given.get("level", "")
        wanted = merged.Wanted(
            text=given.get("q", "")[:500],
            level=level if level in merged.LEVELS else "",
            action=given.get("action", ""),
            begin=asked.number(given.get("from", "0"), "from") * 1000,
            end=asked.number(given.get("to", "0"), "to") * 1000,
            limit=limit,
        )
        return await asyncio.to_thread(self._read_newest, run, wanted)

    def _read_newest(self, run: RunKey, wanted: merged.Wanted) -> merged.Newest:
        view_of(self._context.store, run)
        return merged.newest(self._context.layout, run, wanted)

    def table(self) -> Table:
        return [
            (f"{ACTION}/logs", self.logs, "GET"),
            (f"{ACTION}/logs.txt", self.download_log, "GET"),
            (f"{ACTION}/logs/part", self.part, "GET"),
            (f"{ACTION}/logs/search", self.search, "GET"),
            (f"{RUN}/logs", self.newest, "GET"),
            (f"{RUN}/logs.txt", self.download_merged, "GET"),
        ]


def _event(event: str, data: object, position: str = "") -> bytes:
    head = f"id: {position}\n" if position else ""
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=False)
    return f"{head}event: {event}\ndata: {text}\n\n".encode("utf-8", "replace")


def _text(line: logfile.Line, times: bool) -> str:
    _, at_ms, source, text = line
    return f"{at_ms / 1000:.3f} {source} {text}\n" if times else f"{text}\n"
