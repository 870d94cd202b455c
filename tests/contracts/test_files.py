"""The recipe for files: whole, or not there; and there after whatever comes."""

import subprocess
import sys
from pathlib import Path

import pytest

from flyte_core import files

DATA = b"whole" * 1000


def left(folder: Path) -> dict[str, bytes]:
    return {str(each.relative_to(folder)): each.read_bytes() for each in folder.rglob("*") if each.is_file()}


@pytest.mark.parametrize("durable", [True, False])
def test_what_is_written_is_there_and_replaces(tmp_path: Path, durable: bool) -> None:
    path = tmp_path / "a" / "b" / "c"
    for data in (b"", DATA, b"other"):
        files.write(path, data, durable=durable)
        assert left(tmp_path) == {"a/b/c": data}


def test_a_file_in_the_way_of_a_directory_is_an_error(tmp_path: Path) -> None:
    files.write(tmp_path / "a", b"1")
    with pytest.raises(OSError, match="a"):
        files.write(tmp_path / "a" / "b", b"2")
    assert left(tmp_path) == {"a": b"1"}


def test_what_does_not_fit_changes_nothing(tmp_path: Path) -> None:
    """The kernel refuses to let the file grow, as it does on a full disk."""
    files.write(tmp_path / "kept", b"before")
    script = (
        "import resource, signal, sys\n"
        "from pathlib import Path\n"
        "from flyte_core import files\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "try:\n"
        "    files.write(Path(sys.argv[1]), b'x' * 5000)\n"
        "except OSError as error:\n"
        "    print(error.strerror)\n"
    )
    told = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "kept")], capture_output=True, text=True, check=True
    )
    assert told.stdout == "File too large\n"
    assert left(tmp_path) == {"kept": b"before"}


def test_a_writer_killed_at_any_moment_leaves_the_old_or_the_new(tmp_path: Path) -> None:
    """The process dies at each system call of the recipe in turn; those who write afterwards are not hindered."""
    script = """
import os, pathlib, signal, sys
from flyte_core import files
left = int(sys.argv[2])
def dying(call):
    def wrapped(*args, **kwargs):
        global left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return call(*args, **kwargs)
    return wrapped
for name in ("open", "fsync", "mkdir", "unlink", "close", "replace"):
    setattr(os, name, dying(getattr(os, name)))
files.write(pathlib.Path(sys.argv[1]), b"whole" * 1000)
"""
    outcomes = set()
    for moment in range(1, 40):
        root = tmp_path / str(moment)
        path = root / "a" / "b" / "c"
        if moment % 2:
            files.write(path, b"old")
        ended = subprocess.run([sys.executable, "-c", script, str(path), str(moment)], check=False)
        found = path.read_bytes() if path.exists() else None
        assert found in (None if not moment % 2 else b"old", DATA)
        outcomes.add(found)
        files.write(path, DATA)
        if ended.returncode == 0:
            assert found == DATA
            break
    else:
        pytest.fail("the recipe has no end")
    assert outcomes == {None, b"old", DATA}


def test_the_bytes_reach_the_disk_before_the_name_and_the_name_before_the_return(tmp_path: Path) -> None:
    script = """
import os, pathlib, sys
from flyte_core import files
def told(name):
    call = getattr(os, name)
    def wrapped(*args, **kwargs):
        result = call(*args, **kwargs)
        what = args[0] if not isinstance(args[0], int) else os.readlink(f"/proc/self/fd/{args[0]}")
        print(name, os.path.basename(str(what)).split(".")[1 if os.path.basename(str(what)).startswith(".") else 0])
        return result
    setattr(os, name, wrapped)
for name in ("fsync", "mkdir", "replace"):
    told(name)
files.write(pathlib.Path(sys.argv[1]) / "new" / "file", b"x")
"""
    told = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "root")], capture_output=True, text=True, check=True
    )
    steps = [line for line in told.stdout.splitlines() if not line.endswith(tmp_path.name)]
    assert steps == ["mkdir root", "mkdir new", "fsync root", "fsync file", "replace file", "fsync new"]
