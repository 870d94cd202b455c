"""Every Python snippet of the documentation runs: as a program, and where it has tasks as runs in both modes.

What a snippet needs and a reader does not stands in comments before it, which no page shows:

    <!-- before: code that goes before it -->
    <!-- inside: def main() -> None: -->        it is the body of that
    <!-- after: code that goes after it -->
    <!-- instead: "RUN" = run.name -->          what stands for something else
    <!-- run: main --x 1 -->                    it is run as `flyte run`, here and there, with equal outputs
"""

import re
import shlex
import shutil
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from terminal import EXAMPLES, Terminal, terminal

ROOT = EXAMPLES.parent
COMMENT = re.compile(r"<!--\s*(\w+):[ \n]?(.*?)\s*-->", re.DOTALL)
SNIPPET = re.compile(r"((?:<!--(?:(?!-->).)*-->\s*)*)^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


@dataclass
class Snippet:
    """A fenced block, with what its comments say."""

    text: str
    said: dict[str, list[str]] = field(default_factory=dict)

    def program(self) -> str:
        text = self.text
        for change in self.said.get("instead", []):
            old, _, new = change.partition(" = ")
            assert old in text, old
            text = text.replace(old, new)
        for header in self.said.get("inside", []):
            text = f"{header}\n{textwrap.indent(text, '    ')}"
        after = [textwrap.indent(each, "    ") for each in self.said.get("after", [])]
        # A worker that imports the tasks must not start what follows.
        guard = ['if __name__ == "__main__":'] if after else []
        return "\n".join([*self.said.get("before", []), text, *guard, *after])


def snippets(page: Path) -> list[Snippet]:
    """Those of a page; what is included from an example is not among them: examples have tests of their own."""
    found = []
    for comments, text in SNIPPET.findall(page.read_text()):
        if text.startswith("--8<--"):
            continue
        snippet = Snippet(text)
        for word, what in COMMENT.findall(comments):
            assert word in ("before", "inside", "after", "instead", "run"), word
            snippet.said.setdefault(word, []).append(textwrap.dedent(what))
        found.append(snippet)
    return found


PAGES = [page for page in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))) if snippets(page)]


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminal]:
    """Somebody who types off what the pages show, beside the examples."""
    with terminal(tmp_path_factory.mktemp("reader")) as opened:
        for example in EXAMPLES.glob("*.py"):
            shutil.copy(example, opened.cwd)
        opened.write("words.txt", "one\ntwo\none\n")
        opened.write(".env", "API_KEY=k\nHUB_TOKEN=t\n")
        opened.flyte("start", "server")
        yield opened


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_the_page_shows_runs(reader: Terminal, page: Path) -> None:
    for number, snippet in enumerate(snippets(page)):
        name = f"{page.stem.lower().replace('-', '_')}_{number}.py"
        reader.write(name, snippet.program())
        wanted = snippet.said.get("run", [])
        if not wanted:
            reader.python(name)
        for words in wanted:
            here, there = (outputs(reader, mode, name, words) for mode in ("--local", "--debug"))
            assert here == there


def outputs(reader: Terminal, mode: str, name: str, words: str) -> object:
    """What a run of the snippet gives, in a project of its own: the cache of one mode must not serve the other."""
    project = f"docs{mode}"
    said = reader.run(mode, "-p", project, name, *shlex.split(words))
    return reader.get("io", said.lines[0], "-p", project)["outputs"]


def test_pages_include_what_is_there() -> None:
    included = re.compile(r"^--8<--\n(.+?)(?::\d*)*\n--8<--$", re.MULTILINE)
    for page in (ROOT / "docs").rglob("*.md"):
        text = page.read_text()
        assert text.count("8<") == 2 * len(included.findall(text)), (
            f"{page} includes something in another way"
        )
        for file in included.findall(text):
            assert (ROOT / file).is_file(), f"{page}: {file}"
