from collections.abc import Iterator
from pathlib import Path

import published
import pytest


@pytest.fixture
def site(tmp_path: Path) -> Iterator[published.Site]:
    with published.site(tmp_path) as made:
        yield made
