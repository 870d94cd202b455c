from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import Browser, missing
from console_site import Console, serving


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    lacking = missing()
    if lacking:
        pytest.skip(lacking)
    started = Browser()
    yield started
    started.close()


@pytest.fixture
def browser(chromium: Browser, site: Console) -> Iterator[Browser]:
    """A fresh profile on the site; afterwards nothing may have gone wrong in the page's console."""
    chromium.fresh()
    chromium.problems()
    yield chromium
    chromium.leave()
    assert chromium.problems() == []


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Console]:
    """The built pages over a history that the test writes."""
    with serving(tmp_path / "home") as started:
        yield started
