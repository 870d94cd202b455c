from collections.abc import Iterator
from pathlib import Path

import pytest
from console_site import Console, serving


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    """A small bundle in the place of the built one."""
    root = tmp_path / "dist"
    (root / "assets").mkdir(parents=True)
    head = '<!-- preload --><script src="./assets/app.js"></script>'
    (root / "index.html").write_text(f"<!doctype html><title>Godwit</title>{head}")
    (root / "assets/app.js").write_text("// " + "x" * 2000)
    return root


@pytest.fixture
def site(tmp_path: Path, pages: Path) -> Iterator[Console]:
    with serving(tmp_path / "home", pages) as started:
        yield started
