import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from place import Place, place
from terminal import EXAMPLES, SCRIPTS, Terminal, terminal


@pytest.fixture
def user(tmp_path: Path) -> Iterator[Terminal]:
    """A user in an empty directory, with nothing configured but a data directory and a port."""
    with terminal(tmp_path) as opened:
        yield opened


@pytest.fixture
def page(user: Terminal) -> Terminal:
    """The same, with the first page's script."""
    shutil.copy(EXAMPLES / "my_script.py", user.cwd)
    return user


@pytest.fixture
def odd(user: Terminal) -> Terminal:
    """The same, with a script of tasks that misbehave."""
    shutil.copy(SCRIPTS / "odd.py", user.cwd)
    return user


@pytest.fixture(scope="module", params=["local", "server"])
def both(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """In this process, then on a server that the module's tests share."""
    with place(request.param, tmp_path_factory.mktemp(request.param)) as opened:
        yield opened
