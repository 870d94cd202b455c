"""Bundles: equal files give equal bytes, and no archive writes where it should not."""

import gzip
import io
import lzma
import os
import tarfile
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flyte_core.blobs.archive import Caps, pack, unpack
from flyte_core.model import InvalidArgument


def tar_of(*members: tuple[tarfile.TarInfo, bytes], zipped: bool = True) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz" if zipped else "w") as tar:
        for member, data in members:
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def plain(name: str, data: bytes = b"x") -> tuple[tarfile.TarInfo, bytes]:
    return tarfile.TarInfo(name), data


def special(name: str, kind: bytes, target: str = "") -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo(name)
    member.type = kind
    member.linkname = target
    return member, b""


def test_a_bundle_comes_back_as_it_went(tmp_path: Path) -> None:
    script = tmp_path / "run.sh"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    bundle = tmp_path / "b.tar.gz"
    bundle.write_bytes(
        pack({"pkg/mod.py": b"x = 1\n", "run.sh": script, "empty.py": b"", "ünïcode.py": b"y"})
    )
    unpack(bundle, tmp_path / "out")
    assert (tmp_path / "out/pkg/mod.py").read_bytes() == b"x = 1\n"
    assert (tmp_path / "out/empty.py").read_bytes() == b""
    assert (tmp_path / "out/ünïcode.py").read_bytes() == b"y"
    assert os.access(tmp_path / "out/run.sh", os.X_OK)
    assert not os.access(tmp_path / "out/pkg/mod.py", os.X_OK)


def test_equal_files_give_equal_bytes_whatever_their_times(tmp_path: Path) -> None:
    a, b = tmp_path / "a.py", tmp_path / "b.py"
    a.write_text("same")
    b.write_text("same")
    os.utime(b, (1, 1))
    assert pack({"m.py": a, "n.py": b"n"}) == pack({"n.py": b"n", "m.py": b})
    assert pack({"m.py": a}) != pack({"m2.py": a})


def attributes(value: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz", format=tarfile.PAX_FORMAT) as tar:
        member = tarfile.TarInfo("a")
        member.pax_headers = {"comment": value}
        tar.addfile(member)
    return buffer.getvalue()


def gnu_name(name: bytes) -> bytes:
    header = tarfile.TarInfo("././@LongLink")
    header.type = tarfile.GNUTYPE_LONGNAME
    return tar_of((header, name), plain("a"))


HOSTILE: dict[str, Callable[[], bytes]] = {
    "parent": lambda: tar_of(plain("../evil")),
    "parent inside": lambda: tar_of(plain("a/../../evil")),
    "absolute": lambda: tar_of(plain("/tmp/evil")),
    "drive": lambda: tar_of(plain("C:/evil")),
    "backslash": lambda: tar_of(plain("..\\evil")),
    "newline": lambda: tar_of(plain("a\nb")),
    "empty segment": lambda: tar_of(plain("a//b")),
    "symbolic link": lambda: tar_of(special("l", tarfile.SYMTYPE, "/etc/passwd")),
    "link, then through it": lambda: tar_of(special("d", tarfile.SYMTYPE, "/tmp"), plain("d/evil")),
    "hard link": lambda: tar_of(plain("a"), special("h", tarfile.LNKTYPE, "a")),
    "device": lambda: tar_of(special("n", tarfile.CHRTYPE)),
    "pipe": lambda: tar_of(special("p", tarfile.FIFOTYPE)),
    "twice": lambda: tar_of(plain("a"), plain("a", b"y")),
    "twice in other letters": lambda: tar_of(plain("Read.me"), plain("READ.ME")),
    "twice in other forms": lambda: tar_of(plain("é"), plain("e\u0301")),
    "file as directory": lambda: tar_of(plain("a"), plain("a/b")),
    "too deep": lambda: tar_of(plain("/".join("d" * 40))),
    "long name": lambda: tar_of(plain("n" * 300)),
    "bomb": lambda: tar_of(plain("zeros", bytes(300_000_000 // 10))),
    "huge attribute": lambda: attributes("x" * 30_000_000),
    "huge name": lambda: gnu_name(b"n" * 30_000_000),
    "headers without end": lambda: tar_of(*[special("p", tarfile.XGLTYPE)] * 3_000, plain("a")),
    "another compression": lambda: lzma.compress(tar_of(plain("a"), zipped=False)),
    "cut": lambda: tar_of(plain("a", os.urandom(100_000)))[:5000],
    "not an archive": lambda: b"PK\x03\x04 something else",
    "gzip of nonsense": lambda: gzip.compress(b"nonsense" * 1000),
    "bad uncompressed": lambda: tar_of(plain("../evil"), zipped=False),
    "empty file": lambda: b"",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_archives_write_nothing(name: str, tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    bundle = inner / "b.tar.gz"
    bundle.write_bytes(HOSTILE[name]())
    before = sorted(tmp_path.rglob("*"))
    tracemalloc.start()
    try:
        with pytest.raises(InvalidArgument) as refused:
            unpack(bundle, inner / "out")
        assert tracemalloc.get_traced_memory()[1] < 64 << 20
    finally:
        tracemalloc.stop()
    assert str(refused.value)
    assert sorted(tmp_path.rglob("*")) == before


def test_bounds_count_files_and_bytes(tmp_path: Path) -> None:
    bundle = tmp_path / "b.tar"
    bundle.write_bytes(tar_of(*(plain(f"f{i}") for i in range(5)), zipped=False))
    with pytest.raises(InvalidArgument, match="more than 4 files"):
        unpack(bundle, tmp_path / "a", Caps(files=4))
    with pytest.raises(InvalidArgument, match="more than 3 bytes"):
        unpack(bundle, tmp_path / "b", Caps(total_bytes=3))
    unpack(bundle, tmp_path / "c", Caps(files=5, total_bytes=5))


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    st.lists(st.tuples(st.text(min_size=1, max_size=12), st.binary(max_size=20)), max_size=6), st.randoms()
)
def test_whatever_it_holds_it_stays_inside(
    tmp_path_factory: pytest.TempPathFactory, members: list[tuple[str, bytes]], random: object
) -> None:
    folder = tmp_path_factory.mktemp("fuzz")
    bundle = folder / "b.tar.gz"
    try:
        bundle.write_bytes(tar_of(*(plain(name, data) for name, data in members)))
    except (UnicodeError, ValueError):
        return
    try:
        unpack(bundle, folder / "out")
    except InvalidArgument:
        assert not (folder / "out").exists()
    assert {p.name for p in folder.iterdir()} <= {"b.tar.gz", "out"}
