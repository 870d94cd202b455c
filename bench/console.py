"""Open the pages of large runs in a real browser and write what they cost to docs/reference/console-performance.md."""

import argparse
import gzip
import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import envs, histories
from bench.__main__ import circumstances
from flyte_core.layout import Layout
from flyte_core.model import RunKey
from flyte_core.store.sqlite import SqliteStore

PAGE = envs.ROOT / "docs/reference/console-performance.md"
DIST = envs.ROOT / "src/flyte_server/console/_dist/assets"
SIZES = (10_000, 100_000)


@dataclass(frozen=True, slots=True)
class Figure:
    """A line of the page. `targets` are for 10,000 and for 100,000 actions; None: there is none."""

    title: str
    value: Callable[[dict[str, Any]], float]
    unit: str
    targets: tuple[float | None, float | None]
    more_is_better: bool = False


def _of(name: str, by: float = 1.0) -> Callable[[dict[str, Any]], float]:
    return lambda found: found[name] / by


FIGURES = (
    Figure("transferred when cold, compressed", _of("transfer_bytes", 1024), "KB", (401, 2_048)),
    Figure("first paint, cold", _of("first_paint_ms"), "ms", (272, 308)),
    Figure("rows painted, cold, median", _of("cold_ms"), "ms", (635, 1_061)),
    Figure("rows painted, cold, best", _of("cold_best_ms"), "ms", (368, 857)),
    Figure("rows painted, warm, median", _of("warm_ms"), "ms", (250, 594)),
    Figure("rows painted, warm, best", _of("warm_best_ms"), "ms", (115, 341)),
    Figure("processor time of the main thread to load", _of("load_cpu_ms"), "ms", (180, 492)),
    Figure("snapshot decoded, model made", _of("model_ms"), "ms", (67, 315)),
    Figure("JavaScript heap", _of("heap_bytes", 1 << 20), "MB", (9, 37)),
    Figure("DOM nodes", _of("nodes"), "", (None, None)),
    Figure("processor time of the main thread a frame while scrolling", _of("scroll_cpu_ms"), "ms", (8, 8)),
    Figure("of which script", _of("scroll_script_ms"), "ms", (1.5, 1.6)),
    Figure("frames a second while scrolling", _of("scroll_fps"), "", (60, 43), more_is_better=True),
    Figure("95 of 100 frames came within", _of("scroll_p95_ms"), "ms", (19.4, 64)),
    Figure("long tasks while scrolling", _of("long_tasks"), "", (0, None)),
)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.console", description=__doc__)
    parser.add_argument("--no-write", action="store_true", help=f"leave {PAGE.name} as it is")
    options = parser.parse_args()
    node, browser = shutil.which("node"), shutil.which("chromium") or shutil.which("google-chrome")
    if node is None or browser is None:
        print("The console is measured with Node and Chromium; one of them is missing.", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as directory:
        found = _measured(Path(directory), node, browser)
    page = text(found)
    print(page)
    if not options.no_write:
        PAGE.write_text(page)
    return 0


def _measured(home: Path, node: str, browser: str) -> list[dict[str, Any]]:
    layout = Layout(home)
    store = SqliteStore.open(layout.database, durability="normal")
    keys = [RunKey("flytesnacks", "development", f"r{size}") for size in SIZES]
    for key, size in zip(keys, SIZES, strict=True):
        began = time.monotonic()
        histories.record(store, key, size)
        print(f"recorded {size:,} actions in {time.monotonic() - began:.0f} s", flush=True)
    store.close()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "flyte_server", "--home", str(home), "--port", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while not layout.server_info.exists():
            if server.poll() is not None:
                raise SystemExit("The server did not start.")
            time.sleep(0.05)
        base = f"http://localhost:{port}"
        firsts = [_snapshot(base, key) for key in keys]
        script = envs.ROOT / "bench/console.mjs"
        pages = [f"{base}/v2/runs/project/{key.project}/domain/{key.domain}/{key.name}" for key in keys]
        done = subprocess.run(
            [node, str(script), str(envs.ROOT / "console"), browser, *pages],
            stdout=subprocess.PIPE,
            check=True,
            text=True,
        )
        return [{**each, **first} for each, first in zip(json.loads(done.stdout), firsts, strict=True)]
    finally:
        server.terminate()
        server.wait(30)


def _snapshot(base: str, key: RunKey) -> dict[str, float]:
    """How long the server takes for a snapshot nobody has asked for, and how large it is."""
    url = f"{base}/v2/api/runs/{key.project}/{key.domain}/{key.name}/snapshot"
    began = time.monotonic()
    with urllib.request.urlopen(url) as answer:
        data = answer.read()
    return {"snapshot_ms": 1000 * (time.monotonic() - began), "snapshot_bytes": len(data)}


def text(found: list[dict[str, Any]]) -> str:
    """The page."""
    rows = []
    for figure in FIGURES:
        cells = []
        for each, target in zip(found, figure.targets, strict=True):
            value = figure.value(each)
            met = target is None or (value >= target if figure.more_is_better else value <= target)
            wanted = "" if target is None else f" ({_number(target)}{'' if met else ', missed'})"
            cells.append(f"{_number(value)}{wanted}")
        unit = f", {figure.unit}" if figure.unit else ""
        rows.append(f"| {figure.title}{unit} | {' | '.join(cells)} |")
    for title, name, by in (
        ("first snapshot, ms at the server", "snapshot_ms", 1.0),
        ("snapshot, KB uncompressed", "snapshot_bytes", 1024.0),
    ):
        rows.append(f"| {title} | {' | '.join(_number(each[name] / by) for each in found)} |")
    sizes = "\n".join(
        f"| {title} | {_number(size / 1024)} KB | {limit} KB |" for title, size, limit in bundle()
    )
    table = "\n".join(rows)
    return f"""# What the console costs

Measured by `make bench-console`: a headless Chromium opens the pages of finished runs of 10,000 and 100,000 actions,
recorded through the store's own use cases. Medians of five loads. In parentheses what we want to reach.

Trust the processor time first: it is what the main thread used. All other times are of the clock, on a machine whose
two cores also run the server, the browser's other processes, its drawing (in software), and whatever else the load
average below tells of; at a load of eight everything takes about four times as long as alone.

{circumstances(5)}

| | 10,000 actions | 100,000 actions |
|---|---|---|
{table}

Of what is sent of 100,000 actions, 1.4 MB are their ids: random digits, which do not compress. The server makes a
run's first snapshot when somebody opens it; it is kept while the server runs, so the second visitor does not wait.

## What is sent

| | now | budget |
|---|---|---|
{sizes}
"""


def bundle() -> list[tuple[str, int, int]]:
    """The parts of the bundle with their compressed size and their budget in KB."""

    def packed(*names: str) -> int:
        return sum(len(gzip.compress((DIST / name).read_bytes(), 9)) for name in names)

    whole = sum(path.stat().st_size for path in DIST.parent.rglob("*") if path.is_file())
    return [
        ("scripts of the first page, compressed", packed("app.js", "vendor.js", "theme.js"), 150),
        ("scripts fetched while nothing else is to be done, compressed", packed("parts.js"), 60),
        ("styles, compressed", packed("style.css"), 12),
        ("all of it, fonts included, as it lies in the package", whole, 900),
    ]


def _number(value: float) -> str:
    return f"{value:,.1f}" if abs(value) < 20 and value != int(value) else f"{value:,.0f}"


if __name__ == "__main__":
    sys.exit(main())
