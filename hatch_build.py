"""Checks that the console's built pages are in the package and match their sources. Never runs Node."""

import hashlib
import json
from pathlib import Path
from typing import Any

try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ModuleNotFoundError:  # Outside a build: `tests/check_bundle.py` asks `problem` only.
    BuildHookInterface = object

SOURCES = (
    "src",
    "public",
    "fonts",
    "index.html",
    "package.json",
    "package-lock.json",
    "vite.config.ts",
    "bundle.ts",
    "tsconfig.json",
)


def sources_digest(console: Path) -> str:
    """SHA-256 over every source of the console, as `console/bundle.ts` computes it."""
    files: list[tuple[str, Path]] = []
    for source in SOURCES:
        place = console / source
        found = [place] if place.is_file() else [path for path in place.rglob("*") if path.is_file()]
        files += [(path.relative_to(console).as_posix(), path) for path in found]
    digest = hashlib.sha256()
    for name, path in sorted(files):
        data = path.read_bytes()
        digest.update(f"{name}\0{len(data)}\0".encode() + data)
    return digest.hexdigest()


def problem(root: Path) -> str:
    """What is wrong with the bundle, or nothing; a source distribution has no sources to compare with."""
    bundle = root / "src/flyte_server/console/_dist"
    record = bundle / "build.json"
    if not (bundle / "index.html").is_file() or not record.is_file():
        return f"The console's pages are missing from {bundle}: run `make console` (it needs Node 20)."
    console = root / "console"
    if not (console / "package.json").is_file():
        return ""
    if json.loads(record.read_text())["sources_sha256"] != sources_digest(console):
        return "The console's pages are older than their sources in console/: run `make console`."
    return ""


class CustomBuildHook(BuildHookInterface):
    """Missing pages end a build; stale ones, and anything about an editable install, only warn."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        found = problem(Path(self.root))
        if not found:
            return
        if "missing" in found and version != "editable":
            raise RuntimeError(found)
        self.app.display_warning(found)
