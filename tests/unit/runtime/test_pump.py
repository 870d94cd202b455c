"""From pipes into logs, whatever is written and whatever the disk does."""

import os
import resource
import signal
from pathlib import Path

from flyte._runtime.pump import LINE_BYTES, Log, Pump
from flyte_core import logs


def pumped(path: Path, *chunks: bytes) -> list[str]:
    reading, writing = os.pipe()
    log = Log(str(path))
    pump = Pump(reading, "o", log)
    for chunk in chunks:
        os.write(writing, chunk)
        pump.pull()
    os.close(writing)
    pump.drain()
    log.close()
    return [line.text for line, _ in logs.read(path)]


def test_lines_are_put_together_and_the_last_one_is_kept(tmp_path: Path) -> None:
    assert pumped(tmp_path / "log", b"a", b"b\nc\n", b"\n", b"d\te") == ["ab", "c", "", "d\te"]


def test_long_lines_are_cut_between_characters(tmp_path: Path) -> None:
    text = "x" + "é" * LINE_BYTES
    data = text.encode()
    chunks = [data[at : at + 50_000] for at in range(0, len(data), 50_000)]
    pieces = pumped(tmp_path / "log", *chunks, b"\nnext\n")
    assert pieces[-1] == "next" and "".join(pieces[:-1]) == text
    assert all(len(piece.encode()) <= LINE_BYTES for piece in pieces)


def test_a_full_disk_costs_output_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "log"
    log = Log(str(path))
    log.say("before")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 5, before[1]))
        log.say("does not fit")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
    log.say("after")
    log.close()
    texts = [line.text for line, _ in logs.read(path)]
    assert texts[0] == "before" and texts[-1] == "after"
    assert "bytes of output were lost" in texts[-2]
