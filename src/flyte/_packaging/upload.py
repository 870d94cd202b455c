"""Brings a bundle to the server once: later runs with the same code find it there without asking."""

import asyncio
import contextlib
import hashlib
import json
import os
import time
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from flyteidl2.dataproxy.dataproxy_service_pb2 import (
    CreateUploadLocationRequest,
    CreateUploadLocationResponse,
)

from flyte._client import methods
from flyte._client.connect import Connect
from flyte._client.endpoint import Endpoint, parse_endpoint
from flyte._client.http import Http, TransportError
from flyte._packaging.bundle import Bundle
from flyte.errors import CodeBundleError

_EXISTS: Final = "x-godwit-exists"
_REMEMBERED_S: Final = 24 * 3600
_ENTRIES: Final = 500
_AT_ONCE: Final = 8


class Uploads:
    """What this machine has brought to which server. Kept in a small file; losing it costs one call.

    A server of this machine names a bundle by its path, so whether it is still there is seen at once.
    Another one is believed for a day.
    """

    def __init__(self, home: Path) -> None:
        self._file = home / "client" / "bundles.json"

    def find(self, key: str) -> str | None:
        """Where the bundle is, if it is there still."""
        entry = self._read().get(key)
        if not isinstance(entry, dict):
            return None
        uri, at = entry.get("uri"), entry.get("at")
        if not isinstance(uri, str) or not isinstance(at, int | float):
            return None
        if uri.startswith("/"):
            return uri if Path(uri).is_file() else None
        return uri if 0 <= time.time() - at < _REMEMBERED_S else None

    def remember(self, key: str, uri: str) -> None:
        entries = self._read()
        entries.pop(key, None)
        entries[key] = {"uri": uri, "at": int(time.time())}
        self._write(dict(list(entries.items())[-_ENTRIES:]))

    def forget(self, key: str) -> None:
        """The server says that it has no such bundle."""
        entries = self._read()
        if entries.pop(key, None) is not None:
            self._write(entries)

    def _read(self) -> dict[str, Any]:
        try:
            found = json.loads(self._file.read_bytes())
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def _write(self, entries: dict[str, Any]) -> None:
        draft = self._file.with_name(f".{self._file.name}.{os.getpid()}")
        with contextlib.suppress(OSError):
            self._file.parent.mkdir(parents=True, exist_ok=True)
            draft.write_text(json.dumps(entries))
            draft.replace(self._file)


def key_of(bundle: Bundle, endpoint: Endpoint, home: Path, project: str, domain: str) -> str:
    """What an upload is remembered by."""
    server = str(home) if endpoint.local else endpoint.url
    return f"{server}|{project}|{domain}|{bundle.name}"


async def bring(client: Connect, bundle: Bundle, project: str, domain: str) -> str:
    """Make sure that the server has the bundle; returns its URI there.

    Raises:
        CodeBundleError: it could not be stored.
        RpcError: the server refuses.
    """
    return await bring_bytes(client, bundle.name, bundle.make(), project, domain)


async def bring_bytes(
    client: Connect, name: str, data: bytes, project: str, domain: str, root: str = ""
) -> str:
    """Make sure that the server has a file of this content; returns its URI there.

    Args:
        name: Its name, or path, there.
        root: The directory above that, instead of one that is named by the content.

    Raises:
        CodeBundleError: it could not be stored.
        RpcError: the server refuses.
    """
    location = await client.unary(
        methods.CREATE_UPLOAD_LOCATION,
        CreateUploadLocationRequest(
            project=project,
            domain=domain,
            filename=name,
            filename_root=root,
            content_md5=hashlib.md5(data, usedforsecurity=False).digest(),
            content_length=len(data),
        ),
    )
    if _EXISTS not in location.headers:
        await _put(client, location, name, data)
    return location.native_url


async def bring_path(client: Connect, path: Path, project: str, domain: str, root: str) -> str | None:
    """Make sure that the server has a file, or a directory with all its files; its URI there.

    Args:
        root: The directory above it there.

    Returns:
        None for a directory without files, which no server can keep.

    Raises:
        CodeBundleError: it could not be stored.
        RpcError: the server refuses.
    """
    if path.is_dir():
        files = [each for each in sorted(path.rglob("*")) if each.is_file()]
        names = [f"{path.name}/{each.relative_to(path).as_posix()}" for each in files]
    else:
        files, names = [path], [path.name]
    limit = asyncio.Semaphore(_AT_ONCE)

    async def one(file: Path, name: str) -> str:
        async with limit:
            data = await asyncio.to_thread(file.read_bytes)
            return await bring_bytes(client, name, data, project, domain, root)

    placed = await asyncio.gather(*map(one, files, names))
    return placed[0].removesuffix(names[0]) + path.name if placed else None


async def _put(client: Connect, location: CreateUploadLocationResponse, name: str, data: bytes) -> None:
    parts = urlsplit(location.signed_url)
    endpoint = parse_endpoint(f"{parts.scheme}://{parts.netloc}")
    http = client.http if endpoint == client.endpoint else Http(endpoint)
    target = f"{parts.path}?{parts.query}" if parts.query else parts.path
    headers = {**location.headers, "content-type": "application/octet-stream"}
    try:
        answer, body = await http.request("PUT", target, headers, data)
    except TransportError as error:
        raise CodeBundleError(f"{name} could not be brought to {endpoint.url}: {error}") from error
    if answer.status >= 300:
        said = body.decode("utf-8", "replace").strip()
        raise CodeBundleError(
            f"The server did not store {name}: HTTP {answer.status} {said}".rstrip(),
            hint="Try again; if it stays so, see server.log in the data directory.",
        )
