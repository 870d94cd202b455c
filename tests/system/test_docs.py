"""The documentation is true: what its console blocks show is what the commands print."""

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from terminal import EXAMPLES, FLYTE, Terminal

ROOT = EXAMPLES.parent
RUN = re.compile(r"\br[a-z0-9]{19}\b")
ACTION = re.compile(r"\ba[a-z2-7]{25}\b")
LOOSE = (
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"), "WHEN"),
    (re.compile(r"\d+(\.\d+)? m?s\b"), "LONG"),
    (re.compile(r"localhost:\d+"), "localhost:PORT"),
    (re.compile(r" +"), " "),
)


def sessions(page: str) -> list[tuple[str, str]]:
    """Each `$ command` of a page with the output shown under it, in order."""
    found = []
    for block in re.findall(r"```console\n(.*?)```", (ROOT / page).read_text(), re.DOTALL):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            found.append((command, output))
    return found


def loosely(text: str) -> str:
    """Without what differs from one time to the next."""
    for pattern, word in (*LOOSE, (RUN, "RUN"), (ACTION, "ACTION")):
        text = pattern.sub(word, text)
    return text.strip()


@pytest.mark.parametrize("page", ["README.md", "docs/tutorial.md"])
def test_what_the_page_shows_is_what_happens(user: Terminal, page: str) -> None:
    for example in EXAMPLES.glob("*.py"):
        shutil.copy(example, user.cwd)
    user.flyte("start", "server")
    shown = sessions(page)
    assert shown
    ids: dict[str, str] = {}
    for command, expected in shown:
        for old, new in ids.items():
            command = command.replace(old, new)
        ended = subprocess.run(
            [FLYTE, *shlex.split(command)[1:]],
            cwd=user.cwd,
            env=user.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
            check=False,
        )
        assert loosely(ended.stdout) == loosely(expected), command
        ids.update(zip(RUN.findall(expected), RUN.findall(ended.stdout), strict=True))
        ids.update(zip(ACTION.findall(expected), ACTION.findall(ended.stdout), strict=True))


def test_links_between_pages_lead_somewhere() -> None:
    for page in (ROOT / "README.md", *(ROOT / "docs").rglob("*.md")):
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text()):
            if (
                "://" not in target
                and target != "reference/performance.md"
                and target != "docs/reference/performance.md"
            ):
                assert (page.parent / target).exists(), f"{page}: {target}"


def test_scripts_in_the_readme_are_the_shipped_ones() -> None:
    readme = (ROOT / "README.md").read_text()
    script = (EXAMPLES / "my_script.py").read_text()
    assert script[script.index("import flyte") :] in readme


def test_every_example_says_what_it_teaches() -> None:
    for example in EXAMPLES.glob("*.py"):
        text = Path(example).read_text()
        assert f"flyte run {example.name} " in text.split('"""')[1]
