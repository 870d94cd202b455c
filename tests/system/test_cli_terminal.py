"""On a terminal: colours and a progress line; what a pipe never sees."""

import os
import pty
import subprocess
import threading

import pytest
from terminal import FLYTE, Terminal


def on_a_terminal(user: Terminal, *words: str, **more: str) -> tuple[str, str]:
    """What a command writes to stdout and stderr when each is a terminal."""
    ends = [pty.openpty(), pty.openpty()]
    process = subprocess.Popen(
        [FLYTE, *words],
        cwd=user.cwd,
        env=user.environment(**more),
        stdin=subprocess.DEVNULL,
        stdout=ends[0][1],
        stderr=ends[1][1],
    )
    for _, far in ends:
        os.close(far)
    said = tuple(_read(near) for near, _ in ends)
    assert process.wait(timeout=60) == 0
    return said[0], said[1]


def _read(near: int) -> str:
    """All of a terminal's output; reading a terminal that nobody holds any more is an error."""
    parts = []
    try:
        while part := os.read(near, 65536):
            parts.append(part)
    except OSError:
        pass
    finally:
        os.close(near)
    return b"".join(parts).decode()


def test_tables_have_colours_unless_forbidden(page: Terminal) -> None:
    page.run("--local", "my_script.py", "pipeline", "--x", "5")
    out, _ = on_a_terminal(page, "get", "run")
    assert "\x1b[32msucceeded\x1b[0m" in out
    out, _ = on_a_terminal(page, "get", "run", NO_COLOR="1")
    assert "\x1b" not in out


def test_waiting_shows_a_line_that_is_gone_at_the_end(page: Terminal) -> None:
    out, err = on_a_terminal(page, "run", "my_script.py", "pipeline", "--x", "5")
    assert len(out.splitlines()) == 3
    assert "\x1b" not in out
    assert err.endswith("\r\x1b[2K")
    _, quiet = on_a_terminal(page, "--no-progress", "run", "my_script.py", "pipeline", "--x", "5")
    assert quiet == ""


def test_the_line_counts_the_actions(user: Terminal) -> None:
    user.write(
        "counted.py",
        "import asyncio, flyte\n"
        "env = flyte.TaskEnvironment(name='counted')\n"
        "@env.task\n"
        "async def step(n: int) -> int:\n"
        "    await asyncio.sleep(2 * n)\n"
        "    return n\n"
        "@env.task\n"
        "async def main() -> int:\n"
        "    return sum(await asyncio.gather(step(0), step(1)))\n",
    )
    _, err = on_a_terminal(user, "run", "counted.py", "main")
    assert "counted.main (" in err
    assert "3 actions, " in err
    assert "1 succeeded" in err


@pytest.mark.parametrize("mode", [[], ["--local"]])
def test_a_run_is_watched_in_the_terminals_console(page: Terminal, mode: list[str]) -> None:
    near, far = pty.openpty()
    process = subprocess.Popen(
        [FLYTE, "run", "--tui", *mode, "my_script.py", "pipeline", "--x", "5"],
        cwd=page.cwd,
        env=page.environment(TERM="xterm-256color"),
        stdin=far,
        stdout=subprocess.PIPE,
        stderr=far,
        text=True,
    )
    os.close(far)
    seen = b""
    while b"my_env.step_two" not in seen or b"succeeded" not in seen:
        if b"step_two" in seen:
            # Down to the last line of the tree.
            os.write(near, b"jj")
        seen += os.read(near, 65536)
    os.write(near, b"q")
    rest = threading.Thread(target=_read, args=(near,))
    rest.start()
    out, _ = process.communicate(timeout=60)
    rest.join()
    assert process.returncode == 0
    assert out.splitlines()[-1] == "Run 'a0' completed successfully."
    assert len(out.splitlines()) == 3


def test_the_console_needs_a_terminal(page: Terminal) -> None:
    for words in (["start", "tui"], ["run", "--tui", "my_script.py", "pipeline", "--x", "5"]):
        said = page.flyte(*words, code=2)
        assert "needs a terminal" in said.stderr
        assert said.stdout == ""
    assert page.flyte("get", "run").stdout == ""
