"""Files that clients bring: signed addresses, whole files, nothing outside, nothing replaced."""

import hashlib
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from flyteidl2.common import identifier_pb2
from flyteidl2.dataproxy import dataproxy_service_pb2
from flyteidl2.workflow import run_service_pb2
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from server_world import DOMAIN, PROJECT, Answer, RpcError, World, http, inputs, outputs, task_spec, world

from flyte_core.layout import Layout
from flyte_core.model import InvalidArgument, Phase
from flyte_core.wire import actions as wire
from flyte_server.executors.fake import FakeAttempt, FakeExecutor
from flyte_server.rpc.dataproxy import EXISTS_HEADER
from flyte_server.services.uploads import Uploads

DATA = b"some code " * 1000
MD5 = hashlib.md5(DATA).digest()


async def locate(there: World, **changes: object) -> dataproxy_service_pb2.CreateUploadLocationResponse:
    request = dataproxy_service_pb2.CreateUploadLocationRequest(
        project=PROJECT,
        domain=DOMAIN,
        filename="code.tar.gz",
        content_md5=MD5,
        **changes,  # type: ignore[arg-type]
    )
    return await there.call(
        "dataproxy.DataProxyService/CreateUploadLocation",
        request,
        dataproxy_service_pb2.CreateUploadLocationResponse,
    )


async def put(there: World, url: str, *chunks: bytes) -> Answer:
    parts = urlsplit(url)
    return await http(there.app, "PUT", f"{parts.path}?{parts.query}", body=list(chunks) or [DATA])


async def test_an_upload_arrives_where_its_native_url_says(tmp_path: Path) -> None:
    async with world(tmp_path) as there:
        location = await locate(there, content_length=len(DATA))
        assert location.signed_url.startswith("http://localhost:4290/v2/blobs/uploads/")
        assert EXISTS_HEADER not in location.headers
        answer = await put(there, location.signed_url, DATA[:3000], DATA[3000:])
        assert answer.status == 200
        assert Path(location.native_url).read_bytes() == DATA
        assert Path(location.native_url).is_relative_to(tmp_path)
        again = await locate(there)
        assert again.headers[EXISTS_HEADER] == "1"
        assert again.native_url == location.native_url
        assert (await put(there, again.signed_url)).status == 200


async def test_the_clients_directory_stays_in_the_address(tmp_path: Path) -> None:
    async with world(tmp_path) as there:
        location = await locate(there, filename_root="0123abcd")
        assert "/0123abcd/" in location.native_url
        assert (await put(there, location.signed_url)).status == 200


async def test_other_content_than_announced_is_refused(tmp_path: Path) -> None:
    async with world(tmp_path) as there:
        location = await locate(there)
        answer = await put(there, location.signed_url, b"other")
        assert answer.status == 400
        assert b"damaged on its way" in answer.body
        assert not Path(location.native_url).exists()
        assert not list(Path(location.native_url).parent.iterdir())
        short = await locate(there, content_length=10)
        assert (await put(there, short.signed_url)).status == 400


async def test_a_blob_is_never_replaced(tmp_path: Path) -> None:
    async with world(tmp_path) as there:
        first = await locate(there, filename_root="dir")
        await put(there, first.signed_url)
        request = dataproxy_service_pb2.CreateUploadLocationRequest(
            project=PROJECT, domain=DOMAIN, filename="code.tar.gz", filename_root="dir"
        )
        second = await there.call(
            "dataproxy.DataProxyService/CreateUploadLocation",
            request,
            dataproxy_service_pb2.CreateUploadLocationResponse,
        )
        assert (await put(there, second.signed_url, b"other")).status == 409
        assert Path(first.native_url).read_bytes() == DATA


async def test_every_signed_part_counts(tmp_path: Path) -> None:
    async with world(tmp_path) as there:
        location = await locate(there, content_length=len(DATA))
        parts = urlsplit(location.signed_url)
        pairs = dict(pair.split("=") for pair in parts.query.split("&"))
        for name in pairs:
            altered = {**pairs, name: pairs[name][:-1] + ("0" if pairs[name][-1] != "0" else "1")}
            query = "&".join(f"{key}={value}" for key, value in altered.items())
            assert (await http(there.app, "PUT", f"{parts.path}?{query}", body=DATA)).status == 403, name
            dropped = "&".join(f"{key}={value}" for key, value in pairs.items() if key != name)
            assert (await http(there.app, "PUT", f"{parts.path}?{dropped}", body=DATA)).status == 403, name
        elsewhere = parts.path.replace("code.tar.gz", "other.tar.gz")
        assert (await http(there.app, "PUT", f"{elsewhere}?{parts.query}", body=DATA)).status == 403
        assert (await http(there.app, "GET", f"{parts.path}?{parts.query}")).status == 403
        await there.advance(15 * 60 + 1)
        assert (await put(there, location.signed_url)).status == 403


