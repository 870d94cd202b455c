"""`flyteidl2.dataproxy.DataProxyService`: uploads, inputs and outputs, logs, downloads."""

import asyncio
import os
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

from flyteidl2.common import run_pb2
from flyteidl2.dataproxy import dataproxy_service_pb2
from flyteidl2.logs.dataplane import payload_pb2
from flyteidl2.task import task_definition_pb2

from flyte_core import files
from flyte_core.logs import LogLine
from flyte_core.model import ActionKey, InvalidArgument, Micros, NotFound
from flyte_core.wire import actions as wire
from flyte_server.rpc import ids
from flyte_server.rpc.endpoints import caller
from flyte_server.rpc.errors import Unimplemented
from flyte_server.rpc.runs import inputs_uri, outputs_uri, values_of
from flyte_server.services import caching, creation, loglines
from flyte_server.services.command import template_of
from flyte_server.services.context import ServerContext
from flyte_server.services.signing import LONGEST_S, Permission
from flyte_server.services.tasks import TaskId
from flyte_server.services.values import digest

_Request = dataproxy_service_pb2

EXISTS_HEADER = "x-godwit-exists"
"""Among the headers of an upload location: the content is there, and need not be sent."""
_MD5_BYTES = 16


class DataProxyService:
    def __init__(self, context: ServerContext) -> None:
        self._context = context

    async def create_upload_location(
        self, request: _Request.CreateUploadLocationRequest
    ) -> _Request.CreateUploadLocationResponse:
        project, domain = ids.name("project", request.project), ids.name("domain", request.domain)
        if len(request.content_md5) not in (0, _MD5_BYTES):
            raise InvalidArgument(f"content_md5 holds {len(request.content_md5)} bytes; an MD5 has 16.")
        root = request.filename_root
        if not root and not request.content_md5:
            raise InvalidArgument("An upload needs content_md5 or filename_root.")
        uploads = self._context.uploads
        blob = uploads.location(project, domain, root, request.content_md5, request.filename or "data")
        path = uploads.path(blob)
        md5, length = request.content_md5.hex(), request.content_length or None
        expires = self._expires(request.expires_in.ToTimedelta() if request.HasField("expires_in") else None)
        permission = Permission("PUT", blob, expires, md5=md5, length=length)
        answer = _Request.CreateUploadLocationResponse(
            signed_url=self._context.signer.url(caller.get().base_url, permission),
            native_url=str(path),
            expires_at=wire.stamp(expires),
        )
        if bool(md5) and await asyncio.to_thread(uploads.holds, blob, md5, length):
            answer.headers[EXISTS_HEADER] = "1"
        return answer

    async def upload_inputs(self, request: _Request.UploadInputsRequest) -> _Request.UploadInputsResponse:
        project, domain = self._place(request)
        spec = self._spec(request)
        data = request.inputs.SerializeToString(deterministic=True)
        creation.check_inputs(data)
        hashed = caching.published_inputs_hash(
            data, frozenset(spec.task_template.metadata.cache_ignore_input_vars)
        )
        blobs = self._context.layout.blobs
        path = blobs / "offloaded" / project / domain / digest(data) / "inputs.pb"
        if not path.exists():
            await asyncio.to_thread(files.write, path, data)
        offloaded = run_pb2.OffloadedInputData(uri=str(path.parent), inputs_hash=hashed)
        return _Request.UploadInputsResponse(offloaded_input_data=offloaded)

    async def get_action_data(self, request: _Request.GetActionDataRequest) -> _Request.GetActionDataResponse:
        action = self._context.action(ids.action_key(request.action_id))
        inputs, outputs = await values_of(self._context, action)
        return _Request.GetActionDataResponse(
            inputs=inputs,
            outputs=outputs,
            inputs_uri=inputs_uri(self._context, action),
            outputs_uri=outputs_uri(action),
        )

    async def tail_logs(self, request: _Request.TailLogsRequest) -> AsyncIterator[_Request.TailLogsResponse]:
        key = ids.action_key(request.action_id)
        attempt = request.attempt or max(1, len(self._context.action(key).attempts))
        async for lines in loglines.tail(self._context, key, attempt):
            logs = _Request.TailLogsResponse.Logs(lines=[_line(line) for line in lines])
            yield _Request.TailLogsResponse(logs=[logs])

    async def create_download_link(
        self, request: _Request.CreateDownloadLinkRequest
    ) -> _Request.CreateDownloadLinkResponse:
        if request.WhichOneof("source") != "action_attempt_id":
            raise Unimplemented("Downloads are of an action's attempt here, not of apps or tasks.")
        key = ids.action_key(request.action_attempt_id.action_id)
        attempt = request.action_attempt_id.attempt
        match request.artifact_type:
            case _Request.ARTIFACT_TYPE_REPORT:
                path = self._report(key, attempt)
            case _Request.ARTIFACT_TYPE_CODE_BUNDLE:
                path = self._bundle(key)
            case _:
                raise InvalidArgument("A download is of a report or of a code bundle.")
        asked = request.expires_in.ToTimedelta() if request.HasField("expires_in") else None
        expires = self._expires(asked)
        permission = Permission("GET", self._blob_of(path), expires)
        url = self._context.signer.url(caller.get().base_url, permission)
        signed = _Request.PreSignedURLs(signed_url=[url], expires_at=wire.stamp(expires))
        return _Request.CreateDownloadLinkResponse(pre_signed_urls=signed)

    def _expires(self, asked: timedelta | None) -> Micros:
        seconds = LONGEST_S if asked is None else min(max(asked.total_seconds(), 1.0), LONGEST_S)
        return Micros(self._context.clock.now() + int(seconds * 1_000_000))

    def _place(self, request: _Request.UploadInputsRequest) -> tuple[str, str]:
        if request.WhichOneof("id") == "run_id":
            run = request.run_id
            return ids.name("project", run.project), ids.name("domain", run.domain)
        return ids.project(request.project_id)

    def _spec(self, request: _Request.UploadInputsRequest) -> task_definition_pb2.TaskSpec:
        if request.WhichOneof("task") == "task_id":
            return self._context.tasks.get(TaskId(*ids.task(request.task_id))).message()
        return request.task_spec

    def _report(self, key: ActionKey, attempt: int) -> Path:
        action = self._context.action(key)
        number = attempt or max(1, len(action.attempts))
        path = self._context.layout.attempt(key, number) / "report.html"
        if not path.is_file():
            raise NotFound(
                f"Attempt {number} of action {key.name} has no report.",
                hint="Declare the task with report=True and flush a report in it.",
            )
        return path

    def _bundle(self, key: ActionKey) -> Path:
        code = template_of(self._context.action(key)).code
        if not code:
            raise NotFound(f"Action {key.name} was started without a code bundle.")
        path = self._context.values.inside(code)
        if not path.is_file():
            raise NotFound(f"The code bundle of action {key.name} is no longer at {code}.")
        return path

    def _blob_of(self, path: Path) -> str:
        layout = self._context.layout
        for root, prefix in ((layout.blobs, ""), (layout.home / "runs", "runs/")):
            if path.is_relative_to(os.path.realpath(root)) or path.is_relative_to(root):
                base = root if path.is_relative_to(root) else Path(os.path.realpath(root))
                return f"{prefix}{path.relative_to(base)}"
        raise InvalidArgument(f"{path} is neither an upload nor a run's file.")


def _line(line: LogLine) -> payload_pb2.LogLine:
    return payload_pb2.LogLine(
        timestamp=wire.stamp(line.at),
        message=f"{line.text}\n",
        originator=payload_pb2.SYSTEM if line.stream == "s" else payload_pb2.USER,
    )
