"""What every request passes: names, sites, accounts; and what the server says of itself."""

import gzip
import json
import os
from pathlib import Path
from typing import Any

import pytest
from server_world import http, outputs, world

from flyte_server.executors.fake import FakeAttempt, FakeExecutor
from flyte_server.services.peers import Peer

ROUTES = [
    ("GET", "/healthz"),
    ("GET", "/metrics"),
    ("POST", "/flyteidl2.workflow.RunService/ListRuns"),
    ("POST", "/flyteidl2.actions.ActionsService/WatchForUpdates"),
    ("PUT", "/v2/blobs/uploads/x"),
    ("GET", "/v2/api/runs"),
    ("GET", "/v2/runs/project/p/domain/d/r1"),
]
GOOD_HOSTS = ["localhost", "localhost:4290", "LOCALHOST:80", "127.0.0.1:4290", "[::1]", "[::1]:4290"]
BAD_HOSTS = [
    "evil.example",
    "localhost.",
    "localhost.:4290",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "127.0.0.2",
    "0.0.0.0:4290",
    "[::]",
    "::1",
    "localhost:4290:80",
    "localhost:",
    "localhost:evil",
    "user@localhost",
    "localhost/",
    "",
    " localhost",
    "localhost, evil.example",
]


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_only_our_own_names_are_answered(tmp_path: Path, method: str, path: str) -> None:
    async with world(tmp_path) as there:
        for host in BAD_HOSTS:
            answer = await http(there.app, method, path, headers={"host": host})
            assert answer.status == 421, host
        for host in GOOD_HOSTS:
            answer = await http(there.app, method, path, headers={"host": host})
            assert answer.status != 421, host


@pytest.mark.parametrize(("method", "path"), ROUTES)
@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe"},
        {"origin": "http://evil.example"},
        {"origin": "http://localhost:9999"},
        {"origin": "null"},
    ],
)
async def test_other_sites_pages_are_refused(
    tmp_path: Path, method: str, path: str, headers: dict[str, str]
) -> None:
    async with world(tmp_path) as there:
        assert (await http(there.app, method, path, headers=headers)).status == 403


async def test_our_own_pages_and_links_from_elsewhere_work(tmp_path: Path) -> None:
    async with world(tmp_path) as there:
        own: list[dict[str, str]] = [
            {"sec-fetch-site": "same-origin"},
            {"sec-fetch-site": "none"},
            {"origin": "http://localhost:4290"},
        ]
        for headers in own:
            assert (await http(there.app, "GET", "/v2/api/runs", headers=headers)).status == 200
        link = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
        page = await http(there.app, "GET", "/v2/runs/project/p/domain/d/r1", headers=link)
        assert page.status == 200
        assert (await http(there.app, "GET", "/v2/api/runs", headers=link)).status == 403


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_other_accounts_are_refused(tmp_path: Path, method: str, path: str) -> None:
    async with world(tmp_path, same_user=True) as there:
        states: list[dict[str, Any]] = [{}, {"peer": Peer(os.getuid() + 1)}, {"peer": Peer(None)}]
        for state in states:
            assert (await http(there.app, method, path, state=state)).status == 403
        mine = await http(there.app, method, path, state={"peer": Peer(os.getuid())})
        assert b"another account" not in mine.body


async def test_every_answer_has_the_security_headers(tmp_path: Path) -> None:
    async with world(tmp_path) as there:
        for method, path in ROUTES:
            answer = await http(there.app, method, path)
            assert answer.headers["x-content-type-options"] == "nosniff", path
            assert answer.headers["x-frame-options"] == "DENY", path
            assert "content-security-policy" in answer.headers, path
            assert "access-control-allow-origin" not in answer.headers, path


async def test_health_and_metrics(tmp_path: Path) -> None:
    async def succeed(attempt: FakeAttempt) -> None:
        attempt.succeed(outputs(1))

    async with world(tmp_path, FakeExecutor(succeed)) as there:
        await there.ended(await there.create())
        health = json.loads((await http(there.app, "GET", "/healthz")).body)
        assert health["status"] == "ok"
        assert health["pid"] == os.getpid()
        assert health["url"] == "http://localhost:4290"
        assert health["data_dir"] == str(tmp_path)
        text = (await http(there.app, "GET", "/metrics")).body.decode()
    assert 'godwit_runs{phase="succeeded"} 1' in text
    create = 'method="/flyteidl2.workflow.RunService/CreateRun"'
    assert f'godwit_rpcs_total{{{create},code="ok"}} 1' in text
    assert "godwit_rpc_seconds_bucket{" + create in text
    assert 'godwit_phases_total{kind="run",phase="succeeded"} 1' in text
    for name in ("godwit_queue_depth 0", "godwit_attempts_live 0", "godwit_commit_seconds_count"):
        assert name in text


async def test_calls_in_json_and_gzip_are_understood(tmp_path: Path) -> None:
    async with world(tmp_path) as there:
        body = gzip.compress(b'{"request": {"limit": 3}}')
        headers = {"content-type": "application/json", "content-encoding": "gzip"}
        answer = await http(
            there.app, "POST", "/flyteidl2.workflow.RunService/ListRuns", body=body, headers=headers
        )
        assert answer.status == 200
        assert json.loads(answer.body) == {}


@pytest.mark.parametrize(
    "path",
    [
        "/flyteidl2.secret.SecretService/CreateSecret",
        "/flyteidl2.workflow.RunService/WatchGroups",
        "/flyteidl2.workflow.RunService/NoSuchMethod",
        "/flyteidl2.app.AppService/Watch",
    ],
)
async def test_what_is_not_served_says_so(tmp_path: Path, path: str) -> None:
    async with world(tmp_path) as there:
        headers = {"content-type": "application/connect+json"}
        stream = await http(there.app, "POST", path, body=b"\0\0\0\0\2{}", headers=headers)
        if stream.status == 200:
            end = json.loads(stream.body[5:])
            assert end["error"]["code"] == "unimplemented"
            assert "does not serve" in end["error"]["message"]
        headers = {"content-type": "application/json"}
        unary = await http(there.app, "POST", path, body=b"{}", headers=headers)
        assert unary.status in (415, 501)
        if unary.status == 501:
            assert "does not serve" in json.loads(unary.body)["message"]


async def test_the_printed_address_shows_a_page(tmp_path: Path) -> None:
    async with world(tmp_path) as there:
        for path in (
            "/v2/runs/project/flytesnacks/domain/development/abc123xyz",
            "/v2/domain/development/project/flytesnacks/runs/abc123xyz",
        ):
            answer = await http(there.app, "GET", path)
            assert answer.status == 200
            assert b"abc123xyz" in answer.body
