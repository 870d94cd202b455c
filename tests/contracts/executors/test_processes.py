"""What any command, in any language, can rely on: environment, output, limits, a clean end."""

import os
import signal
import sys
from pathlib import Path

import pytest
from tests.contracts.executors.conftest import Bench, gone, until

from flyte_core import supervision
from flyte_core.model import ResourceRequest
from flyte_server.ports.executor import EndReason

IGNORES_SIGTERM = """
    import signal, time
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print("ready")
    time.sleep(600)
"""

LEAVES_A_DAEMON = """
    import os, sys, time
    if os.fork() == 0:
        os.setsid()
        daemon = os.fork()
        if daemon == 0:
            time.sleep(600)
        print("daemon", daemon, flush=True)
        os._exit(0)
    os.wait()
    print("ready", flush=True)
"""


async def test_runs_in_its_own_directory_with_its_own_environment(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OF_THE_SERVER", "secret")
    launch = bench.script(
        """
        import os, sys
        print(os.getcwd())
        print(os.environ["GIVEN"], os.environ.get("OF_THE_SERVER"))
        print(os.environ["PATH"].split(os.pathsep)[0])
        print(repr(sys.stdin.read()), os.getsid(0) == os.getpid())
        """
    )
    launch.env["GIVEN"] = "a b\n\tc"  # type: ignore[index]
    ended = await bench.finish(launch)
    assert (ended.reason, ended.exit_code, ended.signal, ended.detail) == (EndReason.EXIT, 0, None, "")
    assert bench.text(launch) == [
        str(launch.dir / "work"),
        "a b",
        "\tc None",
        str(Path(sys.executable).parent),
        "'' True",
    ]
    assert bench.started[launch.token] == f"pid {bench.pids(launch)[1]}"


async def test_a_cold_shim_does_the_same(cold: Bench) -> None:
    launch = cold.script("print('out'); import sys; print('err', file=sys.stderr); sys.exit(4)")
    ended = await cold.finish(launch)
    assert (ended.reason, ended.exit_code) == (EndReason.EXIT, 4)
    assert sorted(cold.lines(launch)) == [("e", "err"), ("o", "out"), ("s", "exited with code 4")]


async def test_a_command_that_is_not_there_is_a_failure_to_launch(bench: Bench) -> None:
    ended = await bench.finish(bench.raw("no-such-command"))
    assert ended.reason is EndReason.LAUNCH_FAILED
    assert "no-such-command" in ended.detail and "No such file" in ended.detail


async def test_output_is_kept_whole(bench: Bench) -> None:
    launch = bench.script(
        """
        import os
        os.write(1, b"one\\n\\ntwo\\xff\\n")
        os.write(1, "é".encode() * 50_000 + b"\\n")
        os.write(2, b"no newline")
        """
    )
    await bench.finish(launch)
    out = [text for stream, text in bench.lines(launch) if stream == "o"]
    assert out[:3] == ["one", "", "two\ufffd"]
    assert "".join(out[3:]) == "é" * 50_000
    assert [len(text.encode()) <= 65536 for text in out[3:]] == [True, True]
    assert ("e", "no newline") in bench.lines(launch)


async def test_much_output_needs_little_memory(bench: Bench) -> None:
    launch = bench.script(
        """
        line = b"x" * 999 + b"\\n"
        import os, pathlib
        for _ in range(500):
            view = memoryview(line * 100)
            while view:
                view = view[os.write(1, view):]
        shim = os.getppid()
        status = pathlib.Path(f"/proc/{shim}/status").read_text()
        print([each for each in status.splitlines() if each.startswith("VmHWM")][0])
        """
    )
    await bench.finish(launch)
    *lines, peak = bench.text(launch)
    assert len(lines) == 50_000 and set(lines) == {"x" * 999}
    assert int(peak.split()[1]) < 120_000, "kB of the supervisor's memory"


@pytest.mark.parametrize(
    ("code", "reason", "exit_code", "number"),
    [
        ("import sys; sys.exit(3)", EndReason.EXIT, 3, None),
        ("import os; os._exit(255)", EndReason.EXIT, 255, None),
        ("import os; os.abort()", EndReason.SIGNAL, None, signal.SIGABRT),
        ("import ctypes; ctypes.string_at(0)", EndReason.SIGNAL, None, signal.SIGSEGV),
        ("import os; os.kill(os.getpid(), 9)", EndReason.SIGNAL, None, signal.SIGKILL),
    ],
)
async def test_ends_are_told_as_they_were(
    bench: Bench, code: str, reason: EndReason, exit_code: int | None, number: int | None
) -> None:
    launch = bench.script(f"print('last words', flush=True); {code}")
    ended = await bench.finish(launch)
    assert (ended.reason, ended.exit_code, ended.signal) == (reason, exit_code, number)
    assert ended.log_tail.startswith("last words")
    word = "code" if number is None else signal.Signals(number).name
    assert word in ended.detail and ("s", ended.detail) in bench.lines(launch)


async def test_a_worker_killed_from_outside(bench: Bench) -> None:
    launch = await bench.running(bench.script("import time; print('ready', flush=True); time.sleep(600)"))
    os.kill(bench.pids(launch)[1], signal.SIGKILL)
    ended = await bench.end(launch)
    assert (ended.reason, ended.signal) == (EndReason.SIGNAL, signal.SIGKILL)


async def test_the_time_limit_ends_everything(bench: Bench) -> None:
    code = LEAVES_A_DAEMON + "    time.sleep(600)\n"
    launch = await bench.running(bench.script(code, max_runtime_s=0.8))
    daemon = int(bench.text(launch)[0].split()[1])
    ended = await bench.end(launch)
    assert (ended.reason, ended.signal) == (EndReason.TIMEOUT, signal.SIGTERM)
    assert "0.8 s" in ended.detail
    assert gone(daemon) and gone(bench.pids(launch)[1])


async def test_ignoring_sigterm_does_not_help(bench: Bench) -> None:
    launch = await bench.running(bench.script(IGNORES_SIGTERM, max_runtime_s=1.0, grace_s=0.3))
    ended = await bench.end(launch)
    assert (ended.reason, ended.signal) == (EndReason.TIMEOUT, signal.SIGKILL)


async def test_no_process_survives_a_good_end(bench: Bench) -> None:
    launch = bench.script(LEAVES_A_DAEMON)
    ended = await bench.finish(launch)
    assert (ended.reason, ended.exit_code) == (EndReason.EXIT, 0)
    assert gone(int(bench.text(launch)[0].split()[1]))


async def test_the_memory_limit_counts_the_whole_tree(bench: Bench) -> None:
    launch = bench.script(
        """
        import subprocess, sys, time
        hold = "import time; x = bytearray(60_000_000); print('held', flush=True); time.sleep(600)"
        children = [subprocess.Popen([sys.executable, "-c", hold]) for _ in range(3)]
        time.sleep(600)
        """,
        resources=ResourceRequest(memory_bytes=2**20, memory_limit_bytes=150 * 2**20),
    )
    ended = await bench.finish(launch)
    assert (ended.reason, ended.signal) == (EndReason.OOM, signal.SIGKILL)
    assert "the limit is 150 MiB" in ended.detail


async def test_use_is_measured(bench: Bench) -> None:
    launch = bench.script("x = bytearray(80_000_000)\nfor _ in range(3_000_000): pass")
    await bench.finish(launch)
    record = await until(lambda: supervision.read_exit(launch.dir))
    assert record.max_rss_bytes > 80_000_000 and record.cpu_s > 0.02
    assert 0 < record.started_at < record.ended_at


async def test_cancel_while_it_runs(bench: Bench) -> None:
    launch = await bench.running(bench.script("import time; print('ready', flush=True); time.sleep(600)"))
    await bench.cancel(launch)
    await bench.cancel(launch)
    ended = await bench.end(launch)
    assert (ended.reason, ended.signal) == (EndReason.CANCELLED, signal.SIGTERM)
    await bench.cancel(launch)
    assert bench.told == 1


async def test_cancel_by_force_after_the_grace(bench: Bench) -> None:
    launch = await bench.running(bench.script(IGNORES_SIGTERM))
    await bench.cancel(launch, grace_s=0.2)
    ended = await bench.end(launch)
    assert (ended.reason, ended.signal) == (EndReason.CANCELLED, signal.SIGKILL)


async def test_cancel_before_anything_was_started(bench: Bench) -> None:
    launch = await bench.submit(bench.script("print('ran')"))
    await bench.cancel(launch)
    ended = await bench.end(launch)
    assert ended.reason is EndReason.CANCELLED
    later = await bench.finish(bench.script("print('another')"))
    assert later.exit_code == 0
    assert "ran" not in bench.text(launch) and bench.told == 2


async def test_submitting_twice_runs_once(bench: Bench) -> None:
    launch = bench.script("print('ran')")
    await bench.submit(launch)
    await bench.finish(launch)
    await bench.submit(launch)
    await bench.finish(bench.script(""))
    assert bench.text(launch) == ["ran"] and bench.told == 2


async def test_many_at_once(bench: Bench) -> None:
    launches = [bench.raw("echo", str(number)) for number in range(40)]
    for launch in launches:
        await bench.submit(launch)
    for number, launch in enumerate(launches):
        await bench.end(launch)
        assert bench.text(launch) == [str(number)]
    await until(lambda: all(gone(bench.pids(launch)[0]) for launch in launches))


def test_only_devices_that_are_not_there_can_never_be_had(tmp_path: Path) -> None:
    from flyte_core.layout import Layout
    from flyte_server.executors.process import ProcessExecutor

    executor = ProcessExecutor(Layout(tmp_path))
    there = executor.slots()
    assert (there.cpu or 0) >= 1 and (there.memory_bytes or 0) > 2**26
    assert executor.impossible(there) is None
    assert executor.impossible(ResourceRequest(cpu=10_000, memory_bytes=2**60)) is None
    for asked, words in (
        (ResourceRequest(gpu=there.gpu + 2, device="A100"), f"{there.gpu + 2} GPUs (A100); "),
        (ResourceRequest(gpu=1, device_kind="TPU", device="v5p"), "1 TPU (v5p); this machine has none"),
    ):
        assert words in (executor.impossible(asked) or "")
