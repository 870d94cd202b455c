"""Pictures of real runs for the README and the docs, light and dark: `make screenshots` writes docs/images."""

import json
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests/support"))

from browser import Browser, missing  # noqa: E402
from browser_machine import TREE, Machine, machine_with, until  # noqa: E402

IMAGES = ROOT / "docs/images"
QUALITY = 86
CONFIG = '{"region": "eu-west-1", "horizon_days": 28, "features": ["price", "promo", "weather"]}'
FORECAST = ("forecast", "--cfg", CONFIG)

SCRIPT = """
import asyncio
import random
from dataclasses import dataclass, field

import flyte
import flyte.report

env = flyte.TaskEnvironment(name="nightly")
shards = flyte.TaskEnvironment(name="shards", reusable=flyte.ReusePolicy(replicas=2, concurrency=8))


@dataclass
class Config:
    region: str = "eu-west-1"
    horizon_days: int = 28
    features: list[str] = field(default_factory=lambda: ["price", "promo", "weather"])


@env.task
def step_one(x: int) -> int:
    return x * 2


@env.task
def step_two(x: int) -> int:
    return x + 10


@env.task
def pipeline(x: int) -> int:
    return step_two(step_one(x))


@shards.task
async def fetch(day: int, region: str) -> int:
    print(f"INFO reading {region} day {day}")
    await asyncio.sleep(random.Random(day).uniform(0.1, 0.5))
    return day * 17


@env.task
async def profile(rows: list[int]) -> int:
    await asyncio.sleep(0.4)
    return sum(rows)


@shards.task(retries=1)
async def train_fold(fold: int, rows: int) -> float:
    await asyncio.sleep(random.Random(fold).uniform(0.5, 1.2))
    if fold == 2 and flyte.ctx().attempt_number == 0:
        raise ConnectionError("connection reset by peer")
    return 1 / (fold + 1)


@env.task(report=True)
async def train(rows: int, folds: int) -> float:
    with flyte.group("folds"):
        scores = await asyncio.gather(*(train_fold(i, rows) for i in range(folds)))
    flyte.report.log(f"<h2>Scores</h2><p>{', '.join(f'{score:.2f}' for score in scores)}</p>")
    return max(scores)


@shards.task
async def score_shard(shard: int, best: float) -> float:
    await asyncio.sleep(random.Random(shard).lognormvariate(-1.6, 0.6))
    if shard % 45 == 11:
        print(f"ERROR shard {shard} holds rows with negative quantity")
        raise ValueError(f"shard {shard} holds {shard % 7 + 1} rows with negative quantity")
    return best * shard


@env.task
async def forecast(cfg: Config, number: int = 160, ask: bool = False) -> int:
    with flyte.group("ingest"):
        rows = await asyncio.gather(*(fetch(day, cfg.region) for day in range(30)))
    total = await profile(list(rows))
    best = await train(total, 4)
    if ask:
        approved = await flyte.new_condition.aio("approve_scoring", prompt="Score all shards of eu-west-1?")
        await approved.wait.aio()
    with flyte.group("score"):
        scored = await asyncio.gather(*(score_shard(i, best) for i in range(number)), return_exceptions=True)
    return sum(isinstance(each, float) for each in scored)


@env.task
def reconcile(threshold: float) -> float:
    ledger = {"eu-west-1": 41.0}
    return ledger["eu-north-1"] / threshold
"""


def main() -> int:
    lacking = missing()
    if lacking:
        print(lacking, file=sys.stderr)
        return 1
    IMAGES.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as work,
        tempfile.TemporaryDirectory() as home,
        machine_with(SCRIPT, Path(work), Path(home)) as machine,
    ):
        views = _runs(machine)
        browser = Browser()
        for theme in ("light", "dark"):
            browser.fresh({"viewport": {"width": 1360, "height": 820}, "colorScheme": theme})
            for name, (url, sight) in views.items():
                browser.open(url)
                browser.see(sight)
                time.sleep(1.2)  # Fonts and fetched labels settle; nothing depends on it.
                browser.picture(str(IMAGES / f"{name}-{theme}.webp"), QUALITY)
            browser.leave()
        browser.close()
    print(f"{len(views)} views, light and dark, in {IMAGES.relative_to(ROOT)}")
    return 0


def _runs(machine: Machine) -> dict[str, tuple[str, str]]:
    """Start real runs; which pages to picture, and what must be on each before."""
    for x in ("5", "6", "7"):
        machine.flyte("run", "script.py", "pipeline", "--x", x)
    machine.flyte("run", "--label", "team=demand", "script.py", *FORECAST, "--number", "60")
    failed = machine.flyte("run", "script.py", "reconcile", "--threshold", "0.5").stdout.split()
    done = machine.flyte("run", "--label", "team=demand", "script.py", *FORECAST).stdout.split()
    waiting, asked = machine.detached(*FORECAST, "--ask")
    until(lambda: machine.api(waiting)["run"]["by_phase"].get("paused"))
    _, first = machine.detached("pipeline", "--x", "5")
    (condition,) = json.loads(machine.flyte("-of", "json-raw", "get", "condition", waiting).stdout)
    base = first.rpartition("/")[0]
    return {
        "pipeline": (f"{first}?view=graph", "[data-box]"),
        "runs": (base, "tr >> text=nightly.forecast"),
        "timeline": (f"{done[1]}?critical=1", f"{TREE} >> text=score"),
        "graph": (f"{done[1]}?view=graph", "[data-box]"),
        "bottlenecks": (f"{done[1]}?view=bottlenecks", "[data-testid=bottlenecks]"),
        "error": (failed[1], "[data-testid=error]"),
        "logs": (f"{done[1]}?view=logs", "[data-testid=merged] >> text=negative"),
        "question": (f"{asked}?action={condition['action_name']}", "[data-testid=question]"),
    }


if __name__ == "__main__":
    sys.exit(main())
