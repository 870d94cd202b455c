"""What real shells complete."""

import os
import pty
import re
import select
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from terminal import FLYTE, Terminal

BIN = str(Path(FLYTE).parent)


def shell(name: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(
        shutil.which(name) is None, reason=f"no {name} (Debian: apt-get install {name})"
    )


def environment(user: Terminal) -> dict[str, str]:
    found = user.environment(TERM="dumb")
    return {**found, "PATH": f"{BIN}:{found['PATH']}"}


def said(user: Terminal, *command: str) -> str:
    done = subprocess.run(
        command, cwd=user.cwd, env=environment(user), capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


BASH = """
eval "$(flyte completion bash)"
COMP_WORDS=({words} "{last}"); COMP_CWORD={at}
_flyte_completion flyte "{last}" ""
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


def by_bash(user: Terminal, line: str) -> list[str]:
    words = line.split(" ")
    script = BASH.format(words=" ".join(words[:-1]), last=words[-1], at=len(words) - 1)
    return said(user, "bash", "--norc", "-c", script).split()


def by_fish(user: Terminal, line: str) -> list[str]:
    found = said(user, "fish", "--no-config", "-c", f"flyte completion fish | source; complete -C '{line}'")
    return [each.split("\t")[0] for each in found.splitlines()]


def by_zsh(user: Terminal, line: str, wanted: str) -> str:
    """What an interactive zsh shows when Tab is pressed, until `wanted` is there."""
    process, near = pty.fork()
    if process == 0:
        os.chdir(user.cwd)
        os.execvpe("zsh", ["zsh", "-f", "-i"], environment(user))
    seen = ""

    def read_until(mark: str) -> None:
        nonlocal seen
        deadline = time.monotonic() + 30
        while mark not in seen:
            assert time.monotonic() < deadline, seen
            if select.select([near], [], [], 0.2)[0]:
                seen += re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", os.read(near, 65536).decode(errors="replace"))

    try:
        setup = (
            'PS1="> "; autoload -U compinit; compinit -u -D; eval "$(flyte completion zsh)"; echo rea""dy\n'
        )
        os.write(near, setup.encode())
        read_until("ready")
        seen = ""
        os.write(near, line.encode() + b"\t\t")
        read_until(wanted)
        return seen
    finally:
        os.write(near, b"\x03\x04exit\n")
        os.close(near)
        os.waitpid(process, 0)


@shell("bash")
def test_bash_completes_commands_files_tasks_and_runs(page: Terminal) -> None:
    run = page.run("--local", "my_script.py", "pipeline", "--x", "5").lines[0]
    action = page.get("action", run)[1]["name"]
    assert by_bash(page, "flyte wh") == ["whoami"]
    assert by_bash(page, "flyte run hel") == ["hello"]
    assert by_bash(page, "flyte run my_script.py ") == ["step_one", "step_two", "pipeline"]
    assert by_bash(page, "flyte run my_script.py pipeline --") == ["--x", "--help"]
    assert by_bash(page, f"flyte get run {run[:4]}") == [run]
    assert by_bash(page, "flyte abort run ") == [run]
    assert by_bash(page, f"flyte get logs {run} {action[:5]}") == [action]
    assert by_bash(page, "flyte -of js") == ["json", "json-raw"]
    assert by_bash(page, "flyte run nowhere.py ") == [""] or by_bash(page, "flyte run nowhere.py ") == []


@shell("fish")
def test_fish_completes_tasks_and_runs(page: Terminal) -> None:
    run = page.run("--local", "my_script.py", "pipeline", "--x", "5").lines[0]
    assert sorted(by_fish(page, "flyte run my_script.py ")) == ["pipeline", "step_one", "step_two"]
    assert by_fish(page, f"flyte get io {run[:4]}") == [run]
    assert "my_script.py" in by_fish(page, "flyte run my_")


@shell("zsh")
def test_zsh_completes_tasks_and_runs(page: Terminal) -> None:
    run = page.run("--local", "my_script.py", "pipeline", "--x", "5").lines[0]
    shown = by_zsh(page, "flyte run my_script.py ", "pipeline")
    assert "step_one" in shown
    assert run in by_zsh(page, "flyte get run r", run)
