"""Chromium for tests: a node process that drives it, spoken to line by line."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
DRIVER = ROOT / "tests/system/browser/driver.mjs"
CONSOLE = ROOT / "console"


def missing() -> str:
    """What the browser tests lack here; empty when they can run."""
    if chromium() is None:
        return "no Chromium: apt-get install chromium"
    if shutil.which("node") is None:
        return "no Node"
    if not (CONSOLE / "node_modules/playwright-core").is_dir():
        return "no playwright-core: npm ci in console/"
    return ""


def chromium() -> str | None:
    names = ("chromium", "chromium-browser", "google-chrome")
    return next((path for name in names if (path := shutil.which(name))), None)


class BrowserError(AssertionError):
    """The page did not do what was asked, in the driver's words."""


class Browser:
    """Every command of `driver.mjs` as a method: `browser.click("text=Graph")`."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            ["node", str(DRIVER), str(CONSOLE), str(chromium())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._answer()

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise BrowserError("the browser's driver has ended")
        answer = json.loads(line)
        if "error" in answer:
            raise BrowserError(answer["error"])
        return answer.get("result")

    def __call__(self, command: str, *args: object) -> Any:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"command": command, "args": args}) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def __getattr__(self, command: str) -> Any:
        return lambda *args: self(command, *args)

    def close(self) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