@pytest.mark.parametrize(
    "filename", ["../../x", "/etc/passwd", "a/../b", "a//b", "a\\b", "a\0b", "a\nb", ".", "x" * 256]
)
async def test_names_that_lead_elsewhere_are_refused(tmp_path: Path, filename: str) -> None:
    async with world(tmp_path) as there:
        request = dataproxy_service_pb2.CreateUploadLocationRequest(
            project=PROJECT, domain=DOMAIN, filename=filename, content_md5=MD5
        )
        with pytest.raises(RpcError) as refused:
            await there.call(
                "dataproxy.DataProxyService/CreateUploadLocation",
                request,
                dataproxy_service_pb2.CreateUploadLocationResponse,
            )
        assert refused.value.code == "invalid_argument"


@given(
    st.text(max_size=60)
    | st.lists(st.sampled_from(["..", ".", "a", "", "%2e%2e", "~", "uploads"])).map("/".join)
)
@settings(max_examples=500, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_name_escapes(tmp_path: Path, name: str) -> None:
    uploads = Uploads(Layout(tmp_path))
    try:
        path = uploads.path(name)
    except InvalidArgument:
        return
    assert path.resolve().is_relative_to((tmp_path / "blobs").resolve()) or name.startswith("runs")


async def test_uploaded_inputs_start_a_run(tmp_path: Path) -> None:
    async def succeed(attempt: FakeAttempt) -> None:
        attempt.succeed(outputs(1))

    async with world(tmp_path, FakeExecutor(succeed)) as there:
        place = identifier_pb2.ProjectIdentifier(name=PROJECT, domain=DOMAIN)
        uploaded = await there.call(
            "dataproxy.DataProxyService/UploadInputs",
            dataproxy_service_pb2.UploadInputsRequest(
                project_id=place, task_spec=task_spec(), inputs=inputs(x=9)
            ),
            dataproxy_service_pb2.UploadInputsResponse,
        )
        offloaded = uploaded.offloaded_input_data
        assert offloaded.inputs_hash
        request = run_service_pb2.CreateRunRequest(
            project_id=place, task_spec=task_spec(), offloaded_input_data=offloaded
        )
        answer = await there.call("workflow.RunService/CreateRun", request, run_service_pb2.CreateRunResponse)
        run = wire.run_key(answer.run.action.id.run)
        root = await there.ended(run)
        assert root.phase is Phase.SUCCEEDED
        # A rerun names the inputs of the first run by the path they would have.
        data = await there.call(
            "dataproxy.DataProxyService/GetActionData",
            dataproxy_service_pb2.GetActionDataRequest(action_id=wire.action_id(root.key)),
            dataproxy_service_pb2.GetActionDataResponse,
        )
        request.offloaded_input_data.uri = data.inputs_uri
        again = await there.call("workflow.RunService/CreateRun", request, run_service_pb2.CreateRunResponse)
        second = await there.ended(wire.run_key(again.run.action.id.run))
        assert there.store.payload(second.key, "inputs") == inputs(x=9).SerializeToString()


async def test_a_report_is_downloaded_into_a_sandbox(tmp_path: Path) -> None:
    async def reports(attempt: FakeAttempt) -> None:
        attempt.launch.dir.mkdir(parents=True)
        (attempt.launch.dir / "report.html").write_text("<script>alert(1)</script>")
        attempt.succeed(outputs(1))

    async with world(tmp_path, FakeExecutor(reports)) as there:
        root = await there.ended(await there.create())
        wanted = identifier_pb2.ActionAttemptIdentifier(action_id=wire.action_id(root.key), attempt=1)
        link = await there.call(
            "dataproxy.DataProxyService/CreateDownloadLink",
            dataproxy_service_pb2.CreateDownloadLinkRequest(
                artifact_type=dataproxy_service_pb2.ARTIFACT_TYPE_REPORT, action_attempt_id=wanted
            ),
            dataproxy_service_pb2.CreateDownloadLinkResponse,
        )
        parts = urlsplit(link.pre_signed_urls.signed_url[0])
        answer = await http(there.app, "GET", f"{parts.path}?{parts.query}")
        assert answer.status == 200
        assert answer.body == b"<script>alert(1)</script>"
        assert answer.headers["content-security-policy"].startswith("sandbox")
        assert (await http(there.app, "GET", parts.path)).status == 403
