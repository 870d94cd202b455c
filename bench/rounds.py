"""Takes the samples of a workload: contenders in turn, round by round, servers of ours beside them."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Collection
from pathlib import Path

from bench import envs, measure, report
from bench.workloads import Contender, Workload


class OurServer:
    """A server of ours in a data directory of its own, for the contenders that need one running."""

    def __init__(self, home: Path) -> None:
        self.env = base_env(home)
        self.flyte = str(envs.python("godwit").with_name("flyte"))

    def start(self) -> None:
        subprocess.run([self.flyte, "start", "server"], env=self.env, check=True, capture_output=True)

    def stop(self) -> None:
        subprocess.run([self.flyte, "stop", "server"], env=self.env, check=False, capture_output=True)


def base_env(home: Path) -> dict[str, str]:
    """What every contender finds: its own home, nobody's configuration, no word to the outside."""
    keep = {k: v for k, v in os.environ.items() if k in ("PATH", "LANG", "TMPDIR", "USER")}
    return keep | {
        "HOME": str(home),
        "FLYTE_HOME": str(home / "flyte"),
        "FLYTE_PORT": str(20_000 + (os.getpid() + hash(str(home))) % 20_000),
        "FLYTE_DISABLE_SENTRY": "true",
        "DO_NOT_TRACK": "1",
        "PREFECT_HOME": str(home / "prefect"),
        "PREFECT_LOGGING_LEVEL": "ERROR",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    }


def take(contender: Contender, home: Path, long: bool) -> measure.Sample:
    """One measurement, in a new directory."""
    python = envs.python(contender.peer)
    scratch = Path(tempfile.mkdtemp(dir=home))
    kept = home / f"kept-{contender.label.replace(' ', '-')}"
    kept.mkdir(exist_ok=True)
    env = base_env(home if contender.server == "running" else kept if contender.keep else scratch)
    words = {
        "python": str(python),
        "flyte": str(python.with_name("flyte")),
        "page": shutil.copy(envs.ROOT / "examples" / "my_script.py", scratch),
        "out": str(scratch / "state.db"),
    }
    argv = [part.format(**words) if part.startswith("{") else part for part in contender.argv]
    try:
        return measure.run(argv, env, scratch, contender.timeout_s * (6 if long else 1))
    finally:
        if contender.server == "cold":
            subprocess.run([words["flyte"], "stop", "server"], env=env, check=False, capture_output=True)
        shutil.rmtree(scratch, ignore_errors=True)


def run(workload: Workload, rounds: int, peers: Collection[str] | None) -> report.Result:
    """All rounds; the first warms caches and is not counted. A contender that fails is left out from then on."""
    contenders = [c for c in workload.contenders if peers is None or c.peer in peers]
    samples: dict[str, list[measure.Sample]] = defaultdict(list)
    failed: dict[str, str] = {}
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as directory:
        home = Path(directory)
        server = OurServer(home) if any(c.server == "running" for c in contenders) else None
        if server is not None:
            server.start()
        try:
            for turn in range(rounds + 1):
                for contender in contenders:
                    if contender.label in failed:
                        continue
                    say(f"{workload.id} {turn}/{rounds} {contender.label}")
                    try:
                        sample = take(contender, home, workload.long)
                        if turn > 0:
                            samples[contender.label].append(sample)
                    except (measure.Failed, RuntimeError, OSError) as error:
                        failed[contender.label] = str(error).strip() or type(error).__name__
        finally:
            if server is not None:
                server.stop()
            say("")
    return report.Result(workload, dict(samples), failed)


def say(what: str) -> None:
    """A line of progress, for whoever watches."""
    if sys.stderr.isatty():
        print(f"\r{what:60}", end="", file=sys.stderr)
