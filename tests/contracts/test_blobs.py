"""What every blob store must do. One suite; each store is a parameter."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flyte_core.blobs.local import LocalBlobs
from flyte_core.blobs.memory import MemoryBlobs, Moment
from flyte_core.model import (
    AlreadyExists,
    CoreError,
    Digest,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    ResourceExhausted,
)
from flyte_core.ports import BlobStore

HOSTILE = [
    "",
    "/",
    "/etc/passwd",
    "..",
    "../up",
    "a/../../up",
    "a/./b",
    "a//b",
    "a/",
    ".hidden",
    "a\\b",
    "c:/windows",
    "a\0b",
    "a\nb",
    "%2e%2e/up",
    "~/x",
    "ü",
    "a" * 300,
    "/".join("a" * 40),
    "\u202egnp.exe",
]


@pytest.fixture(params=["memory", "local"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> BlobStore:
    return MemoryBlobs() if request.param == "memory" else LocalBlobs(tmp_path / "blobs")


def test_a_blob_comes_back_as_it_went(blobs: BlobStore) -> None:
    data = bytes(range(256)) * 9_000
    digest = blobs.put("uploads/p/d/file.bin", data)
    assert digest == hashlib.sha256(data).hexdigest()
    assert blobs.get("uploads/p/d/file.bin", expect=digest) == data
    assert b"".join(blobs.open("uploads/p/d/file.bin")) == data
    assert b"".join(blobs.open("uploads/p/d/file.bin", start=2_000_000)) == data[2_000_000:]
    assert b"".join(blobs.open("uploads/p/d/file.bin", start=len(data))) == b""
    assert blobs.size("uploads/p/d/file.bin") == len(data)
    assert blobs.put("empty", b"") == hashlib.sha256(b"").hexdigest()
    assert blobs.get("empty") == b""
    assert blobs.size("empty") == 0


def test_a_stream_is_kept_like_bytes(blobs: BlobStore) -> None:
    digest = blobs.put("streamed", (bytes([n]) * 1_000 for n in range(5)))
    assert blobs.get("streamed", expect=digest) == b"".join(bytes([n]) * 1_000 for n in range(5))


def test_what_is_there_is_never_replaced(blobs: BlobStore) -> None:
    digest = blobs.put("a/b", b"first")
    assert blobs.put("a/b", b"first") == digest
    with pytest.raises(AlreadyExists, match="a/b"):
        blobs.put("a/b", b"second")
    assert blobs.get("a/b") == b"first"


def test_no_blob_lies_below_another(blobs: BlobStore) -> None:
    blobs.put("a/b", b"x")
    for path in ("a/b/c", "a/b/c/d", "a"):
        with pytest.raises(AlreadyExists, match="other blobs lie below"):
            blobs.put(path, b"x")
    assert blobs.get("a/b") == b"x"


def test_what_is_not_there_is_named(blobs: BlobStore) -> None:
    blobs.put("dir/file", b"x")
    for path in ("nothing", "dir/nothing", "dir", "dir/file/below"):
        with pytest.raises(NotFound, match=path):
            blobs.get(path)
        with pytest.raises(NotFound, match=path):
            blobs.open(path)
        assert blobs.size(path) is None


@pytest.mark.parametrize("path", HOSTILE, ids=ascii)
def test_a_path_that_leads_elsewhere_is_refused(blobs: BlobStore, path: str, tmp_path: Path) -> None:
    for use in (
        lambda: blobs.put(path, b"x"),
        lambda: blobs.get(path),
        lambda: blobs.open(path),
        lambda: blobs.size(path),
        lambda: blobs.uri(path),
    ):
        with pytest.raises(InvalidArgument):
            use()
    assert not [f for f in tmp_path.rglob("*") if f.is_file()]


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.sampled_from("a.Z0/\\~%:_-\0é \n"), max_size=12))
def test_no_name_writes_outside(tmp_path: Path, path: str) -> None:
    root = tmp_path / "deep" / "blobs"
    try:
        LocalBlobs(root).put(path, b"x")
    except CoreError:
        pass
    outside = [f for f in tmp_path.rglob("*") if f.is_file() and not f.is_relative_to(root)]
    assert outside == []


def test_many_writers_of_one_blob_agree(blobs: BlobStore) -> None:
    data = os.urandom(100_000)
    with ThreadPoolExecutor(8) as pool:
        digests = set(pool.map(lambda _: blobs.put("same/blob", data), range(32)))
    assert digests == {hashlib.sha256(data).hexdigest()}

    def race(number: int) -> str:
        try:
            return blobs.put("raced", b"%d" % (number % 2))
        except AlreadyExists:
            return "refused"

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(race, range(32)))
    kept = hashlib.sha256(blobs.get("raced")).hexdigest()
    assert set(outcomes) == {kept, "refused"}


def test_a_damaged_blob_is_refused(tmp_path: Path) -> None:
    local, memory = LocalBlobs(tmp_path), MemoryBlobs()
    for blobs in (local, memory):
        digest = blobs.put("x/y", b"right")
        if blobs is local:
            Path(local.uri("x/y")).write_bytes(b"wrong")
        else:
            memory.damage("x/y")
        with pytest.raises(FailedPrecondition, match="damaged"):
            blobs.get("x/y", expect=digest)
        with pytest.raises(FailedPrecondition):
            blobs.get("x/y", expect=Digest("0" * 64))


def test_a_link_that_leads_out_is_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("s")
    root = tmp_path / "blobs"
    root.mkdir()
    (root / "door").symlink_to(outside)
    (root / "file").symlink_to(outside / "secret")
    blobs = LocalBlobs(root)
    for use in (
        lambda: blobs.put("door/new", b"x"),
        lambda: blobs.get("door/secret"),
        lambda: blobs.get("file"),
        lambda: blobs.put("file", b"x"),
    ):
        with pytest.raises(FailedPrecondition, match="leads out"):
            use()
    assert sorted(f.name for f in outside.iterdir()) == ["secret"]
    assert (outside / "secret").read_text() == "s"


def test_a_failed_write_leaves_nothing(tmp_path: Path) -> None:
    blobs = LocalBlobs(tmp_path)

    def stream() -> Iterator[bytes]:
        yield b"some"
        raise RuntimeError("the source failed")

    with pytest.raises(RuntimeError):
        blobs.put("a/b", stream())
    assert [f for f in tmp_path.rglob("*") if f.is_file()] == []
    assert blobs.size("a/b") is None


def test_a_full_disk_is_named(tmp_path: Path) -> None:
    script = """
