"""The console's pages: one built bundle, served for every page address, from the package itself."""

import asyncio
import gzip
import hashlib
import html
import mimetypes
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from flyte_core.frozen import frozen

ASSETS = "/v2/_assets"

CSP = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
_PAGE = {
    "Content-Security-Policy": CSP,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",
    "Vary": "Accept-Encoding",
}

_MISSING = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Godwit: the console is not built</title>
<h1>The console is not in this installation</h1>
<p>The server works; only its pages are missing. In a source checkout run <code>make console</code>
(it needs Node 20) and restart the server. Everything is also in the command line:
<code>flyte get run</code>, <code>flyte get action RUN --tree</code>, <code>flyte get logs RUN</code>.</p></html>
"""

_COMPRESSED = (".js", ".css", ".html", ".svg", ".json", ".md", ".txt")
_TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".woff2": "font/woff2"}


@frozen
class Asset:
    data: bytes
    gzipped: bytes | None
    media_type: str


class Bundle:
    """The built files, read and compressed when the first page is asked for. `digest` is over all of them."""

    def __init__(self, root: Traversable) -> None:
        files = dict(sorted(_files(root)))
        digest = hashlib.sha256()
        for path, data in files.items():
            digest.update(f"{path}\0{len(data)}\0".encode() + data)
        self.digest = digest.hexdigest()[:12]
        self.assets = {path: _asset(path, data) for path, data in files.items()}
        index = files.get("index.html")
        self.index: str | None = None
        if index is not None:
            self.index = index.decode().replace("./assets/", f"{ASSETS}/{self.digest}/assets/")


def _files(root: Traversable, prefix: str = "") -> list[tuple[str, bytes]]:
    found: list[tuple[str, bytes]] = []
    if not root.is_dir():
        return found
    for entry in root.iterdir():
        path = f"{prefix}{entry.name}"
        if entry.is_dir():
            found += _files(entry, f"{path}/")
        else:
            found.append((path, entry.read_bytes()))
    return found


def _asset(path: str, data: bytes) -> Asset:
    suffix = path[path.rfind(".") :]
    kind = _TYPES.get(suffix) or mimetypes.guess_type(path)[0] or "application/octet-stream"
    small = gzip.compress(data, 9, mtime=0) if suffix in _COMPRESSED else None
    return Asset(data, small if small is not None and len(small) < len(data) else None, kind)


def routes(root: Traversable | None = None) -> list[Route]:
    """The routes of the pages and their files; put them behind every other route below `/v2`."""
    place = root or resources.files("flyte_server.console").joinpath("_dist")
    read = cache(lambda: Bundle(place))

    async def asset(request: Request) -> Response:
        bundle = await asyncio.to_thread(read)
        found = bundle.assets.get(request.path_params["path"])
        if found is None or request.path_params["digest"] != bundle.digest:
            return Response("There is no such file.", 404, media_type="text/plain", headers=_PAGE)
        headers = {**_PAGE, "Cache-Control": "public, max-age=31536000, immutable"}
        if found.gzipped is not None and "gzip" in request.headers.get("accept-encoding", ""):
            headers["Content-Encoding"] = "gzip"
            return Response(found.gzipped, headers=headers, media_type=found.media_type)
        return Response(found.data, headers=headers, media_type=found.media_type)

    async def page(request: Request) -> Response:
        bundle = await asyncio.to_thread(read)
        if bundle.index is None:
            return Response(_MISSING, 200, media_type="text/html", headers=_PAGE)
        body = bundle.index.replace("<!-- preload -->", _preload(request.url.path))
        return Response(body, media_type="text/html", headers=_PAGE)

    async def home(request: Request) -> Response:
        return RedirectResponse("/v2", 307, headers={"Cache-Control": "no-cache"})

    return [
        Route("/", home),
        Route("/console", home),
        Route(ASSETS + "/{digest}/{path:path}", asset),
        Route("/v2", page),
        Route("/v2/{page:path}", page),
    ]


def _preload(path: str) -> str:
    """Lets a run's snapshot load beside the script that draws it."""
    run = run_of(path)
    if run is None:
        return ""
    address = html.escape("/v2/api/runs/{}/{}/{}/snapshot".format(*run), quote=True)
    return f'<link rel="preload" as="fetch" href="{address}" crossorigin>'


def run_of(path: str) -> tuple[str, str, str] | None:
    """Project, domain and name of the run that a page address names, as they are written in it."""
    parts = path.strip("/").split("/")
    match parts:
        case ["v2", "runs", "project", project, "domain", domain, name]:
            return project, domain, name
        case ["v2", "domain", domain, "project", project, "runs" | "tracked-runs", name]:
            return project, domain, name
        case _:
            return None
