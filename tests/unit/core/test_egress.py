"""Where a server may send what users ask it to send: nowhere near itself."""

import http.server
import threading
from collections.abc import Iterator

import pytest

from flyte_core.egress import EgressError, Request, send


class Canary(http.server.BaseHTTPRequestHandler):
    """Counts whoever gets through."""

    reached = 0

    def do_POST(self) -> None:
        type(self).reached += 1
        if self.path == "/elsewhere":
            self.send_response(302)
            self.send_header("Location", "/")
        else:
            self.send_response(500 if self.path.startswith("/broken") else 200)
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Canary)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


HOSTS = [
    "127.0.0.1",
    "127.1",
    "127.0.0.1.",
    "2130706433",
    "0x7f000001",
    "0177.0.0.1",
    "0x7f.0.0.1",
    "0",
    "0.0.0.0",
    "localhost",
    "LOCALHOST",
    "[::1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[2002:7f00:1::]",
    "[64:ff9b::7f00:1]",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "169.254.169.254",
    "[fe80::1]",
    "[fd00::1]",
    "224.0.0.1",
    "[ff02::1]",
    "255.255.255.255",
    "198.18.0.1",
    "192.0.2.1",
    "240.0.0.1",
]


@pytest.mark.parametrize("host", HOSTS)
def test_a_server_reaches_nothing_that_is_not_public(host: str, port: int) -> None:
    before = Canary.reached
    with pytest.raises(EgressError):
        send(Request(f"https://{host}:{port}/"), allowed=())
    assert Canary.reached == before


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/",
        "ftp://example.com/",
        "file:///etc/passwd",
        "//example.com/",
        "https://",
        "https:///path",
        "https://example.com:99999/",
        "https://example.com:port/",
        "https://user:word@example.com/",
        "https://example.com@127.0.0.1/",
        "https://exa mple.com/",
        "https://example.com/\r\nHost: x",
        "https://" + "a" * 300 + ".com/",
        "https://no-such-host.invalid/",
        "",
    ],
)
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(EgressError):
        send(Request(url), allowed=())


def test_hosts_that_are_named_are_reached_without_following_anybody(port: int) -> None:
    url = f"http://127.0.0.1:{port}"
    before = Canary.reached
    send(Request(f"{url}/fine"), allowed=("127.0.0.1",))
    with pytest.raises(EgressError, match="HTTP 302"):
        send(Request(f"{url}/elsewhere"), allowed=("127.0.0.1",))
    with pytest.raises(EgressError, match="HTTP 500"):
        send(Request(f"{url}/broken?key=secret"), allowed=None)
    assert Canary.reached == before + 3


def test_what_is_told_of_a_failure_holds_no_secret(port: int) -> None:
    with pytest.raises(EgressError) as caught:
        send(Request(f"http://127.0.0.1:{port}/broken/T0K3N?key=S3CRET"))
    assert "T0K3N" not in str(caught.value) and "S3CRET" not in str(caught.value)


@pytest.mark.parametrize("headers", [{"X": "a\r\nY: b"}, {"X\r\n": "a"}, {"": "a"}, {"X Y": "a"}])
def test_headers_cannot_smuggle_others(headers: dict[str, str], port: int) -> None:
    with pytest.raises(EgressError, match="no header"):
        send(Request(f"http://127.0.0.1:{port}/", headers=headers))
