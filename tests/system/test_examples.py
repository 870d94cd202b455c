"""Every example does what its docstring says, in-process and on the server alike."""

import ast
import contextlib
import re
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest
from terminal import EXAMPLES, Terminal

FOUND = sorted(EXAMPLES.glob("*.py"))
COMMAND = re.compile(r"^    flyte run (.+)$", re.MULTILINE)
RESULT = re.compile(r"result is (.+?)\.?\s*$", re.DOTALL)


def shape(actions: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """What a run consists of, without what differs from one run to the next."""
    names = {each["name"]: (each["short_name"], each["seq"]) for each in actions}
    return sorted(
        (
            each["short_name"],
            each["kind"],
            each["seq"],
            names.get(each["parent"]),
            each["group"],
            each["phase"],
            each["attempts"],
        )
        for each in actions
    )


@pytest.mark.parametrize("example", FOUND, ids=[each.stem for each in FOUND])
def test_an_example_gives_what_it_promises(user: Terminal, example: Path) -> None:
    shutil.copy(example, user.cwd)
    lesson = example.read_text().split('"""')[1]
    command = COMMAND.search(lesson)
    result = RESULT.search(lesson)
    assert command, f"{example.name} does not say how it is run"
    assert result, f"{example.name} does not say what comes out"
    seen = []
    for at, mode in enumerate(([], ["--local"])):
        # A project of its own: what one mode has put into the cache must not serve the other.
        where = ["-p", f"project{at}"]
        said = user.run(*where, *mode, *shlex.split(command.group(1)))
        assert said.lines[-1] == "Run 'a0' completed successfully."
        run = said.lines[0]
        outputs = user.get("io", run, *where)["outputs"]
        seen.append((outputs, shape(user.get("action", run, *where))))
    assert seen[0] == seen[1], "both ways give the same, by the same tree"
    with contextlib.suppress(ValueError, SyntaxError):
        assert list(seen[0][0].values()) == [ast.literal_eval(result.group(1))]