import errno, os, sys
from pathlib import Path
from flyte_core.blobs import local
from flyte_core.model import ResourceExhausted
real = os.fsync
def full(fd):
    raise OSError(errno.ENOSPC, "No space left on device")
blobs = local.LocalBlobs(Path(sys.argv[1]))
blobs.put("before", b"x")
os.fsync = full
try:
    blobs.put("after", b"y")
except ResourceExhausted as error:
    print(error)
os.fsync = real
print(blobs.size("before"), blobs.size("after"), sorted(os.listdir(sys.argv[1])))
"""
    told = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert "is full: after was not kept" in told.stdout
    assert told.stdout.endswith("1 None ['before']\n")


def test_a_write_killed_at_any_moment_leaves_the_whole_blob_or_none(tmp_path: Path) -> None:
    """The process dies at each system call of the recipe in turn."""
    script = """
import os, signal, sys
from pathlib import Path
from flyte_core.blobs.local import LocalBlobs
left = int(sys.argv[2])
def dying(call):
    def wrapped(*args, **kwargs):
        global left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return call(*args, **kwargs)
    return wrapped
for name in ("open", "fsync", "link", "mkdir", "unlink", "close"):
    setattr(os, name, dying(getattr(os, name)))
LocalBlobs(Path(sys.argv[1])).put("a/b/c", b"whole" * 1000)
"""
    outcomes = set()
    for moment in range(1, 40):
        root = tmp_path / str(moment)
        ended = subprocess.run([sys.executable, "-c", script, str(root), str(moment)], check=False)
        blobs = LocalBlobs(root)
        there = blobs.size("a/b/c") is not None
        if there:
            assert blobs.get("a/b/c") == b"whole" * 1000
        outcomes.add(there)
        if ended.returncode == 0:
            assert there
            break
        blobs.put("a/b/c", b"whole" * 1000)
    else:
        pytest.fail("the recipe has no end")
    assert outcomes == {False, True}


def test_memory_blobs_fail_on_demand() -> None:
    due: list[Moment] = ["put", "kept", "get"]

    def fault(moment: Moment, path: str) -> None:
        if due and moment == due[0]:
            due.pop(0)
            raise ResourceExhausted(f"{moment} {path}")

    blobs = MemoryBlobs(fault)
    with pytest.raises(ResourceExhausted):
        blobs.put("x", b"1")
    assert blobs.size("x") is None
    with pytest.raises(ResourceExhausted):
        blobs.put("x", b"1")
    assert blobs.size("x") == 1
    with pytest.raises(ResourceExhausted):
        blobs.get("x")
    assert blobs.get("x") == b"1"
    blobs.lose("x")
    with pytest.raises(NotFound):
        blobs.get("x")
