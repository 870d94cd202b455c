"""Files and frames as a user has them: typed on the command line, kept by content, in a bucket of one's own."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import s3
from terminal import SCRIPTS, Terminal

from flyte._client.connect import Connect
from flyte._client.endpoint import parse_endpoint
from flyte._remote.cargo import Cargo


@pytest.fixture
def data(user: Terminal) -> Terminal:
    """A user with a script, two files, a directory and a table."""
    for script in ("data.py", "files.py", "lasting.py"):
        shutil.copy(SCRIPTS / script, user.cwd)
    for name in ("a.txt", "sub/a.txt", "tree/x", "tree/deep/y"):
        user.write(name, "some text")
    user.write("t.csv", "n,word\n1,one\n2,two\n")
    return user


def outputs(user: Terminal, *words: str, where: tuple[str, ...] = ()) -> dict[str, Any]:
    said = user.run(*where, *words)
    assert said.lines[-1] == "Run 'a0' completed successfully.", said.stderr
    found: dict[str, Any] = user.get("io", said.lines[0])["outputs"]
    return found


@pytest.mark.parametrize("where", [("--local",), ()], ids=["local", "server"])
def test_files_directories_and_frames_are_typed_as_paths(data: Terminal, where: tuple[str, ...]) -> None:
    words = ["data.py", "look", "--file", "a.txt", "--tree", "tree", "--frame", "t.csv", "--native", "t.csv"]
    found = outputs(data, *words, where=where)
    assert found["o0"] == ["some text", "x y", "[1, 2]", "['one', 'two']"]
    job = '{"file": "sub/a.txt", "extra": ["a.txt", "file://' + str(data.cwd / "a.txt") + '"]}'
    assert outputs(data, "files.py", "within", "--job", job, where=where)["o0"] == "3 some text"


def test_what_a_server_is_told_of_is_on_the_disk(data: Terminal) -> None:
    assert outputs(data, "lasting.py", "writes") == {"o0": []}


def test_a_path_is_a_copy_and_an_address_is_not(data: Terminal) -> None:
    run = data.run(
        "--local", "files.py", "keep", "--file", "a.txt", "--other", f"file://{data.cwd}/a.txt"
    ).lines[0]
    data.write("a.txt", "changed")
    found = data.get("io", run)["outputs"]
    assert Path(found["o0"]).read_text() == "some text"
    assert found["o1"] == str(data.cwd / "a.txt")


def test_a_file_that_is_not_there_is_refused_before_anything_is_created(data: Terminal) -> None:
    said = data.run("--local", "files.py", "keep", "--file", "nope.txt", "--other", "a.txt", code=2)
    assert "Invalid value for '--file'" in said.stderr
    assert "No such file or directory: nope.txt" in said.stderr
    assert data.get("run") == []


def test_the_cache_knows_files_by_their_content(data: Terminal) -> None:
    def ran(file: str) -> bool:
        run = data.run("--local", "files.py", "count", "--file", file).lines[0]
        return "counting" in data.flyte("get", "logs", run, "a0").stdout

    assert ran("a.txt")
    assert not ran("sub/a.txt"), "the same content at another path"
    data.write("a.txt", "other text")
    assert ran("a.txt")


@pytest.mark.parametrize("where", [("--local",), ()], ids=["local", "server"])
def test_a_cached_outcome_whose_file_is_gone_is_a_miss(data: Terminal, where: tuple[str, ...]) -> None:
    def ran() -> bool:
        run = data.run(*where, "files.py", "produce", "--text", "abc").lines[0]
        return "producing" in data.flyte("get", "logs", run, "a0", code=None).stdout

    assert ran()
    assert not ran()
    (written,) = (data.home / "runs").rglob("made.txt")
    written.unlink()
    assert ran()


def test_a_damaged_file_is_told(data: Terminal) -> None:
    run = data.run("--local", "files.py", "keep", "--file", "a.txt", "--other", "a.txt").lines[0]
    kept = Path(data.get("io", run)["outputs"]["o0"])
    kept.write_text("some taxt")
    said = data.run(
        "--local", "files.py", "count", "--file", f'{{"path": "{kept}", "hash": "sha256:00"}}', code=1
    )
    assert "DataCorrupted" in said.stderr
    assert "is damaged" in said.stderr


def test_a_server_run_keeps_its_data_in_a_bucket(
    data: Terminal, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with s3.bucket(tmp_path_factory.mktemp("s3")) as bucket:
        data.env.update(bucket.env)
        for where in ((), ("--local",)):
            words = (*where, "--raw-data-path", f"{bucket.uri}/runs")
            found = outputs(data, "data.py", "make", "--rows", "30000", where=words)
            run = data.get("run")[0]["name"]
            assert found["o0"].startswith(f"{bucket.uri}/runs/{run}/")
            assert found["o1"].startswith(f"{bucket.uri}/runs/{run}/")
            assert found["o2"] == 899_970_000.0


async def test_what_a_server_elsewhere_needs_goes_along(data: Terminal) -> None:
    data.flyte("start", "server")
    url = data.get("server")["url"]
    file, tree = str(data.cwd / "a.txt"), str(data.cwd / "tree")
    cargo = Cargo()
    assert not cargo
    assert (cargo(file, "sha256:1"), cargo(tree, None)) == (file, tree)
    there = await cargo.bring(Connect(parse_endpoint(url)), "flytesnacks", "development")
    assert Path(there[file]).read_text() == "some text"
    assert Path(there[file]).is_relative_to(data.home / "blobs")
    assert (Path(there[tree]) / "deep" / "y").read_text() == "some text"
    assert cargo(file, "sha256:1") == there[file]
    assert await cargo.bring(Connect(parse_endpoint(url)), "flytesnacks", "development") == there
