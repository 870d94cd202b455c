"""Output of bodies that share a process goes to the log of each."""

import asyncio
import logging
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from flyte._runtime import capture
from flyte_core import logs


@contextmanager
def captured(log: capture.LogFile) -> Iterator[None]:
    """Not a fixture: pytest has streams of its own for setting up."""
    capture.install()
    try:
        with capture.to(log):
            yield
    finally:
        capture.uninstall()


def lines(path: Path) -> list[tuple[str, str]]:
    return [(line.stream, line.text) for line, _ in logs.read(path)]


def test_whole_lines_partial_lines_and_bytes(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "log"
    with captured(capture.LogFile(path)):
        print("one")
        print("two", end="")
        print(" three\nfour", end="")
        sys.stderr.write("err\n")
        sys.stdout.buffer.write("é\n".encode())
        print("x" * 100_000)
    assert lines(path)[:3] == [("o", "one"), ("o", "two three"), ("e", "err")]
    rest = "".join(text for stream, text in lines(path)[3:])
    assert rest == "fouré" + "x" * 100_000
    print("outside")
    assert len(lines(path)) == 6


def test_nothing_is_created_by_silence(tmp_path: Path) -> None:
    with captured(capture.LogFile(tmp_path / "log")):
        pass
    assert not (tmp_path / "log").exists()


async def test_interleaved_tasks_threads_and_pools(tmp_path: Path) -> None:
    shared = ThreadPoolExecutor(2)

    async def body(number: int) -> None:
        with capture.to(capture.LogFile(tmp_path / str(number))):
            loop = asyncio.get_running_loop()
            for _ in range(10):
                print("direct", number)
                await asyncio.sleep(0)
            await asyncio.create_task(_say("task", number))
            await asyncio.to_thread(print, "to_thread", number)
            await loop.run_in_executor(None, print, "executor", number)
            shared.submit(print, "pool", number).result()
            thread = threading.Thread(target=print, args=("thread", number))
            thread.start()
            thread.join()
            logging.getLogger("of a task").warning("logged %s", number)

    async def _say(word: str, number: int) -> None:
        print(word, number)

    capture.install()
    handler = logging.StreamHandler()
    logging.getLogger("of a task").addHandler(handler)
    await asyncio.gather(*(body(number) for number in range(5)))
    logging.getLogger("of a task").removeHandler(handler)
    shared.shutdown()
    capture.uninstall()
    for number in range(5):
        words = [f"{word} {number}" for word in ("task", "to_thread", "executor", "pool", "thread", "logged")]
        texts = [text for _, text in lines(tmp_path / str(number))]
        assert texts == [f"direct {number}"] * 10 + words


def test_handlers_made_before_are_followed(tmp_path: Path) -> None:
    handler = logging.StreamHandler()
    logger = logging.getLogger("early")
    logger.addHandler(handler)
    before = handler.stream
    with captured(capture.LogFile(tmp_path / "log")):
        logger.error("heard")
    logger.removeHandler(handler)
    assert lines(tmp_path / "log") == [("e", "heard")]
    assert handler.stream is before


def test_a_log_that_cannot_be_written_does_not_fail_the_body(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with captured(capture.LogFile(tmp_path / "file" / "log")):
        print("lost")


def test_what_is_written_is_echoed(tmp_path: Path) -> None:
    heard: list[tuple[str, str]] = []
    with captured(capture.LogFile(tmp_path / "log", lambda stream, text: heard.append((stream, text)))):
        print("both")
    assert heard == [("o", "both"), ("o", "\n")] and lines(tmp_path / "log") == [("o", "both")]
