"""A real S3 server for tests: SeaweedFS, from its package on PyPI, on free ports of this machine."""

import json
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PATIENCE_S = 60.0
_PORTS = (
    "-master.port",
    "-master.port.grpc",
    "-volume.port",
    "-volume.port.grpc",
    "-filer.port",
    "-filer.port.grpc",
    "-s3.port",
    "-s3.port.grpc",
)


@dataclass(frozen=True)
class Bucket:
    """A bucket that is there, and the environment that reaches it."""

    uri: str
    env: dict[str, str]


@contextmanager
def bucket(directory: Path) -> Iterator[Bucket]:
    """A server with one empty bucket, whose data lie in the directory."""
    import obstore
    from obstore.store import S3Store

    key, secret = "godwit", "godwit-secret"
    identity = {
        "name": "tests",
        "credentials": [{"accessKey": key, "secretKey": secret}],
        "actions": ["Admin", "Read", "Write", "List", "Tagging"],
    }
    rights = directory / "s3.json"
    rights.write_text(json.dumps({"identities": [identity]}))
    ports = dict(zip(_PORTS, _free_ports(len(_PORTS)), strict=True))
    endpoint = f"http://127.0.0.1:{ports['-s3.port']}"
    weed = Path(sys.executable).parent / "weed"
    words = [str(weed) if weed.exists() else shutil.which("weed") or "weed", "server", "-s3"]
    words += ["-dir", str(directory), "-ip", "127.0.0.1", "-ip.bind", "127.0.0.1", "-s3.config", str(rights)]
    words += ["-volume.max", "20", "-master.volumeSizeLimitMB", "64", "-master.telemetry=false"]
    for option, port in ports.items():
        words += [option, str(port)]
    log = directory / "log"
    with log.open("wb") as out:
        server = subprocess.Popen(words, stdout=out, stderr=out)
    try:
        store = S3Store(
            "data",
            endpoint=endpoint,
            access_key_id=key,
            secret_access_key=secret,
            region="us-east-1",
            client_options={"allow_http": True},
            retry_config={"max_retries": 0},
        )
        deadline = time.monotonic() + PATIENCE_S
        while True:
            assert server.poll() is None, log.read_text()
            try:
                urllib.request.urlopen(endpoint, timeout=5)
            except urllib.error.HTTPError:
                try:
                    obstore.put(store, ".ready", b"")
                    break
                except obstore.exceptions.BaseError:
                    pass
            except OSError:
                pass
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
        obstore.delete(store, ".ready")
        yield Bucket(
            "s3://data",
            {
                "FLYTE_AWS_ENDPOINT": endpoint,
                "FLYTE_AWS_ACCESS_KEY_ID": key,
                "FLYTE_AWS_SECRET_ACCESS_KEY": secret,
            },
        )
    finally:
        server.kill()
        server.wait(30)


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports
